"""What holds between schedules that follow one another, and how their lengths become whole together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._utils.checks import refuse_value
from .lengths import SHARES, PlannedRun, whole_steps

__all__ = ["check_joints", "resolve_joined"]


def check_joints(phases: Sequence[Any]) -> None:
    """Refuse shapes of which one cannot follow the other, or that are longer than the run together."""
    _check_ends(phases)
    _check_fractions(phases)


def resolve_joined(phases: Sequence[Any], run: PlannedRun) -> list[Any]:
    """Shapes that follow one another in steps of ``run``, their ends rounded from the exact places."""
    lengths: list[float] = []
    over = 0.0
    for phase in phases:
        if not phase._keeps_exact():
            lengths.append(phase._exact_steps(run.after(over)))
            over += lengths[-1]
        elif not phase.endless:
            over += phase._resolve(run.after(over))._steps()
    shares = [phase._unit in SHARES for phase in phases if not phase._keeps_exact()]
    spans = iter(whole_steps(lengths, shares))
    return [
        phase._resolve(run.after(over)) if phase._keeps_exact() else phase._with_steps(next(spans)) for phase in phases
    ]


def _check_ends(phases: Sequence[Any]) -> None:
    for phase in phases[:-1]:
        if phase._unit == "rest":
            hint = "Only the last takes the rest of the run."
            refuse_value("a phase that another follows", "a schedule that ends before the run", phase, hint)
        if phase.endless:
            last = "Put it last, or leave it by a condition, with LRPhases."
            hint = "Give it a length." if phase._unit is None else last
            refuse_value("a phase that another follows", "a schedule that ends", phase, hint)


def _check_fractions(phases: Sequence[Any]) -> None:
    total = sum(phase._extent() for phase in phases if phase._unit == "fraction" and not phase.endless)
    if total > 1 + 1e-9:
        hint = "Phases follow one another: after fraction=0.05 there is fraction=0.95 left."
        refuse_value("the sum of the phases' fractions", "at most 1", total, hint)
