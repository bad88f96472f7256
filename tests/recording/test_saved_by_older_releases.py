"""Histories and states that releases wrote before this one are read, and runs are resumed from them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, evaluate, inf, nan, reporting
from ignite.engine import Engine, Events
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Cosine,
    Gate,
    History,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Record,
    Recorder,
    adjust_lr,
    delay,
    delay_early_stopping,
    stop_when,
    warmup,
)

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

TRAIN = [inf, 0.6, 0.45, 0.35, 0.3, 0.25, 0.2, 0.18, 0.15, 0.12, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05]
VAL = [0.9, 0.7, 0.5, 0.45, nan, 0.4, 0.42, 0.41, 0.34, 0.35, 0.36, 0.37, 0.38, 0.39, 0.4, 0.41]
LENGTH = 4  # batches in an epoch


def sgd(lr: float) -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def reduce_on_plateau(optimizer: Optimizer) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(optimizer, factor=0.5, patience=1)


class Counting:
    """A handler of the user with a state."""

    def __init__(self) -> None:
        self.iterations: list[int] = []

    def __call__(self, engine: Engine) -> None:
        self.iterations.append(engine.state.iteration)

    def state_dict(self) -> dict[str, Any]:
        return {"iterations": list(self.iterations)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.iterations = list(state["iterations"])


class Run:
    """The run that was saved: 13 of at most 16 epochs of a quarter of a second a batch."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rates: dict[int, list[str]] = {}
        self.optimizers = {"phased": sgd(1.0), "adjusted": sgd(0.1)}
        self.trainer = engine(self.step)
        train, val = reporting(self.trainer, loss=TRAIN), reporting(self.trainer, loss=VAL)
        for evaluator in (train, val):
            evaluate(self.trainer, evaluator)
        self.recorder = Recorder(self.trainer, {"train": train, "val": val}, optimizer=self.optimizers)
        Gate(self.recorder, until=(Metric("val/loss") < 0.6).sustained(evaluations=2), name="latched")
        Gate(self.recorder, when=After(iterations=6), name="clock")
        Gate(self.recorder, when=Metric("val/loss") - Metric("train/loss") > 0.2, name="follows")
        self.early = delay_early_stopping(
            self.recorder, "val/loss", mode="min", patience=4, until=After(epochs=3), while_closed="track"
        )
        stop_when(self.recorder, (Metric("train/loss") < 0.01).sustained(evaluations=2), name="perfect")
        self.counting = Counting()
        delay(self.recorder, self.counting, until=After(epochs=2), engine=self.trainer, event=Events.EPOCH_COMPLETED)
        until = Plateau("val/loss", mode="min", patience=2)
        self.phases = LRPhases(
            self.recorder,
            self.optimizers["phased"],
            [
                Phase(warmup(iterations=6), per="iteration"),
                Phase(Cosine(iterations=60), per="iteration", until=until),
                Phase(reduce_on_plateau, monitor="val/loss", mode="min"),
            ],
        )
        factors = {Metric("val/loss") < 0.5: 0.9, Metric("train/loss") > 0.5: 1.25}
        adjust_lr(self.recorder, self.optimizers["adjusted"], factors, max_lr=0.11)

    def step(self, engine: Engine, batch: Any) -> None:
        self.now += 0.25
        self.rates[engine.state.iteration] = self.rates_now()
        for optimizer in self.optimizers.values():
            optimizer.step()

    def rates_now(self) -> list[str]:
        return [digits(optimizer.param_groups[0]["lr"]) for optimizer in self.optimizers.values()]

    def run(self) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.monotonic", lambda: self.now)
            self.trainer.run([0] * LENGTH, max_epochs=16)
        return self

    def resume(self, state: dict[str, Any]) -> Run:
        """Load ``state``, as was done before the run is continued."""
        self.trainer.load_state_dict({"iteration": state["iteration"], "epoch_length": LENGTH, "max_epochs": 16})
        self.recorder.load_state_dict(state)
        return self

    def look(self) -> dict[str, Any]:
        """All that the run decided so far."""
        return {
            "clock": (self.trainer.state.epoch, self.trainer.state.iteration),
            "gates": [
                (gate.name, gate.is_open, gate.opened_at and gate.opened_at.clock, str(gate.explain()))
                for gate in self.recorder.gates
            ],
            "stop": (self.early.reason, self.early.best_score, self.early.counter),
            "records": [comparable(record) for record in self.recorder.history],
            "marks": [mark[:7] for mark in self.recorder.history.marks],
            "counting": list(self.counting.iterations),
            "phase": self.phases.index,
            "switches": [switched[:4] for switched in self.phases.switches],
            "rates": self.rates_now(),
        }


