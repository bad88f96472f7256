"""What a condition still waits for, in a line, and how near it is."""

from __future__ import annotations

from collections.abc import Iterator

from .clock import After
from .comparison import Compare
from .condition import And, Condition, Or
from .expression import label_of
from .node import State
from .patience import Plateau
from .temporal import Sustained, Then

__all__ = ["missing_phrase", "nearness"]


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


def missing_phrase(condition: Condition, state: State) -> str:
    """What is missing until ``condition`` holds; nothing where it holds.

    Example:
        >>> from ignite_delayed import Metric, Record
        >>> condition = (Metric("loss") < 0.5).sustained(evaluations=3)
        >>> state, _ = condition.step(condition.initial(), Record(epoch=1, iteration=10, values={"loss": 0.62}))
        >>> missing_phrase(condition, state)
        'loss 0.62, needs < 0.5 for 3, has 0'
    """
    return "; ".join(_phrase(part, its) for part, its in _missing(condition, state))


def _phrase(condition: Condition, state: State) -> str:
    if isinstance(condition, Or):
        return ", or ".join(missing_phrase(part, its) for part, its in _below(condition, state))
    if isinstance(condition, Sustained):
        [(part, its)] = _below(condition, state)
        return f"{_leaf(part, its)} for {condition.evaluations}, has {condition.streak(state)}"
    if isinstance(condition, Then):
        (first, its), (second, second_state) = _below(condition, state)
        return f"first: {missing_phrase(first, its)}" if state.base is None else missing_phrase(second, second_state)
    return _leaf(condition, state)


def _leaf(condition: Condition, state: State) -> str:
    """The phrase for one condition, not split into its parts."""
    detail = condition.detail(state)
    if isinstance(condition, Compare):
        name, value, symbol, bound = condition.reading(state)
        if value is None or bound is None:
            return f"{name} has no value yet, needs {symbol} {label_of(condition.right)}"
        return f"{name} {value:g}, needs {symbol} {bound:g}"
    if isinstance(condition, After):
        return repr(condition) if state.now is None else detail
    if isinstance(condition, Plateau):
        return f"{label_of(condition.metric)}: {detail}"
    below = "; ".join(_leaf(part, its) for part, its in _below(condition, state))
    missing = "; ".join(text for text in (detail, below) if text)
    return f"{condition!r} ({missing})" if missing else repr(condition)


def nearness(condition: Condition, state: State) -> tuple[float, float] | None:
    """How much of what is needed was reached, where the one thing that is missing is counted."""
    missing = _missing(condition, state)
    if len(missing) != 1:
        return None
    [(condition, state)] = missing
    if isinstance(condition, Sustained):
        return condition.streak(state), condition.evaluations
    if isinstance(condition, After) and state.now is not None and state.point:
        return min(state.now, state.point), state.point
    if isinstance(condition, Plateau):
        return condition.limit.share(state.counter)
    if isinstance(condition, Then) and state.base is not None:
        return nearness(condition.second, state.second)
    return None
