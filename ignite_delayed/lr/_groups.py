"""Reading and writing the hyper-parameters of an optimizer's groups, without harm to tensors, and copies to try on."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from .._checks import check_name, refuse_type, refuse_value, suggestion

__all__ = ["check_optimizer", "check_parameter", "read", "read_all", "restore", "snapshot", "stand_in", "write"]

_BETAS = {"beta1": 0, "beta2": 1}


def check_optimizer(optimizer: Any) -> Optimizer:
    """``optimizer`` if it is one."""
    if not isinstance(optimizer, Optimizer):
        refuse_type("optimizer", "a torch optimizer", optimizer)
    return optimizer


def check_parameter(optimizer: Optimizer, parameter: Any) -> str:
    """``parameter`` if every group of ``optimizer`` has it; ``"beta1"`` and ``"beta2"`` are the entries of betas."""
    check_name("parameter", parameter)
    for group in optimizer.param_groups:
        known = [name for name in group if name != "params"] + list(_BETAS if "betas" in group else ())
        if parameter not in known:
            refuse_value("parameter", f"one of {', '.join(map(repr, known))}", parameter, suggestion(parameter, known))
    return str(parameter)


def read(group: dict[str, Any], parameter: str) -> float:
    """The value of ``parameter`` in ``group``."""
    if parameter in _BETAS:
        return float(group["betas"][_BETAS[parameter]])
    return float(group[parameter])


def read_all(optimizer: Optimizer, parameter: str) -> list[float]:
    """The values of ``parameter`` in the groups of ``optimizer``."""
    return [read(group, parameter) for group in optimizer.param_groups]


def write(group: dict[str, Any], parameter: str, value: float) -> None:
    """Set ``parameter`` in ``group``; a tensor is filled in place, since compiled optimizers hold on to it."""
    if parameter in _BETAS:
        betas = list(group["betas"])
        betas[_BETAS[parameter]] = value
        group["betas"] = tuple(betas)
    elif isinstance(group[parameter], torch.Tensor):
        group[parameter].fill_(value)
    else:
        group[parameter] = value


def snapshot(optimizer: Optimizer) -> list[dict[str, Any]]:
    """All hyper-parameters of all groups as plain values."""
    return [
        {name: _plain(value) for name, value in group.items() if name != "params"} for group in optimizer.param_groups
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.item()
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def restore(optimizer: Optimizer, saved: list[dict[str, Any]]) -> None:
    """Put back what :func:`snapshot` took; what was added to a group since is removed, groups since are left alone."""
    for group, values in zip(optimizer.param_groups, saved, strict=False):
        for name in [name for name in group if name != "params" and name not in values]:
            del group[name]
        for name, value in values.items():
            present = group.get(name)
            if isinstance(present, torch.Tensor):
                present.fill_(value)
            else:
                group[name] = tuple(value) if isinstance(value, list) else value


def stand_in(optimizer: Optimizer) -> Optimizer:
    """An optimizer of the same class and groups, with parameters of its own: stepping it trains nothing."""
    double = copy.copy(optimizer)
    double.param_groups = [
        {name: _own(value) for name, value in group.items() if name != "params"}
        | {"params": [torch.nn.Parameter(torch.zeros(1))]}
        for group in optimizer.param_groups
    ]
    double.state = type(optimizer.state)(dict)
    return double


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else copy.copy(value)
