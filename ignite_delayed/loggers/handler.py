"""What is logged, when it is, and what is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, ref

from ignite.engine import Engine
from ignite.handlers.base_logger import BaseHandler

from .._utils.checks import check_name, describe, refuse_type
from ..errors import AttachError
from ..history.mark import Mark
from ..recording.recorder import Recorder, check_recorder
from .trackers import KNOWN, Write, writer_of

__all__ = ["RecorderHandler"]


class RecorderHandler(BaseHandler):
    """Logs what a recorder knows, attached as Ignite's ``OutputHandler`` is.

    Each call writes numbers: ``<gate>/open`` (0 or 1), ``<stopper>/counter`` and ``<stopper>/best``,
    ``<phases>/phase`` (from 1) and ``<phases>/group_0``, ..., and the recorder's rates ``lr``. What was decided since
    the last call, openings, stops and switches, is written as text, each mark once, also after a resume.

    All of Ignite's loggers take it: TensorBoard shows texts under *Text*; W&B, Neptune and Polyaxon keep them as series
    of texts (``<gate>/opened``), ClearML in its console, Visdom in a window. In MLflow they become tags of the run, of
    which the last of its kind stays, and names get spaces for slashes, as from Ignite's own handlers; its store in
    local files must be allowed by ``MLFLOW_ALLOW_FILE_STORE=true``. Of another ``BaseLogger`` you say
    by ``write`` how it is told.

    The step is the *trainer's* epoch or iteration, whichever event and engine it is attached to; attach it to
    ``EPOCH_COMPLETED`` of the trainer, after what runs the evaluators there. It tells what is decided after it was
    built, to any number of loggers.

    Args:
        recorder: what is logged.
        tag: comes before every name.
        global_step_transform: a function ``(engine, event_name) -> step``, as in Ignite's handlers.
        write: a function ``(logger, step, numbers, texts)`` that tells the logger; ``numbers`` is a dict by name,
            ``texts`` a list of pairs of a name and a text.

    Raises:
        TypeError: for arguments of the wrong kind.
        AttachError: when it is attached to a logger that is none of Ignite's, without ``write``; or to an event that
            the trainer counts no steps of, without ``global_step_transform``.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Gate, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> gate = Gate(recorder, until=After(epochs=2), name="late")
        >>> handler = RecorderHandler(recorder)
        >>> handler.numbers()
        {'delayed/late/open': 0.0}

        Then ``tb_logger.attach(trainer, log_handler=handler, event_name=Events.EPOCH_COMPLETED)``.
    """

    def __init__(
        self,
        recorder: Recorder,
        tag: str = "delayed",
        global_step_transform: Callable[[Engine, Any], int] | None = None,
        write: Write | None = None,
    ) -> None:
        check_recorder(recorder)
        if global_step_transform is not None and not callable(global_step_transform):
            refuse_type("global_step_transform", "a function of an engine and an event", global_step_transform)
        if write is not None and not callable(write):
            refuse_type("write", "a function of a logger, a step, numbers and texts", write)
        self.recorder = recorder
        self.tag = check_name("tag", tag)
        self._step = global_step_transform
        self._write = write
        self._writers: WeakKeyDictionary[Any, Write] = WeakKeyDictionary()
        self._marks = recorder.hub.follow()
        self.__signature__ = _Attaching(self)

    def __call__(self, engine: Engine, logger: Any, event_name: Any) -> None:
        write = self._writer(logger)
        if self._step is None:
            step: Any = self.recorder.trainer.state.get_event_attrib_value(event_name)
        else:
            step = self._step(engine, event_name)
        if not isinstance(step, int):
            refuse_type("the step", "a whole number", step, "See global_step_transform.")
        told = [(f"{self.tag}/{mark.name}/{mark.kind}", _entry(mark)) for mark in self._marks.to(logger)]
        write(logger, step, self.numbers(), told)

    def check(self, logger: Any, event_name: Any) -> None:
        """Refuse what could not be logged; called when the handler is attached.

        Raises:
            AttachError: for a logger that nobody knows how to tell, or an event without steps.
        """
        self._writer(logger)
        try:
            hash(ref(logger))
        except TypeError as error:
            raise AttachError(f"each logger is told on its own, so that it must be hashable: {error}.") from error
        if self._step is None:
            try:
                self.recorder.trainer.state.get_event_attrib_value(event_name)
            except (RuntimeError, AttributeError) as error:
                raise AttachError(
                    f"the trainer counts no steps of {event_name}: give global_step_transform=."
                ) from error

    def numbers(self) -> dict[str, float]:
        """What is logged as numbers, now, by name."""
        told: dict[str, float] = {}
        for part in (*self.recorder.hub.live, *self.recorder.hub.attached):
            told |= part.numbers()
        told |= self.recorder.engines.rates()
        return {f"{self.tag}/{name}": value for name, value in told.items()}

    def _writer(self, logger: Any) -> Write:
        """What tells ``logger``, the same at each call."""
        if self._write is not None:
            return self._write
        write = writer_of(logger)
        if write is None:
            known = ", ".join(kind.__name__ for kind in KNOWN)
            raise AttachError(
                f"logger must be one of Ignite's ({known}), got {describe(logger)}. For another give "
                "RecorderHandler(recorder, write=...), a function of the logger, a step, numbers and texts."
            )
        return self._writers.setdefault(logger, write)


class _Attaching(inspect.Signature):
    """The signature of a handler, which refuses what the handler would.

    Ignite binds it to see whether it fits, as a handler is attached: nothing else tells a handler that this happens,
    and to which logger, before the run is under way.
    """

    def __init__(self, handler: RecorderHandler) -> None:
        super().__init__(list(inspect.signature(handler.__call__).parameters.values()))
        self._handler = handler

    def bind(self, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        given = args[1:] if args and isinstance(args[0], Engine) else args  # Ignite tries it without the engine too
        if len(given) == 2:
            self._handler.check(*given)
        return super().bind(*args, **kwargs)


def _entry(mark: Mark) -> str:
    return f"{mark.kind} {mark.when}: {mark.text}"
