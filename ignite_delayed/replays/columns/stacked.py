"""The records of many runs, one after the other, for what is decided at each record by that record alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...conditions import After, Always, And, Compare, Finite, Metric, Never, Not, Or
from ...conditions.expression import Absolute, Arithmetic, Negative, Number
from ...conditions.node import Node
from ...history.columns import Columns, Floats, Places
from ...history.record import Record

__all__ = ["Stacked", "is_pointwise"]

_POINTWISE = {After, Always, And, Compare, Finite, Metric, Never, Not, Or, Absolute, Arithmetic, Negative, Number}


def is_pointwise(node: Node) -> bool:
    """Whether ``node`` remembers nothing, where each record has all that it reads."""
    return type(node) in _POINTWISE and all(map(is_pointwise, node.parts))


def _joined(runs: Sequence[Columns], unit: str) -> np.ndarray[Any, Any]:
    """A column of time of all runs."""
    cells = b"".join([columns.clock_cells(unit) for columns in runs])
    return np.frombuffer(cells, np.float64 if unit == "seconds" else np.int64)


class _Clock(dict[str, "np.ndarray[Any, Any]"]):
    """The columns of time, each made when it is asked for."""

    def __init__(self, runs: Sequence[Columns]) -> None:
        super().__init__()
        self._runs = runs

    def __missing__(self, unit: str) -> np.ndarray[Any, Any]:
        self[unit] = column = _joined(self._runs, unit)
        return column


class Stacked:
    """The records of runs, one run after another, whose records are all evaluations, each at an iteration of its own.

    Args:
        runs: those to choose from.
        reads: the metrics that each record must have.

    Attributes:
        places: which of ``runs`` they are.
        starts, lengths: where each begins, and how many records it has.
    """

    def __init__(self, runs: Sequence[Columns], reads: Iterable[str]) -> None:
        reads = sorted(reads)
        places = np.flatnonzero([columns.has_all(reads) for columns in runs])
        self._runs = [runs[place] for place in places.tolist()]
        lengths = np.array(list(map(len, self._runs)), dtype=np.int64)
        iterations = _joined(self._runs, "iteration")
        again = np.flatnonzero(iterations[1:] == iterations[:-1]) + 1
        ends = np.cumsum(lengths)
        shares = np.searchsorted(ends, again, side="right")
        inside = again > (ends - lengths)[shares]
        if inside.any():
            alone = np.delete(np.arange(len(places)), shares[inside])
            places, lengths, self._runs = places[alone], lengths[alone], [self._runs[one] for one in alone.tolist()]
        self.places, self.lengths = places, lengths
        self.starts = np.cumsum(lengths) - lengths
        self._every = np.arange(int(lengths.sum()))
        self._read: dict[str, Floats] = {}
        self.clock: dict[str, np.ndarray[Any, Any]] = _Clock(self._runs)

    def __len__(self) -> int:
        return len(self._every)

    def fresh(self, name: str) -> tuple[Places, Floats]:
        if name not in self._read:
            self._read[name] = np.frombuffer(b"".join([columns.metric_cells(name) for columns in self._runs]))
        return self._every, self._read[name]

    def observed(self, node: Node) -> Places:
        return self._every

    def record(self, place: int) -> Record:
        run = int(np.searchsorted(self.starts + self.lengths, place, side="right"))
        record: Record = self._runs[run].record(place - int(self.starts[run]))
        return record
