"""What an optimizer is, to those who read and write its groups: wrappers need not be torch's by class."""

from __future__ import annotations

from typing import Any

from .checks import check_name, refuse_value, suggestion

__all__ = ["BETAS", "check_parameter", "is_note", "is_number", "is_optimizer", "read"]

BETAS = {"beta1": 0, "beta2": 1}

# What torch's schedulers note in the groups for themselves.
_NOTES_OF_TORCH = {"base_momentum", "initial_lr", "max_lr", "max_momentum", "min_lr"}


def is_optimizer(value: Any) -> bool:
    """Whether ``value`` has parameter groups as torch's optimizers do, of its own or of an optimizer it wraps."""
    groups = getattr(value, "param_groups", None)
    if not isinstance(groups, (list, tuple)) or not groups:
        return False
    return all(isinstance(group, dict) and "params" in group for group in groups)


def check_parameter(optimizer: Any, parameter: Any, argument: str = "parameter") -> str:
    """``parameter`` if it is a number in every group of ``optimizer``; ``"beta1"``, ``"beta2"`` are those of betas.

    ``"betas"`` is the first of them, as torch's OneCycleLR has it, which is the momentum of Adam and its like.
    """
    check_name(argument, parameter)
    parameter = "beta1" if parameter == "betas" else parameter
    for group in optimizer.param_groups:
        known = [name for name, value in group.items() if name != "params" and not is_note(name) and _is_scalar(value)]
        known += list(BETAS if "betas" in group else ())
        if parameter not in known:
            hint = suggestion(parameter, known)
            if parameter == "momentum" and "betas" in group:
                hint = f"The momentum of {type(optimizer).__name__} is its first beta: {argument}='beta1'."
            refuse_value(argument, f"one of {', '.join(map(repr, known))}", parameter, hint)
    return str(parameter)


def is_note(name: str) -> bool:
    """Whether the entry ``name`` of a group is what a scheduler or a schedule keeps there for itself."""
    return name in _NOTES_OF_TORCH or name.startswith(("initial_", "left_"))


def is_number(value: Any) -> bool:
    """Whether ``value`` is an ``int`` or a ``float``; a bool is no number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    return is_number(value) or (hasattr(value, "numel") and value.numel() == 1)


def read(group: dict[str, Any], parameter: str) -> float:
    """The value of ``parameter`` in ``group``."""
    if parameter in BETAS:
        return float(group["betas"][BETAS[parameter]])
    return float(group[parameter])
