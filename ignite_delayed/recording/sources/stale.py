"""Metrics that not every evaluation computes: a value that is left from a run before is told from one of this run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["StaleValues"]


class StaleValues:
    """Puts old values aside while an engine runs: what is there at its end was computed in this run.

    Ignite keeps ``state.metrics`` from run to run, and an equal value, even the same object, may be a new one. What
    was not computed anew is put back once it was read, so that everybody else sees what they would without us.

    Args:
        names: the metrics that are meant, as the engine names them.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = tuple(names)
        self._old: dict[str, Any] = {}

    def put(self, metrics: dict[str, Any]) -> None:
        """A run begins: take out what is there."""
        for name in self._names:
            if name in metrics:
                self._old[name] = metrics.pop(name)

    def put_back(self, metrics: dict[str, Any]) -> None:
        """The metrics were read: put back what was not computed."""
        for name, value in self._old.items():
            metrics.setdefault(name, value)
        self._old.clear()
