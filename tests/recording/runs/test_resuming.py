"""Fresh, resumed or mixed up; and what a checkpoint holds, whoever is attached first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from engines import decided, engine, evaluate, loop, reporting, through_torch, timeless, unsealed
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint

from ignite_delayed import (
    After,
    Gate,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    StateError,
    UnknownMetricError,
    apply_schedule,
    delay_early_stopping,
)

_LOSSES = [0.9, 0.6, 0.7, 0.4, 0.5, 0.45, 0.38, 0.5, 0.41, 0.39]


def build() -> tuple[Engine, Recorder, Gate]:
    """A trainer that evaluates after each epoch, and a gate that opens in the fourth."""
    trainer, evaluator = loop(loss=_LOSSES)
    recorder = Recorder(trainer, evaluator)
    trainer.evaluator = evaluator  # type: ignore[attr-defined] # kept: engines are held weakly
    return trainer, recorder, Gate(recorder, until=Metric("loss") < 0.5)


def cut_after(epochs: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of trainer and recorder after ``epochs`` of six."""
    trainer, recorder, _ = build()
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=epochs), trainer.terminate)
    trainer.run([0, 0], max_epochs=6)
    return through_torch(dict(trainer.state_dict())), through_torch(recorder.state_dict())


class TestFreshOrResumed:
    def test_a_loaded_recorder_and_a_trainer_at_its_start_are_asked_about(self) -> None:
        _, saved = cut_after(3)
        trainer, recorder, _ = build()
        recorder.load_state_dict(saved)
        before = recorder.state_dict()
        with pytest.raises(StateError, match=r"at iteration 6, but .* starts at iteration 0\. Either .*reset\(\)"):
            trainer.run([0, 0], max_epochs=6)
        after = unsealed(recorder.state_dict())
        assert {**after, "iteration": 0, "seconds": 0} == {**unsealed(before), "iteration": 0, "seconds": 0}

    def test_also_where_a_gate_was_loaded_by_itself_afterwards(self) -> None:
        trainer, recorder, gate = build()
        saved = cut_after(3)[1]
        recorder.load_state_dict(saved)
        gate.load_state_dict(saved["gates"][gate.name])
        with pytest.raises(StateError, match="saved at iteration 6, but the trainer starts at iteration 0"):
            trainer.run([0, 0])

    def test_the_first_way_out_is_to_load_the_trainer_too(self) -> None:
        saved_trainer, saved = cut_after(3)
        trainer, recorder, gate = build()
        recorder.load_state_dict(saved)
        with pytest.raises(StateError):
            trainer.run([0, 0], max_epochs=6)
        trainer.load_state_dict(saved_trainer)
        assert trainer.run([0, 0]) is not None
        assert [record.epoch for record in recorder.history] == [1, 2, 3, 4, 5, 6]
        assert gate.opened_at == recorder.history[3]

    def test_the_second_way_out_is_to_reset(self) -> None:
        _, saved = cut_after(5)
        trainer, recorder, gate = build()
        recorder.load_state_dict(saved)
        with pytest.raises(StateError):
            trainer.run([0, 0], max_epochs=2)
        recorder.reset()
        assert (len(recorder.history), gate.is_open, gate.opened_at) == (0, False, None)
        assert trainer.run([0, 0], max_epochs=2) is not None
        assert [record.epoch for record in recorder.history] == [1, 2]
        assert not gate.is_open

    def test_a_finished_run_that_is_loaded_into_the_recorder_first_says_how_to_go_on(self) -> None:
        saved_trainer, saved = cut_after(6)
        trainer, recorder, _ = build()
        recorder.load_state_dict(saved)
        trainer.load_state_dict(saved_trainer)
        with pytest.raises(StateError, match=r"larger max_epochs; to end at once, load the trainer's state before"):
            trainer.run([0, 0])

    def test_a_state_of_the_beginning_goes_with_a_trainer_at_its_beginning(self) -> None:
        _trainer, recorder, _ = build()
        saved = recorder.state_dict()
        trainer, recorder, _ = build()
        recorder.load_state_dict(saved)
        trainer.run([0, 0], max_epochs=2)
        assert len(recorder.history) == 2

    def test_a_resumed_trainer_beside_an_unloaded_recorder_is_said_once(self, caplog: pytest.LogCaptureFixture) -> None:
        saved_trainer, _ = cut_after(3)
        trainer, recorder, _ = build()
        trainer.load_state_dict(saved_trainer)
        trainer.run([0, 0])
        trainer.run([0, 0], max_epochs=8)
        assert caplog.messages == [
            (
                "the trainer starts at iteration 6, but nothing was loaded into this recorder: history, gates and "
                "stops begin here. To resume a run load the recorder's state too: "
                "Checkpoint.load_objects({'trainer': trainer, **recorder.to_save()}, path)."
            )
        ]
        assert [(record.epoch, record.evaluation) for record in recorder.history] == [
            (epoch, epoch - 3) for epoch in range(4, 9)
        ]

    def test_a_recorder_that_saw_the_beginning_is_not_warned_about(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        trainer.run([0], max_epochs=4)
        assert len(recorder.history) == 0
        assert [message.split(".")[0] for message in caplog.messages] == ["nothing was recorded in this run"] * 2

    def test_nor_one_that_is_built_in_mid_run(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = engine(), engine()
        built: list[Recorder] = []
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: built.append(Recorder(trainer, evaluator)))
        trainer.run([0], max_epochs=4)
        assert [message.split(".")[0] for message in caplog.messages] == ["nothing was recorded in this run"]

    def test_a_loading_that_was_given_up_is_forgotten(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, recorder, _ = build()
        recorder.load_state_dict(cut_after(2)[1])
        recorder.reset()
        trainer.run([0, 0], max_epochs=2)
        assert [record.evaluation for record in recorder.history] == [1, 2]
        assert caplog.messages == []

    def test_nor_one_that_was_reset_on_purpose(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, recorder, gate = build()
        trainer.run([0, 0], max_epochs=4)
        recorder.reset()
        trainer.run([0, 0], max_epochs=6)
        assert [(record.epoch, record.evaluation) for record in recorder.history] == [(5, 1), (6, 2)]
        assert gate.opened_at == recorder.history[1]
        assert caplog.messages == []

    @pytest.mark.parametrize(
        ("saved_at", "trainer_at", "expected"),
        [
            (
                2,
                4,
                (
                    "the recorder's state is behind: it was saved at iteration 4, the trainer goes on from iteration "
                    "8. What was evaluated in between is missing; save both in one checkpoint."
                ),
            ),
            (
                4,
                2,
                (
                    "the recorder's state is ahead: it was saved at iteration 8, the trainer goes on from iteration 4. "
                    "What is evaluated in between counts twice; load both from one checkpoint."
                ),
            ),
        ],
    )
    def test_states_of_two_moments_are_said_to_be(
        self, caplog: pytest.LogCaptureFixture, saved_at: int, trainer_at: int, expected: str
    ) -> None:
        trainer, recorder, _ = build()
        trainer.load_state_dict(cut_after(trainer_at)[0])
        recorder.load_state_dict(cut_after(saved_at)[1])
        trainer.run([0, 0])
        assert caplog.messages == [expected]

    def test_states_of_one_moment_are_not(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, recorder, _ = build()
        saved_trainer, saved = cut_after(3)
        recorder.load_state_dict(saved)
        trainer.load_state_dict(saved_trainer)
        trainer.run([0, 0])
        assert caplog.messages == []

    def test_the_stamp_of_one_loading_does_not_outlive_its_run(self) -> None:
        trainer, recorder, _ = build()
        saved_trainer, saved = cut_after(3)
        recorder.load_state_dict(saved)
        trainer.load_state_dict(saved_trainer)
        trainer.run([0, 0])
        trainer.run([0, 0], max_epochs=6)
        assert [record.epoch for record in recorder.history] == [1, 2, 3, 4, 5, 6]


class TestTheBeginningThatIsRepeated:
    """A resumed run fires STARTED, and in mid-epoch EPOCH_STARTED, once more: the clock has moved on since."""

    @pytest.mark.parametrize("rule", [{"when": After(epochs=1)}, {"until": After(seconds=2)}])
    @pytest.mark.parametrize("cut", [3, 4, 5, 7])
    def test_it_moves_no_gate(self, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any], cut: int) -> None:
        now = [0.0]
        monkeypatch.setattr("ignite_delayed.recording.runs.run.time.monotonic", lambda: now[0])

        def build() -> tuple[Engine, Recorder, list[Any]]:
            now[0] = 0.0
            trainer = engine(lambda engine, batch: now.__setitem__(0, now[0] + 0.5))
            trainer.evaluator = engine()  # type: ignore[attr-defined]
            recorder = Recorder(trainer, trainer.evaluator)  # type: ignore[attr-defined]
            Gate(recorder, **rule)
            saved: list[Any] = []
            event = Events.EPOCH_COMPLETED if cut % 3 == 0 else Events.ITERATION_COMPLETED
            trainer.add_event_handler(
                event,
                lambda: (
                    saved.extend([dict(trainer.state_dict()), recorder.state_dict()])
                    if trainer.state.iteration == cut
                    else None
                ),
            )
            return trainer, recorder, saved

        trainer, recorder, saved = build()
        trainer.run([0, 0, 0], max_epochs=4)
        resumed, its_recorder, _ = build()
        Checkpoint.load_objects(
            {"trainer": resumed, **its_recorder.to_save()}, {"trainer": saved[0], "recorder": saved[1]}
        )
        resumed.run([0, 0, 0])
        assert its_recorder.history.marks == recorder.history.marks
        assert list(its_recorder.history) == list(recorder.history)

    def test_later_epochs_that_are_cut_short_are_no_repetition(self) -> None:
        trainer, recorder, _ = build()
        saved_trainer, saved = cut_after(2)
        recorder.load_state_dict(saved)
        trainer.load_state_dict(saved_trainer)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), lambda engine: engine.terminate_epoch())
        clock: list[tuple[int, int]] = []
        phases = Gate(recorder, until=After(epochs=3), name="clock")
        phases.on_open(lambda gate: clock.append((trainer.state.epoch, trainer.state.iteration)))
        recorder.load_state_dict({**recorder.state_dict(), **saved}, strict=False)
        trainer.run([0, 0])
        assert clock == [(4, 5)]


class TestKilledAfterItsFinalCheckpoint:
    """The run was finished when it was saved; what resumes it trains nothing, and comes to the same end."""

    class Run:
        def __init__(self) -> None:
            self.trainer, self.recorder, self.gate = build()
            self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
            apply_schedule(self.recorder, self.optimizer, Linear(1.0, 0.1, epochs=6), per="epoch")
            self.trained: list[int] = []
            self.ends: list[int] = []
            self.trainer.add_event_handler(
                Events.ITERATION_COMPLETED, lambda: self.trained.append(self.trainer.state.iteration)
            )
            self.trainer.add_event_handler(Events.COMPLETED, lambda: self.ends.append(self.trainer.state.iteration))

        def outcome(self) -> list[Any]:
            history = self.recorder.history
            place = [getattr(self.trainer.state, name) for name in ("iteration", "epoch", "max_epochs", "epoch_length")]
            rate = self.optimizer.param_groups[0]["lr"]
            return [timeless(history), decided(history), place, self.gate.is_open, rate, self.ends]

    @pytest.fixture(params=[Events.EPOCH_COMPLETED(once=6), Events.COMPLETED], ids=["its last epoch", "its end"])
    def killed(self, request: pytest.FixtureRequest) -> tuple[Run, dict[str, Any]]:
        run, saved = self.Run(), dict[str, Any]()

        def save() -> None:
            to_save: dict[str, Any] = {"trainer": run.trainer, **run.recorder.to_save(), "optimizer": run.optimizer}
            saved.update({name: through_torch(one.state_dict()) for name, one in to_save.items()})

        run.trainer.add_event_handler(request.param, save)
        run.trainer.run([0, 0], max_epochs=6)
        return run, saved

    @pytest.mark.parametrize("arguments", [{}, {"max_epochs": 6}], ids=["as it was", "the length said again"])
    def test_it_ends_at_once(
        self, killed: tuple[Run, dict[str, Any]], arguments: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        undisturbed, saved = killed
        run = self.Run()
        Checkpoint.load_objects({"trainer": run.trainer, **run.recorder.to_save(), "optimizer": run.optimizer}, saved)
        with caplog.at_level("INFO", "ignite_delayed.Recorder"):
            run.trainer.run([0, 0], **arguments)
        assert run.outcome() == undisturbed.outcome()
        assert run.trained == []
        assert [record.levelname for record in caplog.records] == ["INFO"]
        assert caplog.messages == [
            (
                "the run was finished at iteration 12, when its state was saved: nothing is trained, and COMPLETED is "
                "fired again. To train on, give run() a larger max_epochs; to start afresh, call recorder.reset()."
            )
        ]

    def test_it_is_trained_on_where_it_is_made_longer(self, killed: tuple[Run, dict[str, Any]]) -> None:
        run = self.Run()
        Checkpoint.load_objects({"trainer": run.trainer, **run.recorder.to_save()}, killed[1])
        run.trainer.run([0, 0])
        run.trainer.run([0, 0], max_epochs=8)
        assert run.trained == [13, 14, 15, 16]
        assert [record.epoch for record in run.recorder.history if not record.is_tick] == list(range(1, 9))

    def test_it_begins_afresh_after_a_reset(self, killed: tuple[Run, dict[str, Any]]) -> None:
        run = self.Run()
        Checkpoint.load_objects({"trainer": run.trainer, **run.recorder.to_save()}, killed[1])
        run.recorder.reset()
        run.trainer.run([0, 0], max_epochs=6)
        assert run.trained == list(range(1, 13))
        assert [record.epoch for record in run.recorder.history if not record.is_tick] == list(range(1, 7))

    def test_and_as_any_finished_run_when_it_is_run_once_more(self, killed: tuple[Run, dict[str, Any]]) -> None:
        run = self.Run()
        Checkpoint.load_objects({"trainer": run.trainer, **run.recorder.to_save()}, killed[1])
        run.trainer.run([0, 0])
        run.trainer.run([0, 0], max_epochs=6)
        assert run.trained == list(range(1, 13))
        assert [record.epoch for record in run.recorder.history if not record.is_tick] == list(range(1, 7))

    def test_one_that_counts_its_iterations_too(self) -> None:
        trainer, recorder, _ = build()
        trainer.run([0, 0], max_iters=5)
        states = [through_torch(dict(trainer.state_dict())), through_torch(recorder.state_dict())]
        trainer, recorder, _ = build()
        trainer.load_state_dict(states[0])
        recorder.load_state_dict(states[1])
        trainer.add_event_handler(Events.ITERATION_STARTED, lambda: pytest.fail("it trains again"))
        trainer.run([0, 0], max_iters=5)
        assert (trainer.state.iteration, trainer.state.max_iters, trainer.state.max_epochs) == (5, 5, None)


class TestReset:
    def test_the_next_run_is_as_the_first(self) -> None:
        trainer, recorder, _ = build()
        delay_early_stopping(recorder, "loss", mode="min", patience=2)
        trainer.run([0, 0], max_epochs=5)
        first = timeless(recorder.history), decided(recorder.history)
        trainer.load_state_dict({"iteration": 0, "max_epochs": 5, "epoch_length": 2})
        recorder.reset()
        recorder.reset()
        trainer.run([0, 0])
        assert (timeless(recorder.history), decided(recorder.history)) == first

    def test_inside_of_a_run_counting_begins_anew(self) -> None:
        trainer, recorder, gate = build()
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=4), recorder.reset)
        trainer.run([0, 0], max_epochs=6)
        assert [(record.epoch, record.evaluation) for record in recorder.history] == [(5, 1), (6, 2)]
        assert gate.opened_at == recorder.history[1]

    def test_phases_begin_again_with_the_next_run(self) -> None:
        import torch

        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        trainer, evaluator = engine(lambda engine, batch: optimizer.step()), engine()
        recorder = Recorder(trainer, evaluator)
        first, second = (Phase(Linear(1.0, 0.5, steps=2), per="iteration") for _ in range(2))
        phases = LRPhases(recorder, optimizer, [first, second])
        trainer.run([0], max_epochs=4)
        assert phases.switches[0].epoch == 3
        recorder.reset()
        trainer.run([0], max_epochs=6)
        assert phases.switches[0].epoch == 5

    def test_a_flag_is_a_flag(self) -> None:
        _trainer, recorder, _ = build()
        with pytest.raises(TypeError, match="strict must be True or False"):
            recorder.load_state_dict(recorder.state_dict(), strict=1)  # type: ignore[arg-type]


