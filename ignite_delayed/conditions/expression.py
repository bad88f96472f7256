"""Expressions over metrics: a metric, numbers, arithmetic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from .._utils.checks import check_choice, check_name, check_real, describe, refuse_type
from ..history.record import Record
from .condition import Condition
from .node import USE_OPERATORS, Node, State, as_operand
from .parsing import readable

if TYPE_CHECKING:  # they derive from what is here, so the methods that build them import them when they are called
    from .comparison import Compare
    from .windows import Best, Change, Ema, First, Max, Mean, Min, Slope, Std

__all__ = [
    "Absolute",
    "Arithmetic",
    "Expression",
    "Metric",
    "Mode",
    "Negative",
    "Number",
    "as_expression",
    "divide",
    "label_of",
]


#: Which way is better.
Mode = Literal["min", "max"]


class Expression(Node):
    """A number computed from the records. It keeps the value of its last observation.

    An expression over several metrics is observed once per trainer iteration, when all that it reads were recorded
    at that iteration. Compare it with ``< <= > >=`` to get a condition.
    """

    __slots__ = ()
    memory: ClassVar[tuple[str, ...]] = ("value",)
    fluent: ClassVar[frozenset[str]] = frozenset(
        {"mean", "min", "max", "std", "slope", "change", "ema", "first", "best"}
    )

    def _set_parts(self, *parts: Node, reads: frozenset[str] = frozenset()) -> None:
        super()._set_parts(*parts, reads=reads)
        if parts and not self.reads:
            raise TypeError(f"{self!r} reads no metric: one operand must be an expression such as Metric('loss').")

    def mean(self, n: int) -> Mean:
        """The mean of the last ``n`` observations; unknown before there were ``n``. ``n >= 1``."""
        from .windows import Mean

        return Mean(self, n)

    def min(self, n: int) -> Min:
        """The smallest of the last ``n`` observations; unknown before there were ``n``. ``n >= 1``."""
        from .windows import Min

        return Min(self, n)

    def max(self, n: int) -> Max:
        """The largest of the last ``n`` observations; unknown before there were ``n``. ``n >= 1``."""
        from .windows import Max

        return Max(self, n)

    def std(self, n: int) -> Std:
        """The sample standard deviation (``n - 1``) of the last ``n`` observations; ``n >= 2``."""
        from .windows import Std

        return Std(self, n)

    def slope(self, n: int) -> Slope:
        """The least-squares slope of the last ``n`` observations, per observation; ``n >= 2``."""
        from .windows import Slope

        return Slope(self, n)

    def change(self, n: int) -> Change:
        """The last observation minus the one ``n`` observations before it; ``n >= 1``."""
        from .windows import Change

        return Change(self, n)

    def ema(self, decay: float) -> Ema:
        """``decay * ema + (1 - decay) * value`` over the finite observations; ``0 <= decay < 1``."""
        from .windows import Ema

        return Ema(self, decay)

    def first(self) -> First:
        """The first observation that was not NaN."""
        from .windows import First

        return First(self)

    def best(self, mode: Mode) -> Best:
        """The smallest (``mode="min"``) or largest (``"max"``) observation so far; NaN is passed over."""
        from .windows import Best

        return Best(self, mode)

    def __lt__(self, other: Any) -> Compare:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Compare:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Compare:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Compare:
        return self._compare(">=", other)

    def _compare(self, symbol: str, other: Any) -> Compare:
        from .comparison import Compare

        return Compare(self, symbol, other)

    def __add__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "+", other)

    def __radd__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "+", self)

    def __sub__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "-", other)

    def __rsub__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "-", self)

    def __mul__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "*", other)

    def __rmul__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "*", self)

    def __truediv__(self, other: Any) -> Arithmetic:
        return Arithmetic(self, "/", other)

    def __rtruediv__(self, other: Any) -> Arithmetic:
        return Arithmetic(other, "/", self)

    def __neg__(self) -> Negative:
        return Negative(self)

    def __abs__(self) -> Absolute:
        return Absolute(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a metric expression has no truth value by itself: {self!r}. {USE_OPERATORS}")

    def _refuse_connective(self, other: object) -> NoReturn:
        raise TypeError(
            f"& and | combine conditions, got the number {self!r} and {describe(other)}: a comparison lacks its "
            f"parentheses, for & binds before <. {USE_OPERATORS}"
        )

    __and__ = __rand__ = __or__ = __ror__ = _refuse_connective

    def __invert__(self) -> NoReturn:
        raise TypeError(f"~ negates a condition, got the number {self!r}: write ~({self!r} < 0.5).")


@readable
class Metric(Expression):
    """The last observed value of a metric.

    Args:
        name: the metric's name as records have it: ``"loss"`` with one evaluator, ``"val/loss"`` with named ones.

    Example:
        >>> Metric("val/loss") - Metric("train/loss") > 0.1
        Metric('val/loss') - Metric('train/loss') > 0.1
    """

    __slots__ = ("name",)
    name: str

    def __init__(self, name: str) -> None:
        name = check_name("name", name, hint="It is the metric's name as attached, e.g. Metric('loss').")
        self._set(name=name)
        self._set_parts(reads=frozenset({name}))

    def advance(self, state: State, record: Record) -> State:
        value = record.fresh.get(self.name)
        return state if value is None else (value,)


class Number(Expression):
    """A constant; numbers in expressions become one by themselves."""

    __slots__ = ("value",)
    value: float

    def __init__(self, value: float) -> None:
        self._set(value=check_real("a number in a metric expression", value, hint="For finiteness use Finite(...)."))
        self._set_parts()

    def initial(self) -> State:
        return (self.value,)

    def consistent(self, state: State) -> bool:
        return bool(state == (self.value,))

    def advance(self, state: State, record: Record) -> State:
        return state

    def __repr__(self) -> str:
        return repr(self.value)


def divide(a: float, b: float) -> float:
    """IEEE division: a metric that is 0 must not end a training run with ZeroDivisionError."""
    if b != 0:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


_ARITHMETIC: dict[str, tuple[Callable[[float, float], float], int]] = {
    "+": (operator.add, 5),
    "-": (operator.sub, 5),
    "*": (operator.mul, 6),
    "/": (divide, 6),
}


class Arithmetic(Expression):
    """``a + b``, ``a - b``, ``a * b`` or ``a / b``; a division by zero is infinite or NaN, never an error."""

    __slots__ = ("_apply", "left", "precedence", "right", "symbol")
    left: Expression
    right: Expression
    symbol: str
    _apply: Callable[[float, float], float]

    def __init__(self, left: Any, symbol: str, right: Any) -> None:
        left, right = as_expression(f"the left of {symbol}", left), as_expression(f"the right of {symbol}", right)
        apply, precedence = _ARITHMETIC[check_choice("symbol", symbol, _ARITHMETIC)]
        self._set(left=left, symbol=symbol, right=right, _apply=apply, precedence=precedence)
        self._set_parts(left, right)

    def advance(self, state: State, record: Record) -> State:
        left, right = self.left.advance(state[1], record), self.right.advance(state[2], record)
        value = state[0]
        if self.observed(record):
            known = left[0] is not None and right[0] is not None
            value = self._apply(left[0], right[0]) if known else None
        return value, left, right

    def __repr__(self) -> str:
        # Equal operators on the right keep their parentheses: a - (b - c) is another value than a - b - c.
        return f"{as_operand(self.left, self.precedence)} {self.symbol} {as_operand(self.right, self.precedence + 1)}"


class _Unary(Expression):
    __slots__ = ("operand",)
    operand: Expression

    def __init__(self, operand: Any) -> None:
        operand = as_expression("operand", operand)
        self._set(operand=operand)
        self._set_parts(operand)

    @staticmethod
    def _apply(value: float) -> float:
        raise NotImplementedError

    def advance(self, state: State, record: Record) -> State:
        inner = self.operand.advance(state[1], record)
        return (None if inner[0] is None else self._apply(inner[0])), inner


class Negative(_Unary):
    """``-a``."""

    __slots__ = ()
    precedence = 7

    @staticmethod
    def _apply(value: float) -> float:
        return -value

    def __repr__(self) -> str:
        return f"-{as_operand(self.operand, self.precedence)}"


class Absolute(_Unary):
    """``abs(a)``."""

    __slots__ = ()

    @staticmethod
    def _apply(value: float) -> float:
        return abs(value)

    def __repr__(self) -> str:
        return f"abs({self.operand!r})"


def label_of(metric: str | Expression) -> str:
    """A metric by its name, any other expression as it is written."""
    if isinstance(metric, str):
        return metric
    return metric.name if isinstance(metric, Metric) else repr(metric)


def _advice_for(text: str) -> str:
    """What to write for a number, or a metric, that was given as ``text``."""
    try:
        float(text)
    except ValueError:
        return f"Write Metric({text!r})."
    return f"Write {text.strip()}, without quotes."


def as_expression(argument: str, value: Any) -> Expression:
    """``value`` as an expression: one already, or a finite number.

    Raises:
        TypeError: for anything else.
        ValueError: for NaN and the infinities.
    """
    if isinstance(value, Expression):
        return value
    if isinstance(value, str):
        refuse_type(argument, "a number or a metric expression", value, _advice_for(value))
    if isinstance(value, Condition):
        refuse_type(argument, "a number or a metric expression", value, f"This is a condition. {USE_OPERATORS}")
    return Number(check_real(argument, value, hint="For a test of finiteness use Finite(...)."))
