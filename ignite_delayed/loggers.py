"""Gates, stops, phases and rates in the experiment trackers that Ignite's own loggers write to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine
from ignite.handlers.base_logger import BaseHandler
from ignite.handlers.mlflow_logger import MLflowLogger
from ignite.handlers.tensorboard_logger import TensorboardLogger

from ._utils.checks import check_name, refuse_type
from .history.mark import Mark
from .recording.recorder import Recorder, check_recorder

__all__ = ["RecorderHandler"]

# MLflow refuses other characters in names, and longer values of tags. Its file store takes "lr" and "lr/phase" for a
# file and a folder, so that only one of them can be: Ignite's handlers write spaces there, and so do we.
_REFUSED, _LONGEST = re.compile(r"[^\w\-. ]", re.ASCII), 5000


class RecorderHandler(BaseHandler):
    """Logs what a recorder knows, attached as Ignite's ``OutputHandler`` is.

    Each call writes numbers: ``<gate>/open`` (0 or 1), ``<stopper>/counter`` and ``<stopper>/best``,
    ``<phases>/phase`` (from 1) and ``<phases>/group_0``, ..., and the recorder's rates ``lr``. What was decided since
    the last call, openings, stops and switches, is written as text, each mark once, also after a resume: TensorBoard
    shows it under *Text*, in MLflow it becomes a tag of the run, of which the last of its kind stays. In the names
    MLflow gets spaces for slashes, as from Ignite's own handlers.

    The step is the *trainer's* epoch or iteration, whichever event and engine it is attached to; attach it to
    ``EPOCH_COMPLETED`` of the trainer, after what runs the evaluators there. It tells what is decided after it was
    built, to any number of loggers.

    Args:
        recorder: what is logged.
        tag: comes before every name.
        global_step_transform: a function ``(engine, event_name) -> step``, as in Ignite's handlers.

    Raises:
        TypeError: for arguments of the wrong kind, and when it is attached to another logger than Ignite's
            ``TensorboardLogger`` and ``MLflowLogger``.

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
    ) -> None:
        check_recorder(recorder)
        if global_step_transform is not None and not callable(global_step_transform):
            refuse_type("global_step_transform", "a function of an engine and an event", global_step_transform)
        self.recorder = recorder
        self.tag = check_name("tag", tag)
        self._step = global_step_transform
        self._marks = recorder.hub.follow()

    def __call__(self, engine: Engine, logger: Any, event_name: Any) -> None:
        if not isinstance(logger, (TensorboardLogger, MLflowLogger)):
            refuse_type("logger", "Ignite's TensorboardLogger or MLflowLogger", logger)
        if self._step is None:
            step: Any = self.recorder.trainer.state.get_event_attrib_value(event_name)
        else:
            step = self._step(engine, event_name)
        if not isinstance(step, int):
            refuse_type("the step", "a whole number", step, "See global_step_transform.")
        marks = self._marks.to(logger)
        if isinstance(logger, TensorboardLogger):
            self._to_tensorboard(logger.writer, step, marks)
        else:
            self._to_mlflow(logger, step, marks)

    def numbers(self) -> dict[str, float]:
        """What is logged as numbers, now, by name."""
        told: dict[str, float] = {}
        for part in (*self.recorder.hub.live, *self.recorder.hub.attached):
            told |= part.numbers()
        told |= self.recorder.engines.rates()
        return {f"{self.tag}/{name}": value for name, value in told.items()}

    def _to_tensorboard(self, writer: Any, step: int, marks: list[Mark]) -> None:
        for name, value in self.numbers().items():
            writer.add_scalar(name, value, step)
        for mark in marks:
            writer.add_text(f"{self.tag}/{mark.name}", f"`{_entry(mark)}`", step)

    def _to_mlflow(self, logger: Any, step: int, marks: list[Mark]) -> None:
        numbers = {_for_mlflow(name): value for name, value in self.numbers().items()}
        if numbers:
            logger.log_metrics(numbers, step=step)
        for mark in marks:
            logger.set_tag(_for_mlflow(f"{self.tag}/{mark.name}/{mark.kind}"), _entry(mark)[:_LONGEST])


def _for_mlflow(name: str) -> str:
    return _REFUSED.sub("_", name.replace("/", " "))


def _entry(mark: Mark) -> str:
    return f"{mark.kind} in epoch {mark.epoch}, iteration {mark.iteration}: {mark.text}"
