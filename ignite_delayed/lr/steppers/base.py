"""What moves a rate during one phase: nothing, a schedule, or a torch scheduler."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from bisect import bisect_right
from typing import Any

from ignite.engine import Engine
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ...recording.run import position
from ...schedules import Schedule
from ..optimizer.groups import BETAS, read, read_all, write
from . import torch_state
from .trial import Factory

__all__ = ["Drive", "Hold", "ScheduleDrive", "SchedulerDrive"]

logger = logging.getLogger("ignite_delayed.LRPhases")


class Drive:
    """Base: moves nothing."""

    per: str | None = None
    #: The class of the torch scheduler, if it is one.
    kind = ""
    writes = True
    #: The step at which the drive ends by itself and another follows.
    stop: float = math.inf
    scheduler: LRScheduler | None = None
    #: Whether what was trained so far was trained in another process.
    resumed = False

    def resolve(self, trainer: Engine) -> None:
        """Learn the length of the run, which is about to begin."""

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        """The phase begins after ``iterations`` iterations of the trainer."""

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        """Set the rates for ``step``, which is about to be trained."""

    def left(self, bases: list[float]) -> list[float] | None:
        """What the last :meth:`step` left in each group, ``None`` where it must be read there."""
        return None

    def observe(self, trainer: Engine, evaluation: int, value: float | None) -> None:
        """An evaluation, and for a plateau the value of its metric."""

    def state(self) -> Any:
        """What must be saved besides the position."""
        return None

    def prepare(self, optimizer: Optimizer, raw: Any) -> Any:
        """The saved state ``raw`` in a form that :meth:`accept` takes; refuses what does not fit."""
        return None

    def accept(self, prepared: Any) -> None:
        """Go on from a saved state."""


class Hold(Drive):
    """Leaves the rates alone."""

    writes = False


class ScheduleDrive(Drive):
    """Sets each group's rate to its base rate times the schedule's factor, before the step."""

    def __init__(self, schedule: Schedule, per: str, parameter: str, last: bool) -> None:
        self.per = per
        self._parameter, self._schedule, self._last = parameter, schedule, last
        self._entry = "betas" if parameter in BETAS else parameter
        self._starts: list[int] = []
        self._curves: list[Any] = []
        self._factor: float | None = None

    def resolve(self, trainer: Engine) -> None:
        state, per = trainer.state, str(self.per)
        epochs: float | None = state.max_epochs
        max_iters = getattr(state, "max_iters", None)  # since Ignite 0.5.5
        if max_iters is not None and state.epoch_length:
            epochs = max_iters / state.epoch_length
        try:
            resolved = self._schedule.resolve(per=per, epochs=epochs, iterations_per_epoch=state.epoch_length)
        except ValueError as error:
            raise ValueError(
                f"the length of {self._schedule!r} cannot be told, since that of the run is not known: "
                f"call trainer.run(data, max_epochs=..., epoch_length=...). ({error})"
            ) from error
        self._starts, self._curves = resolved._starts, resolved._curves
        if not self._last and resolved.length is not None:
            self.stop = resolved.length

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        self.step(optimizer, bases, 0)

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        # What Schedule.__call__ does for an int; this is run at every iteration.
        self._factor = factor = self._curves[bisect_right(self._starts, step)](step)
        groups, parameter, entry = optimizer.param_groups, self._parameter, self._entry
        while len(bases) < len(groups):  # a group that was unfrozen later brings its own base
            bases.append(read(groups[len(bases)], parameter))
        for group, base in zip(groups, bases):  # noqa: B905 - as long as each other by now, and this is the hot loop
            if group[entry].__class__ is float:  # the usual case, without a call
                group[entry] = base * factor
            else:
                write(group, parameter, base * factor)

    def left(self, bases: list[float]) -> list[float] | None:
        return None if self._factor is None else [base * self._factor for base in bases]

    def accept(self, prepared: Any) -> None:
        self._factor = None


class SchedulerDrive(Drive):
    """Builds a torch scheduler when the phase begins, and steps it natively, once a unit was trained."""

    def __init__(self, factory: Factory, per: str, kind: str) -> None:
        self.per = per
        self.kind = kind
        self._factory = factory
        self._forget(0)

    def _forget(self, iterations: int) -> None:
        self._begun_after = iterations
        self._steps = self._evaluation = 0
        self._warned = False
        self.resumed = False
        self._rates: list[float] | None = None

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        self.scheduler = self._build(optimizer)
        self._forget(iterations)

    def _build(self, optimizer: Optimizer) -> LRScheduler:
        for group in optimizer.param_groups:
            group.pop("initial_lr", None)  # of an earlier scheduler: torch would take it for the base rate
        return self._factory(optimizer)

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        # Here rather than when the step before ended: whoever saves a state between the two saves the same one.
        while self._steps < step:
            self._step_once()
            self._steps += 1
            self._rates = read_all(optimizer, "lr")

    def observe(self, trainer: Engine, evaluation: int, value: float | None) -> None:
        assert self.scheduler is not None
        if value is not None:
            self._warn_of_sign(value)
            self.scheduler.step(value)  # type: ignore[arg-type]
        # A scheduler that was built at this very evaluation has not been trained with yet.
        elif position(trainer)[0] > self._begun_after and evaluation > self._evaluation:
            self._evaluation = evaluation
            self._step_once()
        self._rates = read_all(self.scheduler.optimizer, "lr")

    def _step_once(self) -> None:
        assert self.scheduler is not None
        if not self.resumed:
            self.scheduler.step()
            return
        self.resumed = False
        with warnings.catch_warnings():  # torch knows nothing of that process, where the optimizer was stepped
            warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler.step\(\)` before", UserWarning)
            self.scheduler.step()

    def left(self, bases: list[float]) -> list[float] | None:
        return self._rates

    def _warn_of_sign(self, value: float) -> None:
        plateau = self.scheduler
        if self._warned or not (value < 0 and isinstance(plateau, ReduceLROnPlateau)):
            return
        if plateau.threshold_mode == "rel" and plateau.threshold > 0:
            self._warned = True
            logger.warning(
                "ReduceLROnPlateau(threshold_mode='rel') is given %g: of a negative best value it takes equal and "
                "slightly worse ones for improvements, and may never reduce. Build it with threshold_mode='abs', or "
                "monitor a positive metric. (Said once a run.)",
                value,
            )

    def state(self) -> Any:
        assert self.scheduler is not None
        return [self._begun_after, self._steps, self._evaluation, torch_state.encode(self.scheduler.state_dict())]

    def prepare(self, optimizer: Optimizer, raw: Any) -> Any:
        *counts, saved = raw
        if len(counts) != 3 or any(type(count) is not int or count < 0 for count in counts):
            raise ValueError(f"the scheduler's counts must be three whole numbers >= 0, got {counts!r}")
        present = None if self.scheduler is None else copy.deepcopy(self.scheduler.state_dict())
        try:
            scheduler = self._build(optimizer)
            scheduler.load_state_dict(torch_state.decode(saved, scheduler.state_dict()))
        except Exception:
            if self.scheduler is not None and present is not None:
                self.scheduler.load_state_dict(present)  # one that was given ready-made is the same object
            raise
        return scheduler, counts

    def accept(self, prepared: Any) -> None:
        self.scheduler, (self._begun_after, self._steps, self._evaluation) = prepared
        self._rates, self.resumed = None, True
