"""Records and marks as JSON Lines: strict JSON (NaN and the infinities are strings), written whole or not at all."""

from __future__ import annotations

import json
import math
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from .files import write_whole
from .mark import Mark, decode_mark
from .record import CLOCK, Record

__all__ = ["read", "write"]

_FORMAT, _VERSION = "ignite-delayed history", 2
_FIRST = {"format": _FORMAT, "version": 1}  # its marks have neither ``by`` nor ``best``, its lines no checksum
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _encode_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _decode_number(value: Any) -> Any:
    return _WORDS[value] if isinstance(value, str) else value


def _entries(records: Iterable[Record], marks: Iterable[Mark]) -> Iterator[dict[str, Any]]:
    for record in records:
        values = {name: _encode_number(value) for name, value in record.values.items()}
        yield {**{unit: getattr(record, unit) for unit in CLOCK}, "source": record.source, "values": values}
    for mark in marks:
        best = mark.best and [_encode_number(mark.best.value), mark.best.epoch, mark.best.iteration]
        yield {"mark": {**mark._asdict(), "best": best}}


def write(records: Iterable[Record], marks: Iterable[Mark], path: Path, overwrite: bool) -> Path:
    """Write a run to ``path``: each line ends in a checksum of itself and of all before it."""
    texts = [json.dumps(entry, allow_nan=False) for entry in _entries(records, marks)]
    lines = [json.dumps({"format": _FORMAT, "version": _VERSION, "lines": len(texts)})]
    check = _check(lines[0], 0)
    for text in texts:
        check = _check(text, check)
        lines.append(f"{text[:-1]}{_tail(check)}")
    write_whole(path, lines, overwrite)
    return path


def _check(text: str, before: int) -> int:
    return zlib.crc32(text.encode(), before)


def _tail(check: int) -> str:
    return f', "check": "{check:08x}"}}'


def read(path: Path) -> tuple[list[Record], list[Mark]]:
    """The records, each for itself, and the marks in ``path``; a last line that was cut short is dropped.

    Raises:
        HistoryError: where the file is no history, naming the line.
    """
    content = path.read_bytes()
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise HistoryError(f"{path}, line {number}: no JSON: bytes that are not UTF-8: it is damaged") from error
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    expected = _read_header(lines[0], f"{path}, line 1")
    records: list[Record] = []
    marks: list[Mark] = []
    check = _check(lines[0], 0)
    for number, text in enumerate(lines[1:], start=2):
        where = f"{path}, line {number}"
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:  # what is nested too deeply is none of ours
            if number == len(lines):
                warnings.warn(f"{path}: the last line was cut short and is dropped: {text[:60]!r}", stacklevel=3)
                return records, marks
            raise HistoryError(f"{where}: no JSON: {text[:60]!r}") from error
        if expected is not None:
            check = _checked(line, text, check, where)
        entry = _decode_line(line, where)
        (marks if isinstance(entry, Mark) else records).append(entry)  # type: ignore[arg-type]
    there = len(lines) - 1
    if expected is not None and there > expected:
        raise HistoryError(f"{path}: {there} lines follow the header, which says {expected}: some were added")
    if expected is not None and there < expected:
        warnings.warn(f"{path}: it was cut short: {there} of {expected} lines are there", stacklevel=3)
    return records, marks


def _read_header(text: str, where: str) -> int | None:
    """How many lines the header promises, ``None`` for one of version 1, which does not say."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"{where}: no JSON: {text[:60]!r}") from error
    if line == _FIRST:
        return None
    lines = line.get("lines") if isinstance(line, dict) else None
    if type(lines) is not int or line != {"format": _FORMAT, "version": _VERSION, "lines": lines}:
        wanted = json.dumps({"format": _FORMAT, "version": _VERSION})
        raise HistoryError(f"{where}: expected the header {wanted} of a history, got {str(line)[:80]}")
    return lines


def _checked(line: Any, text: str, before: int, where: str) -> int:
    """The checksum of ``text``, which is taken out of ``line``."""
    said = line.pop("check", None) if isinstance(line, dict) else None
    check = _check(f"{text[: -len(_tail(0))]}}}", before)
    if said is None or not text.endswith(_tail(check)):
        raise HistoryError(
            f"{where}: no line that follows the one before by its checksum: one of the two was changed, or lines are "
            "missing, doubled or swapped"
        )
    return check


def _decode_line(line: Any, where: str) -> Record | Mark:
    try:
        if "mark" in line:
            mark = Mark(**line["mark"])
            return decode_mark(*mark[:-1], mark.best and [_decode_number(cell) for cell in mark.best])
        values = {name: _decode_number(value) for name, value in line["values"].items()}
        return Record(**{**line, "values": values})
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HistoryError(f"{where}: no record of a history: {error}") from error
