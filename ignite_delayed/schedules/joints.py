"""What holds between schedules that follow one another, and how their lengths become whole together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._utils.checks import refuse_value
from .lengths import PlannedRun, whole_steps

__all__ = ["check_joints", "resolve_joined"]


def check_joints(phases: Sequence[Any]) -> None:
    """Refuse shapes of which one cannot follow the other, or that are longer than the run together."""
    _check_ends(phases)
    _check_fractions(phases)


def resolve_joined(phases: Sequence[Any], run: PlannedRun) -> list[Any]:
    """Shapes that follow one another in steps of ``run``, their ends rounded from the exact places."""
    lengths = [phase for phase in phases if not phase._keeps_exact()]
    shares = [phase._unit == "fraction" for phase in lengths]
    spans = iter(whole_steps([phase._exact_steps(run) for phase in lengths], shares))
    return [p._resolve(run) if p._keeps_exact() else p._with_steps(next(spans)) for p in phases]


def _check_ends(phases: Sequence[Any]) -> None:
    for phase in phases[:-1]:
        if phase.endless:
            last = "Put it last, or leave it by a condition, with LRPhases."
            hint = "Give it a length." if phase._unit is None else last
            refuse_value("a phase that another follows", "a schedule that ends", phase, hint)


def _check_fractions(phases: Sequence[Any]) -> None:
    total = sum(phase._extent() for phase in phases if phase._unit == "fraction" and not phase.endless)
    if total > 1 + 1e-9:
        hint = "Phases follow one another: after fraction=0.05 there is fraction=0.95 left."
        refuse_value("the sum of the phases' fractions", "at most 1", total, hint)
