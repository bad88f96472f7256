"""Trying things out on an optimizer: a plain one to try them on, a look at whether it changed, and a way back."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from .groups import clone, defaults_of

__all__ = ["contents", "remember", "stand_in"]

# Building a torch scheduler puts a step of its own in front of the method.
_PATCHED = ("step", "_opt_called")


def remember(optimizer: Optimizer) -> Callable[[], None]:
    """A function that puts ``optimizer`` back as it is now, its groups in number and in everything they hold."""
    container, groups = optimizer.param_groups, list(optimizer.param_groups)
    held = [dict(group) for group in groups]
    tensors = [(value, clone(value)) for group in groups for value in group.values() if isinstance(value, torch.Tensor)]
    attributes = {name: value for name, value in _attributes(optimizer).items() if name in _PATCHED}

    def put_back() -> None:
        if isinstance(container, list):
            container[:] = groups
        if list(map(id, optimizer.param_groups)) != list(map(id, groups)):
            optimizer.param_groups = container
        for group, entries in zip(groups, held, strict=True):
            group.clear()
            group.update(entries)
        for tensor, value in tensors:
            tensor.copy_(value)
        for name in _PATCHED:
            _attributes(optimizer).pop(name, None)
        _attributes(optimizer).update(attributes)

    return put_back


def _attributes(optimizer: Optimizer) -> dict[str, Any]:
    """Those of its own: a wrapper with slots has none, unless it answers with those of what it wraps."""
    attributes: dict[str, Any] = getattr(optimizer, "__dict__", {})
    return attributes


def contents(optimizer: Optimizer) -> list[Any]:
    """What ``optimizer`` holds, to be compared with later: tensors by identity and by how often they were written."""
    groups = optimizer.param_groups
    state = getattr(optimizer, "state", None)
    kept = dict(state) if isinstance(state, Mapping) else {}
    return [
        [id(group) for group in groups],
        [{name: _mark(value) for name, value in group.items()} for group in groups],
        {id(parameter): _mark(entries) for parameter, entries in kept.items()},
    ]


def _mark(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        # Inference tensors do not count how often they were written.
        return id(value), 0 if value.is_inference() else value._version
    if isinstance(value, dict):
        return {key: _mark(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mark(entry) for entry in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else id(value)


class _StandIn(Optimizer):
    """Its own class, since torch wraps the step of the class that it builds."""


def stand_in(optimizer: Optimizer) -> Optimizer:
    """A plain optimizer with the groups and defaults of ``optimizer``, of which it holds nothing that can be written.

    It is of no class of the user's: none of their methods, setters or hooks can run. Its parameters have the shapes of
    the optimizer's without their memory, and its step does nothing.
    """
    double = _StandIn([torch.zeros(1)], {})
    double.defaults = {name: clone(value) for name, value in defaults_of(optimizer).items()}
    double.param_groups = [
        {name: clone(value) for name, value in group.items() if name != "params"}
        | {"params": [_blank(parameter) for parameter in group["params"]]}
        for group in optimizer.param_groups
    ]
    double.step = types.MethodType(_no_step, double)  # type: ignore[method-assign]
    vars(double)["_opt_called"] = True  # what torch's schedulers look for, lest they warn
    return double


def _blank(parameter: torch.Tensor) -> torch.nn.Parameter:
    shape = (0,) if is_lazy(parameter) else parameter.shape
    zero = torch.zeros((), dtype=parameter.dtype).expand(shape)
    return torch.nn.Parameter(zero, requires_grad=parameter.requires_grad)


def _no_step(self: Optimizer, closure: Any = None) -> None:
    """Not the class's own: that would run the hooks of all optimizers."""


vars(_no_step)["_wrapped_by_lr_sched"] = True
