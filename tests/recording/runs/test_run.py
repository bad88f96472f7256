"""Inside or outside of run(), a new run or the same, and the stopwatch."""

from __future__ import annotations

import contextlib
import gc
import inspect
import math
import sys
from typing import Any

import pytest
from engines import engine, handler_table, loop
from ignite.engine import Engine, Events

from ignite_delayed import After, Recorder, stop_when
from ignite_delayed.recording.runs.run import TrainerRun


class Clock:
    """A clock that the tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def noting(run: TrainerRun, trainer: Engine, event: Any) -> list[tuple[bool, bool]]:
    """At each ``event``: whether we are inside, and whether it is a new run."""
    seen: list[tuple[bool, bool]] = []
    trainer.add_event_handler(event, lambda: seen.append((run.inside(), run.begins())))
    return seen


@pytest.mark.parametrize("resumable", [True, False])
def test_each_run_is_new_once(monkeypatch: pytest.MonkeyPatch, resumable: bool) -> None:
    monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
    trainer = engine()
    run = TrainerRun(trainer)
    seen = noting(run, trainer, Events.STARTED | Events.EPOCH_STARTED)
    assert (run.inside(), run.begun()) == (False, False)
    for _ in range(2):
        trainer.run([0], max_epochs=2)
        assert (run.inside(), run.begun()) == (False, False)
    assert seen == [(True, True), (True, False), (True, False)] * 2


@pytest.mark.parametrize("resumable", [True, False])
def test_a_run_that_begins_was_not_begun(monkeypatch: pytest.MonkeyPatch, resumable: bool) -> None:
    monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
    trainer = engine()
    run = TrainerRun(trainer)
    seen: list[bool] = []

    @trainer.on(Events.STARTED)
    def started() -> None:
        seen.append(run.begun())
        run.begins()
        seen.append(run.begun())

    for _ in range(2):
        trainer.run([0])
    assert seen == [False, True] * 2


def test_an_interrupted_run_goes_on_and_is_outside_in_between() -> None:
    trainer = engine()
    run = TrainerRun(trainer)
    seen = noting(run, trainer, Events.STARTED | Events.ITERATION_STARTED)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=2), lambda engine: engine.interrupt())
    trainer.run([0] * 3)
    assert (run.inside(), run.begun()) == (False, False)
    trainer.run([0] * 3)
    assert seen == [(True, True), (True, False), (True, False), (True, False)]


@pytest.mark.parametrize("resumable", [True, False])
def test_the_run_after_an_exception_is_new(monkeypatch: pytest.MonkeyPatch, resumable: bool) -> None:
    monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
    fails = [True]

    def step(engine: Engine, batch: Any) -> None:
        if fails[0]:
            raise ValueError("broken batch")

    trainer = engine(step)
    run = TrainerRun(trainer)
    seen = noting(run, trainer, Events.STARTED)
    with pytest.raises(ValueError, match="broken batch"):
        trainer.run([0])
    fails[0] = False
    if resumable:
        assert not run.inside()
        assert trainer.run([0]) is None
    trainer.run([0])
    assert seen == [(True, True)] * 2


class TestSeconds:
    @staticmethod
    def _trainer(clock: Clock) -> tuple[Engine, TrainerRun, list[float]]:
        """Each iteration takes a second; the clock is read at the start of each epoch."""

        def step(engine: Engine, batch: Any) -> None:
            clock.now += 1
            if batch == "fail":
                raise ValueError("broken batch")

        trainer = engine(step)
        run, read = TrainerRun(trainer), list[float]()

        @trainer.on(Events.EPOCH_STARTED | Events.COMPLETED)
        def look() -> None:
            run.begins()
            read.append(run.seconds())

        return trainer, run, read

    def test_they_pass_inside_of_run_only(self, clock: Clock) -> None:
        trainer, run, read = self._trainer(clock)
        trainer.run([0, 0], max_epochs=2)
        clock.now += 100
        assert run.seconds() == 4
        trainer.run([0, 0], max_epochs=3)
        assert run.seconds() == 6
        assert [seconds for seconds in read if seconds < 5][:2] == [0, 2]

    def test_they_stand_still_while_interrupted(self, clock: Clock) -> None:
        trainer, run, _ = self._trainer(clock)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=2), lambda engine: engine.interrupt())
        trainer.run([0, 0], max_epochs=2)
        clock.now += 100
        assert run.seconds() == 2
        trainer.run([0, 0], max_epochs=2)
        assert run.seconds() == 4

    @pytest.mark.parametrize(
        "event",
        [
            Events.STARTED,
            Events.EPOCH_STARTED,
            Events.GET_BATCH_COMPLETED,
            Events.ITERATION_COMPLETED,
            Events.EPOCH_COMPLETED,
        ],
    )
    def test_they_go_on_with_an_interrupted_run_whoever_reads_them(self, clock: Clock, event: Events) -> None:
        trainer = engine(lambda engine, batch: setattr(clock, "now", clock.now + 1))
        run = TrainerRun(trainer)
        trainer.add_event_handler(Events.STARTED, lambda: None if run.begins() else pytest.fail("is the same run"))
        before = handler_table(trainer)
        handle = trainer.add_event_handler(event, lambda engine: engine.interrupt())
        trainer.run([0, 0], max_epochs=2)
        interrupted = trainer.state.iteration
        clock.now += 100
        assert run.seconds() == interrupted
        handle.remove()
        trainer.run([0, 0], max_epochs=2)
        assert run.seconds() == 4
        assert handler_table(trainer) == before

    def test_where_an_exception_is_dealt_with_they_are_those_until_now(self, clock: Clock) -> None:
        trainer, run, _ = self._trainer(clock)
        try:
            trainer.run([0, "fail"], max_epochs=2)
        except ValueError:
            assert run.seconds() == 2
        clock.now += 100
        assert run.seconds() == 2
        try:
            raise KeyError("of somebody else's")
        except KeyError:
            assert run.seconds() == 2

    def test_after_an_exception_they_stand_where_the_clock_was_read_last(self, clock: Clock) -> None:
        trainer, run, _ = self._trainer(clock)
        with pytest.raises(ValueError, match="broken batch"):
            trainer.run([0, "fail"], max_epochs=2)
        clock.now += 100
        assert run.seconds() == 0
        trainer.run([0, 0])  # lost: Ignite holds on to the generator that raised
        trainer.run([0, 0])
        assert run.seconds() == 2

    @pytest.mark.parametrize("where", ["batch", "epoch"])
    def test_they_count_until_an_exception_that_a_handler_dealt_with(self, clock: Clock, where: str) -> None:
        trainer, run, _ = self._trainer(clock)
        trainer.logger.disabled = True

        def fail_late(engine: Engine) -> None:
            clock.now += 5
            raise ValueError("broken")

        if where == "epoch":
            trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), fail_late)
        trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda engine, error: engine.terminate())
        trainer.run([0, "fail"] if where == "batch" else [0, 0], max_epochs=2)
        clock.now += 100
        assert run.seconds() == (2 if where == "batch" else 9)

    def test_they_count_until_a_run_that_is_terminated_without_its_end(self, clock: Clock) -> None:
        trainer, run, _ = self._trainer(clock)
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED(once=3), lambda engine: engine.terminate(skip_completed=True)
        )
        trainer.run([0, 0], max_epochs=2)
        clock.now += 100
        assert run.seconds() == 3
        trainer.run([0, 0], max_epochs=3)
        assert run.seconds() == trainer.state.iteration > 3

    def test_of_an_exception_that_is_dealt_with_nowhere_the_epoch_is_lost_at_most(self, clock: Clock) -> None:
        def step(engine: Engine, batch: Any) -> None:
            clock.now += 1
            if engine.state.iteration == 6:
                raise ValueError("broken batch")

        trainer = engine(step)
        trainer.logger.disabled = True
        recorder = Recorder(trainer, engine())
        with contextlib.suppress(ValueError):
            trainer.run([0, 0], max_epochs=4)
        clock.now += 100
        assert recorder.state_dict()["seconds"] == 4

    def test_they_can_be_set(self, clock: Clock) -> None:
        trainer, run, read = self._trainer(clock)
        run.set_spent(10.0)
        trainer.add_event_handler(Events.EPOCH_STARTED(once=2), lambda: run.set_spent(50.0))
        trainer.run([0], max_epochs=2)
        assert run.seconds() == 51
        assert read == [10, 11, 51]


def test_the_planned_length_of_the_run() -> None:
    trainer = engine()
    run, seen = TrainerRun(trainer), list[int | None]()
    assert run.planned() is None
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda: seen.append(run.planned()))
    trainer.run([0] * 4, max_epochs=2)
    trainer.state.max_epochs = None
    trainer.state.epoch_length = None
    trainer.run(iter([0] * 4), max_epochs=1)
    assert seen == [8, 8, None]
    assert run.planned() == 4


@pytest.mark.skipif(
    "max_iters" not in inspect.signature(Engine.run).parameters, reason="run(max_iters=) came with Ignite 0.5.5"
)
def test_the_planned_length_of_a_run_counted_in_iterations() -> None:
    trainer = engine()
    run, seen = TrainerRun(trainer), list[int | None]()
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda: seen.append(run.planned()))
    trainer.run([0] * 4, max_iters=10)
    assert seen == [10, 10, 10]


def test_it_does_not_keep_the_trainer() -> None:
    run = TrainerRun(engine())
    gc.collect()
    assert not run.inside()
    with pytest.raises(RuntimeError, match="does not exist any more: build a new recorder"):
        _ = run.trainer


@pytest.mark.parametrize(
    ("epochs", "planned"), [(sys.maxsize, 2**63 - 1), (10**17, 2**63 - 1), (math.inf, None), (10**15, 10**17)]
)
def test_a_run_that_is_planned_to_go_on_for_ever_is_recorded(epochs: Any, planned: int | None) -> None:
    trainer, evaluator = loop(loss=[0.5] * 3)
    recorder = Recorder(trainer, evaluator)
    stop_when(recorder, After(evaluations=2))
    trainer.run([0] * 100, max_epochs=epochs)
    assert [record.planned for record in recorder.history] == [planned] * 3
    other = loop(loss=[0.5])
    again = Recorder(*other)
    stop_when(again, After(evaluations=2))
    again.load_state_dict(recorder.state_dict())
    assert again.history == recorder.history


class TestAnEngineHasALoopOfItsOwn:
    """Where it fires the events of a loop outside of Ignite's ``run()``."""

    @pytest.mark.parametrize("event", [Events.STARTED, Events.EPOCH_STARTED, Events.ITERATION_COMPLETED])
    def test_told_by_an_event_of_a_loop_without_a_run(self, event: Any) -> None:
        trainer = engine()
        run = TrainerRun(trainer)
        trainer.fire_event(event)
        assert run.has_own_loop() is True

    @pytest.mark.parametrize("event", [Events.COMPLETED, Events.TERMINATE, Events.EXCEPTION_RAISED, Events.INTERRUPT])
    def test_and_not_by_one_that_ends_a_run(self, event: Any) -> None:
        trainer = engine()
        run = TrainerRun(trainer)
        trainer.last_event_name = event
        assert run.has_own_loop() is False

    def test_nor_before_the_first_event_nor_in_ignites_own_run_nor_after_it(self) -> None:
        trainer = engine()
        run = TrainerRun(trainer)
        seen = [run.has_own_loop()]
        for event in (Events.STARTED, Events.ITERATION_STARTED, Events.EPOCH_COMPLETED):
            trainer.add_event_handler(event, lambda: seen.append(run.has_own_loop()))
        trainer.run([0])
        assert [*seen, run.has_own_loop()] == [False] * 5

    def test_which_cannot_be_told_where_ignite_keeps_no_generator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", False)
        trainer = engine()
        run = TrainerRun(trainer)
        trainer.fire_event(Events.EPOCH_STARTED)
        assert run.has_own_loop() is False

    def test_nor_of_one_that_is_gone(self) -> None:
        trainer = engine()
        run = TrainerRun(trainer)
        del trainer
        gc.collect()
        assert run.has_own_loop() is False
