"""Evaluation on rank 0 alone: its records travel to all ranks at the end of the trainer's epoch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import ignite.distributed as idist
from ignite.engine import Engine, Events

from ..errors import DesyncError

__all__ = ["Evaluation", "Rank0Relay"]


class Evaluation(NamedTuple):
    """What one evaluation measured, and when: not yet a record. Every evaluation is one, on however many ranks."""

    source: str
    values: dict[str, float]
    unusable: dict[str, str]
    epoch: int
    iteration: int
    seconds: float


class Rank0Relay:
    """Holds what rank 0 measured, and hands it over on every rank at the same moment.

    That is the end of EPOCH_COMPLETED, after whoever evaluates there, and the end of COMPLETED; like a reader of the
    trainer's own metrics it moves to the end of the order for that.
    """

    def __init__(self, trainer: Engine, deliver: Callable[[Evaluation], None]) -> None:
        self._deliver = deliver
        self._held: list[Evaluation] = []
        self._last: dict[Any, Any] = {}
        self._move_to_end(trainer)
        self._attached = ExitStack()
        for event in (Events.STARTED, Events.EPOCH_STARTED):
            self._attached.callback(trainer.add_event_handler(event, self._move_to_end).remove)

    def hold(self, evaluation: Evaluation) -> None:
        """Take an evaluation along.

        Raises:
            DesyncError: on another rank than 0, which was said to evaluate alone.
        """
        if idist.get_rank() != 0:
            raise DesyncError(
                f"evaluate_on='rank0' was given, but rank {idist.get_rank()} evaluates too: run the evaluator on "
                "rank 0 alone, or leave evaluate_on out"
            )
        self._held.append(evaluation)

    def _move_to_end(self, engine: Engine) -> None:
        self._leave_end()
        for event in (Events.EPOCH_COMPLETED, Events.COMPLETED):
            self._last[event] = engine.add_event_handler(event, self._travel)

    def _travel(self, engine: Engine) -> None:
        gathered: list[Any] = idist.all_gather([tuple(evaluation) for evaluation in self._held])  # type: ignore[assignment]
        self._held.clear()
        for fields in gathered[0]:
            self._deliver(Evaluation(*fields))

    def _leave_end(self) -> None:
        while self._last:
            self._last.popitem()[1].remove()

    def remove(self) -> None:
        """Deliver no more."""
        self._attached.close()
        self._leave_end()
