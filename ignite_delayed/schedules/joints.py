"""What holds between schedules that follow one another, and how their lengths become whole together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._utils.checks import refuse_value
from .lengths import SHARES, PlannedRun, whole_steps

__all__ = ["check_joints", "exact_length", "resolve_joined", "share_of"]


def check_joints(phases: Sequence[Any]) -> None:
    """Refuse shapes of which one cannot follow the other, or that are longer than the run together."""
    _check_ends(phases)
    _check_fractions(phases)


def resolve_joined(phases: Sequence[Any], run: PlannedRun) -> list[Any]:
    """Shapes that follow one another in steps of ``run``, their ends rounded from the exact places."""
    lengths: list[float] = []
    runs: list[PlannedRun] = []  # as each phase sees it
    over = 0.0
    for phase in phases:
        runs.append(run.after(over))
        if not phase._keeps_exact():
            lengths.append(phase._exact_steps(runs[-1]))
            over += lengths[-1]
        elif not phase.endless:
            over += phase._resolve(runs[-1])._steps()
    shares = [bool(phase._units() & set(SHARES)) for phase in phases if not phase._keeps_exact()]
    spans = iter(whole_steps(lengths, shares))
    return [
        phase._resolve(seen) if phase._keeps_exact() else phase._fit(seen, next(spans))
        for phase, seen in zip(phases, runs, strict=True)
    ]


def exact_length(schedule: Any, run: PlannedRun) -> float:
    """The steps of a schedule that ends, not yet rounded to whole ones."""
    over = 0.0
    for phase in schedule._phases():
        over += phase._exact_length(run.after(over))
    return over


def share_of(schedule: Any) -> float:
    """The fraction of the run that the schedule takes up, as far as it was given as one."""
    total: float = sum(phase._share() for phase in schedule._phases())
    return total


def _check_ends(phases: Sequence[Any]) -> None:
    for phase in phases[:-1]:
        if "rest" in phase._units():
            hint = "Only the last takes the rest of the run."
            refuse_value("a phase that another follows", "a schedule that ends before the run", phase, hint)
        if phase.endless:
            last = "Put it last, or leave it by a condition, with LRPhases."
            hint = last if phase._units() else "Give it a length."
            refuse_value("a phase that another follows", "a schedule that ends", phase, hint)


def _check_fractions(phases: Sequence[Any]) -> None:
    total = sum(phase._share() for phase in phases)
    if total > 1 + 1e-9:
        hint = "Phases follow one another: after fraction=0.05 there is fraction=0.95 left."
        refuse_value("the sum of the phases' fractions", "at most 1", total, hint)
