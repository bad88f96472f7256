"""A schedule, as what steps a rate."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from ignite.engine import Engine
from torch.optim import Optimizer

from ...schedules import Schedule
from ..optimizer.groups import BETAS, base_value, read, write
from .base import Stepper

__all__ = ["ScheduleStepper"]


class ScheduleStepper(Stepper):
    """Sets each group's rate to its base rate times the schedule's factor, before the step."""

    per: str

    def __init__(self, schedule: Schedule, per: str, parameter: str, last: bool) -> None:
        self.per = per
        self._parameter, self._schedule, self._last = parameter, schedule, last
        self._entry = "betas" if parameter in BETAS else parameter
        self._starts: list[int] = []
        self._curves: list[Any] = []
        self._factor: float | None = None

    def resolve(self, trainer: Engine) -> None:
        state = trainer.state
        epochs: float | None = state.max_epochs
        max_iters = getattr(state, "max_iters", None)  # since Ignite 0.5.5
        if max_iters is not None and state.epoch_length:
            epochs = max_iters / state.epoch_length
        try:
            resolved = self._schedule.resolve(per=self.per, epochs=epochs, iterations_per_epoch=state.epoch_length)
        except ValueError as error:
            raise ValueError(
                f"the length of {self._schedule!r} cannot be told, since that of the run is not known: "
                f"call trainer.run(data, max_epochs=..., epoch_length=...). ({error})"
            ) from error
        self._starts, self._curves = resolved.lookup()
        if not self._last and resolved.length is not None:
            self.stop = resolved.length

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        self.step(optimizer, bases, 0)

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        # What Schedule.__call__ does for an int; this is run at every iteration.
        self._factor = factor = self._curves[bisect_right(self._starts, step)](step)
        groups, parameter, entry = optimizer.param_groups, self._parameter, self._entry
        while len(bases) < len(groups):  # a group that was unfrozen later brings its own base
            bases.append(base_value(groups[len(bases)], parameter))
        for group, base in zip(groups, bases):  # noqa: B905 - as long as each other by now, and this is the hot loop
            if base and group[entry].__class__ is float:  # the usual case, without a call
                group[entry] = base * factor
            else:
                self._write_all(groups, bases, factor)
                break

    def _write_all(self, groups: list[dict[str, Any]], bases: list[float], factor: float) -> None:
        for index, group in enumerate(groups):
            if not bases[index]:  # frozen so far: the rate that it is unfrozen with is its base
                bases[index] = read(group, self._parameter)
            write(group, self._parameter, bases[index] * factor)

    def last_values(self, bases: list[float]) -> list[float] | None:
        return None if self._factor is None else [base * self._factor for base in bases]

    def accept(self, prepared: Any) -> None:
        self._factor = None
