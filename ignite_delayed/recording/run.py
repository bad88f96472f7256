"""The trainer's run: whether we are inside it, whether it is a new one, its clock, and how far it is."""

from __future__ import annotations

import math
import time
import weakref
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events

from .host import working_generator

__all__ = ["TrainerRun", "planned_iterations", "position"]


class TrainerRun:
    """Watches one trainer; holds it weakly, since the trainer holds its handlers and they hold us."""

    def __init__(self, trainer: Engine) -> None:
        self._trainer = weakref.ref(trainer)
        self._generator: weakref.ref[Any] | None = None
        self._legacy = self._started = False
        self._spent = self._seen = 0.0
        self._since: float | None = None
        self._attached = ExitStack()
        self._attached.callback(trainer.add_event_handler(Events.STARTED, self._on_started).remove)
        for event in (Events.COMPLETED, Events.INTERRUPT):
            self._attached.callback(trainer.add_event_handler(event, self._leave).remove)

    def remove(self) -> None:
        """Watch no longer."""
        self._attached.close()

    @property
    def trainer(self) -> Engine:
        """The trainer, while it lives."""
        trainer = self._trainer()
        if trainer is None:
            raise RuntimeError("the trainer of this recorder does not exist any more: build a new recorder")
        return trainer

    def inside(self) -> bool:
        """Whether the trainer is inside ``run()`` just now.

        Events do not tell: ``interrupt()`` leaves without an end, an exception without any event, and both come
        back without a start. The generator that Ignite runs in does.
        """
        trainer = self._trainer()
        if trainer is None:  # its evaluator may live on
            return False
        generator = working_generator(trainer)
        if generator is not None and generator.gi_running:
            return True
        return self._legacy and not Engine.interrupt_resume_enabled

    def begun(self) -> bool:
        """Whether we are inside a run that :meth:`begins` was asked about already."""
        return self.inside() and not self._is_other()

    def begins(self) -> bool:
        """Whether this run was not seen before: true once a run. The stopwatch runs from here on."""
        new = self._is_other()
        if new:
            self._halt()  # an exception ended the run before, and no event said so
            self._started = False
            generator = working_generator(self.trainer)
            self._generator = None if generator is None else weakref.ref(generator)
        if self._since is None:
            self._since = self._seen = time.monotonic()
        return new

    def _is_other(self) -> bool:
        generator = working_generator(self.trainer)
        if generator is None:  # Engine.interrupt_resume_enabled is off: STARTED tells, and it is fired once
            return self._started
        return self._generator is None or self._generator() is not generator

    def _on_started(self, engine: Engine) -> None:
        self._legacy = self._started = working_generator(engine) is None

    def _leave(self, engine: Engine) -> None:
        self._legacy = False
        self.seconds()
        self._halt()

    def _halt(self) -> None:
        """Stop the stopwatch where it was last seen running."""
        if self._since is not None:
            self._spent, self._since = self._spent + self._seen - self._since, None

    def set_spent(self, spent: float) -> None:
        """Set the stopwatch to ``spent`` seconds, as it runs or stands."""
        self._spent = spent
        if self._since is not None:
            self._since = self._seen = time.monotonic()

    def seconds(self) -> float:
        """Seconds spent inside the run so far; after an exception, until the clock was last read."""
        if self._since is None:
            return self._spent
        if self.inside():
            self._seen = time.monotonic()
        return self._spent + self._seen - self._since

    def planned(self) -> int | None:
        """Iterations the whole run will take, ``None`` while that is not known."""
        return planned_iterations(self.trainer)


def planned_iterations(trainer: Engine) -> int | None:
    """Iterations the whole run of ``trainer`` will take, ``None`` while that is not known."""
    state = trainer.state
    max_iters = getattr(state, "max_iters", None)  # since Ignite 0.5.5
    if max_iters is not None:
        return _countable(max_iters)
    if state.max_epochs is None or state.epoch_length is None:
        return None
    return _countable(state.max_epochs * state.epoch_length)


# What 8 bytes hold, as the history and the trainer's own tensors do.
_MOST = 2**63 - 1


def _countable(iterations: float) -> int | None:
    """``iterations`` as far as they can be counted; ``None`` for a run without an end."""
    return None if iterations == math.inf else min(int(iterations), _MOST)


# Ignite counts an epoch and an iteration when they begin; these events come after the count, before the work.
_EPOCH_BEGAN = (Events.EPOCH_STARTED, Events.GET_BATCH_STARTED, Events.GET_BATCH_COMPLETED, Events.ITERATION_STARTED)


def position(trainer: Engine) -> tuple[int, int]:
    """Iterations finished, and epochs finished (one that was begun and has trained a batch counts as finished)."""
    state, event = trainer.state, trainer.last_event_name
    iterations, epochs = state.iteration, state.epoch
    if event == Events.ITERATION_STARTED:
        iterations -= 1
    whole = iterations % state.epoch_length == 0 if state.epoch_length else iterations == 0
    if event == Events.EPOCH_STARTED or (event in _EPOCH_BEGAN and whole):
        epochs -= 1
    return iterations, max(epochs, 0)
