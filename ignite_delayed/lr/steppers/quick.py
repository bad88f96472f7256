"""The step of a schedule as one function, bound once in a while: what is known of an epoch is not asked every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ignite.engine import Engine

__all__ = ["Bound", "QuickStep", "quick_step"]


class Bound(NamedTuple):
    """What holds for the iterations from the one at hand on, while ``iteration < high``.

    Args:
        high: the first iteration for which it does not hold.
        shift: the iteration whose step is 0.
        curve: the formula of the factor.
        stepper: what the last factor is noted on, as ``factor``.
        optimizer, groups, size: whose groups, the list that they stand in, and how many.
        entry: what is written, a plain number in every group.
        bases: the base value of each group.
    """

    high: int
    shift: int
    curve: Callable[[int], float]
    stepper: Any
    optimizer: Any
    groups: list[dict[str, Any]]
    size: int
    entry: str
    bases: list[float]


class QuickStep(NamedTuple):
    """A step, and what it is bound to; bound to ``None`` it takes the slow way."""

    step: Callable[[Engine], None]
    bind: Callable[[Bound | None], None]


def quick_step(slow: Callable[[Engine], None]) -> QuickStep:
    """A function that steps the rate for the trainer's iteration, by ``slow`` where it is not bound to anything.

    It runs at every iteration, so it is one closure: look-ups of attributes would cost more than the step does.
    """
    high = shift = count = 0
    curve: Any = None
    stepper: Any = None
    optimizer: Any = None
    groups: Any = None
    bases: Any = None
    entry, alone = "", False
    common: Any = None

    def step(engine: Engine) -> None:
        iteration = engine.state.iteration
        if iteration < high and optimizer.param_groups is groups and len(groups) == count:
            stepper.factor = factor = curve(iteration - shift)
            if alone:  # a loop over one would cost a sixth of the step
                groups[0][entry] = common * factor
            elif common is not None:
                value = common * factor
                for group in groups:
                    group[entry] = value
            else:
                for group, base in zip(groups, bases):  # noqa: B905 - as long as each other, and this is the hot loop
                    group[entry] = base * factor
        else:
            slow(engine)

    def bind(bound: Bound | None) -> None:
        nonlocal high, shift, curve, stepper, optimizer, groups, count, entry, bases, common, alone
        if bound is None:
            high = 0
            return
        high, shift, curve, stepper, optimizer, groups, count, entry, bases = bound
        common = bases[0] if len(set(bases)) == 1 else None
        alone = count == 1

    return QuickStep(step, bind)
