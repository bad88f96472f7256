"""Runs as a sweep reads them: where their judge was observed, and when delays were over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...conditions import Condition, Metric
from ...history.columns import Columns, Floats, Places
from ..columns import Rows, evaluations, first_true, is_pointwise, judge, observed, stacked
from .passes import Opening

__all__ = ["View", "Views"]

#: Past the last observation of any run.
_NEVER = 2**40


class View:
    """A run, and where its monitor was observed.

    Args:
        columns: the records.
        monitor: what has a twin.
        every: whether each record is known to be an observation.

    Attributes:
        places: at which of the evaluations the monitor was observed.
        values, epochs: its values and the epochs there.
        end: the epoch of the last record; 0 where there is none.
    """

    __slots__ = ("columns", "end", "epochs", "every", "places", "values")
    columns: Columns
    places: Places
    values: Floats
    epochs: np.ndarray[Any, Any]

    def __init__(self, columns: Columns, monitor: Any, *, every: bool) -> None:
        self.columns, self.every = columns, every
        epochs = columns.clock["epoch"]
        if every and isinstance(monitor, Metric):
            self.places, self.values = columns.fresh(monitor.name)
        else:
            with np.errstate(all="ignore"):  # infinities and NaN are values
                self.places, self.values = observed(monitor, self.rows)
        self.epochs = epochs if every else self.rows.clock["epoch"][self.places]
        self.end = int(epochs[-1]) if len(epochs) else 0

    @property
    def rows(self) -> Rows:
        """The evaluations among the records."""
        return evaluations(self.columns)[0]


class Views:
    """Runs that are swept together."""

    def __init__(self, views: Sequence[View]) -> None:
        self.views = views
        self._together = [place for place, view in enumerate(views) if view.every]
        lengths = np.array([len(views[place].values) for place in self._together], dtype=np.int64)
        self._starts, self._lengths = np.cumsum(lengths) - lengths, lengths
        self._stack = stacked([views[place].columns for place in self._together])
        self._openings: dict[Condition | None, Opening] = {}

    def opening(self, gate: Condition | None) -> Opening:
        """When ``gate`` was open in each run."""
        if gate not in self._openings:
            self._openings[gate] = self._opening(gate)
        return self._openings[gate]

    def _opening(self, gate: Condition | None) -> Opening:
        count = len(self.views)
        first, epochs, between = np.zeros(count, np.int64), np.full(count, np.nan), np.zeros(count, np.bool_)
        if gate is None:
            return Opening(first, between, epochs)
        together = self._together if is_pointwise(gate) else []
        if together:
            first[together] = self._first_of_each(gate)
        for place in sorted(set(range(count)) - set(together)):
            view, rows = self.views[place], self.views[place].rows
            with np.errstate(all="ignore"):  # infinities and NaN are values
                opened = first_true(judge(gate, rows)) if len(rows) else 0
            if opened == len(rows):
                first[place] = _NEVER
                continue
            first[place] = at = int(np.searchsorted(view.places, opened))
            between[place] = at == len(view.places) or view.places[at] > opened
            epochs[place] = rows.clock["epoch"][opened]
        return Opening(first, between, epochs)

    def _first_of_each(self, gate: Condition) -> Places:
        """The first record of each run at which ``gate`` holds, where each record decides by itself: all at once."""
        with np.errstate(all="ignore"):
            holds = np.flatnonzero(judge(gate, self._stack) == 1)
        place = np.searchsorted(holds, self._starts)
        found = np.append(holds, _NEVER)[place] - self._starts
        return np.where(found < self._lengths, found, _NEVER)
