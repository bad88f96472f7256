"""Metrics: their values as floats, who reports which, and what is said of one that nobody reported."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .._utils.checks import suggestion
from ..errors import MetricValueError, UnknownMetricError

__all__ = ["as_float", "parts", "reporter", "require", "source_label", "unknown_metric"]


def as_float(value: Any) -> float:
    """``value`` as a float, for Python and NumPy numbers, bools, and anything that holds exactly one element.

    ``None`` is NaN: there is no value.

    Raises:
        ValueError: where it is none, saying why.
    """
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    if not isinstance(value, numbers.Number) and hasattr(value, "item"):
        value = _only_element(value)
    if isinstance(value, (numbers.Real, Decimal)):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{value!r:.40} is too large for a float") from None
    if isinstance(value, numbers.Complex):
        raise ValueError(f"it is the complex number {value!r}; report its real part or its absolute value")
    raise ValueError(f"it is of type {type(value).__name__}, not a number")


def parts(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in the dict, list or vector ``value``, named as Ignite's loggers tag them: ``name/key``, ``name/0``.

    Tables (matrices, and tensors of more dimensions) have none.
    """
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[Any, Any]] = value.items()
    else:
        pairs = enumerate(_vector(value))
    for key, one in pairs:
        try:
            yield f"{name}/{key}", as_float(one)
        except ValueError:
            yield from parts(f"{name}/{key}", one)


def _vector(value: Any) -> Sequence[Any]:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return value
    if len(getattr(value, "shape", ())) != 1:
        return ()
    try:
        listed: Sequence[Any] = value.tolist()
    except Exception:  # a metric that nobody asks for must not end the run
        return ()
    return listed


def _only_element(value: Any) -> Any:
    shape = tuple(getattr(value, "shape", ()))
    if math.prod(shape) != 1:
        raise ValueError(f"it has {math.prod(shape)} elements (shape {shape}); report one number, for example its mean")
    try:
        return (value.detach() if hasattr(value, "detach") else value).item()
    except Exception as error:  # a metric that nobody asks for must not end the run
        raise ValueError(f"its item() failed with {error!r}") from error


def source_label(source: str | None) -> str:
    """The evaluator that records name ``source``, in words."""
    return f"evaluator {source!r}" if source else "the evaluator"


def unknown_metric(name: str, source: str | None, known: Iterable[str]) -> UnknownMetricError:
    """The error for a metric that ``source`` did not report, with what there is instead."""
    there = sorted(known)
    listed = ", ".join(map(repr, there)) if there else "none at all"
    hint = suggestion(name, there) or "Attach it to that evaluator, or compute it before COMPLETED fires there."
    return UnknownMetricError(
        f"metric {name!r} was not reported by {source_label(source)}; metrics that are there: {listed}. {hint}"
    )


def reporter(name: str, sources: Iterable[str]) -> str | None:
    """The source that should report metric ``name``; ``None`` where any may (``"lr"``) or none can.

    With named sources ``"val/loss"`` belongs to ``"val"``; the one unnamed source reports every name.
    """
    known = tuple(sources)
    if "" in known:
        return ""
    prefix, slash, _ = name.partition("/")
    return prefix if slash and prefix in known else None


def require(
    reads: Iterable[str], source: str | None, values: Mapping[str, float], unusable: Mapping[str, str] | None = None
) -> None:
    """Raise where ``values`` lack one of the metrics ``reads`` that ``source`` should have reported.

    ``unusable`` says of metrics that were reported and left out why they were.

    Raises:
        MetricValueError: for one that was reported and is no number.
        UnknownMetricError: for one that was not reported.
    """
    missing = sorted(name for name in reads if name not in values)
    for name in missing:
        if unusable and name in unusable:
            parts_of = (one for one in values if one.startswith(f"{name}/"))
            way_out = next((f"read one of its parts, such as {one!r}" for one in parts_of), "report one number instead")
            part = "" if "report one number" in unusable[name] and "parts" not in way_out else f"; {way_out}"
            raise MetricValueError(f"metric {name!r} cannot be used in a condition: {unusable[name]}{part}")
    if missing:
        raise unknown_metric(missing[0], source, values)
