"""How much of the training is done, asked at every event of the trainer's loop."""

from __future__ import annotations

import pytest
from engines import engine
from ignite.engine import Events

from ignite_delayed.recording.runs.run import position


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Events.STARTED, [(0, 0)]),
        (Events.EPOCH_STARTED, [(0, 0), (2, 1)]),
        (Events.GET_BATCH_STARTED, [(0, 0), (1, 1), (2, 1), (3, 2)]),
        (Events.GET_BATCH_COMPLETED, [(0, 0), (1, 1), (2, 1), (3, 2)]),
        (Events.ITERATION_STARTED, [(0, 0), (1, 1), (2, 1), (3, 2)]),
        (Events.ITERATION_COMPLETED, [(1, 1), (2, 1), (3, 2), (4, 2)]),
        (Events.EPOCH_COMPLETED, [(2, 1), (4, 2)]),
        (Events.COMPLETED, [(4, 2)]),
    ],
)
def test_of_two_epochs_of_two_iterations(event: Events, expected: list[tuple[int, int]]) -> None:
    trainer = engine()
    seen: list[tuple[int, int]] = []
    trainer.add_event_handler(event, lambda: seen.append(position(trainer)))
    trainer.run([0, 0], max_epochs=2)
    assert seen == expected


def test_before_any_run() -> None:
    assert position(engine()) == (0, 0)


def test_resumed_at_the_end_of_an_epoch_and_in_mid_epoch() -> None:
    for iteration, started in ((2, (2, 1)), (3, (3, 1))):
        trainer = engine()
        trainer.load_state_dict({"iteration": iteration, "epoch_length": 2, "max_epochs": 3})
        seen: list[tuple[int, int]] = []
        for event in (Events.STARTED, Events.EPOCH_STARTED(once=2)):
            trainer.add_event_handler(event, lambda engine, seen: seen.append(position(engine)), seen)
        trainer.run([0, 0])
        assert seen == [started, (iteration, 1)]


def test_while_the_length_of_an_epoch_is_unknown() -> None:
    trainer = engine()
    seen: list[tuple[int, int]] = []
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda: seen.append(position(trainer)))
    trainer.run(iter([0, 0]), max_epochs=1)
    assert seen == [(0, 0), (1, 1)]
