"""What steps a rate during one phase."""

from __future__ import annotations

import math
from typing import Any

from ignite.engine import Engine
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..plan import Plan

__all__ = ["NoStepper", "Stepper"]


class Stepper:
    """Steps a parameter during one phase; this base leaves it as it is.

    Attributes:
        per: what one step is: ``"iteration"``, ``"epoch"``, ``"update"`` or ``"evaluation"``.
        kind: the class of the torch scheduler, if it is one.
        ready: whether that was built by the user, for the rates that it found.
        writes: whether it writes to the groups at all.
        stop: the step at which it ends by itself, so that another follows.
        scheduler: the torch scheduler, if it is one that was built.
        resumed: whether what was trained so far was trained in another process.
        tried: what is saved of it before it begins.
    """

    per: str | None = None
    kind = ""
    ready = False
    writes = True
    stop: float = math.inf
    scheduler: LRScheduler | None = None
    resumed = False
    tried: list[Any] | None = None

    def resolve(self, trainer: Engine, plan: Plan, origin: tuple[int, int]) -> None:
        """Learn the length of the run, which is about to begin, and what is left of it after ``origin``."""

    def shares(self, trainer: Engine, plan: Plan) -> str:
        """What lengths that are shares of the run come to, if there are any."""
        return ""

    def begin(self, optimizer: Optimizer, bases: list[float], iterations: int) -> None:
        """Begin the phase, after ``iterations`` iterations of the trainer."""

    def step(self, optimizer: Optimizer, bases: list[float], step: int) -> None:
        """Set the rates for ``step``, which is about to be trained."""

    def last_values(self, bases: list[float]) -> list[float] | None:
        """The values written by the last :meth:`step`, or ``None`` if they must be read from the groups."""
        return None

    def observe(self, trainer: Engine, evaluation: int, value: float | None) -> None:
        """Take an evaluation in, and for a plateau the value of its metric."""

    def state(self) -> Any:
        """What must be saved besides the position."""
        return None

    def prepare(self, optimizer: Optimizer, raw: Any) -> Any:
        """The saved state ``raw`` in a form that :meth:`accept` takes.

        Raises:
            Exception: of any class, where it does not fit.
        """
        return None

    def check(self, optimizer: Optimizer, tried: Any) -> None:
        """Refuse what was saved as ``tried`` before another phase began, where that is not what would begin here.

        Raises:
            Exception: of any class, where it does not fit.
        """

    def accept(self, prepared: Any) -> None:
        """Go on from a saved state."""


class NoStepper(Stepper):
    """Leaves the rates alone."""

    writes = False
