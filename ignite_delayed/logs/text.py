"""Files of text: whole or refused, and tables of comma-separated values with the line of each row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .._utils.checks import check_flag
from ..errors import HistoryError

__all__ = [
    "Line",
    "Sheet",
    "delimiter_of",
    "lines_of",
    "number_of",
    "read_json",
    "read_sheet",
    "text_of",
    "whole_lines",
]


class Line(NamedTuple):
    """A row of a file: where it stands, and its cells as written."""

    where: str
    cells: dict[str, str]


class Sheet(NamedTuple):
    """A file of comma-separated values: the names of its columns, and its rows."""

    columns: list[str]
    lines: list[Line]


def number_of(text: str) -> int | float | str:
    """``text`` as the number that it writes down; itself where it is none."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def text_of(path: Path) -> str:
    """The text of ``path``.

    Raises:
        HistoryError: where it is empty or no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path}: no text in UTF-8 (byte {error.start})") from error
    if not text.strip():
        raise HistoryError(f"{path}: the file is empty")
    return text


def read_json(path: Path) -> Any:
    """What the JSON in ``path`` holds.

    Raises:
        HistoryError: where it is none or was cut short, naming the line.
    """
    try:
        return json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise HistoryError(f"{path}, line {error.lineno}: no JSON, or cut short: {error.msg}") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise HistoryError(f"{path}: no JSON of numbers: {error}") from error
    except RecursionError as error:
        raise HistoryError(f"{path}: nested too deeply") from error


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with its end; ``str.splitlines`` would split at U+2028 and others in names, too."""
    return list(io.StringIO(text, newline=None))


def delimiter_of(text: str) -> str:
    """What stands between the names in the first line."""
    return max(",;\t", key=text.partition("\n")[0].count)


def whole_lines(path: Path, partial: bool) -> list[str]:
    """The lines of a file that its writer ended, each with its end.

    Raises:
        HistoryError: where the last one has no end, unless ``partial``.
    """
    check_flag("partial", partial)
    lines = lines_of(text_of(path))
    if lines[-1].endswith("\n"):
        return lines
    if partial and len(lines) > 1:
        return lines[:-1]
    raise HistoryError(
        f"{path}, line {len(lines)}: the last line has no end: the file was cut short. "
        + ("There are no lines before it" if partial else "Pass partial=True to read the lines before it")
    )


def read_sheet(path: Path, partial: bool = False) -> Sheet:
    """The rows of a file of comma-separated values; commas may be semicolons or tabs.

    Raises:
        HistoryError: where a row does not fit the header, naming the line.
    """
    lines = whole_lines(path, partial)
    reader = csv.reader(lines, delimiter=delimiter_of(lines[0]), strict=True)
    try:
        columns = next(reader, [])
        if len(set(columns)) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise HistoryError(f"{path}, line 1: the column {twice!r} is there twice")
        return Sheet(columns, list(_rows(reader, columns, path)))
    except csv.Error as error:
        raise HistoryError(f"{path}, line {reader.line_num}: {error}") from error


def _rows(reader: Any, columns: list[str], path: Path) -> Iterator[Line]:
    for cells in reader:
        if not cells:
            continue  # an empty line
        where = f"{path}, line {reader.line_num}"
        if len(cells) != len(columns):
            raise HistoryError(f"{where}: {len(cells)} cells, and {len(columns)} columns in line 1")
        yield Line(where, dict(zip(columns, cells, strict=True)))
