"""What an optimizer is, to those who read and write its groups: wrappers need not be torch's by class."""

from __future__ import annotations

from typing import Any

__all__ = ["is_optimizer"]


def is_optimizer(value: Any) -> bool:
    """Whether ``value`` has parameter groups as torch's optimizers do, of its own or of an optimizer it wraps."""
    groups = getattr(value, "param_groups", None)
    if not isinstance(groups, (list, tuple)) or not groups:
        return False
    return all(isinstance(group, dict) and "params" in group for group in groups)
