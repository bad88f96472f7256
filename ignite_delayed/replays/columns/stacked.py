"""The records of many runs, one after the other, for what is decided at each record by that record alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...conditions import After, Always, And, Compare, Finite, Metric, Never, Not, Or
from ...conditions.expression import Absolute, Arithmetic, Negative, Number
from ...conditions.node import Node
from ...history.columns import Columns, Floats, Places
from ...history.record import Record
from .rows import Rows

__all__ = ["is_pointwise", "stacked"]

_POINTWISE = {After, Always, And, Compare, Finite, Metric, Never, Not, Or, Absolute, Arithmetic, Negative, Number}


def is_pointwise(node: Node) -> bool:
    """Whether ``node`` remembers nothing, where each record has all that it reads."""
    return type(node) in _POINTWISE and all(map(is_pointwise, node.parts))


class _Clock(dict[str, "np.ndarray[Any, Any]"]):
    """The columns of time of all runs, each joined when it is asked for."""

    def __init__(self, runs: Sequence[Columns]) -> None:
        super().__init__()
        self._runs = runs

    def __missing__(self, unit: str) -> np.ndarray[Any, Any]:
        self[unit] = column = np.concatenate([columns.clock[unit] for columns in self._runs])
        return column


class _Stacked:
    """The records of runs that have all metrics at each record."""

    def __init__(self, runs: Sequence[Columns]) -> None:
        self._runs = runs
        self._ends = np.cumsum([len(columns) for columns in runs])
        self._every = np.arange(int(self._ends[-1]) if len(runs) else 0)
        self._read: dict[str, Floats] = {}
        self.clock: dict[str, np.ndarray[Any, Any]] = _Clock(runs)

    def __len__(self) -> int:
        return len(self._every)

    def fresh(self, name: str) -> tuple[Places, Floats]:
        if name not in self._read:
            self._read[name] = np.concatenate([columns.fresh(name)[1] for columns in self._runs])
        return self._every, self._read[name]

    def observed(self, node: Node) -> Places:
        return self._every

    def record(self, place: int) -> Record:
        run = int(np.searchsorted(self._ends, place, side="right"))
        return self._runs[run].record(place - int(self._ends[run]) + len(self._runs[run]))


def stacked(runs: Sequence[Columns]) -> Rows:
    """The records of runs, each of which :meth:`Columns.has_all` that is to be read."""
    return _Stacked(runs)
