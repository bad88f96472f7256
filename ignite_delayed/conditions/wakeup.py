"""When the clock may next move a gate, so that most iterations cost one comparison."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..history.record import Record
from .clock import After
from .condition import Condition
from .node import State
from .temporal import Then

__all__ = ["next_wakeup"]


def next_wakeup(condition: Condition, state: State, now: Record) -> float:
    """The first iteration after ``now`` at which the clock may change ``condition``; infinite if it cannot."""
    return min((point for point in _points(condition, state, now) if point > now.iteration), default=math.inf)


def _points(condition: Condition, state: State, now: Record) -> Iterator[float]:
    """The iterations at which the leaves of ``condition`` turn true."""
    if isinstance(condition, After):
        if condition.unit == "seconds" or (condition.unit == "fraction" and now.planned is None):
            yield now.iteration + 1  # nobody knows: look at each
        elif condition.unit == "iterations":
            yield condition.point + 1
        elif condition.unit == "fraction" and now.planned is not None:
            yield math.floor(condition.point * now.planned) + 1
    elif isinstance(condition, Then) and state.base is not None:
        since = condition.since(state, now)
        for point in _points(condition.second, state.second, since):
            yield point + now.iteration - since.iteration
    else:
        for part, its in zip(condition.parts, state[len(condition.memory) :], strict=True):
            if isinstance(part, Condition):
                yield from _points(part, its, now)
