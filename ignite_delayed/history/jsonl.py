"""Records and marks as JSON Lines: strict JSON (NaN and the infinities are strings), written whole or not at all."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from .files import write_whole
from .lines import decode_number, decode_record, encode_number, extend, texts_of
from .mark import Mark, decode_mark
from .record import Record
from .table import Table

__all__ = ["read", "write"]

_FORMAT, _VERSION = "ignite-delayed history", 2
_FIRST = {"format": _FORMAT, "version": 1}  # its marks have neither ``by`` nor ``best``, its lines no checksum
_CHUNK = 1024


def _text_of(mark: Mark) -> str:
    best = mark.best and [encode_number(mark.best.value), mark.best.epoch, mark.best.iteration]
    return json.dumps({"mark": {**mark._asdict(), "best": best}}, allow_nan=False)


def write(table: Table, rows: range, marks: Iterable[Mark], path: Path, overwrite: bool) -> Path:
    """Write ``rows`` of ``table``, and ``marks``, to ``path``: each line ends in a checksum of all up to it."""
    texts = [*texts_of(table, rows), *map(_text_of, marks)]
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


_TAIL = len(_tail(0))


def read(path: Path) -> tuple[Table, list[Mark]]:
    """The records and the marks in ``path``; a last line that was cut short is dropped.

    Raises:
        HistoryError: where the file is no history, naming the line.
    """
    content = path.read_bytes()
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise HistoryError(f"{path}, line {number}: no JSON: bytes that are not UTF-8: it is damaged") from error
    ended = len(lines) > 1 and not lines[-1]
    if ended:
        lines.pop()
    expected = _read_header(lines[0], f"{path}, line 1")
    run = _Run(path, chained=expected is not None, check=_check(lines[0], 0))
    for first in range(1, len(lines), _CHUNK):
        if not run.take(lines[first : first + _CHUNK], first + 1, last=len(lines)):
            if ended and expected is not None:  # what was cut short has no end: two lines have become one
                raise HistoryError(f"{path}, line {len(lines)}: no JSON: {lines[-1][:60]!r}")
            warnings.warn(f"{path}: the last line was cut short and is dropped: {lines[-1][:60]!r}", stacklevel=3)
            return run.table, run.marks
    there = len(lines) - 1
    if expected is not None and there > expected:
        raise HistoryError(f"{path}: {there} lines follow the header, which says {expected}: some were added")
    if expected is not None and there < expected:
        warnings.warn(f"{path}: it was cut short: {there} of {expected} lines are there", stacklevel=3)
    return run.table, run.marks


class _Run:
    """What was read so far.

    Args:
        path: the file, for errors.
        chained: whether its lines have checksums.
        check: the checksum of the header.
    """

    def __init__(self, path: Path, *, chained: bool, check: int) -> None:
        self.table, self.marks = Table(), list[Mark]()
        self._path, self._chained, self._check = path, chained, check

    def take(self, texts: list[str], number: int, last: int) -> bool:
        """Take over ``texts``, from line ``number`` on; ``False`` where line ``last`` is there and was cut short."""
        check = self._checked_together(texts) if self._chained else None
        if check is not None and extend(self.table, _parsed_together(texts)):
            self._check = check
            return True
        for place, text in enumerate(texts, start=number):
            where = f"{self._path}, line {place}"
            try:
                line = json.loads(text)
            except (ValueError, RecursionError) as error:  # what is nested too deeply is none of ours
                if place == last:
                    return False
                raise HistoryError(f"{where}: no JSON: {text[:60]!r}") from error
            if self._chained:
                self._check = _take_check(line, text, self._check, where)
            entry = _decode_line(line, where)
            if isinstance(entry, Mark):
                self.marks.append(entry)
            else:
                self.table.append(entry)
        return True

    def _checked_together(self, texts: list[str]) -> int | None:
        """The checksum after ``texts``, ``None`` where one of them does not follow the one before."""
        check = self._check
        for text in texts:
            check = _check(f"{text[:-_TAIL]}}}", check)
            if not text.endswith(_tail(check)):
                return None
        return check


def _parsed_together(texts: list[str]) -> list[Any]:
    """``texts`` without their checksums, parsed in one go; nothing where they are not one value each."""
    try:
        parsed: list[Any] = json.loads(f"[{','.join([f'{text[:-_TAIL]}}}' for text in texts])}]")
    except (ValueError, RecursionError):
        return []
    return parsed if len(parsed) == len(texts) else []


def _read_header(text: str, where: str) -> int | None:
    """How many lines the header promises, ``None`` for one of version 1, which does not say."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"{where}: no JSON: {text[:60]!r}; read_runs(path) reads what others wrote") from error
    if line == _FIRST:
        return None
    lines = line.get("lines") if isinstance(line, dict) else None
    if type(lines) is not int or line != {"format": _FORMAT, "version": _VERSION, "lines": lines}:
        wanted = json.dumps({"format": _FORMAT, "version": _VERSION})
        raise HistoryError(f"{where}: expected the header {wanted} of a history, got {str(line)[:80]}")
    return lines


def _take_check(line: Any, text: str, before: int, where: str) -> int:
    """The checksum of ``text``, which is taken out of ``line``."""
    said = line.pop("check", None) if isinstance(line, dict) else None
    check = _check(f"{text[:-_TAIL]}}}", before)
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
            best: Any = mark.best and [decode_number(cell) for cell in mark.best]
            return decode_mark(*mark._replace(best=best))
        return decode_record(line)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HistoryError(f"{where}: no record of a history: {error}") from error
