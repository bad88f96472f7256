"""A history as a state dict: columns of numbers as base64 text, which JSON and safe unpickling both take, fast."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._checks import shown
from .errors import StateError

if TYPE_CHECKING:
    from .history import History, Mark, Table

__all__ = ["pack", "unpack"]

_VERSION = 1


def _text(cells: array[Any]) -> str:
    if sys.byteorder == "big":
        cells = array(cells.typecode, cells)
        cells.byteswap()
    return base64.b64encode(cells.tobytes()).decode("ascii")


def _cells(typecode: str, text: Any, what: str) -> array[Any]:
    cells = array(typecode)
    try:
        cells.frombytes(base64.b64decode(text, validate=True))
    except (TypeError, ValueError) as error:
        raise StateError(f"history state: {what} must be base64 text of 8-byte numbers, got {shown(text)}") from error
    if sys.byteorder == "big":
        cells.byteswap()
    return cells


def pack(history: History) -> dict[str, Any]:
    """The records and marks of ``history``."""
    table = history._table
    return {
        "version": _VERSION,
        "rows": len(table.which),
        "dropped": table.dropped,
        "sources": list(table.sources),
        "which": _text(table.which),
        "clock": {unit: _text(cells) for unit, cells in table.clock.items()},
        "metrics": {name: [_text(column.rows), _text(column.values)] for name, column in table.columns.items()},
        "marks": [list(mark) for mark in history.marks],
    }


def unpack(state: Mapping[str, Any]) -> tuple[Table, list[Mark]]:
    """The table and the marks in ``state``, checked whole.

    Raises:
        StateError: where it is no state of a history.
    """
    if not isinstance(state, Mapping) or state.get("version") != _VERSION:
        got = state.get("version") if isinstance(state, Mapping) else shown(state)
        raise StateError(f"history state: expected version {_VERSION}, got {got}: it is of another release or no state")
    try:
        return _table(state), _marks(state["marks"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"history state: {type(error).__name__} {error}: it is truncated or no history") from error


def _table(state: Mapping[str, Any]) -> Table:
    from .history import Column, Table

    table, rows = Table(), state["rows"]
    table.dropped = state["dropped"]
    table.sources = list(state["sources"])
    table.which = _cells("q", state["which"], "which")
    for unit, empty in table.clock.items():
        table.clock[unit] = _cells(empty.typecode, state["clock"][unit], unit)
    for name, (numbers, values) in state["metrics"].items():
        column = table.columns[name] = Column()
        column.rows, column.values = _cells("q", numbers, name), _cells("d", values, name)
        inside = all(table.dropped <= row < table.dropped + rows for row in column.rows)
        if len(column.rows) != len(column.values) or not inside or sorted(set(column.rows)) != list(column.rows):
            raise StateError(f"history state: the rows of {name!r} do not fit its values")
    lengths = {len(cells) for cells in (*table.clock.values(), table.which)}
    if lengths != {rows} or any(not 0 <= source < len(table.sources) for source in table.which):
        raise StateError(f"history state: columns of {sorted(lengths)} entries for {rows} rows")
    for row in range(table.dropped, table.end)[-8:]:  # the last iteration's rows are the context of the next
        table.last = table.row(row, table.last)
    return table


def _marks(raw: Any) -> list[Mark]:
    from .history import Mark

    return [Mark(*map(_typed, (str, str, int, int, int, (int, float), str), entry)) for entry in raw]


def _typed(kind: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise StateError(f"history state: a mark holds {shown(value)} where {kind} belongs")
    return value
