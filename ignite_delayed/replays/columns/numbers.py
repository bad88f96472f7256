"""The twins of metrics, numbers and arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...conditions import Metric
from ...conditions.expression import Absolute, Arithmetic, Negative, Number
from ...conditions.node import Node
from ...history.columns import Floats, Places
from .rows import Rows, held
from .twins import Numbers, twin, value

__all__ = ["at", "observations", "observed"]


def at(numbers: Numbers, places: Places) -> Floats:
    """The values at some of the records."""
    return numbers.values if len(places) == len(numbers.values) else numbers.values[places]


def observations(node: Node, numbers: tuple[Numbers, ...], rows: Rows) -> Places:
    """Where ``node`` observes and all of ``numbers`` have a value."""
    places = rows.observed(node)
    start = max(one.start for one in numbers)
    return places[np.searchsorted(places, start) :]


def observed(expression: Node, rows: Rows) -> tuple[Places, Floats]:
    """Where ``expression`` has been observed, and its values there."""
    numbers = value(expression, rows)
    places = observations(expression, (numbers,), rows)
    return places, at(numbers, places)


@twin(Metric)
def metric(node: Metric, rows: Rows) -> Numbers:
    places, values = rows.fresh(node.name)
    return Numbers(held(values, places, len(rows)), int(places[0]) if len(places) else len(rows))


@twin(Number)
def number(node: Number, rows: Rows) -> Numbers:
    return Numbers(np.broadcast_to(np.float64(node.value), len(rows)), 0)


_ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


@twin(Arithmetic)
def arithmetic(node: Arithmetic, rows: Rows) -> Numbers:
    left, right = value(node.left, rows), value(node.right, rows)
    places = observations(node, (left, right), rows)
    values = _ARITHMETIC[node.symbol](at(left, places), at(right, places))
    return Numbers(held(values, places, len(rows)), int(places[0]) if len(places) else len(rows))


@twin(Negative)
def negative(node: Negative, rows: Rows) -> Numbers:
    inner = value(node.operand, rows)
    return Numbers(-inner.values, inner.start)


@twin(Absolute)
def absolute(node: Absolute, rows: Rows) -> Numbers:
    inner = value(node.operand, rows)
    return Numbers(np.abs(inner.values), inner.start)
