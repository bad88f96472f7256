"""Schedules on a time scale, most of them without an end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

from .._utils.checks import check_count, check_flag, check_real, refuse_type, refuse_value
from .base import Shape
from .curves import Curve, Piece, constant, half_wave, period, rounding
from .joints import check_joints
from .lengths import PlannedRun, check_amount, whole_steps
from .parsing import readable

E = TypeVar("E", bound="_Endless")

__all__ = ["CosineRestarts", "Exponential", "InverseSqrt", "Step"]

_FOREVER = 2**53  # steps beyond are not counted exactly by a float


class _Endless(Shape):
    """A shape without an end, of one formula unless it says otherwise, on a time scale that is never rounded."""

    __slots__ = ()

    def _keeps_exact(self) -> bool:
        return True

    def _check_amount(self, unit: str, amount: Any) -> Any:
        return check_amount(unit, amount, whole=False)

    def _resolve(self: E, run: PlannedRun) -> E:
        return self._with_steps(self._exact_steps(run))

    def _fit(self: E, run: PlannedRun, steps: int) -> E:
        return self._resolve(run)

    @property
    def endless(self) -> bool:
        return True

    def _pieces(self) -> list[Piece]:
        return [(None, self._curve)]

    def _curve(self, at: int, xp: Any) -> Curve:
        raise NotImplementedError


@readable
class Exponential(_Endless):
    """``gamma ** (s / n)`` for step ``s``: times ``gamma`` every ``n`` steps, smoothly. It never ends.

    ``Step(gamma, repeat=True)`` with the same ``n`` is its staircase.

    Args:
        gamma: the factor per ``n`` steps (greater than 0).
        steps, iterations, epochs, fraction, rest: the scale ``n`` (greater than 0, never rounded), exactly one of them
            (see :class:`Schedule`); ``steps=1`` multiplies by ``gamma`` at each step.

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
        steps: float | None = None,
        iterations: float | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        self._set(gamma=check_real("gamma", gamma, above=0))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)

    def _curve(self, at: int, xp: Any) -> Curve:
        gamma, scale = self.gamma, self._span()
        return lambda step: gamma ** ((step - at) / scale)


