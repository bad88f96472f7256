"""Learning rates as values of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._utils.checks import check_name, refuse_type
from ..._utils.optimizers import is_optimizer

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["read_rates", "watched_rates"]


def watched_rates(optimizer: Any) -> dict[str, Optimizer]:
    """The optimizers to watch, by the name of their rates."""
    if optimizer is None:
        return {}
    if is_optimizer(optimizer):
        return {"lr": optimizer}
    if not isinstance(optimizer, Mapping):
        refuse_type("optimizer", "a torch optimizer, or optimizers by name", optimizer)
    for name, one in optimizer.items():
        check_name("an optimizer's name", name)
        if not is_optimizer(one):
            refuse_type(f"optimizer[{name!r}]", "a torch optimizer", one)
    return {f"lr/{name}": one for name, one in optimizer.items()}


def read_rates(watched: Mapping[str, Optimizer]) -> dict[str, float]:
    """The rates now: one name for an optimizer of one group, numbered names for several groups."""
    rates: dict[str, float] = {}
    for name, optimizer in watched.items():
        groups = optimizer.param_groups
        for index, group in enumerate(groups):
            rates[name if len(groups) == 1 else f"{name}/{index}"] = float(group["lr"])
    return rates
