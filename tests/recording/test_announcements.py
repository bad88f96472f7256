"""Nothing that was decided is lost: neither by an error in who hears of it, nor by Ctrl-C at any line."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from engines import decided, engine, evaluate, loop, reporting, through_json, timeless
from ignite.engine import Engine, Events
from interruptions import Training, differences, lines_of
from lr_runs import sgd, values
from torch.optim.lr_scheduler import LRScheduler, StepLR

from ignite_delayed import (
    Constant,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    StateError,
    adjust_lr,
    delay,
    stop_when,
)

LOW = Metric("loss") < 0.5


class BrokenError(Exception):
    """What a user's function raises."""


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Training().run().outcome()


@pytest.fixture(scope="module")
def count() -> int:
    return lines_of(Training().run)


@pytest.mark.parametrize("part", range(30))
def test_a_run_that_is_cut_at_any_line_and_resumed_ends_as_the_undisturbed_one(
    part: int, count: int, undisturbed: dict[str, Any]
) -> None:
    # A sample: 30 lines, one of each part of the run; all of them are those of benchmarks/interrupts.py.
    assert differences(1 + (count - 1) * part // 29, undisturbed) == []


class Run:
    """A gate whose opening is heard by a function that raises once, and others that move at the same record."""

    def __init__(self, broken: bool = True) -> None:
        self.heard: list[str] = []
        self.broken = broken
        self.trainer, self.evaluator = loop(loss=[0.9, 0.8, 0.4, 0.3, 0.2, 0.1])
        self.recorder, self.optimizer = Recorder(self.trainer, self.evaluator), sgd(1.0)
        low = Metric("loss") < 0.5
        for name in ("first", "second"):
            gate = Gate(self.recorder, until=low, name=name)
            gate.on_open(self.hear)
            gate.on_open(lambda gate: self.heard.append(f"{gate.name} again"))
        phases = [Phase(Constant(0.5), per="epoch", until=low), Phase(Constant(0.25), per="epoch")]
        self.phases = LRPhases(self.recorder, self.optimizer, phases)
        self.stopper = stop_when(self.recorder, low)

    def hear(self, gate: Gate) -> None:
        self.heard.append(gate.name)
        if self.broken and gate.name == "first":
            raise BrokenError

    def run(self) -> Run:
        self.trainer.run([0] * 2, max_epochs=6)
        return self

    def look(self) -> dict[str, Any]:
        return {
            "heard": self.heard,
            "records": timeless(self.recorder.history),
            "marks": decided(self.recorder.history),
            "switches": [tuple(switch) for switch in self.phases.switches],
            "reason": (self.stopper.reason, vars(self.trainer.state)["stop_reason"]),
            "rates": values(self.optimizer),
            "epoch": self.trainer.state.epoch,
        }


@pytest.fixture
def broken() -> Run:
    run = Run()
    run.trainer.logger.disabled = run.evaluator.logger.disabled = True
    with pytest.raises(BrokenError):
        run.run()
    return run


class TestAnErrorInOneWhoHears:
    def test_keeps_nobody_else_from_hearing_nor_anything_from_its_effect(self, broken: Run) -> None:
        assert broken.look() == Run(broken=False).run().look()
        assert broken.heard == ["first", "first again", "second", "second again"]

    def test_leaves_nothing_to_be_done_in_the_state_that_is_saved_then(self, broken: Run) -> None:
        run = Run()
        state = through_json(broken.recorder.state_dict())
        run.trainer.load_state_dict({"epoch_length": 2, "max_epochs": 6, "iteration": 6})
        run.recorder.load_state_dict(state)
        run.run()
        assert run.trainer.state.epoch == 3
        assert {**run.look(), "heard": broken.heard} == broken.look()


class Interrupted(Run):
    """The first who hears is interrupted."""

    def hear(self, gate: Gate) -> None:
        self.heard.append(gate.name)
        if self.broken and gate.name == "first":
            raise KeyboardInterrupt


class TestCtrlCInOneWhoHears:
    @pytest.fixture
    def cut(self) -> Run:
        run = Interrupted()
        with pytest.raises(KeyboardInterrupt):
            run.run()
        assert run.heard == ["first"]
        return run

    def test_is_raised_at_once_and_the_others_hear_when_the_run_goes_on(self, cut: Run) -> None:
        cut.trainer.run([0] * 2, max_epochs=6)
        # Ignite takes the generator of the run that raised for one that is done.
        cut.trainer.run([0] * 2, max_epochs=6)
        assert cut.look() == Run(broken=False).run().look()

    def test_and_the_others_hear_when_the_state_is_resumed_elsewhere(self, cut: Run) -> None:
        state = through_json(cut.recorder.state_dict())
        assert [entry["name"] for entry in state["announcements"]][:2] == ["first", "second"]
        run = Run(broken=False)
        run.heard = list(cut.heard)
        run.trainer.load_state_dict({"epoch_length": 2, "max_epochs": 6, "iteration": 6})
        run.recorder.load_state_dict(state)
        assert run.heard == ["first"]
        run.run()
        assert run.look() == Run(broken=False).run().look()

    def test_what_was_removed_says_nothing_more(self, cut: Run) -> None:
        cut.recorder.gates[1].remove()
        for _ in range(2):
            cut.trainer.run([0] * 2, max_epochs=6)
        assert cut.heard == ["first", "first again"]

    @pytest.mark.parametrize(
        "damaged",
        [
            "no",
            [1],
            [{}],
            [{"name": 1, "record": None, "left": 0}],
            [{"name": "first", "record": None, "left": 0}],
            [{"name": "first", "record": None, "left": -1}],
        ],
    )
    def test_damage_to_what_is_still_to_be_said_is_refused(self, cut: Run, damaged: Any) -> None:
        run, state = Run(), cut.recorder.state_dict()
        before = run.look() | {"reason": None}
        with pytest.raises(StateError, match="announcement"):
            run.recorder.load_state_dict({**state, "announcements": damaged})
        vars(run.trainer.state).setdefault("stop_reason", None)
        assert run.look() | {"reason": None} == before


class TestAFactoryThatFails:
    """It is called again at the next event, and nothing else waits for it."""

    def build(self, failures: int) -> tuple[Engine, Recorder, torch.optim.Optimizer, LRPhases, list[str]]:
        left = [failures]

        def factory(optimizer: torch.optim.Optimizer) -> LRScheduler:
            scheduler = StepLR(optimizer, 1, 0.5)  # it has touched the optimizer when it fails
            if any(group["lr"] == 0.5 for group in optimizer.param_groups) and left[0] and trial:
                left[0] -= 1
                raise BrokenError
            return scheduler

        trial: list[bool] = []
        optimizer = sgd(1.0)
        trainer = engine(lambda engine, batch: optimizer.step())
        evaluator = reporting(trainer, loss=[0.9, 0.8, 0.4, 0.3, 0.2, 0.1])
        evaluate(trainer, evaluator)
        recorder, low = Recorder(trainer, evaluator), Metric("loss") < 0.5
        first, second = Phase(Constant(0.5), per="epoch", until=low), Phase(factory, per="epoch")
        phases = LRPhases(recorder, optimizer, [first, second])
        trial.append(True)
        heard: list[str] = []
        Gate(recorder, until=low, name="gate").on_open(lambda gate: heard.append(gate.name))
        return trainer, recorder, optimizer, phases, heard

    def test_leaves_the_optimizer_and_the_phase_as_they_were_and_others_hear(self) -> None:
        trainer, _, optimizer, phases, heard = self.build(1)
        trainer.logger.disabled = True
        with pytest.raises(BrokenError):
            trainer.run([0] * 2, max_epochs=6)
        assert (phases.index, values(optimizer), heard) == (0, [0.5], ["gate"])
        assert optimizer.param_groups[0]["initial_lr"] == 1.0  # as the first phase noted it

    def test_is_made_up_for_by_the_run_that_goes_on(self) -> None:
        undisturbed = self.build(0)
        undisturbed[0].run([0] * 2, max_epochs=6)
        trainer, recorder, optimizer, phases, _ = self.build(1)
        trainer.logger.disabled = True
        with pytest.raises(BrokenError):
            trainer.run([0] * 2, max_epochs=6)
        state = copy.deepcopy([trainer.state_dict(), optimizer.state_dict(), recorder.state_dict()])
        trainer, recorder, optimizer, phases, _ = self.build(0)
        trainer.load_state_dict(state[0])
        optimizer.load_state_dict(state[1])
        recorder.load_state_dict(state[2])
        trainer.run([0] * 2, max_epochs=6)
        assert [tuple(switch) for switch in phases.switches] == [tuple(switch) for switch in undisturbed[3].switches]
        assert values(optimizer) == values(undisturbed[2])
        assert decided(recorder.history)[::-1] == decided(undisturbed[1].history)


def test_an_evaluation_within_a_listener_is_recorded_after_all_of_the_first_was_announced() -> None:
    trainer, evaluator = loop(loss=[0.9, 0.1, 0.1])
    other = engine()
    recorder = Recorder(trainer, {"val": evaluator, "test": other})
    opened = Gate(recorder, when=Metric("val/loss") < 0.5, name="first")
    Gate(recorder, until=Metric("val/loss") < 0.5, name="second")
    opened.on_open(lambda gate: other.run([0]))
    trainer.run([0], max_epochs=2)
    assert [mark.name for mark in recorder.history.marks] == ["first", "second"]
    assert [record.source for record in recorder.history] == ["val", "val", "test"]


class TestWhatIsRemovedByOneWhoHears:
    """The loss is low from epoch 2 of 4 on: ``Gate`` "first" opens there, and who hears of it removes something."""

    def build(self) -> tuple[Engine, Engine, Recorder, Gate]:
        trainer, evaluator = loop(loss=[0.9, 0.1, 0.1, 0.1])
        recorder = Recorder(trainer, evaluator)
        return trainer, evaluator, recorder, Gate(recorder, until=LOW, name="first")

    def test_a_stopper_stops_no_more(self) -> None:
        trainer, _, recorder, first = self.build()
        stopper = stop_when(recorder, LOW)
        first.on_open(stopper.remove)
        trainer.run([0], max_epochs=4)
        assert trainer.state.epoch == 4

    def test_not_even_by_itself(self) -> None:
        trainer, _, recorder, _ = self.build()
        stopper = stop_when(recorder, LOW)
        stopper.on_open(stopper.remove)
        trainer.run([0], max_epochs=4)
        assert trainer.state.epoch == 4

    def test_a_gate_is_heard_no_more(self) -> None:
        trainer, _, _, first = self.build()
        heard: list[int] = []
        first.on_open(first.remove)
        first.on_open(lambda: heard.append(1))
        trainer.run([0], max_epochs=4)
        assert heard == []

    @pytest.mark.parametrize("whose", ["evaluator", "trainer"])
    @pytest.mark.parametrize("event", [Events.COMPLETED, Events.EPOCH_COMPLETED, Events.EPOCH_COMPLETED(every=1)])
    def test_a_delayed_handler_is_called_no_more(self, whose: str, event: Any) -> None:
        trainer, evaluator, recorder, first = self.build()
        called: list[int] = []
        of = evaluator if whose == "evaluator" else trainer
        if event == Events.COMPLETED and of is trainer:
            trainer.add_event_handler(Events.COMPLETED, lambda: evaluator.run([0]))
        handle = delay(recorder, lambda: called.append(trainer.state.epoch), until=LOW, engine=of, event=event)
        first.on_open(handle.remove)
        trainer.run([0], max_epochs=4)
        assert called == []

    def test_phases_switch_no_more_and_rates_are_adjusted_no_more(self) -> None:
        for build in (
            lambda recorder, optimizer: LRPhases(
                recorder, optimizer, [Phase(Constant(1.0), per="epoch", until=LOW), Phase(Constant(0.5), per="epoch")]
            ),
            lambda recorder, optimizer: adjust_lr(recorder, optimizer, {LOW: 0.5}),
        ):
            trainer, _, recorder, first = self.build()
            optimizer = sgd(1.0)
            first.on_open(build(recorder, optimizer).remove)
            trainer.run([0], max_epochs=4)
            assert values(optimizer) == [1.0]
            assert [mark.kind for mark in recorder.history.marks] == ["opened"]

    def test_the_recorder_and_all_that_hangs_on_it(self) -> None:
        trainer, _, recorder, first = self.build()
        heard: list[int] = []
        Gate(recorder, until=LOW, name="second").on_open(lambda: heard.append(1))
        stop_when(recorder, LOW)
        first.on_open(recorder.remove)
        trainer.run([0], max_epochs=4)
        assert (heard, trainer.state.epoch) == ([], 4)

    def test_the_rest_is_announced_still_though_what_failed_was_removed(self) -> None:
        trainer, _, recorder, first = self.build()
        optimizer, heard = sgd(1.0), list[int]()

        tried: list[bool] = []

        def factory(optimizer: torch.optim.Optimizer) -> LRScheduler:
            if tried:
                raise BrokenError
            return StepLR(optimizer, 1)

        first.remove()
        second = Phase(factory, per="epoch")
        phases = LRPhases(recorder, optimizer, [Phase(Constant(1.0), per="epoch", until=LOW), second])
        tried.append(True)
        Gate(recorder, until=LOW, name="removes").on_open(phases.remove)
        Gate(recorder, until=LOW, name="after").on_open(lambda: heard.append(trainer.state.epoch))
        trainer.logger.disabled = True
        with pytest.raises(BrokenError):
            trainer.run([0], max_epochs=4)
        assert heard == [2]


def test_a_gate_that_an_evaluation_within_a_listener_closes_has_opened_before() -> None:
    trainer, evaluator = loop(loss=[0.9, 0.1])
    other = reporting(trainer, worse=[0.0, 1.0])
    recorder = Recorder(trainer, {"val": evaluator, "test": other})
    evaluate(trainer, other, Events.ITERATION_COMPLETED(once=1))
    Gate(recorder, until=Metric("val/loss") < 0.5, name="first").on_open(lambda: other.run([0]))
    calm = Metric("test/worse") < 0.5
    Gate(recorder, when=(Metric("val/loss") < 0.5) & calm, name="second")
    trainer.run([0], max_epochs=2)
    marks = [(mark.name, mark.kind) for mark in recorder.history.marks]
    assert marks == [("first", "opened"), ("second", "opened"), ("second", "closed")]
