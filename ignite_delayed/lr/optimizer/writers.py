"""A register of who writes which parameter of an optimizer, and when: two writers at the same time are refused."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ignite.engine import Engine
from torch.optim import Optimizer

from ...conditions import Condition
from ...errors import AttachError
from .groups import share_groups

__all__ = ["Writer", "claim"]


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


class _Claim:
    """``writer``, entered for ``optimizer`` as long as somebody holds on to this."""

    def __init__(self, optimizer: Optimizer, writer: Writer) -> None:
        self.optimizer, self.writer = optimizer, writer

    def release(self) -> None:
        _claims.discard(self)


# Weak in the claims rather than in the optimizers: a wrapper with slots takes no weak reference.
_claims: weakref.WeakSet[_Claim] = weakref.WeakSet()


def claim(optimizer: Optimizer, writer: Writer) -> Callable[[], None]:
    """Enter ``writer`` for ``optimizer``, and return what strikes it out again; it lapses when nobody keeps that.

    Raises:
        AttachError: where another writes one of its parameters at the same time, also through a wrapper.
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
    entered = _Claim(optimizer, writer)
    _claims.add(entered)
    return entered.release


def _conflict(optimizer: Optimizer, writer: Writer) -> Writer | None:
    for entered in _claims:
        other = entered.writer
        if other.trainer() is None or not other.parameters & writer.parameters or other.apart(writer):
            continue
        if share_groups(entered.optimizer, optimizer):
            return other
    return None


def _quote_names(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
