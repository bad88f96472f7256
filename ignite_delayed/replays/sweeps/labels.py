"""Short names for rules that stand beside each other: what tells them apart."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from ...conditions import Condition

__all__ = ["labels_of"]


def labels_of(rules: Sequence[Condition]) -> list[str]:
    """Of rules of one kind the arguments that are not the same for all; else the rules as they print.

    Example:
        >>> from ignite_delayed import After, EarlyStop
        >>> labels_of(
        ...     [
        ...         EarlyStop("loss", mode="min", patience=3),
        ...         EarlyStop("loss", mode="min", patience=5, until=After(epochs=20)),
        ...     ]
        ... )
        ['patience=3', 'patience=5, until=After(epochs=20)']
    """
    whole = [repr(rule) for rule in rules]
    kinds = {type(rule) for rule in rules}
    if len(kinds) > 1 or len(rules) < 2:
        return whole
    parameters = inspect.signature(kinds.pop()).parameters
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
        return whole  # operators: their parts have no names
    told = {}
    for name, parameter in parameters.items():
        given = [getattr(rule, name) for rule in rules]
        if any(one != given[0] for one in given):
            told[name] = ["" if one == parameter.default else f"{name}={one!r}" for one in given]
    labels = [", ".join(filter(None, parts)) for parts in zip(*told.values(), strict=True)]
    return labels if len(set(labels)) == len(rules) and all(labels) else whole
