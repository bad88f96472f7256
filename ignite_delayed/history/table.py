"""Records in columns: append-only, O(1) a record, each metric with the numbers of the rows that have it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any

from .record import Record

__all__ = ["Column", "Table"]


class Column:
    """The values of one metric, and the numbers of the rows that have them."""

    __slots__ = ("rows", "values")

    def __init__(self) -> None:
        self.rows = array("q")
        self.values = array("d")

    def span(self, start: int, stop: int) -> slice:
        """The part of the column that belongs to the rows ``start <= row < stop``."""
        return slice(bisect_left(self.rows, start), bisect_left(self.rows, stop))


class Table:
    """Append-only storage of records; rows keep their number when the oldest are dropped."""

    __slots__ = ("clock", "columns", "dropped", "last", "sources", "which")

    def __init__(self) -> None:
        self.clock: dict[str, array[Any]] = {
            "epoch": array("q"),
            "iteration": array("q"),
            "evaluation": array("q"),
            "seconds": array("d"),
            "planned": array("q"),  # -1 where it is not known
        }
        self.sources: list[str | None] = []
        self.which = array("q")  # the row's source, as a position in sources
        self.columns: dict[str, Column] = {}
        self.dropped = 0
        self.last: Record | None = None

    @property
    def end(self) -> int:
        """One past the number of the last row."""
        return self.dropped + len(self.which)

    def append(self, record: Record) -> None:
        """Add ``record`` as the last row."""
        row = self.dropped + len(self.which)
        epochs, iterations, evaluations, seconds, planned = self.clock.values()
        epochs.append(record.epoch)
        iterations.append(record.iteration)
        evaluations.append(record.evaluation)
        seconds.append(record.seconds)
        planned.append(-1 if record.planned is None else record.planned)
        sources, source, columns = self.sources, record.source, self.columns
        if source not in sources:
            sources.append(source)
        self.which.append(sources.index(source))
        for name, value in record.values.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = Column()
            column.rows.append(row)
            column.values.append(value)
        self.last = record

    def row(self, row: int, previous: Record | None) -> Record:
        """Row number ``row`` as a record, in the context of the one before it."""
        at = row - self.dropped
        planned = self.clock["planned"][at]
        values = {}
        for name, column in self.columns.items():
            place = bisect_left(column.rows, row)
            if place < len(column.rows) and column.rows[place] == row:
                values[name] = column.values[place]
        return Record.following(
            previous,
            epoch=self.clock["epoch"][at],
            iteration=self.clock["iteration"][at],
            evaluation=self.clock["evaluation"][at],
            seconds=self.clock["seconds"][at],
            planned=None if planned < 0 else planned,
            source=self.sources[self.which[at]],
            values=values,
        )

    def context(self, row: int) -> Record | None:
        """The record before ``row`` if it is of the same trainer iteration: what ``row`` adds depends on it."""
        iterations = self.clock["iteration"]
        first = at = row - self.dropped
        while first > 0 and iterations[first - 1] == iterations[at]:
            first -= 1
        record = None
        for earlier in range(first, at):
            record = self.row(earlier + self.dropped, record)
        return record

    def drop(self, count: int) -> None:
        """Forget the ``count`` oldest rows."""
        self.dropped += count
        for cells in (*self.clock.values(), self.which):
            del cells[:count]
        for column in self.columns.values():
            place = bisect_left(column.rows, self.dropped)
            del column.rows[:place], column.values[:place]
