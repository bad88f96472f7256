"""How long a metric may go without improvement, in any unit of the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from .._utils.advice import advise
from .._utils.checks import check_count
from .._utils.values import Value
from ..history.record import Clock, Record
from .units import check_amount, given_unit, other_units

__all__ = ["Patience", "Spent", "as_patience"]

_HINT = "It counts the {} without improvement to accept."
_OTHERS = "Patience(epochs=5), Patience(seconds=600) and Patience(fraction=0.1) are in other units."
_BEGINNING = Clock(0, 0, 0, 0.0)


class Spent(NamedTuple):
    """How much of a patience is spent, ``None`` where that is not known, and since when it runs.

    Of evaluations it is their number alone, as of any patience before the first observation.
    """

    amount: float | None
    since: Clock | None


class Patience(Value):
    """How long a metric may go without improvement: it is lost once ``now - since >= patience``, in one unit.

    ``since`` is the last observation that improved, or that did not count yet, because the delay was not over; the
    beginning of the run where there was none. It is looked at when the metric is observed, at evaluations, never in
    between. With one evaluation an epoch ``Patience(epochs=5)`` is ``patience=5``; with one every three epochs it is
    lost after six, at the second. Give it as ``patience`` to :class:`Plateau`, :class:`EarlyStop` or
    :func:`delay_early_stopping`; a fraction keeps its meaning when the length of the run is changed.

    Args:
        epochs: a whole number >= 1.
        iterations: iterations of the trainer, a whole number >= 1.
        evaluations: observations of the metric, a whole number >= 1; the same as the number itself.
        seconds: of training, > 0, or a ``timedelta``. Time between the parts of a resumed run does not count.
        fraction: of the planned iterations of the run, ``0 < fraction <= 1``; while that number is not known, neither
            is whether patience is lost.

    Raises:
        TypeError: without a unit, or with two.
        ValueError: for an amount that is not positive, a part of an epoch, or a fraction past 1.

    Example:
        >>> from ignite_delayed import EarlyStop, Plateau
        >>> EarlyStop("loss", mode="min", patience=Patience(epochs=5))
        EarlyStop('loss', mode='min', patience=Patience(epochs=5))
        >>> Plateau("loss", mode="min", patience=Patience(evaluations=5))
        Plateau('loss', mode='min', patience=5)
        >>> Patience(seconds=timedelta(hours=2)), Patience(fraction=0.1)
        (Patience(seconds=7200.0), Patience(fraction=0.1))
    """

    __slots__ = ("amount", "epochs", "evaluations", "fraction", "iterations", "seconds", "unit")
    amount: float
    unit: str
    evaluations: int | None

    @advise(**other_units("Patience"))
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
        hint = "Combine two rules with & (both) or | (either)."
        unit = given_unit("Patience", "length", unitless, values, hint)
        amount = check_amount("Patience", unit, values[unit], least=1, hint=_HINT.format(unit))
        values[unit] = amount
        self._set(unit=unit, amount=amount, **values)

    def spend(self, spent: int | Spent, record: Record, *, restart: bool) -> int | Spent:
        """What is spent after the observation ``record``; ``restart``: it improved, or does not count yet."""
        if not isinstance(spent, Spent):
            if self.unit == "evaluations":
                return 0 if restart else spent + 1
            spent = Spent(0, None)
        if restart:
            return Spent(0, record.clock)
        return Spent(self._elapsed(spent.since or _BEGINNING, record), spent.since)

    def _elapsed(self, since: Clock, record: Record) -> float | None:
        elapsed: float
        if self.unit == "epochs":
            elapsed = record.epoch - since.epoch
        elif self.unit == "seconds":
            elapsed = record.seconds - since.seconds
        else:
            elapsed = record.iteration - since.iteration
        elapsed = max(elapsed, 0)  # Ignite's epoch goes back where a run that was stopped within one is resumed
        if self.unit != "fraction":
            return elapsed
        return elapsed / record.planned if record.planned else None

    def spent(self, spent: int | Spent) -> float | None:
        """How much it is, ``None`` where that is not known."""
        return spent.amount if isinstance(spent, Spent) else spent

    def reached(self, spent: int | Spent) -> bool | None:
        """Whether ``spent`` is all of it; ``None`` where it is not known."""
        amount = self.spent(spent)
        return None if amount is None else amount >= self.amount

    def fits(self, spent: int | Spent) -> bool:
        """Whether a saved state can have come about."""
        if not isinstance(spent, Spent):
            return self.unit == "evaluations" or spent == 0
        if self.unit in ("seconds", "fraction"):
            return spent.amount is not None or self.unit == "fraction"
        return self.unit != "evaluations" and type(spent.amount) is int

    def share(self, spent: int | Spent) -> tuple[float, float] | None:
        """How much of how much is spent, ``None`` where it is not known."""
        amount = self.spent(spent)
        return None if amount is None else (min(amount, self.amount), self.amount)

    def words(self, amount: float) -> str:
        """``amount`` with its unit."""
        unit = "of the run" if self.unit == "fraction" else self.unit
        return f"{_number(amount)} {unit.removesuffix('s') if amount == 1 else unit}"

    def progress(self, spent: int | Spent) -> str:
        """How much of how much is spent, in words."""
        return f"{_number(self.spent(spent))} of {self._whole}"

    def left(self, spent: int | Spent) -> str:
        """How much of how much is left, in words."""
        amount = self.spent(spent)
        return f"{_number(None if amount is None else max(self.amount - amount, 0))} of {self._whole} left"

    @property
    def number(self) -> str:
        """The amount, without its unit."""
        return _number(self.amount)

    @property
    def _whole(self) -> str:
        return self.number if self.unit == "evaluations" else self.words(self.amount)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (), {self.unit: self.amount}


def _number(amount: float | None) -> str:
    if amount is None:
        return "an unknown part"
    return str(amount) if isinstance(amount, int) else f"{amount:.6g}"


def as_patience(patience: Any) -> Patience:
    """``patience``, a number of evaluations or in a unit of its own."""
    if isinstance(patience, Patience):
        return patience
    return Patience(evaluations=check_count("patience", patience, hint=f"{_HINT.format('evaluations')} {_OTHERS}"))
