"""Agreement between processes: one collective an evaluation, before anything branches on what was measured."""

from __future__ import annotations

import logging
import math
import zlib
from typing import Any, NamedTuple

import ignite.distributed as idist
import torch

from .._utils.checks import refuse_value
from ..errors import DesyncError
from ..history.metrics import source_label
from .host import group_store

__all__ = ["Agreed", "Agreement"]

logger = logging.getLogger("ignite_delayed.Recorder")

# Beyond what reductions in single precision differ by between two orders of adding.
_ROUNDING = 1e-5
_HEAD = 4  # fields before the values: status, iteration, seconds, fingerprint of the names


class Agreed(NamedTuple):
    """What all ranks take an evaluation for."""

    status: int
    values: dict[str, float]
    seconds: float


class Agreement:
    """Makes the values of a record equal on all ranks.

    Args:
        sync: ``"rank0"`` takes those of rank 0, ``"mean"`` the mean over the ranks, ``None`` leaves each its own.
    """

    def __init__(self, sync: Any) -> None:
        if sync not in ("rank0", "mean", None):
            refuse_value("sync", "'rank0', 'mean' or None", sync)
        self.sync = sync
        #: The number of processes.
        self.world = 1
        self._names: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._told: set[str] = set()

    def begin(self) -> None:
        """A run begins: look once how many processes there are, and forget what was agreed before."""
        self.world = idist.get_world_size()
        self._names.clear()
        self._counts.clear()
        self._told.clear()

    @property
    def needed(self) -> bool:
        """Whether there is anybody to agree with."""
        return self.world > 1 and self.sync is not None

    def agree(self, source: str, status: int, iteration: int, values: dict[str, float], seconds: float) -> Agreed:
        """What all ranks take the evaluation of ``source`` for; every rank calls this for every evaluation.

        Raises:
            DesyncError: where the ranks do not evaluate at the same trainer iterations.
        """
        self._counts[source] = self._counts.get(source, 0) + 1
        _announce(source, self._counts[source], iteration)
        table = self._gather(source, status, iteration, seconds, values)
        while len({row[3] for row in table}) > 1 or table[0][3] < 0:
            self._names[source] = self._all_names(values)
            table = self._gather(source, status, iteration, seconds, values)
        worst = max(int(row[0]) for row in table)
        return Agreed(worst, self._merged(source, table), table[0][2])

    def _fingerprint(self, source: str, values: dict[str, float]) -> float:
        """Of the names that were agreed on, equal on all ranks; -1 to ask for another look at them."""
        names = self._names.get(source)
        if names is None or not values.keys() <= set(names):
            return -1.0
        return float(zlib.crc32("\n".join(names).encode()))

    def _gather(
        self, source: str, status: int, iteration: int, seconds: float, values: dict[str, float]
    ) -> list[list[float]]:
        """One row of numbers from each rank: the head, then value and presence of each name."""
        row = [float(status), float(iteration), seconds, self._fingerprint(source, values)]
        for name in self._names.get(source, ()):
            row += [values.get(name, math.nan), float(name in values)]
        numbers = torch.tensor(row, dtype=torch.float64, device=idist.device())
        try:
            gathered = idist.all_gather(numbers)
        except RuntimeError as error:
            raise DesyncError(_who_is_missing(source, self._counts[source], iteration, error)) from error
        cells: list[float] = gathered.tolist()  # type: ignore[union-attr]
        if len(cells) != len(row) * self.world:
            raise DesyncError(f"the ranks' collectives got mixed up: {len(cells)} numbers for {self.world} ranks")
        table = [cells[start : start + len(row)] for start in range(0, len(cells), len(row))]
        self._check_iterations(source, table)
        return table

    def _check_iterations(self, source: str, table: list[list[float]]) -> None:
        iterations = [int(row[1]) for row in table]
        if len(set(iterations)) > 1:
            listed = ", ".join(f"rank {rank} at iteration {at}" for rank, at in enumerate(iterations))
            raise DesyncError(
                f"the ranks do not evaluate at the same trainer iterations: {listed}. Run {source_label(source)} "
                "equally often on all of them; an evaluation on rank 0 alone is named by "
                "Recorder(..., evaluate_on='rank0')"
            )

    def _all_names(self, values: dict[str, float]) -> list[str]:
        gathered: list[Any] = idist.all_gather(sorted(values))  # type: ignore[assignment]
        return sorted({name for names in gathered for name in names})

    def _merged(self, source: str, table: list[list[float]]) -> dict[str, float]:
        merged: dict[str, float] = {}
        for index, name in enumerate(self._names[source]):
            at = _HEAD + 2 * index
            column = [row[at] for row in table]
            present = [bool(row[at + 1]) for row in table]
            self._tell_difference(name, column)
            if self.sync == "rank0" and present[0]:
                merged[name] = column[0]
            elif self.sync == "mean" and all(present):
                merged[name] = math.fsum(column) / len(column) if all(map(math.isfinite, column)) else sum(column)
        return merged

    def _tell_difference(self, name: str, column: list[float]) -> None:
        first = column[0]
        alike = all(
            math.isclose(first, other, rel_tol=_ROUNDING) or (first != first and other != other) for other in column
        )
        if not alike and name not in self._told:
            self._told.add(name)
            listed = ", ".join(f"{value:g} on rank {rank}" for rank, value in enumerate(column))
            taken = "that of rank 0" if self.sync == "rank0" else "the mean"
            logger.warning(
                "metric %r differs between ranks: %s; %s is recorded. (Said once a run.)", name, listed, taken
            )


def _key(source: str, rank: int) -> str:
    return f"ignite-delayed/{source}/{rank}"


def _announce(source: str, count: int, iteration: int) -> None:
    store = group_store()
    if store is not None:
        store.set(_key(source, idist.get_rank()), f"{count} {iteration}")


def _who_is_missing(source: str, count: int, iteration: int, error: RuntimeError) -> str:
    """Name the ranks that did not come to this evaluation, as far as can still be found out."""
    text = f"rank {idist.get_rank()} runs {source_label(source)}, its evaluation {count}, "
    text += f"at trainer iteration {iteration}, and not every rank came to agree on it"
    for rank in range(idist.get_world_size()):
        try:
            store = group_store()
            there = store.get(_key(source, rank)).decode().split() if store.check([_key(source, rank)]) else None
        except Exception:  # the store lives on rank 0, which may be gone
            break
        if there is None:
            text += f"; rank {rank} has not evaluated at all"
        elif int(there[0]) != count:
            text += f"; rank {rank} evaluated {there[0]} times, last at iteration {there[1]}"
    text += ". Run it equally often on all ranks, or name an evaluation on rank 0 alone: evaluate_on='rank0'"
    return f"{text} ({error})"
