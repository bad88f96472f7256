"""Conditions over time: how often, ever, from-until, and one after another."""

from __future__ import annotations

from typing import Any

from .._utils.checks import check_count, refuse_value
from ..history.record import Record
from .condition import Condition, as_condition
from .node import State, as_operand

__all__ = ["Between", "Holds", "Latched", "Sustained", "Then"]

_LETTERS = {True: "t", False: "f", None: "u"}


class _Counted(Condition):
    """Counts over the last ``_of`` observations of a condition; the state keeps them as a string of t, f, u."""

    __slots__ = ("_at_least", "_of", "condition")
    memory = ("verdict", "verdicts")
    condition: Condition
    _at_least: int
    _of: int

    def advance(self, state: State, record: Record) -> State:
        inner = self.condition.advance(state[2], record)
        if not self.observed(record):
            return state[0], state[1], inner
        window = (state[1] + _LETTERS[inner[0]])[-self._of :]
        return self._verdict(window), window, inner

    def _verdict(self, window: str) -> bool | None:
        held, unknown = window.count("t"), window.count("u")
        if held >= self._at_least:
            return True
        if len(window) < self._of or held + unknown >= self._at_least:
            return None
        return False

    def consistent(self, own: State) -> bool:
        verdict, window = own
        return len(window) <= self._of and verdict is self._verdict(window)

    def detail(self, state: State) -> str:
        window = state[1]
        text = f"held at {window.count('t')} of the last {len(window)} observations, needs {self._at_least}"
        if self._of > self._at_least:
            text += f" of {self._of}"
        return text + (f"; unknown at {window.count('u')}" if "u" in window else "")


class Sustained(_Counted):
    """``condition.sustained(evaluations=n)``: held at each of the last ``n`` observations.

    Example:
        >>> from ignite_delayed import Metric
        >>> (Metric("loss") < 0.5).sustained(evaluations=3)
        (Metric('loss') < 0.5).sustained(evaluations=3)
    """

    __slots__ = ("evaluations",)
    evaluations: int

    def __init__(self, condition: Condition, *, evaluations: int) -> None:
        evaluations = check_count("evaluations", evaluations)
        condition = as_condition("condition", condition)
        self._keep(condition=condition, evaluations=evaluations, _at_least=evaluations, _of=evaluations)
        self._has(condition)

    def detail(self, state: State) -> str:
        held = len(state[1]) - max(state[1].rfind("f"), state[1].rfind("u")) - 1
        return f"held {held} in a row, needs {self.evaluations}"

    def __repr__(self) -> str:
        return f"{as_operand(self.condition, self.precedence)}.sustained(evaluations={self.evaluations})"


class Holds(_Counted):
    """``condition.holds(at_least=k, of=n)``: held at ``k`` or more of the last ``n`` observations.

    Example:
        >>> from ignite_delayed import Metric
        >>> (Metric("loss") < 0.5).holds(at_least=3, of=5)
        (Metric('loss') < 0.5).holds(at_least=3, of=5)
    """

    __slots__ = ("at_least", "of")
    at_least: int
    of: int

    def __init__(self, condition: Condition, *, at_least: int, of: int) -> None:
        at_least, of = check_count("at_least", at_least), check_count("of", of)
        if at_least > of:
            refuse_value("at_least", f"<= of={of}", at_least, "It can hold no more often than it is looked at.")
        condition = as_condition("condition", condition)
        self._keep(condition=condition, at_least=at_least, of=of, _at_least=at_least, _of=of)
        self._has(condition)

    def __repr__(self) -> str:
        return f"{as_operand(self.condition, self.precedence)}.holds(at_least={self.at_least}, of={self.of})"


class Latched(Condition):
    """``condition.latched()``: true from the first record at which the condition holds; before, what it says.

    Example:
        >>> from ignite_delayed import Metric
        >>> (Metric("accuracy") > 0.9).latched()
        (Metric('accuracy') > 0.9).latched()
    """

    __slots__ = ("condition",)
    condition: Condition

    def __init__(self, condition: Condition) -> None:
        condition = as_condition("condition", condition)
        self._keep(condition=condition)
        self._has(condition)

    def advance(self, state: State, record: Record) -> State:
        inner = self.condition.advance(state[1], record)
        return (True if state[0] else inner[0]), inner

    def __repr__(self) -> str:
        return f"{as_operand(self.condition, self.precedence)}.latched()"


class Between(Condition):
    """True from the record at which ``start`` holds until the one at which ``stop`` holds, again and again.

    The hysteresis: with ``stop`` on the far side of ``start`` a value that flickers around one threshold does not
    make the verdict flicker. Where both hold, ``stop`` wins. An unknown ``start`` or ``stop`` changes nothing; the
    verdict is unknown only while closed with ``start`` unknown.

    Args:
        start: opens.
        stop: closes.

    Example:
        >>> from ignite_delayed import Metric
        >>> Between(Metric("loss") < 0.5, Metric("loss") > 0.8)
        Between(Metric('loss') < 0.5, Metric('loss') > 0.8)
    """

    __slots__ = ("start", "stop")
    start: Condition
    stop: Condition

    def __init__(self, start: Condition, stop: Condition) -> None:
        start, stop = as_condition("start", start), as_condition("stop", stop)
        self._keep(start=start, stop=stop)
        self._has(start, stop)

    def advance(self, state: State, record: Record) -> State:
        start, stop = self.start.advance(state[1], record), self.stop.advance(state[2], record)
        is_open = (state[0] is True or start[0] is True) and stop[0] is not True
        closed = None if start[0] is None else False
        return (True if is_open else closed), start, stop

    def detail(self, state: State) -> str:
        return "open until the second holds" if state[0] else "closed until the first holds"


class Then(Condition):
    """``first.then(second)``: ``second``, judged as if the run had begun with the record at which ``first`` first held.

    Unknown before that record. From it on ``second`` counts epochs, iterations, evaluations, seconds and fractions
    of what is left of the run from there, and forgets all it could have seen before.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> (Metric("loss") < 0.5).then(After(epochs=5))
        (Metric('loss') < 0.5).then(After(epochs=5))
    """

    __slots__ = ("first", "second")
    memory = ("verdict", "clock", "count")  # the clock at that record, metrics recorded before it at its iteration
    first: Condition
    second: Condition

    def __init__(self, first: Condition, second: Any) -> None:
        first, second = as_condition("first", first), as_condition("second", second)
        self._keep(first=first, second=second)
        self._has(first, second)

    def advance(self, state: State, record: Record) -> State:
        _, base, behind, first, second = state
        begins = base is None
        if begins:
            first = self.first.advance(first, record)
            if first[0] is not True:
                return None, None, 0, first, second
            base, behind = record.clock, len(record.seen) - len(record.fresh)
        second = self.second.advance(second, record.since(base, behind, begins))
        return second[0], base, behind, first, second

    def consistent(self, own: State) -> bool:
        verdict, base, behind = own
        return base is not None or (verdict is None and behind == 0)

    def detail(self, state: State) -> str:
        base = state[1]
        return "the first has not held yet" if base is None else f"the first held in epoch {base[0]}"

    def __repr__(self) -> str:
        return f"{as_operand(self.first, self.precedence)}.then({self.second!r})"
