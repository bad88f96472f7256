"""A user's own function as a condition."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

from .._utils.checks import check_name, describe, is_coroutine, refuse_type
from ..errors import MetricValueError
from ..history.record import Record
from .condition import Condition
from .node import State

__all__ = ["Predicate", "check_function"]

_HOW = (
    "A predicate is a plain function of one record, for example lambda record: record.epoch % 5 == 0; "
    "the engine is not passed."
)


class Predicate(Condition):
    """True when ``fn(record)`` is; it is asked once per observation.

    Give a plain callable wherever a condition is expected and it becomes a ``Predicate``. It should be pure: replay
    and resume ask it again. To be printed, compared or pickled usefully it must be a named function.

    Args:
        fn: a function of one :class:`Record` that returns ``True``, ``False``, or ``None`` for "not known yet".
        names: the metrics it needs: it is then asked only when all of them were recorded at one trainer
            iteration, and a name that nobody reports is an error. Without, it is asked at every record.

    Raises:
        TypeError: for a coroutine, a class, a function of an engine, or one that does not take exactly one argument.

    Example:
        >>> def even(record):
        ...     return record.epoch % 2 == 0
        >>> Predicate(even).clock_units is None
        True
    """

    __slots__ = ("fn", "names")
    fn: Callable[[Record], bool | None]
    names: tuple[str, ...]

    def __init__(self, fn: Callable[[Record], bool | None], names: Collection[str] = ()) -> None:
        check_function(fn)
        if isinstance(names, str):
            refuse_type("names", "a collection of metric names", names, f"Write names=({names!r},).")
        names = tuple(check_name("an entry of names", name) for name in names)
        self._set(fn=fn, names=names)
        self._set_parts(reads=frozenset(names))

    def advance(self, state: State, record: Record) -> State:
        if self.reads and not self.observed(record):
            return state
        return (_as_verdict(self.fn, self.fn(record)),)

    def __repr__(self) -> str:
        # By name, not by address: a state is recognised by its rule's repr in another process.
        name = getattr(self.fn, "__qualname__", None) or f"<{type(self.fn).__qualname__}>"
        return f"Predicate({name}{f', names={self.names!r}' if self.names else ''})"


def check_function(fn: Any) -> None:
    """Refuse ``fn`` unless it is a plain function of one record."""
    if not callable(fn) or inspect.isclass(fn):
        refuse_type("fn", "a function of one record", fn, _HOW)
    if is_coroutine(fn):
        refuse_type("fn", "a plain function", fn, "A coroutine function answers a coroutine, which is always true.")
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # builtins may have no signature; they answer for themselves
    try:
        bound = signature.bind(object())
    except TypeError:
        refuse_type("fn", "a function of one record", fn, f"Its signature is {signature}. {_HOW}")
    parameter = next(iter(bound.arguments))
    if parameter in ("engine", "trainer", "evaluator"):
        refuse_type("fn", "a function of one record", fn, f"Its argument is called {parameter!r}. {_HOW}")


def _as_verdict(fn: Any, answer: Any) -> bool | None:
    if answer is None or isinstance(answer, bool):
        return answer
    if type(answer).__name__ in ("bool", "bool_"):  # NumPy's, which is no bool
        return bool(answer)
    raise MetricValueError(f"predicate {fn!r} must answer True, False or None, got {describe(answer)}")
