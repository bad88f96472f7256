"""A schedule, applied."""

from __future__ import annotations

from typing import Any, Literal

from torch.optim import Optimizer

from .._utils.checks import refuse_type
from ..conditions import as_condition
from ..recording.recorder import Recorder
from ..schedules import Schedule
from .phase import Phase
from .phases import LRPhases

__all__ = ["apply_schedule"]


def apply_schedule(
    recorder: Recorder,
    optimizer: Optimizer,
    schedule: Schedule,
    *,
    per: Literal["iteration", "epoch"],
    until: Any = None,
    parameter: str = "lr",
    name: str | None = None,
) -> LRPhases:
    """Set ``base * schedule(step)`` at the start of every step, so that the first batch trains at ``schedule(0)``.

    ``base`` is each group's own value when the schedule starts, so groups keep their ratios; a group that is added
    later brings its own. Steps are counted from the start of training, or from when ``until`` first held. Without
    ``until`` a run can be resumed from the trainer's clock alone: load the optimizer after attaching, or the recorder.

    Args:
        recorder: knows the trainer, and feeds ``until``.
        optimizer: whose groups are written; a tensor is filled in place.
        schedule: the factors; lengths in epochs and fractions are resolved when the run begins.
        per: ``"iteration"`` or ``"epoch"``: what one step is.
        until: delays the start: a condition, or a function of one record; ``None`` starts at once.
        parameter: ``"lr"``, or any other number of the groups: ``"momentum"``, ``"weight_decay"``, ``"beta1"``.
        name: for logs, marks and errors.

    Returns:
        The phases: ``remove()``, ``state_dict()``.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and when the run begins for a length that cannot be
            resolved.
        AttachError: where something else writes the parameter at the same time.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Cosine, Recorder, warmup
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: optimizer.step()), Engine(lambda engine, batch: None)
        >>> schedule = warmup(0.25, iterations=3).then(Cosine(iterations=4))
        >>> _ = apply_schedule(Recorder(trainer, evaluator), optimizer, schedule, per="iteration")
        >>> rates = []
        >>> _ = trainer.add_event_handler(
        ...     Events.ITERATION_COMPLETED, lambda: rates.append(round(optimizer.param_groups[0]["lr"], 3))
        ... )
        >>> _ = trainer.run([0] * 8, max_epochs=1)
        >>> rates
        [0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if not isinstance(schedule, Schedule):
        refuse_type("schedule", "a Schedule", schedule, "A torch scheduler goes to delay_lr_scheduler.")
    pause = [] if until is None else [Phase(None, until=as_condition("until", until))]
    return LRPhases(recorder, optimizer, [*pause, Phase(schedule, per=per)], parameter=parameter, name=name)
