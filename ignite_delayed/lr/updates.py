"""Phases whose steps are updates of the optimizer: counting those that a run really makes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import ExitStack

from ignite.engine import Engine, Events

from ..recording.recorder import Recorder
from .cadence import Cadence
from .optimizer.updates import follow_updates
from .progress import Progress

__all__ = ["UpdateCount"]


class UpdateCount:
    """Counts the updates of a run in ``progress``, and says once where they are not as many as it was told.

    Args:
        recorder: whose trainer's run is meant; what is updated outside of it does not count.
        progress: where the count is kept.
        cadence: as it was told, ``None`` if it was not.
        say: takes the warning, as a logger does.
        step: called before an update that is not the first of its iteration, to set the rate for it.
    """

    def __init__(
        self,
        recorder: Recorder,
        progress: Progress,
        cadence: Cadence | None,
        say: Callable[..., None],
        step: Callable[[Engine], None],
    ) -> None:
        self._recorder, self._progress, self._cadence = recorder, progress, cadence
        self._say, self._step = say, step
        self._set_for = self._before_epoch = self._began_after = 0
        self._told = False

    def attach(self, undo: ExitStack) -> None:
        """Count from now on, until ``undo`` is closed.

        Raises:
            AttachError: for an optimizer that does not say when it makes an update.
        """
        trainer, optimizer = self._recorder.trainer, self._progress.takeover.optimizer
        undo.callback(follow_updates(optimizer, _weakly(self._before), _weakly(self._after)))
        undo.callback(trainer.add_event_handler(Events.EPOCH_STARTED, self._begin_epoch).remove)
        undo.callback(trainer.add_event_handler(Events.ITERATION_STARTED, self._begin_iteration).remove)
        undo.callback(trainer.add_event_handler(Events.EPOCH_COMPLETED, self._compare).remove)

    def _begin_epoch(self, engine: Engine) -> None:
        self._before_epoch, self._began_after = self._progress.updates, engine.state.iteration

    def _begin_iteration(self, engine: Engine) -> None:
        self._set_for = self._progress.updates  # the rate is set as the iteration begins

    def _before(self) -> None:
        if self._recorder.engines.begun() and self._progress.updates != self._set_for:
            self._set_for = self._progress.updates
            self._step(self._recorder.trainer)

    def _after(self) -> None:
        if self._recorder.engines.begun():
            self._progress.updates += 1

    def _compare(self, engine: Engine) -> None:
        """Warn where more updates were made than was told, or far fewer, beyond what AMP may have skipped."""
        batches, made = engine.state.iteration - self._began_after, self._progress.updates - self._before_epoch
        told = self._cadence
        expected = batches / told.batches if told else 0
        odd = not made if told is None else made > -(-batches // told.batches) or 2 * made <= expected - 1
        if self._told or not batches or not odd:
            return
        self._told = True
        every = "unknown" if told is None else f"every {told.batches} batches"
        self._say(
            "%d batches of epoch %d made %d updates of the optimizer, and what was told is: %s. Lengths per update go "
            "by that: say gradient_accumulation_steps= as the training has it, or attach to the optimizer that it "
            "steps. (Said once.)",
            batches,
            engine.state.epoch,
            made,
            every,
        )


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """``method`` for as long as its object lives: an optimizer may outlive what a cell of a notebook attached to it."""
    weak = weakref.WeakMethod(method)

    def call() -> None:
        bound = weak()
        if bound is not None:
            bound()

    return call
