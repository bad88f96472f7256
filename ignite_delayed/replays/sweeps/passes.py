"""Stopping rules over many runs at once: a column for each run, a row for each observation.

All rules that share delay and threshold share a pass: where patience is lost is read off one table of how long there
was no improvement.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...conditions import EarlyStop
from ...conditions.expression import Mode
from ...history.columns import Floats, Places

__all__ = ["Opening", "Pass", "Seen", "cells_at", "first_numbers", "kept_at", "seen_of"]

Table = np.ndarray[Any, Any]


class Seen(NamedTuple):
    """What a monitor said over many runs.

    Args:
        values: such that less is better; infinite where there is no number.
        epochs: those of the observations.
        missing: whether an observation was NaN.
        lengths: how many observations each run has.
    """

    values: Table
    epochs: Table
    missing: Table
    lengths: Places

    @property
    def rows(self) -> Table:
        """The number of each row, as a column."""
        kind = np.int16 if len(self.values) < 2**15 else np.int64
        return np.arange(len(self.values), dtype=kind)[:, None]

    @property
    def best_at(self) -> Table:
        """Up to each observation, which was the best; -1 before there was one."""
        return _best_at(self.values, self.rows)


class Opening(NamedTuple):
    """When the delay was over in each run.

    Args:
        first: the first observation from then on; past the last where it was never over.
        between: whether it was over at a record that is no observation, before ``first``.
        epochs: that record's epoch.
    """

    first: Places
    between: np.ndarray[Any, np.dtype[np.bool_]]
    epochs: Floats


def seen_of(values: Sequence[Floats], epochs: Sequence[Table], mode: Mode) -> Seen:
    """The observations of many runs, none of them infinite, as tables."""
    lengths = np.array([len(one) for one in values], dtype=np.int64)
    there = np.arange(max(1, int(lengths.max()))) < lengths[:, None]
    flat = np.concatenate(values)
    table = _filled(there, flat if mode == "min" else -flat, np.inf)
    missing = np.isnan(table)
    table[missing] = np.inf
    return Seen(table, _filled(there, np.concatenate(epochs), 0.0), missing, lengths)


def _filled(there: Table, cells: Table, empty: float) -> Table:
    """A table with the cells of one run after the other, each in a column of its own."""
    table = np.full(there.shape, empty)
    table[there] = cells
    return np.ascontiguousarray(table.T)


def _last(marked: Table, rows: Table) -> Table:
    """Up to each row the last that is marked; -1 before."""
    last: Table = marked * (rows + rows.dtype.type(1))
    for above, row in pairwise(last):  # row by row is far faster than np.maximum.accumulate
        np.maximum(above, row, out=row)
    last -= rows.dtype.type(1)
    return last


def _before(values: Table) -> Table:
    """The least value before each row."""
    least = np.empty_like(values)
    least[0] = np.inf
    for above, row, value in zip(least, least[1:], values, strict=False):
        np.minimum(above, value, out=row)
    return least


def _best_at(values: Table, rows: Table) -> Table:
    return _last(values < _before(values), rows)


class Pass:
    """What all rules with one delay see of the runs.

    Args:
        rule: one of them.
        seen: what their monitor said.
        opening: when their delay was over.
    """

    def __init__(self, rule: EarlyStop, seen: Seen, opening: Opening) -> None:
        rows, values = seen.rows, seen.values
        self._seen, self._rows, self._while_closed = seen, rows, rule.while_closed
        self._opened = np.minimum(opening.first, len(values)).astype(rows.dtype)
        self._between = opening.between
        if rule.while_closed == "ignore" and opening.first.any():
            values, closed = values.copy(), int(self._opened.max())
            np.copyto(values[:closed], np.inf, where=rows[:closed] < self._opened)
        self._values = values
        self._before = _before(values)
        self._best = _last(values < self._before, rows)

    def stops(self, rule: EarlyStop, patience: Sequence[int]) -> tuple[list[Places], Table]:
        """At which observation the rule stops each run with each patience, and up to each which was the best it knows.

        One past the last observation is never. Where the delay is over between two observations and patience is lost by
        then, the rule stops there, which is told by the observation before.
        """
        rows, lengths, missing = self._rows, self._seen.lengths, self._seen.missing
        best, last = self._improvements(rule)
        if self._while_closed != "count":
            last = np.maximum(last, self._opened - rows.dtype.type(1))
        spent = rows - last
        if self._while_closed == "count":
            spent *= rows >= self._opened - self._between
        for above, row in pairwise(spent):  # the most that was spent so far: patience is lost where that is enough
            np.maximum(above, row, out=row)
        found = [_below(spent, min(count, len(rows) + 1), lengths) for count in patience]
        if rule.nan == "stop" and missing.any():
            by_nan = _first(missing & (rows >= self._opened), lengths)
            found = [np.minimum(one, by_nan) for one in found]
        return found, best

    def _improvements(self, rule: EarlyStop) -> tuple[Table, Table]:
        """Up to each observation: which was the best, and the last that improved; -1 before."""
        if not rule.threshold:
            return self._best, self._best
        if not rule.cumulative:
            return self._best, _last(self._values < _bound(rule, self._before), self._rows)
        improved, best = np.empty(self._values.shape, np.bool_), np.full(self._values.shape[1], np.inf)
        for row, value in enumerate(self._values):
            improved[row] = value < _bound(rule, best)
            best[improved[row]] = value[improved[row]]
        last = _last(improved, self._rows)
        return last, last


def _bound(rule: EarlyStop, best: Table) -> Table:
    """Below what a value improves on ``best``."""
    if rule.threshold_mode == "abs":
        return best - rule.threshold
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(best), best, best * (1 - np.copysign(1.0, best) * rule.threshold))


def _below(most: Table, count: int, lengths: Places) -> Places:
    """How many rows of each run are below ``count``: the first that is not, as they never fall."""
    rows: Places = np.add.reduce(most < count, axis=0, dtype=most.dtype)
    return np.minimum(rows, lengths)


def _first(marked: Table, lengths: Places) -> Places:
    """The first row that is marked, of each column; where there is none, the length of the run."""
    place = marked.argmax(axis=0)
    there = marked[place, np.arange(len(lengths))]
    found: Places = np.where(there, np.minimum(place, lengths), lengths)
    return found


def kept_at(seen: Seen, best: Table, place: Places, mode: Mode) -> tuple[Floats, Floats]:
    """The best value up to an observation of each run, by ``best``, and its epoch; NaN where there is none."""
    at = cells_at(best, np.maximum(np.minimum(place, seen.lengths - 1), 0))
    known = (at >= 0) & (seen.lengths > 0)
    value = cells_at(seen.values, at)
    return np.where(known, value if mode == "min" else -value, np.nan), np.where(
        known, cells_at(seen.epochs, at), np.nan
    )


def cells_at(table: Table, rows: Places) -> Table:
    """The cell of each column that is in its row."""
    width = table.shape[1]
    cells: Table = table.ravel().take(rows.astype(np.int64) * width + np.arange(width))
    return cells


def first_numbers(seen: Seen, mode: Mode) -> Floats:
    """The first value of each run that is a number; NaN where there is none."""
    run = np.arange(len(seen.lengths))
    place = (~seen.missing).argmax(axis=0)
    value = seen.values[place, run]
    numbers: Floats = np.where(place < seen.lengths, value if mode == "min" else -value, np.nan)
    return numbers
