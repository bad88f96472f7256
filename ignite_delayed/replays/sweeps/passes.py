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
        self._values, self._epochs = np.full(len(self._at), np.inf), np.full(len(self._at), np.nan)
        places = seen.starts[runs] + rows
        self._values[is_low], self._epochs[is_low] = seen.values[places], seen.epochs[places]
        self._stride = int(seen.lengths.max(initial=0)) + 2
        self._keys = self._runs * self._stride + self._at
        #: From where on patience is spent.
        self._since = self._at
        if rule.while_closed != "count":
            self._since = np.maximum(self._at, np.repeat(self._opened - 1, counts + 1))

    def stops(self, rule: EarlyStop, patience: Sequence[int]) -> Stops:
        """What the rule does with each patience."""
        opening = self._opening
        improved = self._improvements(rule)
        stops, last = self._lost(improved, patience)
        is_sooner = rule.nan == "stop" and len(self._seen.missing) > 0
        if is_sooner:
            stops = np.minimum(stops, self._seen.missing_from(self._opened))
        if is_sooner or (rule.threshold and not rule.cumulative):
            last = self._latest(improved if rule.cumulative else None, stops)
        epochs = self._seen.epochs_at(self._every, stops)
        if opening.between.any():
            is_between = opening.between & (stops == opening.first - 1) & (stops < self._seen.lengths)
            epochs = np.where(is_between, opening.epochs, epochs)
        kept = self._values[last]
        kept[np.isinf(kept)] = np.nan  # before the first observation; no low is infinite
        return Stops(epochs, kept if rule.mode == "min" else -kept, self._epochs[last])

    def _latest(self, improved: Places | None, stops: Places) -> Places:
        """The last of the new lows, or of those that ``improved``, by each of ``stops``."""
        ends = self._every * self._stride + np.minimum(stops, self._seen.lengths - 1)
        if improved is None:
            return np.searchsorted(self._keys, ends, side="right") - 1
        return improved[np.searchsorted(self._keys[improved], ends, side="right") - 1]

    def _improvements(self, rule: EarlyStop) -> Places:
        """Which of the new lows improved on what was the best by so much as the rule asks, and what leads them."""
        if not rule.threshold:
            return np.arange(len(self._at))
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

    def _lost(self, improved: Places, patience: Sequence[int]) -> tuple[Places, Places]:
        """At which observation each patience is lost, and what improved last by then; one past the last is never.

        Where the delay is over between two observations and patience is lost by then, the rule stops there, which is
        told by the observation before.
        """
        lengths, opened = self._seen.lengths, self._opened
        runs, since = self._runs[improved], self._since[improved]
        final = np.append(np.flatnonzero(runs[1:] != runs[:-1]), len(runs) - 1)
        until = np.append(since[1:], 0)
        until[final] = lengths
        gaps = until - since
        waits = self._while_closed == "count"
        if waits:
            opened = opened - self._opening.between
            gaps[until <= opened[runs]] = 0
        long = np.flatnonzero(gaps > min(patience))
        runs, since, gaps, long = runs[long], since[long], gaps[long], improved[long]
        stops, last = np.empty((2, len(patience), len(lengths)), np.int64)
        stops[:], last[:] = lengths, improved[final]
        for row, count in enumerate(patience):
            lost = np.flatnonzero(gaps > count)
            run = runs[lost]
            first = np.append(True, run[1:] != run[:-1])[: len(run)]
            run, lost = run[first], lost[first]
            stops[row, run], last[row, run] = since[lost] + count, long[lost]
        return np.minimum(np.maximum(stops, opened), lengths) if waits else stops, last


def _bound(rule: EarlyStop, best: Floats) -> Floats:
    """Below what a value improves on ``best``."""
    with np.errstate(over="ignore", invalid="ignore"):
        if rule.threshold_mode == "abs":
            return best - rule.threshold
        return np.where(np.isinf(best), best, best * (1 - np.copysign(1.0, best) * rule.threshold))
