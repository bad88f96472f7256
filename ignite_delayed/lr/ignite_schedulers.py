"""Ignite's own parameter schedulers, gated as handlers."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers import param_scheduler
from torch.optim import Optimizer

from .._utils.checks import check_choice, refuse_value
from ..conditions import Always, Condition
from ..errors import AttachError
from ..gates.delays import DelayHandle, delay
from ..recording.recorder import Recorder
from .optimizer.writers import Writer, claim

__all__ = ["delay_ignite", "is_ignite"]

_RIGHT_FORM = {
    "LRScheduler": "give the torch scheduler's factory itself: Ignite's wrapper steps it wrongly with recent torch",
    "ReduceLROnPlateauScheduler": "give torch's: lambda optimizer: ReduceLROnPlateau(optimizer), with monitor=, mode=",
}


def is_ignite(scheduler: Any) -> bool:
    """Whether ``scheduler`` is one of Ignite's."""
    return isinstance(scheduler, (param_scheduler.BaseParamScheduler, param_scheduler.ParamGroupScheduler))


def delay_ignite(
    recorder: Recorder,
    optimizer: Optimizer,
    scheduler: Any,
    until: Condition | None,
    per: Any,
    monitor: Any,
    mode: Any,
    name: str | None,
) -> DelayHandle:
    """Gate one of Ignite's schedulers as a handler: it sets absolute values, so it runs before the step."""
    leaves = list(_leaves(scheduler))
    for leaf in leaves:
        _check_leaf(leaf, optimizer)
    check_choice("per", per, ("iteration", "epoch"), hint="Ignite's schedulers count events: say which.")
    for argument, value in (("monitor", monitor), ("mode", mode)):
        if value is not None:
            refuse_value(argument, "left out for Ignite's schedulers", value, "They take no metric.")
    writer = Writer(
        repr(name or type(scheduler).__name__),
        weakref.ref(recorder.trainer),
        frozenset(str(leaf.param_name) for leaf in leaves),
        starts=until,
        groups=_groups(leaves),
    )
    with ExitStack() as undo:
        undo.callback(claim(optimizer, writer))
        handle = delay(
            recorder,
            scheduler,
            until=Always() if until is None else until,
            engine=recorder.trainer,
            event=Events.ITERATION_STARTED if per == "iteration" else Events.EPOCH_STARTED(event_filter=_is_new),
            name=name,
        )
        handle.on_remove(undo.pop_all().close)
    return handle


def _is_new(trainer: Engine, event: int) -> bool:
    """Whether the epoch starts for the first time: a run that was cut in its middle, and loaded, starts it again."""
    length, iteration = trainer.state.epoch_length, trainer.state.iteration
    return not length or iteration % length == 0 or trainer.state.epoch - 1 != iteration // length


def _leaves(scheduler: Any) -> Iterator[Any]:
    """The schedulers that write, without those that only hold others."""
    held = getattr(scheduler, "schedulers", None)
    if held is None:
        yield scheduler
    else:
        for part in held:
            yield from _leaves(part)


def _check_leaf(leaf: Any, optimizer: Optimizer) -> None:
    kind = type(leaf).__name__
    if kind in _RIGHT_FORM:
        raise AttachError(f"{kind} cannot be delayed: {_RIGHT_FORM[kind]}")
    if not isinstance(leaf, param_scheduler.ParamScheduler):
        raise AttachError(f"{kind} writes no parameter of an optimizer: delay(recorder, scheduler, ...) gates it")
    if leaf.optimizer is not optimizer:
        raise AttachError(f"this {kind} belongs to another optimizer: build it for the one that is given")


def _groups(leaves: list[Any]) -> frozenset[int] | None:
    indices = {leaf.param_group_index for leaf in leaves}
    return None if None in indices else frozenset(indices)