@readable
class Step(_Endless):
    """``gamma ** k`` for step ``s``, ``k`` being how many milestones are ``<= s``. It never ends.

    Args:
        gamma: the factor at each milestone (greater than 0).
        steps, iterations, epochs, fraction: the milestones, in exactly one unit (see :class:`Schedule`): one, or
            several in rising order.
        repeat: with one milestone ``n``, whether every multiple of it is a milestone too, so that ``k = s // n``; where
            ``n`` is not whole, milestone ``k`` is the step nearest to ``k * n``. One milestone alone drops once:
            torch's ``StepLR(step_size=30, gamma=0.1)`` is ``Step(0.1, epochs=30, repeat=True)``, and its
            ``MultiStepLR`` is ``Step`` with a list.

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

    __slots__ = ("gamma", "repeats")

    gamma: float
    repeats: bool

    def __init__(
        self,
        gamma: float,
        *,
        steps: float | Sequence[int] | None = None,
        iterations: float | Sequence[int] | None = None,
        epochs: float | Sequence[float] | None = None,
        fraction: float | Sequence[float] | None = None,
        repeat: bool = False,
    ) -> None:
        self._set(gamma=check_real("gamma", gamma, above=0), repeats=check_flag("repeat", repeat))
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)

    def _argument(self, name: str) -> Any:
        return self.repeats if name == "repeat" else super()._argument(name)  # repeat() is what any schedule can do

    def _check_amount(self, unit: str, amount: Any) -> Any:
        if isinstance(amount, (str, bytes)) or not isinstance(amount, Iterable):
            return check_amount(unit, amount, whole=not self.repeats)
        if self.repeats:
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
        if self.repeats:
            return self._with_steps(self._exact_steps(run))
        assert self._unit is not None
        exact = [run.steps(self._unit, milestone) for milestone in self._milestones()]
        gaps = [later - sooner for sooner, later in pairwise([0.0, *exact])]
        milestones = tuple(accumulate(whole_steps(gaps)))
        return self._with_steps(milestones if isinstance(self._span(), tuple) else milestones[0])

    def _pieces(self) -> list[Piece]:
        if self.repeats:
            return [(None, self._curve)]
        starts = (0, *self._milestones())
        lengths = [int(later - sooner) for sooner, later in pairwise(starts)]
        return [(length, constant(self.gamma**k)) for k, length in enumerate([*lengths, None])]

    def _curve(self, at: int, xp: Any) -> Curve:
        gamma, passed = self.gamma, period(xp, self._span())
        return lambda step: gamma ** passed(step - at)


@readable
class CosineRestarts(_Endless):
    """``end + (start * decay ** i - end) * (1 + cos(pi * t / n_i)) / 2`` at step ``t`` of ``n_i`` in cycle ``i``.

    Cycle ``i = 0, 1, ...`` is ``n * growth ** i`` steps long. It begins and ends at the step nearest to its exact
    place, so that ``fraction=1 / 3`` makes three cycles that end with the run. It never ends, unless ``cycles`` are
    counted.

    Args:
        start: the factor at the first step of the first cycle (at least 0).
        end: the factor that a cycle falls to, and that its last step just does not reach (at least 0).
        growth: how many times as long as the one before a cycle is (a whole number, at least 1).
        decay: how many times as high as the one before a cycle begins (greater than 0, at most 1).
        cycles: after how many it stays at ``end`` (a whole number, at least 1; where they grow, the last is at most
            ``2**53`` times as long as the first); ``None`` goes on for ever.
        steps, iterations, epochs, fraction: the length ``n`` of the first cycle (greater than 0, need not be whole;
            a cycle has one step at least), exactly one of them (see :class:`Schedule`).

    Raises:
        TypeError: not exactly one length was given, or an argument is of the wrong kind.
        ValueError: an argument is out of its bounds.

    Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    https://arxiv.org/abs/1608.03983, equation 5; ``n`` and ``growth`` are its ``T_0`` and ``T_mult``.

    >>> schedule = CosineRestarts(growth=2, steps=2)
    >>> [round(schedule(step), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    >>> schedule = CosineRestarts(decay=0.5, cycles=2, steps=2)
    >>> [round(schedule(step), 3) for step in range(6)]
    [1.0, 0.5, 0.5, 0.25, 0.0, 0.0]
    """

    __slots__ = ("cycles", "decay", "end", "growth", "start")

    start: float
    end: float
    growth: int
    decay: float
    cycles: int | None

    def __init__(
        self,
        start: float = 1.0,
        end: float = 0.0,
        growth: int = 1,
        *,
        decay: float = 1.0,
        cycles: int | None = None,
        steps: float | None = None,
        iterations: float | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
    ) -> None:
        self._set(start=check_real("start", start, least=0), end=check_real("end", end, least=0))
        self._set(growth=check_count("growth", growth), decay=check_real("decay", decay, above=0, most=1))
        self._set(cycles=None if cycles is None else check_count("cycles", cycles))
        if cycles is not None and self.growth ** min(cycles - 1, 54) > _FOREVER:
            refuse_value("cycles", f"so few that the last is at most 2**53 times as long, growing by {growth}", cycles)
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction)
        check_joints((self,))

    @property
    def endless(self) -> bool:
        return self.cycles is None

    def _final(self) -> float:
        return self.end

    def _extent(self) -> Any:
        return None if self.cycles is None else self._begin(self.cycles, self._span())

    def _exact_length(self, run: PlannedRun) -> float:
        assert self.cycles is not None
        length: float = self._begin(self.cycles, max(self._exact_steps(run), 1))
        return length

    def _steps(self) -> int:
        assert self.cycles is not None
        length: int = round(self._begin(self.cycles, max(self._span(), 1)))
        return length

    def _begin(self, cycle: int, first: Any) -> Any:
        """Where ``cycle`` begins exactly, the ``first`` being so long."""
        growth = self.growth
        return first * cycle if growth == 1 else first * ((growth**cycle - 1) // (growth - 1))

    def _pieces(self) -> list[Piece]:
        if self.growth == 1:
            return [(None if self.cycles is None else self._steps(), self._curve)]
        length, last = max(self._span(), 1), math.inf if self.cycles is None else self.cycles
        pieces: list[Piece] = []
        cycle = begin = 0
        while begin < _FOREVER and cycle < last:
            cycle += 1
            begin, sooner = round(self._begin(cycle, length)), begin
            pieces.append((begin - sooner, half_wave(self.start * self.decay ** (cycle - 1), self.end, begin - sooner)))
        return pieces if self.cycles is not None else [*pieces, (None, constant(self.start))]

    def _curve(self, at: int, xp: Any) -> Curve:
        length = max(self._span(), 1)
        if isinstance(length, int) and self.decay == 1:
            wave = half_wave(self.start, self.end, length)(0, xp)
            return lambda step: wave((step - at) % length)
        start, end, decay, cos = self.start, self.end, self.decay, xp.cos
        cycle, nearest = period(xp, length), rounding(xp)

        def curve(step: Any) -> Any:
            number = cycle(step - at)
            begin, following = nearest(number * length), nearest((number + 1) * length)
            turned = math.pi * ((step - at - begin) / (following - begin))
            return end + (start * decay**number - end) * ((1 + cos(turned)) / 2)

        return curve


@readable
class InverseSqrt(_Endless):
    """``sqrt(n / (n + s))`` for step ``s``: from 1, half as much at ``3 * n``. It never ends.

    After a warm-up of ``n`` steps it is the Transformer's rate, ``d ** -0.5 * min(s ** -0.5, s * n ** -1.5)``, as a
    factor of its peak: ``warmup(steps=n).then(InverseSqrt(steps=n))`` at step ``s``, with a base rate of
    ``(d * n) ** -0.5``. The paper counts from ``s = 1``. So does ``warmup(1 / n, steps=n - 1)`` in front: its step 0
    is the paper's step 1, where the plain warm-up has one step more, at a rate of 0.

    Args:
        steps, iterations, epochs, fraction, rest: the scale ``n`` (greater than 0, never rounded), exactly one of them
            (see :class:`Schedule`).

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
        steps: float | None = None,
        iterations: float | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> None:
        self._measure(steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest)

    def _curve(self, at: int, xp: Any) -> Curve:
        sqrt, scale, before = xp.sqrt, self._span(), self._span() - at
        return lambda step: sqrt(scale / (step + before))
