"""The moments at which a metric is better than ever before."""

from __future__ import annotations

from ..history.mark import Best
from ..history.record import Record
from .condition import Condition, ConditionLike
from .early_stop import EarlyStop
from .explanation import Explanation
from .expression import Expression, Mode
from .node import State
from .patience import ask_for_mode

__all__ = ["NewBest"]


class NewBest(Condition):
    """True at each observation that is strictly better than all since ``until`` first held, and at the first of them.

    What is best is what :class:`EarlyStop` calls so: NaN never is, and nothing that was observed before ``until`` held.

    Args:
        monitor: a metric's name, or an expression.
        mode: ``"min"`` or ``"max"``: which way is better.
        until: a condition, or a function of one record; ``None`` for no delay.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> from ignite_delayed import After
        >>> NewBest("loss", mode="min", until=After(epochs=5))
        NewBest('loss', mode='min', until=After(epochs=5))
    """

    __slots__ = ("_rule", "mode", "monitor", "until")
    monitor: str | Expression
    mode: Mode
    until: Condition | None
    _rule: EarlyStop

    @ask_for_mode
    def __init__(self, monitor: str | Expression, *, mode: Mode, until: ConditionLike | None = None) -> None:
        rule = EarlyStop(monitor, mode=mode, patience=1, until=until)  # its stops are nobody's business here
        self._set(monitor=monitor, mode=rule.mode, until=rule.until, _rule=rule)
        self._set_parts(rule)

    def advance(self, state: State, record: Record) -> State:
        _, before = state
        after = self._rule.advance(before, record)
        return (None if after.verdict is None else after.best_at != before.best_at, after)

    def found(self, state: State) -> Best | None:
        """The best value so far, and when it was seen."""
        return self._rule.found(state[1])

    def delay(self, state: State) -> tuple[Condition, State] | None:
        """What it still waits for, with its state, ``None`` where it does not."""
        return None if self.until is None or state[1].opened is not None else (self.until, state[1].until)

    def explain(self, state: State) -> Explanation:
        waits = self.delay(state)
        return Explanation(self, state[0], self.detail(state), () if waits is None else (waits[0].explain(waits[1]),))

    def detail(self, state: State) -> str:
        best = self.found(state)
        return "no best value yet" if best is None else f"best {best.value:g} in epoch {best.epoch}"
