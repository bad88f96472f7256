"""Watching an engine for its observations: an evaluator that finished an epoch, or the trainer's own metrics."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from enum import Enum, auto

from ignite.engine import Engine, Events

from ..._utils.text import logger_of
from ...errors import AttachError
from ..exceptions import ExceptionWatch
from ..host import all_or_nothing, attach, detach, fires, is_running, lacks
from .stale import StaleValues

__all__ = ["EvaluatorWatch", "TrainerWatch", "Watch", "check_watchable", "refuse_swapped", "watch_engine"]

logger = logger_of("Recorder")

Observer = Callable[["Watch", Engine], None]


class Watch:
    """Calls ``observe`` whenever the metrics of ``engine`` are to be read.

    Args:
        engine: held weakly.
        observe: called with this and the engine.
        optional: the metrics that not every observation has: a value of an observation before is put aside.
    """

    finished = True  # an epoch, so that the metrics are this run's

    def __init__(self, engine: Engine, observe: Observer, optional: Collection[str] = ()) -> None:
        self._engine = weakref.ref(engine)
        self._observer = observe
        self._stale = StaleValues(optional)
        self._attached = ExitStack()

    @property
    def engine(self) -> Engine | None:
        """The engine, while it lives."""
        return self._engine()

    def _observe(self, engine: Engine) -> None:
        try:
            self._observer(self, engine)
        finally:
            self._stale.put_back(engine.state.metrics)

    def record_pending(self) -> None:
        """Record the running event now, before a checkpoint in the same event saves a state without it."""

    def is_pending(self) -> bool:
        """Whether the running event is an observation that was not recorded yet."""
        return False

    def call_after(self, handler: Callable[[Engine], None]) -> Callable[[], None] | None:
        """Call ``handler`` at each end of an epoch, once its metrics were recorded; what is returned undoes that.

        ``None`` where they are not recorded at that event.
        """
        return None

    def remove(self) -> None:
        """Watch no longer. A second call does nothing."""
        self._attached.close()


class _Evaluation(Enum):
    """How far an evaluation of an evaluator is."""

    RUNNING = auto()
    CUT_SHORT = auto()  # by terminate_epoch(): the user wanted part of the data
    BROKEN = auto()  # by an exception, which a handler may have swallowed
    RECORDED_EARLY = auto()  # in COMPLETED, before its own handler there
    OVER = auto()


class EvaluatorWatch(Watch):
    """Reads an evaluator at its COMPLETED, and tells whether it really finished an epoch in this run.

    COMPLETED is fired for a terminated evaluator too, which still shows the metrics of the run before; and an
    exception that a handler swallowed leaves metrics of part of the data.
    """

    def __init__(self, engine: Engine, observe: Observer, optional: Collection[str] = ()) -> None:
        super().__init__(engine, observe, optional)
        self.finished = False
        self._evaluation = _Evaluation.RUNNING
        self._exceptions = ExceptionWatch(engine, self._on_exception)
        self._attached.callback(self._exceptions.remove)
        with all_or_nothing(self.remove):
            attach(self._attached, engine, Events.STARTED, self._on_started)
            attach(self._attached, engine, Events.TERMINATE_SINGLE_EPOCH, self._on_terminate_epoch)
            attach(self._attached, engine, Events.EPOCH_COMPLETED, self._on_epoch_completed)
            attach(self._attached, engine, Events.COMPLETED, self._on_completed)

    def _on_started(self, engine: Engine) -> None:
        self.finished, self._evaluation = False, _Evaluation.RUNNING
        self._stale.put(engine.state.metrics)
        self._exceptions.begin()

    def _on_exception(self) -> None:
        self._evaluation = _Evaluation.BROKEN

    def _on_terminate_epoch(self, engine: Engine, iter_counter: int) -> None:
        if self._evaluation is _Evaluation.RUNNING:
            self._evaluation = _Evaluation.CUT_SHORT

    def _on_epoch_completed(self, engine: Engine) -> None:
        state = engine.state
        whole = not state.epoch_length or state.iteration % state.epoch_length == 0
        wanted = whole or self._evaluation is _Evaluation.CUT_SHORT
        self.finished = wanted and self._evaluation is not _Evaluation.BROKEN

    def is_pending(self) -> bool:
        engine = self.engine
        if engine is None or self._evaluation in (_Evaluation.RECORDED_EARLY, _Evaluation.OVER):
            return False
        return self.finished and fires(engine, Events.COMPLETED)

    def record_pending(self) -> None:
        engine = self.engine
        if engine is not None and self.is_pending():
            self._evaluation = _Evaluation.RECORDED_EARLY
            self._observe(engine)

    def _on_completed(self, engine: Engine) -> None:
        if self._evaluation is not _Evaluation.RECORDED_EARLY:
            self._evaluation = _Evaluation.OVER
            self._observe(engine)


class TrainerWatch(Watch):
    """Reads the trainer's own metrics once an epoch, or each so many iterations, whatever the order of attaching.

    For that it moves to the end of its event at the start of each epoch. What is gated on EPOCH_COMPLETED of the
    trainer is called after it: the record that opens a gate must come before the handlers it lets through.

    Args:
        every: iterations from one reading to the next; ``None`` for the end of each epoch.
    """

    def __init__(
        self, engine: Engine, observe: Observer, optional: Collection[str] = (), *, every: int | None = None
    ) -> None:
        super().__init__(engine, observe, optional)
        self.every = every
        self._event = Events.EPOCH_COMPLETED if every is None else Events.ITERATION_COMPLETED
        self._after: list[Callable[[Engine], None]] = []
        self._warned = False
        self._read_at = -1  # the iteration
        self._last = engine.add_event_handler(self._event, self._on_event)
        self._attached.callback(self._leave_end)
        with all_or_nothing(self.remove):
            attach(self._attached, engine, Events.EPOCH_STARTED, self._on_epoch_started)

    def call_after(self, handler: Callable[[Engine], None]) -> Callable[[], None] | None:
        if self.every is not None:
            return None
        self._after.append(handler)
        return lambda: self._after.remove(handler)

    def _leave_end(self) -> None:
        detach(self._last)

    def _on_epoch_started(self, engine: Engine) -> None:
        self._leave_end()
        self._last = engine.add_event_handler(self._event, self._on_event)
        if self.every is None:
            self._stale.put(engine.state.metrics)

    def _on_event(self, engine: Engine) -> None:
        if self._is_due(engine):
            self._read_at = engine.state.iteration
            self._observe(engine)
        for handler in list(self._after):
            handler(engine)

    def _is_due(self, engine: Engine) -> bool:
        return self.every is None or engine.state.iteration % self.every == 0

    def record_pending(self) -> None:
        # Not read here: evaluators and metrics whose turn comes later in this event would be passed over.
        engine = self.engine
        if engine is None or self._warned or not (fires(engine, self._event) and self._is_due(engine)):
            return
        if self._read_at != engine.state.iteration:
            self._warned = True
            unit, fix = ("epoch", "Events.EPOCH_STARTED | Events.COMPLETED")
            if self.every is not None:
                unit, fix = "iteration", "Events.EPOCH_COMPLETED"
            logger.warning(
                "a state is saved at the trainer's %s, before its own metrics of this %s are recorded: "
                "a run resumed from it lacks them. Save on %s. (Said once.)",
                self._event.name,
                unit,
                fix,
            )


def watch_engine(
    engine: Engine, trainer: Engine, observe: Observer, optional: Collection[str], *, every: int | None
) -> Watch:
    """A watch of ``engine``: of the trainer for its own metrics, of any other for its evaluations."""
    if engine is trainer:
        return TrainerWatch(engine, observe, optional, every=every)
    return EvaluatorWatch(engine, observe, optional)


_LOOPS = (Events.STARTED, Events.EPOCH_STARTED, Events.ITERATION_STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED)


def check_watchable(trainer: Engine, engines: Iterable[Engine]) -> None:
    """Refuse to watch ``engines``, or the clock of their ``trainer``, where Ignite's own events are missing.

    Raises:
        AttachError: saying what to do instead.
    """
    for engine in dict.fromkeys(engines):
        for one in (trainer, engine):
            missing = [event.name for event in _LOOPS if lacks(one, event)]
            if missing:
                raise AttachError(
                    f"{type(one).__name__} does not fire {', '.join(missing)}: an engine with a loop of its own is not "
                    "watched. Record by hand instead: recorder = Recorder(trainer), and recorder.record({'loss': ...}) "
                    "wherever it evaluates"
                )


def refuse_swapped(trainer: Engine, engines: Iterable[Engine]) -> None:
    """Refuse that ``trainer`` begins to run inside of a run of one of ``engines``.

    Raises:
        AttachError: saying what was meant.
    """
    if any(engine is not trainer and is_running(engine) for engine in engines):
        raise AttachError(
            "the trainer of this recorder began to run inside of a run of its evaluator: the two are swapped. "
            "Write Recorder(trainer, evaluator)"
        )
