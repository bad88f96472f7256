"""Saves the group values that somebody overwrites, and restores them when a new run starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch.optim import Optimizer

from ..._utils.checks import describe
from ...errors import StateError
from .groups import holds, is_number, read_all, restore, snapshot, write
from .stand_in import stand_in

__all__ = ["Takeover"]


class Takeover:
    """The values that the groups had before they were taken over, to be given back unless the user has set others.

    Args:
        optimizer: whose groups.
        parameter: what decides whether the user has set others.
        names: further entries of the groups that are given back.

    Attributes:
        names: all entries that are given back.
        before: what was taken over from each group, ``None`` while nothing is.
        left: the value of ``parameter`` that was written to each group last.
    """

    def __init__(self, optimizer: Optimizer, parameter: str, names: Collection[str]) -> None:
        self.optimizer, self.parameter = optimizer, parameter
        self.names = frozenset(names) | {parameter}
        self.before: list[dict[str, Any]] | None = None
        self.left: list[float] = []

    def take(self) -> None:
        """Take the values over, unless they are already."""
        if self.before is None:
            self.before = snapshot(self.optimizer, self.names)

    def note(self) -> None:
        """Note that the values are now as we have written them."""
        self.left = read_all(self.optimizer, self.parameter)

    def remember(self) -> Callable[[], None]:
        """A function that makes what was taken, and what was left, as it is now."""
        before, left = self.before, self.left

        def put_back() -> None:
            self.before, self.left = before, left

        return put_back

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

    def stand_in(self) -> Optimizer:
        """A copy of the optimizer to try things on, with the values from before the takeover."""
        double = stand_in(self.optimizer)
        if self.before is not None:
            restore(double, self.before, self.names)
        return double

    def check_groups(self, name: str, groups: list[Any]) -> None:
        """Refuse saved ``groups`` whose entries are not those taken over here, or that do not go with the optimizer's.

        Raises:
            StateError: of the state of ``name``.
        """
        present = snapshot(self.optimizer, self.names)
        # The other entries, such as initial_lr, are put there by torch's schedulers.
        needed = self.names & {self.parameter, *self.optimizer.defaults}
        if len(groups) > len(present):
            raise StateError(
                f"the state of {name!r} has {len(groups)} parameter groups, the optimizer has {len(present)}: add the "
                "groups that were unfrozen before loading"
            )
        for group, here in zip(groups, present, strict=False):
            fits = isinstance(group, Mapping) and needed <= group.keys() <= self.names
            if not fits or not all(_resembles(value, here.get(entry, value)) for entry, value in group.items()):
                raise StateError(f"the state of {name!r} is damaged: a group is {describe(group)}")


def _resembles(value: Any, present: Any) -> bool:
    if isinstance(present, list):
        return isinstance(value, list) and len(value) == len(present) and all(map(_resembles, value, present))
    return is_number(value) if is_number(present) else type(value) is type(present)
