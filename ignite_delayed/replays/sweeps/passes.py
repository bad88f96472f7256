"""Stopping rules over many runs at once.

Only where a run reaches a new low can a rule see an improvement, and those places are few: all rules that share a delay
share them, and all that share the threshold too share how long patience had to last between two improvements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...conditions import EarlyStop
from ...history.columns import Floats, Places
from .seen import Flags, Seen, lows_of

__all__ = ["Opening", "Pass", "Stops"]


class Opening(NamedTuple):
    """When the delay was over in each run.

    Args:
        first: the first observation from then on; past the last where it was never over.
        between: whether it was over at a record that is no observation, before ``first``.
        epochs: that record's epoch.
    """

    first: Places
    between: Flags
    epochs: Floats

    def of(self, runs: Places) -> Opening:
        """That of some of the runs."""
        return Opening(self.first[runs], self.between[runs], self.epochs[runs])


class Stops(NamedTuple):
    """What a rule does with several patiences: a row for each of them, a column for each run; NaN is none.

    Args:
        epochs: where it stops.
        kept, kept_epochs: the best value that it knows then, and the epoch of that.
    """

    epochs: Floats
    kept: Floats
    kept_epochs: Floats


class Pass:
    """What all rules with one delay see of the runs.

    The new lows of each run are led by a place before its first observation, at which nothing is known.

    Args:
        rule: one of them.
        seen: what their monitor said.
        opening: when their delay was over.
    """

    def __init__(self, rule: EarlyStop, seen: Seen, opening: Opening) -> None:
        self._seen, self._opening, self._while_closed = seen, opening, rule.while_closed
        count = len(seen.lengths)
        self._every = np.arange(count)
        self._opened = np.minimum(opening.first, seen.lengths)
        ignored = self._opened if rule.while_closed == "ignore" else np.zeros(count, np.int64)
        runs, rows = lows_of(seen.tables, ignored)
        counts = np.bincount(runs, minlength=count)
        self._leads = np.cumsum(counts) - counts + self._every
        self._counts = counts
        self._runs, self._at = np.repeat(self._every, counts + 1), np.full(len(runs) + count, -1)
        is_low = np.ones(len(self._at), np.bool_)
        is_low[self._leads] = False
        self._at[is_low] = rows
        self._values = np.full(len(self._at), np.inf)
        self._values[is_low] = seen.values[seen.starts[runs] + rows]
        #: From where on patience is spent.
        self._since = self._at
        if rule.while_closed != "count":
            self._since = np.maximum(self._at, np.repeat(self._opened - 1, counts + 1))

    def stops(self, rule: EarlyStop, patience: Sequence[int]) -> Stops:
        """What the rule does with each patience."""
        every, lengths, opening = self._every, self._seen.lengths, self._opening
        improved = self._improvements(rule)
        stops = self._lost(improved, patience)
        if rule.nan == "stop" and len(self._seen.missing):
            stops = np.minimum(stops, self._seen.missing_from(self._opened))
        epochs = self._seen.epochs_at(every, stops)
        epochs = np.where(opening.between & (stops == opening.first - 1) & (stops < lengths), opening.epochs, epochs)
        known = improved if rule.cumulative else slice(None)
        stride = int(lengths.max(initial=0)) + 2
        ends = every * stride + np.minimum(stops, lengths - 1)
        found = np.searchsorted(self._runs[known] * stride + self._at[known], ends, side="right") - 1
        at, kept = self._at[known][found], self._values[known][found]
        kept = np.where(at < 0, np.nan, kept if rule.mode == "min" else -kept)
        return Stops(epochs, kept, self._seen.epochs_at(every, at))

    def _improvements(self, rule: EarlyStop) -> Places | slice:
        """Which of the new lows improved on what was the best by so much as the rule asks, and what leads them."""
        if not rule.threshold:
            return slice(None)
        if rule.cumulative:
            improved = self._improvements_each(rule)
        else:
            improved = np.empty(len(self._at), np.bool_)
            improved[1:] = self._values[1:] < _bound(rule, self._values[:-1])
        improved[self._leads] = True
        return np.flatnonzero(improved)

    def _improvements_each(self, rule: EarlyStop) -> Flags:
        """One after the other, in all runs at once: what counts as better depends on what counted before."""
        improved, best = np.zeros(len(self._at), np.bool_), np.full(len(self._every), np.inf)
        for number in range(1, int(self._counts.max(initial=0)) + 1):
            runs = np.flatnonzero(self._counts >= number)
            places = self._leads[runs] + number
            better = self._values[places] < _bound(rule, best[runs])
            improved[places] = better
            best[runs[better]] = self._values[places[better]]
        return improved

    def _lost(self, improved: Places | slice, patience: Sequence[int]) -> Places:
        """At which observation each patience is lost; one past the last is never.

        Where the delay is over between two observations and patience is lost by then, the rule stops there, which is
        told by the observation before.
        """
        lengths, opened = self._seen.lengths, self._opened
        runs, since = self._runs[improved], self._since[improved]
        until = np.append(since[1:], 0)
        until[np.append(runs[1:] != runs[:-1], True)] = lengths
        gaps = until - since
        waits = self._while_closed == "count"
        if waits:
            opened = opened - self._opening.between
            gaps[until <= opened[runs]] = 0
        long = np.flatnonzero(gaps > min(patience))
        runs, since, gaps = runs[long], since[long], gaps[long]
        stops = np.empty((len(patience), len(lengths)), np.int64)
        for row, count in zip(stops, patience, strict=True):
            lost = np.flatnonzero(gaps > count)
            run = runs[lost]
            first = np.append(True, run[1:] != run[:-1])[: len(run)]
            row[:] = lengths
            row[run[first]] = since[lost[first]] + count
        return np.minimum(np.maximum(stops, opened), lengths) if waits else stops


def _bound(rule: EarlyStop, best: Floats) -> Floats:
    """Below what a value improves on ``best``."""
    with np.errstate(over="ignore", invalid="ignore"):
        if rule.threshold_mode == "abs":
            return best - rule.threshold
        return np.where(np.isinf(best), best, best * (1 - np.copysign(1.0, best) * rule.threshold))
