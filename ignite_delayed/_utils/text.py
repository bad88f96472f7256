"""Text that others chose, such as names of metrics and gates, on its way to a log or a terminal."""

from __future__ import annotations

import logging

__all__ = ["logger_of", "printable", "quantity"]


def printable(text: str) -> str:
    r"""``text`` on one line, and harmless to a terminal: what cannot be printed is escaped, as ``repr`` does it.

    Line ends, the escapes that colour a terminal or clear it, marks that turn the direction of writing, and lone
    surrogates, which no file takes. Backslashes stay: what is shown is read, not parsed.

    Example:
        >>> printable("val loss"), printable("loss\n\x1b[2Jgone")
        ('val loss', 'loss\\n\\x1b[2Jgone')
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def quantity(number: int, unit: str) -> str:
    """``number`` with its unit, whose plural takes an s.

    Example:
        >>> quantity(1, "epoch"), quantity(3, "epoch"), quantity(0, "record")
        ('1 epoch', '3 epochs', '0 records')
    """
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def logger_of(name: str) -> logging.Logger:
    """The logger ``ignite_delayed.name``, whose every line is one, and harmless to a terminal."""
    logger = logging.getLogger(f"ignite_delayed.{name}")
    logger.addFilter(_show)
    return logger


def _show(entry: logging.LogRecord) -> bool:
    message = entry.getMessage()
    if not message.isprintable():
        entry.msg, entry.args = printable(message), None
    return True
