"""Evaluation on rank 0 alone: its records travel to all ranks at the end of the trainer's epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ignite.distributed as idist
from ignite.engine import Engine, Events

from ..errors import DesyncError

__all__ = ["Courier", "Parcel"]


class Parcel(NamedTuple):
    """An evaluation on its way."""

    source: str
    values: dict[str, float]
    unusable: dict[str, str]
    epoch: int
    iteration: int
    seconds: float


class Courier:
    """Holds what rank 0 measured, and delivers it on every rank at the same moment.

    That is the end of EPOCH_COMPLETED, after whoever evaluates there, and the end of COMPLETED; like a reader of the
    trainer's own metrics it moves to the end of the order for that.
    """

    def __init__(self, trainer: Engine, deliver: Callable[[Parcel], None]) -> None:
        self._deliver = deliver
        self._held: list[Parcel] = []
        self._last: dict[Any, Any] = {}
        self._move_to_end(trainer)
        self.handles = [
            self,
            trainer.add_event_handler(Events.STARTED, self._move_to_end),
            trainer.add_event_handler(Events.EPOCH_STARTED, self._move_to_end),
        ]

    def hold(self, parcel: Parcel) -> None:
        """Take an evaluation along.

        Raises:
            DesyncError: on another rank than 0, which was said to evaluate alone.
        """
        if idist.get_rank() != 0:
            raise DesyncError(
                f"evaluate_on='rank0' was given, but rank {idist.get_rank()} evaluates too: run the evaluator on "
                "rank 0 alone, or leave evaluate_on out"
            )
        self._held.append(parcel)

    def _move_to_end(self, engine: Engine) -> None:
        self.remove()
        for event in (Events.EPOCH_COMPLETED, Events.COMPLETED):
            self._last[event] = engine.add_event_handler(event, self._travel)

    def _travel(self, engine: Engine) -> None:
        gathered: list[Any] = idist.all_gather([tuple(parcel) for parcel in self._held])  # type: ignore[assignment]
        self._held.clear()
        for fields in gathered[0]:
            self._deliver(Parcel(*fields))

    def remove(self) -> None:
        """Deliver no more."""
        while self._last:
            self._last.popitem()[1].remove()
