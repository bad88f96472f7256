"""Metrics that not every evaluation computes."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, evaluate, loop, reporting
from ignite.engine import Engine, Events

from ignite_delayed import Metric, Recorder, UnknownMetricError, delay_early_stopping, stop_when


class TestOptional:
    @staticmethod
    def _loop(values: dict[int, float]) -> tuple[Engine, Engine]:
        """An evaluator that computes fid at some epochs alone."""
        trainer = engine()
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)

        @evaluator.on(Events.EPOCH_COMPLETED)
        def fid() -> None:
            if trainer.state.epoch in values:
                evaluator.state.metrics["fid"] = values[trainer.state.epoch]

        evaluate(trainer, evaluator)
        return trainer, evaluator

    def test_a_value_of_a_run_before_is_no_observation(self) -> None:
        trainer, evaluator = self._loop({2: 5.0, 4: 5.0, 6: 5.0, 8: 1.0})
        recorder = Recorder(trainer, evaluator, optional=("fid",))
        stopper = delay_early_stopping(recorder, "fid", mode="min", patience=2)
        trainer.run([0], max_epochs=9)
        assert stopper.stopped_at is not None
        assert stopper.stopped_at.epoch == 6  # the third value, the second without improvement
        assert [one.epoch for one in recorder.history if "fid" in one.values] == [2, 4, 6]

    def test_everybody_else_sees_it_as_without_us(self) -> None:
        trainer, evaluator = self._loop({2: 5.0, 4: 6.0})
        Recorder(trainer, evaluator, optional=("fid",))
        seen = list[Any]()
        evaluator.add_event_handler(Events.COMPLETED, lambda: seen.append(evaluator.state.metrics.get("fid")))
        trainer.run([0], max_epochs=5)
        assert seen == [None, 5.0, 5.0, 6.0, 6.0]

    def test_a_cancelled_evaluation_gives_it_back(self) -> None:
        trainer, evaluator = self._loop({1: 5.0})
        recorder = Recorder(trainer, evaluator, optional=("fid",))
        evaluator.add_event_handler(
            Events.ITERATION_STARTED, lambda: evaluator.terminate() if trainer.state.epoch == 2 else None
        )
        trainer.run([0], max_epochs=3)
        assert evaluator.state.metrics["fid"] == 5.0
        assert [one.epoch for one in recorder.history if "fid" in one.values] == [1]

    def test_without_it_a_metric_that_is_read_must_be_there(self) -> None:
        trainer, evaluator = self._loop({2: 5.0})
        recorder = Recorder(trainer, evaluator)
        stop_when(recorder, Metric("fid") < 1)
        with pytest.raises(UnknownMetricError, match="'fid' was not reported"):
            trainer.run([0], max_epochs=3)

    def test_of_a_named_source_with_its_parts(self) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)

        @evaluator.on(Events.EPOCH_COMPLETED)
        def recall() -> None:
            if trainer.state.epoch == 2:
                evaluator.state.metrics["recall"] = [0.1, 0.9]

        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"val": evaluator}, optional=["val/recall"])
        gate_opened = stop_when(recorder, Metric("val/recall/1") > 0.5)
        trainer.run([0], max_epochs=4)
        assert gate_opened.stopped_at is not None
        assert gate_opened.stopped_at.epoch == 2

    def test_the_trainers_own(self) -> None:
        trainer = engine()

        @trainer.on(Events.EPOCH_COMPLETED)
        def fid() -> None:
            if trainer.state.epoch % 2:
                trainer.state.metrics["fid"] = 1.0

        recorder = Recorder(trainer, {"train": trainer}, optional=("train/fid",))
        trainer.run([0], max_epochs=4)
        assert [one.epoch for one in recorder.history if "train/fid" in one.values] == [1, 3]

    @pytest.mark.parametrize(
        ("sources", "optional", "error", "message"),
        [
            (
                "",
                "fid",
                TypeError,
                r"optional must be names of metrics, got 'fid' \(str\). For example optional=\('fid',\)",
            ),
            ("", 3, TypeError, r"optional must be names of metrics, got 3"),
            ("", [""], ValueError, r"optional must be a non-empty string, got ''"),
            (
                "val",
                ["fid"],
                ValueError,
                r"optional must be names like 'val/fid', got 'fid' \(str\)\. With named evaluators metrics have",
            ),
        ],
    )
    def test_bad_ones_are_refused(self, sources: str, optional: Any, error: type[Exception], message: str) -> None:
        trainer, evaluator = loop()
        with pytest.raises(error, match=message):
            Recorder(trainer, {sources: evaluator} if sources else evaluator, optional=optional)
