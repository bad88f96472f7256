"""The trainer's run: whether we are inside it, whether it is a new one, and its clock."""

from __future__ import annotations

import time
import weakref
from typing import Any

from ignite.engine import Engine, Events

__all__ = ["Run"]


class Run:
    """Watches one trainer; holds it weakly, since the trainer holds its handlers and they hold us."""

    def __init__(self, trainer: Engine) -> None:
        self._trainer = weakref.ref(trainer)
        self._generator: weakref.ref[Any] | None = None
        self._legacy = False
        self._spent = 0.0
        self._since: float | None = None
        self.handles = [
            trainer.add_event_handler(Events.COMPLETED, self._leave),
            trainer.add_event_handler(Events.INTERRUPT, self._leave),
        ]

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
        generator: Any = self.trainer._internal_run_generator
        if generator is not None and generator.gi_running:
            return True
        return self._legacy and not Engine.interrupt_resume_enabled

    def is_new(self) -> bool:
        """Whether this run has not been seen before; true once a run."""
        generator = self.trainer._internal_run_generator
        if generator is None:  # interrupt_resume_enabled is off: only STARTED tells, and it is fired once
            new, self._legacy = not self._legacy, True
            return new
        known = None if self._generator is None else self._generator()
        self._generator = weakref.ref(generator)
        return generator is not known

    def _leave(self, engine: Engine) -> None:
        self._spent, self._since, self._legacy = self.seconds(), None, False

    def restart(self, spent: float) -> None:
        """Set the stopwatch to ``spent`` seconds, running."""
        self._spent, self._since = spent, time.monotonic()

    def set_spent(self, spent: float) -> None:
        """Set the stopwatch to ``spent`` seconds, as it runs or stands."""
        self._spent, self._since = spent, None if self._since is None else time.monotonic()

    def seconds(self) -> float:
        """Seconds spent inside the run so far."""
        if self._since is None:
            return self._spent
        return self._spent + time.monotonic() - self._since

    def touch(self) -> None:
        """Let the stopwatch run again after an interruption."""
        if self._since is None:
            self._since = time.monotonic()

    def planned(self) -> int | None:
        """Iterations the whole run will take, ``None`` while that is not known."""
        state = self.trainer.state
        if state.max_iters is not None:
            return int(state.max_iters)
        if state.max_epochs is None or state.epoch_length is None:
            return None
        return int(state.max_epochs * state.epoch_length)
