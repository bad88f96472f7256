"""Conditions on the value of an expression."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from .._utils.checks import check_choice, refuse_type
from ..history.record import Record
from .condition import Condition
from .expression import Expression, Metric, Number, as_expression, label_of
from .node import State, as_operand
from .parsing import readable

__all__ = ["Compare", "Finite", "as_monitor"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Compare(Condition):
    """``expression < bound`` (``<= > >=``): how the last observed value compares; unknown on NaN.

    Example:
        >>> Metric("loss") < 0.5
        Metric('loss') < 0.5
    """

    __slots__ = ("_apply", "left", "right", "symbol")
    precedence = 1
    left: Expression
    right: Expression
    symbol: str
    _apply: Callable[[float, float], bool]

    def __init__(self, left: Any, symbol: str, right: Any) -> None:
        check_choice("symbol", symbol, _COMPARISONS)
        left, right = as_expression(f"the left of {symbol}", left), as_expression(f"the right of {symbol}", right)
        if isinstance(left, Number):  # the metric stands on the left, as Python's reflected operators have it
            left, symbol, right = right, _MIRRORED[symbol], left
        self._set(left=left, symbol=symbol, right=right, _apply=_COMPARISONS[symbol])
        self._set_parts(left, right)
        if not self.reads:
            raise TypeError(f"{self!r} reads no metric: one side must be a metric expression such as Metric('loss').")

    def advance(self, state: State, record: Record) -> State:
        left, right = self.left.advance(state[1], record), self.right.advance(state[2], record)
        verdict = state[0]
        if self.observed(record):
            a, b = left[0], right[0]
            known = a is not None and b is not None and a == a and b == b
            verdict = self._apply(a, b) if known else None
        return verdict, left, right

    def reading(self, state: State) -> tuple[str, float | None, str, float | None]:
        """What is compared, as it is called; its last value; the symbol; what it is compared with.

        The two numbers are ``None`` where there is no value yet.
        """
        return label_of(self.left), state[1][0], self.symbol, state[2][0]

    def detail(self, state: State) -> str:
        _, value, symbol, bound = self.reading(state)
        if value is None or bound is None:
            return "no value yet"
        return f"last value {value:g}, needs {symbol} {bound:g}"

    def _summary(self, state: State) -> str:
        name, value, symbol, bound = self.reading(state)
        if value is None or bound is None:
            return f"{name} has no value yet, needs {symbol} {label_of(self.right)}"
        return f"{name} {value:g}, needs {symbol} {bound:g}"

    def __repr__(self) -> str:
        return f"{as_operand(self.left, 4)} {self.symbol} {as_operand(self.right, 4)}"


@readable
class Finite(Condition):
    """``|value| < infinity``: false on NaN and the infinities, unknown before the first observation.

    Args:
        metric: a metric's name, or an expression.

    Example:
        >>> ~Finite("loss")
        ~Finite('loss')
    """

    __slots__ = ("_monitor", "metric")
    metric: str | Expression
    _monitor: Expression

    def __init__(self, metric: str | Expression) -> None:
        monitor = as_monitor("metric", metric)
        self._set(metric=metric, _monitor=monitor)
        self._set_parts(monitor)

    def advance(self, state: State, record: Record) -> State:
        value = self._monitor.advance(state[1], record)
        return (None if value[0] is None else math.isfinite(value[0])), value

    def detail(self, state: State) -> str:
        value = state[1][0]
        return "no value yet" if value is None else f"last value {value:g}"


def as_monitor(argument: str, value: str | Expression) -> Expression:
    """What is monitored: a metric by its name, or an expression."""
    if isinstance(value, str) and value:
        return Metric(value)
    if isinstance(value, Expression):
        return value
    refuse_type(argument, "the name of a metric or a metric expression", value, "For example 'loss' or Metric('loss').")
