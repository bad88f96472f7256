"""Who writes which hyper-parameter of an optimizer, and from when to when: two at once are refused."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import NamedTuple

from torch.optim import Optimizer

from ..conditions import Condition
from ..errors import AttachError

__all__ = ["Writer", "claim", "release"]


class Writer(NamedTuple):
    """One that writes ``parameters`` from when ``starts`` first holds until ``ends`` first does.

    ``None`` means from the beginning, and for ever.
    """

    name: str
    parameters: frozenset[str]
    starts: Condition | None
    ends: Condition | None

    def apart(self, other: Writer) -> bool:
        """Whether the two can never write at the same time."""
        hand_over = (self.ends, other.starts), (other.ends, self.starts)
        return any(end is not None and end == start for end, start in hand_over)


_writers: weakref.WeakKeyDictionary[Optimizer, list[Writer]] = weakref.WeakKeyDictionary()


def claim(optimizer: Optimizer, writer: Writer) -> None:
    """Enter ``writer`` for ``optimizer``.

    Raises:
        AttachError: where another writes one of its parameters at the same time.
    """
    for other in _writers.get(optimizer, ()):
        shared = sorted(other.parameters & writer.parameters)
        if shared and not other.apart(writer):
            raise AttachError(
                f"{other.name!r} and {writer.name!r} would both write {_listed(shared)} of one optimizer, each undoing "
                "the other: put them one after the other in LRPhases(recorder, optimizer, [Phase(...), Phase(...)]), "
                "or call remove() on the first"
            )
    _writers.setdefault(optimizer, []).append(writer)


def release(optimizer: Optimizer, writer: Writer) -> None:
    """Strike ``writer`` out again."""
    writers = _writers.get(optimizer, [])
    if writer in writers:
        writers.remove(writer)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
