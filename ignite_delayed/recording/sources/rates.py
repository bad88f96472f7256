"""Learning rates, and other numbers of parameter groups, as values of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._utils.checks import check_name, refuse_type, refuse_value
from ..._utils.optimizers import check_parameter, is_optimizer, read

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["Watched", "read_rates", "watched_rates"]


class Watched(NamedTuple):
    """A number in the groups of an optimizer."""

    optimizer: Optimizer
    parameter: str


def watched_rates(optimizer: Any, parameters: Any = ("lr",)) -> dict[str, Watched]:
    """What to watch, by name; ``parameters`` of each optimizer."""
    if isinstance(parameters, str) or not isinstance(parameters, Iterable):
        refuse_type("parameters", "names of numbers in the groups", parameters, "For example ('lr', 'momentum').")
    parameters = tuple(parameters)
    if optimizer is None:
        if parameters != ("lr",):
            refuse_value("parameters", "left out without optimizer=", parameters)
        return {}
    if is_optimizer(optimizer):
        return dict(_watched("", optimizer, parameters))
    if not isinstance(optimizer, Mapping):
        refuse_type("optimizer", "a torch optimizer, or optimizers by name", optimizer)
    for name, one in optimizer.items():
        check_name("an optimizer's name", name)
        if not is_optimizer(one):
            refuse_type(f"optimizer[{name!r}]", "a torch optimizer", one)
    return {key: one for name, held in optimizer.items() for key, one in _watched(f"/{name}", held, parameters)}


def _watched(suffix: str, optimizer: Optimizer, parameters: Iterable[Any]) -> list[tuple[str, Watched]]:
    checked = [check_parameter(optimizer, parameter, "an entry of parameters") for parameter in parameters]
    return [(f"{parameter}{suffix}", Watched(optimizer, parameter)) for parameter in checked]


def read_rates(watched: Mapping[str, Watched]) -> dict[str, float]:
    """What is watched, now: one name for an optimizer of one group, numbered names for several groups."""
    rates: dict[str, float] = {}
    for name, (optimizer, parameter) in watched.items():
        groups = optimizer.param_groups
        for index, group in enumerate(groups):
            rates[name if len(groups) == 1 else f"{name}/{index}"] = read(group, parameter)
    return rates
