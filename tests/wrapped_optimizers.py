"""Wrappers of optimizers as people write them: none has groups of its own, and each gets in the way differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

__all__ = ["OF_TORCH", "WRAPPERS"]


class WritesThrough(Optimizer):
    """As accelerate's and Opacus': torch's by class, without its constructor; its setters write to the wrapped one."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    @property
    def param_groups(self) -> Any:
        return self.optimizer.param_groups

    @param_groups.setter
    def param_groups(self, groups: Any) -> None:
        self.optimizer.param_groups = groups

    @property
    def state(self) -> Any:
        return self.optimizer.state

    @state.setter
    def state(self, state: Any) -> None:
        self.optimizer.state = state

    @property
    def defaults(self) -> Any:
        return self.optimizer.defaults

    @defaults.setter
    def defaults(self, defaults: Any) -> None:
        self.optimizer.defaults = defaults

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


class ReadOnly(Optimizer):
    """Torch's by class, with properties that cannot be set."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    param_groups = property(lambda self: self.optimizer.param_groups)
    state = property(lambda self: self.optimizer.state)
    defaults = property(lambda self: self.optimizer.defaults)

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


class Lookahead(Optimizer):
    """Torch's by class, with the groups of another and defaults, state and a counter of its own."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.param_groups = optimizer.param_groups
        self.state = optimizer.state
        self.defaults = optimizer.defaults | {"alpha": 0.5, "k": 5}
        self.counter = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        self.counter += 1
        return self.optimizer.step(closure)


class Delegates:
    """Not torch's: whatever it lacks is asked of the wrapped one, and set there."""

    def __init__(self, optimizer: Optimizer) -> None:
        vars(self)["optimizer"] = optimizer

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # a copy that was not built yet
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.optimizer, name, value)


class Slots:
    """Not torch's: no attributes of its own, no weak references, no defaults, and groups in a new tuple each time."""

    __slots__ = ("optimizer",)

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    @property
    def param_groups(self) -> Any:
        return tuple(self.optimizer.param_groups)

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


#: Those that torch's own schedulers take.
OF_TORCH: dict[str, Callable[[Any], Any]] = {
    "writes through": WritesThrough,
    "read-only": ReadOnly,
    "Lookahead": Lookahead,
    "twice": lambda optimizer: WritesThrough(Lookahead(optimizer)),
}
WRAPPERS: dict[str, Callable[[Any], Any]] = OF_TORCH | {"delegates": Delegates, "slots": Slots}
