"""A torch scheduler that starts later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .._utils.checks import refuse_type
from ..conditions import Expression, as_condition
from ..gates.delays import DelayHandle
from ..recording.recorder import Recorder, check_recorder
from ..schedules import Schedule
from .ignite_schedulers import delay_ignite, is_ignite
from .optimizer.groups import check_optimizer
from .phase import Per, Phase
from .phases import LRPhases

__all__ = ["delay_lr_scheduler"]


def delay_lr_scheduler(
    recorder: Recorder,
    optimizer: Optimizer,
    factory: Callable[[Optimizer], LRScheduler] | LRScheduler | Any,
    *,
    until: Any = None,
    per: Per | None = None,
    monitor: str | Expression | None = None,
    name: str | None = None,
) -> LRPhases | DelayHandle:
    """Build ``factory(optimizer)`` when ``until`` first holds, and step it from then on.

    Building a torch scheduler changes the optimizer at once, so it is not built before: until then rates, momenta
    and ``initial_lr`` are untouched, and the rates at the opening are the base rates. It is stepped natively, after
    the optimizer's step and right before the next unit begins: while an epoch's end is handled, the rates are still
    those that the epoch was trained at. The factory is tried out once on a stand-in, so that a mistake in it shows now.

    Args:
        recorder: what feeds the condition.
        optimizer: whose rates are scheduled.
        factory: a function ``optimizer -> scheduler`` from ``torch.optim.lr_scheduler``; a ready scheduler, if
            building it left the optimizer unchanged; or one of Ignite's own parameter schedulers, which is run
            before the step and keeps its own count, as Ignite has it.
        until: a condition, or a function of one record; ``None`` to start at once.
        per: ``"epoch"``, ``"iteration"`` or ``"evaluation"``: what one step is. ``ReduceLROnPlateau`` is stepped per
            evaluation and needs no telling.
        monitor: the metric that ``ReduceLROnPlateau`` watches: a name or an expression. NaN is a bad evaluation.
        name: for logs, marks and errors.

    Returns:
        The phases of the rate (a pause, then the scheduler), or for one of Ignite's a handle; both have ``remove()``.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind.
        AttachError: where a ready scheduler has changed the optimizer, or another writer of the rate is in the way.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: optimizer.step()), Engine(lambda engine, batch: None)
        >>> _ = delay_lr_scheduler(
        ...     Recorder(trainer, evaluator),
        ...     optimizer,
        ...     lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        ...     until=After(epochs=2),
        ...     per="epoch",
        ... )
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: print(optimizer.param_groups[0]["lr"]))
        >>> _ = trainer.run([0], max_epochs=5)
        1.0
        1.0
        1.0
        0.5
        0.25
    """
    check_recorder(recorder)
    check_optimizer(optimizer)
    condition = None if until is None else as_condition("until", until)
    if is_ignite(factory):
        return delay_ignite(recorder, optimizer, factory, condition, per, monitor, name)
    if factory is None or isinstance(factory, Schedule):
        hint = "A schedule goes to apply_schedule."
        refuse_type("factory", "a function that builds a torch scheduler for an optimizer", factory, hint)
    pause = [] if condition is None else [Phase(None, until=condition)]
    return LRPhases(recorder, optimizer, [*pause, Phase(factory, per=per, monitor=monitor)], name=name)
