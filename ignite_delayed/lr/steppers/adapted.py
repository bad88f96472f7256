"""Schedulers that are none of torch's class, stepped as their own documentation says: timm's, and GreedyLR's kind."""

from __future__ import annotations

import inspect
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..._utils.checks import refuse_value
from ...errors import AttachError

__all__ = ["Adapted", "adapt", "kind_of", "plateau_of"]


class Adapted(LRScheduler):
    """One of another library, as what torch's schedulers are: ``step()``, and a state that resumes it.

    Args:
        scheduler: of any class that steps the groups of its ``optimizer``.
        per: what one step is. timm's schedulers are told how many there were: by ``step(epoch)`` where they count
            epochs, else by ``step_update(num_updates)``; others are stepped with the metric alone.

    Attributes:
        scheduler: as it was given.
        count: the steps so far.
    """

    def __init__(self, scheduler: Any, per: str) -> None:
        # Not torch's constructor, which would change the optimizer.
        self.scheduler, self.optimizer, self.count = scheduler, scheduler.optimizer, 0
        self._counts = hasattr(scheduler, "step_update")
        if self._counts and scheduler.t_in_epochs != (per in ("epoch", "evaluation")):
            kind, expected = type(scheduler).__name__, "'epoch'" if scheduler.t_in_epochs else "'update' or 'iteration'"
            hint = f"It was built with t_in_epochs={scheduler.t_in_epochs}, and would not move."
            refuse_value("per", f"{expected} for this {kind}", per, hint)
        self._by_update = self._counts and not scheduler.t_in_epochs

    def step(self, *metric: Any) -> None:
        """One step, with the value of the metric where that is what it watches."""
        self.count += 1
        if self._by_update:
            self.scheduler.step_update(self.count, *metric)
        elif self._counts:
            self.scheduler.step(self.count, *metric)
        else:
            self.scheduler.step(*metric)

    def state_dict(self) -> dict[str, Any]:
        """All that it holds: what its own ``state_dict`` gives may be too little to go on as if nothing had been."""
        held = {name: value for name, value in vars(self.scheduler).items() if not isinstance(value, Optimizer)}
        return {"count": self.count, "scheduler": held}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.count = state_dict["count"]
        vars(self.scheduler).update(state_dict["scheduler"])


def adapt(argument: str, built: Any, per: str) -> Any:
    """``built``, the result of a factory, as a scheduler of torch, if it can be stepped as one.

    Raises:
        AttachError: where it is not known how to step it.
        ValueError: where it does not count what ``per`` says.
    """
    if isinstance(built, LRScheduler) or not hasattr(built, "step") or not hasattr(built, "optimizer"):
        return built
    parameters = inspect.signature(built.step).parameters.items()
    needed = [name for name, one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    counts = hasattr(built, "step_update") and hasattr(built, "t_in_epochs")
    if not counts and needed not in (["metric"], ["metrics"]):
        raise AttachError(
            f"{argument} builds a {type(built).__name__}, no torch scheduler, and step({', '.join(needed)}) is "
            "neither timm's, step(epoch) and step_update(num_updates), nor takes a metric: step it in a handler, which "
            "delay(recorder, handler, ...) gates"
        )
    return Adapted(built, per)


def kind_of(scheduler: Any) -> str:
    """The name of its class, as the user knows it."""
    return type(scheduler.scheduler if isinstance(scheduler, Adapted) else scheduler).__name__


def plateau_of(scheduler: Any) -> Any:
    """What watches a metric in ``scheduler``, if anything does, and says which of its values is better as ``mode``."""
    if not isinstance(scheduler, Adapted):
        return scheduler if isinstance(scheduler, ReduceLROnPlateau) else None
    own = scheduler.scheduler
    if not hasattr(own, "step_update"):
        return own
    held = getattr(own, "lr_scheduler", None)  # of timm's PlateauLRScheduler
    return held if isinstance(held, ReduceLROnPlateau) else None
