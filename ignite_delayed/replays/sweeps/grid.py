"""grid: many rules written down as one call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..._utils.checks import refuse_type, refuse_value
from ...conditions import Condition

__all__ = ["grid"]


def grid(rule: Callable[..., Condition], *args: Any, **kwargs: Any) -> list[Condition]:
    """``rule(*args, **kwargs)`` for every combination of what the lists among the arguments offer.

    A list, a tuple, a range or an array is an axis; anything else is the same for all rules. The last axis moves
    fastest. Each rule prints as the call that builds it.

    Args:
        rule: what builds a rule, such as :class:`EarlyStop`.
        *args: its arguments.
        **kwargs: those that are named.

    Raises:
        TypeError, ValueError: where ``rule`` refuses a combination, or makes no condition; for an axis that is empty.

    Example:
        >>> from ignite_delayed import After, EarlyStop
        >>> for rule in grid(EarlyStop, "loss", mode="min", patience=[3, 5], until=[None, After(epochs=20)]):
        ...     print(rule)
        EarlyStop('loss', mode='min', patience=3)
        EarlyStop('loss', mode='min', patience=3, until=After(epochs=20))
        EarlyStop('loss', mode='min', patience=5)
        EarlyStop('loss', mode='min', patience=5, until=After(epochs=20))
    """
    if not callable(rule):
        refuse_type("rule", "what builds a rule, such as EarlyStop", rule)
    axes = [_axis(f"argument {place}", given) for place, given in enumerate(args, start=1)]
    axes += [_axis(name, given) for name, given in kwargs.items()]
    rules = []
    for choice in product(*axes):
        built = rule(*choice[: len(args)], **dict(zip(kwargs, choice[len(args) :], strict=True)))
        if not isinstance(built, Condition):
            refuse_type("rule", "what builds a condition, such as EarlyStop", rule, f"It made {built!r}.")
        rules.append(built)
    return rules


def _axis(argument: str, given: Any) -> list[Any]:
    if isinstance(given, np.ndarray):
        given = given.tolist()  # plain numbers: NumPy's have reprs of their own
    if not isinstance(given, (list, tuple, range)):
        return [given]
    if not len(given):
        refuse_value(argument, "an axis with at least one value", given)
    return list(given)
