"""Which engines of which trainer are recorded: a second recorder of one of them is refused."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Protocol

from ignite.engine import Engine

from ..errors import AttachError

__all__ = ["enter", "refuse_second", "strike_out"]


class Recording(Protocol):
    """What records engines."""

    @property
    def recorded(self) -> dict[str, Engine]:
        """The engines by name, those that still live."""


_recordings: weakref.WeakKeyDictionary[Engine, weakref.WeakSet[Recording]] = weakref.WeakKeyDictionary()


def refuse_second(trainer: Engine, named: Mapping[str, Engine]) -> None:
    """Refuse to record one of the engines in ``named`` that is recorded with ``trainer`` already.

    Raises:
        AttachError: saying what to do.
    """
    for other in _recordings.get(trainer, ()):
        if any(engine is mine for engine in other.recorded.values() for mine in named.values()):
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
