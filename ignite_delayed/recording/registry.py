"""Which engines of which trainer are recorded: no engine twice, and an evaluation by one recorder alone."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Protocol

from ignite.engine import Engine

from ..errors import AttachError
from .runs.run import TrainerRun

__all__ = ["enter", "inside", "last_to_run", "refuse_second", "strike_out"]


class Recording(Protocol):
    """What records engines."""

    run: TrainerRun

    @property
    def recorded(self) -> dict[str, Engine]:
        """The engines by name, those that still live."""

    def begin(self) -> None:
        """Begin with a run that is new."""


_recordings: weakref.WeakKeyDictionary[Engine, weakref.WeakSet[Recording]] = weakref.WeakKeyDictionary()


def refuse_second(trainer: Engine, engines: Iterable[Engine]) -> None:
    """Refuse to record one of ``engines`` that is recorded with ``trainer`` already.

    Raises:
        AttachError: saying what to do.
    """
    taken = [engine for other in _recordings.get(trainer, ()) for engine in other.recorded.values()]
    if any(engine is one for engine in engines for one in taken):
        raise AttachError(
            "this trainer already has a recorder of that evaluator (a notebook cell that ran twice?): "
            "use that one, or call its remove() first"
        )


def enter(trainer: Engine, recording: Recording) -> None:
    """Note that ``recording`` records engines with ``trainer``; it is held weakly."""
    _recordings.setdefault(trainer, weakref.WeakSet()).add(recording)


def strike_out(recording: Recording) -> None:
    """Forget ``recording``."""
    for entered in _recordings.values():  # not by the trainer: it may be gone
        entered.discard(recording)


def inside(engine: Engine) -> Recording | None:
    """Of all that record ``engine`` and whose trainer runs just now, the one whose run is the innermost."""
    running: list[Recording] = []
    for entered in list(_recordings.values()):
        for recording in list(entered):
            if recording.run.inside() and any(engine is one for one in recording.recorded.values()):
                recording.begin()
                running.append(recording)
    return max(running, key=lambda recording: recording.run.order, default=None)


def last_to_run(engine: Engine) -> Recording | None:
    """Of all that record ``engine`` the one whose trainer began to run last: the others are of folds before."""
    recordings = [
        recording
        for entered in list(_recordings.values())
        for recording in list(entered)
        if any(engine is one for one in recording.recorded.values())
    ]
    return max(recordings, key=lambda recording: recording.run.order, default=None)
