"""Schedules without an end, on a time scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from .._utils.checks import check_count, check_flag, check_real, refuse_type, refuse_value
from .base import Shape
from .curves import Curve, Piece, constant, half_wave
from .lengths import PlannedRun, check_amount, whole_steps

__all__ = ["CosineRestarts", "Exponential", "InverseSqrt", "Step"]

_FOREVER = 2**53  # steps beyond are not counted exactly by a float


class _Endless(Shape):
    """A shape without an end, of one formula unless it says otherwise."""

    __slots__ = ()

    @property
    def endless(self) -> bool:
        return True

    def _pieces(self) -> list[Piece]:
        return [(None, self._curve)]

    def _curve(self, at: int, xp: Any) -> Curve:
        raise NotImplementedError


class Exponential(_Endless):
    """``gamma ** (s / n)`` for step ``s``: times ``gamma`` every ``n`` steps, smoothly. It never ends.

    ``Step(gamma, repeat=True)`` with the same ``n`` is its staircase.

    Args:
        gamma: the factor per ``n`` steps (greater than 0).
        steps, iterations, epochs, fraction: the scale ``n``, exactly one of them (see :class:`Schedule`);
            ``steps=1`` multiplies by ``gamma`` at each step.

    Raises:
        TypeError: not exactly one scale was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    >>> schedule = Exponential(0.25, steps=2)
    >>> [schedule(step) for step in range(5)]
    [1.0, 0.5, 0.25, 0.125, 0.0625]
    """

    __slots__ = ("gamma",)

    gamma: float

    def __init__(
        self,
        gamma: float,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
    ) -> None:
        self._set(gamma=check_real("gamma", gamma, above=0))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)

    def _curve(self, at: int, xp: Any) -> Curve:
        gamma, scale = self.gamma, self._span()
        return lambda step: gamma ** ((step - at) / scale)


class Step(_Endless):
    """``gamma ** k`` for step ``s``, ``k`` being how many milestones are ``<= s``. It never ends.

    Args:
        gamma: the factor at each milestone (greater than 0).
        steps, iterations, epochs, fraction: the milestones, in exactly one unit (see :class:`Schedule`): one, or
            several in rising order.
        repeat: with one milestone ``n``, whether every multiple of it is a milestone too, so that ``k = s // n``.

    Raises:
        TypeError: not exactly one unit was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds, the milestones do not rise, or several are to be repeated.

    >>> schedule = Step(0.5, steps=[2, 3])
    >>> [schedule(step) for step in range(6)]
    [1.0, 1.0, 0.5, 0.25, 0.25, 0.25]
    >>> schedule = Step(0.5, steps=2, repeat=True)
    >>> [schedule(step) for step in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    __slots__ = ("gamma", "repeat")

    gamma: float
    repeat: bool

    def __init__(
        self,
        gamma: float,
        *,
        steps: int | Sequence[int] | None = None,
        iterations: int | Sequence[int] | None = None,
        epochs: float | Sequence[float] | None = None,
        fraction: float | Sequence[float] | None = None,
        repeat: bool = False,
    ) -> None:
        self._set(gamma=check_real("gamma", gamma, above=0), repeat=check_flag("repeat", repeat))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)

    def _check_amount(self, unit: str, amount: Any) -> Any:
        if isinstance(amount, (str, bytes)) or not isinstance(amount, Iterable):
            return check_amount(unit, amount)
        if self.repeat:
            refuse_value(unit, "one number, to repeat it", amount, "Leave repeat=True out to list the milestones.")
        try:
            listed = list(amount)
        except TypeError:  # an array without dimensions only looks iterable
            refuse_type(unit, "one number or several", amount)
        milestones = tuple(check_amount(unit, milestone) for milestone in listed)
        if not milestones or any(later <= sooner for sooner, later in pairwise(milestones)):
            refuse_value(unit, "one milestone or more, in rising order", amount, "Sort them, each only once.")
        return milestones

    def _milestones(self) -> tuple[float, ...]:
        span = self._span()
        return span if isinstance(span, tuple) else (span,)

    def _resolve(self, run: PlannedRun) -> Step:
        assert self._unit is not None
        exact = [run.steps(self._unit, milestone) for milestone in self._milestones()]
        gaps = [later - sooner for sooner, later in pairwise([0.0, *exact])]
        milestones = tuple(accumulate(whole_steps(gaps)))
        return self._with_steps(milestones if isinstance(self._span(), tuple) else milestones[0])

    def _pieces(self) -> list[Piece]:
        if self.repeat:
            return [(None, self._curve)]
        starts = (0, *self._milestones())
        lengths = [int(later - sooner) for sooner, later in pairwise(starts)]
        return [(length, constant(self.gamma**k)) for k, length in enumerate([*lengths, None])]

    def _curve(self, at: int, xp: Any) -> Curve:
        gamma, scale = self.gamma, self._span()
        return lambda step: gamma ** ((step - at) // scale)


class CosineRestarts(_Endless):
    """``end + (start - end) * (1 + cos(pi * t / n_i)) / 2``, ``t`` being the step within cycle ``i``. It never ends.

    Cycle ``i = 0, 1, ...`` is ``n_i = n * growth ** i`` steps long; the first step of each is at ``start``.

    Args:
        start: the factor at the first step of a cycle (at least 0).
        end: the factor that a cycle falls to, and that its last step just does not reach (at least 0).
        growth: how many times as long as the one before a cycle is (a whole number, at least 1).
        steps, iterations, epochs, fraction: the length ``n`` of the first cycle, exactly one of them (see
            :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    https://arxiv.org/abs/1608.03983, equation 5; ``n`` and ``growth`` are its ``T_0`` and ``T_mult``.

    >>> schedule = CosineRestarts(growth=2, steps=2)
    >>> [round(schedule(step), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    __slots__ = ("end", "growth", "start")

    start: float
    end: float
    growth: int

    def __init__(
        self,
        start: float = 1.0,
        end: float = 0.0,
        growth: int = 1,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
    ) -> None:
        self._set(start=check_real("start", start, least=0), end=check_real("end", end, least=0))
        self._set(growth=check_count("growth", growth))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)

    def _pieces(self) -> list[Piece]:
        length = self._span()
        if self.growth == 1:
            return [(None, self._curve)]
        pieces: list[Piece] = []
        begin = 0
        while begin < _FOREVER:
            pieces.append((length, half_wave(self.start, self.end, length)))
            begin, length = begin + length, length * self.growth
        return [*pieces, (None, constant(self.start))]

    def _curve(self, at: int, xp: Any) -> Curve:
        length = self._span()
        wave = half_wave(self.start, self.end, length)(0, xp)
        return lambda step: wave((step - at) % length)


class InverseSqrt(_Endless):
    """``sqrt(n / (n + s))`` for step ``s``: from 1, half as much at ``3 * n``. It never ends.

    After a warm-up of ``n`` steps it is the Transformer's rate, ``d ** -0.5 * min(s ** -0.5, s * n ** -1.5)``, as a
    factor of its peak: ``warmup(steps=n).then(InverseSqrt(steps=n))`` at step ``s``, with a base rate of
    ``(d * n) ** -0.5``. The paper counts from ``s = 1``. So does ``warmup(1 / n, steps=n - 1)`` in front: its step 0
    is the paper's step 1, where the plain warm-up has one step more, at a rate of 0.

    Args:
        steps, iterations, epochs, fraction: the scale ``n``, exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one scale was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, https://arxiv.org/abs/1706.03762,
    equation 3.

    >>> from ignite_delayed.schedules import warmup
    >>> schedule = warmup(steps=4).then(InverseSqrt(steps=4))
    >>> [schedule(step) for step in (0, 1, 2, 3, 4, 16, 64)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
    ) -> None:
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)

    def _curve(self, at: int, xp: Any) -> Curve:
        sqrt, scale, before = xp.sqrt, self._span(), self._span() - at
        return lambda step: sqrt(scale / (step + before))
