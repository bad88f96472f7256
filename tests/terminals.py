"""Real pseudo-terminals for tests, and what stands on their screens."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CONTROL = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")


@contextmanager
def terminal(columns: int = 100, lines: int = 24) -> Iterator[tuple[Any, list[str]]]:
    """A pseudo-terminal: a file to write to, and what was written once it is closed."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    raw: list[bytes] = []
    written: list[str] = []

    def drain() -> None:
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's way to say that the other end was closed
                part = b""
            if not part:
                return
            raw.append(part)

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as file:
            yield file, written
    finally:
        reader.join(timeout=600)
        os.close(ours)
        written.append(b"".join(raw).decode().replace("\r\n", "\n"))


def screen(written: str) -> list[str]:
    """The lines that stand on a screen, and above it, after ``written``: cursor up, line erased, return, newline."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\??[0-9;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", written):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b"):
            count = int(re.sub(r"\D", "", part) or 1)
            if part.endswith("A"):
                row = max(row - count, 0)
            elif part.endswith("K"):
                lines[row] = ""
        else:
            old = lines[row].ljust(column)
            lines[row] = old[:column] + part + old[column + len(part) :]
            column += len(part)
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]


def cursor_is_shown(written: str) -> bool:
    """Whether the cursor is, after ``written``."""
    return written.rfind("\x1b[?25h") >= written.rfind("\x1b[?25l")
