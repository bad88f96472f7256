"""How high schedules raise what must stay below 1: a momentum, or a beta."""

from __future__ import annotations

from typing import Any

from .._utils.checks import refuse_value
from ..schedules import Schedule
from .optimizer.groups import BELOW_1
from .phase import Phase

__all__ = ["check_highest"]

_RUN: Any = {"epochs": 100, "iterations_per_epoch": 100, "updates_per_epoch": 100}
_ENDLESS = 10_000  # steps that are looked at of what has no end
_PARTS = 200  # into which each phase of a schedule is divided


def check_highest(phases: list[Phase], parameter: str, bases: list[float]) -> None:
    """Refuse schedules that raise a momentum or a beta to 1, as far as a run of 100 epochs shows it.

    Raises:
        ValueError: for the first such schedule.
    """
    if parameter not in BELOW_1:
        return
    base = max((base for base in bases if base < 1), default=0.0)
    for phase in phases:
        if isinstance(phase.what, Schedule) and phase.per is not None:
            highest = base * _highest(phase.what.resolve(per=phase.per, **_RUN))
            if highest >= 1:
                hint = f"Its factors are of the base, {base:g}. An average that never forgets never learns."
                refuse_value(f"the {parameter} that {phase!r} comes to", "< 1", highest, hint)


def _highest(schedule: Schedule) -> float:
    """The highest factor among steps that are spread evenly, ends included."""
    found = 0.0
    for start, stop, _ in schedule.segments():
        length = _ENDLESS if stop is None else stop - start
        found = max(found, *(schedule(start + part * length // _PARTS) for part in range(_PARTS + 1)))
    return found
