"""Conditions over time: how often, ever, from-until, and one after another."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._utils.checks import check_count, refuse_value
from .._utils.text import quantity
from ..history.record import Clock, Record
from .condition import Condition, ConditionLike, Verdict, as_condition, common_units
from .node import State, as_operand
from .parsing import readable

__all__ = ["Between", "Holds", "Latched", "Sustained", "Then"]

_LETTERS = {True: "t", False: "f", None: "u"}


class CountedState(NamedTuple):
    """The verdict, the last verdicts that were counted as a string of t, f, u, and the state of what is counted."""

    verdict: Verdict
    window: str
    condition: State


class _Counted(Condition):
    """Counts over the last ``_of`` observations of a condition."""

    __slots__ = ("_at_least", "_of", "clock_units", "condition")
    memory = ("verdict", "verdicts")
    state_type = CountedState
    condition: Condition
    _at_least: int
    _of: int

    def _count(self, condition: ConditionLike, at_least: int, of: int) -> None:
        """Keep what is counted; where nothing else is read, evaluations are what counts."""
        watched = as_condition("condition", condition)
        units = watched.clock_units
        self._set(condition=watched, clock_units=None if units is None else units | {"evaluations"})
        self._set(_at_least=at_least, _of=of)
        self._set_parts(watched)

    def advance(self, state: CountedState, record: Record) -> CountedState:
        verdict, window, inner = state
        inner = self.condition.advance(inner, record)
        if self.observed(record):
            window = (window + _LETTERS[inner[0]])[-self._of :]
            verdict = self._verdict(window)
        return CountedState(verdict, window, inner)

    def _verdict(self, window: str) -> bool | None:
        held, unknown = window.count("t"), window.count("u")
        if held >= self._at_least:
            return True
        if len(window) < self._of or held + unknown >= self._at_least:
            return None
        return False

    def consistent(self, state: CountedState) -> bool:
        return len(state.window) <= self._of and state.verdict is self._verdict(state.window)

    def remembered(self, state: CountedState) -> tuple[Any, ...]:
        return state.window, *super().remembered(state)

    def detail(self, state: CountedState) -> str:
        window = state.window
        text = f"held at {window.count('t')} of the last {quantity(len(window), 'observation')}, needs {self._at_least}"
        if self._of > self._at_least:
            text += f" of {self._of}"
        if "u" in window:
            text += f"; unknown at {window.count('u')}"
        return text


class Sustained(_Counted):
    """``condition.sustained(evaluations=n)``: held at each of the last ``n`` observations.

    Example:
        >>> from ignite_delayed import Metric
        >>> (Metric("loss") < 0.5).sustained(evaluations=3)
        (Metric('loss') < 0.5).sustained(evaluations=3)
    """

    __slots__ = ("evaluations",)
    evaluations: int

    def __init__(self, condition: ConditionLike, *, evaluations: int) -> None:
        self._set(evaluations=check_count("evaluations", evaluations))
        self._count(condition, evaluations, evaluations)

    def streak(self, state: CountedState) -> int:
        """At how many observations in a row, up to the last, the condition held."""
        return len(state.window) - len(state.window.rstrip("t"))

    def detail(self, state: CountedState) -> str:
        return f"held {self.streak(state)} in a row, needs {self.evaluations}"

    def _needs(self, state: CountedState) -> str:
        return f"{self.condition._summary(state.condition)} for {self.evaluations}, has {self.streak(state)}"

    def _reached(self, state: CountedState) -> tuple[float, float]:
        return self.streak(state), self.evaluations

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

    def __init__(self, condition: ConditionLike, *, at_least: int, of: int) -> None:
        at_least, of = check_count("at_least", at_least), check_count("of", of)
        if at_least > of:
            refuse_value("at_least", f"<= of={of}", at_least, "It can hold no more often than it is looked at.")
        self._set(at_least=at_least, of=of)
        self._count(condition, at_least, of)

    def __repr__(self) -> str:
        return f"{as_operand(self.condition, self.precedence)}.holds(at_least={self.at_least}, of={self.of})"


class Latched(Condition):
    """``condition.latched()``: true from the first record at which the condition holds; before, what it says.

    Example:
        >>> from ignite_delayed import Metric
        >>> (Metric("accuracy") > 0.9).latched()
        (Metric('accuracy') > 0.9).latched()
    """

    __slots__ = ("clock_units", "condition")
    condition: Condition

    def __init__(self, condition: ConditionLike) -> None:
        watched = as_condition("condition", condition)
        self._set(condition=watched, clock_units=watched.clock_units)
        self._set_parts(watched)

    def remembered(self, state: State) -> tuple[Any, ...]:
        return state[0] is True, *super().remembered(state)

    def advance(self, state: State, record: Record) -> State:
        inner = self.condition.advance(state[1], record)
        return (True if state[0] else inner[0]), inner

    def __repr__(self) -> str:
        return f"{as_operand(self.condition, self.precedence)}.latched()"


@readable
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

    __slots__ = ("clock_units", "start", "stop")
    start: Condition
    stop: Condition

    def __init__(self, start: ConditionLike, stop: ConditionLike) -> None:
        opens, closes = as_condition("start", start), as_condition("stop", stop)
        self._set(start=opens, stop=closes, clock_units=common_units([opens, closes]))
        self._set_parts(opens, closes)

    def advance(self, state: State, record: Record) -> State:
        start, stop = self.start.advance(state[1], record), self.stop.advance(state[2], record)
        verdict: Verdict
        if (state[0] is True or start[0] is True) and stop[0] is not True:
            verdict = True
        else:
            verdict = None if start[0] is None else False
        return verdict, start, stop

    def remembered(self, state: State) -> tuple[Any, ...]:
        return state[0] is True, *super().remembered(state)

    def detail(self, state: State) -> str:
        return "open until the second holds" if state[0] else "closed until the first holds"


class ThenState(NamedTuple):
    """The verdict, the record at which the first held, and the states of both.

    Args:
        verdict: that of the second.
        base: the clock of that record, ``None`` before.
        skip: how many metrics had been recorded at its iteration before it.
        first, second: the states of the two conditions.
    """

    verdict: Verdict
    base: Clock | None
    skip: int
    first: State
    second: State


class Then(Condition):
    """``first.then(second)``: ``second``, judged as if the run had begun with the record at which ``first`` first held.

    Unknown before that record. From it on ``second`` counts epochs, iterations, evaluations, seconds and fractions
    of what is left of the run, and forgets all it could have seen before. The epoch, the iteration and the evaluation
    of that record are the first: ``Always().then(x)`` is ``x``.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> (Metric("loss") < 0.5).then(After(epochs=5))
        (Metric('loss') < 0.5).then(After(epochs=5))
    """

    __slots__ = ("clock_units", "first", "second")
    memory = ("verdict", "clock", "count")
    state_type = ThenState
    first: Condition
    second: Condition

    def __init__(self, first: ConditionLike, second: ConditionLike) -> None:
        begin, following = as_condition("first", first), as_condition("second", second)
        self._set(first=begin, second=following, clock_units=common_units([begin, following]))
        self._set_parts(begin, following)

    def advance(self, state: ThenState, record: Record) -> ThenState:
        _, base, skip, first, second = state
        begins = base is None
        if base is None:
            first = self.first.advance(first, record)
            if first[0] is not True:
                return ThenState(None, None, 0, first, second)
            base, skip = self.beginning(record), len(record.seen) - len(record.fresh)
        second = self.second.advance(second, record.since(base, skip, begins, counted=1))
        return ThenState(second[0], base, skip, first, second)

    def since(self, state: ThenState, record: Record) -> Record:
        """``record`` on the clock of the run that began where the first held."""
        assert state.base is not None
        return record.since(state.base, state.skip, begins=False, counted=1)

    def beginning(self, record: Record) -> Clock:
        """The clock of the first epoch, iteration and evaluation of the run that begins with ``record``."""
        clock = record.clock
        if record.is_tick or not record.evaluated:  # no evaluation: the next is the first
            clock = clock._replace(evaluation=clock.evaluation + 1)
        if record.is_tick and self._at_epoch(record):  # none of its iterations has begun: the next is the first
            clock = clock._replace(iteration=clock.iteration + 1)
        return clock

    def _at_epoch(self, tick: Record) -> bool:
        """Whether the clock was looked at as an epoch began, which records of older releases do not say."""
        if tick.kind is None:
            return (self.first.clock_units or frozenset()) <= {"epochs", "evaluations"}
        return tick.kind == "epoch"

    def remembered(self, state: ThenState) -> tuple[Any, ...]:
        return state.base, *super().remembered(state)

    def consistent(self, state: ThenState) -> bool:
        return state.base is not None or (state.verdict is None and state.skip == 0)

    def detail(self, state: ThenState) -> str:
        return "the first has not held yet" if state.base is None else f"the first held in epoch {state.base.epoch}"

    def wakes_at(self, state: ThenState, now: Record) -> float:
        if state.base is None:
            return super().wakes_at(state, now)
        since = self.since(state, now)
        return self.second.wakes_at(state.second, since) + now.iteration - since.iteration

    def _needs(self, state: ThenState) -> str:
        if state.base is None:
            return f"first: {self.first.missing(state.first)}"
        return self.second.missing(state.second)

    def _reached(self, state: ThenState) -> tuple[float, float] | None:
        return None if state.base is None else self.second.nearness(state.second)

    def __repr__(self) -> str:
        return f"{as_operand(self.first, self.precedence)}.then({self.second!r})"
