"""The trainer's clock as a condition."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from .._utils.advice import advise
from ..history.record import Record
from .condition import Condition, Verdict
from .parsing import readable
from .units import check_amount, given_unit, other_units

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["After"]


class AfterState(NamedTuple):
    """The verdict, what the clock read and the point it was compared with, for explanations."""

    verdict: Verdict
    now: float | None
    point: float | None


@readable
class After(Condition):
    """True while ``clock > point``, strictly: ``After(epochs=50)`` first lets through what happens in epoch 51.

    The clock is the trainer's, whatever engine an evaluation runs on. Exactly one unit is given.

    Args:
        epochs: true while ``trainer.state.epoch > epochs``; a whole number >= 0.
        iterations: true while ``trainer.state.iteration > iterations``; a whole number >= 0.
        evaluations: true from evaluation ``evaluations + 1`` on; a whole number >= 0. Evaluators that run at the
            same trainer iteration make one evaluation; the trainer's own metrics make none.
        seconds: true once training took longer; seconds >= 0, or a ``timedelta``. Time between the parts of a
            resumed run does not count.
        fraction: true while ``trainer.state.iteration > fraction * planned iterations``, ``0 <= fraction <= 1``;
            unknown while the length of the run is not known.

    Raises:
        TypeError: without a unit, or with two.
        ValueError: for a negative or fractional count, or a fraction past 1.

    Example:
        >>> After(epochs=50), After(seconds=timedelta(hours=2))
        (After(epochs=50), After(seconds=7200.0))
        >>> After(50)
        Traceback (most recent call last):
            ...
        TypeError: After takes its point by unit, got 50 (int). Write After(epochs=50), After(iterations=50), ...
    """

    __slots__ = ("clock_units", "epochs", "evaluations", "fraction", "iterations", "point", "seconds", "unit")
    memory = ("verdict", "value", "value")
    state_type = AfterState

    @advise(**other_units("After"))
    def __init__(
        self,
        *unitless: Any,
        epochs: int | None = None,
        iterations: int | None = None,
        evaluations: int | None = None,
        seconds: float | timedelta | None = None,
        fraction: float | None = None,
    ) -> None:
        values: dict[str, Any] = {
            "epochs": epochs,
            "iterations": iterations,
            "evaluations": evaluations,
            "seconds": seconds,
            "fraction": fraction,
        }
        unit = given_unit("After", "point", unitless, values, "Combine two with & (both) or | (either).")
        hint = "Clocks count from 0 in whole steps."
        values[unit] = value = check_amount("After", unit, values[unit], least=0, hint=hint)
        point = _as_fraction(value) if unit == "fraction" else value
        self._set(unit=unit, point=point, clock_units=frozenset({unit}), **values)
        self._set_parts()

    def advance(self, state: AfterState, record: Record) -> AfterState:
        unit, point = self.unit, self.point
        now: float
        if unit == "epochs":
            now = record.epoch
        elif unit == "iterations":
            now = record.iteration
        elif unit == "evaluations":
            now = record.evaluation
        elif unit == "seconds":
            now = record.seconds
        elif record.planned is None:
            return AfterState(None, record.iteration, None)
        else:
            now, point = record.iteration, point * record.planned
        return AfterState(now > point, now, float(point))

    def detail(self, state: AfterState) -> str:
        _, now, point = state
        if now is None:
            return "nothing seen yet"
        unit = {"evaluations": "evaluation", "epochs": "epoch", "seconds": "seconds"}.get(self.unit, "iteration")
        if point is None:
            return f"{unit} {now:.12g}, the length of the run is not known yet"
        return f"{unit} {now:.12g}, needs > {point:.12g}"

    def _summary(self, state: AfterState) -> str:
        return repr(self) if state.now is None else self.detail(state)

    def _reached(self, state: AfterState) -> tuple[float, float] | None:
        _, now, point = state
        return (min(now, point), point) if now is not None and point else None

    def wakes_at(self, state: AfterState, now: Record) -> float:
        turn = math.inf  # epochs and evaluations turn where epochs and evaluations are looked at anyway
        if self.unit == "seconds" or (self.unit == "fraction" and now.planned is None):
            turn = now.iteration + 1  # nobody knows: look at each
        elif self.unit == "iterations":
            turn = self.point + 1
        elif self.unit == "fraction" and now.planned is not None:
            turn = math.floor(self.point * now.planned) + 1
        return turn if turn > now.iteration else math.inf

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (), {self.unit: getattr(self, self.unit)}

    unit: str
    point: Any  # int, float, or Fraction


def _as_fraction(value: float) -> Fraction:
    """``value`` as it is written: 0.29 of 100 iterations are 29, not 28.999999999999996."""
    from fractions import Fraction  # only this unit needs it

    return Fraction(repr(value))
