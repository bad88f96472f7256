"""What a condition and each of its parts say at all records of a run at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...conditions import (
    After,
    Always,
    And,
    Between,
    Compare,
    EarlyStop,
    Finite,
    Holds,
    Latched,
    Never,
    Not,
    Or,
    Plateau,
    Sustained,
)
from ...conditions.explanation import Explanation
from ...history.history import History
from .rows import Rows, held
from .twins import Verdicts, has_twin, judge, seen_by
from .verdicts import first_true

__all__ = ["part_columns"]

#: Those whose parts see every record that they see; an EarlyStop's see them until the delay is over.
_OPEN = {After, Always, And, Between, Compare, EarlyStop, Finite, Holds, Latched, Never, Not, Or, Plateau, Sustained}


def part_columns(explained: Explanation, history: History) -> list[Verdicts] | None:
    """What a condition and its parts say at each record: 1 for true, -1 for false, 0 for unknown.

    Args:
        explained: the condition, as it is explained; columns are in the order of its lines.
        history: a run.

    Returns:
        A column for the whole and each part; ``None`` where one of them has to be folded.
    """
    if not _is_open(explained) or not has_twin(explained.node):
        return None
    with np.errstate(all="ignore"):  # infinities and NaN are values
        rows, places = seen_by(explained.node, history)  # type: ignore[arg-type]
        return [held(said, places, len(history)) for said in _columns(explained, rows)]


def _is_open(explained: Explanation) -> bool:
    return type(explained.node) in _OPEN and all(map(_is_open, explained.parts))


def _columns(explained: Explanation, rows: Rows) -> Iterator[Verdicts]:
    """What the condition and its parts say at each of ``rows``."""
    yield judge(explained.node, rows)
    for part in explained.parts:
        columns = list(_columns(part, rows))
        opened = first_true(columns[0]) if isinstance(explained.node, EarlyStop) else len(rows)
        for column in columns:
            said = column.copy()
            said[opened:] = column[opened : opened + 1]
            yield said
