"""The trainer's run: whether we are inside it, whether it is a new one, its clock, and how far it is."""

from __future__ import annotations

import itertools
import math
import threading
import time
import weakref
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events

from ..exceptions import ExceptionWatch
from ..host import all_or_nothing, attach, is_raised_in, is_running, is_running_in, working_generator

__all__ = ["TrainerRun", "planned_iterations", "position"]


_order = itertools.count(1)

# What an interrupted run may go on with.
_GOES_ON = (
    Events.EPOCH_STARTED,
    Events.GET_BATCH_STARTED,
    Events.GET_BATCH_COMPLETED,
    Events.DATALOADER_STOP_ITERATION,
    Events.ITERATION_STARTED,
    Events.ITERATION_COMPLETED,
    Events.EPOCH_COMPLETED,
)


class TrainerRun:
    """Watches one trainer; holds it weakly, since the trainer holds its handlers and they hold us.

    Attributes:
        order: how many runs, of any trainer, had begun when this one did.
    """

    def __init__(self, trainer: Engine) -> None:
        self.order = 0
        self._trainer = weakref.ref(trainer)
        self._generator: weakref.ref[Any] | None = None
        self._started = True  # a run that nobody has asked about yet, where no generator tells
        self._spent = self._seen = 0.0
        self._since: float | None = None
        self._thread = threading.get_ident()  # in which the run was last seen
        self._attached, self._goes_on = ExitStack(), ExitStack()
        self._exceptions = ExceptionWatch(trainer, self._look)
        self._attached.callback(self._exceptions.remove)
        with all_or_nothing(self.remove):
            attach(self._attached, trainer, Events.STARTED, self._on_started)
            attach(self._attached, trainer, Events.TERMINATE, self._on_terminate)
            attach(self._attached, trainer, Events.COMPLETED, self._leave)
            attach(self._attached, trainer, Events.INTERRUPT, self._on_interrupt)

    def remove(self) -> None:
        """Watch no longer."""
        self._attached.close()
        self._goes_on.close()

    @property
    def trainer(self) -> Engine:
        """The trainer, while it lives."""
        trainer = self._trainer()
        if trainer is None:
            raise RuntimeError("the trainer of this recorder does not exist any more: build a new recorder")
        return trainer

    def inside(self) -> bool:
        """Whether the trainer is inside ``run()`` just now."""
        trainer = self._trainer()
        if trainer is None:  # its evaluator may live on
            return False
        generator = self._generator_now()
        return is_running(trainer) or (generator is not None and generator.gi_running)

    def _generator_now(self) -> Any:
        """The generator of the trainer's run, also of one that was dropped on an error, as long as it runs."""
        generator = working_generator(self.trainer)
        if generator is None and self._generator is not None:
            last = self._generator()
            return last if last is not None and last.gi_running else None
        return generator

    def has_own_loop(self) -> bool:
        """Whether the trainer fires events outside of Ignite's ``run()``."""
        trainer = self._trainer()
        if trainer is None or trainer.last_event_name in _BETWEEN_RUNS:
            return False
        return Engine.interrupt_resume_enabled and working_generator(trainer) is None

    def begun(self) -> bool:
        """Whether we are inside a run that :meth:`begins` was asked about already."""
        return self.inside() and not self._is_other()

    def begins(self) -> bool:
        """Whether this run was not seen before: true once a run. The stopwatch runs from here on."""
        new = self._is_other()
        if new:
            self.order = next(_order)
            self._halt()  # an exception ended the run before, and no event said so
            self._started = False
            generator = self._generator_now()
            self._generator = None if generator is None else weakref.ref(generator)
        self._start()
        self._look()
        return new

    def in_own_thread(self) -> bool:
        """Whether this is the thread in which the run was last seen."""
        return self._thread == threading.get_ident()

    def refuse_other_thread(self) -> None:
        """Refuse to be asked for a state in another thread than that in which the run goes on just now.

        Raises:
            RuntimeError: saying what to do instead.
        """
        trainer = self._trainer()
        if trainer is None or self.in_own_thread() or not is_running_in(self._thread, trainer):
            return
        raise RuntimeError(_OTHER_THREAD)

    def _is_other(self) -> bool:
        generator = self._generator_now()
        if generator is None:  # Engine.interrupt_resume_enabled is off: STARTED tells, and it is fired once
            return self._started
        return self._generator is None or self._generator() is not generator

    def _on_started(self, engine: Engine) -> None:
        self._started, self._thread = True, threading.get_ident()
        self._exceptions.begin()

    def _on_terminate(self, engine: Engine) -> None:
        self._look()  # COMPLETED may not come

    def _look(self) -> None:
        """Read the clock while the run goes on: what would be lost if nobody dealt with an exception begins here."""
        self.seconds()

    def _leave(self, engine: Engine) -> None:
        self.seconds()
        self._halt()

    def _on_interrupt(self, engine: Engine) -> None:
        """Let the stopwatch run again from the first event of the run that goes on: Ignite fires none for that."""
        ran = self._since is not None
        self._leave(engine)
        if ran:
            for event in _GOES_ON:
                attach(self._goes_on, engine, event, self._on_going_on)

    def _on_going_on(self, engine: Engine) -> None:
        self._goes_on.close()
        self._thread = threading.get_ident()
        self._start()

    def _start(self) -> None:
        if self._since is None:
            self._since = self._seen = time.monotonic()

    def _halt(self) -> None:
        """Stop the stopwatch where it was last seen running."""
        if self._since is not None:
            self._spent, self._since = self._spent + self._seen - self._since, None

    def set_spent(self, spent: float) -> None:
        """Set the stopwatch to ``spent`` seconds, as it runs or stands."""
        self._spent = spent
        if self._since is not None:
            self._since = self._seen = time.monotonic()

    def seconds(self, *, by_hand: bool = False) -> float:
        """Seconds spent inside the run so far; after an exception, until the clock was last read.

        That may be where the exception is dealt with, as by whoever saves a state before giving up.

        Args:
            by_hand: whether the caller says that it is in a run, which an engine with a loop of its own does not tell.
        """
        if self._since is None:
            return self._spent
        if by_hand or self.inside() or self._is_raised():
            self._seen = time.monotonic()
        return self._spent + self._seen - self._since

    def _is_raised(self) -> bool:
        trainer = self._trainer()
        return trainer is not None and is_raised_in(trainer)

    def end(self, iteration: int) -> dict[str, Any]:
        """Where the trainer stands, if ``iteration`` is the last of its run and it stands there; else nothing."""
        trainer = self._trainer()
        if trainer is None or not iteration == trainer.state.iteration == planned_iterations(trainer):
            return {}
        return {name: getattr(trainer.state, name, None) for name in _PLACE}

    def length(self) -> str:
        """How long the run is to be, in words."""
        state = self.trainer.state
        max_iters = getattr(state, "max_iters", None)
        if max_iters is not None:
            return f"{max_iters} iterations"
        return f"{state.max_epochs or 'some'} epochs"

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


