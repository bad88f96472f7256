"""Tables whose columns name themselves: CSV and Parquet as pandas writes them, DataFrames, dicts of lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.checks import refuse_type
from .._utils.extras import require_extra
from ..errors import HistoryError
from ..history import History
from ..history.frames import ATTRS
from ..history.record import CLOCK
from .entries import Row, entries_of, history_of, number
from .layout import Layout
from .text import read_json as json_of
from .text import read_sheet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_dict", "from_frame", "read_csv", "read_json", "read_parquet"]

#: The columns that only a table of ``History.to_pandas`` has.
_OURS = {*CLOCK, "source"}


def _history(rows: Iterable[Row], columns: Iterable[str], where: str, layout: Layout) -> History:
    """The history of a table; its rows are counted where that is the clock, and no column has that name."""
    there = list(columns)
    named = layout.named([*there, "row"], where)
    if "row" in named.values() and "row" not in there:
        rows = (Row(at, {"row": float(place), **cells}) for place, (at, cells) in enumerate(rows, start=1))
    return history_of(entries_of(rows, named, layout), where, layout.repeats)


def read_csv(path: str | Path, *, partial: bool = False, **layout: Any) -> History:
    """The run in a CSV file as ``DataFrame.to_csv`` writes it: a row a record, a column a metric.

    A column without a name, as pandas writes its index, is left out.

    Args:
        path: the file.
        partial: whether a file that was cut short may be read up to there.
        layout: where the clock is and what an empty cell means, as for :class:`Layout`.

    Raises:
        HistoryError: where the file is damaged or its clock is not known, naming line and column.
    """
    said, path = Layout(**layout), Path(path)
    columns, lines = read_sheet(path, partial)
    if set(columns) >= _OURS:
        return _ours(require_extra("pandas", "logs").read_csv(path, nrows=len(lines)), str(path), said)
    kept = [name for name in columns if name and name not in said.ignore]

    def rows() -> Iterator[Row]:
        for where, cells in lines:
            yield Row(where, {name: _cell(cells[name], where, name, said) for name in kept})

    return _history(rows(), kept, str(path), said)


def _cell(text: str, where: str, column: str, layout: Layout) -> float | None:
    return _empty(where, column, layout) if text == "" else number(text, where, column)


def _empty(where: str, column: str, layout: Layout) -> float | None:
    """What a cell without a number means."""
    if layout.empty is None:
        raise HistoryError(
            f"{where}, column {column!r}: the cell has no number, and pandas writes NaN like this too; "
            "pass empty='missing' if nothing was recorded there, empty='nan' if NaN was"
        )
    return float("nan") if layout.empty == "nan" else None


def read_parquet(path: str | Path, **layout: Any) -> History:
    """The run in a Parquet file as ``DataFrame.to_parquet`` writes it.

    Args:
        path: the file.
        layout: where the clock is and what an empty cell means, as for :class:`Layout`.

    Raises:
        ImportError: without pandas and pyarrow (``pip install 'ignite-delayed[logs]'``).
        HistoryError: where the file is damaged or its clock is not known, naming row and column.
    """
    said = Layout(**layout)
    pandas = require_extra("pandas", "logs")
    require_extra("pyarrow", "logs")
    try:
        frame = pandas.read_parquet(Path(path), engine="pyarrow")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        raise HistoryError(f"{path}: no whole Parquet file: {error}") from error
    return _frame_history(frame, str(path), said)


def from_frame(frame: pd.DataFrame, **layout: Any) -> History:
    """The run in a DataFrame: a row a record, a column a metric; for tables of ``History.to_pandas`` the same run.

    Args:
        frame: the table.
        layout: where the clock is and what an empty cell means, as for :class:`Layout`.

    Raises:
        HistoryError: where the clock is not known, naming row and column.

    Example:
        >>> import pandas as pd
        >>> from_frame(pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25]}))
        <History: 2 records, epochs 1 to 2, loss>
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "attrs"):
        refuse_type("frame", "a pandas DataFrame", frame, "A dict of lists is read by from_dict.")
    return _frame_history(frame, "the frame", Layout(**layout))


def _frame_history(frame: Any, where: str, layout: Layout) -> History:
    if ATTRS in frame.attrs or set(frame.columns) >= _OURS:
        return _ours(frame, where, layout)
    kept = [name for name in frame.columns if name not in layout.ignore]
    if len(set(kept)) < len(kept):
        raise HistoryError(f"{where}: a column is there twice: {', '.join(map(repr, kept))}")
    cells = [frame[name].tolist() for name in kept]

    def rows() -> Iterator[Row]:
        for label, *row in zip(frame.index.tolist(), *cells, strict=True):
            at = f"{where}, row {label!r}"
            found = {
                str(name): _empty(at, name, layout) if _is_na(cell) else number(cell, at, name)
                for name, cell in zip(kept, row, strict=True)
            }
            yield Row(at, found)

    return _history(rows(), map(str, kept), where, layout)


def _ours(frame: Any, where: str, layout: Layout) -> History:
    """The history of a table of ``History.to_pandas``."""
    try:
        return History.from_pandas(frame, empty=layout.empty)
    except HistoryError as error:
        raise HistoryError(f"{where}: {error}") from error


def _is_na(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def from_dict(columns: Mapping[str, Any], **layout: Any) -> History:
    """The run in a dict of lists of one length, as Keras's ``History.history`` is; ``None`` is nothing, NaN is NaN.

    Args:
        columns: the values of each metric, and of the clock; without a column of epochs pass ``epoch="row"``.
        layout: where the clock is, as for :class:`Layout`.

    Raises:
        HistoryError: where lists differ in length or hold no numbers, naming row and column.

    Example:
        >>> from_dict({"loss": [0.5, 0.25], "accuracy": [0.7, 0.8]}, epoch="row")
        <History: 2 records, epochs 1 to 2, loss, accuracy>
    """
    if not isinstance(columns, Mapping):
        refuse_type("columns", "a dict of lists", columns, "A DataFrame is read by from_frame.")
    return _dict_history(columns, "the dict", Layout(**layout))


def read_json(path: str | Path, **layout: Any) -> History:
    """The run in a JSON file that holds a dict of lists: Keras's ``History.history`` saved, see :func:`from_dict`.

    Args:
        path: the file.
        layout: where the clock is, as for :class:`Layout`.

    Raises:
        HistoryError: where it holds something else, naming line, row or column.
    """
    columns = json_of(Path(path))
    if not isinstance(columns, dict):
        raise HistoryError(f"{path}: expected a dict of lists, got a {type(columns).__name__}")
    return _dict_history(columns, str(path), Layout(**layout))


def _dict_history(columns: Mapping[str, Any], where: str, layout: Layout) -> History:
    kept: dict[str, list[Any]] = {}
    for name, cells in columns.items():
        if name in layout.ignore:
            continue
        if isinstance(cells, (str, Mapping)) or not isinstance(cells, Iterable):
            raise HistoryError(f"{where}, column {name!r}: expected a list of numbers, got a {type(cells).__name__}")
        kept[str(name)] = list(cells)
    lengths = {name: len(cells) for name, cells in kept.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise HistoryError(
            f"{where}: the lists differ in length ({listed}), and nothing says to which epochs the shorter ones "
            "belong; fill them with None, or pass ignore=[...]"
        )

    def rows() -> Iterator[Row]:
        for place, row in enumerate(zip(*kept.values(), strict=True), start=1):
            at = f"{where}, row {place}"
            yield Row(at, {name: number(cell, at, name) for name, cell in zip(kept, row, strict=True)})

    return _history(rows(), kept, where, layout)
