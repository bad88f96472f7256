"""Calls that nearly fit: how others call an argument, or one that was given without its name, answered with the fix."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from .checks import describe

__all__ = ["advise"]

P = ParamSpec("P")
R = TypeVar("R")


class _Left:
    """Stands for an argument that was left out."""

    def __repr__(self) -> str:
        return "..."


def advise(positional: str = "", /, **names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function answer a call that does not fit with what to write instead.

    Args:
        positional: what to write where there are too many arguments without a name; ``{0!r}`` is the first of those.
        **names: what to write for an argument that is called otherwise here; ``{0!r}`` is its value.

    Example:
        >>> @advise("area(width=..., height={0!r})", size="width={0!r}")
        ... def area(*, width, height=1):
        ...     return width * height
        >>> area(size=3)
        Traceback (most recent call last):
            ...
        TypeError: area takes no size, got 3 (int). Write width=3.
    """

    def advised(function: Callable[P, R]) -> Callable[P, R]:
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
        room = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
        label = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @wraps(function)
        def answering(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in kwargs.items():
                if name in names:
                    fix = names[name].format(value)
                    raise TypeError(f"{label} takes no {name}, got {describe(value)}. Write {fix}.")
            if positional and len(args) > room:
                extra = args[room:]
                fix = positional.format(*extra, _Left())
                raise TypeError(f"{label} takes that by name alone, got {describe(extra[0])}. Write {fix}.")
            return function(*args, **kwargs)

        return answering

    return advised
