"""What an attachment shows of itself: a row of the status, read when it is asked for."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Reading", "Row"]


class Row(NamedTuple):
    """A gate, a stopper, the phases of a parameter, or an adjuster, as ``row()`` of an attachment gives it.

    Args:
        name: as in logs and marks.
        state: in a word or two: ``"open"``, ``"closed"``, ``"counting"``, ``"stopped"``, ``"phase 2 of 3"``.
        text: what it waits for, or what happened, in one line.
        near: how much of what is needed was reached, where that is counted: a part, and the whole.
    """

    name: str
    state: str
    text: str
    near: tuple[float, float] | None = None


class Reading(NamedTuple):
    """All that is shown at one moment: the clock, the last values, a row for each attachment.

    Names that others chose are such as a terminal can show, on one line.
    """

    clock: str
    values: list[tuple[str, float]]
    rows: list[Row]
