"""Conditions: a three-valued fold over the records, Kleene's connectives and their identities."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from .._utils.advice import advise
from .._utils.checks import describe, refuse_type
from .._utils.html import code, nested_list
from ..errors import ParseError
from ..history.record import Record
from .explanation import Explanation
from .node import USE_OPERATORS, Node, State, as_operand
from .parsing import read, readable

if TYPE_CHECKING:  # they derive from Condition, so the methods that build them import them when they are called
    from .temporal import Holds, Latched, Sustained, Then

__all__ = ["Always", "And", "Condition", "ConditionLike", "Never", "Not", "Or", "as_condition"]

Verdict = bool | None


class Condition(Node):
    """A moment in training, described: an immutable value that owns no counter.

    ``state, verdict = condition.step(state, record)`` folds it over the records of a run, starting from
    ``condition.initial()``. The verdict is ``True``, ``False``, or ``None`` where it cannot be known yet; ``& | ~``
    are Kleene's connectives (S. C. Kleene, *Introduction to Metamathematics*, 1952), and every operand sees every
    record.

    To write one: ``__init__`` checks its arguments, keeps each under its own name (that is its ``repr`` and its
    equality), and last names its parts. ``memory`` declares the kinds of its own scalars, the verdict first;
    ``advance`` makes the next state, pure and in constant time, counting only what is :meth:`observed`; ``detail`` says
    for ``explain`` and the status what the state remembers. With more than a few of them it names them by
    ``state_type``, and refuses in ``consistent`` a saved state that cannot have come about.

    Example:
        >>> from ignite_delayed import After, Metric, Record
        >>> condition = After(epochs=2) & (Metric("loss") < 0.5)
        >>> state = condition.initial()
        >>> for epoch, loss in enumerate([0.4, 0.6, 0.3], start=1):
        ...     state, verdict = condition.step(state, Record(epoch=epoch, iteration=epoch, values={"loss": loss}))
        ...     print(verdict)
        False
        False
        True
    """

    __slots__ = ()
    memory: ClassVar[tuple[str, ...]] = ("verdict",)
    fluent: ClassVar[frozenset[str]] = frozenset({"sustained", "holds", "latched", "then"})

    #: The clock units ("epochs", "iterations", ...) that alone decide this condition, or None where anything else
    #: does. Only such a condition moves between evaluations.
    clock_units: frozenset[str] | None = None

    @staticmethod
    def parse(text: str) -> Condition:
        """``Condition.parse(repr(condition)) == condition``: the condition that ``text`` writes down.

        For configurations, in YAML and the like. It reads the conditions of this library, expressions, their methods
        and operators, numbers and strings, as ``repr`` prints them; nothing is evaluated. A :class:`Predicate` calls a
        function, so that none is read.

        Args:
            text: at most 10,000 characters, nested at most 60 deep.

        Raises:
            TypeError: where ``text`` is no string.
            ParseError: a ``ValueError``, where it writes anything else, with a caret below the place.

        Example:
            >>> Condition.parse("(Metric('loss') < 0.5) & After(epochs=5)")
            (Metric('loss') < 0.5) & After(epochs=5)
            >>> Condition.parse("(Metrics('loss') < 0.5) & After(epochs=5)")
            Traceback (most recent call last):
                ...
            ignite_delayed.errors.ParseError: no condition is called 'Metrics'. Did you mean 'Metric'?
                (Metrics('loss') < 0.5) & After(epochs=5)
                 ^^^^^^^
        """
        found = read(text)
        if not isinstance(found, Condition):
            raise ParseError(f"This is a number, not a condition: compare it, for example {found!r} < 0.5.")
        return found

    def step(self, state: State, record: Record) -> tuple[State, Verdict]:
        """The state after ``record`` and what the condition says then.

        A record of the clock alone moves only conditions that are decided by the clock alone.
        """
        if record.source is None and self.clock_units is None:
            return state, state[0]
        state = self.advance(state, record)
        return state, state[0]

    def remembered(self, state: State) -> tuple[Any, ...]:
        """What of ``state`` outlasts the moment, of a condition that the clock decides: where it differs, it moved."""
        return tuple(kept for part, its in self._below(state) for kept in part.remembered(its))

    def wakes_at(self, state: State, now: Record) -> float:
        """The first iteration after ``now`` at which the clock may change it, infinite if none can.

        So most iterations cost one comparison.
        """
        return min((part.wakes_at(its, now) for part, its in self._below(state)), default=math.inf)

    def explain(self, state: State) -> Explanation:
        """Why the condition says what it says: the tree, with each part's verdict and what is missing.

        ``print(condition.explain(state))`` draws it.
        """
        parts = tuple(part.explain(its) for part, its in self._below(state))
        return Explanation(self, state[0], self.detail(state), parts)

    def missing(self, state: State) -> str:
        """What is missing until it holds, in a line; nothing where it holds.

        Example:
            >>> from ignite_delayed import Metric, Record
            >>> condition = (Metric("loss") < 0.5).sustained(evaluations=3)
            >>> state, _ = condition.step(condition.initial(), Record(epoch=1, iteration=10, values={"loss": 0.62}))
            >>> condition.missing(state)
            'loss 0.62, needs < 0.5 for 3, has 0'
        """
        return "; ".join(part._needs(its) for part, its in self._unmet(state))

    def nearness(self, state: State) -> tuple[float, float] | None:
        """How much of how much was reached, where one thing alone is missing and it is counted."""
        unmet = self._unmet(state)
        if len(unmet) != 1:
            return None
        [(part, its)] = unmet
        return part._reached(its)

    def _below(self, state: State) -> Iterator[tuple[Condition, State]]:
        """The conditions that it is made of, with their states."""
        for part, its in zip(self.parts, state[len(self.memory) :], strict=True):
            if isinstance(part, Condition):
                yield part, its

    def _unmet(self, state: State) -> list[tuple[Condition, State]]:
        """What does not hold of that which must: itself, unless it is an ``And``."""
        return [] if state[0] is True else [(self, state)]

    def _needs(self, state: State) -> str:
        """What is missing of it, in words; it does not hold."""
        return self._summary(state)

    def _summary(self, state: State) -> str:
        """Itself and what it remembers, whether it holds or not."""
        below = "; ".join(part._summary(its) for part, its in self._below(state))
        memory = "; ".join(text for text in (self.detail(state), below) if text)
        return f"{self!r} ({memory})" if memory else repr(self)

    def _reached(self, state: State) -> tuple[float, float] | None:
        """How much of how much was reached, where that is counted; it does not hold."""
        return None

    def _repr_html_(self) -> str:
        return _html(self)

    @advise(".sustained(evaluations={0!r})")
    def sustained(self, *, evaluations: int) -> Sustained:
        """Holds at an observation when this condition held at each of the last ``evaluations`` observations.

        Observations are of what the condition reads: rows of other evaluators do not count. Unknown before there
        were that many.

        Args:
            evaluations: how many observations in a row, >= 1.
        """
        from .temporal import Sustained

        return Sustained(self, evaluations=evaluations)

    @advise(".holds(at_least={0!r}, of={1!r})")
    def holds(self, *, at_least: int, of: int) -> Holds:
        """Holds when this condition held at ``at_least`` or more of the last ``of`` observations.

        Args:
            at_least: how many must have held, >= 1.
            of: how many observations are looked at, >= ``at_least``.
        """
        from .temporal import Holds

        return Holds(self, at_least=at_least, of=of)

    def latched(self) -> Latched:
        """Holds from the first record at which this condition holds, for ever."""
        from .temporal import Latched

        return Latched(self)

    def then(self, following: ConditionLike) -> Then:
        """``following``, judged as if the run had begun with the record at which this condition first held.

        Unknown before. ``After(epochs=5)`` in it counts from there, that record's epoch being the first.
        """
        from .temporal import Then

        return Then(self, following)

    def __and__(self, other: ConditionLike) -> And:
        return And(self, _operand(other, "&"))

    def __rand__(self, other: ConditionLike) -> And:
        return And(_operand(other, "&"), self)

    def __or__(self, other: ConditionLike) -> Or:
        return Or(self, _operand(other, "|"))

    def __ror__(self, other: ConditionLike) -> Or:
        return Or(_operand(other, "|"), self)

    def __invert__(self) -> Not:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a condition has no truth value by itself: {self!r}. {USE_OPERATORS}")

    def _refuse_comparison(self, other: object) -> NoReturn:
        raise TypeError(f"a condition cannot be compared: {self!r} with {describe(other)}. {USE_OPERATORS}")

    __lt__ = __le__ = __gt__ = __ge__ = _refuse_comparison


#: A condition, or a function of one record, which becomes a :class:`Predicate`.
ConditionLike = Condition | Callable[[Record], bool | None]


def _html(condition: Condition) -> str:
    """The condition, and below it those it is made of; numbers are in the text of what compares them."""
    below = [_html(part) for part in condition.parts if isinstance(part, Condition)]
    return nested_list(code(repr(condition)), below)


def _operand(other: object, operator: str) -> Condition:
    if isinstance(other, (Condition, bool)) or callable(other):
        return as_condition(f"an operand of {operator}", other)
    refuse_type(f"an operand of {operator}", "a condition", other, USE_OPERATORS)


def as_condition(argument: str, value: Any) -> Condition:
    """``value`` as a condition: one already, or a function of one record.

    Raises:
        TypeError: for anything else, with the likely fix.
    """
    if isinstance(value, Condition):
        return value
    if isinstance(value, bool):
        hint = "== is not overloaded (it compares two conditions as values); write Metric('x') >= 1 or similar."
    elif isinstance(value, float) and not value.is_integer():
        hint = f"No clock counts so: compare a metric, as in Metric('loss') < {value!r}, or write After(fraction=...)."
    elif isinstance(value, (int, float)):
        hint = f"Spell the unit: After(epochs={value!r}), After(iterations={value!r}), ..."
    elif isinstance(value, Node):
        hint = f"This is a number, not a condition: compare it, for example {value!r} < 0.5."
    elif isinstance(value, str):
        hint = _advice_for(value)
    elif isinstance(getattr(value, "condition", None), Condition):
        hint = f"What it waits for is one: {argument}=gate.condition, or that in a condition of your own."
    elif callable(value) and not inspect.isclass(value):
        from .predicate import Predicate

        return Predicate(value)
    else:
        hint = "For example After(epochs=50) or Metric('loss') < 0.5."
    refuse_type(argument, "a condition, or a function of one record", value, hint)


_CLOCK = re.compile(r"\s*(epoch|iteration|evaluation)s?\s*(>=?)\s*(\d+)\s*")
_COMPARISON = re.compile(r"\s*([A-Za-z_][\w/.-]*)\s*([<>]=?)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*")


def _advice_for(text: str) -> str:
    """What to write for a condition that was given as ``text``."""
    clock, comparison = _CLOCK.fullmatch(text), _COMPARISON.fullmatch(text)
    if clock is not None:
        unit, symbol, point = clock.groups()
        return f"Write After({unit}s={max(int(point) - (symbol == '>='), 0)})."
    if comparison is not None:
        name, symbol, bound = comparison.groups()
        return f"Write Metric({name!r}) {symbol} {bound}."
    if "(" in text:
        return f"Condition.parse reads a text: Condition.parse({text!r})."
    return f"Compare the metric: Metric({text!r}) < 0.5."


@readable
class Always(Condition):
    """True at every record: the identity of ``&``.

    Example:
        >>> Always() & Never()
        Always() & Never()
    """

    __slots__ = ()
    clock_units = frozenset[str]()

    def __init__(self) -> None:
        self._set_parts()

    def advance(self, state: State, record: Record) -> State:
        return (True,)


@readable
class Never(Condition):
    """False at every record: the identity of ``|``.

    Example:
        >>> from ignite_delayed import Metric, Never
        >>> stop = Never()
        >>> for name in ["train/loss", "val/loss"]:
        ...     stop |= Metric(name) > 10
        >>> stop
        Never() | (Metric('train/loss') > 10.0) | (Metric('val/loss') > 10.0)
    """

    __slots__ = ()
    clock_units = frozenset[str]()

    def __init__(self) -> None:
        self._set_parts()

    def advance(self, state: State, record: Record) -> State:
        return (False,)


class _Connective(Condition):
    """Two or more conditions, nested ones of the same kind flattened."""

    __slots__ = ("clock_units", "conditions")
    symbol: str
    decisive: bool  # the verdict of one operand that settles the whole
    conditions: tuple[Condition, ...]

    def __init__(self, *conditions: ConditionLike) -> None:
        flat: list[Condition] = []
        for given in conditions:
            operand = as_condition(f"an operand of {type(self).__name__}", given)
            flat.extend(operand.conditions if isinstance(operand, type(self)) else [operand])
        if len(flat) < 2:
            raise ValueError(f"{type(self).__name__} takes two or more conditions, got {len(flat)}.")
        self._set(conditions=tuple(flat), clock_units=common_units(flat))
        self._set_parts(*flat)

    def advance(self, state: State, record: Record) -> State:
        states = [part.advance(its, record) for part, its in zip(self.parts, state[1:], strict=True)]
        verdict: bool | None = not self.decisive
        for its in states:
            if its[0] is self.decisive:
                verdict = self.decisive
                break
            if its[0] is None:
                verdict = None
        return (verdict, *states)

    def __repr__(self) -> str:
        return f" {self.symbol} ".join(as_operand(operand, self.precedence + 1) for operand in self.conditions)


def common_units(conditions: Iterable[Condition]) -> frozenset[str] | None:
    """The clock units that decide all of ``conditions``, ``None`` if one of them is not decided by the clock alone."""
    units: frozenset[str] = frozenset()
    for condition in conditions:
        if condition.clock_units is None:
            return None
        units |= condition.clock_units
    return units


class And(_Connective):
    """``a & b``: true when all hold, false when one does not, else unknown.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> After(epochs=5) & (Metric("loss") < 0.5)
        After(epochs=5) & (Metric('loss') < 0.5)
    """

    __slots__ = ()
    symbol = "&"
    decisive = False
    precedence = 4

    def _unmet(self, state: State) -> list[tuple[Condition, State]]:
        return [found for part, its in self._below(state) for found in part._unmet(its)]


class Or(_Connective):
    """``a | b``: true when one holds, false when none does, else unknown.

    Example:
        >>> from ignite_delayed import After, Metric
        >>> After(epochs=50) | (Metric("loss") < 0.5)
        After(epochs=50) | (Metric('loss') < 0.5)
    """

    __slots__ = ()
    symbol = "|"
    decisive = True
    precedence = 2

    def _needs(self, state: State) -> str:
        return ", or ".join(part.missing(its) for part, its in self._below(state))


class Not(Condition):
    """``~a``: true when ``a`` is false, unknown when ``a`` is.

    Example:
        >>> from ignite_delayed import Metric
        >>> ~(Metric("loss") < 0.5)
        ~(Metric('loss') < 0.5)
    """

    __slots__ = ("clock_units", "condition")
    precedence = 7
    condition: Condition

    def __init__(self, condition: ConditionLike) -> None:
        operand = as_condition("condition", condition)
        self._set(condition=operand, clock_units=operand.clock_units)
        self._set_parts(operand)

    def advance(self, state: State, record: Record) -> State:
        inner = self.condition.advance(state[1], record)
        return (None if inner[0] is None else not inner[0], inner)

    def __repr__(self) -> str:
        return f"~{as_operand(self.condition, self.precedence)}"
