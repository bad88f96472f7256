"""Which class of conditions and expressions has which twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...conditions import Condition, EarlyStop
from ...conditions.node import Node
from ...conditions.patience import Patient
from ...history.columns import Columns, Floats, Places
from ...history.history import History
from .rows import Rows, held, kept, whole

__all__ = ["Numbers", "Verdicts", "evaluations", "has_twin", "judge", "seen_by", "twin", "value", "verdict_column"]

#: 1 is true, -1 false, 0 unknown: so ``&`` is the minimum, ``|`` the maximum, and ``~`` the sign.
Verdicts = np.ndarray[Any, np.dtype[np.int8]]


class Numbers(NamedTuple):
    """What an expression says at each record: its values, and the first record at which there is one."""

    values: Floats
    start: int


F = TypeVar("F", bound=Callable[..., Any])
_TWINS: dict[type[Node], Callable[[Any, Rows], Any]] = {}


def twin(*kinds: type[Node]) -> Callable[[F], F]:
    """Let a function of a node and of rows be the twin of the nodes of these very classes."""

    def of(function: F) -> F:
        _TWINS.update(dict.fromkeys(kinds, function))
        return function

    return of


def value(expression: Node, rows: Rows) -> Numbers:
    """What ``expression`` says at each of ``rows``."""
    numbers: Numbers = _TWINS[type(expression)](expression, rows)
    return numbers


def judge(condition: Node, rows: Rows) -> Verdicts:
    """What ``condition`` says at each of ``rows``."""
    verdicts: Verdicts = _TWINS[type(condition)](condition, rows)
    return verdicts


def has_twin(node: Node) -> bool:
    """Whether ``node`` and all its parts have twins.

    A rule that raises on NaN is folded, to raise where it does; so is patience in other units than evaluations.
    """
    if isinstance(node, EarlyStop) and node.nan == "raise":
        return False
    if isinstance(node, Patient) and not isinstance(node.patience, int):
        return False
    return type(node) in _TWINS and all(map(has_twin, node.parts))


def seen_by(condition: Condition, history: History) -> tuple[Rows, Places]:
    """The records that ``condition`` sees, and where in the run they are.

    A record of the clock alone moves only conditions that are decided by the clock alone.
    """
    columns = history.columns()
    if condition.clock_units is not None:
        return whole(columns), columns.every
    return evaluations(columns)


def evaluations(columns: Columns) -> tuple[Rows, Places]:
    """The records that are not the clock alone, and where in the run they are."""
    if not columns.is_tick.any():
        return whole(columns), columns.every
    return kept(whole(columns), ~columns.is_tick), np.flatnonzero(~columns.is_tick)


def verdict_column(condition: Condition, history: History) -> Verdicts:
    """What ``condition`` says at each record of a run: 1 for true, -1 for false, 0 for unknown."""
    with np.errstate(all="ignore"):  # infinities and NaN are values
        rows, places = seen_by(condition, history)
        verdicts: Verdicts = held(judge(condition, rows), places, len(history))
        return verdicts
