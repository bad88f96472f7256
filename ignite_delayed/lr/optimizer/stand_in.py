"""Trying things out on an optimizer: a copy to try them on, and a way back to what it held."""

from __future__ import annotations

import copy
import types
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from .groups import clone

__all__ = ["remember", "stand_in"]


def remember(optimizer: Optimizer) -> Callable[[], None]:
    """A function that puts ``optimizer`` back as it is now, its groups in number and in everything they hold."""
    groups = list(optimizer.param_groups)
    held = [dict(group) for group in groups]
    tensors = [(value, clone(value)) for group in groups for value in group.values() if isinstance(value, torch.Tensor)]
    # Building a torch scheduler puts a step of its own in front of the method.
    attributes: dict[str, Any] = {
        name: vars(optimizer)[name] for name in ("step", "_opt_called") if name in vars(optimizer)
    }

    def put_back() -> None:
        optimizer.param_groups[:] = groups
        for group, entries in zip(groups, held, strict=True):
            group.clear()
            group.update(entries)
        for tensor, value in tensors:
            tensor.copy_(value)
        for name in ("step", "_opt_called"):
            vars(optimizer).pop(name, None)
        vars(optimizer).update(attributes)

    return put_back


def stand_in(optimizer: Optimizer) -> Optimizer:
    """A copy of ``optimizer`` of the same class and groups, with parameters of its own; its step does nothing."""
    double = copy.copy(optimizer)
    double.param_groups = [
        {name: clone(value) for name, value in group.items() if name != "params"}
        | {"params": [torch.nn.Parameter(torch.zeros(1))]}
        for group in optimizer.param_groups
    ]
    double.state = defaultdict(dict)
    double.step = types.MethodType(_no_step, double)  # type: ignore[method-assign]
    vars(double)["_opt_called"] = True  # what torch's schedulers look for, lest they warn
    return double


def _no_step(self: Optimizer, closure: Any = None) -> None:
    """Not the class's own: that may ask for a closure, and would run the user's hooks."""


vars(_no_step)["_wrapped_by_lr_sched"] = True
