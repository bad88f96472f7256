"""Reading and writing the hyper-parameters of an optimizer's groups, without harm to tensors."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch.optim import Optimizer

from ..._utils.checks import refuse_type
from ..._utils.optimizers import BETAS, check_parameter, is_note, is_number, is_optimizer, read
from ..._utils.saving import plain

__all__ = [
    "BELOW_1",
    "BETAS",
    "base_value",
    "check_bases",
    "check_optimizer",
    "check_parameter",
    "check_scales",
    "clone",
    "defaults_of",
    "holds",
    "is_note",
    "is_number",
    "note_names",
    "read",
    "read_all",
    "restore",
    "scale_of",
    "share_groups",
    "snapshot",
    "write",
]

Groups = list[dict[str, Any]]

BELOW_1 = ("momentum", *BETAS)  # an average that never forgets never learns


def check_optimizer(optimizer: Any) -> Optimizer:
    """``optimizer`` if it is one, or wraps one and shows its groups."""
    if not is_optimizer(optimizer):
        refuse_type("optimizer", "a torch optimizer, or a wrapper of one that has its param_groups", optimizer)
    checked: Optimizer = optimizer
    return checked


def defaults_of(optimizer: Optimizer) -> dict[str, Any]:
    """What a new group is given for what it does not say; a wrapper need not tell."""
    return dict(getattr(optimizer, "defaults", None) or {})


def share_groups(one: Optimizer, other: Optimizer) -> bool:
    """Whether a rate that is written to ``one`` is also that of ``other``: the same, or one wraps the other."""
    groups = {id(group) for group in one.param_groups}
    return any(id(group) in groups for group in other.param_groups)


def read_all(optimizer: Optimizer, parameter: str) -> list[float]:
    """The values of ``parameter`` in the groups of ``optimizer``."""
    return [read(group, parameter) for group in optimizer.param_groups]


def write(group: dict[str, Any], parameter: str, value: Any) -> None:
    """Set ``parameter`` in ``group``; a tensor is filled in place, since compiled optimizers hold on to it."""
    if parameter in BETAS:
        betas = list(group["betas"])
        betas[BETAS[parameter]] = value
        group["betas"] = tuple(betas)
        return
    present = group.get(parameter)
    if isinstance(present, torch.Tensor):
        present.fill_(value)
    else:
        group[parameter] = tuple(value) if isinstance(present, tuple) else value


def base_value(group: dict[str, Any], parameter: str) -> float:
    """What a schedule's factors are of: the ``initial_lr`` that ``group`` notes, unless the user has set a rate since.

    What was found is the user's where it is not what the note of a schedule that has ended says was left.
    """
    initial, left = note_names(parameter)
    found = read(group, parameter)
    noted = float(group.get(initial, 0.0))  # 0 is that of a group that was frozen
    if not noted or (left in group and not holds(group, parameter, float(group[left]))):
        return found
    return noted


def scale_of(group: dict[str, Any], parameter: str) -> float:
    """What multiplies every value of ``parameter`` in ``group``: timm's ``lr_scale``, where it has one.

    As timm has it, a base rate is without it, and what a batch trains at is with it.
    """
    if parameter != "lr" or "lr_scale" not in group:
        return 1.0
    scale = group["lr_scale"]
    if not is_number(scale):
        refuse_type("lr_scale of a group", "a number", scale, "timm's schedulers and these multiply the rate by it.")
    return float(scale)


def check_scales(optimizer: Optimizer, parameter: str) -> None:
    """Refuse scales of groups that are no numbers."""
    for group in optimizer.param_groups:
        scale_of(group, parameter)


def check_bases(parameter: str, bases: list[float]) -> None:
    """Refuse rates to multiply that are all 0; one that is may belong to a group that is unfrozen later."""
    if parameter == "lr" and not any(bases):
        raise ValueError(
            "a schedule multiplies the rates of the optimizer, and all of them are 0: build it with lr > 0, or set "
            "optimizer.param_groups[0]['lr'] first (a warm-up that begins at 0 may have been cut off there)"
        )


def note_names(parameter: str) -> tuple[str, str]:
    """The entries that note the base value of ``parameter``, as torch does, and what a schedule left when it ended."""
    return f"initial_{parameter}", f"left_{parameter}"


def holds(group: dict[str, Any], parameter: str, value: float) -> bool:
    """Whether ``parameter`` in ``group`` is what writing ``value`` leaves there: a tensor rounds it."""
    present = group.get(parameter)
    if isinstance(present, torch.Tensor):
        value = torch.full_like(present, value).item()
    return read(group, parameter) == value


def snapshot(optimizer: Optimizer, names: Collection[str]) -> Groups:
    """``names`` of all groups as plain values, without those that a group lacks."""
    return [
        {name: _plain_value(group, name) for name in sorted(names) if name in group or name in BETAS}
        for group in optimizer.param_groups
    ]


def _plain_value(group: dict[str, Any], name: str) -> Any:
    value = read(group, name) if name in BETAS else group[name]
    if isinstance(value, torch.Tensor):
        return value.item()
    return plain(value)


def restore(optimizer: Optimizer, saved: Groups, names: Collection[str]) -> None:
    """Put back what :func:`snapshot` took; groups that were added since are left alone."""
    for group, values in zip(optimizer.param_groups, saved, strict=False):
        for name in names:
            if name in values:
                write(group, name, values[name])
            else:
                group.pop(name, None)


def clone(value: Any) -> Any:
    """A copy of ``value`` that shares nothing with it."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else copy.copy(value)
