"""The units of the trainer's clock, and the checks of an amount that is given in one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .._utils.checks import check_count, check_real, refuse_type

__all__ = ["check_amount", "given_unit", "other_units"]


def other_units(owner: str) -> dict[str, str]:
    """What to write for a unit that ``owner`` has by another name, or in seconds."""
    units = {unit: f"{unit}s={{0!r}}" for unit in ("epoch", "iteration", "evaluation", "second")}
    units |= {unit: f"seconds={{0!r}} * {seconds}" for unit, seconds in (("minutes", 60), ("hours", 3600))}
    units |= {"batches": "iterations={0!r}", "steps": "iterations={0!r}", "percent": "fraction={0!r} / 100"}
    return {unit: f"{owner}({amount})" for unit, amount in units.items()}


def given_unit(owner: str, what: str, unitless: tuple[Any, ...], values: Mapping[str, Any], hint: str) -> str:
    """The one unit for which ``values`` has an amount: ``what`` an ``owner`` takes.

    Raises:
        TypeError: without one, or with two, or where an amount was given without its unit.
    """
    if unitless:
        first = unitless[0]
        raise TypeError(
            f"{owner} takes its {what} by unit, got {first!r} ({type(first).__name__}). "
            f"Write {owner}(epochs={first!r}), {owner}(iterations={first!r}), ..."
        )
    given = [unit for unit, value in values.items() if value is not None]
    if len(given) != 1:
        listed, got = ", ".join(values), " and ".join(given) or "none"
        raise TypeError(f"{owner} takes exactly one of {listed}, got {got}. {hint}")
    return given[0]


def check_amount(owner: str, unit: str, value: Any, *, least: int, hint: str) -> float:
    """``value`` as an amount of ``unit``: whole and ``>= least`` where the unit is counted.

    Seconds and fractions are any number ``>= 0``, ``> 0`` where ``least`` is 1.
    """
    bound: dict[str, Any] = {"above": 0.0} if least else {"least": 0.0}
    if unit == "seconds":
        return check_real("seconds", value.total_seconds() if isinstance(value, timedelta) else value, **bound)
    if unit == "fraction":
        a_tenth = "0.1 is a tenth of it" if least else "0.1 is its first tenth"
        return check_real("fraction", value, most=1, hint=f"A fraction of the planned run; {a_tenth}.", **bound)
    if isinstance(value, timedelta):
        refuse_type(unit, f"a whole number >= {least}", value, f"Write {owner}(seconds=...) for a time.")
    return check_count(unit, value, least=least, hint=hint)
