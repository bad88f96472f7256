"""What a run that is resumed from a state would lack is told as soon as it is known."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, evaluate, loop, reporting
from ignite.engine import Engine, Events

from ignite_delayed import Recorder


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
    assert len(caplog.messages) == 1


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
