"""Schedules as texts: what they are written with.

Classes put themselves on the list (``readable``), so that this module knows none of them.
"""

from __future__ import annotations

import ast
import operator
from typing import Any

from .._utils import reading
from .._utils.values import Value

__all__ = ["read", "readable"]

_LANGUAGE = reading.Language(
    noun="schedule",
    kind=Value,  # no other values are on the list
    readable={},
    operators={ast.USub: operator.neg},
    chained=(),
    refused={
        "Schedule": (
            "Schedule.of calls a Python function, and reading a text runs none: build it in Python, and join it with "
            "what is read by .then"
        )
    },
    computed="plain values are not computed with",
    connected="schedules are not computed with: join them by .then",
    named="a schedule is Cosine(epochs=10), for example",
    called="only schedules and their methods can be called",
    written="schedules are written with: calls and numbers, joined by .then",
    lists=True,
)

readable = _LANGUAGE.add


def read(text: str) -> Any:
    """The schedule that ``text`` writes down.

    Args:
        text: what ``repr`` prints.

    Raises:
        TypeError: where ``text`` is no string.
        ParseError: where it writes anything else, with the place.
    """
    return reading.read(text, _LANGUAGE)
