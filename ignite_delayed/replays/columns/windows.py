"""The twins of windows over observations and of remembered numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...conditions.windows import Best, Change, Ema, First, Max, Mean, Min, Slope, Std, Window
from ...history.columns import Floats, Places
from .exact import largest, smallest, totals
from .numbers import at, observations
from .rows import Rows, held
from .twins import Numbers, twin, value

__all__ = ["best_places"]

#: Windows are computed in blocks that stay in the cache.
_BLOCK = 8192


def _mean(window: Sequence[Floats]) -> Floats:
    mean = totals(window) / len(window)
    low, high = smallest(window), largest(window)
    clamped = largest([mean, low])
    return np.where(np.isfinite(mean), smallest([clamped, high]), mean)


def _std(window: Sequence[Floats]) -> Floats:
    offsets = [column - window[0] for column in window]
    middle = totals(offsets) / len(window)
    deviations = [offset - middle for offset in offsets]
    most = largest([np.abs(deviation) for deviation in deviations])
    shares = [deviation / most for deviation in deviations]
    std = most * np.sqrt(totals([share * share for share in shares]) / (len(window) - 1))
    std = np.where(most == 0, most, std)
    for place in np.flatnonzero(~np.isfinite(sum(map(np.abs, deviations)))):
        std[place] = Std.compute([float(column[place]) for column in window])
    return std


def _slope(window: Sequence[Floats]) -> Floats:
    n = len(window)
    middle = (n - 1) / 2
    rises = [column - window[0] for column in window]
    slope = totals([(i - middle) * rise for i, rise in enumerate(rises)]) * 12 / (n * (n * n - 1))
    for place in np.flatnonzero(~np.isfinite(sum(map(np.abs, rises)))):
        slope[place] = Slope.compute([float(column[place]) for column in window])
    return slope


def _change(window: Sequence[Floats]) -> Floats:
    return window[-1] - window[0]


_STATISTICS: dict[type[Window], Callable[[Sequence[Floats]], Floats]] = {
    Mean: _mean,
    Min: smallest,
    Max: largest,
    Std: _std,
    Slope: _slope,
    Change: _change,
}


@twin(*_STATISTICS)
def window(node: Window, rows: Rows) -> Numbers:
    inner = value(node.expression, rows)
    places = observations(node, (inner,), rows)
    seen, full = at(inner, places), node.length
    places = places[full - 1 :]
    values = np.empty(len(places))
    for begin in range(0, len(places), _BLOCK):
        size = min(_BLOCK, len(places) - begin)
        columns = [seen[begin + i : begin + i + size] for i in range(full)]
        has_nan = np.logical_or.reduce([np.isnan(column) for column in columns])
        values[begin : begin + size] = np.where(has_nan, np.nan, _STATISTICS[type(node)](columns))
    return Numbers(held(values, places, len(rows)), int(places[0]) if len(places) else len(rows))


@twin(First, Best, Ema)
def memory(node: First | Best | Ema, rows: Rows) -> Numbers:
    inner = value(node.expression, rows)
    places = observations(node, (inner,), rows)
    seen = at(inner, places)
    takes = np.isfinite(seen) if isinstance(node, Ema) else ~np.isnan(seen)
    if not takes.all():
        seen, places = seen[takes], places[takes]
    if isinstance(node, First):
        values = seen[:1].repeat(len(seen))
    elif isinstance(node, Ema):
        values = _averages(node, seen)
    else:
        values = seen[best_places(seen if node.mode == "min" else -seen)]
    return Numbers(held(values, places, len(rows)), int(places[0]) if len(places) else len(rows))


def best_places(seen: Floats) -> Places:
    """Up to each observation, where the lowest is that is not NaN, of equal ones the first; -1 before there is one."""
    if not len(seen):
        return np.empty(0, np.int64)
    known = ~np.isnan(seen)
    lowest = np.fmin.accumulate(seen)
    lower = np.concatenate(([False], known[1:] & (seen[1:] < lowest[:-1])))
    lower[np.argmax(known)] |= known.any()
    return np.maximum.accumulate(np.where(lower, np.arange(len(seen)), -1))


def _averages(node: Ema, seen: Floats) -> Floats:
    """One after the other: each average is rounded before the next is made of it."""
    if not len(seen):
        return seen
    averages = [float(seen[0])]
    for one in seen[1:].tolist():
        averages.append(node.update(averages[-1], one))
    return np.array(averages)
