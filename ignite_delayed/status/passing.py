"""What others write to a terminal while something is pinned there: their lines pass above it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any, Protocol

__all__ = ["Above", "redirect"]


class Pinning(Protocol):
    """Where something is pinned, as those who write there know it."""

    def is_pinned(self) -> bool:
        """Whether it is now, by this process."""

    def write_above(self, text: str) -> None:
        """Write whole lines above it."""

    def give_way(self) -> None:
        """Take it off, for good."""


class Above:
    """In the place of ``file`` it lets whole lines pass above what is pinned; where nothing is, it is the file.

    Who returns to the beginning of a line, as a progress bar does, needs the place below: what is pinned gives way.
    """

    def __init__(self, file: IO[str], board: Pinning) -> None:
        self._file, self._board, self._left = file, board, ""

    def write(self, text: str) -> int:
        """Write ``text``; what is no whole line yet waits for the rest of it, or for :meth:`flush`."""
        if self._board.is_pinned() and "\r" in text.replace("\r\n", "\n"):
            self._board.give_way()
        if not self._board.is_pinned():
            self._file.write(self._left + text)
            self._left = ""
            return len(text)
        *lines, self._left = (self._left + text).split("\n")
        if lines:
            self._board.write_above("\n".join(lines))
        return len(text)

    def flush(self) -> None:
        """Write what is left, as a line where something is pinned below."""
        left, self._left = self._left, ""
        if left and self._board.is_pinned():
            self._board.write_above(left)
        elif left:
            self._file.write(left)
        self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __eq__(self, other: object) -> bool:  # tqdm compares the file of a bar with that which is written
        return self is other or self._file is other

    def __hash__(self) -> int:
        return hash(self._file)


def redirect(file: IO[str], board: Pinning) -> ExitStack:
    """Let what the process prints and logs to the terminal of ``file`` pass above ``board``, until it is closed.

    The standard streams, as far as they are that terminal, and the handlers of loggers that write to it.
    """
    undo = ExitStack()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if _same_terminal(stream, file):
            above = Above(stream, board)
            undo.callback(_put_back, name, above, stream)
            setattr(sys, name, above)
    for handler in _log_handlers(file):
        stream = handler.stream
        above = Above(stream, board)
        undo.callback(_give_back, handler, above, stream)
        handler.setStream(above)
    return undo


def _put_back(name: str, above: Above, stream: IO[str]) -> None:
    if getattr(sys, name) is above:  # whoever put another there since puts it back
        setattr(sys, name, stream)
    above.flush()


def _give_back(handler: logging.StreamHandler[Any], above: Above, stream: IO[str]) -> None:
    if handler.stream is above:
        handler.setStream(stream)


def _log_handlers(file: IO[str]) -> Iterator[logging.StreamHandler[Any]]:
    """The handlers that write to the terminal of ``file``, each once."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    found = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    for handler in dict.fromkeys(found):
        if isinstance(handler, logging.StreamHandler) and _same_terminal(handler.stream, file):
            yield handler


def _same_terminal(stream: Any, file: Any) -> bool:
    if stream is file:
        return True
    try:
        return os.ttyname(stream.fileno()) == os.ttyname(file.fileno())
    except (AttributeError, OSError, ValueError):  # no file, no terminal, closed
        return False
