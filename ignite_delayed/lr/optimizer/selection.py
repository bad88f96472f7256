"""Some groups of an optimizer, as an optimizer that has no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from torch.optim import Optimizer

from ..._utils.checks import refuse_type, refuse_value, suggestion
from .groups import check_optimizer, defaults_of

__all__ = ["Selector", "check_apart", "group_labels", "select_groups", "selector_label"]

#: A group by its number or its name, several in a list, or a function of a group.
Selector: TypeAlias = "int | str | Iterable[int | str] | Callable[[dict[str, Any]], bool]"


class _Selection(Optimizer):
    """The groups of an optimizer that are chosen, those that are added later among them; it holds none of its own."""

    def __init__(self, optimizer: Optimizer, chosen: Callable[[int, dict[str, Any]], bool]) -> None:
        # Not torch's constructor, which builds groups. The user steps the optimizer itself, which torch's schedulers
        # would otherwise miss here.
        self.optimizer, self._chosen = optimizer, chosen
        self._opt_called = True
        self._whole: Any = None
        self._size = 0
        self._groups: list[dict[str, Any]] = []

    def _select(self) -> list[dict[str, Any]]:
        whole = self.optimizer.param_groups
        if whole is not self._whole or len(whole) != self._size:  # at each step, so it is looked up once
            self._whole, self._size = whole, len(whole)
            found = [group for index, group in enumerate(whole) if self._chosen(index, group)]
            if [*map(id, found)] != [*map(id, self._groups)]:
                self._groups = found
        return self._groups

    param_groups: Any = property(_select)
    state: Any = property(lambda self: self.optimizer.state)
    defaults: Any = property(lambda self: defaults_of(self.optimizer))
    gradient_state: Any = property(lambda self: getattr(self.optimizer, "gradient_state", None))  # of accelerate's

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


def select_groups(optimizer: Any, groups: Selector | None) -> Optimizer:
    """``optimizer`` with only the chosen ``groups``; all of them for ``None``.

    Raises:
        TypeError, ValueError: where that is no choice, or where it chooses nothing.
    """
    check_optimizer(optimizer)
    if groups is None:
        return optimizer  # type: ignore[no-any-return]
    names = group_labels(optimizer)
    if callable(groups):
        asked = groups

        def chosen(index: int, group: dict[str, Any]) -> bool:
            return bool(asked(group))

    else:
        wanted = _wanted(groups)
        for one in wanted:
            if one not in range(len(names)) and not any(group.get("name") == one for group in optimizer.param_groups):
                refuse_value("groups", f"among the groups of the optimizer, {_listed(names)}", one, _how(names, one))

        def chosen(index: int, group: dict[str, Any]) -> bool:
            return index in wanted or group.get("name") in wanted

    selection = _Selection(optimizer, chosen)
    if not selection.param_groups:
        refuse_value("groups", f"a choice of some of the groups, {_listed(names)}", groups)
    return selection


def _wanted(groups: Any) -> list[int | str]:
    if isinstance(groups, (Mapping, Iterator)):
        refuse_type("groups", "numbers or names of groups", groups, "Several are given in a list.")
    several = [groups] if isinstance(groups, (int, str)) or not isinstance(groups, Iterable) else list(groups)
    for one in several:
        if isinstance(one, bool) or not isinstance(one, (int, str)):
            hint = "For example groups='head', groups=[0, 1], or a function of a group."
            refuse_type("groups", "numbers or names of groups", one, hint)
    return several


def _group_label(index: int, group: Mapping[str, Any]) -> str:
    """What a group is called: by its name, if it has one."""
    name = group.get("name")
    return name if isinstance(name, str) and name else f"group {index}"


def group_labels(optimizer: Any) -> list[str]:
    """What the groups of ``optimizer`` are called, numbered as in the whole of which they may be a choice."""
    whole = optimizer.optimizer if isinstance(optimizer, _Selection) else optimizer
    numbers = {id(group): index for index, group in enumerate(whole.param_groups)}
    return [_group_label(numbers[id(group)], group) for group in optimizer.param_groups]


def selector_label(groups: Selector | None) -> str:
    """What a choice of groups is called."""
    if groups is None:
        return "all groups"
    if callable(groups):
        return getattr(groups, "__name__", type(groups).__name__)
    return ", ".join(map(str, _wanted(groups)))


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")


def _how(names: list[str], asked: int | str) -> str:
    if any(name != f"group {index}" for index, name in enumerate(names)):
        return suggestion(asked, names) if isinstance(asked, str) else ""
    return "They have no names: give numbers, or build groups with one: {'params': ..., 'name': 'head'}."


def check_apart(optimizer: Any, choices: Mapping[Any, Any]) -> None:
    """Refuse choices of groups, by which each is to get something of its own, that overlap or leave groups out.

    Raises:
        ValueError: with the groups that are concerned.
    """
    taken: dict[int, str] = {}
    for choice in choices:
        for group in select_groups(optimizer, choice).param_groups:
            if id(group) in taken:
                here = f"{taken[id(group)]} and {selector_label(choice)}"
                raise ValueError(f"groups {here} overlap: each group of the optimizer has one schedule")
            taken[id(group)] = selector_label(choice)
    left = [_group_label(index, group) for index, group in enumerate(optimizer.param_groups) if id(group) not in taken]
    if left:
        raise ValueError(
            f"no schedule is given for {_listed(left)}: add one (Constant() keeps the rate), or call this with groups= "
            "for those that are to be scheduled"
        )
