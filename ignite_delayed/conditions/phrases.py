"""What a condition still waits for, in a line, and how near it is."""

from __future__ import annotations

from collections.abc import Iterator

from .clock import After
from .comparison import Compare
from .condition import And, Condition, Or
from .expression import Expression, Metric
from .node import State
from .patience import Plateau
from .temporal import Sustained, Then

__all__ = ["called", "nearness", "waiting"]


def called(what: str | Expression) -> str:
    """A metric by its name, any other expression as it is written."""
    return what if isinstance(what, str) else what.name if isinstance(what, Metric) else repr(what)


def _below(condition: Condition, state: State) -> Iterator[tuple[Condition, State]]:
    """The conditions that ``condition`` is made of, with their states."""
    for part, its in zip(condition.parts, state[len(condition.memory) :], strict=True):
        if isinstance(part, Condition):
            yield part, its


def _missing(condition: Condition, state: State) -> list[tuple[Condition, State]]:
    """The parts of ``a & b`` that do not hold; of another condition that does not hold, itself."""
    if not isinstance(condition, And):
        return [] if state[0] is True else [(condition, state)]
    return [found for part, its in _below(condition, state) for found in _missing(part, its)]


def _held(state: State) -> int:
    """At how many observations in a row, up to the last, the condition below held."""
    window: str = state[1]
    return len(window) - len(window.rstrip("t"))


def waiting(condition: Condition, state: State) -> str:
    """What is missing until ``condition`` holds; nothing where it holds.

    Example:
        >>> from ignite_delayed import Metric, Record
        >>> condition = (Metric("loss") < 0.5).sustained(evaluations=3)
        >>> state, _ = condition.step(condition.initial(), Record(epoch=1, iteration=10, values={"loss": 0.62}))
        >>> waiting(condition, state)
        'loss 0.62, needs < 0.5 for 3, has 0'
    """
    return "; ".join(_phrase(part, its) for part, its in _missing(condition, state))


def _phrase(condition: Condition, state: State) -> str:
    if isinstance(condition, Or):
        return ", or ".join(waiting(part, its) for part, its in _below(condition, state))
    if isinstance(condition, Sustained):
        [(part, its)] = _below(condition, state)
        return f"{_leaf(part, its)} for {condition.evaluations}, has {_held(state)}"
    if isinstance(condition, Then):
        (first, its), (second, second_state) = _below(condition, state)
        return f"first: {waiting(first, its)}" if state[1] is None else waiting(second, second_state)
    return _leaf(condition, state)


def _leaf(condition: Condition, state: State) -> str:
    """A condition that is told as a whole, whether it holds or not."""
    detail = condition.detail(state)
    if isinstance(condition, Compare):
        name, needs = called(condition.left), f"needs {condition.symbol} {called(condition.right)}"
        if detail == "no value yet":
            return f"{name} has no value yet, {needs}"
        return detail.replace("last value", name, 1)
    if isinstance(condition, After):
        return detail if state[1] is not None else repr(condition)
    if isinstance(condition, Plateau):
        return f"{called(condition.metric)}: {detail}"
    inner = "; ".join(_leaf(part, its) for part, its in _below(condition, state))
    said = "; ".join(text for text in (detail, inner) if text)
    return f"{condition!r}" + (f" ({said})" if said else "")


def nearness(condition: Condition, state: State) -> tuple[float, float] | None:
    """How much of what is needed was reached, where the one thing that is missing is counted."""
    missing = _missing(condition, state)
    if len(missing) != 1:
        return None
    [(condition, state)] = missing
    if isinstance(condition, Sustained):
        return _held(state), condition.evaluations
    if isinstance(condition, After) and state[1] is not None and state[2]:
        return min(state[1], state[2]), state[2]
    if isinstance(condition, Plateau):
        return min(state[2], condition.patience), condition.patience
    if isinstance(condition, Then) and state[1] is not None:
        return nearness(*list(_below(condition, state))[1])
    return None
