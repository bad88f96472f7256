"""The rule of delayed early stopping as a condition."""

from __future__ import annotations

from typing import Any

from .._utils.checks import check_choice
from ..errors import MetricValueError
from ..history.mark import Best
from ..history.record import Record
from .condition import Always, Condition, as_condition
from .explanation import Explanation
from .expression import Expression
from .node import State
from .patience import Patient

__all__ = ["EarlyStop"]


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
        patience: observations without improvement, >= 1.
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
    # Open since, best value, where the best was, observations without improvement, stopped by NaN.
    memory = ("verdict", "clock", "value", "clock", "count", "flag")
    monitor: str | Expression
    until: Condition | None
    while_closed: str
    nan: str
    _gate: Condition

    def __init__(
        self,
        monitor: str | Expression,
        *,
        mode: str = "",
        patience: int,
        until: Any = None,
        while_closed: str = "ignore",
        threshold: float = 0.0,
        threshold_mode: str = "abs",
        cumulative: bool = False,
        nan: str = "count",
    ) -> None:
        self._watch("monitor", monitor, mode, patience, threshold, threshold_mode, cumulative)
        until = None if until is None else as_condition("until", until)
        self._keep(
            monitor=monitor,
            until=until,
            while_closed=check_choice("while_closed", while_closed, ("ignore", "track", "count")),
            nan=check_choice("nan", nan, ("count", "stop", "raise")),
            _gate=Always() if until is None else until,
        )
        self._has(self._monitor, self._gate)

    def advance(self, state: State, record: Record) -> State:
        verdict, opened, best, best_at, counter, by_nan, monitor, gate = state
        if opened is None:
            gate = self._gate.advance(gate, record)
            opened = record.clock if gate[0] is True else None
        monitor = self._monitor.advance(monitor, record)
        value = monitor[0]
        seen = opened is not None or self.while_closed != "ignore"
        if seen and value is not None and self._monitor.observed(record):
            if value != value and self.nan == "raise":
                raise MetricValueError(f"{self.monitor!r} is NaN in epoch {record.epoch} and nan='raise' was asked for")
            before = best
            best, improved = self._judge(best, value)
            if best != before:
                best_at = record.clock
            counting = opened is not None or self.while_closed == "count"
            counter = 0 if improved or not counting else counter + 1
            by_nan = by_nan or (value != value and self.nan == "stop" and opened is not None)
        if value is not None:
            verdict = opened is not None and (by_nan or counter >= self.patience)
        return verdict, opened, best, best_at, counter, by_nan, monitor, gate

    def consistent(self, own: State) -> bool:
        verdict, opened, best, best_at, _, by_nan = own
        return best == best and (best is None) is (best_at is None) and (opened is not None or not (verdict or by_nan))

    def opened(self, state: State) -> tuple[int, int, int, float] | None:
        """The clock (epoch, iteration, evaluation, seconds) at which ``until`` first held."""
        clock: tuple[int, int, int, float] | None = state[1]
        return clock

    def best(self, state: State) -> float | None:
        """The best value so far."""
        best: float | None = state[2]
        return best

    def best_epoch(self, state: State) -> int | None:
        """The epoch of the best value."""
        return None if state[3] is None else int(state[3][0])

    def found(self, state: State) -> Best | None:
        """The best value so far, and when it was seen."""
        best, at = state[2], state[3]
        return None if best is None else Best(best, at[0], at[1])

    def counter(self, state: State) -> int:
        """Observations without improvement so far."""
        return int(state[4])

    def reason(self, state: State) -> str:
        """Why the run should stop, once the verdict is true."""
        _, opened, best, best_at, counter, by_nan, *_ = state
        if by_nan:
            why = f"{self.monitor} is NaN"
        else:
            times = f"{counter} evaluation{'s' * (counter != 1)} in a row"
            by = f" by more than {self.threshold:g}" + " (relative)" * (self.threshold_mode == "rel")
            why = f"{self.monitor} did not improve{by * (self.threshold > 0)} for {times} (patience {self.patience})"
        found = "no best value" if best is None else f"best {best:.6g} in epoch {best_at[0]}, iteration {best_at[1]}"
        gate = "" if self.until is None else f"; {self.until!r} open since epoch {opened[0]}"
        return f"{why}; {found}{gate}"

    def explain(self, state: State) -> Explanation:
        said = super().explain(state)
        return said if self.until is not None else Explanation(self, said.verdict, said.detail, ())

    def detail(self, state: State) -> str:
        _, opened, best, best_at, counter, by_nan, *_ = state
        if by_nan:
            return f"{self.monitor!r} is NaN"
        found = "no best value yet" if best is None else f"best {best:g} in epoch {best_at[0]}"
        waiting = "" if opened is not None or self.until is None else f"closed, {self.while_closed}; "
        return f"{waiting}{counter} of {self.patience} without improvement, {found}"
