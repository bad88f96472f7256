"""What the groups held before somebody wrote to them, for when a run starts afresh."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch.optim import Optimizer

from .groups import holds, read_all, restore, snapshot, write

__all__ = ["Loan"]


class Loan:
    """Values that were taken over from the user and are given back, unless the user has set others since.

    Args:
        optimizer: whose groups.
        parameter: what decides whether the user has set others.
        names: all that is given back.
    """

    def __init__(self, optimizer: Optimizer, parameter: str, names: Collection[str]) -> None:
        self.optimizer, self.parameter = optimizer, parameter
        self.names = frozenset(names) | {parameter}
        #: What was taken over, ``None`` while nothing is.
        self.before: list[dict[str, Any]] | None = None
        #: What we left in each group when we wrote last.
        self.left: list[float] = []

    def take(self) -> None:
        """Take the values over, once; from now on they are ours to write."""
        if self.before is None:
            self.before = snapshot(self.optimizer, self.names)

    def note(self) -> None:
        """The values as they are now are ours."""
        self.left = read_all(self.optimizer, self.parameter)

    def give_back(self, left: list[float], bases: list[float]) -> None:
        """Give back what was taken, where the groups still hold ``left``; groups that came later get ``bases``."""
        before, self.before = self.before, None
        groups = self.optimizer.param_groups
        if before is None or not all(
            holds(group, self.parameter, value) for group, value in zip(groups, left, strict=False)
        ):
            return
        restore(self.optimizer, before, self.names)
        for group, base in zip(groups[len(before) :], bases[len(before) :], strict=False):
            write(group, self.parameter, base)
