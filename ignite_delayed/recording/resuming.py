"""How a run begins: afresh, or as the continuation of what is known of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ignite.engine import Engine, Events

from ..errors import StateError

if TYPE_CHECKING:
    from ..history.record import Record

__all__ = ["Beginning"]

logger = logging.getLogger("ignite_delayed.Recorder")


class Beginning:
    """What a recorder was told before the run that begins next, and what follows from it."""

    def __init__(self) -> None:
        self._loaded = False
        self._stamp: int | None = None  # the trainer's iteration when the loaded state was saved
        self._reset = False
        self._again = False  # a run that was cut and loaded goes through its beginning once more
        self._knows = False  # the run so far: its beginning was seen, or a state of it loaded

    def load(self, stamp: int | None = None) -> None:
        """A state was loaded, which was saved at the trainer's iteration ``stamp``."""
        self._loaded = self._knows = True
        self._stamp = self._stamp if stamp is None else stamp
        self._reset = False

    def reset(self) -> None:
        """What was known was given up on purpose."""
        self._loaded, self._stamp = False, None
        self._reset = self._knows = True

    def is_fresh(self, trainer: Engine, last: Record | None) -> bool:
        """Whether the run of ``trainer`` that begins now is a new one; ``last`` is the last record before it.

        Raises:
            StateError: where a state of a later moment was loaded into the recorder, but none into the trainer.
        """
        iteration, stamp = trainer.state.iteration, self._stamp
        if self._loaded and stamp and not iteration:
            # Ignite keeps the generator of a run that raised, and would make the next run() a silent no-op.
            trainer._internal_run_generator = None
            raise StateError(_TWO_WAYS.format(stamp=stamp))
        fresh = self._reset or (iteration == 0 and not self._loaded)
        if self._loaded and stamp is not None:
            _compare(iteration, stamp)
        elif not fresh and last is not None and iteration < last.iteration:
            logger.warning(
                "the trainer goes back to iteration %d, but the recorder has records up to iteration %d: it goes on "
                "counting from there. Load the recorder's state of that iteration as well, or call recorder.reset().",
                iteration,
                last.iteration,
            )
        elif not self._knows and trainer.last_event_name == Events.STARTED and iteration:
            logger.warning(
                "the trainer starts at iteration %d, but nothing was loaded into this recorder: history, gates and "
                "stops begin here. To resume a run load the recorder's state too: "
                "Checkpoint.load_objects({'trainer': trainer, **recorder.to_save()}, path).",
                iteration,
            )
        self._again = self._loaded
        self._loaded, self._stamp, self._reset, self._knows = False, None, False, True
        return fresh

    def is_repeated(self, trainer: Engine) -> bool:
        """Whether ``trainer`` fires an event that the run fired before it was cut: its clock has been looked at.

        The epoch at STARTED is one less than it was then, and the epoch that was cut is started twice.
        """
        if not self._again or trainer.last_event_name == Events.STARTED:
            return self._again
        self._again = False
        length, started = trainer.state.epoch_length, trainer.last_event_name == Events.EPOCH_STARTED
        return started and length is not None and trainer.state.iteration % length != 0


_TWO_WAYS = (
    "the recorder's state was saved at iteration {stamp}, but the trainer starts at iteration 0. Either load the "
    "trainer's state too, as in Checkpoint.load_objects({{'trainer': trainer, **recorder.to_save()}}, path), or call "
    "recorder.reset() to start afresh. (A trainer whose run was finished starts again at 0: to train on, give run() "
    "a larger max_epochs.)"
)


def _compare(iteration: int, stamp: int) -> None:
    if stamp < iteration:
        logger.warning(
            "the recorder's state is behind: it was saved at iteration %d, the trainer goes on from iteration %d. What "
            "was evaluated in between is missing; save both in one checkpoint.",
            stamp,
            iteration,
        )
    elif stamp > iteration:
        logger.warning(
            "the recorder's state is ahead: it was saved at iteration %d, the trainer goes on from iteration %d. What "
            "is evaluated in between counts twice; load both from one checkpoint.",
            stamp,
            iteration,
        )
