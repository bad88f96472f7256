"""A history as a pandas DataFrame and back: a row a record; what a cell cannot say stands in the frame's ``attrs``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from .._utils.checks import check_choice, describe, refuse_type
from .._utils.extras import require_extra
from ..errors import HistoryError
from .mark import Mark, decode_mark, encode_mark
from .metrics import as_float
from .record import CLOCK, Record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ATTRS", "Empty", "from_frame", "to_frame"]

#: What a cell without a number means.
Empty = Literal["missing", "nan"]
#: The key of ``frame.attrs`` under which marks and NaNs are kept.
ATTRS = "ignite-delayed"
_FIXED = (*CLOCK, "source")
_PREFIX = "metrics/"


def _is_shadowed(name: str) -> bool:
    """Whether a metric is named like a column of the clock, or like one that was renamed for it."""
    while name.startswith(_PREFIX):
        name = name.removeprefix(_PREFIX)
    return name in _FIXED


def to_frame(records: Iterable[Record], metrics: Sequence[str], marks: Iterable[Mark]) -> pd.DataFrame:
    """The records as a table; ``attrs`` have the marks, and the rows where a metric was observed to be NaN."""
    frame = require_extra("pandas", "pandas").DataFrame
    columns = {name: _PREFIX + name if _is_shadowed(name) else name for name in metrics}
    nan: dict[str, list[int]] = {}
    kinds: dict[str, list[int]] = {}
    rows = []
    for row, record in enumerate(records):
        cells = {name: getattr(record, name) for name in _FIXED}
        if record.kind is not None:
            kinds.setdefault(record.kind, []).append(row)
        for name, value in record.values.items():
            cells[columns[name]] = value
            if value != value:
                nan.setdefault(columns[name], []).append(row)
        rows.append(cells)
    table: pd.DataFrame = frame(rows, columns=[*_FIXED, *columns.values()])
    table.attrs[ATTRS] = {"version": 1, "marks": [encode_mark(mark) for mark in marks], "nan": nan}
    if kinds:
        table.attrs[ATTRS]["kinds"] = kinds
    return table


def from_frame(frame: pd.DataFrame, empty: str | None) -> tuple[list[Record], list[Mark]]:
    """The records, each for itself, and the marks of a table that :func:`to_frame` made.

    Raises:
        HistoryError: where it is none, naming row and column.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "attrs"):
        refuse_type("frame", "a pandas DataFrame", frame)
    if empty is not None:
        check_choice("empty", empty, get_args(Empty))
    columns = list(frame.columns)
    lacking = [name for name in ("epoch", "iteration") if name not in columns]
    if lacking or len(set(columns)) < len(columns):
        what = f"no column {lacking[0]!r}" if lacking else "a column twice"
        hint = "Tables of another make are read by ignite_delayed.logs.from_frame."
        raise HistoryError(f"the frame has {what}, so it is no table of History.to_pandas. {hint}")
    marks, nan, kinds = _decode_attrs(frame.attrs.get(ATTRS))
    rows = zip(frame.index.tolist(), *(frame[name].tolist() for name in columns), strict=True)
    return [
        _record(label, dict(zip(columns, row, strict=True)), nan, kinds.get(label), empty) for label, *row in rows
    ], marks


def _decode_attrs(attrs: Any) -> tuple[list[Mark], dict[str, set[Any]] | None, dict[Any, Any]]:
    """The marks, the rows where each column is NaN, and the kinds of rows.

    Without (from CSV, say) it is ``None`` what is NaN, and no kind is known.
    """
    if attrs is None:
        return [], None, {}
    try:
        if attrs["version"] != 1:
            raise ValueError(f"version {attrs['version']!r}, expected 1")
        nan = {str(name): set(labels) for name, labels in attrs["nan"].items()}
        kinds = {label: kind for kind, labels in attrs.get("kinds", {}).items() for label in labels}
        return [decode_mark(*fields) for fields in attrs["marks"]], nan, kinds
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HistoryError(f"attrs[{ATTRS!r}] of the frame are damaged: {error!r}") from error


def _record(label: Any, cells: dict[str, Any], nan: dict[str, set[Any]] | None, kind: Any, empty: str | None) -> Record:
    where = f"row {label!r} of the frame"
    clock: dict[str, Any] = {name: _clock_cell(cells.pop(name), name, where) for name in CLOCK if name in cells}
    source = cells.pop("source", "")
    values = {}
    for column, cell in cells.items():
        value = _number(cell, f"{where}, column {column!r}")
        if value != value and not _was_observed(label, column, nan, empty):
            continue
        values[column.removeprefix(_PREFIX) if _is_shadowed(column) else column] = value
    if not isinstance(source, str):
        source = "" if values else None  # what files of text cannot tell apart
    try:
        return Record(**{"evaluation": 1, **clock}, source=source, values=values, kind=kind)
    except (TypeError, ValueError) as error:
        raise HistoryError(f"{where}: no record of a history: {error}") from error


def _was_observed(label: Any, column: str, nan: dict[str, set[Any]] | None, empty: str | None) -> bool:
    """Whether the NaN in a cell was observed, and is no cell that nobody filled."""
    if nan is not None:
        return label in nan.get(column, ())
    if empty is None:
        raise HistoryError(
            f"row {label!r} of the frame, column {column!r}: no number, and the frame's attrs, which "
            "would tell, are lost; pass empty='missing' if nothing was recorded there, empty='nan' if NaN was"
        )
    return empty == "nan"


def _number(cell: Any, where: str) -> float:
    if cell is None or cell != cell or type(cell).__name__ == "NAType":
        return math.nan
    try:
        return as_float(cell)
    except ValueError as error:
        raise HistoryError(f"{where}: {describe(cell)} is no number") from error


def _clock_cell(cell: Any, name: str, where: str) -> float | int | None:
    """A cell of the clock; pandas turns whole numbers into floats where some are missing."""
    value = _number(cell, f"{where}, column {name!r}")
    if name == "seconds":
        return value
    if name == "planned" and value != value:
        return None
    if not value.is_integer():
        raise HistoryError(f"{where}, column {name!r}: {describe(cell)} is no whole number")
    return int(value)
