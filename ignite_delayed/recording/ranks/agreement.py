"""Agreement between processes: one collective an evaluation, before anything branches on what was measured."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..._utils.checks import refuse_value
from ..._utils.text import logger_of
from ...history.metrics import source_label
from .meeting import Errand, Meeting, rank_list

__all__ = ["Agreed", "Agreement", "mean"]

logger = logger_of("Recorder")

# Beyond what reductions in single precision differ by between two orders of adding.
_ROUNDING = 1e-5


class Agreed(NamedTuple):
    """What all ranks take an evaluation for."""

    status: int
    values: dict[str, float]
    #: Why a metric that some ranks report is not among the values.
    lacking: dict[str, str]
    seconds: float


class Agreement:
    """Makes the values of a record equal on all ranks.

    Args:
        sync: ``"rank0"`` takes those of rank 0, ``"mean"`` the mean over the ranks, ``None`` leaves each its own.
        group: the process group that agrees; ``None`` for all processes.

    Attributes:
        meeting: where the ranks meet for it.
    """

    def __init__(self, sync: Any, group: Any = None) -> None:
        if sync not in ("rank0", "mean", None):
            refuse_value("sync", "'rank0', 'mean' or None", sync)
        self.sync = sync
        self.meeting = Meeting(group)
        self._order: tuple[int, list[str]] = (-1, [])
        self._told: set[str] = set()

    def begin(self, training: str) -> None:
        """A run of that ``training`` begins: forget what was agreed before."""
        self.meeting.begin(training)
        self._order = (-1, [])
        self._told.clear()

    @property
    def needed(self) -> bool:
        """Whether there is anybody to agree with."""
        return self.meeting.world > 1 and self.sync is not None

    def agree(self, source: str, status: int, iteration: int, values: dict[str, float], seconds: float) -> Agreed:
        """What all ranks take the evaluation of ``source`` for; every rank calls this for every evaluation.

        Raises:
            DesyncError: where the ranks do not evaluate the same at the same trainer iterations, in the same order.
        """
        table = self.meeting.gather(
            self._errand(source_label(source), iteration),
            {"status": int(status), "seconds": seconds, "values": values},
        )
        values_by_rank = {rank: row["values"] for rank, row in zip(self.meeting.ranks, table, strict=True)}
        merged, lacking = self._merged(values_by_rank)
        return Agreed(max(row["status"] for row in table), merged, lacking, table[0]["seconds"])

    def _errand(self, who: str, iteration: int) -> Errand:
        before, order = self._order
        order = [*order, who] if before == iteration else [who]
        self._order = (iteration, order)
        does = f"runs {who}, its evaluation {self.meeting.count(who) + 1}"
        return Errand(who, does, "evaluated", ", then ".join(order), iteration)

    def _merged(self, table: dict[int, dict[str, float]]) -> tuple[dict[str, float], dict[str, str]]:
        """The values by name, and why a metric that some rank reports is not among them."""
        merged: dict[str, float] = {}
        lacking: dict[str, str] = {}
        first = self.meeting.ranks[0]
        for name in sorted(set().union(*table.values())):
            without = [rank for rank, values in table.items() if name not in values]
            column = {rank: values[name] for rank, values in table.items() if name in values}
            if without and (self.sync == "mean" or first in without):
                lacking[name] = f"{rank_list(without)} did not report it as a number"
            else:
                merged[name] = column[first] if self.sync == "rank0" else mean(list(column.values()))
            self._tell_difference(name, column, without, recorded=name in merged)
        return merged, lacking

    def _tell_difference(self, name: str, column: dict[int, float], without: list[int], *, recorded: bool) -> None:
        if name in self._told or not (without or _differ(list(column.values()))):
            return
        self._told.add(name)
        taken = f"that of rank {self.meeting.ranks[0]} is recorded" if self.sync == "rank0" else "the mean is recorded"
        if without:
            logger.warning(
                "metric %r is missing on %s: %s. (Said once a run.)",
                name,
                rank_list(without),
                taken if recorded else "it is not recorded",
            )
        else:
            listed = ", ".join(f"{value:g} on rank {rank}" for rank, value in column.items())
            logger.warning("metric %r differs between ranks: %s; %s. (Said once a run.)", name, listed, taken)


def _differ(column: list[float]) -> bool:
    first = column[0]
    return not all(
        math.isclose(first, other, rel_tol=_ROUNDING) or (first != first and other != other) for other in column
    )


def mean(column: list[float]) -> float:
    """The mean of what the ranks measured."""
    return math.fsum(column) / len(column) if all(map(math.isfinite, column)) else sum(column)
