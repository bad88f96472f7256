"""A torch scheduler, as what steps a rate."""

from __future__ import annotations

import warnings
from typing import Any

from ignite.engine import Engine
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..._utils.text import logger_of
from ...errors import StateError
from ...recording.runs.run import position
from ..optimizer.groups import read_all, write
from ..optimizer.stand_in import stand_in
from . import torch_state
from .base import Stepper
from .trial import Factory

__all__ = ["SchedulerStepper"]

logger = logger_of("LRPhases")


class SchedulerStepper(Stepper):
    """Builds a torch scheduler when the phase begins, and steps it natively, once a unit was trained."""

    def __init__(
        self, factory: Factory, per: str, kind: str, *, ready: bool = False, tried: list[Any] | None = None
    ) -> None:
        self.per = per
        self.kind = kind
        self.ready = ready
        self.tried = tried
        self._factory = factory
        self._forget(0)

    def _forget(self, iterations: int) -> None:
        self._begun_after = iterations
        self._steps = self._evaluation = 0
        self._warned = False
        self.resumed = False
        self._rates: list[float] | None = None
        self._built: list[Any] | None = None  # the rates that it began with, and its state then: what it is

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        rates = read_all(optimizer, "lr")
        self.scheduler = self._build(optimizer)
        self._forget(iterations)
        self._built = [rates, torch_state.state_of(self.scheduler)]

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

    def last_values(self, bases: list[float]) -> list[float] | None:
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
        try:
            state = torch_state.state_of(self.scheduler)
        except TypeError as error:
            raise StateError(f"the state of {self.kind} cannot be saved: {error}") from error
        counts = [self._begun_after, self._steps, self._evaluation]
        if self._built is None:  # it goes on from a state that did not say
            return [*counts, state]
        new = torch_state.places(state) - torch_state.places(self._built[1])
        if new:
            raise StateError(
                f"the state of {self.kind} cannot be saved: {', '.join(sorted(new))} holds a scheduler, an object or a "
                "function that a newly built one does not hold there, so that none could load it: build it in __init__"
            )
        return [*counts, list(self._built), state]

    def prepare(self, optimizer: Optimizer, raw: Any) -> Any:
        *counts, saved = raw
        built = counts.pop() if len(counts) == 4 else None  # older releases did not say
        if len(counts) != 3 or any(type(count) is not int or count < 0 for count in counts):
            raise ValueError(f"the scheduler's counts must be three whole numbers >= 0, got {counts!r}")
        present = None if self.scheduler is None else torch_state.state_of(self.scheduler)
        try:
            scheduler = self._build(optimizer) if built is None else self._build_again(optimizer, *built)
            torch_state.load_state(scheduler, saved)
        except Exception:
            if self.scheduler is not None and present is not None:
                torch_state.load_state(self.scheduler, present)  # one that was given ready-made is the same object
            raise
        return scheduler, counts, built

    def check(self, optimizer: Optimizer, tried: Any) -> None:
        rates, state = tried
        double = stand_in(optimizer)
        del double.param_groups[len(rates) :]  # unfrozen since
        if not self.ready and len(double.param_groups) == len(rates):
            self._build_again(double, rates, state)

    def _build_again(self, optimizer: Optimizer, rates: list[float], saved: Any) -> LRScheduler:
        """The scheduler as it began, with ``rates``.

        Raises:
            StateError: where it is not the one that was in the state ``saved`` then.
        """
        scheduler = self._build_at(optimizer, rates)
        state = torch_state.state_of(scheduler)
        found = dict(torch_state.differing(saved, state))
        if not found:
            return scheduler
        scheduler = self._build_at(optimizer, rates)  # what differs each time, such as the hour, says nothing
        for where, _ in torch_state.differing(state, torch_state.state_of(scheduler)):
            found.pop(where, None)
        if found:
            changes = "; ".join(f"{where}: {change}" for where, change in found.items())
            raise StateError(
                f"cannot load the state of another {self.kind}: its factory was changed. {changes}. Build the one that "
                "was saved, or start afresh by not loading."
            )
        return scheduler

    def _build_at(self, optimizer: Optimizer, rates: list[float]) -> LRScheduler:
        for group, rate in zip(optimizer.param_groups, rates, strict=False):
            write(group, "lr", rate)
        return self._build(optimizer)

    def accept(self, prepared: Any) -> None:
        self.scheduler, (self._begun_after, self._steps, self._evaluation), self._built = prepared
        self._rates, self.resumed = None, True
