"""The epoch at whose end a condition will first hold, found for all epochs of a run at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions import Condition
from ..conditions.node import Node
from ..history import Record
from ..history.metrics import as_float
from ..replays.columns import Rows, has_twin, judge

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Reports", "first_epoch"]


class Reports:
    """What the evaluation after each epoch of a run will report.

    Args:
        metrics: the value of each metric after an epoch.
        epochs: how many there are.
    """

    def __init__(self, metrics: Mapping[str, Callable[[int], float]], epochs: int) -> None:
        self._metrics, self._epochs = metrics, epochs
        self._said: dict[str, list[Any]] = {name: [] for name in metrics}
        self._columns: dict[str, npt.NDArray[np.float64]] = {}

    def after(self, epoch: int) -> dict[str, Any]:
        """The value of each metric after ``epoch``; whoever computes it is asked once."""
        return {name: self._up_to(name, epoch)[epoch - 1] for name in self._metrics}

    def of(self, name: str) -> npt.NDArray[np.float64] | None:
        """The values of a metric after all epochs; ``None`` where they are not known or no numbers."""
        if name in self._metrics and name not in self._columns:
            try:
                self._columns[name] = np.array([as_float(value) for value in self._up_to(name, self._epochs)])
            except Exception:  # the phases may be over by then; if they are not, it is raised in its epoch
                return None
        return self._columns.get(name)

    def _up_to(self, name: str, epoch: int) -> list[Any]:
        said = self._said[name]
        while len(said) < epoch:
            said.append(self._metrics[name](len(said) + 1))
        return said


class _EpochEnds:
    """The records at the ends of epochs, on the clock of a phase that begins after ``origin``.

    Args:
        reports: the values of the metrics that are read, after all epochs.
        origin: the iterations and epochs that were finished when the phase began.
        at_record: whether it began with the record at the end of an epoch, which it sees.
        length: of an epoch.
        epochs: of the run.
        planned: iterations of the run that shares are of, ``None`` where it is not known.
    """

    def __init__(
        self,
        reports: Mapping[str, npt.NDArray[np.float64]],
        origin: tuple[int, int],
        at_record: bool,
        length: int,
        epochs: int,
        planned: int | None,
    ) -> None:
        iterations, before = origin
        self.ends = np.arange(iterations // length + (not at_record), epochs + 1)
        self._every = np.arange(len(self.ends))
        self._reports = {name: values[self.ends - 1] for name, values in reports.items()}
        self.clock: dict[str, np.ndarray[Any, Any]] = {
            "epoch": self.ends - before,
            "iteration": self.ends * length - iterations,
            "evaluation": self._every + 1,
            "seconds": np.zeros(len(self.ends)),
            "planned": np.full(len(self.ends), -1 if planned is None else planned),
        }

    def __len__(self) -> int:
        return len(self.ends)

    def fresh(self, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Every evaluation reports all metrics."""
        return self._every, self._reports[name]

    def observed(self, node: Node) -> npt.NDArray[np.int64]:
        """Every evaluation is an observation."""
        return self._every

    def record(self, place: int) -> Record:
        """The record at a position."""
        clock: dict[str, Any] = {unit: column[place].item() for unit, column in self.clock.items()}
        clock["planned"] = None if clock["planned"] < 0 else clock["planned"]
        return Record(**clock, values={name: float(values[place]) for name, values in self._reports.items()})


def first_epoch(
    condition: Condition,
    reports: Reports,
    origin: tuple[int, int],
    at_record: bool,
    length: int,
    epochs: int,
    planned: int | None,
) -> int | None:
    """The epoch at whose end ``condition`` first holds, past the last where none is; ``None`` where nobody can tell.

    That is where it reads what is not reported, or what only the fold knows. The arguments are those of a phase that
    ``condition`` ends: see :class:`_EpochEnds`.
    """
    if not has_twin(condition):
        return None
    known: dict[str, npt.NDArray[np.float64]] = {}
    for name in condition.reads:
        values = reports.of(name)
        if values is None:
            return None
        known[name] = values
    rows: Rows = _EpochEnds(known, origin, at_record, length, epochs, planned)
    with np.errstate(all="ignore"):  # infinities and NaN are values
        holds = np.flatnonzero(judge(condition, rows) == 1)
    return int(holds[0] + epochs + 1 - len(rows)) if len(holds) else epochs + 1
