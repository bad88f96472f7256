"""From the description of phases to what moves them, tried out without touching the optimizer."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..._utils.checks import refuse_value
from ...conditions import Condition
from ...schedules import Schedule
from ..phase import Phase
from .base import Drive, Hold, ScheduleDrive, SchedulerDrive
from .trial import Trial, as_factory, check_monitored, inspect, try_factory

__all__ = ["build_drives"]


def build_drives(
    phases: list[Phase], optimizer: Optimizer, parameter: str
) -> tuple[list[Drive], frozenset[str], frozenset[str]]:
    """What moves each of ``phases``; the parameters that they write; the entries of a group that they change."""
    conditions = [phase.until for phase in phases if phase.until is not None]
    drives: list[Drive] = []
    parameters, entries = {parameter}, {parameter}
    for phase in phases:
        if phase.what is None:
            drives.append(Hold())
        elif isinstance(phase.what, Schedule):
            drives.append(ScheduleDrive(phase.what, str(phase.per), parameter, phase is phases[-1]))
        else:
            drive, trial = _scheduler_drive(phase, optimizer, parameter, conditions)
            drives.append(drive)
            parameters |= trial.parameters
            entries |= trial.entries
    return drives, frozenset(parameters), frozenset(entries)


def _scheduler_drive(
    phase: Phase, optimizer: Optimizer, parameter: str, conditions: list[Condition]
) -> tuple[SchedulerDrive, Trial]:
    if parameter != "lr":
        refuse_value("parameter", "'lr' for a torch scheduler", parameter, "Other parameters take a schedule.")
    factory = as_factory("the scheduler", phase.what, optimizer)
    if isinstance(phase.what, LRScheduler):
        trial = inspect(phase.what, optimizer, optimizer)
    else:
        trial = try_factory("the factory", factory, optimizer)
    check_monitored("the factory", trial.scheduler, str(phase.per), phase.monitor, phase.mode(conditions))
    return SchedulerDrive(factory, str(phase.per), type(trial.scheduler).__name__), trial
