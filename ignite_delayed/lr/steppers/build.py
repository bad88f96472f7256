"""From the description of phases to their steppers, tried out without touching the optimizer."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..._utils.checks import refuse_value
from ...conditions import Condition
from ...schedules import Chain, Schedule
from ..limits import check_each_group
from ..optimizer.groups import read_all
from ..phase import Phase
from .adapted import kind_of
from .base import NoStepper, Stepper
from .floored import FlooredStepper
from .schedule import ScheduleStepper
from .scheduler import SchedulerStepper
from .torch_state import state_of
from .trial import Trial, as_factory, changes_of, check_monitored, try_factory

__all__ = ["build_steppers"]


def build_steppers(
    phases: list[Phase], optimizer: Optimizer, parameter: str
) -> tuple[list[Stepper], frozenset[str], frozenset[str]]:
    """The stepper of each of ``phases``; the parameters that they write; the entries of a group that they change."""
    conditions = [phase.until for phase in phases if phase.until is not None]
    steppers: list[Stepper] = []
    parameters, entries = {parameter}, {parameter}
    joined: tuple[Schedule, ...] = ()  # those that may end by themselves right before, in the same steps
    for index, phase in enumerate(phases):
        if index and phases[index - 1].per != phase.per:
            joined = ()
        if phase.what is None:
            steppers.append(NoStepper())
        elif isinstance(phase.what, Schedule):
            assert phase.per is not None
            joined = joined if _fit_together(*joined, phase.what) else ()
            given = (phase.what, phase.per, parameter, phase is phases[-1], joined, index)
            check_each_group("min_lr", phase.min_lr, optimizer)
            steppers.append(FlooredStepper(phase.min_lr, *given) if phase.min_lr else ScheduleStepper(*given))
            joined = () if phase.what.endless or phase.what.takes_rest else (*joined, phase.what)
        else:
            stepper, trial = _scheduler_stepper(phase, optimizer, parameter, conditions)
            steppers.append(stepper)
            parameters |= trial.parameters
            entries |= trial.entries
    return steppers, frozenset(parameters), frozenset(entries)


def _fit_together(*schedules: Schedule) -> bool:
    """Whether they fit in the run in a row; they need not where conditions may end them before."""
    try:
        return len(schedules) == 1 or bool(Chain(*schedules))
    except ValueError:
        return False


def _scheduler_stepper(
    phase: Phase, optimizer: Optimizer, parameter: str, conditions: list[Condition]
) -> tuple[SchedulerStepper, Trial]:
    if parameter != "lr":
        refuse_value("parameter", "'lr' for a torch scheduler", parameter, "Other parameters take a schedule.")
    assert phase.per is not None
    factory = as_factory("the scheduler", phase.what, optimizer, phase.per)
    ready = isinstance(phase.what, LRScheduler)
    trial = changes_of(phase.what, optimizer, optimizer) if ready else try_factory("the factory", factory, optimizer)
    check_monitored("the factory", trial.scheduler, phase, phase.direction(conditions))
    # What a factory builds here and now: a later process, which builds something else, has another.
    tried = None if ready else [read_all(optimizer, "lr"), state_of(trial.scheduler)]
    return SchedulerStepper(factory, phase.per, kind_of(trial.scheduler), ready=ready, tried=tried), trial
