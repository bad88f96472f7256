"""What a monitor said over many runs, and where each run reached a new low."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...conditions.expression import Mode
from ...history.columns import Floats, Places

__all__ = ["Flags", "Seen", "best_of", "lows_of", "seen_of"]

Flags = np.ndarray[Any, np.dtype[np.bool_]]
#: As many runs as make a row of a table long enough to be handled at once.
_WIDE = 64


class Seen(NamedTuple):
    """The observations of many runs.

    Args:
        values: one run's after another's, such that less is better; infinite where there is no number.
        epochs: those of the observations.
        missing: which observations were NaN, ascending.
        starts, lengths: where the observations of each run begin, and how many there are; the shortest run is first.
        tables: the values again, with a column for each run and infinity behind its end; runs of about the same length
            share a table.
        mode: which of the values, before they were turned, are better.
    """

    values: Floats
    epochs: Places
    missing: Places
    starts: Places
    lengths: Places
    tables: list[Floats]
    mode: Mode

    def epochs_at(self, runs: Places, at: Places) -> Floats:
        """The epochs of observations of runs; NaN behind the last."""
        if not len(self.epochs):
            return np.full(at.shape, np.nan)
        epochs = self.epochs.take(self.starts[runs] + at, mode="clip")
        return np.where(at < self.lengths[runs], epochs, np.nan)

    def missing_from(self, at: Places) -> Places:
        """The first observation of each run from ``at`` on that was NaN; the length of the run where there is none."""
        behind = np.append(self.missing, len(self.values))
        first = behind[np.searchsorted(self.missing, self.starts + at)] - self.starts
        return np.minimum(first, self.lengths)


def seen_of(values: Floats, epochs: Places, starts: Places, lengths: Places, mode: Mode) -> Seen:
    """The observations of runs, none of them infinite, as they are handled; ``lengths`` are ascending."""
    values = -values if mode == "max" else values.copy()
    missing = np.flatnonzero(np.isnan(values))
    values[missing] = np.inf
    tables = [_table(values, starts[part], lengths[part]) for part in _alike(lengths.tolist())]
    return Seen(values, epochs, missing, starts, lengths, tables, mode)


def _alike(lengths: list[int]) -> Iterator[slice]:
    """Parts of ascending ``lengths`` whose tables are half full at least."""
    begin = cells = 0
    for place, length in enumerate(lengths):
        if length * (place - begin + 1) > 2 * (cells + length):
            yield slice(begin, place)
            begin, cells = place, 0
        cells += length
    yield slice(begin, len(lengths))


def _table(values: Floats, starts: Places, lengths: Places) -> Floats:
    rows = np.arange(int(lengths[-1]) if len(lengths) else 0)[:, None]
    if not len(rows):
        return np.empty((0, len(lengths)))
    places = np.minimum(rows, np.maximum(lengths - 1, 0))
    places += starts
    table = values.take(places, mode="clip")
    shortest = int(lengths[0])
    np.copyto(table[shortest:], np.inf, where=rows[shortest:] >= lengths)
    return table


def lows_of(tables: list[Floats], begin: Places) -> tuple[Places, Places]:
    """The run and the row of each value that is lower than all of its run before it, from row ``begin`` of the run on.

    Those of a run are together and in order.
    """
    runs, rows, first = [], [], 0
    for table in tables:
        wide = table.shape[1]
        begins = begin[first : first + wide]
        skipped, closed = int(begins.min(initial=len(table))), int(begins.max(initial=0))
        values = table[skipped:]
        if closed > skipped:
            values = values.copy()
            some = values[: closed - skipped]
            np.copyto(some, np.inf, where=np.arange(skipped, skipped + len(some))[:, None] < begins)
        row, column = np.divmod(np.flatnonzero(_are_lower(values)), max(wide, 1))
        order = np.argsort(column.astype(np.int16) if wide < 2**15 else column, kind="stable")  # of 16 bits far faster
        runs.append(column[order] + first)
        rows.append(row[order] + skipped)
        first += wide
    return np.concatenate(runs), np.concatenate(rows)


def best_of(seen: Seen) -> tuple[Floats, Floats, Floats]:
    """The best value of each run, its epoch, and the first value that is a number; NaN where there is none."""
    best, epochs, start = np.full((3, len(seen.lengths)), np.nan)
    runs, rows = lows_of(seen.tables, np.zeros(len(seen.lengths), np.int64))
    values = seen.values[seen.starts[runs] + rows]
    values = -values if seen.mode == "max" else values
    changes = runs[1:] != runs[:-1]
    first, last = np.append(True, changes)[: len(runs)], np.append(changes, True)[: len(runs)]
    start[runs[first]], best[runs[last]] = values[first], values[last]
    epochs[runs[last]] = seen.epochs_at(runs[last], rows[last])
    return best, epochs, start


def _are_lower(values: Floats) -> Flags:
    """Which values are lower than all above them."""
    lower = np.empty(values.shape, np.bool_)
    if values.shape[1] < _WIDE:
        lower[:1] = values[:1] < np.inf
        lower[1:] = values[1:] < np.minimum.accumulate(values, axis=0)[:-1]
        return lower
    least = np.full(values.shape[1], np.inf)
    for row, value in enumerate(values):  # far faster than accumulate
        np.less(value, least, out=lower[row])
        np.minimum(value, least, out=least)
    return lower
