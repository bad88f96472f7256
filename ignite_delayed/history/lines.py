"""Records as lines of JSON and back: many at a time, from columns into columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from .record import CLOCK, Record
from .table import Column, Table

__all__ = ["decode_number", "decode_record", "encode_number", "extend", "texts_of"]

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_CHUNK = 1024
_FIELDS = {*CLOCK, "source", "values"}
_KIND = "kind"  # of what is no evaluation; older releases did not write it


def encode_number(value: float) -> float | str:
    """``value`` as JSON takes it."""
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def decode_number(value: Any) -> Any:
    """What :func:`encode_number` was given; anything else than its words as it is."""
    return _WORDS[value] if isinstance(value, str) else value


def texts_of(table: Table, rows: range) -> Iterator[str]:
    """The ``rows`` of ``table``, each as the text of a JSON object."""
    names = {name: f"{json.dumps(name)}: " for name in table.columns}
    kinds = ["" if kind is None else f', "{_KIND}": "{kind}"' for _, kind in table.origins]
    sources = [json.dumps(source) + kind for (source, _), kind in zip(table.origins, kinds, strict=True)]
    for first in range(rows.start, rows.stop, _CHUNK):
        part = range(first, min(first + _CHUNK, rows.stop))
        values: list[list[str]] = [[] for _ in part]
        for name, column in table.columns.items():
            span, label = column.span(part.start, part.stop), names[name]
            for row, value in zip(column.rows[span], column.values[span], strict=True):
                text = repr(value) if math.isfinite(value) else json.dumps(encode_number(value))
                values[row - first].append(label + text)
        cells = slice(first - table.dropped, part.stop - table.dropped)
        clock = [units[cells] for units in table.clock.values()]
        for epoch, iteration, evaluation, seconds, planned, which, reported in zip(
            *clock, table.which[cells], values, strict=True
        ):
            yield (
                f'{{"epoch": {epoch}, "iteration": {iteration}, "evaluation": {evaluation}, "seconds": {seconds!r}, '
                f'"planned": {"null" if planned < 0 else planned}, "source": {sources[which]}, '
                f'"values": {{{", ".join(reported)}}}}}'
            )


def extend(table: Table, lines: list[Any]) -> bool:
    """Append ``lines``, parsed, to ``table`` all at once; ``False``, and nothing is changed, where one is unusual.

    Which line that is, and whether it is a record all the same, is found by decoding each for itself.
    """
    if not all(isinstance(line, dict) and line.keys() - {_KIND} == _FIELDS for line in lines):
        return False
    part = Table()
    try:
        for unit, cells in part.clock.items():
            column = [line[unit] for line in lines]
            if unit == "planned":
                column = [-1 if cell is None else _at_least_0(cell) for cell in column]
            if not _is_clock(unit, column):
                return False
            cells.extend(column)
        places: dict[Any, int] = {}
        part.which.extend(_place(places, line["source"], line.get(_KIND)) for line in lines)
        part.origins = list(places)
        for row, line in enumerate(lines):
            _add_values(part, row, line["values"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return False
    table.join(part)
    return True


def _is_clock(unit: str, column: list[Any]) -> bool:
    kinds = {int, float} if unit == "seconds" else {int}
    return set(map(type, column)) <= kinds and all(map(math.isfinite, column)) and min(column) >= -(unit == "planned")


def _at_least_0(cell: Any) -> Any:
    if cell < 0:
        raise ValueError(cell)
    return cell


def _place(places: dict[Any, int], source: Any, kind: Any) -> int:
    if (source, kind) not in places:
        Record(epoch=0, iteration=0, source=source, kind=kind)  # refuses what does not go together
    return places.setdefault((source, kind), len(places))


def _add_values(table: Table, row: int, values: dict[str, Any]) -> None:
    for name, value in values.items():
        number = value
        if type(value) is not float and type(value) is not int:
            number = _WORDS[value]
        column = table.columns.get(name)
        if column is None:
            if not name:
                raise ValueError(name)
            column = table.columns[name] = Column()
        column.rows.append(row)
        column.values.append(number)


def decode_record(line: Any) -> Record:
    """The record in ``line``, parsed.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, OverflowError: where it is none.
    """
    values = {name: decode_number(value) for name, value in line["values"].items()}
    return Record(**{**line, "values": values})
