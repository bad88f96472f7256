"""A register of who writes which parameter of an optimizer, and when: two writers at the same time are refused."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from typing import NamedTuple

from ignite.engine import Engine
from torch.optim import Optimizer

from ...conditions import Condition
from ...errors import AttachError

__all__ = ["Writer", "claim", "release"]


class Writer(NamedTuple):
    """One that writes ``parameters`` from when ``starts`` first holds until ``ends`` first does.

    ``None`` means from the beginning, and for ever; as groups, all of them.
    """

    name: str
    trainer: weakref.ref[Engine]
    parameters: frozenset[str]
    starts: Condition | None = None
    ends: Condition | None = None
    groups: frozenset[int] | None = None

    def apart(self, other: Writer) -> bool:
        """Whether the two can never write the same group at the same time."""
        if self.groups is not None and other.groups is not None and self.groups.isdisjoint(other.groups):
            return True
        hand_over = (self.ends, other.starts), (other.ends, self.starts)
        return any(end is not None and end == start for end, start in hand_over)


_writers: weakref.WeakKeyDictionary[Optimizer, list[Writer]] = weakref.WeakKeyDictionary()


def claim(optimizer: Optimizer, writer: Writer) -> None:
    """Enter ``writer`` for ``optimizer``.

    Raises:
        AttachError: where another writes one of its parameters at the same time.
    """
    if _conflict(optimizer, writer) is not None:
        gc.collect()  # a trainer that nobody refers to writes nothing any more
    other = _conflict(optimizer, writer)
    if other is not None:
        shared = _quote_names(other.parameters & writer.parameters)
        raise AttachError(
            f"{other.name} and {writer.name} would both write {shared} of one optimizer, each undoing the other: put "
            "them one after the other in LRPhases(recorder, optimizer, [Phase(...), Phase(...)]), or call remove() on "
            "the first"
        )
    _writers.setdefault(optimizer, []).append(writer)


def _conflict(optimizer: Optimizer, writer: Writer) -> Writer | None:
    for other in _writers.get(optimizer, ()):
        if other.trainer() is not None and other.parameters & writer.parameters and not other.apart(writer):
            return other
    return None


def release(optimizer: Optimizer, writer: Writer) -> None:
    """Strike ``writer`` out again."""
    entered = _writers.get(optimizer, [])
    entered[:] = [other for other in entered if other is not writer]


def _quote_names(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
