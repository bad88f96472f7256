"""The rule of delayed early stopping as a condition."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

from .._utils.advice import advise
from .._utils.checks import check_choice
from ..errors import MetricValueError
from ..history.mark import Best
from ..history.record import Clock, Record
from .condition import Always, Condition, ConditionLike, Verdict, as_condition
from .explanation import Explanation
from .expression import Expression, Mode
from .limit import Patience, Spent
from .node import State
from .parsing import readable
from .patience import OTHER_NAMES, Patient, ThresholdMode, ask_for_mode

__all__ = ["EarlyStop", "EarlyStopState"]

WhileClosed = Literal["ignore", "track", "count"]
OnNaN = Literal["count", "stop", "raise"]


class EarlyStopState(NamedTuple):
    """What a stopping rule remembers.

    Args:
        verdict: whether the run should stop.
        opened: the clock at which ``until`` first held.
        best: the best value.
        best_at: the clock at which it was seen.
        counter: what is spent of the patience.
        by_nan: whether a NaN stops the run.
        monitor, until: the states of the two.
    """

    verdict: Verdict
    opened: Clock | None
    best: float | None
    best_at: Clock | None
    counter: int | Spent
    by_nan: bool
    monitor: State
    until: State


@readable
class EarlyStop(Patient):
    """True when the run should stop: ``until`` has held, and ``patience`` observations in a row did not improve.

    What the delay means is chosen by ``while_closed``, for the observations before ``until`` first holds (the
    one at which it first holds is seen like those after it):

    * ``"ignore"``: they are not seen at all (Keras's ``start_from_epoch``), though windows in ``monitor`` fill;
    * ``"track"``: the best value is kept, patience starts counting at the opening;
    * ``"count"``: patience counts from the first observation and only the stop waits; an improvement resets it.

    Improvement and thresholds are those of :class:`Plateau`.

    Args:
        monitor: a metric's name, or an expression, for example ``0.7 * Metric("acc") + 0.3 * Metric("f1")``.
        mode: ``"min"`` or ``"max"``: which way is better.
        patience: observations without improvement, >= 1, or a :class:`Patience` in another unit.
        until: a condition, or a function of one record; ``None`` for no delay.
        while_closed: ``"ignore"``, ``"track"`` or ``"count"``.
        threshold: how much better is better, >= 0.
        threshold_mode: ``"abs"``, or ``"rel"`` for a fraction of ``abs(best)``.
        cumulative: whether the best value moves only when an improvement counts.
        nan: what a NaN does: ``"count"`` against patience, ``"stop"`` the run once ``until`` has held (before, it
            counts), or ``"raise"`` when it is seen.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> from ignite_delayed import After
        >>> EarlyStop("loss", mode="min", patience=5, until=After(epochs=50))
        EarlyStop('loss', mode='min', patience=5, until=After(epochs=50))
    """

    __slots__ = ("_gate", "monitor", "nan", "until", "while_closed")
    memory = ("verdict", "clock", "value", "clock", "spent", "flag")
    state_type = EarlyStopState
    monitor: str | Expression
    until: Condition | None
    while_closed: WhileClosed
    nan: OnNaN
    _gate: Condition

    @advise(**OTHER_NAMES)
    @ask_for_mode
    def __init__(
        self,
        monitor: str | Expression,
        *,
        mode: Mode,
        patience: int | Patience,
        until: ConditionLike | None = None,
        while_closed: WhileClosed = "ignore",
        threshold: float = 0.0,
        threshold_mode: ThresholdMode = "abs",
        cumulative: bool = False,
        nan: OnNaN = "count",
    ) -> None:
        self._watch("monitor", monitor, mode, patience, threshold, threshold_mode, cumulative)
        opens = None if until is None else as_condition("until", until)
        self._set(
            monitor=monitor,
            until=opens,
            while_closed=check_choice("while_closed", while_closed, get_args(WhileClosed)),
            nan=check_choice("nan", nan, get_args(OnNaN)),
            _gate=Always() if opens is None else opens,
        )
        self._set_parts(self._monitor, self._gate)

    def advance(self, state: EarlyStopState, record: Record) -> EarlyStopState:
        verdict, opened, best, best_at, counter, by_nan, monitor, gate = state
        if opened is None:
            gate = self._gate.advance(gate, record)
            opened = record.clock if gate[0] is True else None
        monitor = self._monitor.advance(monitor, record)
        value = monitor[0]
        if value is not None and self._monitor.observed(record):
            improved, counting = False, opened is not None or self.while_closed == "count"
            if counting or self.while_closed == "track":
                if value != value and self.nan == "raise":
                    raise MetricValueError(
                        f"{self.monitor!r} is NaN in epoch {record.epoch} and nan='raise' was asked for"
                    )
                before = best
                best, improved = self.judge(best, value)
                if best != before:
                    best_at = record.clock
            counter = self.limit.spend(counter, record, restart=improved or not counting)
            by_nan = by_nan or (value != value and self.nan == "stop" and opened is not None)
        if value is not None:
            verdict = opened is not None and (by_nan or self.limit.reached(counter))
        return EarlyStopState(verdict, opened, best, best_at, counter, by_nan, monitor, gate)

    def consistent(self, state: EarlyStopState) -> bool:
        if state.best != state.best:  # NaN is never the best
            return False
        if (state.best is None) is not (state.best_at is None) or not self.limit.fits(state.counter):
            return False
        return state.opened is not None or not (state.verdict or state.by_nan)

    def opened(self, state: EarlyStopState) -> Clock | None:
        """The clock (epoch, iteration, evaluation, seconds) at which ``until`` first held."""
        return state.opened

    def best(self, state: EarlyStopState) -> float | None:
        """The best value so far."""
        return state.best

    def best_epoch(self, state: EarlyStopState) -> int | None:
        """The epoch of the best value."""
        return None if state.best_at is None else state.best_at.epoch

    def found(self, state: EarlyStopState) -> Best | None:
        """The best value so far, and when it was seen."""
        if state.best is None or state.best_at is None:
            return None
        return Best(state.best, state.best_at.epoch, state.best_at.iteration)

    def counter(self, state: EarlyStopState) -> float:
        """Observations without improvement so far, or how long there was none; NaN where that is not known."""
        spent = self.limit.spent(state.counter)
        return math.nan if spent is None else spent

    def reason(self, state: EarlyStopState) -> str:
        """Why the run should stop, once the verdict is true."""
        why = f"{self.monitor} is NaN" if state.by_nan else self._lost_patience(self.counter(state))
        best = self.found(state)
        found = "no best value"
        if best is not None:
            found = f"best {best.value:.6g} in epoch {best.epoch}, iteration {best.iteration}"
        gate = ""
        if self.until is not None and state.opened is not None:
            gate = f"; {self.until!r} open since epoch {state.opened.epoch}"
        return f"{why}; {found}{gate}"

    def _lost_patience(self, counter: float) -> str:
        enough = ""
        if self.threshold > 0:
            relative = " (relative)" if self.threshold_mode == "rel" else ""
            enough = f" by more than {self.threshold:g}{relative}"
        in_a_row = " in a row" if self.limit.unit == "evaluations" else ""
        how_long = f"{self.limit.words(counter)}{in_a_row} (patience {self.limit.number})"
        return f"{self.monitor} did not improve{enough} for {how_long}"

    def explain(self, state: EarlyStopState) -> Explanation:
        explanation = super().explain(state)
        if self.until is None:  # nothing to wait for
            return Explanation(self, explanation.verdict, explanation.detail, ())
        return explanation

    def detail(self, state: EarlyStopState) -> str:
        if state.by_nan:
            return f"{self.monitor!r} is NaN"
        best = self.found(state)
        found = "no best value yet" if best is None else f"best {best.value:g} in epoch {best.epoch}"
        closed = self.until is not None and state.opened is None
        waiting = f"closed, {self.while_closed}; " if closed else ""
        return f"{waiting}{self.limit.progress(state.counter)} without improvement, {found}"
