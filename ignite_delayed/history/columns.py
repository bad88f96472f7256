"""The records of a run as arrays: what each saw of its iteration, for all records at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .metrics import reporter
from .record import Record

if TYPE_CHECKING:
    from .table import Table

__all__ = ["Columns", "Floats", "Places"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: Positions of records, ascending.
Places = np.ndarray[Any, np.dtype[np.int64]]


def _copy(cells: Any, part: slice, kind: str) -> np.ndarray[Any, Any]:
    """``cells[part]`` as NumPy has it; the array that is copied stays free to grow."""
    return np.frombuffer(cells, kind)[part].copy() if len(cells) else np.empty(0, kind)


class _Clock(dict[str, "np.ndarray[Any, Any]"]):
    """The columns of time, each copied when it is asked for."""

    def __init__(self, table: Table, part: slice) -> None:
        super().__init__()
        self._table, self._part = table, part

    def __missing__(self, unit: str) -> np.ndarray[Any, Any]:
        self[unit] = column = _copy(self._table.clock[unit], self._part, "d" if unit == "seconds" else "q")
        return column


class Columns:
    """The records in the rows ``start <= row < stop`` of a table; what they saw is that of :meth:`Record.following`.

    Args:
        table: where the records are.
        start, stop: the numbers of the first row and of the one past the last.
        read: gives the record at a position, 0 being ``start``.
    """

    def __init__(self, table: Table, start: int, stop: int, read: Callable[[int], Record]) -> None:
        iterations = table.clock["iteration"]
        at = begin = start - table.dropped
        while 0 < begin < len(iterations) and iterations[begin - 1] == iterations[at]:
            begin -= 1  # what the first record adds depends on those before it at its iteration
        self.record = read
        self._table = table
        self._before = at - begin
        self._rows = range(begin + table.dropped, stop)
        self._which = slice(begin, stop - table.dropped)
        self._read: dict[str, tuple[Places, Floats]] = {}
        self._evaluates = [source is not None and kind is None for source, kind in table.origins]

    @cached_property
    def clock(self) -> dict[str, np.ndarray[Any, Any]]:
        """The columns of time, as in the table: ``planned`` is -1 where it is not known."""
        return _Clock(self._table, slice(self._which.start + self._before, self._which.stop))

    @cached_property
    def _shared(self) -> Places | None:
        """The number of each record's iteration; None where no two records share one."""
        numbers = _copy(self._table.clock["iteration"], self._which, "q") if self._before else self.clock["iteration"]
        changes = numbers[1:] != numbers[:-1]
        return None if changes.all() else np.concatenate(([0], np.cumsum(changes)))

    @cached_property
    def _every(self) -> Places:
        return np.arange(len(self._rows))

    @cached_property
    def _evaluated(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which records that matter are evaluations."""
        return self._is_from(self._evaluates)

    @cached_property
    def is_tick(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether a record is the clock alone."""
        return self._is_from([source is None for source, _ in self._table.origins])[self._before :]

    @property
    def every(self) -> Places:
        """The position of each record."""
        return self._every[: len(self)]

    def _is_from(self, wanted: list[bool]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which records that matter are from origins that are ``wanted``."""
        if len(set(wanted)) < 2:
            return np.full(len(self._rows), True in wanted)
        is_from: np.ndarray[Any, np.dtype[np.bool_]]
        is_from = np.array(wanted)[_copy(self._table.which, self._which, "q")]
        return is_from

    def __len__(self) -> int:
        return len(self._rows) - self._before

    def _column(self, name: str) -> tuple[Places, Floats]:
        """Where a metric stands, counted from the first record that matters, and its values."""
        if name not in self._read:
            self._read[name] = self._read_column(name)
        return self._read[name]

    def _read_column(self, name: str) -> tuple[Places, Floats]:
        column = self._table.columns.get(name)
        if column is None:
            return np.empty(0, np.int64), np.empty(0)
        span = self._span(name)
        values = _copy(column.values, span, "d")
        if len(values) == len(self._rows):
            return self._every, values
        return _copy(column.rows, span, "q") - self._rows.start, values

    def _earliest(self, places: Places) -> np.ndarray[Any, np.dtype[np.bool_]] | slice:
        """Which of ``places`` are the first of their iteration."""
        if self._shared is None or not len(places):
            return slice(None)
        groups = self._shared[places]
        return np.concatenate(([True], groups[1:] != groups[:-1]))

    def _here(self, places: Places) -> Places:
        return places - self._before if self._before else places

    def fresh(self, name: str) -> tuple[Places, Floats]:
        """The records that reported a metric which was not recorded at their iteration before, and its values."""
        places, values = self._column(name)
        keep = self._earliest(places)
        places, values = places[keep], values[keep]
        inside = slice(int(np.searchsorted(places, self._before)), None)
        return self._here(places[inside]), values[inside]

    def has_all(self, reads: Iterable[str]) -> bool:
        """Whether each record is an evaluation with all of ``reads``, and none of those before is of its iteration."""
        if self._before or (not all(self._evaluates) and not self._evaluated.all()):
            return False
        spans = [self._span(name) for name in reads]
        return all(span.stop - span.start == len(self._rows) for span in spans)

    def _span(self, name: str) -> slice:
        """The part of a metric's column that belongs to the records."""
        column = self._table.columns.get(name)
        if column is None:
            return slice(0, 0)
        if len(column.rows) == len(self._table.which):  # each row has it
            return self._which
        return column.span(self._rows.start, self._rows.stop)

    def clock_cells(self, unit: str) -> memoryview:
        """A column of time as it is stored, not to be held."""
        return memoryview(self._table.clock[unit])[self._which]

    def metric_cells(self, name: str) -> memoryview:
        """The values of a metric as they are stored, not to be held."""
        column = self._table.columns.get(name)
        return memoryview(b"" if column is None else column.values)[self._span(name)]

    def complete(self, reads: Iterable[str]) -> Places:
        """The records that complete an observation of ``reads``; of nothing: the first evaluation of each iteration."""
        parts = [self._column(name)[0] for name in reads] or [np.flatnonzero(self._evaluated)]
        parts = [places[self._earliest(places)] for places in parts]
        places = parts[0]
        if len(parts) > 1 and any(len(part) < len(self._rows) for part in parts):
            groups = np.arange(len(self._rows)) if self._shared is None else self._shared
            latest = np.zeros(int(groups[-1]) + 1 if len(groups) else 0, np.int64)
            count = np.zeros_like(latest)
            for part in parts:
                latest[groups[part]] = np.maximum(latest[groups[part]], part)
                count[groups[part]] += 1
            places = latest[count == len(parts)]
        return self._here(places[np.searchsorted(places, self._before) :])

    def lacks(self, reads: Iterable[str]) -> Iterator[tuple[str, int]]:
        """The metrics that their evaluator left out at a record, and at which first."""
        for name in reads:
            source = reporter(name, self._table.sources)
            if source is None:
                continue
            there = np.zeros(len(self._rows), np.bool_)
            there[self._column(name)[0]] = True
            if there.all():
                continue
            is_of = self._is_from([one == source for one, _ in self._table.origins])
            places = np.flatnonzero((is_of & ~there)[self._before :])
            if len(places):
                yield name, int(places[0])
