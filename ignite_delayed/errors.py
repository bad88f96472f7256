"""What goes wrong with the run or with a saved file, as exceptions; bad arguments raise TypeError or ValueError."""

from __future__ import annotations

from typing import Any

__all__ = [
    "AttachError",
    "DesyncError",
    "HistoryError",
    "MetricValueError",
    "ParseError",
    "StateError",
    "SweepInterrupted",
    "UnknownMetricError",
]


class UnknownMetricError(LookupError):
    """A condition reads a metric that the evaluator which should report it does not report.

    Example:
        >>> from ignite_delayed import History, Metric, Record, replay
        >>> run = History([Record(epoch=1, iteration=20, values={"val/loss": 0.3, "val/accuracy": 0.9})])
        >>> replay(run, Metric("val/los") < 0.5)
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.UnknownMetricError: Metric('val/los') < 0.5 reads 'val/los', which was not recorded; ...
    """


class MetricValueError(ValueError):
    """A metric that a condition reads is no single real number, or a predicate answers no verdict.

    Example:
        >>> from ignite_delayed import History, Record, replay
        >>> run = History([Record(epoch=1, iteration=20, values={"loss": 0.3})])
        >>> replay(run, lambda record: record.values["loss"])  # what was meant is Metric("loss") < 0.5
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.MetricValueError: predicate <function <lambda> at ...> must answer True, False or ...
    """


class AttachError(ValueError):
    """A handler or a recorder cannot be attached as asked: it is attached already, or would misbehave silently.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder, delay_early_stopping
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> stopper = delay_early_stopping(recorder, "loss", mode="min", patience=5)
        >>> delay_early_stopping(recorder, "loss", mode="min", patience=9)
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.AttachError: this recorder already has a stopper 'early stopping', of ...
    """


class ParseError(ValueError):
    """A text is no condition, or no schedule; nothing of it was evaluated.

    Example:
        >>> from ignite_delayed import Condition
        >>> Condition.parse("After(epoch=5) & (Metric('loss') < 0.5)")
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.ParseError: After takes no epoch, got 5 (int). Write After(epochs=5).
            After(epoch=5) & (Metric('loss') < 0.5)
            ^^^^^^^^^^^^^^
    """


class StateError(ValueError):
    """A state dict cannot be loaded; nothing was changed.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Gate, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> early, late = Gate(recorder, until=After(epochs=5)), Gate(recorder, until=After(epochs=9))
        >>> late.load_state_dict(early.state_dict())
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.StateError: 'gate 2' cannot load the state of another rule:
          saved: until After(epochs=5)
          here:  until After(epochs=9)
        Build the gate with the saved rule, or start it afresh by not loading it.
    """


class HistoryError(ValueError):
    """A history file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from ignite_delayed import History
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "notes.txt")
        >>> _ = path.write_text("loss 0.3")
        >>> History.load(path)
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.HistoryError: ...notes.txt, line 1: no JSON: 'loss 0.3'; read_runs(path) reads ...
        >>> folder.cleanup()
    """


class DesyncError(RuntimeError):
    """The processes of a distributed run do not evaluate alike.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import DesyncError, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> recorder = Recorder(trainer, evaluator)
        >>> try:
        ...     state = trainer.run([0], max_epochs=2)
        ... except DesyncError as error:  # on every rank, saying who is missing; a single process agrees with itself
        ...     print(error)
        >>> state.epoch
        2
    """


class SweepInterrupted(KeyboardInterrupt):
    """A sweep was interrupted; ``partial`` is the sweep of the runs that were done.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, SweepInterrupted, grid, sweep
        >>> def runs():
        ...     for _ in range(9):
        ...         yield History(Record(epoch=e, iteration=e, values={"loss": abs(e - 4)}) for e in range(1, 9))
        ...     raise KeyboardInterrupt  # as Ctrl-C does
        >>> try:
        ...     swept = sweep(runs(), grid(EarlyStop, "loss", mode="min", patience=[1, 2, 3]))
        ... except SweepInterrupted as interrupted:
        ...     swept = interrupted.partial
        >>> swept.whole
        False
    """

    def __init__(self, message: str, partial: Any) -> None:
        super().__init__(message)
        self.partial = partial
