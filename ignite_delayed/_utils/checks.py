"""Argument checks with one wording: the argument, what was expected, what came, and the likely fix."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Collection
from typing import Any, NoReturn

__all__ = [
    "check_choice",
    "check_count",
    "check_flag",
    "check_name",
    "check_real",
    "describe",
    "is_coroutine",
    "refuse_type",
    "refuse_value",
    "suggestion",
]

_LONGEST = 120


def describe(value: object) -> str:
    """``value`` as an error message shows it: its repr on one line, cut short, and its type."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a broken repr must not hide the error we are about to raise
        text = f"<{type(value).__name__} without a repr>"
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 3] + "..."
    return f"{text} ({type(value).__name__})"


def _message(argument: str, expected: str, got: object, hint: str) -> str:
    return f"{argument} must be {expected}, got {describe(got)}." + (f" {hint}" if hint else "")


def refuse_type(argument: str, expected: str, got: object, hint: str = "") -> NoReturn:
    """Raise the ``TypeError`` for an argument of the wrong kind."""
    raise TypeError(_message(argument, expected, got, hint))


def refuse_value(argument: str, expected: str, got: object, hint: str = "") -> NoReturn:
    """Raise the ``ValueError`` for an argument of the right kind and a wrong value."""
    raise ValueError(_message(argument, expected, got, hint))


def check_count(argument: str, value: object, *, least: int = 1, hint: str = "") -> int:
    """``value`` as an ``int >= least`` of 64 bits; whole floats and bools are refused, NumPy integers taken."""
    expected = f"a whole number >= {least}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            refuse_value(argument, expected, value, hint)
        refuse_type(argument, expected, value, hint)
    count = int(value)
    if count < least:
        refuse_value(argument, expected, value, hint)
    if count >= 2**63:
        refuse_value(argument, f"{expected} and < 2**63", value, hint)
    return count


def check_real(
    argument: str,
    value: object,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    hint: str = "",
) -> float:
    """``value`` as a finite ``float`` with ``least <= value <= most`` and ``value > above``."""
    bounds = []
    if least > -math.inf:
        bounds.append(f">= {least:g}")
    if above > -math.inf:
        bounds.append(f"> {above:g}")
    if most < math.inf:
        bounds.append(f"<= {most:g}")
    expected = f"a finite number {' and '.join(bounds)}".rstrip()
    number: Any = value
    if hasattr(value, "item") and not isinstance(value, numbers.Real):  # a one-element tensor or array
        try:
            number = value.item()
        except (RuntimeError, ValueError):
            refuse_type(argument, expected, value, hint)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        refuse_type(argument, expected, value, hint)
    try:
        result = float(number)
    except OverflowError:
        result = math.inf
    if not (math.isfinite(result) and least <= result <= most and result > above):
        refuse_value(argument, expected, value, hint)
    return result


def check_choice(argument: str, value: object, choices: Collection[str], *, hint: str = "") -> str:
    """``value`` if it is one of ``choices``, spelled exactly."""
    listed = [repr(choice) for choice in choices]
    expected = " or ".join(listed) if len(listed) < 3 else f"one of {', '.join(listed)}"
    if not isinstance(value, str):
        refuse_type(argument, expected, value, hint)
    if value not in choices:
        refuse_value(argument, expected, value, hint or suggestion(value, choices))
    return str.__str__(value)


def check_flag(argument: str, value: object) -> bool:
    """``value`` if it is ``True`` or ``False``."""
    if not isinstance(value, bool):
        refuse_type(argument, "True or False", value)
    return value


def check_name(argument: str, value: object, *, hint: str = "") -> str:
    """``value`` if it is a non-empty string."""
    if not isinstance(value, str):
        refuse_type(argument, "a non-empty string", value, hint)
    if not value:
        refuse_value(argument, "a non-empty string", value, hint)
    return str.__str__(value)  # plain: NumPy's strings and enums have reprs of their own


def is_coroutine(function: object) -> bool:
    """Whether calling ``function`` makes a coroutine, which is always true and never awaited."""
    call = type(function).__call__ if callable(function) else None
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def suggestion(word: str, known: Collection[str]) -> str:
    """``"Did you mean 'x'?"`` for the known word closest to ``word``, or nothing."""
    import difflib  # only an error needs it

    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
