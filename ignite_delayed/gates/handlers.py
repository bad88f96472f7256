"""Calling a user's handler as Ignite would, from a handler of ours."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events, State

from ..recording.exceptions import ExceptionWatch
from ..recording.host import attached_handlers, unwrap
from .gate import Gate
from .signatures import EXTRA, Handler

__all__ = ["gate_calls", "identity"]


def identity(handler: Handler) -> tuple[Any, ...]:
    """What makes two handlers the same: the object, or for a method the object and the function.

    Not ``==``: two equal dataclass handlers are two handlers.
    """
    handler = unwrap(handler)
    owner = getattr(handler, "__self__", None)
    if owner is None:
        return (id(handler),)
    function = getattr(handler, "__func__", None)
    return id(owner), getattr(handler, "__name__", id(handler)) if function is None else id(function)


def gate_calls(gate: Gate, engine: Engine, event: Any, call: Callable[..., Any]) -> Callable[..., None]:
    """A plain handler that asks the gate first; Ignite's filter wrapper doubles the cost of a fired event."""
    if event == Events.EXCEPTION_RAISED:
        return _gated_exception(gate, engine, event.filter, call)
    if getattr(event, "filter", None) is not None:
        return _filter_behind_gate(gate, event, call)
    if event in EXTRA:

        def with_extras(engine: Engine, iter_counter: int) -> None:
            if gate.is_open:
                call(engine, iter_counter=iter_counter)

        return with_extras

    def plain(engine: Engine) -> None:
        if gate.is_open:
            call(engine)

    return plain


def _filter_behind_gate(gate: Gate, event: Any, call: Callable[..., Any]) -> Callable[..., None]:
    """Both must hold; the filter is asked at every firing, so that one with a memory misses none."""
    fired = 0

    # Ignite passes iter_counter by name, but tries the signature with its place.
    def filtered(engine: Engine, *_: Any, **kwargs: Any) -> None:
        nonlocal fired
        fired += 1
        counted = event.name in State.event_to_attr  # the others have no counter: Ignite's own filters fail on them
        passes = event.filter(engine, engine.state.get_event_attrib_value(event.name) if counted else fired)
        if passes and gate.is_open:
            call(engine, **kwargs)

    return filtered


def _gated_exception(gate: Gate, engine: Engine, passes: Any, call: Callable[..., Any]) -> Callable[..., None]:
    """Ignite takes an exception for dealt with when any handler is attached: one that waits must hand it on.

    It is not passed the engine: that is gone when the generator of an interrupted run is dropped with its engine.
    """
    fired, alive = 0, weakref.ref(engine)

    def on_exception(error: BaseException) -> None:
        nonlocal fired
        fired += 1
        engine = alive()
        if engine is None:
            raise error
        if gate.is_open and (passes is None or passes(engine, fired)):
            call(engine, error)
        elif not any(map(_deals, attached_handlers(engine, Events.EXCEPTION_RAISED))):
            raise error

    def _deals(attached: Callable[..., Any]) -> bool:
        if attached is on_exception or ExceptionWatch.is_one(attached):
            return False
        waits: Gate | None = getattr(attached, "gate", None)
        return waits is None or waits.is_open

    on_exception.gate = gate  # type: ignore[attr-defined]
    return on_exception
