"""Lengths in steps, iterations, epochs or fractions of a run, and how they become whole numbers of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .._utils.checks import check_choice, check_count, check_flag, check_real, refuse_value
from .curves import NOISE

__all__ = ["COUNTED", "SHARES", "UNITS", "PlannedRun", "check_amount", "planned_run", "unit_of", "whole_steps"]

UNITS = ("steps", "iterations", "epochs", "fraction", "rest")
COUNTED = ("steps", "iterations")  # known without knowing the run
SHARES = ("fraction", "rest")  # of the run, so that they add up together

_EPSILON = 1e-12  # what rounding of floats may have added, as a share: 1 / 3 of a run is no multiple of 1e-6


def unit_of(owner: str, given: Mapping[str, Any], *, optional: bool = False) -> str | None:
    """The one unit that was given, or ``None`` if there is none and it is ``optional``."""
    named = [unit for unit, amount in given.items() if amount is not None and amount is not False]
    if len(named) == 1:
        return named[0]
    if optional and not named:
        return None
    count = "at most" if optional else "exactly"
    raise TypeError(
        f"{owner} takes {count} one of {', '.join(given)}, got {' and '.join(named) or 'none'}. "
        f"Write {owner}(..., epochs=10), for example."
    )


def check_amount(unit: str, amount: object, *, whole: bool = True) -> float:
    """``amount`` of ``unit`` as a number greater than zero, of a counted unit ``whole``; whole numbers as ``int``."""
    if unit == "rest":
        return check_flag(unit, amount)
    number = amount if isinstance(amount, (int, float)) else math.nan
    hint = "Leave a phase of no length out." if number == 0 else ""
    if whole and unit in COUNTED:
        return check_count(unit, amount, hint=hint)
    most = 1.0 if unit == "fraction" else float("inf")
    if unit == "fraction" and 1 < number < math.inf:
        hint = f"It is a share of the run: half of it is fraction=0.5, {number:g} epochs are epochs={number:g}."
    number = check_real(unit, amount, above=0, most=most, hint=hint)
    return int(number) if number.is_integer() else number


_COUNTS = {"iteration": "batches", "update": "optimizer updates"}


def planned_run(
    per: str,
    epochs: float | None,
    iterations_per_epoch: int | None,
    updates_per_epoch: float | None,
    begins: float,
) -> PlannedRun:
    """The run in which one step is of the kind ``per``; the arguments as :meth:`Schedule.resolve` takes them."""
    check_choice("per", per, ("iteration", "epoch", "update"))
    batches = None if iterations_per_epoch is None else check_count("iterations_per_epoch", iterations_per_epoch)
    updates = None if updates_per_epoch is None else check_real("updates_per_epoch", updates_per_epoch, above=0)
    return PlannedRun(per, epochs, {"epoch": 1, "iteration": batches, "update": updates}[per], begins)


class PlannedRun:
    """What is known of a run, and what one step is in it."""

    __slots__ = ("_begins", "_epochs", "_over", "_per", "_steps_in_epoch")

    def __init__(
        self, per: str, epochs: float | None, steps_in_epoch: float | None, begins: float = 0.0, over: float = 0.0
    ) -> None:
        self._begins, self._over = check_real("begins", begins, least=0), over
        self._per = per
        self._epochs = None if epochs is None else check_real("epochs", epochs, above=0)
        self._steps_in_epoch = steps_in_epoch

    def after(self, steps: float) -> PlannedRun:
        """The same run, seen by what begins ``steps`` later."""
        return PlannedRun(self._per, self._epochs, self._steps_in_epoch, self._begins, self._over + steps)

    def steps(self, unit: str, amount: float) -> float:
        """``amount`` of ``unit`` in steps, not yet rounded to whole ones."""
        if unit == "rest":
            length = "rest=True"
            left = (self._planned_epochs(length) - self._begins) * self._steps_per_epoch(length) - self._over
            return max(round(left, NOISE), 1.0)
        if unit == "steps":
            return amount
        if unit == "iterations":
            return self._from_iterations(amount)
        epochs = amount if unit == "epochs" else amount * self._planned_epochs(f"fraction={amount!r}")
        exact = epochs * self._steps_per_epoch(f"{unit}={amount!r}")
        near = round(exact, NOISE)
        return near if math.isclose(near, exact, rel_tol=_EPSILON) else exact

    def _from_iterations(self, amount: float) -> float:
        if self._per != "iteration":
            hint = "Give the length in epochs, as a fraction of the run, or in steps."
            refuse_value("per", f"'iteration' for a schedule with iterations={amount!r}", self._per, hint)
        return amount

    def _planned_epochs(self, length: str) -> float:
        if self._epochs is None:
            hint = "Pass the number of epochs that the run is planned for."
            refuse_value("epochs", f"known for a schedule with {length}", None, hint)
        # An epoch that the run does not finish is a step of its own.
        return math.ceil(self._epochs) if self._per == "epoch" else self._epochs

    def _steps_per_epoch(self, length: str) -> float:
        if self._steps_in_epoch is None:
            hint = f"Pass the number of {_COUNTS[self._per]} in one epoch, or per='epoch' if a step is an epoch."
            refuse_value(f"{self._per}s_per_epoch", f"known for a schedule with {length}", None, hint)
        return self._steps_in_epoch


def whole_steps(lengths: Sequence[float], shares: Sequence[bool] | None = None) -> list[int]:
    """Consecutive lengths, each as a whole number of steps.

    A length that is whole is kept, unless it is one of the ``shares`` of a run: those must add up together. The *ends*
    of the others are rounded to the nearest step, so that they add up to their rounded sum; each keeps at least one
    step, taken from its neighbours or, when there are more lengths than steps, added.
    """
    lengths = [round(length, NOISE) for length in lengths]
    loose = shares or [False] * len(lengths)
    kept = [length == int(length) and not share for length, share in zip(lengths, loose, strict=True)]
    broken = [length for length, whole in zip(lengths, kept, strict=True) if not whole]
    total = max(round(sum(broken)), len(broken))
    rounded, exact, end = [], 0.0, 0
    for left, length in zip(range(len(broken) - 1, -1, -1), broken, strict=True):
        exact += length
        begin, end = end, min(max(round(exact), end + 1), total - left)
        rounded.append(end - begin)
    pending = iter(rounded)
    return [int(length) if whole else next(pending) for length, whole in zip(lengths, kept, strict=True)]
