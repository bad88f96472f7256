"""A schedule that lowers no value past a least one, as what steps a rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ignite.engine import Engine
from torch.optim import Optimizer

from ..limits import Bound, bound_of
from ..optimizer.groups import scale_of
from ..plan import Plan
from .quick import Bound as QuickBound
from .schedule import ScheduleStepper

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FlooredStepper"]


class FlooredStepper(ScheduleStepper):
    """Sets each group's rate to ``max(base * f(s), min(least, base * highest))``, times its ``lr_scale`` if it has one.

    ``highest`` is the highest factor of the steps up to ``s``: what has not been above its least value is not raised to
    it, so that a warm-up begins where its schedule does.

    Args:
        least: of each group.
        given: what a :class:`ScheduleStepper` takes.
    """

    def __init__(self, least: Bound, *given: Any) -> None:
        super().__init__(*given)
        self._least = least
        self._floors: list[float] = []
        self._seen, self._highest = -1, -math.inf
        self._highest_then = -math.inf  # when values were written last

    def resolve(self, trainer: Engine, plan: Plan, origin: tuple[int, int]) -> None:
        super().resolve(trainer, plan, origin)
        self._seen = -1  # the steps may have other factors now

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        self._look_at(step)
        self._highest_then = self._highest
        self._floors = [
            bound_of(self._least, index) * scale_of(group, self._parameter)
            for index, group in enumerate(optimizer.param_groups)
        ]
        super().step(optimizer, bases, step)

    def _look_at(self, step: int) -> None:
        """Find the highest factor of the steps up to ``step``."""
        if self._seen < 0:
            self._highest = -math.inf
        for one in range(self._seen + 1, step + 1):
            self._highest = max(self._highest, self._factor_at(one))
        self._seen = step

    def _values(self, factor: float) -> list[float]:
        pairs = zip(self.scaled, self._floors, strict=True)
        return [max(base * factor, min(floor, base * self._highest_then)) for base, floor in pairs]

    def fill(self, table: npt.NDArray[np.float64], steps: npt.NDArray[np.int64]) -> None:
        self._look_at(int(steps[0]))
        factors = self.factors(steps)
        highest = np.maximum(np.maximum.accumulate(factors), self._highest)
        floors = np.minimum(self._floors, np.multiply.outer(highest, self.scaled))
        np.maximum(np.multiply.outer(factors, self.scaled), floors, out=table)
        self._seen, self._highest = int(steps[-1]), float(highest[-1])

    def bound(self, *at: Any) -> QuickBound | None:
        bound = super().bound(*at)
        if bound is None:
            return None
        lows = [min(floor, base * self._highest) for base, floor in zip(self.scaled, self._floors, strict=True)]
        return bound._replace(lows=lows, top=math.inf if lows == self._floors else self._highest)
