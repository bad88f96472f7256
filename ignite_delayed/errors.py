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
    """A condition reads a metric that the evaluator which should report it does not report."""


class MetricValueError(ValueError):
    """A metric that a condition reads is no single real number, or a predicate answers no verdict."""


class AttachError(ValueError):
    """A handler or a recorder cannot be attached as asked: it is attached already, or would misbehave silently."""


class ParseError(ValueError):
    """A text is no condition, or no schedule; nothing of it was evaluated."""


class StateError(ValueError):
    """A state dict cannot be loaded; nothing was changed."""


class HistoryError(ValueError):
    """A history file cannot be read."""


class DesyncError(RuntimeError):
    """The processes of a distributed run do not evaluate alike."""


class SweepInterrupted(KeyboardInterrupt):
    """A sweep was interrupted; ``partial`` is the sweep of the runs that were done."""

    def __init__(self, message: str, partial: Any) -> None:
        super().__init__(message)
        self.partial = partial
