"""Saves the group values that somebody overwrites, and restores them when a new run starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch.optim import Optimizer

from ..._utils.checks import describe
from ...errors import StateError
from .groups import (
    base_value,
    defaults_of,
    holds,
    is_note,
    is_number,
    note_names,
    read,
    read_all,
    restore,
    scale_of,
    snapshot,
    write,
)
from .selection import group_labels
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
        self._initial, self._left = note_names(parameter)
        self.names = frozenset(names) | {parameter, self._initial, self._left}
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
        if before is None:
            return
        if not all(holds(group, self.parameter, value) for group, value in zip(groups, left, strict=False)):
            self.mark(left)  # so that it shows which of them the user has set
            return
        restore(self.optimizer, before, self.names)
        for group, base in zip(groups[len(before) :], bases[len(before) :], strict=False):
            write(group, self.parameter, base)

    def give_back_others(self) -> None:
        """Give back what a torch scheduler has moved beside :attr:`parameter`, such as the momentum; it has ended."""
        others = {name for name in self.names if name != self.parameter and not is_note(name)}
        restore(self.optimizer, self.before or [], others)

    def bases(self) -> tuple[list[float], str]:
        """The base value of each group, and what to say where a group holds another than it notes."""
        groups, labels, told = self.optimizer.param_groups, group_labels(self.optimizer), []
        bases = [base_value(group, self.parameter) for group in groups]
        for label, group, base in zip(labels, groups, bases, strict=True):
            found = read(group, self.parameter)
            noted = float(group.get(self._initial, found))
            if found != noted:
                told.append(f"{label} has {found:.6g}, and {noted:.6g} as its {self._initial}: base {base:.6g}")
        if not told:
            return bases, ""
        choose = f"for the other set group[{self.parameter!r}] before, and group.pop({self._initial!r}, None)"
        return bases, f"{'; '.join(told)} ({choose})"

    def note_bases(self, bases: list[float], *, again: bool = True) -> None:
        """Note the base values in the groups, also where one is noted already if ``again``."""
        for group, base in zip(self.optimizer.param_groups, bases, strict=False):
            if again or self._initial not in group:
                group[self._initial] = base

    def write(self, bases: list[float]) -> None:
        """Write ``bases`` to the groups, each with its scale."""
        for group, base in zip(self.optimizer.param_groups, bases, strict=False):
            write(group, self.parameter, base * scale_of(group, self.parameter))

    def read_bases(self) -> list[float]:
        """The values of the groups as bases, where what they hold was written with their scales."""
        groups, parameter = self.optimizer.param_groups, self.parameter
        return [read(group, parameter) / (scale_of(group, parameter) or 1.0) for group in groups]

    @property
    def noted(self) -> bool:
        """Whether the groups say what their base values are, as whoever writes them has them do."""
        return any(self._initial in group for group in self.optimizer.param_groups)

    @property
    def marked(self) -> bool:
        """Whether the groups say what was left there."""
        return any(self._left in group for group in self.optimizer.param_groups)

    def mark(self, left: list[float]) -> None:
        """Note in the groups that ``left`` is what was written last; while values are written no note says so.

        A note that is true is that of others, who have written since.
        """
        for group, value in zip(self.optimizer.param_groups, left, strict=False):
            if self._left not in group or not holds(group, self.parameter, float(group[self._left])):
                group[self._left] = value

    def unmark(self) -> None:
        """Take the notes of :meth:`mark` away: values are written again."""
        for group in self.optimizer.param_groups:
            group.pop(self._left, None)

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
        notes = {self._initial: 0.0, self._left: 0.0}  # numbers, also where there are none so far
        present = [notes | group for group in snapshot(self.optimizer, self.names)]
        # The other entries, such as initial_lr, are put there by torch's schedulers.
        needed = self.names & {self.parameter, *defaults_of(self.optimizer)}
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
