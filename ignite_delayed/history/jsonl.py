"""Histories as JSON Lines: strict JSON (NaN and the infinities are strings), written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from .history import History
from .mark import Mark
from .record import CLOCK, Record

__all__ = ["read", "write"]

_HEADER = {"format": "ignite-delayed history", "version": 2}
_READ = (_HEADER, {**_HEADER, "version": 1})  # marks of version 1 have neither ``by`` nor ``best``
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _lines(history: History) -> Iterator[dict[str, Any]]:
    yield _HEADER
    for record in history:
        values = {name: _number(value) for name, value in record.values.items()}
        yield {**{unit: getattr(record, unit) for unit in CLOCK}, "source": record.source, "values": values}
    for mark in history.marks:
        best = mark.best and [_number(mark.best.value), mark.best.epoch, mark.best.iteration]
        yield {"mark": {**mark._asdict(), "best": best}}


def write(history: History, path: Path, overwrite: bool) -> Path:
    """Write ``history`` to ``path`` by way of a neighbouring file."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass overwrite=True to replace it")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            for line in _lines(history):
                file.write(json.dumps(line, allow_nan=False) + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def read(path: Path) -> History:
    """The history in ``path``."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    history = History()
    for number, text in enumerate(lines, start=1):
        if not text and number == len(lines) > 1:
            break
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:  # what is nested too deeply is none of ours
            if number == len(lines) > 1:
                warnings.warn(f"{path}: the last line was cut short and is dropped: {text[:60]!r}", stacklevel=3)
                break
            raise HistoryError(f"{path}, line {number}: no JSON: {text[:60]!r}") from error
        _take(history, line, f"{path}, line {number}", is_header=number == 1)
    return history


def _take(history: History, line: Any, where: str, is_header: bool) -> None:
    if is_header:
        if line not in _READ:
            raise HistoryError(f"{where}: expected the header {json.dumps(_HEADER)} of a history, got {str(line)[:80]}")
        return
    try:
        if "mark" in line:
            history._marks.append(_mark(line["mark"]))
            return
        values = {name: _WORDS[value] if isinstance(value, str) else value for name, value in line["values"].items()}
        history._take(Record(**{**line, "values": values}))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HistoryError(f"{where}: no record of a history: {error}") from error


def _mark(fields: dict[str, Any]) -> Mark:
    mark = Mark(**fields)
    best: Any = mark.best and [_WORDS[cell] if isinstance(cell, str) else cell for cell in mark.best]
    return Mark.checked(*mark[:-1], best)