_OTHER_THREAD = (
    "a state was asked for in another thread than that in which the trainer runs, while it does: model, optimizer and "
    "records move on meanwhile, and the parts would be of different moments. Take the states in a handler of the "
    "trainer, and write them elsewhere: what state_dict() of the recorder returns does not change any more"
)

_PLACE = ("iteration", "epoch", "max_epochs", "max_iters", "epoch_length")

# What 8 bytes hold, as the history and the trainer's own tensors do.
_MOST = 2**63 - 1


def _countable(iterations: float) -> int | None:
    """``iterations`` as far as they can be counted; ``None`` for a run without an end."""
    return None if iterations == math.inf else min(int(iterations), _MOST)


# The last events of a run, and none before the first.
_BETWEEN_RUNS = (None, Events.COMPLETED, Events.TERMINATE, Events.EXCEPTION_RAISED, Events.INTERRUPT)

# Ignite counts an epoch and an iteration when they begin; these events come after the count, before the work.
_EPOCH_BEGAN = (Events.EPOCH_STARTED, Events.GET_BATCH_STARTED, Events.GET_BATCH_COMPLETED, Events.ITERATION_STARTED)


def position(trainer: Engine) -> tuple[int, int]:
    """Iterations finished, and epochs finished (one that was begun and has trained a batch counts as finished)."""
    state, event = trainer.state, trainer.last_event_name
    iterations, epochs = state.iteration, state.epoch
    if event == Events.ITERATION_STARTED:
        iterations -= 1
    if event == Events.EPOCH_STARTED or (event in _EPOCH_BEGAN and whole_epochs(trainer, iterations)):
        epochs -= 1
    return iterations, max(epochs, 0)


def whole_epochs(trainer: Engine, iterations: int) -> bool:
    """Whether so many iterations are a number of epochs, 0 included."""
    length = trainer.state.epoch_length
    return iterations % length == 0 if length else iterations == 0
