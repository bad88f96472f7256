"""Calling a function of the user with what it takes, found out when it is attached."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any

from ignite.engine import Events

from .._utils.checks import is_coroutine, refuse_type

__all__ = ["EXTRA", "Announcement", "Handler", "adapt", "announcement_of", "name_of"]

Handler = Callable[..., Any]
#: What is called with a gate that opened.
Announcement = Callable[[Any], object]

# What a parameter for an engine is called.
_ENGINES = ("engine", "trainer", "evaluator")

#: What Ignite passes besides the engine.
EXTRA: dict[Any, tuple[tuple[Any, ...], dict[str, Any]]] = {
    Events.EXCEPTION_RAISED: ((Exception(),), {}),
    Events.TERMINATE_SINGLE_EPOCH: ((), {"iter_counter": 0}),
}


def adapt(
    handler: Handler, event: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = MappingProxyType({})
) -> Callable[..., Any]:
    """``handler`` as a function of the engine and whatever the event passes; ``args`` and ``kwargs`` come after those.

    The engine is passed where the signature takes it, as by Ignite, but not into a parameter with a default (the
    ``k`` of ``lambda k=k: ...``) unless that is called ``engine``; ``iter_counter`` only where it is asked for.

    Raises:
        TypeError: where the signature fits neither way, or is a coroutine's.
    """
    if not callable(handler):
        attaches = "What has an attach() of its own is delayed by delay_attach(recorder, it, engine, until=...)."
        refuse_type("handler", "a callable", handler, attaches if hasattr(handler, "attach") else "")
    if is_coroutine(handler):
        refuse_type("handler", "a plain callable", handler, "Ignite would call the coroutine and never await it.")
    passed, named = EXTRA.get(event, ((), {}))
    firsts: list[tuple[Any, ...]] = [(object(),), ()] if _wants_engine(handler) else [()]
    if args and _first(handler)[0] in _ENGINES:
        firsts = [(object(),)]  # what comes first in args is no engine
    for extras in (named, {}):
        for first in firsts:
            if _accepts(handler, (*first, *passed, *args), {**extras, **kwargs}):
                call = _append_arguments(handler, tuple(args), dict(kwargs))
                return _caller(call, bool(first), bool(extras), event in EXTRA)
    fit = "the engine and the exception, or of the exception" if passed else "the engine, or of nothing"
    also = ", and then of args and kwargs" if args or kwargs else ""
    refuse_type("handler", f"a callable of {fit}{also}", handler, f"Its signature is {_signature(handler)}.")


def _append_arguments(handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handler:
    """``handler``, which is passed ``args`` and ``kwargs`` too."""
    if not args and not kwargs:
        return handler
    return lambda *passed, **named: handler(*passed, *args, **named, **kwargs)


def announcement_of(function: Handler) -> Announcement:
    """``function`` as one of the gate that opened: called with the gate, with the trainer, or with nothing.

    A first parameter called ``engine`` or ``trainer`` gets the trainer, any other without a default the gate.

    Raises:
        TypeError: where the signature fits none of these, or is a coroutine's.
    """
    if not callable(function):
        refuse_type("function", "a function of one gate", function)
    if is_coroutine(function):
        refuse_type("function", "a plain function", function, "It would be called and never awaited.")
    name, wanted = _first(function)
    if name in ("engine", "trainer") and _accepts(function, (object(),), {}):
        return lambda gate: function(gate.recorder.trainer)
    if name == "evaluator":
        refuse_type("function", "a function of the gate, of the trainer, or of nothing", function, "Call it gate.")
    if wanted and _accepts(function, (object(),), {}):
        return function
    if _accepts(function, (), {}):
        return lambda gate: function()
    hint = f"Its signature is {_signature(function)}."
    refuse_type("function", "a function of the gate, of the trainer, or of nothing", function, hint)


def name_of(handler: Any) -> str:
    """What ``handler`` is called where it is not named."""
    owner = getattr(handler, "__self__", None)
    if owner is not None and not isinstance(owner, (type, ModuleType)):
        return f"{type(owner).__name__}.{getattr(handler, '__name__', 'handler')}"
    name = getattr(handler, "__name__", None) or type(handler).__name__
    return "handler" if name == "<lambda>" else str(name)


def _signature(handler: Handler) -> inspect.Signature | None:
    try:
        return inspect.signature(handler)
    except (TypeError, ValueError):
        return None


def _wants_engine(handler: Handler) -> bool:
    name, wanted = _first(handler)
    return wanted or name in _ENGINES


def _first(handler: Handler) -> tuple[str, bool]:
    """The name of the first parameter, and whether something must be passed for it, as far as can be told."""
    signature = _signature(handler)
    first = next(iter(signature.parameters.values()), None) if signature is not None else None
    return ("", True) if first is None else (first.name, first.default is first.empty)


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
