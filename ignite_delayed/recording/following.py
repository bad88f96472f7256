"""Following the marks of a run: each is told once, also when the run is resumed from a saved state."""

from __future__ import annotations

import weakref
from typing import Any

from ..history.mark import Mark
from .recorder import Recorder

__all__ = ["Following"]


class Following:
    """What was decided since somebody asked last; what a loaded state brings along was told by the run that saved it.

    Args:
        recorder: whose marks are followed.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._told: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._catch_up()
        recorder._on_begin.append(self._on_begin)

    def _catch_up(self, start: int | None = None) -> None:
        self._marks = self.recorder.history._marks
        self._start = len(self._marks) if start is None else start
        self._told.clear()

    def _on_begin(self, fresh: bool) -> None:
        # The history keeps its list from run to run; another one was loaded, or a fresh run has begun.
        if self.recorder.history._marks is not self._marks:
            self._catch_up(0 if fresh else None)

    def new(self, asking: Any) -> list[Mark]:
        """The marks that ``asking`` has not been told, in order."""
        if self.recorder.history._marks is not self._marks:
            self._catch_up()
        told = self._told.get(asking, self._start)
        self._told[asking] = len(self._marks)
        return self._marks[told:]

    def remove(self) -> None:
        """Follow no longer. A second call does nothing."""
        if self._on_begin in self.recorder._on_begin:
            self.recorder._on_begin.remove(self._on_begin)
