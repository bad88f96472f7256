"""Records made by hand, and of the trainer's metrics every so many iterations."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engines import engine, evaluate, handler_table, loop
from ignite.engine import Engine, Events
from ignite.metrics import RunningAverage

from ignite_delayed import (
    After,
    AttachError,
    Metric,
    MetricValueError,
    Plateau,
    Recorder,
    UnknownMetricError,
    delay,
    delay_early_stopping,
    stop_when,
)


class TestByHand:
    def test_a_reward_stops_the_run(self) -> None:
        trainer = engine()
        recorder = Recorder(trainer)
        stopper = stop_when(recorder, Metric("reward") >= 30)
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: recorder.record({"reward": 10 * trainer.state.epoch, "length": 1})
        )
        trainer.run([0, 0], max_epochs=9)
        assert trainer.state.epoch == 3
        assert stopper.stopped_at == recorder.history[-1]
        assert [(one.epoch, one.iteration, one.evaluation) for one in recorder.history] == [
            (1, 2, 1),
            (2, 4, 2),
            (3, 6, 3),
        ]
        assert recorder.history["reward"].tolist() == [10, 20, 30]
        assert recorder.evaluators == {}

    def test_beside_an_evaluator_it_has_a_name(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 1.0)
        recorder = Recorder(trainer, {"val": evaluator, "episode": None})
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: recorder.record({"reward": 1}))
        trainer.run([0], max_epochs=2)
        assert [(one.source, one.evaluation, one.values) for one in recorder.history] == [
            ("val", 1, {"val/loss": 1.0}),
            ("episode", 1, {"episode/reward": 1.0}),
            ("val", 2, {"val/loss": 1.0}),
            ("episode", 2, {"episode/reward": 1.0}),
        ]

    def test_of_several_the_name_must_be_given(self) -> None:
        trainer = engine()
        recorder = Recorder(trainer, {"g": None, "d": None})
        recorder.record({"loss": 1}, source="d")
        assert recorder.history.metrics == ["d/loss"]
        with pytest.raises(TypeError, match=r"source must be 'g' or 'd', got None"):
            recorder.record({"loss": 1})
        with pytest.raises(ValueError, match=r"source must be 'g' or 'd', got 'f'"):
            recorder.record({"loss": 1}, source="f")

    def test_the_first_record_of_an_iteration_counts_and_the_rest_is_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        trainer = engine()
        recorder = Recorder(trainer)

        @trainer.on(Events.EPOCH_COMPLETED)
        def twice() -> None:
            recorder.record({"g": 1})
            recorder.record({"d": 2})

        trainer.run([0], max_epochs=2)
        assert recorder.history.metrics == ["g"]
        (told,) = (one.getMessage() for one in caplog.records)
        assert "record() was called again at trainer iteration 1: the second record is not kept. Give it all" in told

    def test_beside_an_evaluator_that_came_again_before_it_is_told_no_more(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 1.0)
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"val": evaluator, "episode": None})
        for _ in range(2):
            trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: recorder.record({"reward": 1}))
        trainer.run([0])
        assert [one.values for one in recorder.history] == [{"val/loss": 1.0}, {"episode/reward": 1.0}]
        (told,) = (one.getMessage() for one in caplog.records)
        assert told.startswith("evaluator 'val' ran again")

    @pytest.mark.parametrize(
        ("metrics", "message"),
        [
            (3.2, r"metrics must be values by name, such as {'reward': 3.2}, got 3.2"),
            ({1: 3.2}, r"a metric's name must be a non-empty string, got 1"),
        ],
    )
    def test_what_is_no_metrics_is_refused(self, metrics: Any, message: str) -> None:
        with pytest.raises(TypeError, match=message):
            Recorder(engine()).record(metrics)

    def test_a_recorder_of_engines_alone_says_how_to_name_it(self) -> None:
        trainer, evaluator = loop()
        with pytest.raises(
            ValueError, match=r"build it without evaluators, Recorder\(trainer\), or name one with None"
        ):
            Recorder(trainer, evaluator).record({"reward": 1})

    def test_what_a_condition_reads_must_be_there(self) -> None:
        trainer = engine()
        recorder = Recorder(trainer)
        stop_when(recorder, Metric("reward") > 1)
        with pytest.raises(UnknownMetricError, match="Did you mean 'rewards'"):
            recorder.record({"rewards": 1})
        with pytest.raises(MetricValueError, match=r"read one of its parts, such as 'reward/0'"):
            recorder.record({"reward": [1, 2]})
        assert len(recorder.history) == 0

    def test_it_is_saved_and_goes_on(self) -> None:
        def build() -> tuple[Engine, Recorder]:
            trainer = engine()
            recorder = Recorder(trainer)
            trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: recorder.record({"reward": trainer.state.epoch}))
            return trainer, recorder

        trainer, recorder = build()
        trainer.run([0], max_epochs=2)
        trainer.state.max_epochs = 4
        again, other = build()
        other.load_state_dict(recorder.state_dict())
        again.load_state_dict(trainer.state_dict())
        again.run([0])
        assert other.history["reward"].tolist() == [1, 2, 3, 4]
        again.state.max_epochs = None
        again.run([0], max_epochs=1)
        assert other.history["reward"].tolist() == [1]


class OwnLoop(Engine):
    """An engine with a loop of its own, which knows few of Ignite's events."""

    def __init__(self, *, events: bool) -> None:
        super().__init__(lambda engine, batch: None)
        if not events:
            self._allowed_events = [Events.EPOCH_COMPLETED]

    def run(self, data: Any = None, max_epochs: int | None = None, *rest: Any) -> Any:
        self.should_terminate = False
        for _ in range(max_epochs or 1):
            self.state.epoch += 1
            self.state.iteration += len(data)
            self.fire_event(Events.EPOCH_COMPLETED)
            if self.should_terminate:
                break
        return self.state


