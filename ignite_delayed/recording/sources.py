"""Where records come from: an evaluator that finished an epoch, or the trainer's own metrics."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from enum import Enum, auto
from typing import Any, NoReturn

from ignite.engine import Engine, Events

from .._utils.checks import check_name, refuse_type, refuse_value
from ..conditions import Condition
from ..errors import UnknownMetricError
from ..history.metrics import as_float
from .host import attached_handlers, drop_if_empty, fires

__all__ = ["EvaluatorSource", "Source", "TrainerSource", "check_engines", "refuse_unreported"]

logger = logging.getLogger("ignite_delayed.Recorder")

Observer = Callable[["Source", Engine], None]


class Source:
    """An engine whose metrics are recorded under a name: the interface of every source.

    It calls ``observe(self, engine)`` when an observation is complete. That asks :attr:`finished`, :meth:`read`, and
    whether :attr:`last_iteration` is another one, and makes the record; it may refuse, and says so in the log itself.

    Args:
        name: in ``"name/metric"`` and in the saved state; ``""`` for the one unnamed evaluator, whose metrics keep
            their names.
        engine: whose metrics are read; held weakly.
        observe: called with this source and the engine.
    """

    #: Whether its records count as evaluations: for ``After(evaluations=)`` and ``record.evaluation``.
    counts = True
    #: Whether the engine has really finished an epoch, so that the metrics it shows are of this run.
    finished = True

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        self.name = name
        self._engine = weakref.ref(engine)
        self._observe = observe
        self._attached = ExitStack()
        #: The trainer's iteration at which this source was recorded last, -1 before.
        self.last_iteration = -1

    @property
    def engine(self) -> Engine | None:
        """The engine, while it lives."""
        return self._engine()

    def record_pending(self) -> None:
        """Record the running event now, before a checkpoint in the same event saves a state without it."""

    def remove(self) -> None:
        """Watch no longer."""
        self._attached.close()

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


class _Evaluation(Enum):
    """How far an evaluation of an evaluator is."""

    RUNNING = auto()
    CUT_SHORT = auto()  # by terminate_epoch(): the user wanted part of the data
    BROKEN = auto()  # by an exception, which a handler may have swallowed
    RECORDED_EARLY = auto()  # in COMPLETED, before its own handler there
    OVER = auto()


class EvaluatorSource(Source):
    """Reads an evaluator at its COMPLETED, if it really finished an epoch in this run.

    COMPLETED is fired for a terminated evaluator too, which still shows the metrics of the run before; and an
    exception that a handler swallowed leaves metrics of part of the data.
    """

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        super().__init__(name, engine, observe)
        self.finished = False
        self._evaluation = _Evaluation.RUNNING
        self._exceptions: Any = None  # our handler of EXCEPTION_RAISED
        self._attached.callback(self._ignore_exceptions)
        for event, handler in (
            (Events.STARTED, self._on_started),
            (Events.TERMINATE_SINGLE_EPOCH, self._on_terminate_epoch),
            (Events.EPOCH_COMPLETED, self._on_epoch_completed),
            (Events.COMPLETED, self._on_completed),
        ):
            self._attached.callback(engine.add_event_handler(event, handler).remove)

    def _on_started(self, engine: Engine) -> None:
        self.finished, self._evaluation = False, _Evaluation.RUNNING
        # Only beside others: by itself a handler of EXCEPTION_RAISED would count as one that deals with it.
        if self._exceptions is None and attached_handlers(engine, Events.EXCEPTION_RAISED):
            self._exceptions = engine.add_event_handler(Events.EXCEPTION_RAISED, self.on_exception)

    def on_exception(self, error: BaseException) -> None:
        """Notice the exception; deals with none."""
        self._evaluation = _Evaluation.BROKEN
        engine = self.engine
        if engine is None or len(attached_handlers(engine, Events.EXCEPTION_RAISED)) == 1:
            raise error

    def _ignore_exceptions(self) -> None:
        engine = self.engine
        if self._exceptions is not None and engine is not None:
            self._exceptions.remove()
            self._exceptions = None
            drop_if_empty(engine, Events.EXCEPTION_RAISED)

    def _on_terminate_epoch(self, engine: Engine, iter_counter: int) -> None:
        if self._evaluation is _Evaluation.RUNNING:
            self._evaluation = _Evaluation.CUT_SHORT

    def _on_epoch_completed(self, engine: Engine) -> None:
        state = engine.state
        whole = not state.epoch_length or state.iteration % state.epoch_length == 0
        wanted = whole or self._evaluation is _Evaluation.CUT_SHORT
        self.finished = wanted and self._evaluation is not _Evaluation.BROKEN

    def record_pending(self) -> None:
        engine = self.engine
        if engine is None or self._evaluation in (_Evaluation.RECORDED_EARLY, _Evaluation.OVER):
            return
        if self.finished and fires(engine, Events.COMPLETED):
            self._evaluation = _Evaluation.RECORDED_EARLY
            self._observe(self, engine)

    def _on_completed(self, engine: Engine) -> None:
        if self._evaluation is not _Evaluation.RECORDED_EARLY:
            self._evaluation = _Evaluation.OVER
            self._observe(self, engine)


class TrainerSource(Source):
    """Reads the trainer's own metrics once an epoch, after they were computed whatever the order of attaching.

    For that it moves to the end of EPOCH_COMPLETED at the start of each epoch. What is gated on EPOCH_COMPLETED of
    the trainer is called after it: the record that opens a gate must come before the handlers it lets through.
    """

    counts = False

    def __init__(self, name: str, engine: Engine, observe: Observer) -> None:
        super().__init__(name, engine, observe)
        self._after: list[Callable[[Engine], None]] = []
        self._warned = False
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)
        self._attached.callback(self._leave_end)
        self._attached.callback(engine.add_event_handler(Events.EPOCH_STARTED, self._move_to_end).remove)

    def call_after(self, handler: Callable[[Engine], None]) -> Callable[[], None]:
        """Call ``handler`` once the metrics of an epoch were recorded; what is returned undoes that."""
        self._after.append(handler)
        return lambda: self._after.remove(handler)

    def _leave_end(self) -> None:
        self._last.remove()

    def _move_to_end(self, engine: Engine) -> None:
        self._leave_end()
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)

    def _on_epoch_completed(self, engine: Engine) -> None:
        self._observe(self, engine)
        for handler in list(self._after):
            handler(engine)

    def record_pending(self) -> None:
        # Not read here: evaluators and metrics whose turn comes later in this event would be passed over.
        engine = self.engine
        if engine is None or self._warned or not fires(engine, Events.EPOCH_COMPLETED):
            return
        if self.last_iteration != engine.state.iteration:
            self._warned = True
            logger.warning(
                "a state is saved at the trainer's EPOCH_COMPLETED, before its own metrics of this epoch are recorded: "
                "a run resumed from it lacks them. Save on Events.EPOCH_STARTED | Events.COMPLETED. (Said once.)"
            )


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


def check_engines(trainer: Any, evaluators: Any) -> dict[str, Engine]:
    """The evaluators by name, ``""`` for the one unnamed, all of them checked."""
    if not isinstance(trainer, Engine):
        several = isinstance(trainer, (list, tuple, set, Mapping))
        hint = "A recorder belongs to one trainer: build one for each." if several else ""
        refuse_type("trainer", "an ignite Engine", trainer, hint)
    if evaluators is trainer:
        refuse_value(
            "evaluators",
            "another engine than the trainer",
            evaluators,
            "To record the trainer's own metrics name it: Recorder(trainer, {'train': trainer, 'val': evaluator}).",
        )
    if isinstance(evaluators, Engine):
        return {"": evaluators}
    if not isinstance(evaluators, Mapping) or not evaluators:
        refuse_type("evaluators", "an ignite Engine, or engines by name", evaluators, "For example {'val': evaluator}.")
    named: dict[str, Engine] = {}
    for name, engine in evaluators.items():
        check_name("an evaluator's name", name)
        if "/" in name or name == "lr":
            hint = "Metrics are then named like 'val/loss'."
            refuse_value("an evaluator's name", "a word without '/', and not 'lr'", name, hint)
        if not isinstance(engine, Engine):
            refuse_type(f"evaluators[{name!r}]", "an ignite Engine", engine)
        if any(engine is other for other in named.values()):
            refuse_value("evaluators", "different engines", name, "One engine cannot have two names.")
        named[name] = engine
    return named
