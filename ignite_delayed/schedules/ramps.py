"""Schedules from one value to another in a given length."""

from __future__ import annotations

from typing import Any

from .._utils.checks import check_real
from .base import Shape
from .curves import Curve, Piece, constant, half_wave
from .lengths import unit_of
from .parsing import readable

__all__ = ["Constant", "Cosine", "Linear", "Polynomial", "Sqrt", "warmup"]


@readable
class Constant(Shape):
    """``factor`` at every step.

    Args:
        factor: the factor (at least 0).
        steps, iterations, epochs, fraction, rest: the length, at most one of them (see :class:`Schedule`); without, it
            never ends. ``steps=0`` is a phase of no length, which ``then`` and phases leave out.

    Raises:
        TypeError: two lengths were given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    >>> Constant(0.5)(1000)
    0.5
    >>> schedule = Constant(steps=2).then(Constant(0.1))
    >>> [schedule(step) for step in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """

    __slots__ = ("factor",)

    factor: float

    def __init__(
        self,
        factor: float = 1.0,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        self._set(factor=check_real("factor", factor, least=0))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest, optional=True)

    def _check_amount(self, unit: str, amount: Any) -> Any:
        return 0 if unit == "steps" and _is_zero(amount) else super()._check_amount(unit, amount)

    @property
    def endless(self) -> bool:
        return self._unit is None

    @property
    def empty(self) -> bool:
        return self._unit == "steps" and self.steps == 0

    def _pieces(self) -> list[Piece]:
        return [(self._span(), constant(self.factor))]

    def _final(self) -> float:
        return self.factor


class _Ramp(Shape):
    """From ``start`` at step 0 to ``end`` at the end of the length."""

    __slots__ = ("end", "start")

    start: float
    end: float

    def __init__(
        self,
        start: float = 1.0,
        end: float = 0.0,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        self._set_ends(start, end)
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)

    def _set_ends(self, start: float, end: float) -> None:
        self._set(start=check_real("start", start, least=0), end=check_real("end", end, least=0))

    def _pieces(self) -> list[Piece]:
        return [(self._span(), self._curve)]

    def _curve(self, at: int, xp: Any) -> Curve:
        raise NotImplementedError

    def _final(self) -> float:
        return self.end


@readable
class Linear(_Ramp):
    """``start + (end - start) * s / n`` for step ``s`` of a length of ``n``, then ``end``.

    Args:
        start: the factor at step 0 (at least 0).
        end: the factor at step ``n`` and after (at least 0).
        steps, iterations, epochs, fraction, rest: the length ``n``, exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    >>> schedule = Linear(1, 0, steps=4)
    >>> [schedule(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    __slots__ = ()

    def _curve(self, at: int, xp: Any) -> Curve:
        start, rise, length = self.start, self.end - self.start, self._span()
        return lambda step: start + rise * ((step - at) / length)


@readable
class Cosine(_Ramp):
    """``end + (start - end) * (1 + cos(pi * s / n)) / 2`` for step ``s`` of a length of ``n``, then ``end``.

    Args:
        start: the factor at step 0 (at least 0).
        end: the factor at step ``n`` and after (at least 0).
        steps, iterations, epochs, fraction, rest: the length ``n``, exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    https://arxiv.org/abs/1608.03983, equation 5, one cycle.

    >>> schedule = Cosine(steps=4)
    >>> [round(schedule(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    __slots__ = ()

    def _curve(self, at: int, xp: Any) -> Curve:
        return half_wave(self.start, self.end, self._span())(at, xp)


@readable
class Polynomial(_Ramp):
    """``end + (start - end) * (1 - s / n) ** power`` for step ``s`` of a length of ``n``, then ``end``.

    Args:
        power: the exponent (greater than 0); 1 is :class:`Linear`, 0.9 is common in segmentation.
        start: the factor at step 0 (at least 0).
        end: the factor at step ``n`` and after (at least 0).
        steps, iterations, epochs, fraction, rest: the length ``n``, exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    >>> schedule = Polynomial(2, steps=4)
    >>> [schedule(step) for step in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    __slots__ = ("power",)

    power: float

    def __init__(
        self,
        power: float,
        start: float = 1.0,
        end: float = 0.0,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        self._set(power=check_real("power", power, above=0))
        self._set_ends(start, end)
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)

    def _curve(self, at: int, xp: Any) -> Curve:
        end, fall, length, power = self.end, self.start - self.end, self._span(), self.power
        return lambda step: end + fall * (1 - (step - at) / length) ** power


@readable
class Sqrt(_Ramp):
    """``start + (end - start) * sqrt(s / n)`` for step ``s`` of a length of ``n``, then ``end``: steep at first.

    Down from 1 it is ``1 - sqrt(s / n)``, the cool-down "1-sqrt" at the end of a warm-up, a stable phase and a decay.

    Args:
        start: the factor at step 0 (at least 0).
        end: the factor at step ``n`` and after (at least 0).
        steps, iterations, epochs, fraction, rest: the length ``n``, exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", NeurIPS 2024,
    https://arxiv.org/abs/2405.18392.

    >>> schedule = warmup(steps=2).then(Constant(steps=4)).then(Sqrt(steps=4))
    >>> [round(schedule(step), 3) for step in range(11)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.293, 0.134, 0.0]
    """

    __slots__ = ()

    def _curve(self, at: int, xp: Any) -> Curve:
        start, rise, length, sqrt = self.start, self.end - self.start, self._span(), xp.sqrt
        return lambda step: start + rise * sqrt((step - at) / length)


@readable
def warmup(
    start: float = 0.0,
    *,
    steps: int | None = None,
    iterations: int | None = None,
    epochs: float | None = None,
    fraction: float | None = None,
    rest: bool | None = None,
) -> Linear | Constant:
    """``start + (1 - start) * s / n``: linear from ``start`` to the base rate; another name for ``Linear(start, 1)``.

    A length of 0, which a configuration may say, is no warm-up: ``Constant(steps=0)``, left out by ``then`` and phases.
    The step after the warm-up, the first of what follows, is the first at the full base rate.

    Args:
        start: the factor at step 0 (at least 0). At 0 the first step trains at a rate of 0; ``start=1 / n`` with
            ``steps=n - 1`` leaves that step out.
        steps: the length ``n`` in steps, or one of the following instead (see :class:`Schedule`).
        iterations: the length in iterations.
        epochs: the length in epochs.
        fraction: the length as a fraction of the run.
        rest: the length that is left of the run, if True.

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
    https://arxiv.org/abs/1706.02677, section 2.2, gradual warm-up.

    >>> schedule = warmup(steps=4).then(Cosine(steps=4))
    >>> [round(schedule(step), 3) for step in range(9)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    given = {"steps": steps, "iterations": iterations, "epochs": epochs, "fraction": fraction, "rest": rest}
    unit = unit_of("warmup", given)
    if unit is not None and _is_zero(given[unit]):
        check_real("start", start, least=0)
        return Constant(steps=0)
    return Linear(start, 1.0, steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)


def _is_zero(amount: object) -> bool:
    return type(amount) in (int, float) and amount == 0
