"""Metric values as floats: Python and NumPy numbers, bools, and anything that holds exactly one element."""

from __future__ import annotations

import math
import numbers
from decimal import Decimal
from typing import Any

__all__ = ["as_float"]


def as_float(value: Any) -> float | str:
    """``value`` as a float, or why it is none; ``None`` is NaN: there is no value."""
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    if not isinstance(value, numbers.Number) and hasattr(value, "item"):
        shape = tuple(getattr(value, "shape", ()))
        if math.prod(shape) != 1:
            return f"it has {math.prod(shape)} elements (shape {shape}); report one number, for example its mean"
        try:
            value = (value.detach() if hasattr(value, "detach") else value).item()
        except Exception as error:  # a metric that nobody asks for must not end the run
            return f"its item() failed with {error!r}"
    if isinstance(value, (numbers.Real, Decimal)):
        try:
            return float(value)
        except OverflowError:
            return f"{value!r:.40} is too large for a float"
    if isinstance(value, numbers.Complex):
        return f"it is the complex number {value!r}; report its real part or its absolute value"
    return f"it is of type {type(value).__name__}, not a number"
