"""The step of a schedule as one function, bound once in a while: what is known of an epoch is not asked every time."""

from __future__ import annotations

import math
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
        lows: what each group has at least, if anything; then it holds for factors up to ``top``.
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
    lows: list[float] | None = None
    top: float = math.inf


class QuickStep(NamedTuple):
    """A step, and what it is bound to; bound to ``None`` it takes the slow way."""

    step: Callable[[Engine], None]
    bind: Callable[[Bound | None], None]


def quick_step(slow: Callable[[Engine], None]) -> QuickStep:
    """A function that steps the rate for the trainer's iteration, by ``slow`` where it is not bound to anything.

    It runs at every iteration, so it is one closure: look-ups of attributes would cost more than the step does.
    """
    high = shift = count = 0
    nothing: Any = None
    curve = stepper = optimizer = groups = bases = lows = common = nothing
    entry, alone, top = "", False, math.inf

    def step(engine: Engine) -> None:
        iteration = engine.state.iteration
        if iteration < high and optimizer.param_groups is groups and len(groups) == count:
            factor = curve(iteration - shift)
            if alone:  # a loop over one would cost a sixth of the step
                groups[0][entry] = common * factor
            elif common is not None:
                value = common * factor
                for group in groups:
                    group[entry] = value
            elif lows is None:
                for group, base in zip(groups, bases):  # noqa: B905 - as long as each other, and this is the hot loop
                    group[entry] = base * factor
            elif factor > top:
                slow(engine)
                return
            else:
                for group, base, low in zip(groups, bases, lows):  # noqa: B905 - the same
                    value = base * factor
                    group[entry] = value if value > low else low  # noqa: FURB136 - a call costs more
            stepper.factor = factor
        else:
            slow(engine)

    def bind(bound: Bound | None) -> None:
        nonlocal high, shift, curve, stepper, optimizer, groups, count, entry, bases, lows, top, common, alone
        if bound is None:
            high = 0
            return
        high, shift, curve, stepper, optimizer, groups, count, entry, bases, lows, top = bound
        common = bases[0] if lows is None and len(set(bases)) == 1 else None
        alone = lows is None and count == 1

    return QuickStep(step, bind)
