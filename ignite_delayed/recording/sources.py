"""Where records come from: an evaluator that finished an epoch, or the trainer's own metrics."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from ignite.engine import Engine, Events

from ..errors import UnknownMetricError
from ..history.metrics import as_float

if TYPE_CHECKING:
    from ..conditions import Condition

__all__ = ["EvaluatorSource", "Source", "TrainerSource", "refuse_unreported"]

logger = logging.getLogger("ignite_delayed.Recorder")

Observer = Callable[["Source", Engine], None]


class Source:
    """An engine whose metrics are recorded under a name."""

    counts = True  # as an evaluation
    finished = True  # an epoch, so that the metrics are this run's
    handles: list[Any]

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        self.name = name
        self._engine = weakref.ref(engine)
        self._observe = observe
        #: The trainer's iteration at which this source was recorded last, -1 before.
        self.last_iteration = -1

    @property
    def engine(self) -> Engine | None:
        """The engine, while it lives."""
        return self._engine()

    def catch_up(self) -> None:
        """Have observed by now what the engine shows in the event that it fires just now."""

    def read(self, engine: Engine) -> tuple[dict[str, float], dict[str, str]]:
        """The engine's metrics by the names that records give them, and of those that are no number why not."""
        values: dict[str, float] = {}
        unusable: dict[str, str] = {}
        for metric, value in engine.state.metrics.items():
            name = f"{self.name}/{metric}" if self.name else str(metric)
            try:
                values[name] = as_float(value)
            except ValueError as reason:
                unusable[name] = str(reason)
        return values, unusable


class EvaluatorSource(Source):
    """Reads an evaluator at its COMPLETED, if it really finished an epoch in this run.

    COMPLETED is fired for a terminated evaluator too, which still shows the metrics of the run before; and an
    exception that a handler swallowed leaves metrics of part of the data.
    """

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        super().__init__(name, engine, observe)
        self._watch: Any = None
        self._forget()
        self.handles = [
            self,
            engine.add_event_handler(Events.STARTED, self._on_started),
            engine.add_event_handler(Events.TERMINATE_SINGLE_EPOCH, self._on_terminate_epoch),
            engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed),
            engine.add_event_handler(Events.COMPLETED, self._on_completed),
        ]

    def _forget(self) -> None:
        """Know nothing of a run yet."""
        self.finished = self._cut_short = self._ahead = self._broken = False
        self._due = True

    def _on_started(self, engine: Engine) -> None:
        self._forget()
        # Only beside others: by itself a handler of EXCEPTION_RAISED would count as one that deals with it.
        if self._watch is None and engine._event_handlers.get(Events.EXCEPTION_RAISED):
            self._watch = engine.add_event_handler(Events.EXCEPTION_RAISED, self._on_exception)

    def _on_exception(self, error: BaseException) -> None:
        self._broken = True
        engine = self._engine()
        if engine is None or len(engine._event_handlers[Events.EXCEPTION_RAISED]) == 1:
            raise error

    def remove(self) -> None:
        """Watch no longer."""
        engine = self._engine()
        if self._watch is None or engine is None:
            return
        self._watch.remove()
        self._watch = None
        if not engine._event_handlers.get(Events.EXCEPTION_RAISED):
            engine._event_handlers.pop(Events.EXCEPTION_RAISED, None)

    def _on_terminate_epoch(self, engine: Engine, iter_counter: int) -> None:
        self._cut_short = True  # by terminate_epoch(): the user wanted part of the data

    def _on_epoch_completed(self, engine: Engine) -> None:
        state = engine.state
        whole = not state.epoch_length or state.iteration % state.epoch_length == 0
        self.finished = (whole or self._cut_short) and not self._broken

    def catch_up(self) -> None:
        engine = self._engine()
        if engine is not None and self._due and self.finished and _fires(engine, Events.COMPLETED):
            self._due, self._ahead = False, True
            self._observe(self, engine)

    def _on_completed(self, engine: Engine) -> None:
        if not self._ahead:
            self._due = False
            self._observe(self, engine)


class TrainerSource(Source):
    """Reads the trainer's own metrics once an epoch, after they were computed whatever the order of attaching.

    For that it moves to the end of EPOCH_COMPLETED at the start of each epoch. What is gated on EPOCH_COMPLETED of
    the trainer follows it, in ``after``: the record that opens a gate must come before the handlers it lets through.
    """

    counts = False

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        super().__init__(name, engine, observe)
        self.after: list[Callable[[Engine], None]] = []
        self._warned = False
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)
        self.handles = [self, engine.add_event_handler(Events.EPOCH_STARTED, self._move_to_end)]

    def _move_to_end(self, engine: Engine) -> None:
        self._last.remove()
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)

    def _on_epoch_completed(self, engine: Engine) -> None:
        self._observe(self, engine)
        for handler in list(self.after):
            handler(engine)

    def catch_up(self) -> None:
        # Not read here: evaluators and metrics whose turn comes later in this event would be passed over.
        engine = self._engine()
        if engine is None or self._warned or not _fires(engine, Events.EPOCH_COMPLETED):
            return
        if self.last_iteration != engine.state.iteration:
            self._warned = True
            logger.warning(
                "a state is saved at the trainer's EPOCH_COMPLETED, before its own metrics of this epoch are recorded: "
                "a run resumed from it lacks them. Save on Events.EPOCH_STARTED | Events.COMPLETED. (Said once.)"
            )

    def remove(self) -> None:
        """Stop reading."""
        self._last.remove()


def _fires(engine: Engine, event: Any) -> bool:
    """Whether ``engine`` is inside the handlers of ``event``."""
    generator: Any = engine._internal_run_generator  # None where Engine.interrupt_resume_enabled is off
    return engine.last_event_name == event and (generator is None or bool(generator.gi_running))


def refuse_unreported(name: str, condition: Condition, sources: Iterable[str], rates: Iterable[str]) -> NoReturn:
    """Raise, at once, where none of ``sources`` can report the metric ``name`` that ``condition`` reads."""
    if name == "lr" or name.startswith("lr/"):
        known = ", ".join(map(repr, rates)) or "none: give the recorder optimizer="
        raise UnknownMetricError(f"{condition!r} reads {name!r}; learning rates recorded: {known}")
    named = list(sources)
    raise UnknownMetricError(
        f"{condition!r} reads {name!r}, which none of the evaluators {', '.join(map(repr, named))} can report: with "
        f"named evaluators a metric is named like {named[0]}/{name.rpartition('/')[2]}"
    )
