"""How far a gate or a stop has come, in the one word for it that the status, reprs, notebooks and plots share."""

from __future__ import annotations

from typing import Literal

from .condition import Condition
from .early_stop import EarlyStop
from .node import State

__all__ = ["Stage", "gate_stage", "stop_stage"]

Stage = Literal["closed", "open", "counting", "stopped"]


def gate_stage(state: State) -> Stage:
    """Of what waits for a condition: ``"closed"``, or ``"open"`` while it holds."""
    return "open" if state[0] is True else "closed"


def stop_stage(condition: Condition, state: State) -> Stage:
    """Of what stops the run when ``condition`` holds.

    ``"closed"`` while its delay lasts, so that it cannot stop; ``"open"`` once it can; ``"counting"`` while patience is
    being spent; and ``"stopped"``.

    Example:
        >>> from ignite_delayed import After, Record
        >>> rule = EarlyStop("loss", mode="min", patience=2, until=After(epochs=1))
        >>> state = rule.initial()
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.6, 0.7], start=1):
        ...     state, _ = rule.step(state, Record(epoch=epoch, iteration=epoch, values={"loss": loss}))
        ...     print(stop_stage(rule, state))
        closed
        open
        counting
        stopped
    """
    if state[0] is True:
        return "stopped"
    if not isinstance(condition, EarlyStop):
        return "open"
    if condition.until is not None and condition.opened(state) is None:
        return "closed"
    return "counting" if condition.counter(state) else "open"
