"""A user's own function as a schedule, recognised by what it computes."""

from __future__ import annotations

import inspect
import math
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from .._utils.checks import check_name, check_real, is_coroutine, refuse_type, refuse_value
from .base import Schedule, Shape
from .curves import Curve, Piece
from .lengths import UNITS

__all__ = ["Function", "unnamed"]

_TRIED = 1000  # places at which a function is tried out, besides both ends
_NAMED = re.compile(r"Schedule\.of\(<.*? ([0-9a-f]{8})>", re.DOTALL)
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples are spread evenly, and fall on no round number

_HOW = (
    "It is given the progress through the length, from 0.0 to 1.0: "
    "write lambda progress: f(round(progress * 90)) with epochs=90 for a function f of the epoch."
)


class Function(Shape):
    """``function(s / n)`` for step ``s`` of a length of ``n``, then ``function(1.0)``; see :meth:`Schedule.of`."""

    __slots__ = ("_print", "function", "name")
    _called = "Schedule.of"

    function: Callable[[float], float]
    name: str | None
    _print: str

    def __init__(
        self,
        function: Callable[[float], float],
        *,
        name: str | None = None,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        _check(function)
        self._set(function=function, name=None if name is None else check_name("name", name))
        self._set(_print=_fingerprint(function))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)

    def _with_steps(self, span: Any) -> Function:
        resolved = object.__new__(Function)  # the function was tried out, which may have taken long
        resolved._set(function=self.function, name=self.name, _print=self._print)
        resolved._measure(**{**dict.fromkeys(UNITS), "steps": span})
        return resolved

    def _pieces(self) -> list[Piece]:
        return [(self._span(), self._curve)]

    def _curve(self, at: int, xp: Any) -> Curve:
        function, length = self.function, self._span()

        def curve(step: Any) -> float:
            return _factor(function, (step - at) / length)

        return curve if xp is math else xp.frompyfunc(curve, 1, 1)  # one by one: it need not take arrays

    def _final(self) -> float:
        return _factor(self.function, 1.0)

    def __repr__(self) -> str:
        # What it computes, not where: a rule is recognised by its repr in another process.
        _, kwargs = self._arguments()
        named: Any = self.name or getattr(self.function, "__name__", type(self.function).__name__)
        kwargs.pop("name", None)
        listed = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
        return f"Schedule.of(<{named.strip('<>')} {self._print}>, {listed})"


def unnamed(text: str) -> str:
    """``text``, with the repr of schedules in it, without what their functions are called."""
    return _NAMED.sub(r"Schedule.of(<\1>", text)


def _check(function: Any) -> None:
    """Refuse what is no plain function of the progress."""
    if isinstance(function, Schedule):
        refuse_type("function", "a function of the progress", function, "It is a schedule as it is.")
    if not callable(function) or inspect.isclass(function):
        refuse_type("function", "a function of the progress", function, _HOW)
    if is_coroutine(function):
        refuse_type("function", "a plain function", function, "A coroutine function answers a coroutine.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # builtins may have no signature; they answer for themselves
    try:
        bound = signature.bind(0.0)
    except TypeError:
        refuse_type("function", "a function of one number", function, f"Its signature is {signature}. {_HOW}")
    parameter = next(iter(bound.arguments))
    if re.search(r"step|epoch|iter|batch", parameter):
        refuse_type("function", "a function of the progress", function, f"Its argument is called {parameter!r}. {_HOW}")


def _factor(function: Callable[[float], float], progress: float) -> float:
    """What ``function`` gives at ``progress``, which must be a factor."""
    value = function(progress)
    if type(value) is float and 0 <= value < math.inf:
        return value
    return check_real(f"the factor at progress {progress:g}", value, least=0, hint="It multiplies the base rate.")


def _fingerprint(function: Callable[[float], float]) -> str:
    """Eight digits that tell apart functions that compute different factors, in any process and on any Python."""
    factors = [_factor(function, progress) for progress in _places()]
    for progress, factor in zip(_places(), factors, strict=True):
        again = _factor(function, progress)
        if again != factor:
            hint = "A resumed run must be the same: draw noise from random.Random(seed + progress), for example."
            refuse_value(f"the factor at progress {progress:g}", f"{factor:g} each time", again, hint)
    # Nine digits: another processor may compute the last ones differently.
    return f"{zlib.crc32(' '.join(f'{factor:.9g}' for factor in factors).encode()):08x}"


def _places() -> Iterator[float]:
    yield 0.0
    yield 1.0
    yield from (number * _GOLDEN % 1.0 for number in range(1, _TRIED + 1))
