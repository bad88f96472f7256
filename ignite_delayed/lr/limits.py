"""Limits of the values of groups: one number, or one for each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from torch.optim import Optimizer

from .._utils.checks import check_real, refuse_value

__all__ = ["Bound", "bound_of", "check_bound", "check_each_group"]

Bound: TypeAlias = float | list[float] | tuple[float, ...]


def check_bound(argument: str, value: Any) -> float | list[float]:
    """``value`` as a number >= 0, or as a list of them."""
    if not isinstance(value, (list, tuple)):
        return check_real(argument, value, least=0)
    if not value:
        refuse_value(argument, "one number, or one for each group", value)
    return [check_real(f"an entry of {argument}", entry, least=0) for entry in value]


def check_each_group(argument: str, bound: float | Sequence[float], optimizer: Optimizer) -> None:
    """Refuse a list that has not one number for each group of ``optimizer``."""
    groups = len(optimizer.param_groups)
    if isinstance(bound, (list, tuple)) and len(bound) != groups:
        refuse_value(argument, f"one number, or one for each of the {groups} groups", bound)


def bound_of(bound: Bound, index: int) -> float:
    """The bound of group ``index``; a group that was added later has the last."""
    return bound[min(index, len(bound) - 1)] if isinstance(bound, (list, tuple)) else bound
