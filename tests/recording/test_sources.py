"""Where records come from."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from engines import engine, evaluate, handler_table
from ignite.engine import Engine, Events

from ignite_delayed import Metric, UnknownMetricError
from ignite_delayed.recording.sources import EvaluatorSource, Source, TrainerSource, refuse_unreported


def looks(source_of: type[Source], one: Engine) -> tuple[Source, list[bool]]:
    """A source, and whether it was finished each time it was read."""
    seen: list[bool] = []
    return source_of("val", one, lambda source, engine: seen.append(source.finished)), seen


class TestEvaluator:
    def test_a_whole_epoch_is_finished(self) -> None:
        evaluator = engine()
        _, seen = looks(EvaluatorSource, evaluator)
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
        _, seen = looks(EvaluatorSource, evaluator)
        evaluator.run([0, 0])
        with evaluator.add_event_handler(event, lambda engine: engine.terminate()):
            evaluator.run([0, 0])
        evaluator.run([0, 0])
        assert seen == [True, finished, True]

    @pytest.mark.parametrize(("skip", "finished"), [(False, True), (True, False)])
    def test_one_that_ends_its_epoch_early_is_unless_it_skips_the_metrics(self, skip: bool, finished: bool) -> None:
        evaluator = engine(lambda engine, batch: engine.terminate_epoch(skip_epoch_completed=skip))
        _, seen = looks(EvaluatorSource, evaluator)
        evaluator.run([0, 0])
        assert seen == [finished]

    def test_an_exception_that_a_handler_swallowed_leaves_it_unfinished(self) -> None:
        def step(engine: Engine, batch: int) -> None:
            if batch:
                raise ValueError

        evaluator = engine(step)
        _, seen = looks(EvaluatorSource, evaluator)
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        evaluator.run([0, 1, 0])
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
            source.record_pending()
            seen.append("saved")

        source = EvaluatorSource("val", evaluator, lambda source, engine: seen.append("read"))
        evaluator.run([0])
        assert seen == ["read", "saved"]

    def test_after_an_error_in_its_end_nothing_is_caught_up(self) -> None:
        evaluator = engine()

        @evaluator.on(Events.COMPLETED)
        def fail() -> None:
            raise ValueError

        source, seen = looks(EvaluatorSource, evaluator)
        with pytest.raises(ValueError):  # noqa: PT011 - ours, without a word
            evaluator.run([0])
        source.record_pending()
        assert seen == []

    def test_its_watch_goes_and_the_users_own_stay(self) -> None:
        evaluator, told = engine(), list[BaseException]()
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, told.append)
        source = EvaluatorSource("val", evaluator, lambda source, engine: None)
        evaluator.run([0])
        attached = len(handler_table(evaluator)[Events.EXCEPTION_RAISED])
        for _ in range(2):
            source.remove()
        assert (attached, len(handler_table(evaluator)[Events.EXCEPTION_RAISED])) == (2, 1)

    def test_also_if_the_handler_came_while_it_ran(self) -> None:
        def step(engine: Engine, batch: int) -> None:
            if batch:
                raise ValueError

        evaluator = engine(step)
        _, seen = looks(EvaluatorSource, evaluator)

        @evaluator.on(Events.ITERATION_STARTED(once=1))
        def swallow() -> None:
            evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)

        evaluator.run([0, 1, 0])
        assert seen == [False]

    def test_its_handlers_can_be_removed(self) -> None:
        evaluator = engine()
        source, seen = looks(EvaluatorSource, evaluator)
        source.remove()
        evaluator.run([0])
        assert seen == []


class TestTrainer:
    def test_it_is_read_last_in_epoch_completed_and_what_is_gated_follows(self) -> None:
        trainer, order = engine(), list[Any]()
        source = TrainerSource("train", trainer, lambda source, engine: order.append("read"))
        source.call_after(order.append)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: order.append("metric"))
        trainer.run([0], max_epochs=2)
        assert order == ["metric", "read", trainer] * 2

    def test_a_state_saved_before_it_is_read_is_warned_of_once(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        source = TrainerSource("train", trainer, lambda source, engine: None)
        trainer.add_event_handler(Events.EPOCH_STARTED, source.record_pending)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, source.record_pending)
        trainer.run([0], max_epochs=2)
        assert [record.getMessage() for record in caplog.records] == [
            (
                "a state is saved at the trainer's EPOCH_COMPLETED, before its own metrics of this epoch are recorded: "
                "a run resumed from it lacks them. Save on Events.EPOCH_STARTED | Events.COMPLETED. (Said once.)"
            )
        ]

    def test_its_handlers_can_be_removed(self) -> None:
        trainer = engine()
        source, seen = looks(TrainerSource, trainer)
        trainer.run([0])
        source.remove()
        trainer.run([0])
        assert seen == [True]
        assert not any(handler_table(trainer).values())


def test_metrics_are_read_under_their_name_and_the_rest_with_the_reason() -> None:
    evaluator = engine()
    evaluator.state.metrics.update(loss=torch.tensor([0.5]), vector=torch.zeros(2))
    for name, prefix in (("", ""), ("val", "val/")):
        values, unusable = Source(name, evaluator, lambda source, engine: None).read(evaluator)
        assert values == {f"{prefix}loss": 0.5}
        assert list(unusable) == [f"{prefix}vector"]


def test_the_engine_is_held_weakly() -> None:
    trainer, evaluator = engine(), engine()
    evaluate(trainer, evaluator)
    source = Source("val", evaluator, lambda source, engine: None)
    assert source.engine is evaluator
    del trainer, evaluator
    gc.collect()
    assert source.engine is None


def test_a_rate_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnknownMetricError, match=r"learning rates recorded: none: give the recorder optimizer=$"):
        refuse_unreported("lr", Metric("lr") < 1, ["val"], [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loss", r"none of the evaluators 'val', 'test' can report: .* named like val/loss"),
        ("train/loss", r"none of the evaluators 'val', 'test' can report: .* named like val/loss"),
        ("lr/7", r"reads 'lr/7'; learning rates recorded: 'lr'"),
    ],
)
def test_what_nobody_can_report_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        refuse_unreported(name, Metric(name) < 1, ["val", "test"], ["lr"])
