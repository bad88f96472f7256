"""A history as a state dict: columns of numbers as base64 text, which JSON and safe unpickling both take, fast."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._utils.checks import check_count, check_name, shown
from .._utils.saving import check_version
from ..errors import StateError

if TYPE_CHECKING:
    from .mark import Mark
    from .table import Table

__all__ = ["pack", "unpack"]

_VERSION, _READ = 2, (1, 2)  # marks of version 1 have neither ``by`` nor ``best``


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


def pack(table: Table, marks: Iterable[Mark]) -> dict[str, Any]:
    """The records in ``table``, and ``marks``."""
    return {
        "version": _VERSION,
        "rows": len(table.which),
        "dropped": table.dropped,
        "sources": list(table.sources),
        "which": _text(table.which),
        "clock": {unit: _text(cells) for unit, cells in table.clock.items()},
        "metrics": {name: [_text(column.rows), _text(column.values)] for name, column in table.columns.items()},
        "marks": [[*mark[:-1], mark.best and list(mark.best)] for mark in marks],
    }


def unpack(state: Mapping[str, Any]) -> tuple[Table, list[Mark]]:
    """The table and the marks in ``state``, checked whole.

    Raises:
        StateError: where it is no state of a history.
    """
    check_version("history state", state, *_READ)
    try:
        return _table(state), _marks(state["marks"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"history state: {type(error).__name__} {error}: it is truncated or no history") from error


def _table(state: Mapping[str, Any]) -> Table:
    from .table import Column, Table

    table = Table()
    rows, table.dropped = (check_count(name, state[name], least=0) for name in ("rows", "dropped"))
    table.sources = list(state["sources"])
    if not all(source is None or isinstance(source, str) for source in table.sources):
        raise StateError(f"history state: sources must be names, got {shown(table.sources)}")
    table.which = _cells("q", state["which"], "which")
    for unit, empty in table.clock.items():
        table.clock[unit] = _cells(empty.typecode, state["clock"][unit], unit)
    check_count("dropped + rows", table.dropped + rows, least=0)
    lengths = {len(cells) for cells in (*table.clock.values(), table.which)}
    if lengths != {rows}:
        raise StateError(f"history state: columns of {sorted(lengths)} entries for {rows} rows")
    if any(not 0 <= source < len(table.sources) for source in table.which):
        raise StateError(f"history state: {len(table.sources)} sources, and rows of others")
    for unit, cells in table.clock.items():
        if unit != "planned" and not all(0 <= cell < math.inf for cell in cells):
            raise StateError(f"history state: {unit} is negative or no number: it is damaged")
    for name, (numbers, values) in state["metrics"].items():
        check_name("a metric's name", name)
        column = table.columns[name] = Column()
        column.rows, column.values = _cells("q", numbers, name), _cells("d", values, name)
        inside = all(table.dropped <= row < table.dropped + rows for row in column.rows)
        if len(column.rows) != len(column.values) or not inside or sorted(set(column.rows)) != list(column.rows):
            raise StateError(f"history state: the rows of {name!r} do not fit its values")
    if rows:
        table.last = table.row(table.end - 1, table.context(table.end - 1))
    return table


def _marks(raw: Any) -> list[Mark]:
    from .mark import Mark

    return [Mark.checked(*entry) for entry in raw]