def digits(value: float) -> str:
    """``value`` without the last digits, of which a cosine has others elsewhere."""
    return f"{value:.12g}"


def comparable(record: Record) -> tuple[Any, ...]:
    values = {name: digits(value) for name, value in record.values.items()}
    return (*record.clock, record.planned, record.source, values)


def read(name: str) -> Any:
    path = FIXTURES / name
    if path.suffix == ".pt":
        return torch.load(path, weights_only=True)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def undisturbed() -> Run:
    run = Run().run()
    assert run.trainer.state.epoch == 13
    return run


@pytest.fixture(scope="module")
def history() -> History:
    return History.load(FIXTURES / "history-v1.jsonl")


class TestAHistory:
    def test_has_its_records(self, history: History, undisturbed: Run) -> None:
        assert [comparable(record) for record in history] == undisturbed.look()["records"]
        assert history.sources == ["train", "val"]
        assert [record.iteration for record in history if record.is_tick] == [7, 8]
        values = [value for record in history for value in record.values.values()]
        assert (sum(map(math.isnan, values)), sum(map(math.isinf, values))) == (1, 1)

    def test_has_its_marks(self, history: History, undisturbed: Run) -> None:
        assert [mark[:7] for mark in history.marks] == undisturbed.look()["marks"]
        assert {mark.kind for mark in history.marks} == {"opened", "closed", "stopped", "switched", "adjusted"}

    def test_is_the_one_in_the_state(self, history: History) -> None:
        part = History()
        part.load_state_dict(read("state-v1.json")["history"])
        assert [repr(record) for record in part] == [repr(record) for record in history][: len(part)]
        assert [mark[:7] for mark in part.marks] == [mark[:7] for mark in history.marks][: len(part.marks)]
        assert len(part) == 12


@pytest.mark.parametrize("name", ["state-v1.json", "state-v1.pt", "state-v1-late.json"])
class TestAState:
    """Saved in the middle of an epoch: before, and late, while torch's own scheduler had the rate."""

    @pytest.fixture
    def state(self, name: str) -> Any:
        state = read(name)
        if "late" in name:
            present = reduce_on_plateau(sgd(1.0)).state_dict().keys()
            if not present <= state["handlers"]["lr"]["drive"][-1].keys():
                pytest.skip("of another torch's scheduler")
        return state

    def test_is_taken_over_whole(self, state: Any) -> None:
        saved: list[Any] = []
        run = Run()
        at = Events.ITERATION_COMPLETED(once=state["iteration"])
        run.trainer.add_event_handler(at, lambda: saved.append(run.look()))
        run.run()
        resumed = Run().resume(state)
        assert resumed.look() == {**saved[0], "clock": (state["iteration"] // LENGTH, state["iteration"])}

    def test_is_saved_again_as_it_was(self, state: Any) -> None:
        run = Run().resume(state)  # a recorder does not keep its trainer
        again = run.recorder.state_dict()
        assert again.keys() == state.keys() | {"checksum"}
        assert [built is None for built in again["handlers"]["lr"].pop("tried")] == [True, True, False]  # since then
        for key in state.keys() - {"history"}:
            assert json.dumps(again[key]) == json.dumps(state[key])

    def test_resumes_to_the_end_of_the_undisturbed_run(self, state: Any, undisturbed: Run) -> None:
        resumed = Run().resume(state).run()
        assert resumed.look() == undisturbed.look()
        rest = {iteration: rates for iteration, rates in undisturbed.rates.items() if iteration > state["iteration"]}
        assert resumed.rates == rest
