"""A run that recorded nothing, or waited in vain, says so when it is completed."""

from __future__ import annotations

import logging

import pytest
from engines import engine, evaluate, loop, nan, reporting, through_torch
from ignite.engine import Events

from ignite_delayed import After, Gate, Metric, Recorder, delay_early_stopping, stop_when

EVALUATE = (
    "No evaluation finished inside of trainer.run(): let the evaluator run in a handler of the trainer, as in "
    "trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(loader))."
)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "ignite_delayed.Recorder")
    return caplog


def levels(said: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in said.records if record.name.endswith("Recorder")]


class TestNothingRecorded:
    def test_it_is_said_once_with_what_waits_for_it(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("loss") < 0.5, name="low")
        Gate(recorder, until=After(epochs=1), name="late")
        trainer.run([0], max_epochs=3)
        text = f"nothing was recorded in this run; 'low' waits for Metric('loss') < 0.5. {EVALUATE}"
        assert levels(said) == [("WARNING", text)]

    def test_nor_is_an_evaluation_after_the_run_one(self, said: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=[0.9])
        Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=1)
        evaluator.run([0])
        assert levels(said)[0] == ("WARNING", f"nothing was recorded in this run. {EVALUATE}")

    def test_by_hand_the_call_is_named(self, said: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        Gate(Recorder(trainer), until=Metric("reward") > 1, name="good")
        trainer.run([0], max_epochs=2)
        [(level, text)] = levels(said)
        assert level == "WARNING"
        assert "'good' waits for Metric('reward') > 1.0. This recorder has no evaluator: call recorder.record(" in text

    def test_who_waits_for_the_clock_alone_needs_no_record(self, said: pytest.LogCaptureFixture) -> None:
        trainer = engine()
        Gate(Recorder(trainer), until=After(epochs=1), name="late")
        trainer.run([0], max_epochs=3)
        assert levels(said) == []

    def test_an_evaluation_as_the_run_ends_is_one(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        trainer.add_event_handler(Events.COMPLETED, lambda: evaluator.run([0]))
        trainer.run([0], max_epochs=1)
        assert len(recorder.history) == 1
        assert levels(said) == []

    def test_so_is_one_before_the_first_iteration(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        evaluate(trainer, evaluator, Events.STARTED)
        trainer.run([0], max_epochs=1)
        assert [one.iteration for one in recorder.history] == [0]
        assert levels(said) == []

    def test_a_resumed_run_has_the_records_of_before(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=[0.9] * 4)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        state = through_torch({"trainer": dict(trainer.state_dict()), "recorder": recorder.state_dict()})
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        trainer.load_state_dict(state["trainer"])
        recorder.load_state_dict(state["recorder"])
        trainer.run([0], max_epochs=4)
        assert levels(said) == []

    def test_a_removed_recorder_says_nothing(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        Recorder(trainer, evaluator).remove()
        trainer.run([0], max_epochs=1)
        assert levels(said) == []


class TestWaitingInVain:
    def run(self, loss: list[float], attach: object) -> None:
        trainer, evaluator = loop(loss=loss)
        recorder = Recorder(trainer, evaluator)
        attach(recorder)  # type: ignore[operator]
        trainer.run([0], max_epochs=len(loss))

    def test_what_was_never_known_is_a_warning(self, said: pytest.LogCaptureFixture) -> None:
        self.run([nan] * 3, lambda recorder: Gate(recorder, until=Metric("loss") < 0.5, name="low"))
        text = "low: Metric('loss') < 0.5 was not known at any record of this run: loss nan, needs < 0.5"
        assert levels(said) == [("WARNING", text)]

    def test_a_window_that_never_filled_too(self, said: pytest.LogCaptureFixture) -> None:
        self.run([0.1] * 3, lambda recorder: stop_when(recorder, Metric("loss").mean(10) < 0.5))
        [(level, text)] = levels(said)
        assert level == "WARNING"
        assert text.startswith("stop: Metric('loss').mean(10) < 0.5 was not known at any record of this run: ")

    def test_what_was_never_true_is_told(self, said: pytest.LogCaptureFixture) -> None:
        self.run([0.9, nan, 0.8], lambda recorder: Gate(recorder, until=Metric("loss") < 0.5, name="low"))
        assert levels(said) == [("INFO", "low: Metric('loss') < 0.5 never held in this run: loss 0.8, needs < 0.5")]

    def test_of_a_delayed_stop_the_delay_is_named(self, said: pytest.LogCaptureFixture) -> None:
        def attach(recorder: Recorder) -> None:
            until = Metric("loss") < 0.5
            delay_early_stopping(recorder, "loss", mode="min", patience=2, until=until, name="stopper")

        self.run([nan] * 3, attach)
        text = "stopper: Metric('loss') < 0.5 was not known at any record of this run: loss nan, needs < 0.5"
        assert levels(said) == [("WARNING", text)]

    @pytest.mark.parametrize("loss", [[0.4, 0.9, 0.9], [0.9, 0.9, 0.4], [nan, 0.4, nan]])
    def test_what_opened_once_waited_for_something(self, loss: list[float], said: pytest.LogCaptureFixture) -> None:
        self.run(loss, lambda recorder: Gate(recorder, when=Metric("loss") < 0.5, name="low"))
        assert levels(said) == []

    def test_the_next_run_is_judged_by_itself(self, said: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=[nan, nan, 0.9, 0.9])
        Gate(Recorder(trainer, evaluator), until=Metric("loss") < 0.5, name="low")
        trainer.run([0], max_epochs=2)
        trainer.run([0], max_epochs=4)
        assert [level for level, _ in levels(said)] == ["WARNING", "INFO"]


def test_a_stopped_run_that_is_resumed_warns(caplog: pytest.LogCaptureFixture) -> None:
    trainer = engine()
    evaluator = reporting(trainer, loss=[0.9, 0.4, 0.4, 0.4])
    evaluate(trainer, evaluator)
    stop_when(Recorder(trainer, evaluator), Metric("loss") < 0.5)
    trainer.run([0], max_epochs=3)
    caplog.clear()
    trainer.run([0], max_epochs=4)
    [warned] = [record for record in caplog.records if record.name == "ignite_delayed.Stopper"]
    assert warned.levelname == "WARNING"
    assert "was stopped before: Metric('loss') < 0.5 held. Call reset()" in warned.getMessage()
