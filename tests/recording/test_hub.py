"""What hangs on a recorder: in which order it hears, is shown, saved, loaded and removed, and what a load leaves."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, evaluate, loop, reporting, unsealed
from ignite.engine import Engine, Events
from ignite.handlers.tensorboard_logger import TensorboardLogger
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Constant,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    RecorderHandler,
    StateError,
    adjust_lr,
    delay,
    delay_early_stopping,
    stop_when,
)


def sgd(lr: float = 1.0) -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def rate(optimizer: torch.optim.Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


def describe(recorder: Recorder) -> list[str]:
    """The names in the rows of the status, in order."""
    lines = [line.strip() for line in str(recorder.status()).splitlines() if line.startswith("  ")]
    return [re.split(r"  +", line, maxsplit=1)[0] for line in lines]


class TestALoadInMidRun:
    """The clock is looked at again at the iteration that follows."""

    @pytest.mark.parametrize("whole", [True, False], ids=["of the recorder", "of the gate"])
    def test_lets_the_clock_open_a_gate_that_had_nothing_left_to_wait_for(self, whole: bool) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(iterations=2))
        part: Any = recorder if whole else gate
        saved: list[Any] = []
        opened: list[int] = []
        gate.on_open(lambda gate: opened.append(trainer.state.iteration))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda: saved.append(part.state_dict()))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), lambda: part.load_state_dict(saved[0]))
        trainer.run([0] * 10, max_epochs=1)
        assert opened == [3, 6]
        assert gate.opened_at is not None
        assert gate.opened_at.iteration == 6

    @pytest.mark.parametrize("whole", [True, False], ids=["of the recorder", "of the gate"])
    def test_lets_the_clock_close_a_gate_that_waited_for_a_later_point(self, whole: bool) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, when=After(iterations=2) & ~After(iterations=4))
        Gate(recorder, until=After(iterations=9), name="later")
        part: Any = recorder if whole else gate
        saved: list[Any] = []
        states: list[bool] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda: saved.append(part.state_dict()))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), lambda: part.load_state_dict(saved[0]))
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: states.append(gate.is_open))
        trainer.run([0] * 8, max_epochs=1)
        assert states == [False, False, True, True, False, True, False, False]

    def test_lets_the_clock_end_a_phase(self) -> None:
        trainer, evaluator, optimizer = engine(), engine(), sgd()
        recorder = Recorder(trainer, evaluator)
        held = Phase(Constant(0.5), per="iteration", until=After(iterations=2))
        phases = LRPhases(recorder, optimizer, [held, Phase(Constant(0.25), per="iteration")])
        saved: list[Any] = []
        rates: list[float] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: rates.append(rate(optimizer)))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda: saved.append(recorder.state_dict()))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), lambda: recorder.load_state_dict(saved[0]))
        trainer.run([0] * 8, max_epochs=1)
        assert [switched.iteration for switched in phases.switches] == [5]
        assert rates == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]


class Noting(Engine):
    """An engine that notes the events whose handlers are taken off."""

    def __init__(self, removed: list[str]) -> None:
        super().__init__(lambda engine, batch: None)
        self.removed = removed

    def remove_event_handler(self, handler: Callable[..., Any], event_name: Any) -> None:
        self.removed.append(str(getattr(event_name, "value", event_name)))
        super().remove_event_handler(handler, event_name)


class NotingPhases(LRPhases):
    """Phases that note that they are removed."""

    removed: list[str]

    def remove(self) -> None:
        self.removed.append(self.name)
        super().remove()


class TestRemoving:
    def test_what_was_attached_last_is_removed_first(self) -> None:
        removed: list[str] = []
        trainer, evaluator = Noting(removed), engine()
        trainer.register_events("a", "b", "c")
        recorder = Recorder(trainer, evaluator)
        NotingPhases.removed = removed
        delay(recorder, lambda: None, until=After(epochs=1), engine=trainer, event="a")
        NotingPhases(recorder, sgd(), [Phase(Constant(0.5), per="epoch")], name="first phases")
        delay(recorder, lambda: None, until=After(epochs=1), engine=trainer, event="b")
        NotingPhases(recorder, sgd(), [Phase(Constant(0.5), per="epoch")], name="last phases")
        delay(recorder, lambda: None, until=After(epochs=1), engine=trainer, event="c")
        recorder.remove()
        parts = [name for name in removed if name in ("a", "b", "c", "first phases", "last phases")]
        assert list(dict.fromkeys(parts)) == ["c", "last phases", "b", "first phases", "a"]

    def test_what_is_gone_already_is_left_out(self) -> None:
        removed: list[str] = []
        trainer, evaluator = Noting(removed), engine()
        trainer.register_events("a", "b", "c")
        recorder = Recorder(trainer, evaluator)
        handles = [
            delay(recorder, lambda: None, until=After(epochs=1), engine=trainer, event=event)
            for event in ("a", "b", "c")
        ]
        handles[1].remove()
        recorder.remove()
        recorder.remove()
        assert [name for name in removed if name in ("a", "b", "c")] == ["b", "c", "a"]


class Watching:
    """A delayed handler with a state, which notes what it sees of the recorder when its state is loaded."""

    def __init__(self, name: str, seen: list[Any], look: Callable[[], Any]) -> None:
        self.name, self.seen, self.look = name, seen, look
        self.count = 0
        self.refused: int | None = None

    def __call__(self, engine: Engine) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.seen.append((self.name, self.look()))
        if state["count"] == self.refused:
            raise ValueError("no")
        self.count = state["count"]


class Watched:
    """A run with gates that open and a stop, and two stateful handlers that look at it while they are loaded."""

    def __init__(self) -> None:
        self.trainer, self.evaluator = loop(loss=[0.9, 0.7, 0.5, 0.3, 0.2, 0.1])
        self.recorder = Recorder(self.trainer, self.evaluator)
        self.gate = Gate(self.recorder, until=Metric("loss") < 0.8, name="low")
        self.clock = Gate(self.recorder, until=After(iterations=3), name="clock")
        self.stopper = stop_when(self.recorder, Metric("loss") < 0.4)
        self.seen: list[Any] = []
        self.first, self.second = (Watching(name, self.seen, self.look) for name in ("first", "second"))
        for handler in (self.first, self.second):
            delay(self.recorder, handler, until=After(epochs=1), name=handler.name)

    def look(self) -> Any:
        """All that a load changes, but for the handlers."""
        return {
            "open": [gate.is_open for gate in self.recorder.gates],
            "opened at": [gate.opened_at for gate in self.recorder.gates],
            "explained": [str(gate.explain()) for gate in self.recorder.gates],
            "records": list(self.recorder.history),
            "marks": self.recorder.history.marks,
            "reason": (self.stopper.reason, vars(self.trainer.state)["stop_reason"]),
            "describe": str(self.recorder.status()),
        }

    def run(self, epochs: int) -> Watched:
        if epochs:
            self.trainer.run([0] * 2, max_epochs=epochs)
        return self


@pytest.fixture(scope="module")
def stopped() -> dict[str, Any]:
    """The state of a run that was stopped."""
    run = Watched().run(6)
    assert run.trainer.state.epoch == 4
    return run.recorder.state_dict()


class TestLoading:
    @pytest.mark.parametrize("epochs", [0, 1])
    def test_handlers_are_loaded_in_order_before_anything_else_has_changed(
        self, epochs: int, stopped: dict[str, Any]
    ) -> None:
        run = Watched().run(epochs)
        before = run.look()
        run.recorder.load_state_dict(stopped)
        assert run.seen == [("first", before), ("second", before)]
        assert run.look() != before
        assert run.stopper.reason == vars(run.trainer.state)["stop_reason"] == "Metric('loss') < 0.4 held"
        assert (run.first.count, run.second.count, len(run.recorder.history)) == (3, 3, 6)

    @pytest.mark.parametrize("epochs", [0, 1, 3])
    def test_a_handler_that_refuses_leaves_all_as_it_was(self, epochs: int, stopped: dict[str, Any]) -> None:
        run = Watched().run(epochs)
        before, counts, state = run.look(), (run.first.count, run.second.count), run.recorder.state_dict()
        run.second.refused = stopped["handlers"]["second"]["count"]
        with pytest.raises(StateError, match=r"^the handler 'second' refuses its saved state: no$"):
            run.recorder.load_state_dict(stopped)
        assert run.look() == before
        assert run.recorder.state_dict() == state
        assert (run.first.count, run.second.count) == counts

    def test_after_a_refused_load_the_next_run_is_a_fresh_one(self, stopped: dict[str, Any]) -> None:
        run = Watched()
        damaged = {**unsealed(stopped), "handlers": {**stopped["handlers"], "second": {}}}
        with pytest.raises(StateError, match="the handler 'second' refuses its saved state"):
            run.recorder.load_state_dict(damaged)
        assert (run.first.count, run.second.count) == (0, 0)
        assert run.run(6).trainer.state.epoch == 4
        assert [record.epoch for record in run.recorder.history if not record.is_tick] == [1, 2, 3, 4]

    @pytest.mark.parametrize("what", ["gates", "history", "seconds", "sources"])
    def test_no_handler_is_asked_where_the_rest_is_refused(self, what: str, stopped: dict[str, Any]) -> None:
        run = Watched().run(1)
        damage: Any = {"gates": {**stopped["gates"], "stop": {}}, "sources": {"": "x"}}.get(what)
        before = run.look()
        with pytest.raises(StateError):
            run.recorder.load_state_dict({**stopped, what: damage})
        assert run.seen == []
        assert run.look() == before


class Handing:
    """Two phases on one optimizer, the second taking over from the first; gates and an adjuster in between."""

    def __init__(self) -> None:
        self.trainer, self.evaluator = loop(loss=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
        self.recorder, self.optimizer = Recorder(self.trainer, self.evaluator), sgd()
        low = Metric("loss") < 0.85
        self.removed: list[str] = []
        NotingPhases.removed = self.removed
        self.adjuster = adjust_lr(self.recorder, sgd(), {low: 0.5}, name="adjusted")
        self.parts = [
            NotingPhases(self.recorder, self.optimizer, [Phase(Constant(0.5), per="epoch", until=low)], name="early"),
            NotingPhases(
                self.recorder, self.optimizer, [Phase(None, until=low), Phase(Constant(0.1), per="epoch")], name="late"
            ),
        ]
        Gate(self.recorder, until=low, name="gate")
        self.last = NotingPhases(self.recorder, sgd(), [Phase(Constant(0.5), per="epoch")], name="other")
        delay_early_stopping(self.recorder, "loss", mode="min", patience=3, name="stopper")
        delay(self.recorder, Watching("", [], list), until=low, name="delayed")

    def orders(self) -> tuple[list[str], list[str], list[str]]:
        """The names in the rows of the status, of the gates that are saved, and of the handlers that are saved."""
        state = self.recorder.state_dict()
        return describe(self.recorder), list(state["gates"]), list(state["handlers"])


class TestOrder:
    SHOWN = ("gate", "stopper", "delayed", "early", "late", "other", "adjusted")

    def test_the_status_shows_gates_then_phases_then_adjusters_each_as_attached(self) -> None:
        assert tuple(describe(Handing().recorder)) == self.SHOWN

    def test_handlers_are_saved_in_the_order_of_attaching(self) -> None:
        assert list(Handing().recorder.state_dict()["handlers"]) == ["adjusted", "early", "late", "other", "delayed"]

    def test_phases_that_take_over_change_neither_rows_nor_saving_nor_removal(self) -> None:
        run = Handing()
        before = run.orders()
        run.trainer.run([0] * 2, max_epochs=4)
        assert [part.index for part in run.parts] == [1, 1]
        assert run.orders() == before
        assert before[0] == list(self.SHOWN)
        run.recorder.remove()
        assert run.removed == ["other", "late", "early"]

    def test_nor_does_a_load_of_phases_that_had_taken_over(self) -> None:
        saved = Handing()
        saved.trainer.run([0] * 2, max_epochs=4)
        run = Handing()
        before = run.orders()
        run.recorder.load_state_dict(saved.recorder.state_dict())
        assert run.orders() == before
        run.recorder.remove()
        assert run.removed == ["other", "late", "early"]

    def test_when_a_run_starts_afresh_what_took_over_last_gives_back_first(self) -> None:
        run = Handing()
        begun: list[float] = []
        run.trainer.add_event_handler(Events.STARTED, lambda: begun.append(rate(run.optimizer)))
        for _ in range(2):
            run.trainer.run([0] * 2, max_epochs=4)
            assert rate(run.optimizer) == 0.1  # of the rate before any phase wrote
            run.trainer.state.max_epochs = None
        assert begun == [0.5, 0.5]


class Ready:
    """Phases that end in a ready-made ReduceLROnPlateau, and a handler that is loaded after them."""

    def __init__(self) -> None:
        self.trainer, self.evaluator = loop(loss=[0.5, 0.4, 0.6, 0.7, 0.3, 0.8])
        self.recorder, self.optimizer = Recorder(self.trainer, self.evaluator), sgd()
        self.plateau = ReduceLROnPlateau(self.optimizer, factor=0.5, patience=3)
        phases = [Phase(Constant(0.5, epochs=1), per="epoch"), Phase(self.plateau, monitor="loss", mode="min")]
        self.phases = LRPhases(self.recorder, self.optimizer, phases)
        self.handler = Watching("handler", [], list)
        delay(self.recorder, self.handler, until=After(epochs=0), name="handler")

    def run(self, epochs: int) -> Ready:
        if epochs:
            self.trainer.run([0] * 2, max_epochs=epochs)
        return self

    def look(self) -> Any:
        return dict(self.plateau.state_dict()), rate(self.optimizer), self.recorder.state_dict()["handlers"]


class TestAReadyMadePlateauScheduler:
    """It is the user's object, and the same one whatever state is loaded."""

    @pytest.mark.parametrize("epochs", [0, 1, 2, 3, 5])
    @pytest.mark.parametrize("whole", [True, False], ids=["of the recorder", "of the phases"])
    def test_is_as_it_was_after_phases_refuse_their_state(self, epochs: int, whole: bool) -> None:
        state, run = unsealed(Ready().run(4).recorder.state_dict()), Ready().run(epochs)
        before = run.look()
        state["handlers"]["lr"]["drive"][-1].pop("num_bad_epochs")
        load: Any = run.recorder.load_state_dict if whole else run.phases.load_state_dict
        with pytest.raises(StateError, match="num_bad_epochs"):
            load(state if whole else state["handlers"]["lr"])
        assert run.look() == before

    @pytest.mark.parametrize("epochs", [0, 1, 2, 3, 5])
    def test_is_as_it_was_after_another_handler_refuses_its_state(self, epochs: int) -> None:
        state, run = Ready().run(4).recorder.state_dict(), Ready().run(epochs)
        before = run.look()
        run.handler.refused = state["handlers"]["handler"]["count"]
        with pytest.raises(StateError, match="the handler 'handler' refuses"):
            run.recorder.load_state_dict(state)
        assert run.look() == before

    def test_goes_on_as_if_nothing_had_been_refused(self) -> None:
        undisturbed, run = Ready().run(6), Ready().run(3)
        state = Ready().run(4).recorder.state_dict()
        run.handler.refused = state["handlers"]["handler"]["count"]
        with pytest.raises(StateError, match="refuses"):
            run.recorder.load_state_dict(state)
        run.handler.refused = None
        run.run(6)
        assert run.look() == undisturbed.look()


