"""Several schedules, one after another."""

from __future__ import annotations

from .._utils.checks import refuse_type, refuse_value
from .base import Schedule, Shape
from .lengths import Run, whole_steps

__all__ = ["Chain"]


class Chain(Schedule):
    """Several schedules, each beginning where the one before it ends; written ``a.then(b)``.

    ``a.then(b).then(c) == a.then(b.then(c))``.

    Args:
        *phases: two schedules or more, of which only the last may have no end.

    Raises:
        TypeError: a phase is no schedule.
        ValueError: fewer than two phases, a phase after one that never ends, fractions that add up to more than 1.
    """

    __slots__ = ("phases",)

    phases: tuple[Shape, ...]

    def __init__(self, *phases: Schedule) -> None:
        for phase in phases:
            if not isinstance(phase, Schedule):
                refuse_type("a phase", "a schedule", phase)
        if len(phases) < 2:
            refuse_value("phases", "two schedules or more", phases)
        flat = tuple(shape for phase in phases for shape in phase._phases())
        _check_ends(flat)
        _check_fractions(flat)
        self._set(phases=flat)
        self._compile()

    @property
    def endless(self) -> bool:
        return self.phases[-1].endless

    @property
    def resolved(self) -> bool:
        return all(phase.resolved for phase in self.phases)

    def _phases(self) -> tuple[Shape, ...]:
        return self.phases

    def _resolve(self, run: Run) -> Chain:
        ending = [phase for phase in self.phases if not phase.endless]
        shares = [phase._unit == "fraction" for phase in ending]
        spans = whole_steps([phase._exact(run) for phase in ending], shares)
        phases = [phase._in_steps(span) for phase, span in zip(ending, spans, strict=True)]
        return Chain(*phases, *(phase._resolve(run) for phase in self.phases[len(ending) :]))

    def __repr__(self) -> str:
        first, *others = map(repr, self.phases)
        return first + "".join(f".then({other})" for other in others)


def _check_ends(phases: tuple[Shape, ...]) -> None:
    for phase in phases[:-1]:
        if phase.endless:
            last = "Put it last, or leave it by a condition, with LRPhases."
            hint = "Give it a length." if phase._unit is None else last
            refuse_value("a phase that another follows", "a schedule that ends", phase, hint)


def _check_fractions(phases: tuple[Shape, ...]) -> None:
    total = sum(phase.fraction for phase in phases if phase._unit == "fraction" and not phase.endless)
    if total > 1 + 1e-9:
        hint = "Phases follow one another: after fraction=0.05 there is fraction=0.95 left."
        refuse_value("the sum of the phases' fractions", "at most 1", total, hint)
