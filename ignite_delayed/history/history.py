"""The history of a run: its records in columns, and marks where something was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from .._utils.checks import check_count, refuse_type, refuse_value, suggestion
from .._utils.text import quantity
from ..errors import UnknownMetricError
from .frames import Empty, from_frame, to_frame
from .html import ENDS, history_table
from .jsonl import read, write
from .mark import Best, By, Mark
from .packing import pack, unpack
from .record import CLOCK, Record
from .table import Column, Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from .columns import Columns

__all__ = ["History"]


class History:
    """The records of a run, in order: a sequence of :class:`Record`, stored in columns.

    ``history[3]`` is a record, ``history[10:20]`` a view without a copy, ``history["loss"]`` the observed values of
    a metric as an array. Appending is O(1).

    Args:
        records: the first records.
        keep: how many records to hold at least; older ones are dropped. ``None`` keeps all. Marks likewise.

    Attributes:
        marks: what was decided in the run, in order (a view has those of its part).

    Example:
        >>> history = History(Record(epoch=e, iteration=e, values={"loss": 1 / e}) for e in (1, 2, 4))
        >>> len(history), history[-1]["loss"], history["loss"].tolist(), history.metrics
        (3, 0.25, [1.0, 0.5, 0.25], ['loss'])
    """

    def __init__(self, records: Iterable[Record] = (), *, keep: int | None = None) -> None:
        self.keep = None if keep is None else check_count("keep", keep, hint="None keeps every record.")
        self._table = Table()
        self._start = 0
        self._stop: int | None = None  # None: open at the end, as the history of a run is
        self._marks: list[Mark] = []
        self._forgotten = 0  # marks
        if isinstance(records, (str, Path)):
            hint = "History.load(path) reads a file, read_runs(path) what others wrote."
            refuse_type("records", "an iterable of Record", records, hint)
        for record in records:
            self._take(record)

    def _take(self, record: Record) -> None:
        """Append what ``record`` saw, in the context of what is there."""
        if not isinstance(record, Record):
            refuse_type("records", "an iterable of Record", record)
        fields: dict[str, Any] = {unit: getattr(record, unit) for unit in CLOCK}
        fields |= {"source": record.source, "kind": record.kind, "values": dict(record.values)}
        self.append(Record.following(self._table.last, **fields))

    def append(self, record: Record) -> None:
        """Add ``record`` at the end; views refuse it."""
        if not isinstance(record, Record):
            refuse_type("record", "a Record", record)
        if self._stop is not None:
            raise TypeError("a slice of a history is a view and cannot be appended to")
        self._table.append(record)
        # Dropping twice as rarely as necessary makes it O(1) a record.
        if self.keep is not None and len(self._table.which) >= 2 * self.keep:
            self._table.drop(len(self._table.which) - self.keep)

    def mark(
        self,
        kind: str,
        name: str,
        record: Record,
        text: str = "",
        *,
        by: By = "gate",
        best: Best | None = None,
        before: int | None = None,
    ) -> Mark:
        """Note what was decided at ``record``; the fields are those of :class:`Mark`, which is returned."""
        mark = Mark(kind, name, *record.clock, text, by, best, before)
        self._marks.append(mark)
        if self.keep is not None and len(self._marks) >= 2 * self.keep:
            forgotten = len(self._marks) - self.keep
            self._forgotten, self._marks = self._forgotten + forgotten, self._marks[forgotten:]
        return mark

    @property
    def marked(self) -> int:
        """How many marks were made, also those that ``keep=`` has dropped."""
        return self._forgotten + len(self._marks)

    def marks_from(self, number: int) -> list[Mark]:
        """The marks that were made after the first ``number``, as far as they are kept."""
        return self._marks[max(number - self._forgotten, 0) :]

    def unmark(self, number: int) -> None:
        """Take back the marks that were made after the first ``number``."""
        del self._marks[max(number - self._forgotten, 0) :]

    def ends_with(self, record: Record) -> bool:
        """Whether ``record`` was the last to be appended: this very one, not one that is equal."""
        return self._table.last is record

    @property
    def marks(self) -> list[Mark]:
        """What was decided in (this part of) the run, in order."""
        if self._stop is None and not self._start:
            return list(self._marks)
        if not len(self):
            return []
        first, last = self[0].iteration, self[-1].iteration
        return [mark for mark in self._marks if first <= mark.iteration <= last]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that were recorded, in order of appearance."""
        rows = self._rows()
        spans = {name: column.span(rows.start, rows.stop) for name, column in self._table.columns.items()}
        return [name for name, span in spans.items() if span.start < span.stop]

    @property
    def latest(self) -> dict[str, float]:
        """The value of each metric at the last record that has it."""
        rows, columns = self._rows(), self._table.columns
        ends = {name: columns[name].span(rows.start, rows.stop).stop for name in self.metrics}
        return {name: columns[name].values[end - 1] for name, end in ends.items()}

    @property
    def sources(self) -> list[str]:
        """The names of the evaluators that were recorded."""
        return self._table.sources

    def clock(self, unit: str, of: str | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The clock at every record, or at those that observed the metric ``of``.

        Args:
            unit: ``"epoch"``, ``"iteration"``, ``"evaluation"``, ``"seconds"`` or ``"planned"`` (NaN if unknown).
            of: a metric's name.
        """
        import numpy as np

        if unit not in CLOCK:
            refuse_value("unit", f"one of {', '.join(map(repr, CLOCK))}", unit, suggestion(str(unit), CLOCK))
        rows, dropped = self._rows(), self._table.dropped
        cells = np.array(self._table.clock[unit][rows.start - dropped : rows.stop - dropped], dtype=float)
        if unit == "planned":
            cells[cells < 0] = np.nan
        if of is None:
            return cells
        column = self._column(of)
        observed = np.array(column.rows[column.span(rows.start, rows.stop)])
        return np.take(cells, observed - rows.start)

    def columns(self) -> Columns:
        """The records as arrays, with what each saw of its iteration: a copy, for work on all at once."""
        from .columns import Columns  # it needs NumPy, which live runs do not

        rows = self._rows()
        return Columns(self._table, rows.start, rows.stop, self.__getitem__)

    def _column(self, name: str) -> Column:
        column = self._table.columns.get(name)
        if column is None:
            known = ", ".join(map(repr, self._table.columns)) or "none"
            hint = suggestion(name, self._table.columns)
            raise UnknownMetricError(f"no metric {name!r} was recorded; there are: {known}. {hint}".rstrip())
        return column

    def _rows(self) -> range:
        """The numbers of the rows of this view that are still there."""
        table = self._table
        stop = table.end if self._stop is None else self._stop
        start = max(self._start, table.dropped)
        return range(start, max(start, stop))

    def __len__(self) -> int:
        return len(self._rows())

    def __iter__(self) -> Iterator[Record]:
        rows = self._rows()
        record = self._table.context(rows.start) if rows else None
        for row in rows:
            record = self._table.row(row, record)
            yield record

    @overload
    def __getitem__(self, key: int) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> History: ...
    @overload
    def __getitem__(self, key: str) -> np.ndarray[Any, np.dtype[np.float64]]: ...

    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str):
            import numpy as np

            column, rows = self._column(key), self._rows()
            return np.array(column.values[column.span(rows.start, rows.stop)])
        if isinstance(key, slice):
            return self._slice(key)
        if isinstance(key, bool) or not hasattr(key, "__index__"):
            refuse_type("key", "a position, a slice or a metric's name", key)
        row = self._rows()[key]
        return self._table.row(row, self._table.context(row))

    def _slice(self, key: slice) -> History:
        if key.step not in (None, 1):
            refuse_value("step of a slice", "1", key.step, "A history with gaps is no history of a run.")
        rows = self._rows()[key]
        view = History()
        view._table, view._marks, view._start, view._stop = self._table, self._marks, rows.start, rows.stop
        return view

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return len(self) == len(other) and list(self) == list(other) and self.marks == other.marks

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if not len(self):
            return "<History: no records>"
        first, last = self[0], self[-1]
        names = ", ".join(self.metrics) or "no metrics"
        epochs = f"epoch {first.epoch}" if first.epoch == last.epoch else f"epochs {first.epoch} to {last.epoch}"
        return f"<History: {quantity(len(self), 'record')}, {epochs}, {names}>"

    def _repr_html_(self) -> str:
        if len(self) <= 2 * ENDS:
            first, last = self, None
        else:
            first, last = self[:ENDS], self[-ENDS:]
        return history_table(repr(self), first, last, self.marks, self.metrics, self.sources)

    def to_pandas(self) -> pd.DataFrame:
        """The records as a table: a row each, the clock, the source, and a column for each metric.

        A metric named like one of the other columns becomes ``"metrics/..."``. ``attrs["ignite-delayed"]`` has the
        marks, and the rows where a metric was *observed* to be NaN: in a table a cell that nobody filled looks alike.
        Pandas keeps ``attrs`` when it copies, selects, pickles and writes Parquet, not in CSV.

        Raises:
            ImportError: without pandas (``pip install 'ignite-delayed[pandas]'``).
        """
        return to_frame(self, self.metrics, self.marks)

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, *, empty: Empty | None = None) -> History:
        """The history that :meth:`to_pandas` made a table of: ``History.from_pandas(run.to_pandas()) == run``.

        Args:
            frame: the table; rows may have been selected, columns of metrics added or removed.
            empty: what a cell without a number means where ``frame.attrs`` were lost on the way: ``"missing"``,
                nothing was recorded there, or ``"nan"``, NaN was. ``None`` refuses such cells.

        Raises:
            HistoryError: where the frame is no such table, naming row and column.

        Example:
            >>> run = History([Record(epoch=1, iteration=1, values={"loss": float("nan")})])
            >>> History.from_pandas(run.to_pandas()) == run
            True
        """
        records, marks = from_frame(frame, empty)
        history = cls(records)
        history._marks += marks
        return history

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the history as JSON Lines: a header, then a line for each record and mark.

        The file appears whole or not at all, and its mode is kept; each line has a checksum of all up to it.

        Args:
            path: the file to write; a link is followed.
            overwrite: whether an existing file may be replaced.

        Returns:
            The path written.

        Raises:
            FileExistsError: where the file exists and ``overwrite`` is false.
            OSError: where there is a folder, a pipe or a device.
        """
        return write(self._table, self._rows(), self.marks, Path(path), overwrite)

    @classmethod
    def load(cls, path: str | Path) -> History:
        """The history that :meth:`save` wrote.

        Of a file that was cut short the whole lines are read, with a warning; lines that are changed,
        missing, doubled or swapped are refused.

        Raises:
            HistoryError: where the file is no history, naming the line.
        """
        history = cls()
        history._table, history._marks = read(Path(path))
        history._table.find_last()
        return history

    def state_dict(self) -> dict[str, Any]:
        """The records and marks as plain, compact values (``None, int, float, str, list, dict``)."""
        table = self._table
        if self._stop is not None:  # a view has rows of its own only here
            table = Table()
            for record in self:
                table.append(record)
        return pack(table, self.marks)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Replace the records by those saved.

        Raises:
            StateError: where the state is no history; nothing was changed.
        """
        self._prepare(state_dict)()

    def _prepare(self, state_dict: Mapping[str, Any]) -> Callable[[], None]:
        """Check the saved records and marks and change nothing; calling what is returned takes them over."""
        if self._stop is not None:
            raise TypeError("a slice of a history is a view and cannot be loaded into")
        table, marks = unpack(state_dict)

        def commit() -> None:
            self._table, self._marks, self._forgotten = table, marks, 0

        return commit
