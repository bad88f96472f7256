"""After an error of ours the corrected run works; the run that somebody else ended, and who was inside of which."""

from __future__ import annotations

import contextlib
import gc
import logging
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import torch
from engines import engine, evaluate, handler_table, loop, reporting
from ignite.engine import Engine, Events
from ignite.handlers import BasicTimeProfiler, HandlersTimeProfiler

from ignite_delayed import (
    After,
    AttachError,
    Gate,
    History,
    Metric,
    MetricValueError,
    Recorder,
    UnknownMetricError,
    delay,
    delay_early_stopping,
    stop_when,
)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings."""
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


class TestTheCorrectedRun:
    @pytest.mark.parametrize("resumable", [True, False])
    @pytest.mark.parametrize(
        ("value", "name", "error"),
        [(1.0, "accuracy", UnknownMetricError), ("high", "loss", MetricValueError)],
    )
    def test_it_begins_after_a_metric_that_is_missing_or_none(
        self, value: Any, name: str, error: type[Exception], resumable: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
        trainer, evaluator = loop(loss=lambda trainer: value)
        recorder = Recorder(trainer, evaluator)
        stopper = stop_when(recorder, Metric(name) > 1)
        with pytest.raises(error):
            trainer.run([0, 0], max_epochs=3)
        stopper.remove()
        seen = list[int]()
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.append(trainer.state.epoch))
        trainer.run([0, 0], max_epochs=3)
        assert seen == [2, 3]
        assert [one.epoch for one in recorder.history] == [2, 3]

    def test_it_begins_after_an_error_at_the_clock(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 1.0)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=1))

        @gate.on_open
        def fail(gate: Gate) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            trainer.run([0], max_epochs=3)
        trainer.run([0], max_epochs=3)
        assert (trainer.state.iteration, [one.epoch for one in recorder.history if not one.is_tick][-1]) == (2, 3)

    def test_a_run_that_goes_on_after_somebody_caught_the_error_is_still_recorded(self) -> None:
        trainer, evaluator = engine(), engine()
        recorder, values = Recorder(trainer, evaluator), {2: {"los": 1.0}}
        stop_when(recorder, Metric("loss") > 1)
        evaluator.add_event_handler(
            Events.EPOCH_COMPLETED,
            lambda: setattr(evaluator.state, "metrics", values.get(trainer.state.epoch, {"loss": 1.0})),
        )

        @trainer.on(Events.EPOCH_COMPLETED)
        def forgiving() -> None:
            with contextlib.suppress(UnknownMetricError):
                evaluator.run([0])

        trainer.run([0], max_epochs=4)
        assert [one.epoch for one in recorder.history] == [1, 3, 4]

    def test_an_interrupted_evaluator_goes_on(self) -> None:
        trainer, other = engine(), engine()
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"val": evaluator, "other": other})
        stop_when(recorder, Metric("val/los") > 1)
        other.add_event_handler(Events.ITERATION_COMPLETED(once=1), other.interrupt)
        other.run([0, 0, 0])
        with pytest.raises(UnknownMetricError):
            trainer.run([0])
        other.run([0, 0, 0])
        assert other.state.iteration == 3


class TestProfilers:
    @pytest.mark.parametrize("profiler", [HandlersTimeProfiler, BasicTimeProfiler])
    def test_the_trainers_metrics_are_of_this_epoch_and_delayed_handlers_run_once(self, profiler: Any) -> None:
        trainer, seen = engine(), list[int]()
        recorder = Recorder(trainer, {"train": trainer})
        handle = delay(
            recorder,
            lambda: seen.append(trainer.state.epoch),
            engine=trainer,
            event=Events.EPOCH_COMPLETED,
            until=Metric("train/loss") > 1,
        )
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: trainer.state.metrics.update(loss=trainer.state.epoch)
        )
        profiler().attach(trainer)
        trainer.run([0, 0], max_epochs=4)
        assert recorder.history["train/loss"].tolist() == [1, 2, 3, 4]
        assert seen == [2, 3, 4]
        trainer.run([0, 0], max_epochs=6)
        assert (seen, len(recorder.history)) == ([2, 3, 4, 5, 6], 6)
        handle.remove()
        recorder.remove()
        trainer.run([0, 0], max_epochs=7)
        assert (seen, len(recorder.history)) == ([2, 3, 4, 5, 6], 6)

    @pytest.mark.parametrize("kind", [{}, {"every": 2}])
    def test_what_is_removed_while_it_profiles_is_gone(self, kind: Any) -> None:
        trainer, seen = engine(), list[int]()
        recorder = Recorder(trainer, {"train": trainer}, **kind)
        handle = delay(
            recorder,
            lambda: seen.append(trainer.state.epoch),
            engine=trainer,
            event=Events.ITERATION_COMPLETED,
            until=After(epochs=1),
        )
        before = {event: len(handlers) for event, handlers in handler_table(trainer).items()}
        HandlersTimeProfiler().attach(trainer)

        @trainer.on(Events.EPOCH_STARTED(once=3))
        def remove() -> None:
            handle.remove()
            recorder.remove()

        trainer.run([0, 0], max_epochs=4)
        assert seen == [2, 2]
        assert sum(not one.is_tick for one in recorder.history) == 2
        assert before[Events.STARTED] > 1
        ours = [
            one
            for handlers in handler_table(trainer).values()
            for one, _, _ in handlers
            if "ignite_delayed" in str(one)
        ]
        assert ours == []

    def test_an_evaluator_too(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: trainer.state.epoch)
        recorder = Recorder(trainer, evaluator)
        HandlersTimeProfiler().attach(evaluator)
        stopper = delay_early_stopping(recorder, "loss", mode="min", patience=2)
        trainer.run([0], max_epochs=5)
        assert stopper.stopped_at is not None
        assert stopper.stopped_at.epoch == 3


class TestStages:
    def test_two_that_share_an_evaluator_say_nothing_false(self, caplog: pytest.LogCaptureFixture) -> None:
        first, second = engine(), engine()
        evaluator = reporting(first, loss=lambda trainer: 1.0)
        for trainer in (first, second):
            evaluate(trainer, evaluator)
        recorders = [Recorder(trainer, evaluator) for trainer in (first, second)]
        first.run([0], max_epochs=2)
        second.run([0], max_epochs=3)
        assert [len(recorder.history) for recorder in recorders] == [2, 3]
        assert said(caplog) == []
        evaluator.run([0])
        assert len(said(caplog)) == 1  # the stage that ran last speaks for all
        assert "ran outside of trainer.run()" in said(caplog)[0]

    def test_of_two_that_did_not_begin_yet_one_speaks(self, caplog: pytest.LogCaptureFixture) -> None:
        evaluator = engine()
        trainers = [engine() for _ in range(2)]
        recorders = [Recorder(trainer, evaluator) for trainer in trainers]
        evaluator.run([0])
        assert [len(recorder.history) for recorder in recorders] == [0, 0]
        assert len(said(caplog)) == 1
        assert "ran outside of trainer.run()" in said(caplog)[0]

    def test_a_stage_that_is_over_is_not_kept_by_the_evaluator(self, caplog: pytest.LogCaptureFixture) -> None:
        evaluator = engine()

        def stage() -> weakref.ref[History]:
            trainer = engine()
            evaluate(trainer, evaluator)
            recorder = Recorder(trainer, evaluator)
            trainer.run([0])
            return weakref.ref(recorder.history)

        history = stage()
        gc.collect()
        assert history() is None
        evaluator.run([0])
        assert said(caplog) == []
        assert not any(handler_table(evaluator).values())

    @pytest.mark.parametrize("resumable", [True, False])
    def test_of_nested_trainers_each_records_what_it_evaluates(
        self, resumable: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
        inner, outer, value = engine(), engine(), [0]
        evaluator = reporting(inner, loss=lambda trainer: value[0])
        recorders = [Recorder(trainer, evaluator) for trainer in (inner, outer)]

        @inner.on(Events.EPOCH_COMPLETED)
        def evaluate_inner() -> None:
            value[0] = 1
            evaluator.run([0])

        @outer.on(Events.EPOCH_COMPLETED)
        def evaluate_outer() -> None:
            inner.run([0, 0], max_epochs=2)
            value[0] = 2
            evaluator.run([0])

        outer.run([0], max_epochs=3)
        assert [recorder.history["loss"].tolist() for recorder in recorders] == [[1, 1], [2, 2, 2]]

    def test_an_evaluation_at_the_inner_start_belongs_to_the_inner(self) -> None:
        inner, outer = engine(), engine()
        evaluator = reporting(inner, loss=lambda trainer: 1.0)
        evaluate(inner, evaluator, Events.STARTED)
        recorders = [Recorder(trainer, evaluator) for trainer in (inner, outer)]
        outer.add_event_handler(Events.EPOCH_COMPLETED, lambda: inner.run([0]))
        outer.run([0])
        assert [len(recorder.history) for recorder in recorders] == [1, 0]

    def test_trainer_and_evaluator_that_are_swapped_are_refused(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 1.0)
        recorder = Recorder(evaluator, trainer)
        with pytest.raises(AttachError, match=r"the two are swapped. Write Recorder\(trainer, evaluator\)"):
            trainer.run([0], max_epochs=3)
        recorder.remove()
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert [one.epoch for one in recorder.history] == [2, 3]


class TestWithoutGenerators:
    @pytest.fixture(autouse=True)
    def _legacy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", False)

    def test_after_a_crash_an_evaluation_is_outside(self, caplog: pytest.LogCaptureFixture) -> None:
        def step(engine: Engine, batch: int) -> None:
            if batch:
                raise ZeroDivisionError

        trainer = engine(step)
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED)
        recorder = Recorder(trainer, evaluator)
        with pytest.raises(ZeroDivisionError):
            trainer.run([0, 1])
        trainer.state.iteration = 7  # another moment than that of the last record
        evaluator.run([0])
        assert [one.iteration for one in recorder.history] == [1]
        assert "ran outside of trainer.run()" in said(caplog)[-1]

    def test_an_evaluation_at_the_end_of_the_run_is_inside(self) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)
        recorder = Recorder(trainer, evaluator)
        evaluate(trainer, evaluator, Events.COMPLETED)
        trainer.run([0], max_epochs=2)
        assert [one.iteration for one in recorder.history] == [2]


class TestNames:
    def test_a_metric_without_a_name_is_left_out(self) -> None:
        trainer = engine()
        evaluator = engine()
        evaluator.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update({"": 1.0, "loss": 2.0})
        )
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0])
        again = Recorder(engine(), evaluator)
        again.load_state_dict(recorder.state_dict())
        assert again.history[0].values == {"loss": 2.0}

    def test_a_metric_named_as_the_rate_does_not_shadow_it(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(lr=lambda trainer: 7.0)
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        recorder = Recorder(trainer, evaluator, optimizer=optimizer)
        trainer.run([0], max_epochs=2)
        assert recorder.history["lr"].tolist() == [0.5, 0.5]
        assert said(caplog) == ["metric 'lr' of the evaluator is left out: it is the optimizer's. (Said once a run.)"]

    @pytest.mark.parametrize(
        "value", [Decimal("sNaN"), Decimal("NaN"), torch.tensor([1 + 2j]), object(), [[]], {"a": {}}]
    )
    def test_a_strange_value_that_nobody_reads_ends_no_run(self, value: Any) -> None:
        trainer, evaluator = loop(odd=lambda trainer: value, loss=lambda trainer: 1.0)
        recorder = Recorder(trainer, evaluator)
        delay_early_stopping(recorder, "loss", mode="min", patience=9)
        trainer.run([0], max_epochs=2)
        assert recorder.history["loss"].tolist() == [1, 1]


class TestParts:
    @pytest.mark.parametrize(
        ("value", "parts"),
        [
            (torch.tensor([0.25, 0.5]), {"recall/0": 0.25, "recall/1": 0.5}),
            ([0.25, torch.tensor(0.5)], {"recall/0": 0.25, "recall/1": 0.5}),
            ({"macro avg": {"f1-score": 0.5}, "text": "no"}, {"recall/macro avg/f1-score": 0.5}),
            ({"a": torch.tensor([0.25, 0.5])}, {"recall/a/0": 0.25, "recall/a/1": 0.5}),
            (torch.eye(2), {}),
            ("ab", {}),
        ],
    )
    @pytest.mark.parametrize("tag", ["", "val"])
    def test_they_have_the_names_that_ignites_loggers_give_them(self, value: Any, parts: Any, tag: str) -> None:
        trainer, evaluator = loop(recall=lambda trainer: value)
        recorder = Recorder(trainer, {tag: evaluator} if tag else evaluator)
        trainer.run([0])
        assert recorder.history[0].values == {f"{tag}/{name}" if tag else name: one for name, one in parts.items()}

    def test_a_metric_of_that_name_stays_what_it_is(self) -> None:
        order: list[dict[str, Callable[[Engine], Any]]] = [
            {"a": lambda trainer: [1.0, 2.0], "a/0": lambda trainer: 7.0},
            {"a/0": lambda trainer: 7.0, "a": lambda trainer: [1.0, 2.0]},
        ]
        for metrics in order:
            trainer, evaluator = loop(**metrics)
            recorder = Recorder(trainer, evaluator)
            trainer.run([0])
            assert recorder.history[0].values == {"a/0": 7.0, "a/1": 2.0}

    def test_a_stop_reads_one(self) -> None:
        trainer, evaluator = loop(cr=lambda trainer: {"macro avg": {"f1-score": trainer.state.epoch / 10}})
        recorder = Recorder(trainer, evaluator)
        stop_when(recorder, Metric("cr/macro avg/f1-score") >= 0.3)
        trainer.run([0], max_epochs=9)
        assert trainer.state.epoch == 3
