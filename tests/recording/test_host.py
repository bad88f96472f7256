"""What is read of Ignite's private parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch.distributed as dist
from engines import engine, handler_table
from ignite.engine import Engine, Events

from ignite_delayed.recording.host import (
    attached_handlers,
    check_event,
    drop_generator,
    drop_if_empty,
    fires,
    group_store,
    is_counting,
    move_to_end,
    unwrap,
    working_generator,
)


def test_a_run_works_in_a_generator_that_is_gone_afterwards() -> None:
    trainer, seen = engine(), list[bool]()
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda: seen.append(working_generator(trainer).gi_running))
    assert working_generator(trainer) is None
    trainer.run([0])
    assert seen == [True]
    assert working_generator(trainer) is None


def test_after_an_error_the_next_run_begins_once_the_generator_is_dropped() -> None:
    def step(engine: Engine, batch: int) -> None:
        if batch:
            raise ValueError("bad batch")

    trainer = engine(step)
    with pytest.raises(ValueError, match="bad batch"):
        trainer.run([1])
    assert working_generator(trainer) is not None
    drop_generator(trainer)
    assert trainer.run([0, 0]).iteration == 2


@pytest.mark.parametrize("resumable", [True, False])
def test_an_event_fires_while_its_handlers_run(resumable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
    trainer, seen = engine(), list[tuple[bool, bool]]()

    @trainer.on(Events.EPOCH_COMPLETED)
    def look() -> None:
        seen.append((fires(trainer, Events.EPOCH_COMPLETED), fires(trainer, Events.COMPLETED)))

    trainer.run([0])
    assert seen == [(True, False)]


def test_handlers_are_listed_in_order_and_an_empty_list_of_them_is_dropped() -> None:
    trainer = engine()
    handlers: list[Any] = [lambda error: None, lambda error: None]
    for handler in handlers:
        trainer.add_event_handler(Events.EXCEPTION_RAISED, handler)
    assert attached_handlers(trainer, Events.EXCEPTION_RAISED) == handlers
    assert attached_handlers(trainer, Events.COMPLETED) == []
    trainer.remove_event_handler(handlers[0], Events.EXCEPTION_RAISED)
    drop_if_empty(trainer, Events.EXCEPTION_RAISED)
    assert Events.EXCEPTION_RAISED in handler_table(trainer)
    trainer.remove_event_handler(handlers[1], Events.EXCEPTION_RAISED)
    drop_if_empty(trainer, Events.EXCEPTION_RAISED)
    assert Events.EXCEPTION_RAISED not in handler_table(trainer)


def test_an_event_that_is_not_fired_is_refused_in_ignites_words() -> None:
    check_event(engine(), Events.COMPLETED)
    with pytest.raises(ValueError, match="Event backward is not a valid event for this Engine"):
        check_event(engine(), "backward")


def test_filters_of_ignites_own_making_are_told_from_the_users() -> None:
    counting: list[Any] = [Events.COMPLETED(every=2), Events.COMPLETED(once=1), Events.COMPLETED(after=2)]
    assert all(map(is_counting, counting))
    assert not is_counting(Events.COMPLETED)
    assert not is_counting(Events.COMPLETED(event_filter=lambda engine, event: True))
    assert not is_counting("backward")


def test_a_handler_is_found_below_the_wrapper_of_its_filter() -> None:
    trainer = engine()

    def handler() -> None: ...

    trainer.add_event_handler(Events.COMPLETED(event_filter=lambda engine, event: True), handler)
    [wrapped] = attached_handlers(trainer, Events.COMPLETED)
    assert wrapped is not handler
    assert unwrap(wrapped) is handler
    assert unwrap(handler) is handler


def test_a_single_process_has_no_store() -> None:
    assert not dist.is_initialized()
    assert group_store() is None


def test_what_is_moved_to_the_end_while_an_event_goes_on_is_called_once_and_last() -> None:
    trainer, order = engine(), list[str]()

    def last() -> None:
        order.append("last")

    trainer.add_event_handler(Events.STARTED, lambda: move_to_end(trainer, Events.STARTED, last))
    for handler in (last, lambda: order.append("a"), lambda: order.append("b")):
        trainer.add_event_handler(Events.STARTED, handler)
    trainer.run([0])
    assert order == ["a", "b", "last"]
    trainer.run([0])
    assert order == ["a", "b", "last"] * 2
