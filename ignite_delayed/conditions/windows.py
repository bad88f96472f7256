"""Windows over the observations of an expression.

A window of ``n`` is unknown until it is full, and NaN while it holds a NaN. ``first``, ``best`` and ``ema`` remember
without a window and pass over NaN (``ema`` over the infinities too).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._utils.checks import check_choice, check_count, check_real, refuse_value
from ..history.record import Record
from .expression import Expression, Mode, as_expression
from .node import State, as_operand

__all__ = ["Best", "Change", "Ema", "First", "Max", "Mean", "Memory", "Min", "Slope", "Std", "Window", "total"]


def total(values: Sequence[float]) -> float:
    """The exactly rounded sum; infinite or NaN as plain addition has it where that cannot be."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # a finite sum overflows, or +inf meets -inf
        return sum(values)


def _clamp(value: float, between: Sequence[float]) -> float:
    """``value``, a mean of some of ``between``, where rounding cannot put it: not past the smallest or the largest."""
    return min(max(value, min(between)), max(between)) if math.isfinite(value) else value


class WindowState(NamedTuple):
    """The statistic of the last observations, those observations, and the state of what is observed."""

    value: float | None
    window: tuple[float, ...]
    expression: State


class _Over(Expression):
    """A number computed from the observations of ``expression``."""

    __slots__ = ("expression",)
    expression: Expression

    def _suffix(self) -> str:
        args, kwargs = self._arguments()
        listed = [repr(arg) for arg in args[1:]] + [f"{name}={value!r}" for name, value in kwargs.items()]
        return f".{type(self).__name__.lower()}({', '.join(listed)})"

    def __repr__(self) -> str:
        return as_operand(self.expression, self.precedence) + self._suffix()


class Window(_Over):
    """A statistic of the last ``n`` observations, or of as many as it says."""

    __slots__ = ("n",)
    memory = ("value", "values")
    state_type = WindowState
    least = 1  # the smallest n
    n: int

    @property
    def length(self) -> int:
        """How many observations the window holds when it is full."""
        return self.n

    def __init__(self, expression: Any, n: int) -> None:
        hint = f"A window of {type(self).__name__.lower()} spans at least {self.least} observations."
        n = check_count("n", n, least=self.least, hint=hint)
        expression = as_expression("expression", expression)
        self._set(expression=expression, n=n)
        self._set_parts(expression)

    def advance(self, state: WindowState, record: Record) -> WindowState:
        value, window, inner = state
        inner = self.expression.advance(inner, record)
        if inner[0] is not None and self.observed(record):
            full = self.length
            window = (*window, inner[0])[-full:]
            value = self._statistic(window) if len(window) == full else None
        return WindowState(value, window, inner)

    def consistent(self, state: WindowState) -> bool:
        full = self.length
        return len(state.window) <= full and (state.value is None) == (len(state.window) < full)

    def _statistic(self, window: tuple[float, ...]) -> float:
        return math.nan if any(value != value for value in window) else self.compute(window)

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        """The statistic of a full window without NaN."""
        raise NotImplementedError


class Mean(Window):
    """The mean of the last ``n`` observations; never below the smallest or above the largest of them."""

    __slots__ = ()

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        return _clamp(total(window) / len(window), window)


class Min(Window):
    """The smallest of the last ``n`` observations."""

    __slots__ = ()

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        return min(window)


class Max(Window):
    """The largest of the last ``n`` observations."""

    __slots__ = ()

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        return max(window)


class Std(Window):
    """The sample standard deviation (``n - 1`` in the denominator) of the last ``n`` observations.

    It is 0 where they are equal. Deviations are taken from the first of them and divided by the largest, so that
    neither a large offset nor tiny values cost digits.
    """

    __slots__ = ()
    least = 2

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        if not all(map(math.isfinite, window)):
            return math.nan
        offsets = [value - window[0] for value in window]
        middle = total(offsets) / len(window)
        deviations = [offset - middle for offset in offsets]
        largest = max(map(abs, deviations))
        if largest == 0 or not math.isfinite(largest):
            return largest
        shares = [value / largest for value in deviations]
        return largest * math.sqrt(total([share * share for share in shares]) / (len(window) - 1))


class Slope(Window):
    """The least-squares slope of the last ``n`` observations, per observation.

    ``sum((i - mean(i)) * value_i) / sum((i - mean(i))**2)`` for ``i = 0 .. n - 1``; a large offset costs no digits.
    """

    __slots__ = ()
    least = 2

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        n = len(window)
        middle = (n - 1) / 2
        rises: Sequence[float] = [value - window[0] for value in window]  # a slope does not depend on where it begins
        if not all(map(math.isfinite, rises)):
            rises = window
        return total([(i - middle) * rise for i, rise in enumerate(rises)]) * 12 / (n * (n * n - 1))


class Change(Window):
    """The last observation minus the one ``n`` before it."""

    __slots__ = ()

    @property
    def length(self) -> int:
        return self.n + 1

    @staticmethod
    def compute(window: Sequence[float]) -> float:
        return window[-1] - window[0]


class Memory(_Over):
    """One remembered number, updated by each observation that it takes: each that is not NaN."""

    __slots__ = ()

    def advance(self, state: State, record: Record) -> State:
        inner = self.expression.advance(state[1], record)
        value = inner[0]
        if value is None or not self.takes(value) or not self.observed(record):
            return state[0], inner
        return (value if state[0] is None else self.update(state[0], value)), inner

    def consistent(self, state: State) -> bool:
        return state[0] is None or self.takes(state[0])

    def takes(self, value: float) -> bool:
        """Whether ``value`` is remembered at all."""
        return value == value

    def update(self, remembered: float, value: float) -> float:
        """What is remembered after ``value``."""
        raise NotImplementedError


class First(Memory):
    """The first observation that was not NaN."""

    __slots__ = ()

    def __init__(self, expression: Any) -> None:
        expression = as_expression("expression", expression)
        self._set(expression=expression)
        self._set_parts(expression)

    def update(self, remembered: float, value: float) -> float:
        return remembered


class Best(Memory):
    """The smallest (``mode="min"``) or largest (``mode="max"``) observation so far."""

    __slots__ = ("mode",)
    mode: Mode

    def __init__(self, expression: Any, mode: Mode) -> None:
        check_choice("mode", mode, ("min", "max"))
        expression = as_expression("expression", expression)
        self._set(expression=expression, mode=mode)
        self._set_parts(expression)

    def update(self, remembered: float, value: float) -> float:
        return min(remembered, value) if self.mode == "min" else max(remembered, value)


class Ema(Memory):
    """``decay * ema + (1 - decay) * value``, from the first finite observation on.

    NaN and the infinities are passed over: either would stay in it for ever.
    """

    __slots__ = ("decay",)
    decay: float

    def __init__(self, expression: Any, decay: float) -> None:
        decay = check_real("decay", decay, least=0, hint="The weight of the past: 0.9 averages about 10 observations.")
        if decay >= 1:
            refuse_value("decay", "a number >= 0 and < 1", decay, "At 1 the first value would stay for ever.")
        expression = as_expression("expression", expression)
        self._set(expression=expression, decay=decay)
        self._set_parts(expression)

    def takes(self, value: float) -> bool:
        return math.isfinite(value)

    def update(self, remembered: float, value: float) -> float:
        return _clamp(self.decay * remembered + (1 - self.decay) * value, (remembered, value))
