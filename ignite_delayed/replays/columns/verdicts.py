"""The twins of comparisons, of the clock, of connectives, and of conditions over time."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from ...conditions import After, Always, And, Between, Compare, Finite, Holds, Latched, Never, Not, Or, Sustained, Then
from ...history.columns import Places
from .numbers import at
from .rows import Rows, held, since
from .twins import Verdicts, judge, twin, value

__all__ = ["first_true"]


def _verdicts(true: np.ndarray[Any, Any], false: np.ndarray[Any, Any]) -> Verdicts:
    """True, false, or neither, which is unknown; in the place of ``true``."""
    verdicts: Verdicts = true.view(np.int8)
    verdicts -= false.view(np.int8)
    return verdicts


def first_true(verdicts: Verdicts) -> int:
    """The first record at which a condition holds; one past the last where it never does."""
    place = int(np.argmax(verdicts == 1)) if len(verdicts) else 0
    return place if place < len(verdicts) and verdicts[place] == 1 else len(verdicts)


_OPPOSITES = {
    "<": (np.less, np.greater_equal),
    "<=": (np.less_equal, np.greater),
    ">": (np.greater, np.less_equal),
    ">=": (np.greater_equal, np.less),
}


@twin(Compare)
def compare(node: Compare, rows: Rows) -> Verdicts:
    left, right = value(node.left, rows), value(node.right, rows)
    places = rows.observed(node)
    a, b = at(left, places), at(right, places)
    holds, fails = _OPPOSITES[node.symbol]
    said = _verdicts(holds(a, b), fails(a, b))  # NaN neither holds nor fails
    said[: np.searchsorted(places, max(left.start, right.start))] = 0
    column: Verdicts = held(said, places, len(rows))
    return column


@twin(Finite)
def finite(node: Finite, rows: Rows) -> Verdicts:
    [inner] = (value(part, rows) for part in node.parts)
    is_finite = np.isfinite(inner.values)
    said = _verdicts(is_finite, ~is_finite)
    said[: inner.start] = 0
    return said


@twin(After)
def after(node: After, rows: Rows) -> Verdicts:
    if node.unit != "fraction":
        column = {"epochs": "epoch", "iterations": "iteration", "evaluations": "evaluation", "seconds": "seconds"}
        later = rows.clock[column[node.unit]] > node.point
        return _verdicts(later, ~later)
    planned = rows.clock["planned"]
    said = np.zeros(len(rows), np.int8)
    for length in set(planned.tolist()) - {-1}:
        here = planned == length
        later = rows.clock["iteration"] > math.floor(node.point * length)
        said[here] = _verdicts(later, ~later)[here]
    return said


@twin(Always)
def always(node: Always, rows: Rows) -> Verdicts:
    return np.ones(len(rows), np.int8)


@twin(Never)
def never(node: Never, rows: Rows) -> Verdicts:
    return np.full(len(rows), -1, np.int8)


@twin(And)
def both(node: And, rows: Rows) -> Verdicts:
    return reduce(np.minimum, (judge(condition, rows) for condition in node.conditions))


@twin(Or)
def either(node: Or, rows: Rows) -> Verdicts:
    return reduce(np.maximum, (judge(condition, rows) for condition in node.conditions))


@twin(Not)
def negated(node: Not, rows: Rows) -> Verdicts:
    said: Verdicts = -judge(node.condition, rows)
    return said


@twin(Latched)
def latched(node: Latched, rows: Rows) -> Verdicts:
    said: Verdicts = judge(node.condition, rows).copy()
    said[first_true(said) :] = 1
    return said


@twin(Sustained)
def sustained(node: Sustained, rows: Rows) -> Verdicts:
    return _counted(node, node.evaluations, node.evaluations, rows)


@twin(Holds)
def holds(node: Holds, rows: Rows) -> Verdicts:
    return _counted(node, node.at_least, node.of, rows)


def _counted(node: Sustained | Holds, at_least: int, of: int, rows: Rows) -> Verdicts:
    """Held at ``at_least`` of the last ``of`` observations."""
    places = rows.observed(node)
    said = judge(node.condition, rows)[places]
    true, unknown = _last(said == 1, of), _last(said == 0, of)
    enough = true >= at_least
    few = true + unknown < at_least
    few[: of - 1] = False
    column: Verdicts = held(_verdicts(enough, few), places, len(rows))
    return column


def _last(marked: np.ndarray[Any, Any], of: int) -> Places:
    """How many of the last ``of`` are marked, or of all where there are fewer."""
    count = np.cumsum(marked)
    if len(count) > of:
        count[of:] -= count[:-of].copy()
    return count


@twin(Between)
def between(node: Between, rows: Rows) -> Verdicts:
    start, stop = judge(node.start, rows), judge(node.stop, rows)
    event = np.where(stop == 1, np.int8(-1), start == 1)
    last = np.maximum.accumulate(np.where(event != 0, np.arange(len(rows)), 0))
    said: Verdicts = np.where(event[last] == 1, np.int8(1), np.where(start == 0, np.int8(0), np.int8(-1)))
    return said


@twin(Then)
def then(node: Then, rows: Rows) -> Verdicts:
    begin = first_true(judge(node.first, rows))
    said = np.zeros(len(rows), np.int8)
    if begin < len(rows):
        said[begin:] = judge(node.second, since(rows, node, begin))
    return said
