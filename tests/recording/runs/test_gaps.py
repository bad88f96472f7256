"""What a run that is resumed from a state would lack is told as soon as it is known."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, evaluate, loop, reporting
from ignite.engine import Engine, Events

from ignite_delayed import Recorder, StateError


def saving_at(trainer: Engine, recorder: Recorder, event: Any) -> None:
    trainer.add_event_handler(event, recorder.state_dict)


@pytest.mark.parametrize("event", [Events.ITERATION_COMPLETED, Events.EPOCH_COMPLETED])
def test_a_state_saved_before_the_evaluation_of_its_epoch_is_told_of_once(
    caplog: pytest.LogCaptureFixture, event: Any
) -> None:
    trainer = engine()
    evaluator = reporting(trainer, loss=[0.3] * 4)
    recorder = Recorder(trainer, evaluator)
    saving_at(trainer, recorder, event)
    evaluate(trainer, evaluator)
    trainer.run([0, 0], max_epochs=4)
    assert caplog.messages == [
        (
            f"a state was saved at {event.name} of iteration 2, the last one of an epoch, before the evaluator ran at "
            "EPOCH_COMPLETED: a run resumed from it goes on with the next epoch and lacks this evaluation. Save on "
            "EPOCH_COMPLETED, attached after what evaluates there. (Said once a run.)"
        )
    ]


def test_what_is_told_is_so(caplog: pytest.LogCaptureFixture) -> None:
    saved: list[Any] = []

    def build() -> tuple[Engine, Recorder]:
        trainer, evaluator = loop(loss=[0.3] * 4)
        trainer.evaluator = evaluator  # type: ignore[attr-defined] # kept: engines are held weakly
        return trainer, Recorder(trainer, evaluator)

    trainer, recorder = build()
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED(once=4),
        lambda: saved.extend([dict(trainer.state_dict()), recorder.state_dict()]),
    )
    trainer.run([0, 0], max_epochs=4)
    resumed, its_recorder = build()
    resumed.load_state_dict(saved[0])
    its_recorder.load_state_dict(saved[1])
    resumed.run([0, 0])
    assert [record.epoch for record in its_recorder.history] == [1, 3, 4]
    assert ["lacks this evaluation" in message for message in caplog.messages] == [True, True]


@pytest.mark.parametrize(
    "event",
    [Events.EPOCH_COMPLETED, Events.EPOCH_STARTED, Events.COMPLETED, Events.ITERATION_COMPLETED(once=3)],
)
def test_nothing_is_said_of_a_state_that_lacks_nothing(caplog: pytest.LogCaptureFixture, event: Any) -> None:
    trainer, evaluator = loop(loss=[0.3] * 4)
    recorder = Recorder(trainer, evaluator)
    saving_at(trainer, recorder, event)
    trainer.run([0, 0], max_epochs=4)
    assert caplog.messages == []


def test_nor_of_one_at_the_evaluators_own_end(caplog: pytest.LogCaptureFixture) -> None:
    trainer = engine()
    evaluator = reporting(trainer, loss=[0.3] * 4)
    saved: list[Any] = []
    evaluator.add_event_handler(Events.COMPLETED, lambda: saved.append(recorder.state_dict()))
    recorder = Recorder(trainer, evaluator)
    evaluate(trainer, evaluator)
    trainer.run([0, 0], max_epochs=4)
    assert (len(saved), caplog.messages) == (4, [])


def test_the_trainers_own_metrics_are_told_of_by_one_voice_alone(caplog: pytest.LogCaptureFixture) -> None:
    trainer = engine()
    recorder = Recorder(trainer, {"train": trainer})
    saving_at(trainer, recorder, Events.EPOCH_COMPLETED)
    trainer.run([0, 0], max_epochs=3)
    assert len(caplog.messages) == 1
    assert "before its own metrics of this epoch are recorded" in caplog.messages[0]


@pytest.mark.parametrize(
    ("event", "at", "now", "then"),
    [
        (Events.EPOCH_COMPLETED, 2, 1, 0),
        (Events.EPOCH_STARTED, 2, 2, 1),
        (Events.ITERATION_STARTED, 3, 2, 1),
        (Events.ITERATION_COMPLETED, 6, 3, 2),
    ],
)
def test_epochs_that_go_backwards_on_resuming_are_told_of_when_saved(
    caplog: pytest.LogCaptureFixture, event: Any, at: int, now: int, then: int
) -> None:
    trainer, evaluator = loop(loss=[0.3] * 4)
    recorder = Recorder(trainer, evaluator)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=2), lambda engine: engine.terminate_epoch())
    trainer.add_event_handler(event, lambda: recorder.state_dict() if trainer.state.iteration == at else None)
    trainer.run([0, 0, 0], max_epochs=3)
    assert caplog.messages == [
        (
            f"a state is saved in epoch {now}, at iteration {at}, after epochs that were cut short (by "
            "terminate_epoch()): Ignite saves the iteration alone, and a run resumed from it goes on in epoch "
            f"{then}. Conditions that count iterations do not depend on it. (Said once a "
            "run.)"
        )
    ]
    resumed = engine()
    resumed.load_state_dict({"epoch_length": 3, "max_epochs": 3, "iteration": at})
    assert resumed.state.epoch in (then, then - 1)  # where an epoch begins, Ignite has not counted it yet


def test_of_a_run_whose_epochs_were_whole_nothing_is_said_wherever_it_is_saved(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trainer = engine()
    recorder = Recorder(trainer, engine())
    for event in (
        Events.STARTED,
        Events.EPOCH_STARTED,
        Events.GET_BATCH_STARTED,
        Events.GET_BATCH_COMPLETED,
        Events.ITERATION_STARTED,
        Events.ITERATION_COMPLETED,
        Events.EPOCH_COMPLETED,
        Events.COMPLETED,
    ):
        saving_at(trainer, recorder, event)
    trainer.run([0, 0, 0], max_epochs=3)
    assert caplog.messages == []


class Resumed:
    """A run that evaluates at the end of epochs, and one that is resumed from a state of it."""

    def __init__(self, save: Any, evaluate_at: Any = Events.EPOCH_COMPLETED, epochs: int = 5) -> None:
        self.saved: list[Any] = []
        trainer, self.recorder = self.build(evaluate_at, save)
        trainer.run([0, 0], max_epochs=epochs)

    def build(self, evaluate_at: Any, save: Any = None) -> tuple[Engine, Recorder]:
        trainer = engine()
        evaluator = reporting(trainer, loss=[0.3] * 9)
        recorder = Recorder(trainer, evaluator)
        if save is not None:
            trainer.add_event_handler(
                save, lambda: self.saved.extend([dict(trainer.state_dict()), recorder.state_dict()])
            )
        trainer.add_event_handler(evaluate_at, lambda: evaluator.run([0]))
        return trainer, recorder

    def resume(self, evaluate_at: Any = Events.EPOCH_COMPLETED) -> list[int]:
        """The epochs that the resumed run has records of."""
        trainer, recorder = self.build(evaluate_at)
        trainer.load_state_dict(self.saved[0])
        recorder.load_state_dict(self.saved[1])
        trainer.run([0, 0])
        return [record.epoch for record in recorder.history]


LOST = (
    "the state of iteration {at} was saved at the end of an epoch before the evaluator ran there, as it did at the "
    "epochs before: the run that is resumed from it lacks this evaluation. Run it at STARTED of a resumed run, or "
    "save on EPOCH_COMPLETED, attached after what evaluates there. (Said once a run.)"
)


def at_every_other(engine: Engine, epoch: int) -> bool:
    return epoch % 2 == 0


class TestARunResumedFromAStateThatLacksAnEvaluation:
    @pytest.mark.parametrize("at", [4, 6, 10])
    def test_is_told_so_as_it_begins(self, caplog: pytest.LogCaptureFixture, at: int) -> None:
        run = Resumed(Events.ITERATION_COMPLETED(once=at))
        assert run.saved[1]["unevaluated"] == [""]
        caplog.clear()
        assert run.resume() == [epoch for epoch in range(1, 6) if epoch != at / 2]
        assert caplog.messages[0] == LOST.format(at=at)
        assert sum("lacks this evaluation" in message for message in caplog.messages) == 1

    def test_is_told_so_where_the_handlers_of_the_epochs_end_are_in_the_wrong_order(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Resumed(Events.EPOCH_COMPLETED(once=3))
        caplog.clear()
        assert run.resume() == [1, 2, 4, 5]
        assert caplog.messages == [LOST.format(at=6)]

    def test_is_told_nothing_where_it_makes_up_for_it_as_it_starts(self, caplog: pytest.LogCaptureFixture) -> None:
        run = Resumed(Events.ITERATION_COMPLETED(once=6))
        caplog.clear()
        assert run.resume(Events.STARTED | Events.EPOCH_COMPLETED) == [1, 2, 3, 4, 5]
        assert caplog.messages == []

    def test_goes_on_undisturbed_by_what_an_older_release_did_not_save(self, caplog: pytest.LogCaptureFixture) -> None:
        run = Resumed(Events.ITERATION_COMPLETED(once=6))
        del run.saved[1]["unevaluated"], run.saved[1]["checksum"]
        caplog.clear()
        assert run.resume() == [1, 2, 4, 5]
        assert caplog.messages == []


@pytest.mark.parametrize(
    ("save", "evaluate_at"),
    [
        (Events.ITERATION_COMPLETED(once=6), Events.EPOCH_COMPLETED(event_filter=at_every_other)),
        (Events.ITERATION_COMPLETED(once=6), Events.EPOCH_COMPLETED(once=1)),
        (Events.ITERATION_COMPLETED(once=6), Events.EPOCH_STARTED),
        (Events.ITERATION_COMPLETED(once=5), Events.EPOCH_COMPLETED),
        (Events.ITERATION_COMPLETED(once=2), Events.EPOCH_COMPLETED),
        (Events.EPOCH_STARTED(once=3), Events.EPOCH_COMPLETED),
    ],
)
def test_no_state_is_said_to_lack_what_was_not_sure_to_come(save: Any, evaluate_at: Any) -> None:
    assert "unevaluated" not in Resumed(save, evaluate_at).saved[1]


def test_a_damaged_list_of_what_a_state_lacks_is_refused() -> None:
    saved = Resumed(Events.ITERATION_COMPLETED(once=6)).saved[1]
    with pytest.raises(StateError, match="unevaluated must be a list of names, got 3"):
        Recorder(engine(), engine()).load_state_dict({**saved, "unevaluated": 3})
