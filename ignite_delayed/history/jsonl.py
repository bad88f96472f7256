"""Records and marks as JSON Lines: strict JSON (NaN and the infinities are strings), written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from .mark import Mark, decode_mark
from .record import CLOCK, Record

__all__ = ["read", "write"]

_HEADER = {"format": "ignite-delayed history", "version": 2}
_READ = (_HEADER, {**_HEADER, "version": 1})  # marks of version 1 have neither ``by`` nor ``best``
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _encode_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _decode_number(value: Any) -> Any:
    return _WORDS[value] if isinstance(value, str) else value


def _lines(records: Iterable[Record], marks: Iterable[Mark]) -> Iterator[dict[str, Any]]:
    yield _HEADER
    for record in records:
        values = {name: _encode_number(value) for name, value in record.values.items()}
        yield {**{unit: getattr(record, unit) for unit in CLOCK}, "source": record.source, "values": values}
    for mark in marks:
        best = mark.best and [_encode_number(mark.best.value), mark.best.epoch, mark.best.iteration]
        yield {"mark": {**mark._asdict(), "best": best}}


def write(records: Iterable[Record], marks: Iterable[Mark], path: Path, overwrite: bool) -> Path:
    """Write a run to ``path`` by way of a neighbouring file."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass overwrite=True to replace it")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            for line in _lines(records, marks):
                file.write(json.dumps(line, allow_nan=False) + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def read(path: Path) -> tuple[list[Record], list[Mark]]:
    """The records, each for itself, and the marks in ``path``; a last line that was cut short is dropped.

    Raises:
        HistoryError: where the file is no history, naming the line.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    records: list[Record] = []
    marks: list[Mark] = []
    for number, text in enumerate(lines, start=1):
        if not text and number == len(lines) > 1:
            break
        where = f"{path}, line {number}"
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:  # what is nested too deeply is none of ours
            if number == len(lines) > 1:
                warnings.warn(f"{path}: the last line was cut short and is dropped: {text[:60]!r}", stacklevel=3)
                break
            raise HistoryError(f"{where}: no JSON: {text[:60]!r}") from error
        if number == 1:
            _check_header(line, where)
            continue
        entry = _decode_line(line, where)
        if isinstance(entry, Mark):
            marks.append(entry)
        else:
            records.append(entry)
    return records, marks


def _check_header(line: Any, where: str) -> None:
    if line not in _READ:
        raise HistoryError(f"{where}: expected the header {json.dumps(_HEADER)} of a history, got {str(line)[:80]}")


def _decode_line(line: Any, where: str) -> Record | Mark:
    try:
        if "mark" in line:
            mark = Mark(**line["mark"])
            return decode_mark(*mark[:-1], mark.best and [_decode_number(cell) for cell in mark.best])
        values = {name: _decode_number(value) for name, value in line["values"].items()}
        return Record(**{**line, "values": values})
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HistoryError(f"{where}: no record of a history: {error}") from error
