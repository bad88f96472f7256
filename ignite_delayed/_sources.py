"""Where records come from: an evaluator that finished an epoch, or the trainer's own metrics."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events

__all__ = ["EvaluatorSource", "Source", "TrainerSource"]

Reader = Callable[["Source", Engine], None]


class Source:
    """An engine whose metrics are recorded under a name."""

    counts = True  # as an evaluation

    def __init__(self, name: str, engine: Engine, read: Reader) -> None:
        self.name = name
        self._engine = weakref.ref(engine)
        self._read = read
        #: The trainer's iteration at which this source was recorded last, -1 before.
        self.last_iteration = -1
        self.handles: list[Any] = []

    @property
    def engine(self) -> Engine | None:
        """The engine, while it lives."""
        return self._engine()

    def prefixed(self, metric: str) -> str:
        """The name of a metric in records."""
        return f"{self.name}/{metric}" if self.name else metric


class EvaluatorSource(Source):
    """Reads an evaluator at its COMPLETED, if it really finished an epoch in this run.

    COMPLETED is fired for a terminated evaluator too, which still shows the metrics of the run before; and an
    exception that a handler swallowed leaves metrics of part of the data.
    """

    def __init__(self, name: str, engine: Engine, read: Reader) -> None:
        super().__init__(name, engine, read)
        self.finished = False
        self._cut_short = False
        self.handles = [
            engine.add_event_handler(Events.STARTED, self._on_started),
            engine.add_event_handler(Events.TERMINATE_SINGLE_EPOCH, self._on_terminate_epoch),
            engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed),
            engine.add_event_handler(Events.COMPLETED, self._on_completed),
        ]

    def _on_started(self, engine: Engine) -> None:
        self.finished = self._cut_short = False

    def _on_terminate_epoch(self, engine: Engine, iter_counter: int) -> None:
        self._cut_short = True  # by terminate_epoch(): the user wanted part of the data

    def _on_epoch_completed(self, engine: Engine) -> None:
        state = engine.state
        whole = not state.epoch_length or state.iteration % state.epoch_length == 0
        self.finished = whole or self._cut_short

    def _on_completed(self, engine: Engine) -> None:
        self._read(self, engine)


class TrainerSource(Source):
    """Reads the trainer's own metrics once an epoch, after they were computed whatever the order of attaching.

    For that it moves to the end of EPOCH_COMPLETED at the start of each epoch. What is gated on EPOCH_COMPLETED of
    the trainer follows it, in ``after``: the record that opens a gate must come before the handlers it lets through.
    """

    counts = False
    finished = True

    def __init__(self, name: str, engine: Engine, read: Reader) -> None:
        super().__init__(name, engine, read)
        self.after: list[Callable[[Engine], None]] = []
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)
        self.handles = [self, engine.add_event_handler(Events.EPOCH_STARTED, self._move_to_end)]

    def _move_to_end(self, engine: Engine) -> None:
        self._last.remove()
        self._last = engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch_completed)

    def _on_epoch_completed(self, engine: Engine) -> None:
        self._read(self, engine)
        for handler in list(self.after):
            handler(engine)

    def remove(self) -> None:
        """Stop reading."""
        self._last.remove()
