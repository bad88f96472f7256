"""A resumed run fires STARTED, and in mid-epoch EPOCH_STARTED, again: what is loaded or evaluated there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engines import decided, engine, evaluate, reporting, through_torch, timeless
from ignite.engine import Engine, Events

from ignite_delayed import After, Gate, Metric, Recorder, Stopper, delay_early_stopping, stop_when

LENGTH, EPOCHS = 3, 8


class Training:
    """A trainer that is evaluated at some of its events, and stopped early."""

    def __init__(self, *events: Any, rule: Callable[[Recorder], Stopper] | None = None) -> None:
        self.trainer = engine()
        self.evaluator = reporting(self.trainer, loss=lambda trainer: 1.0 + abs(trainer.state.iteration - 8) / 10)
        self.recorder = Recorder(self.trainer, self.evaluator)
        self.stopper = (rule or self._patient)(self.recorder)
        for event in events:
            evaluate(self.trainer, self.evaluator, event)

    @staticmethod
    def _patient(recorder: Recorder) -> Stopper:
        return delay_early_stopping(recorder, "loss", mode="min", patience=4)

    def run(self, **arguments: Any) -> Training:
        self.trainer.run([0] * LENGTH, **arguments)
        return self

    def states(self) -> Any:
        return through_torch([dict(self.trainer.state_dict()), self.recorder.state_dict()])

    def load(self, states: Any) -> None:
        self.trainer.load_state_dict(states[0])
        self.recorder.load_state_dict(states[1])

    def outcome(self) -> Any:
        history = self.recorder.history
        return timeless(history), decided(history), self.stopper.reason, self.trainer.state.iteration


def saved_at(cut: int, build: Callable[[], Training], event: Any = Events.ITERATION_COMPLETED) -> tuple[Any, Training]:
    """The states of an undisturbed run as it was at iteration ``cut``, and the run."""
    training, saved = build(), []
    training.trainer.add_event_handler(
        event, lambda: saved.append(training.states()) if training.trainer.state.iteration == cut else None
    )
    return saved, training.run(max_epochs=EPOCHS)


class TestAnEvaluationThatIsMadeAgain:
    @pytest.mark.parametrize("cut", range(1, 3 * LENGTH))
    @pytest.mark.parametrize(
        "events",
        [
            (Events.STARTED, Events.ITERATION_COMPLETED(every=2)),
            (Events.EPOCH_STARTED,),
            (Events.STARTED, Events.EPOCH_STARTED),
            (Events.STARTED | Events.EPOCH_STARTED, Events.ITERATION_COMPLETED),
        ],
    )
    def test_is_no_second_observation(self, cut: int, events: Any) -> None:
        saved, undisturbed = saved_at(cut, lambda: Training(*events))
        resumed = Training(*events)
        resumed.load(saved[0])
        assert resumed.run().outcome() == undisturbed.outcome()

    @pytest.mark.parametrize("epochs", [1, 2, 3])
    def test_at_started_also_not_after_a_whole_epoch(self, epochs: int) -> None:
        events = (Events.STARTED, Events.EPOCH_COMPLETED(every=2))
        saved, undisturbed = saved_at(epochs * LENGTH, lambda: Training(*events), Events.EPOCH_COMPLETED)
        resumed = Training(*events)
        resumed.load(saved[-1])
        assert resumed.run().outcome() == undisturbed.outcome()

    def test_and_not_when_the_resumed_run_is_cut_and_resumed_again(self) -> None:
        events = (Events.STARTED, Events.ITERATION_COMPLETED(every=2))
        saved, undisturbed = saved_at(4, lambda: Training(*events))
        again: list[Any] = []
        first = Training(*events)
        first.load(saved[0])
        first.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=7), lambda: again.append(first.states()))
        first.run()
        second = Training(*events)
        second.load(again[0])
        assert second.run().outcome() == undisturbed.outcome()

    def test_one_that_the_cut_kept_from_being_made_is_made_up_for_at_started(self) -> None:
        saved, undisturbed = saved_at(2 * LENGTH, lambda: Training(Events.EPOCH_COMPLETED))
        resumed = Training(Events.EPOCH_COMPLETED)
        resumed.load(saved[0])
        evaluate(resumed.trainer, resumed.evaluator, Events.STARTED)
        assert resumed.run().outcome() == undisturbed.outcome()

    def test_it_is_said_once(self, caplog: pytest.LogCaptureFixture) -> None:
        saved, _ = saved_at(4, lambda: Training(Events.STARTED, Events.EPOCH_STARTED))
        resumed = Training(Events.STARTED, Events.EPOCH_STARTED)
        resumed.load(saved[0])
        caplog.clear()
        resumed.run()
        assert [message for message in caplog.messages if "once more" in message] == [
            (
                "the evaluator ran once more as the run was resumed at iteration 4: it was recorded before the cut. "
                "(Said once a run.)"
            )
        ]


class TestAStateThatIsLoadedInAStartedHandler:
    @staticmethod
    def _loading(states: Any, build: Callable[[], Training], recorder_first: bool = False) -> Training:
        training = build()

        def load(engine: Engine) -> None:
            order: list[tuple[Any, Any]] = [(training.trainer, states[0]), (training.recorder, states[1])]
            for part, state in reversed(order) if recorder_first else order:
                part.load_state_dict(state)

        training.trainer.add_event_handler(Events.STARTED, load)
        return training

    @pytest.mark.parametrize("recorder_first", [False, True])
    @pytest.mark.parametrize("cut", range(1, 4 * LENGTH))
    def test_goes_on_to_the_same_end(self, cut: int, recorder_first: bool) -> None:
        def build() -> Training:
            training = Training(Events.ITERATION_COMPLETED(every=2), Events.EPOCH_STARTED)
            Gate(training.recorder, when=After(epochs=1) & ~After(epochs=3), name="clock")
            return training

        saved, undisturbed = saved_at(cut, build)
        resumed = self._loading(saved[0], build, recorder_first).run(max_epochs=EPOCHS)
        assert resumed.outcome() == undisturbed.outcome()

    @pytest.mark.parametrize("kind", ["stop_when", "early"])
    def test_of_a_run_that_was_stopped_ends_this_one(self, kind: str) -> None:
        def build() -> Training:
            stop = (
                (lambda recorder: stop_when(recorder, Metric("loss").mean(2) > 1.55)) if kind == "stop_when" else None
            )
            return Training(Events.EPOCH_COMPLETED, rule=stop)

        stopped = build().run(max_epochs=EPOCHS)
        assert stopped.trainer.state.iteration < EPOCHS * LENGTH
        resumed = self._loading(stopped.states(), build).run(max_epochs=EPOCHS)
        assert resumed.outcome() == stopped.outcome()

    def test_ends_it_also_where_the_stopper_alone_is_loaded(self) -> None:
        stopped = Training(Events.EPOCH_COMPLETED).run(max_epochs=EPOCHS)
        training = Training(Events.EPOCH_COMPLETED)
        state = stopped.stopper.state_dict()
        training.trainer.add_event_handler(
            Events.EPOCH_COMPLETED(once=2), lambda: training.stopper.load_state_dict(state)
        )
        training.run(max_epochs=EPOCHS)
        assert (training.trainer.state.epoch, training.stopper.reason) == (2, stopped.stopper.reason)

    def test_lets_a_later_stop_end_it(self) -> None:
        build = lambda: Training(Events.EPOCH_COMPLETED)  # noqa: E731
        saved, undisturbed = saved_at(LENGTH, build, Events.EPOCH_COMPLETED)
        resumed = self._loading(saved[0], build).run(max_epochs=EPOCHS)
        assert undisturbed.stopper.reason is not None
        assert resumed.outcome() == undisturbed.outcome()
