"""Calling a user's handler as Ignite would, from a handler of ours."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events, State

from .._utils.checks import is_coroutine, refuse_type
from ..recording.host import attached_handlers, unwrap
from ..recording.watches import EvaluatorWatch
from .gate import Gate

__all__ = ["Handler", "adapted", "gated", "identity"]

Handler = Callable[..., Any]

# What Ignite passes besides the engine.
_EXTRA: dict[Any, tuple[tuple[Any, ...], dict[str, Any]]] = {
    Events.EXCEPTION_RAISED: ((Exception(),), {}),
    Events.TERMINATE_SINGLE_EPOCH: ((), {"iter_counter": 0}),
}


def adapted(handler: Handler, event: Any) -> Callable[..., Any]:
    """``handler`` as a function of the engine and whatever the event passes.

    The engine is passed where the signature takes it, as by Ignite, but not into a parameter with a default (the
    ``k`` of ``lambda k=k: ...``) unless that is called ``engine``; ``iter_counter`` only where it is asked for.

    Raises:
        TypeError: where the signature fits neither way, or is a coroutine's.
    """
    if not callable(handler):
        refuse_type("handler", "a callable", handler)
    if is_coroutine(handler):
        refuse_type("handler", "a plain callable", handler, "Ignite would call the coroutine and never await it.")
    args, kwargs = _EXTRA.get(event, ((), {}))
    for named in (kwargs, {}):
        for first in ((object(),), ()) if _wants_engine(handler) else ((),):
            if _accepts(handler, (*first, *args), named):
                return _caller(handler, bool(first), bool(named), event in _EXTRA)
    fit = "the engine and the exception, or of the exception" if args else "the engine, or of nothing"
    refuse_type("handler", f"a callable of {fit}", handler, f"Its signature is {_signature(handler)}.")


def _signature(handler: Handler) -> inspect.Signature | None:
    try:
        return inspect.signature(handler)
    except (TypeError, ValueError):
        return None


def _wants_engine(handler: Handler) -> bool:
    signature = _signature(handler)
    first = next(iter(signature.parameters.values()), None) if signature is not None else None
    return first is None or first.default is first.empty or first.name in ("engine", "trainer", "evaluator")


def _accepts(handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    signature = _signature(handler)
    if signature is None:  # a builtin tells nothing; Ignite refuses it, we pass the engine
        return True
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _caller(handler: Handler, with_engine: bool, with_named: bool, extras: bool) -> Callable[..., Any]:
    if with_engine and (with_named or not extras):
        return handler
    if with_engine:
        return lambda engine, *args, **kwargs: handler(engine, *args)
    if with_named:
        return lambda engine, **kwargs: handler(**kwargs)
    return lambda engine, *args, **kwargs: handler(*args)


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


def gated(gate: Gate, engine: Engine, event: Any, call: Callable[..., Any]) -> Callable[..., None]:
    """A plain handler that asks the gate first; Ignite's filter wrapper doubles the cost of a fired event."""
    if event == Events.EXCEPTION_RAISED:
        return _gated_exception(gate, engine, event.filter, call)
    if getattr(event, "filter", None) is not None:
        return _gated_and_filtered(gate, event, call)
    if event in _EXTRA:

        def with_extras(engine: Engine, iter_counter: int) -> None:
            if gate.is_open:
                call(engine, iter_counter=iter_counter)

        return with_extras

    def plain(engine: Engine) -> None:
        if gate.is_open:
            call(engine)

    return plain


def _gated_and_filtered(gate: Gate, event: Any, call: Callable[..., Any]) -> Callable[..., None]:
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
        if attached is on_exception or getattr(attached, "__func__", None) is EvaluatorWatch.on_exception:
            return False
        waits: Gate | None = getattr(attached, "gate", None)
        return waits is None or waits.is_open

    on_exception.gate = gate  # type: ignore[attr-defined]
    return on_exception
