"""What moves a rate during one phase: nothing, a schedule, or a torch scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from .._checks import refuse_type, refuse_value
from ..errors import AttachError
from ..schedules import Schedule
from ._groups import read, restore, snapshot, stand_in, write

__all__ = ["Drive", "Hold", "ScheduleDrive", "SchedulerDrive", "as_factory", "check_monitored", "try_factory"]

# Those that change more than the rate as they are built, or hold schedulers that were built.
_CHANGE_MORE = ("ChainedScheduler", "CyclicLR", "OneCycleLR", "SequentialLR")

Factory = Callable[[Optimizer], LRScheduler]


class Drive:
    """Base: does nothing."""

    per: str | None = None
    writes = True

    def resolve(self, trainer: Engine) -> None:
        """Learn the length of the run, which is about to begin."""

    def length(self) -> int | None:
        """Steps until the drive ends by itself, ``None`` if it does not."""
        return None

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        """The phase begins after ``iterations`` iterations of the trainer."""

    def set(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        """Write the rates of ``step``."""

    def advance(self, trainer: Engine, value: float | None = None) -> None:
        """A unit of the phase is over."""

    def state(self) -> Any:
        """What must be saved besides the position."""
        return None

    def resume(self, optimizer: Optimizer, state: Any) -> None:
        """Go on from a saved state."""


class Hold(Drive):
    """Leaves the rates alone."""

    writes = False


class ScheduleDrive(Drive):
    """Sets each group's rate to its base rate times the schedule's factor, before the step."""

    def __init__(self, schedule: Schedule, per: str, parameter: str) -> None:
        self.per = per
        self._parameter = parameter
        self._schedule = schedule
        self._resolved: Schedule | None = None
        if schedule.resolved:  # tells at once of a length that does not go with per
            self._resolved = schedule.resolve(per=per)

    def resolve(self, trainer: Engine) -> None:
        state = trainer.state
        epochs: float | None = state.max_epochs
        if epochs is None and state.max_iters is not None and state.epoch_length:
            epochs = state.max_iters / state.epoch_length
        self._resolved = self._schedule.resolve(
            per=str(self.per), epochs=epochs, iterations_per_epoch=state.epoch_length
        )

    def length(self) -> int | None:
        return None if self._resolved is None else self._resolved.length

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        self.set(optimizer, bases, 0)

    def set(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        assert self._resolved is not None
        factor = self._resolved(step)
        groups, parameter = optimizer.param_groups, self._parameter
        while len(bases) < len(groups):  # a group that was unfrozen later brings its own base
            bases.append(read(groups[len(bases)], parameter))
        for group, base in zip(groups, bases, strict=False):
            write(group, parameter, base * factor)


class SchedulerDrive(Drive):
    """Builds a torch scheduler when the phase begins and steps it natively, after the optimizer's step."""

    def __init__(self, factory: Factory, per: str) -> None:
        self.per = per
        self._factory = factory
        self._built_after = 0
        self.scheduler: LRScheduler | None = None

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        for group in optimizer.param_groups:
            group.pop("initial_lr", None)  # of an earlier scheduler: torch would take it for the base rate
        self.scheduler = self._factory(optimizer)
        self._built_after = iterations

    def advance(self, trainer: Engine, value: float | None = None) -> None:
        # A scheduler that was built in this very event has not been trained with yet.
        if self.scheduler is None or (self.per != "evaluation" and trainer.state.iteration <= self._built_after):
            return
        if value is None:
            self.scheduler.step()
        else:
            self.scheduler.step(value)  # type: ignore[arg-type]

    def state(self) -> Any:
        return None if self.scheduler is None else [self._built_after, self.scheduler.state_dict()]

    def resume(self, optimizer: Optimizer, state: Any) -> None:
        built_after, saved = state
        self.begin(optimizer, [], built_after)
        assert self.scheduler is not None
        self.scheduler.load_state_dict(saved)


def try_factory(argument: str, factory: Any, optimizer: Optimizer) -> LRScheduler:
    """The scheduler that ``factory`` builds, tried out on a stand-in so that the optimizer stays as it is.

    Raises:
        TypeError: where it builds none.
        AttachError: where it builds on another optimizer than the one it is given.
    """
    double, before = stand_in(optimizer), snapshot(optimizer)
    try:
        scheduler = factory(double)
        if not isinstance(scheduler, LRScheduler):
            hint = "Write lambda optimizer: StepLR(optimizer, step_size=10)."
            refuse_type(f"what {argument} returns", "a torch scheduler", scheduler, hint)
        if scheduler.optimizer is not double:
            raise AttachError(
                f"{argument} built its scheduler on another optimizer than its argument, which changes that one at "
                "once: write lambda optimizer: StepLR(optimizer, ...), using the argument"
            )
    finally:
        restore(optimizer, before)
    return scheduler


def as_factory(argument: str, value: Any, optimizer: Optimizer) -> Factory:
    """``value`` as a factory: one already, or a ready scheduler whose building left the optimizer unchanged.

    Raises:
        TypeError: for anything else.
        AttachError: for a ready scheduler that changed the optimizer, or belongs to another.
    """
    if not isinstance(value, LRScheduler):
        if not callable(value):
            refuse_type(argument, "a function that builds a torch scheduler for an optimizer", value)
        factory: Factory = value
        return factory
    kind = type(value).__name__
    write_factory = f"give a function that builds it when it starts: lambda optimizer: {kind}(optimizer, ...)"
    if getattr(value, "optimizer", None) is not optimizer:
        raise AttachError(f"{argument} is a {kind} of another optimizer: {write_factory}")
    if not isinstance(value, ReduceLROnPlateau):
        groups = optimizer.param_groups
        unchanged = all(read(group, "lr") == float(group.get("initial_lr", group["lr"])) for group in groups)
        if kind in _CHANGE_MORE or value.last_epoch != 0 or not unchanged:
            raise AttachError(f"building this {kind} has changed the optimizer already: {write_factory}")

    def ready(_: Optimizer) -> LRScheduler:
        if not isinstance(value, ReduceLROnPlateau):
            for group in optimizer.param_groups:
                group["initial_lr"] = read(group, "lr")
            value.base_lrs = [read(group, "lr") for group in optimizer.param_groups]
        return value

    return ready


def check_monitored(argument: str, scheduler: LRScheduler, per: str, monitor: Any, mode: str | None) -> None:
    """Refuse a plateau without a metric or with the wrong direction, and a metric that nobody asks for."""
    kind = type(scheduler).__name__
    if not isinstance(scheduler, ReduceLROnPlateau):
        if monitor is not None:
            refuse_value("monitor", f"left out for {kind}", monitor, "Only ReduceLROnPlateau takes a metric.")
        return
    if monitor is None:
        raise TypeError(
            f"{argument}: ReduceLROnPlateau needs monitor=, the metric to watch, for example monitor='loss'."
        )
    if per != "evaluation":
        refuse_value("per", "'evaluation' for ReduceLROnPlateau", per, "It is stepped with each value of its monitor.")
    if mode is not None and scheduler.mode != mode:
        hint = f"A condition on the same metric says mode={mode!r}: pass mode={mode!r} to ReduceLROnPlateau."
        refuse_value(f"mode of {kind}", repr(mode), scheduler.mode, hint)
