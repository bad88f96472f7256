"""What notices exceptions deals with none: they come out of run() as if it were not there."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, handler_table
from ignite.engine import Engine, Events

from ignite_delayed import Recorder
from ignite_delayed.recording.exceptions import ExceptionWatch


class BrokenError(Exception):
    """What a batch raises."""


def fail(engine: Engine, batch: Any) -> None:
    raise BrokenError


def watch(trainer: Engine) -> tuple[ExceptionWatch, list[str]]:
    noticed: list[str] = []
    one = ExceptionWatch(trainer, lambda: noticed.append("noticed"))
    trainer.add_event_handler(Events.STARTED, one.begin)
    return one, noticed


def failing() -> Engine:
    trainer = engine(fail)
    trainer.logger.disabled = True
    return trainer


def test_beside_a_handler_that_deals_with_it_an_exception_is_noticed() -> None:
    trainer = failing()
    _, noticed = watch(trainer)
    dealt: list[BaseException] = []
    trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda engine, error: dealt.append(error))
    trainer.run([0])
    assert noticed == ["noticed"]
    assert [type(error) for error in dealt] == [BrokenError]


def test_alone_it_is_not_attached_at_all() -> None:
    trainer = failing()
    _, noticed = watch(trainer)
    with pytest.raises(BrokenError):
        trainer.run([0])
    assert noticed == []
    assert Events.EXCEPTION_RAISED not in handler_table(trainer)


@pytest.mark.parametrize("watches", [1, 2, 3])
def test_where_the_handler_beside_it_is_gone_the_exception_is_raised_and_noticed_by_all(watches: int) -> None:
    trainer = failing()
    handle = trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda engine, error: None)
    ours = [watch(trainer) for _ in range(watches)]
    trainer.add_event_handler(Events.ITERATION_STARTED, handle.remove)
    with pytest.raises(BrokenError):
        trainer.run([0])
    assert all(noticed for _, noticed in ours)


def test_removed_it_leaves_no_trace() -> None:
    trainer = failing()
    handle = trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda engine, error: None)
    one, noticed = watch(trainer)
    trainer.run([0])
    handle.remove()
    one.remove()
    one.remove()
    assert Events.EXCEPTION_RAISED not in handler_table(trainer)
    assert noticed == ["noticed"]


def test_an_evaluator_that_two_recorders_watch_fails_as_if_nobody_did() -> None:
    evaluator = failing()
    handle = evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda engine, error: None)
    trainers = [engine() for _ in range(2)]
    recorders = []
    for number, trainer in enumerate(trainers):
        trainer.logger.disabled = True
        recorders.append(Recorder(trainer, evaluator))
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        if number == 0:
            trainer.run([0])  # an evaluation beside the handler that deals with its exceptions
            handle.remove()
    with pytest.raises(BrokenError):
        trainers[1].run([0])
