"""A history as a state dict: columns of numbers as base64 text, which JSON and safe unpickling both take, fast."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from .._utils.checks import check_count, check_name, describe
from .._utils.saving import check_version
from ..errors import StateError
from .mark import Mark, decode_mark, encode_mark
from .record import Record
from .table import Column, Table

__all__ = ["pack", "unpack"]

_VERSION, _READ = 2, (1, 2)  # marks of version 1 have neither ``by`` nor ``best``


def _encode(cells: array[Any]) -> str:
    if sys.byteorder == "big":
        cells = array(cells.typecode, cells)
        cells.byteswap()
    return base64.b64encode(cells.tobytes()).decode("ascii")


def _decode(typecode: str, text: Any, what: str) -> array[Any]:
    cells = array(typecode)
    try:
        cells.frombytes(base64.b64decode(text, validate=True))
    except (TypeError, ValueError) as error:
        raise StateError(
            f"history state: {what} must be base64 text of 8-byte numbers, got {describe(text)}"
        ) from error
    if sys.byteorder == "big":
        cells.byteswap()
    return cells


def pack(table: Table, marks: Iterable[Mark]) -> dict[str, Any]:
    """The records in ``table``, and ``marks``."""
    kinds = [kind for _, kind in table.origins]
    return {
        "version": _VERSION,
        "rows": len(table.which),
        "dropped": table.dropped,
        "sources": [source for source, _ in table.origins],
        "which": _encode(table.which),
        "clock": {unit: _encode(cells) for unit, cells in table.clock.items()},
        "metrics": {name: [_encode(column.rows), _encode(column.values)] for name, column in table.columns.items()},
        "marks": [encode_mark(mark) for mark in marks],
        **({"kinds": kinds} if any(kinds) else {}),
    }


def unpack(state: Mapping[str, Any]) -> tuple[Table, list[Mark]]:
    """The table and the marks in ``state``, checked whole.

    Raises:
        StateError: where it is no state of a history.
    """
    check_version("history state", state, *_READ)
    try:
        return _unpack_table(state), [decode_mark(*fields) for fields in state["marks"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"history state: {type(error).__name__} {error}: it is truncated or no history") from error


def _unpack_table(state: Mapping[str, Any]) -> Table:
    table = Table()
    rows, table.dropped = (check_count(name, state[name], least=0) for name in ("rows", "dropped"))
    table.origins = _origins(list(state["sources"]), state.get("kinds"))
    table.which = _decode("q", state["which"], "which")
    for unit, empty in table.clock.items():
        table.clock[unit] = _decode(empty.typecode, state["clock"][unit], unit)
    check_count("dropped + rows", table.dropped + rows, least=0)
    lengths = {len(cells) for cells in (*table.clock.values(), table.which)}
    if lengths != {rows}:
        raise StateError(f"history state: columns of {sorted(lengths)} entries for {rows} rows")
    if any(not 0 <= origin < len(table.origins) for origin in table.which):
        raise StateError(f"history state: {len(table.origins)} sources, and rows of others")
    for unit, cells in table.clock.items():
        if unit != "planned" and not all(0 <= cell < math.inf for cell in cells):
            raise StateError(f"history state: {unit} is negative or no number: it is damaged")
    for name, (numbers, values) in state["metrics"].items():
        check_name("a metric's name", name)
        column = table.columns[name] = Column()
        column.rows, column.values = _decode("q", numbers, name), _decode("d", values, name)
        inside = all(table.dropped <= row < table.dropped + rows for row in column.rows)
        if len(column.rows) != len(column.values) or not inside or sorted(set(column.rows)) != list(column.rows):
            raise StateError(f"history state: the rows of {name!r} do not fit its values")
    table.find_last()
    return table


def _origins(sources: list[Any], kinds: Any) -> list[Any]:
    """The sources with their kinds, which older releases did not write."""
    if not all(source is None or isinstance(source, str) for source in sources):
        raise StateError(f"history state: sources must be names, got {describe(sources)}")
    kinds = [None] * len(sources) if kinds is None else list(kinds)
    if len(kinds) != len(sources):
        raise StateError(f"history state: {len(kinds)} kinds of {len(sources)} sources")
    for source, kind in zip(sources, kinds, strict=True):
        Record(epoch=0, iteration=0, source=source, kind=kind)  # refuses what does not go together
    return list(zip(sources, kinds, strict=True))
