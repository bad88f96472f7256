"""Runs as a sweep reads them: what their monitor said, and when delays were over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...conditions import Condition, Expression
from ...conditions.expression import Mode
from ...history.columns import Columns, Floats, Places
from ..columns import Rows, Stacked, evaluations, first_true, is_pointwise, judge, observed
from .passes import Opening
from .seen import Flags, Seen, seen_of

__all__ = ["Views"]

#: Past the last observation of any run.
_NEVER = 2**40


class Views:
    """What a monitor said over runs: those that need no look of their own are read all at once.

    Args:
        runs: their records.
        stack: those of them that have at each record all that is read.
        monitor: what has a twin.
    """

    def __init__(self, runs: Sequence[Columns], stack: Stacked, monitor: Expression) -> None:
        self._runs, self._stack = runs, stack
        self._together = stack.places if is_pointwise(monitor) else stack.places[:0]
        self._alone = np.delete(np.arange(len(runs)), self._together)
        values, epochs, lengths = [np.empty(0)], [np.empty(0, np.int64)], list[int]()
        self._places: dict[int, Places] = {}
        with np.errstate(all="ignore"):  # infinities and NaN are values
            if len(self._together):
                values, epochs = [observed(monitor, stack)[1]], [stack.clock["epoch"]]
                lengths += stack.lengths.tolist()
            for place in self._alone.tolist():
                rows = self._rows(place)
                self._places[place], cells = observed(monitor, rows)
                values.append(cells)
                epochs.append(rows.clock["epoch"][self._places[place]])
                lengths.append(len(cells))
        self._values: Floats = np.concatenate(values) if len(values) > 1 else values[0]
        self._epochs: Places = np.concatenate(epochs) if len(epochs) > 1 else epochs[0]
        self._lengths, self._starts = np.empty((2, len(runs)), np.int64)
        self._order = np.concatenate([self._together, self._alone])
        self._lengths[self._order] = lengths
        self._starts[self._order] = np.cumsum(lengths) - lengths

    def _rows(self, place: int) -> Rows:
        """The evaluations among the records of a run."""
        return evaluations(self._runs[place])[0]

    def are_finite(self) -> Flags:
        """Which runs have no infinite value."""
        finite = np.ones(len(self._runs), np.bool_)
        infinite = np.flatnonzero(np.isinf(self._values))
        if len(infinite):
            finite[np.repeat(self._order, self._lengths[self._order])[infinite]] = False
        return finite

    def seen(self, runs: Places, mode: Mode) -> tuple[Places, Seen]:
        """``runs``, the shortest first, and what was observed of them."""
        runs = runs[np.argsort(self._lengths[runs], kind="stable")]
        return runs, seen_of(self._values, self._epochs, self._starts[runs], self._lengths[runs], mode)

    def opening(self, gate: Condition | None) -> Opening:
        """When ``gate`` was open in each run."""
        count = len(self._runs)
        first, epochs, between = np.zeros(count, np.int64), np.full(count, np.nan), np.zeros(count, np.bool_)
        if gate is None:
            return Opening(first, between, epochs)
        alone = np.arange(count)
        if len(self._together) and is_pointwise(gate):
            first[self._together] = self._first_of_each(gate)
            alone = self._alone
        for place in alone.tolist():
            rows, places = self._rows(place), self._places.get(place)
            with np.errstate(all="ignore"):
                opened = first_true(judge(gate, rows)) if len(rows) else 0
            if opened == len(rows):
                first[place] = _NEVER
                continue
            first[place] = at = opened if places is None else int(np.searchsorted(places, opened))
            between[place] = places is not None and (at == len(places) or places[at] > opened)
            epochs[place] = rows.clock["epoch"][opened]
        return Opening(first, between, epochs)

    def _first_of_each(self, gate: Condition) -> Places:
        """The first record of each run at which ``gate`` holds, where each record decides by itself: all at once."""
        stack = self._stack
        with np.errstate(all="ignore"):
            holds = judge(gate, stack) == 1
        begins = holds.copy()  # where it holds and did not before
        begins[1:] &= ~holds[:-1]
        opened = np.append(np.flatnonzero(begins), _NEVER)
        found = opened[np.searchsorted(opened, stack.starts)] - stack.starts
        found[np.append(holds, False)[stack.starts]] = 0
        return np.where(found < stack.lengths, found, _NEVER)