class TestTheOrderOfAttaching:
    """A checkpoint holds the evaluation at which it is made, attached before or after ours."""

    @pytest.fixture(autouse=True)
    def still(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ignite_delayed.recording.runs.run.time.monotonic", lambda: 0.0)

    @staticmethod
    def _run(checkpoint_first: bool, saved_from: Callable[[Recorder, Gate], Any]) -> tuple[list[Any], Recorder]:
        trainer, evaluator = loop(loss=_LOSSES)
        states: list[Any] = []
        made: list[tuple[Recorder, Gate]] = []

        def checkpoint() -> None:
            states.append(saved_from(*made[0]))

        if checkpoint_first:
            evaluator.add_event_handler(Events.COMPLETED, checkpoint)
        recorder = Recorder(trainer, evaluator)
        made.append((recorder, Gate(recorder, until=Metric("loss") < 0.5)))
        delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=2))
        if not checkpoint_first:
            evaluator.add_event_handler(Events.COMPLETED, checkpoint)
        trainer.run([0, 0], max_epochs=9)
        return states, recorder

    @pytest.mark.parametrize(
        "saved_from",
        [
            lambda recorder, gate: through_torch(recorder.state_dict()),
            lambda recorder, gate: gate.state_dict()["is_open"],
        ],
    )
    def test_each_state_is_the_same(self, saved_from: Callable[[Recorder, Gate], Any]) -> None:
        (before, one), (after, other) = self._run(True, saved_from), self._run(False, saved_from)
        assert before == after
        assert (timeless(one.history), decided(one.history)) == (timeless(other.history), decided(other.history))

    def test_nothing_is_said_of_it(self, caplog: pytest.LogCaptureFixture) -> None:
        self._run(True, lambda recorder, gate: recorder.state_dict())
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    @given(st.integers(1, 7), st.booleans(), st.booleans())
    def test_resuming_from_it_equals_never_having_stopped(self, cut: int, before: bool, after: bool) -> None:
        def build() -> tuple[Engine, Engine, Recorder, list[Any]]:
            trainer = engine()
            evaluator = reporting(trainer, loss=lambda trainer: _LOSSES[trainer.state.iteration // 2 - 1])
            evaluate(trainer, evaluator)
            saved: list[Any] = []
            made: list[Recorder] = []

            def checkpoint() -> None:
                if trainer.state.epoch == cut:
                    saved[:] = [dict(trainer.state_dict()), through_torch(made[0].state_dict())]

            if before:
                evaluator.add_event_handler(Events.COMPLETED, checkpoint)
            made.append(Recorder(trainer, evaluator))
            delay_early_stopping(made[0], "loss", mode="min", patience=3, until=After(epochs=2), while_closed="track")
            if after or not before:
                evaluator.add_event_handler(Events.COMPLETED, checkpoint)
            return trainer, evaluator, made[0], saved

        trainer, _, recorder, saved = build()
        trainer.run([0, 0], max_epochs=8)
        resumed, _evaluator, its_recorder, _ = build()
        resumed.load_state_dict(saved[0])
        its_recorder.load_state_dict(saved[1])
        resumed.run([0, 0])
        assert timeless(its_recorder.history) == timeless(recorder.history)
        assert decided(its_recorder.history) == decided(recorder.history)

    def test_an_evaluation_that_was_cut_short_is_not_caught_up_with(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        lengths: list[int] = []
        evaluator.add_event_handler(Events.COMPLETED, lambda: lengths.append(recorder.state_dict()["history"]["rows"]))
        recorder = Recorder(trainer, evaluator)
        evaluator.add_event_handler(
            Events.ITERATION_COMPLETED(once=1), lambda: evaluator.terminate() if trainer.state.epoch == 2 else None
        )
        trainer.run([0], max_epochs=3)
        assert lengths == [1, 1, 2]

    def test_outside_of_completed_the_metrics_of_the_run_before_are_left_alone(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        for event in (Events.STARTED, Events.EPOCH_STARTED, Events.ITERATION_COMPLETED, Events.EPOCH_COMPLETED):
            evaluator.add_event_handler(event, recorder.state_dict)
        trainer.run([0], max_epochs=3)
        recorder.state_dict()
        assert recorder.history["loss"].tolist() == _LOSSES[:3]

    def test_an_exception_in_completed_leaves_nothing_to_catch_up_with(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        evaluator.add_event_handler(Events.COMPLETED, lambda: 1 / 0)
        recorder = Recorder(trainer, evaluator)
        with pytest.raises(ZeroDivisionError):
            trainer.run([0], max_epochs=3)
        assert recorder.state_dict()["evaluations"] == 0

    def test_metrics_that_come_after_the_checkpoint_are_asked_for_by_name(self) -> None:
        states: list[Any] = []
        trainer, evaluator = loop()
        evaluator.add_event_handler(Events.COMPLETED, lambda: states.append(recorder.state_dict()))
        evaluator.add_event_handler(Events.COMPLETED, lambda: evaluator.state.metrics.update(loss=0.5))
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("loss") < 1)
        with pytest.raises(UnknownMetricError, match="before COMPLETED fires"):
            trainer.run([0], max_epochs=1)


class TestTheTrainerAsASource:
    @staticmethod
    def _build(event: Any) -> tuple[Engine, Recorder, list[Any]]:
        trainer = engine()
        saved: list[Any] = []
        trainer.add_event_handler(event, lambda: saved.append([trainer.state_dict(), recorder.state_dict()]))
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: trainer.state.metrics.update(loss=_LOSSES[trainer.state.epoch - 1])
        )
        recorder = Recorder(trainer, {"train": trainer})
        delay_early_stopping(recorder, "train/loss", mode="min", patience=3)
        return trainer, recorder, saved

    def test_a_state_that_comes_before_the_record_is_said_to(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, _recorder, saved = self._build(Events.EPOCH_COMPLETED)
        trainer.run([0], max_epochs=3)
        assert [state[1]["evaluations"] for state in saved] == [0, 1, 2]
        [said] = caplog.messages
        assert "Save on Events.EPOCH_STARTED | Events.COMPLETED" in said

    def test_the_documented_events_save_every_epoch(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, recorder, saved = self._build(Events.EPOCH_STARTED | Events.COMPLETED)
        trainer.run([0, 0], max_epochs=10)
        assert [state[1]["evaluations"] for state in saved] == [*range(10), 10]
        for saved_trainer, saved_recorder in saved[1:-1]:
            resumed, its_recorder, _ = self._build(Events.EPOCH_STARTED | Events.COMPLETED)
            Checkpoint.load_objects(
                {"trainer": resumed, **its_recorder.to_save()}, {"trainer": saved_trainer, "recorder": saved_recorder}
            )
            resumed.run([0, 0])
            assert timeless(its_recorder.history) == timeless(recorder.history)
            assert decided(its_recorder.history) == decided(recorder.history)
        warned = {record.name for record in caplog.records if record.levelno >= logging.WARNING}
        assert warned == {"ignite_delayed.Stopper"}  # of each stop, nothing of a loss


class TestNotStrict:
    @staticmethod
    def _with(*names: str) -> tuple[Engine, Recorder, dict[str, Gate]]:
        trainer, recorder, _ = build()
        recorder.gates[0].remove()
        return trainer, recorder, {name: Gate(recorder, until=Metric("loss") < 0.5, name=name) for name in names}

    def _saved(self) -> tuple[Any, Any]:
        trainer, recorder, _ = self._with("old", "older", "kept")
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=4), trainer.terminate)
        trainer.run([0, 0], max_epochs=6)
        return dict(trainer.state_dict()), recorder.state_dict()

    def test_new_gates_start_afresh_and_gone_ones_are_left_out(self, caplog: pytest.LogCaptureFixture) -> None:
        saved_trainer, saved = self._saved()
        trainer, recorder, gates = self._with("kept", "new", "more")
        trainer.run([0, 0], max_epochs=5)
        assert gates["new"].is_open
        caplog.clear()
        with pytest.raises(StateError, match="strict=False"):
            recorder.load_state_dict(saved)
        assert gates["new"].is_open
        recorder.load_state_dict(saved, strict=False)
        assert (gates["kept"].is_open, gates["new"].is_open) == (True, False)
        assert caplog.messages == [
            (
                "the recorder's state is of other parts: gates that start afresh: more, new; "
                "saved gates that are left out: old, older"
            )
        ]
        trainer.load_state_dict(saved_trainer)
        trainer.run([0, 0])
        assert (gates["kept"].opened_at.epoch, gates["new"].opened_at.epoch) == (4, 6)  # type: ignore[union-attr]

    def test_what_fits_is_loaded_without_a_word(self, caplog: pytest.LogCaptureFixture) -> None:
        _, saved = self._saved()
        _trainer, recorder, _ = self._with("old", "older", "kept")
        caplog.clear()
        recorder.load_state_dict(saved, strict=False)
        assert {**unsealed(recorder.state_dict()), "iteration": 8} == unsealed(saved)
        assert caplog.messages == []

    def test_another_rule_under_the_same_name_is_refused_all_the_same(self) -> None:
        _, saved = self._saved()
        _trainer, recorder, _ = self._with("new")
        Gate(recorder, until=Metric("loss") < 0.1, name="kept")
        before = recorder.state_dict()
        with pytest.raises(StateError, match="another rule"):
            recorder.load_state_dict(saved, strict=False)
        assert recorder.state_dict() == before

    def test_a_new_evaluator_and_a_new_handler(self, caplog: pytest.LogCaptureFixture) -> None:
        import torch

        def build(*names: str) -> tuple[Engine, Recorder]:
            trainer = engine()
            trainer.named = {name: reporting(trainer, loss=_LOSSES) for name in names}  # type: ignore[attr-defined]
            for evaluator in trainer.named.values():  # type: ignore[attr-defined]
                evaluate(trainer, evaluator)
            return trainer, Recorder(trainer, trainer.named)  # type: ignore[attr-defined]

        trainer, recorder = build("val")
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), trainer.terminate)
        trainer.run([0], max_epochs=4)
        other, its_recorder = build("train", "val")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        LRPhases(its_recorder, optimizer, [Phase(Linear(1.0, 0.5, steps=4), per="epoch")], name="phases")
        other.load_state_dict(trainer.state_dict())
        caplog.clear()
        its_recorder.load_state_dict(recorder.state_dict(), strict=False)
        [said] = caplog.messages
        assert "handlers that start afresh: phases" in said
        assert "sources that start afresh: train" in said
        assert its_recorder.state_dict()["sources"] == {"train": -1, "val": 2}
        other.run([0])
        assert [record.source for record in its_recorder.history] == ["val", "val", "train", "val", "train", "val"]
