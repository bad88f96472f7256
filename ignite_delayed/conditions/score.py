"""A user's own function as a number to monitor."""

from __future__ import annotations

from collections.abc import Callable, Collection

from .._utils.checks import check_name, describe, refuse_type, refuse_value
from ..errors import MetricValueError
from ..history.metrics import as_float
from ..history.record import Record
from .expression import Expression
from .node import State
from .predicate import check_function

__all__ = ["Score"]


class Score(Expression):
    """``fn(record)`` of the last record at which all of ``names`` were recorded at one trainer iteration.

    It stands wherever a metric does: monitored by early stopping, compared, averaged. Most scores are expressions
    (``0.7 * Metric("acc") + 0.3 * Metric("f1")``); this is for those that are not. The function should be pure: replay
    and resume ask it again. To be printed, compared or pickled usefully it must be a named function.

    Args:
        fn: a function of one :class:`Record` that returns a number; NaN is none.
        names: the metrics that it reads, at least one: a name that nobody reports is an error.

    Raises:
        TypeError: for a coroutine, a class, a function of an engine, or one that does not take exactly one argument.
        ValueError: without names.

    Example:
        >>> def balanced(record):
        ...     return min(record["recall/0"], record["recall/1"])
        >>> Score(balanced, names=("recall/0", "recall/1")) > 0.8
        Score(balanced, names=('recall/0', 'recall/1')) > 0.8
    """

    __slots__ = ("fn", "names")
    fn: Callable[[Record], float]
    names: tuple[str, ...]

    def __init__(self, fn: Callable[[Record], float], names: Collection[str]) -> None:
        check_function(fn)
        if isinstance(names, str):
            refuse_type("names", "a collection of metric names", names, f"Write names=({names!r},).")
        if not names:
            refuse_value("names", "at least one metric's name", names, "It says when there is something to compute.")
        names = tuple(check_name("an entry of names", name) for name in names)
        self._set(fn=fn, names=names)
        self._set_parts(reads=frozenset(names))

    def advance(self, state: State, record: Record) -> State:
        return (_as_number(self.fn, self.fn(record)),) if self.observed(record) else state

    def __repr__(self) -> str:
        # By name, not by address: a state is recognised by its rule's repr in another process.
        name = getattr(self.fn, "__qualname__", None) or f"<{type(self.fn).__qualname__}>"
        return f"Score({name}, names={self.names!r})"


def _as_number(fn: Callable[[Record], float], answer: object) -> float:
    try:
        return as_float(answer)
    except ValueError as error:
        raise MetricValueError(f"score {fn!r} must answer a number, got {describe(answer)}: {error}") from error
