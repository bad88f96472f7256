"""Improvement and patience: the rule that early stopping and plateau detection share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Literal, NamedTuple, ParamSpec, TypeVar

from .._utils.advice import advise
from .._utils.checks import check_choice, check_flag, check_real
from ..history.record import Record
from .comparison import as_monitor
from .condition import Condition, Verdict
from .expression import Expression, Mode, label_of
from .limit import Patience, Spent, as_patience
from .node import State
from .parsing import readable

__all__ = ["OTHER_NAMES", "Patient", "Plateau", "ThresholdMode", "ask_for_mode"]

readable(Patience)  # an argument of conditions that is no condition

#: What a threshold is measured in: the metric's unit, or a fraction of the best value.
ThresholdMode = Literal["abs", "rel"]

P = ParamSpec("P")
R = TypeVar("R")

_MODE_HINT = "Say which way is better: mode='min' for a loss, mode='max' for an accuracy. It is never guessed."


def ask_for_mode(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which refuses a missing ``mode`` as it refuses a wrong one: with the hint how to choose it."""

    @wraps(function)
    def asking(*args: P.args, **kwargs: P.kwargs) -> R:
        if "mode" not in kwargs:
            _check_mode("")
        return function(*args, **kwargs)

    return asking


#: How a rule of patience calls what others call otherwise.
OTHER_NAMES = {
    "min_delta": "threshold={0!r}",
    "start_from_epoch": "until=After(epochs={0!r})",
    "restore_best_weights": "keep_best(recorder, ..., restore_best={0!r})",
}


def _check_mode(mode: object) -> str:
    return check_choice("mode", mode, ("min", "max"), hint=_MODE_HINT)


class Patient(Condition):
    """A condition that loses patience with a metric: base of :class:`Plateau` and :class:`EarlyStop`."""

    __slots__ = ("_monitor", "cumulative", "limit", "mode", "patience", "threshold", "threshold_mode")
    mode: Mode
    patience: int | Patience
    limit: Patience  # the patience, in evaluations too
    threshold: float
    threshold_mode: ThresholdMode
    cumulative: bool
    _monitor: Expression

    def _watch(
        self,
        argument: str,
        metric: str | Expression,
        mode: str,
        patience: int | Patience,
        threshold: float,
        threshold_mode: str,
        cumulative: bool,
    ) -> None:
        """Check and keep the arguments that every rule of patience takes."""
        hint = "A threshold is how much better counts as better; the direction is mode's."
        monitor, mode, limit = as_monitor(argument, metric), _check_mode(mode), as_patience(patience)
        self._set(
            _monitor=monitor,
            mode=mode,
            patience=limit.evaluations or limit,
            limit=limit,
            threshold=check_real("threshold", threshold, least=0, hint=hint),
            threshold_mode=check_choice("threshold_mode", threshold_mode, ("abs", "rel")),
            cumulative=check_flag("cumulative", cumulative),
        )

    def judge(self, best: float | None, value: float) -> tuple[float | None, bool]:
        """The best value after ``value``, and whether ``value`` improved on it; NaN never does."""
        if value != value:
            return best, False
        if best is None:
            return value, True
        step = self.threshold if self.mode == "max" else -self.threshold
        if self.threshold_mode == "abs" or math.isinf(best):
            bound = best + step
        else:
            bound = best * (1 + math.copysign(1.0, best) * step)
        improved = value > bound if self.mode == "max" else value < bound
        if improved:
            return value, True
        if not self.cumulative:
            best = max(best, value) if self.mode == "max" else min(best, value)
        return best, False


class PlateauState(NamedTuple):
    """The verdict, the best value, what is spent of the patience, and the state of what is monitored."""

    verdict: Verdict
    best: float | None
    counter: int | Spent
    monitor: State


@readable
class Plateau(Patient):
    """True when ``patience`` observations in a row brought no improvement, or for as long as a :class:`Patience`.

    An observation improves when ``value > best + threshold`` (``mode="max"``) or ``value < best - threshold``
    (``"min"``); with ``threshold_mode="rel"`` the threshold is a fraction of ``abs(best)``, so negative scores work.
    On finite data this is true first at the evaluation at which ``ignite.handlers.EarlyStopping`` stops. NaN never
    improves, never erases the best value, and counts against patience.

    Args:
        metric: a metric's name, or an expression.
        mode: ``"min"`` or ``"max"``: which way is better.
        patience: observations without improvement, >= 1, or a :class:`Patience` in another unit.
        threshold: how much better is better, >= 0, in the metric's unit or as a fraction.
        threshold_mode: ``"abs"`` or ``"rel"``.
        cumulative: whether small steps add up: the best value then moves only when an improvement counts.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> Plateau("loss", mode="min", patience=5)
        Plateau('loss', mode='min', patience=5)
    """

    __slots__ = ("metric",)
    memory = ("verdict", "value", "spent")
    state_type = PlateauState
    metric: str | Expression

    @advise(min_delta=OTHER_NAMES["min_delta"])
    @ask_for_mode
    def __init__(
        self,
        metric: str | Expression,
        *,
        mode: Mode,
        patience: int | Patience,
        threshold: float = 0.0,
        threshold_mode: ThresholdMode = "abs",
        cumulative: bool = False,
    ) -> None:
        self._watch("metric", metric, mode, patience, threshold, threshold_mode, cumulative)
        self._set(metric=metric)
        self._set_parts(self._monitor)

    def advance(self, state: PlateauState, record: Record) -> PlateauState:
        verdict, best, counter, monitor = state
        monitor = self._monitor.advance(monitor, record)
        if monitor[0] is not None and self.observed(record):
            best, improved = self.judge(best, monitor[0])
            counter = self.limit.spend(counter, record, restart=improved)
            verdict = self.limit.reached(counter)
        return PlateauState(verdict, best, counter, monitor)

    def consistent(self, state: PlateauState) -> bool:
        if state.best != state.best:  # NaN is never the best
            return False
        out_of_patience = self.limit.reached(state.counter) is True
        return bool(state.verdict) is out_of_patience and self.limit.fits(state.counter)

    def detail(self, state: PlateauState) -> str:
        if state.monitor[0] is None:
            return "no value yet"
        best = "none" if state.best is None else f"{state.best:g}"
        return f"{self.limit.progress(state.counter)} without improvement, best {best}"

    def _summary(self, state: PlateauState) -> str:
        return f"{label_of(self.metric)}: {self.detail(state)}"

    def _reached(self, state: PlateauState) -> tuple[float, float] | None:
        return self.limit.share(state.counter)
