"""The records that a condition sees, as columns: of a whole run, without the clock's, or since another one held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ...conditions import Then
from ...conditions.node import Node
from ...history.columns import Columns, Floats, Places
from ...history.record import CLOCK, Record

__all__ = ["Rows", "held", "kept", "since", "whole"]


class Rows(Protocol):
    """Records in order: their clock, what was fresh in them, and which complete an observation."""

    clock: dict[str, np.ndarray[Any, Any]]

    def __len__(self) -> int: ...

    def fresh(self, name: str) -> tuple[Places, Floats]:
        """Where a metric was observed, and its values."""

    def observed(self, node: Node) -> Places:
        """Where ``node`` observes."""

    def record(self, place: int) -> Record:
        """The record at a position."""


class _Whole:
    """All the records of a run."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.clock = columns.clock
        self.fresh = columns.fresh
        self.record = columns.record

    def __len__(self) -> int:
        return len(self._columns)

    def observed(self, node: Node) -> Places:
        return self._columns.complete(node.reads)


class _Kept:
    """Some of the records."""

    def __init__(self, rows: Rows, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        self._rows, self._keep = rows, keep
        self._places = np.flatnonzero(keep)
        self._number = np.cumsum(keep) - 1
        self.clock = {unit: rows.clock[unit][self._places] for unit in CLOCK}

    def __len__(self) -> int:
        return len(self._places)

    def fresh(self, name: str) -> tuple[Places, Floats]:
        places, values = self._rows.fresh(name)
        inside = self._keep[places]
        return self._number[places[inside]], values[inside]

    def observed(self, node: Node) -> Places:
        places = self._rows.observed(node)
        return self._number[places[self._keep[places]]]

    def record(self, place: int) -> Record:
        return self._rows.record(int(self._places[place]))


class _Since:
    """The records from ``begin`` on, on the clock of a run that began there: the twin of :meth:`Record.since`."""

    def __init__(self, rows: Rows, rule: Then, begin: int) -> None:
        first = rows.record(begin)
        base, skip = rule.beginning(first), len(first.seen) - len(first.fresh)
        self._rows, self._begin = rows, begin
        self._shift: Callable[[int], Record] = lambda place: rows.record(begin + place).since(
            base, skip, begins=not place, counted=1
        )
        own = np.flatnonzero(rows.clock["iteration"][begin:] == base.iteration)
        # What records of its iteration saw depends on what came before it, so those few are looked at one by one.
        self._head = [self._shift(place) for place in range(max(1, int(own[-1]) + 1 if len(own) else 0))]
        cut = {unit: rows.clock[unit][begin:] for unit in CLOCK}
        iteration = max(base.iteration, 1) - 1
        self.clock = {
            "epoch": cut["epoch"] - (max(base.epoch, 1) - 1),
            "iteration": cut["iteration"] - iteration,
            "evaluation": cut["evaluation"] - base.evaluation + 1,
            "seconds": cut["seconds"] - base.seconds,
            "planned": np.where(cut["planned"] < 0, -1, np.maximum(cut["planned"] - iteration, 0)),
        }

    def __len__(self) -> int:
        return len(self.clock["epoch"])

    def _behind(self, places: Places) -> slice:
        """The part of ``places``, of all the records, that is behind the head."""
        return slice(int(np.searchsorted(places, self._begin + len(self._head))), None)

    def fresh(self, name: str) -> tuple[Places, Floats]:
        places, values = self._rows.fresh(name)
        behind = self._behind(places)
        there = [place for place, record in enumerate(self._head) if name in record.fresh]
        early = np.array([self._head[place].fresh[name] for place in there], dtype=float)
        return self._joined(there, places[behind]), np.concatenate((early, values[behind]))

    def observed(self, node: Node) -> Places:
        places = self._rows.observed(node)
        there = [place for place, record in enumerate(self._head) if node.observed(record)]
        return self._joined(there, places[self._behind(places)])

    def _joined(self, early: list[int], late: Places) -> Places:
        return np.concatenate((np.array(early, dtype=np.int64), late - self._begin))

    def record(self, place: int) -> Record:
        return self._head[place] if place < len(self._head) else self._shift(place)


def whole(columns: Columns) -> Rows:
    """All the records of a run."""
    return _Whole(columns)


def kept(rows: Rows, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> Rows:
    """Some of ``rows``."""
    return _Kept(rows, keep)


def since(rows: Rows, rule: Then, begin: int) -> Rows:
    """The records from ``begin`` on, where the first part of ``rule`` held, as the second part sees them."""
    return _Since(rows, rule, begin)


def held(cells: np.ndarray[Any, Any], places: Places, length: int) -> np.ndarray[Any, Any]:
    """A column of ``length`` in which each of ``cells`` holds from its place to the next; 0 before the first."""
    if len(places) == length:
        return cells
    counts = np.diff(places, append=length)
    column = np.zeros(length, cells.dtype)
    if len(places):
        column[places[0] :] = np.repeat(cells, counts)
    return column
