"""Kleene's connectives, and their identities."""

from __future__ import annotations

from ..history.record import Record
from .condition import Condition, as_condition
from .node import State

__all__ = ["Always", "And", "Never", "Not", "Or"]


class Always(Condition):
    """True at every record: the identity of ``&``.

    Example:
        >>> Always() & Never()
        Always() & Never()
    """

    __slots__ = ()
    ticks = frozenset[str]()

    def __init__(self) -> None:
        self._has()

    def advance(self, state: State, record: Record) -> State:
        return (True,)


class Never(Condition):
    """False at every record: the identity of ``|``."""

    __slots__ = ()
    ticks = frozenset[str]()

    def __init__(self) -> None:
        self._has()

    def advance(self, state: State, record: Record) -> State:
        return (False,)


class _Connective(Condition):
    """Two or more conditions, nested ones of the same kind flattened."""

    __slots__ = ("conditions", "ticks")
    symbol: str
    decisive: bool  # the verdict of one operand that settles the whole
    conditions: tuple[Condition, ...]

    def __init__(self, *conditions: Condition) -> None:
        flat: list[Condition] = []
        for given in conditions:
            operand = as_condition(f"an operand of {type(self).__name__}", given)
            flat.extend(operand.conditions if isinstance(operand, type(self)) else [operand])
        if len(flat) < 2:
            raise ValueError(f"{type(self).__name__} takes two or more conditions, got {len(flat)}.")
        units = [operand.ticks for operand in flat]
        ticks = None if None in units else frozenset[str]().union(*(unit for unit in units if unit is not None))
        self._keep(conditions=tuple(flat), ticks=ticks)
        self._has(*flat)

    def advance(self, state: State, record: Record) -> State:
        states = [part.advance(its, record) for part, its in zip(self.parts, state[1:], strict=True)]
        verdict: bool | None = not self.decisive
        for its in states:
            if its[0] is self.decisive:
                verdict = self.decisive
                break
            if its[0] is None:
                verdict = None
        return (verdict, *states)

    def __repr__(self) -> str:
        return f" {self.symbol} ".join(operand._within(self.binds + 1) for operand in self.conditions)


class And(_Connective):
    """``a & b``: true when all hold, false when one does not, else unknown.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> After(epochs=5) & (Metric("loss") < 0.5)
        After(epochs=5) & (Metric('loss') < 0.5)
    """

    __slots__ = ()
    symbol, decisive, binds = "&", False, 4


class Or(_Connective):
    """``a | b``: true when one holds, false when none does, else unknown.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> After(epochs=50) | (Metric("loss") < 0.5)
        After(epochs=50) | (Metric('loss') < 0.5)
    """

    __slots__ = ()
    symbol, decisive, binds = "|", True, 2


class Not(Condition):
    """``~a``: true when ``a`` is false, unknown when ``a`` is.

    Example:
        >>> from ignite_delayed import Metric
        >>> ~(Metric("loss") < 0.5)
        ~(Metric('loss') < 0.5)
    """

    __slots__ = ("condition", "ticks")
    binds = 7
    condition: Condition

    def __init__(self, condition: Condition) -> None:
        condition = as_condition("condition", condition)
        self._keep(condition=condition, ticks=condition.ticks)
        self._has(condition)

    def advance(self, state: State, record: Record) -> State:
        inner = self.condition.advance(state[1], record)
        return (None if inner[0] is None else not inner[0], inner)

    def __repr__(self) -> str:
        return f"~{self.condition._within(self.binds)}"