def texts(folder: Path) -> list[tuple[int, str]]:
    """The texts in the event files of ``folder``, with their steps, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    return sorted((event.step, tag) for tag in tags for event in accumulator.Tensors(tag))


class CutAndRunAgain:
    """A rate that changes in iteration 4, at which the first run fails; the second starts from the beginning.

    With records there is an evaluation after every iteration, and a gate that opens after the third.
    """

    def __init__(self, with_records: bool) -> None:
        self.runs = 0
        self.trainer = engine(self.step)
        evaluator = reporting(self.trainer, loss=lambda trainer: 1.0 / trainer.state.iteration)
        self.recorder = Recorder(self.trainer, evaluator)
        if with_records:
            evaluate(self.trainer, evaluator, Events.ITERATION_COMPLETED)
            Gate(self.recorder, until=Metric("loss") < 0.4, name="low")
        phases = [Phase(Constant(0.5, iterations=3), per="iteration"), Phase(Constant(0.1), per="iteration")]
        LRPhases(self.recorder, sgd(), phases)

    def step(self, engine: Engine, batch: Any) -> None:
        if self.runs == 1 and engine.state.iteration == 4:
            raise KeyError("cut")

    def run(self) -> None:
        self.trainer.logger.disabled = True
        self.runs = 1
        with pytest.raises(KeyError, match="cut"):
            self.trainer.run([0] * 6, max_epochs=1)
        self.runs, self.trainer.state.max_epochs = 2, None
        self.trainer.run([0] * 6, max_epochs=1)


@pytest.mark.parametrize(
    "with_records",
    [True, False],
    ids=["with records", "without"],
)
class TestAMarkOfTheRunBeforeThatNobodyWasTold:
    def test_is_not_in_the_history(self, with_records: bool) -> None:
        run = CutAndRunAgain(with_records)
        run.run()
        assert [mark.name for mark in run.recorder.history.marks] == ["low"] * with_records + ["lr"]

    def test_is_not_logged(self, with_records: bool, tmp_path: Path) -> None:
        run = CutAndRunAgain(with_records)
        with TensorboardLogger(log_dir=tmp_path) as logger:
            handler = RecorderHandler(run.recorder)
            logger.attach(run.trainer, log_handler=handler, event_name=Events.ITERATION_COMPLETED)
            run.run()
        low = [(3, "delayed/low/text_summary")] * with_records
        assert texts(tmp_path) == [*low, *low, (4, "delayed/lr/text_summary")]

    def test_is_not_shown(self, with_records: bool) -> None:
        run, file = CutAndRunAgain(with_records), io.StringIO()
        lines: list[str] = []
        run.recorder.status().live(file=file)

        def read() -> None:
            if run.runs == 2:
                lines.append(file.getvalue())

        run.trainer.add_event_handler(Events.ITERATION_COMPLETED, read)
        run.run()
        assert lines[0] == lines[1]
        assert lines[0].count("lr switched") == 0
        assert file.getvalue().count("lr switched") == 1
