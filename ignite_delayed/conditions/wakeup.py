"""When the clock may next move a gate, so that most iterations cost one comparison."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..history.record import Record
from .clock import After
from .condition import Condition

__all__ = ["next_wakeup"]


def next_wakeup(condition: Condition, now: Record) -> float:
    """The first iteration after ``now`` at which the clock may change ``condition``; infinite if it cannot."""
    return min((point for point in _points(condition, now) if point > now.iteration), default=math.inf)


def _points(condition: Condition, now: Record) -> Iterator[float]:
    """The iterations at which the leaves of ``condition`` turn true."""
    if isinstance(condition, After):
        if condition.unit == "seconds" or (condition.unit == "fraction" and now.planned is None):
            yield now.iteration + 1  # nobody knows: look at each
        elif condition.unit == "iterations":
            yield condition.point + 1
        elif condition.unit == "fraction" and now.planned is not None:
            yield math.floor(condition.point * now.planned) + 1
    for part in condition.parts:
        if isinstance(part, Condition):
            yield from _points(part, now)
