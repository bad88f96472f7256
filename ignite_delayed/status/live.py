"""Following a run: the status, shown at evaluations and epochs."""

from __future__ import annotations

import sys
import time
import weakref
from contextlib import ExitStack
from types import TracebackType
from typing import IO

import ignite.distributed as idist
from ignite.engine import Events

from .._utils.checks import check_count
from ..recording.attachment import Attachment
from ..recording.recorder import Recorder
from .displays import Display, Shown, display_for

__all__ = ["LiveStatus"]

_lives: weakref.WeakKeyDictionary[Recorder, weakref.ref[LiveStatus]] = weakref.WeakKeyDictionary()

# A table that is updated in place is not worth more of the run's time.
_SECONDS = 0.1


class LiveStatus(Attachment):
    """What :meth:`Status.live` returns: shows the status while the run goes on, until ``remove()``.

    Attributes:
        status: what is shown.

    Example:
        >>> import io
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Recorder, delay_early_stopping
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> recorder, shown = Recorder(trainer, evaluator), io.StringIO()
        >>> stopper = delay_early_stopping(recorder, "loss", mode="min", patience=2)
        >>> with recorder.status().live(every=None, file=shown):
        ...     _ = trainer.run([0], max_epochs=6)
        >>> "early stopping stopped in epoch 5" in shown.getvalue()
        True
    """

    name = "live status"
    tells = True

    def __init__(self, status: Shown, *, every: int | None, file: IO[str] | None) -> None:
        self.status = status
        self._every = None if every is None else check_count("every", every, hint="None shows changes alone.")
        self._attached = ExitStack()
        self._evaluations, self._shown_at, self._shown_in = 0, 0.0, -1
        self._shows = False
        recorder = status.recorder
        other = _lives.get(recorder, lambda: None)()
        if idist.get_rank() > 0:
            return
        self._display: Display = display_for(sys.stderr if file is None else file, notebook=file is None)
        if other is not None:
            other.remove()  # a notebook's cell that ran twice
        self._attach(recorder)

    def _attach(self, recorder: Recorder) -> None:
        trainer = recorder.trainer
        self._marks = recorder.hub.follow()
        self._attached.callback(self._marks.remove)
        handlers = {Events.STARTED: self._on_ends, Events.EPOCH_STARTED: self._on_news, Events.COMPLETED: self._on_ends}
        for event, handler in handlers.items():
            self._attached.callback(trainer.add_event_handler(event, handler).remove)
        for evaluator in set(recorder.evaluators.values()):
            if evaluator is not trainer:
                self._attached.callback(evaluator.add_event_handler(Events.COMPLETED, self._on_news).remove)
        recorder.hub.add(self)
        self._attached.callback(recorder.hub.discard, self)
        self._shows = True
        _lives[recorder] = weakref.ref(self)

    def _on_ends(self) -> None:
        self._refresh(True)

    def _on_news(self) -> None:
        self._refresh(False)

    def _refresh(self, whole: bool) -> None:
        recorder = self.status.recorder
        marks = self._marks.to(self)
        evaluations = recorder.hub.evaluations
        if self._every is not None and evaluations // self._every != self._evaluations // self._every:
            whole = True
        self._evaluations = evaluations
        now, iteration = time.monotonic(), recorder.trainer.state.iteration
        if self._display.in_place:
            if not (marks or whole) and now - self._shown_at < _SECONDS:
                return
        elif not marks and (not whole or iteration == self._shown_in):
            return  # nothing changed, or all of it was shown already
        self._shown_at, self._shown_in = now, iteration
        self._display.follow(self.status, marks)

    def remove(self) -> None:
        """Show no more; what was shown stays. A second call does nothing."""
        self._shows = False
        self._attached.close()

    def __enter__(self) -> LiveStatus:
        if self._shows:
            recorder = self.status.recorder
            self._display = self._display.within([recorder.trainer, *recorder.evaluators.values()])
            self._attached.callback(self._display.leave, self.status)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._shows and error is not None:
                self._refresh(True)
        finally:
            self.remove()
