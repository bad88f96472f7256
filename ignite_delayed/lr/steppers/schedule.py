"""A schedule, as what steps a rate."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from ignite.engine import Engine
from torch.optim import Optimizer

from ...schedules import Chain, Schedule
from ..optimizer.groups import BETAS, base_value, read, scale_of, write
from ..plan import Plan
from .base import Stepper
from .quick import Bound

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ScheduleStepper"]

_MANY = 64  # steps from which on one call for all of them is quicker


class ScheduleStepper(Stepper):
    """Sets each group's rate to its base rate times the schedule's factor, before the step.

    Attributes:
        factor: the last factor, ``None`` before.
        scaled: what it was of: the base of each group, times timm's ``lr_scale`` where there is one.
    """

    per: str

    def __init__(
        self,
        schedule: Schedule,
        per: str,
        parameter: str,
        last: bool,
        joined: tuple[Schedule, ...] = (),
        number: int = 0,
    ) -> None:
        self.per = per
        self._parameter, self._schedule, self._last = parameter, schedule, last
        self._joined, self._number = joined, number
        self._entry = "betas" if parameter in BETAS else parameter
        self._resolved = schedule
        self._starts: list[int] = []
        self._curves: list[Any] = []
        self.factor: float | None = None
        self.scaled: list[float] = []

    def resolve(self, trainer: Engine, plan: Plan, origin: tuple[int, int]) -> None:
        # Ends are rounded from their exact places, so what ends by itself before is resolved together with this.
        count = plan.joined(self._number, len(self._joined))
        joined = self._joined[len(self._joined) - count :]
        whole = Chain(*joined, self._schedule) if joined else self._schedule
        if self._number < len(plan.origins):
            origin = plan.origins[self._number - count]
        try:
            resolved = whole.resolve(
                per=self.per,
                epochs=plan.left(trainer, self.per),
                iterations_per_epoch=trainer.state.epoch_length,
                updates_per_epoch=plan.steps_per_epoch(trainer, "update"),
                begins=plan.begins(trainer, self.per, origin),
            )
        except ValueError as error:
            raise ValueError(
                f"the length of {self._schedule!r} cannot be told, since that of the run is not known: "
                f"call trainer.run(data, max_epochs=..., epoch_length=...). ({error})"
            ) from error
        self._resolved = own = resolved.last_phases(len(self._schedule))
        self._starts, self._curves = own.lookup()
        if not self._last and own.length is not None:
            self.stop = own.length

    def shares(self, trainer: Engine, plan: Plan) -> str:
        per_epoch = plan.steps_per_epoch(trainer, self.per) or 1
        return ", ".join(
            f"{share} is {_in_epochs(steps, per_epoch)}" for share, steps in self._schedule.shares(self._resolved)
        )

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        self.step(optimizer, bases, 0)

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        self.factor = factor = self._factor_at(step)
        groups, parameter = optimizer.param_groups, self._parameter
        while len(bases) < len(groups):  # a group that was unfrozen later brings its own base
            bases.append(base_value(groups[len(bases)], parameter))
        scaled: list[float] = []
        for index, group in enumerate(groups):
            if not bases[index]:  # frozen so far: the rate that it is unfrozen with is its base
                bases[index] = read(group, parameter)
            scaled.append(bases[index] * scale_of(group, parameter))
        self.scaled = scaled
        for group, value in zip(groups, self._values(factor), strict=True):
            write(group, parameter, value)

    def _factor_at(self, step: int) -> float:
        return self._curves[bisect_right(self._starts, step)](step)  # type: ignore[no-any-return]

    def _values(self, factor: float) -> list[float]:
        return [base * factor for base in self.scaled]

    def factors(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The factors at each of ``steps``: those of :meth:`step`, where there are many but for the last place."""
        if len(steps) >= _MANY:
            return self._resolved(steps)
        return np.array([self._factor_at(step) for step in steps.tolist()])

    def fill(self, table: npt.NDArray[np.float64], steps: npt.NDArray[np.int64]) -> None:
        """Put the values of the groups at each of ``steps``, which go on from the last, into the rows of ``table``."""
        np.multiply(self.factors(steps)[:, None], self.scaled, out=table)

    def bound(self, optimizer: Optimizer, bases: list[float], origin: int, iteration: int, high: float) -> Bound | None:
        """How the iterations from ``iteration`` on and before ``high`` are stepped quickly, if they can be."""
        groups, entry, step = optimizer.param_groups, self._entry, iteration - 1 - origin
        simple = len(bases) == len(groups) and all(bases) and all(group[entry].__class__ is float for group in groups)
        if not simple:
            return None
        piece = bisect_right(self._starts, step)
        ends = [high, self.stop + 1 + origin, *(start + 1 + origin for start in self._starts[piece : piece + 1])]
        curve = self._curves[piece]
        return Bound(int(min(ends)), origin + 1, curve, self, optimizer, groups, len(groups), entry, self.scaled)

    def last_values(self, bases: list[float]) -> list[float] | None:
        return None if self.factor is None else self._values(self.factor)

    def accept(self, prepared: Any) -> None:
        self.factor = None


def _in_epochs(steps: Any, per_epoch: float) -> str:
    amounts = steps if isinstance(steps, tuple) else (steps,)
    return f"{', '.join(f'{amount / per_epoch:.6g}' for amount in amounts)} epochs"
