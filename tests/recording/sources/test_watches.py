"""Watching an evaluator, and the trainer, for what they measure."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, handler_table
from ignite.engine import Engine, Events

from ignite_delayed.recording.sources.watches import EvaluatorWatch, TrainerWatch, Watch


def looks(kind: type[Watch], one: Engine) -> tuple[Watch, list[bool]]:
    """A watch, and whether it was finished each time it was read."""
    seen: list[bool] = []
    return kind(one, lambda watch, engine: seen.append(watch.finished)), seen


class TestEvaluator:
    def test_a_whole_epoch_is_finished(self) -> None:
        evaluator = engine()
        _, seen = looks(EvaluatorWatch, evaluator)
        for _ in range(2):
            evaluator.run([0, 0])
        evaluator.run([0] * 5, max_epochs=3)
        assert seen == [True, True, True]

    @pytest.mark.parametrize(
        ("event", "finished"),
        [
            (Events.STARTED, False),
            (Events.ITERATION_COMPLETED(once=1), False),
            (Events.EPOCH_COMPLETED, True),
        ],
    )
    def test_a_terminated_one_is_not_unless_it_was_at_the_end(self, event: Any, finished: bool) -> None:
        evaluator = engine()
        _, seen = looks(EvaluatorWatch, evaluator)
        evaluator.run([0, 0])
        with evaluator.add_event_handler(event, lambda engine: engine.terminate()):
            evaluator.run([0, 0])
        evaluator.run([0, 0])
        assert seen == [True, finished, True]

    @pytest.mark.parametrize(("skip", "finished"), [(False, True), (True, False)])
    def test_one_that_ends_its_epoch_early_is_unless_it_skips_the_metrics(self, skip: bool, finished: bool) -> None:
        evaluator = engine(lambda engine, batch: engine.terminate_epoch(skip_epoch_completed=skip))
        _, seen = looks(EvaluatorWatch, evaluator)
        evaluator.run([0, 0])
        assert seen == [finished]

    @pytest.mark.parametrize("broken", [[0, 1, 0], [0, 0, 1]])
    def test_an_exception_that_a_handler_swallowed_leaves_it_unfinished(self, broken: list[int]) -> None:
        def step(engine: Engine, batch: int) -> None:
            if batch:
                raise ValueError

        evaluator = engine(step)
        _, seen = looks(EvaluatorWatch, evaluator)
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        evaluator.run(broken)
        evaluator.run([0, 0, 0])
        assert seen == [False, True]

    @pytest.mark.parametrize("resumable", [True, False])
    def test_a_state_saved_at_its_end_sees_it_though_its_turn_comes_later(
        self, resumable: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
        evaluator, seen = engine(), list[str]()

        @evaluator.on(Events.COMPLETED)
        def save() -> None:
            watch.record_pending()
            seen.append("saved")

        watch = EvaluatorWatch(evaluator, lambda watch, engine: seen.append("read"))
        evaluator.run([0])
        assert seen == ["read", "saved"]

    def test_after_an_error_in_its_end_nothing_is_caught_up(self) -> None:
        evaluator = engine()

        @evaluator.on(Events.COMPLETED)
        def fail() -> None:
            raise ValueError

        watch, seen = looks(EvaluatorWatch, evaluator)
        with pytest.raises(ValueError):  # noqa: PT011 - ours, without a word
            evaluator.run([0])
        watch.record_pending()
        assert seen == []

    def test_its_watch_goes_and_the_users_own_stay(self) -> None:
        evaluator, told = engine(), list[BaseException]()
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, told.append)
        watch = EvaluatorWatch(evaluator, lambda watch, engine: None)
        evaluator.run([0])
        attached = len(handler_table(evaluator)[Events.EXCEPTION_RAISED])
        for _ in range(2):
            watch.remove()
        assert (attached, len(handler_table(evaluator)[Events.EXCEPTION_RAISED])) == (2, 1)

    def test_also_if_the_handler_came_while_it_ran(self) -> None:
        def step(engine: Engine, batch: int) -> None:
            if batch:
                raise ValueError

        evaluator = engine(step)
        _, seen = looks(EvaluatorWatch, evaluator)

        @evaluator.on(Events.ITERATION_STARTED(once=1))
        def swallow() -> None:
            evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)

        evaluator.run([0, 1, 0])
        assert seen == [False]

    def test_one_that_is_watched_from_its_middle_on_and_stopped_there_is_not(self) -> None:
        evaluator, seen = engine(), list[bool]()

        @evaluator.on(Events.ITERATION_COMPLETED(once=1))
        def watch_and_stop() -> None:
            EvaluatorWatch(evaluator, lambda watch, engine: seen.append(watch.finished))
            evaluator.terminate()

        evaluator.run([0, 0])
        assert seen == [False]

    def test_its_handlers_can_be_removed(self) -> None:
        evaluator = engine()
        watch, seen = looks(EvaluatorWatch, evaluator)
        watch.remove()
        evaluator.run([0])
        assert seen == []


class TestTrainer:
    def test_it_is_read_last_in_epoch_completed_and_what_is_gated_follows(self) -> None:
        trainer, order = engine(), list[Any]()
        watch = TrainerWatch(trainer, lambda watch, engine: order.append("read"))
        watch.call_after(order.append)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: order.append("metric"))
        trainer.run([0], max_epochs=2)
        assert order == ["metric", "read", trainer] * 2

    def test_a_state_saved_before_it_is_read_is_warned_of_once(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        watch = TrainerWatch(trainer, lambda watch, engine: None)
        trainer.add_event_handler(Events.EPOCH_STARTED, watch.record_pending)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, watch.record_pending)
        trainer.run([0], max_epochs=2)
        assert [record.getMessage() for record in caplog.records] == [
            (
                "a state is saved at the trainer's EPOCH_COMPLETED, before its own metrics of this epoch are recorded: "
                "a run resumed from it lacks them. Save on Events.EPOCH_STARTED | Events.COMPLETED. (Said once.)"
            )
        ]

    def test_so_is_one_saved_before_an_iteration_is_read(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        watch = TrainerWatch(trainer, lambda watch, engine: None, every=2)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, watch.record_pending)
        trainer.run([0] * 4)
        assert [record.getMessage() for record in caplog.records] == [
            (
                "a state is saved at the trainer's ITERATION_COMPLETED, before its own metrics of this iteration are "
                "recorded: a run resumed from it lacks them. Save on Events.EPOCH_COMPLETED. (Said once.)"
            )
        ]

    def test_its_handlers_can_be_removed(self) -> None:
        trainer = engine()
        watch, seen = looks(TrainerWatch, trainer)
        trainer.run([0])
        watch.remove()
        trainer.run([0])
        assert seen == [True]
        assert not any(handler_table(trainer).values())