class TestAnEngineWithALoopOfItsOwn:
    def test_one_that_lacks_events_is_refused_and_nothing_stays_attached(self) -> None:
        trainer, evaluator = OwnLoop(events=False), engine()
        before = {event: list(handlers) for event, handlers in handler_table(evaluator).items() if handlers}
        with pytest.raises(
            AttachError, match=r"OwnLoop does not fire STARTED, .*Record by hand instead: recorder = Rec"
        ):
            Recorder(trainer, evaluator)
        with pytest.raises(AttachError, match=r"OwnLoop does not fire STARTED"):
            Recorder(evaluator, {"val": trainer})
        assert not any(handler_table(trainer).values())
        assert {event: handlers for event, handlers in handler_table(evaluator).items() if handlers} == before

    @pytest.mark.parametrize("events", [True, False])
    def test_it_is_recorded_by_hand(self, events: bool) -> None:
        trainer = OwnLoop(events=events)
        recorder = Recorder(trainer)
        stop_when(recorder, After(iterations=5) & Plateau("reward", mode="max", patience=2))
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: recorder.record({"reward": 1}))
        trainer.run([0, 0], max_epochs=9)
        assert [(one.epoch, one.iteration, one.evaluation) for one in recorder.history] == [
            (1, 2, 1),
            (2, 4, 2),
            (3, 6, 3),
        ]
        seconds = [one.seconds for one in recorder.history]
        assert seconds == sorted(seconds)
        assert seconds[0] < seconds[-1]
        recorder.reset()
        trainer.state.epoch = trainer.state.iteration = 0
        trainer.run([0, 0], max_epochs=1)
        assert [(one.epoch, one.iteration, one.evaluation) for one in recorder.history] == [(1, 2, 1)]

    def test_an_evaluation_in_it_is_told_with_the_way_out(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = OwnLoop(events=True), engine()
        recorder = Recorder(trainer, evaluator)
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        assert len(recorder.history) == 0
        assert [one.getMessage() for one in caplog.records] == [
            (
                "the evaluator ran outside of trainer.run(): such an evaluation is not recorded; an engine with a loop "
                "of its own is recorded by hand: Recorder(trainer), recorder.record({...}). (Said once a run.)"
            )
        ]


def test_nothing_stays_attached_when_construction_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses(Engine):
        """Refuses what is attached to its COMPLETED: the last of what a source attaches."""

        def add_event_handler(self, event_name: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
            if event_name == Events.COMPLETED:
                raise ValueError("not here")
            return super().add_event_handler(event_name, handler, *args, **kwargs)

    trainer, evaluator = engine(), Refuses(lambda engine, batch: None)
    with pytest.raises(ValueError, match="not here"):
        Recorder(trainer, evaluator)
    assert not any(handler_table(trainer).values())
    assert not any(handler_table(evaluator).values())


class TestEvery:
    @staticmethod
    def _trainer() -> Engine:
        return engine(lambda engine, batch: float(batch))

    def test_the_trainers_metrics_are_read_every_so_many_iterations(self) -> None:
        trainer = self._trainer()
        recorder = Recorder(trainer, {"train": trainer}, every=3)
        RunningAverage(output_transform=lambda output: output, alpha=1e-9).attach(trainer, "loss")
        trainer.run([1, 2, 3, 4], max_epochs=2)
        assert [(one.epoch, one.iteration, one.evaluation) for one in recorder.history] == [(1, 3, 1), (2, 6, 2)]
        assert [round(value, 6) for value in recorder.history["train/loss"]] == [3, 2]

    def test_a_stop_comes_in_the_middle_of_an_epoch(self) -> None:
        trainer = self._trainer()
        recorder = Recorder(trainer, {"train": trainer}, every=2)
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda: trainer.state.metrics.update(loss=trainer.state.output)
        )
        delay_early_stopping(recorder, "train/loss", mode="min", patience=2)
        trainer.run([1] * 100, max_epochs=2)
        assert trainer.state.iteration == 6

    def test_what_is_gated_on_epoch_completed_still_runs(self) -> None:
        trainer, seen = self._trainer(), list[int]()
        recorder = Recorder(trainer, {"train": trainer}, every=2)
        delay(
            recorder,
            lambda: seen.append(trainer.state.epoch),
            engine=trainer,
            event=Events.EPOCH_COMPLETED,
            until=After(evaluations=2),
        )
        trainer.run([1, 2], max_epochs=4)
        assert seen == [3, 4]

    def test_a_state_saved_before_it_is_read_is_warned_of(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer = self._trainer()
        recorder = Recorder(trainer, {"train": trainer}, every=2)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, recorder.state_dict)
        trainer.run([1, 2, 3])
        (told,) = (one.getMessage() for one in caplog.records if one.levelno == logging.WARNING)
        assert "a state is saved at the trainer's ITERATION_COMPLETED, before its own metrics of this iteration" in told

    @pytest.mark.parametrize(
        ("every", "error", "message"),
        [
            (0, ValueError, "every must be a whole number >= 1, got 0"),
            (1.5, ValueError, "every must be a whole number >= 1, got 1.5"),
            ("2", TypeError, "every must be a whole number >= 1, got '2'"),
            (2, ValueError, "every must be None where the trainer's own metrics are not recorded"),
        ],
    )
    def test_bad_ones_are_refused(self, every: Any, error: type[Exception], message: str) -> None:
        trainer, evaluator = loop()
        with pytest.raises(error, match=message):
            Recorder(trainer, evaluator, every=every)
