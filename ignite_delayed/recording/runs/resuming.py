"""How a run begins: afresh, or as the continuation of what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events

from ..._utils.text import logger_of
from ...errors import StateError
from ...history import Record

__all__ = ["Resumption"]

logger = logger_of("Recorder")


class Resumption:
    """Decides whether the next ``trainer.run()`` is a new run or continues a loaded one."""

    def __init__(self) -> None:
        self._loaded = False
        self._saved_at: int | None = None  # the trainer's iteration when the loaded state was saved
        self._reset = False
        self._resumed_at: int | None = None  # the trainer's iteration, of a run that goes through its beginning again
        self._known = False  # the run so far: its beginning was seen, or a state of it loaded
        self._end: Mapping[str, Any] = {}  # where the trainer stood whose loaded run was finished

    def load(self, saved_at: int | None = None, end: Mapping[str, Any] | None = None) -> None:
        """A state was loaded, which was saved at the trainer's iteration ``saved_at``; ``end`` if that is its last."""
        self._loaded = self._known = True
        if saved_at is not None:
            self._saved_at, self._end = saved_at, end or {}
        self._reset = False

    def load_inside(self, trainer: Engine, saved_at: int | None) -> None:
        """A state was loaded into the run that ``trainer`` is in; as it begins, it goes on from there."""
        if trainer.last_event_name == Events.STARTED and saved_at is not None:
            self._resumed_at = saved_at

    @property
    def resumed_at(self) -> int | None:
        """The trainer's iteration at which the run went on from a loaded state; ``None`` where it did not."""
        return self._resumed_at

    def reset(self) -> None:
        """What was known was given up on purpose."""
        self._loaded, self._saved_at, self._end = False, None, {}
        self._reset = self._known = True

    def is_fresh(self, trainer: Engine, last: Record | None) -> bool:
        """Whether the run of ``trainer`` that begins now is a new one; ``last`` is the last record before it.

        Raises:
            StateError: where a state of a later moment was loaded into the recorder, but none into the trainer.
        """
        if self._loaded and not trainer.state.iteration:
            self._return_to_end(trainer)
        iteration, saved_at = trainer.state.iteration, self._saved_at
        if self._loaded and saved_at and not iteration:
            raise StateError(_TWO_WAYS.format(saved_at=saved_at))
        fresh = self._reset or (iteration == 0 and not self._loaded)
        if self._loaded and saved_at is not None:
            _compare(iteration, saved_at)
        elif not fresh and last is not None and iteration < last.iteration:
            logger.warning(
                "the trainer goes back to iteration %d, but the recorder has records up to iteration %d: it goes on "
                "counting from there. Load the recorder's state of that iteration as well, or call recorder.reset().",
                iteration,
                last.iteration,
            )
        elif not self._known and trainer.last_event_name == Events.STARTED and iteration:
            logger.warning(
                "the trainer starts at iteration %d, but nothing was loaded into this recorder: history, gates and "
                "stops begin here. To resume a run load the recorder's state too: "
                "Checkpoint.load_objects({'trainer': trainer, **recorder.to_save()}, path).",
                iteration,
            )
        self._resumed_at = iteration if self._loaded else None
        self._loaded, self._saved_at, self._reset, self._known = False, None, False, True
        self._end = {}
        return fresh

    def _return_to_end(self, trainer: Engine) -> None:
        """Put ``trainer`` back where it was loaded: Ignite begins a finished run anew, and what follows ends it."""
        for name, value in self._end.items():
            setattr(trainer.state, name, value)
        if self._end:
            logger.info(
                "the run was finished at iteration %d, when its state was saved: nothing is trained, and COMPLETED is "
                "fired again. To train on, give run() a larger max_epochs; to start afresh, call recorder.reset().",
                trainer.state.iteration,
            )

    def replays_start(self, trainer: Engine) -> bool:
        """Whether ``trainer`` fires an event that the run fired before it was cut: its clock has been looked at.

        The epoch at STARTED is one less than it was then, and the epoch that was cut is started twice.
        """
        event = trainer.last_event_name
        if self._resumed_at is None or event not in _BEGINNING or trainer.state.iteration != self._resumed_at:
            return False
        return event == Events.STARTED or self._in_mid_epoch(trainer)

    def replays_evaluation(self, trainer: Engine, at_start: bool) -> bool:
        """Whether an evaluation made now repeats one that the run made before it was cut.

        Args:
            trainer: whose event goes on.
            at_start: whether the run evaluated at STARTED when it was new. Otherwise one that is made at STARTED after
                a whole epoch makes up for the one that the cut had kept from being made.
        """
        if not self.replays_start(trainer):
            return False
        return self._in_mid_epoch(trainer) or at_start

    def _in_mid_epoch(self, trainer: Engine) -> bool:
        length = trainer.state.epoch_length
        return length is not None and trainer.state.iteration % length != 0


_BEGINNING = (Events.STARTED, Events.EPOCH_STARTED)

_TWO_WAYS = (
    "the recorder's state was saved at iteration {saved_at}, but the trainer starts at iteration 0. Either load the "
    "trainer's state too, as in Checkpoint.load_objects({{'trainer': trainer, **recorder.to_save()}}, path), or call "
    "recorder.reset() to start afresh. (A trainer whose run was finished starts again at 0: to train on, give run() "
    "a larger max_epochs; to end at once, load the trainer's state before the recorder's.)"
)


def _compare(iteration: int, saved_at: int) -> None:
    if saved_at < iteration:
        logger.warning(
            "the recorder's state is behind: it was saved at iteration %d, the trainer goes on from iteration %d. What "
            "was evaluated in between is missing; save both in one checkpoint.",
            saved_at,
            iteration,
        )
    elif saved_at > iteration:
        logger.warning(
            "the recorder's state is ahead: it was saved at iteration %d, the trainer goes on from iteration %d. What "
            "is evaluated in between counts twice; load both from one checkpoint.",
            saved_at,
            iteration,
        )
