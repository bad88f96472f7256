"""What conditions and metric expressions have in common: parts, what they read, and their state.

The state of a node is an immutable tuple: what the node says now (a verdict or a value) and the rest of its own memory,
both as declared by ``memory``, then the state of each of its parts, which is such a tuple itself. It holds plain
scalars, strings and tuples of them only, so it can be saved as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from .._utils.checks import describe
from .._utils.values import Value
from ..errors import StateError
from ..history.record import Record
from .kinds import KINDS

__all__ = ["USE_OPERATORS", "Node", "State", "as_operand"]

USE_OPERATORS = (
    "Combine conditions with & | ~ and put each comparison in parentheses: "
    "write (Metric('loss') < 0.5) & After(epochs=5) for 'and', | for 'or', ~condition for 'not', "
    "and (Metric('loss') > 0.1) & (Metric('loss') < 0.5) for 0.1 < Metric('loss') < 0.5."
)

#: A tuple; a node with more than a few entries of its own names them (see :attr:`Node.state_type`).
State = Any


class Node(Value):
    """A value that is folded over the records of a run."""

    __slots__ = ("_only", "parts", "reads")

    #: The kinds (see :mod:`.kinds`) of the node's own part of the state, what it says now first.
    memory: ClassVar[tuple[str, ...]]
    #: The class of the state where it is a named tuple: it has the fields of the memory, then those of the parts.
    state_type: ClassVar[type[NamedTuple] | None] = None
    #: How tightly the node's repr binds, after Python's precedence: an operand that binds less is parenthesised.
    precedence: int = 9
    # NumPy scalars must hand arithmetic and comparison over to us instead of making object arrays.
    __array_ufunc__ = None

    #: The conditions and expressions this one is made of, in the order of the state.
    parts: tuple[Node, ...]
    #: The names of the metrics it reads, directly or through its parts.
    reads: frozenset[str]
    _only: str | None  # the one name, where it reads one

    def _set_parts(self, *parts: Node, reads: frozenset[str] = frozenset()) -> None:
        """Keep what a node is made of; every ``__init__`` ends with it."""
        reads = reads.union(*(part.reads for part in parts))
        self._set(parts=parts, reads=reads, _only=next(iter(reads)) if len(reads) == 1 else None)

    def initial(self) -> State:
        """The state before the first record."""
        own = [KINDS[kind].initial for kind in self.memory]
        return self._state([*own, *(part.initial() for part in self.parts)])

    def _state(self, entries: Iterable[Any]) -> State:
        return tuple(entries) if self.state_type is None else self.state_type._make(entries)

    def advance(self, state: State, record: Record) -> State:
        """The state after ``record``: pure, O(1) in the number of records."""
        raise NotImplementedError

    def observed(self, record: Record) -> bool:
        """Whether ``record`` completes an observation of all that this node reads, at most once an iteration.

        Whoever counts or remembers observations asks this: ``advance`` is called with the records of all evaluators.
        """
        if self._only is not None:
            return self._only in record.fresh
        if not self.reads:
            return record.first
        return self.reads <= record.seen.keys() and not self.reads.isdisjoint(record.fresh)

    def decode(self, raw: Any) -> State:
        """The state that was saved as ``raw``, every scalar checked.

        Raises:
            StateError: where ``raw`` is no state of this node.
        """
        own, parts = len(self.memory), len(self.parts)
        if not isinstance(raw, (list, tuple)) or len(raw) != own + parts:
            raise StateError(f"the state of {self!r} must be a list of {own + parts} entries, got {type(raw).__name__}")
        owner = repr(self)
        mine = [KINDS[kind].decode(entry, owner) for kind, entry in zip(self.memory, raw, strict=False)]
        state = self._state([*mine, *(part.decode(entry) for part, entry in zip(self.parts, raw[own:], strict=True))])
        if not self.consistent(state):
            raise StateError(f"the state of {owner} contradicts itself: {describe(tuple(raw[:own]))}")
        return state

    def consistent(self, state: State) -> bool:
        """Whether the node's own part of ``state`` could have come about."""
        return True

    def detail(self, state: State) -> str:
        """What ``state`` remembers, in words; nothing where the parts say it all."""
        return ""


def as_operand(node: Node, precedence: int) -> str:
    """The repr of ``node`` as an operand of something that binds as tightly as ``precedence``."""
    return f"({node!r})" if node.precedence < precedence else repr(node)
