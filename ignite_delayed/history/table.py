"""Records in columns: append-only, O(1) a record, each metric with the numbers of the rows that have it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any

from .record import Kind, Record

__all__ = ["Column", "Table"]

#: The source of a record, and of which kind it is.
Origin = tuple[str | None, Kind | None]


class Column:
    """The values of one metric, and the numbers of the rows that have them."""

    __slots__ = ("rows", "values")

    def __init__(self) -> None:
        self.rows = array("q")
        self.values = array("d")

    def span(self, start: int, stop: int) -> slice:
        """The part of the column that belongs to the rows ``start <= row < stop``."""
        return slice(bisect_left(self.rows, start), bisect_left(self.rows, stop))

    def behind(self, row: int) -> Column:
        """A copy of the part that belongs to the rows from ``row`` on."""
        place, part = bisect_left(self.rows, row), Column()
        part.rows, part.values = self.rows[place:], self.values[place:]
        return part


class Table:
    """Append-only storage of records; rows keep their number when the oldest are dropped."""

    __slots__ = ("clock", "columns", "dropped", "last", "origins", "which")

    def __init__(self) -> None:
        self.clock: dict[str, array[Any]] = {
            "epoch": array("q"),
            "iteration": array("q"),
            "evaluation": array("q"),
            "seconds": array("d"),
            "planned": array("q"),  # -1 where it is not known
        }
        self.origins: list[Origin] = []
        self.which = array("q")  # the row's origin, as a position in origins
        self.columns: dict[str, Column] = {}
        self.dropped = 0
        self.last: Record | None = None

    @property
    def end(self) -> int:
        """One past the number of the last row."""
        return self.dropped + len(self.which)

    @property
    def sources(self) -> list[str]:
        """The names of the sources, in the order in which they were recorded first."""
        return list(dict.fromkeys(source for source, _ in self.origins if source is not None))

    def append(self, record: Record) -> None:
        """Add ``record`` as the last row, whole or not at all."""
        rows, last = len(self.which), self.last
        try:
            self._append(record, self.dropped + rows)
            self.last = record
        except BaseException:  # a value that no column takes, or Ctrl-C
            self.last = last
            self._cut(rows)
            raise

    def _append(self, record: Record, row: int) -> None:
        epochs, iterations, evaluations, seconds, planned = self.clock.values()
        epochs.append(record.epoch)
        iterations.append(record.iteration)
        evaluations.append(record.evaluation)
        seconds.append(record.seconds)
        planned.append(-1 if record.planned is None else record.planned)
        origins, origin, columns = self.origins, (record.source, record.kind), self.columns
        if origin not in origins:
            origins.append(origin)
        self.which.append(origins.index(origin))
        for name, value in record.values.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = Column()
            column.rows.append(row)
            column.values.append(value)

    def join(self, part: Table) -> None:
        """Add the rows of ``part``, which are numbered from 0, behind the last row; ``last`` is to be found then."""
        end = self.end
        for origin in part.origins:
            if origin not in self.origins:
                self.origins.append(origin)
        places = [self.origins.index(origin) for origin in part.origins]
        self.which.extend(places[which] for which in part.which)
        for unit, cells in part.clock.items():
            self.clock[unit].extend(cells)
        for name, column in part.columns.items():
            here = self.columns.setdefault(name, Column())
            here.rows.extend(end + row for row in column.rows)
            here.values.extend(column.values)

    def find_last(self) -> None:
        """Let ``last`` be the last row, in the context of those before it."""
        self.last = self.row(self.end - 1, self.context(self.end - 1)) if len(self.which) else None

    def _cut(self, rows: int) -> None:
        """Forget whatever is behind the first ``rows`` rows."""
        for cells in (*self.clock.values(), self.which):
            del cells[rows:]
        for column in self.columns.values():
            place = bisect_left(column.rows, self.dropped + rows)
            del column.rows[place:], column.values[place:]

    def row(self, row: int, previous: Record | None) -> Record:
        """Row number ``row`` as a record, in the context of the one before it."""
        at = row - self.dropped
        planned = self.clock["planned"][at]
        values = {}
        for name, column in self.columns.items():
            place = bisect_left(column.rows, row)
            if place < len(column.rows) and column.rows[place] == row:
                values[name] = column.values[place]
        source, kind = self.origins[self.which[at]]
        return Record.following(
            previous,
            epoch=self.clock["epoch"][at],
            iteration=self.clock["iteration"][at],
            evaluation=self.clock["evaluation"][at],
            seconds=self.clock["seconds"][at],
            planned=None if planned < 0 else planned,
            source=source,
            values=values,
            kind=kind,
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
        """Forget the ``count`` oldest rows, all in one step."""
        dropped = self.dropped + count
        clock = {unit: cells[count:] for unit, cells in self.clock.items()}
        columns = {name: column.behind(dropped) for name, column in self.columns.items()}
        which = self.which[count:]
        self.dropped, self.clock, self.which, self.columns = dropped, clock, which, columns
