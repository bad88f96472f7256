"""Schedules made of others, each of which stands in a chain as one phase: floors, repeats, joints under way."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

from .._utils.checks import check_count, check_real, refuse_type, refuse_value
from .base import Schedule, Shape
from .curves import NOISE, Build, Curve, Piece, evaluate, join, period, rounding
from .joints import check_joints, exact_length, share_of
from .lengths import UNITS, PlannedRun

__all__ = ["Floor", "Repeat", "Underway"]


class _Composed(Shape):
    """A phase whose lengths are those of its parts."""

    __slots__ = ()

    def _parts(self) -> tuple[Schedule, ...]:
        raise NotImplementedError

    def _units(self) -> set[str]:
        return {unit for part in self._parts() for phase in part._phases() for unit in phase._units()}

    def _keeps_exact(self) -> bool:
        return self.endless

    @property
    def resolved(self) -> bool:
        return all(part.resolved for part in self._parts())


class Floor(_Composed):
    """``max(factor, what(s))`` for step ``s``; see :meth:`Schedule.floor`."""

    __slots__ = ("factor", "what")

    what: Shape
    factor: float

    def __init__(self, what: Shape, factor: float) -> None:
        self._set(what=what, factor=check_real("factor", factor, least=0))
        self._measure(optional=True, **dict.fromkeys(UNITS))

    def _parts(self) -> tuple[Schedule, ...]:
        return (self.what,)

    def _keeps_exact(self) -> bool:
        return self.what._keeps_exact()

    @property
    def endless(self) -> bool:
        return self.what.endless

    def _exact_steps(self, run: PlannedRun) -> float:
        return self.what._exact_steps(run)

    def _exact_length(self, run: PlannedRun) -> float:
        return self.what._exact_length(run)

    def _resolve(self, run: PlannedRun) -> Floor:
        return Floor(self.what._resolve(run), self.factor)

    def _fit(self, run: PlannedRun, steps: int) -> Floor:
        return Floor(self.what._fit(run, steps), self.factor)

    def _steps(self) -> int:
        return self.what._steps()

    def _share(self) -> float:
        return self.what._share()

    def _shares(self, resolved: Any) -> list[tuple[str, Any]]:
        return self.what._shares(resolved.what)

    def _pieces(self) -> list[Piece]:
        return [(length, self._raised(build)) for length, build in self.what._pieces()]

    def _raised(self, build: Build) -> Build:
        least = self.factor

        def raised(at: int, xp: Any) -> Curve:
            curve, higher = build(at, xp), max if xp is math else xp.maximum
            return lambda step: higher(curve(step), least)

        return raised

    def _final(self) -> float:
        return max(self.what._final(), self.factor)

    def __repr__(self) -> str:
        return f"{self.what!r}.floor({self.factor!r})"


class Repeat(_Composed):
    """``what(s - b_i)`` for step ``s`` of cycle ``i``, which begins at step ``b_i``; see :meth:`Schedule.repeat`."""

    __slots__ = ("every", "times", "what")

    what: Schedule
    times: int | None
    every: float | None

    def __init__(self, what: Schedule, times: int | None = None, *, every: float | None = None) -> None:
        if what.endless or what.takes_rest:
            hint = "Give it a length." if what.endless else "Nothing is left after the rest of the run."
            refuse_value("what is repeated", "a schedule that ends before the run", what, hint)
        self._set(what=what, times=None if times is None else check_count("times", times))
        if every is not None and not what.resolved:
            refuse_value("every", "left out where lengths are not in steps", every, "It is what resolve() comes to.")
        self._set(every=None if every is None else check_real("every", every, least=len(what)))
        check_joints((self,))
        self._measure(optional=True, **dict.fromkeys(UNITS))

    def _parts(self) -> tuple[Schedule, ...]:
        return (self.what,)

    @property
    def endless(self) -> bool:
        return self.times is None

    def _cycle(self, run: PlannedRun) -> float:
        """The exact length of a cycle in steps; each phase in it has one step at least."""
        if self.every is not None:
            return self.every
        return max(exact_length(self.what, run), len(self.what))

    def _exact_steps(self, run: PlannedRun) -> float:
        assert self.times is not None
        return self._cycle(run) * self.times

    def _resolve(self, run: PlannedRun) -> Repeat:
        return self._with_cycle(run, self._cycle(run))

    def _fit(self, run: PlannedRun, steps: int) -> Repeat:
        assert self.times is not None
        cycle = self._cycle(run)
        as_it_is = round(cycle * self.times, NOISE) == steps
        return self._with_cycle(run, cycle if as_it_is else max(steps / self.times, len(self.what)))

    def _with_cycle(self, run: PlannedRun, cycle: float) -> Repeat:
        what = self.what._resolve(run)
        return Repeat(what, self.times, every=None if round(cycle, NOISE) == what.length else cycle)

    def _steps(self) -> int:
        assert self.times is not None
        length = self.what.length
        assert length is not None
        return length * self.times if self.every is None else round(round(self.every * self.times, NOISE))

    def _share(self) -> float:
        return share_of(self.what) * (self.times or 0)

    def _shares(self, resolved: Any) -> list[tuple[str, Any]]:
        return self.what.shares(resolved.what)

    def _pieces(self) -> list[Piece]:
        return [(None if self.times is None else self._steps(), self._curve)]

    def _curve(self, at: int, xp: Any) -> Curve:
        pieces, length = self.what._known_pieces(), self.what.length
        if xp is math:
            starts, curves = join(pieces, xp)

            def once(step: Any) -> Any:
                return curves[bisect_right(starts, step)](step)
        else:

            def once(step: Any) -> Any:
                return evaluate(pieces, step)

        if self.every is None:
            return lambda step: once((step - at) % length)
        every, cycle, nearest = self.every, period(xp, self.every), rounding(xp)

        def curve(step: Any) -> Any:
            number = cycle(step - at)
            begin, following = nearest(number * every), nearest((number + 1) * every)
            return once((step - at - begin) * (length / (following - begin)))

        return curve

    def _final(self) -> float:
        return self.what._phases()[-1]._final()

    def __repr__(self) -> str:
        given = [*([] if self.times is None else [f"{self.times}"])]
        given += [] if self.every is None else [f"every={self.every!r}"]
        return f"{self.what!r}.repeat({', '.join(given)})"


class Underway(_Composed):
    """``first(s)`` while ``first`` lasts, then ``other(s)`` of the same ``s``; see :meth:`Schedule.then`."""

    __slots__ = ("first", "other")

    first: Schedule
    other: Schedule

    def __init__(self, first: Schedule, other: Schedule) -> None:
        if not isinstance(other, Schedule):
            refuse_type("a phase", "a schedule", other)
        if first.endless or first.takes_rest:
            hint = "Give it a length: the other has begun with it, and is longer."
            refuse_value("a phase that another follows", "a schedule that ends before the run", first, hint)
        self._set(first=first, other=other)
        self._measure(optional=True, **dict.fromkeys(UNITS))

    def _parts(self) -> tuple[Schedule, ...]:
        return (self.first, self.other)

    @property
    def endless(self) -> bool:
        return self.other.endless

    def _exact_steps(self, run: PlannedRun) -> float:
        return max(exact_length(part, run) for part in self._parts())

    def _resolve(self, run: PlannedRun) -> Underway:
        return Underway(self.first._resolve(run), self.other._resolve(run))

    def _fit(self, run: PlannedRun, steps: int) -> Underway:
        first, other = self.first._resolve(run), self.other._resolve(run)
        if (first.length or 0) > (other.length or 0):
            return Underway(first._stretch(run, steps), other)
        return Underway(first, other._stretch(run, steps))

    def _steps(self) -> int:
        return max(part.length or 0 for part in self._parts())

    def _share(self) -> float:
        return max(share_of(part) for part in self._parts())

    def _shares(self, resolved: Any) -> list[tuple[str, Any]]:
        return self.first.shares(resolved.first) + self.other.shares(resolved.other)

    def _pieces(self) -> list[Piece]:
        first = [piece for phase in self.first._phases() for piece in phase._pieces()]
        begins = self.first.length or 0
        return [*first, *_rest_of(self.other._known_pieces(), begins, None if self.endless else self._steps())]

    def _final(self) -> float:
        return self.other._phases()[-1]._final()

    def __repr__(self) -> str:
        return f"{self.first!r}.then({self.other!r}, underway=True)"


def _rest_of(pieces: list[Piece], begins: int, ends: int | None) -> list[Piece]:
    """What of ``pieces`` is after step ``begins`` of them, and before ``ends``."""
    found: list[Piece] = []
    at = 0
    for length, build in pieces:
        start, stop = max(at, begins), ends if length is None else at + length
        if stop is None or stop > start:
            found.append((None if stop is None else stop - start, _begun(build, start - at)))
        at += length or 0
    return found


def _begun(build: Build, before: int) -> Build:
    """The formula ``before`` steps after its first."""
    return lambda at, xp: build(at - before, xp)
