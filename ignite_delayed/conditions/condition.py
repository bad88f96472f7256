"""The base of all conditions: a three-valued fold over the records, and its operators."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from .._utils.checks import refuse_type, shown
from ..history.record import Record
from .node import Explanation, Node, State

if TYPE_CHECKING:
    from .boolean import And, Not, Or
    from .temporal import Holds, Latched, Sustained, Then

__all__ = ["Condition", "ConditionLike", "as_condition"]

Verdict = bool | None

_USE_OPERATORS = (
    "Combine conditions with & | ~ and put each comparison in parentheses: "
    "write (Metric('loss') < 0.5) & After(epochs=5) for 'and', | for 'or', ~condition for 'not', "
    "and (Metric('loss') > 0.1) & (Metric('loss') < 0.5) for 0.1 < Metric('loss') < 0.5."
)


class Condition(Node):
    """A moment in training, described: an immutable value that owns no counter.

    ``state, verdict = condition.step(state, record)`` folds it over the records of a run, starting from
    ``condition.initial()``. The verdict is ``True``, ``False``, or ``None`` where it cannot be known yet; ``& | ~``
    are Kleene's connectives (S. C. Kleene, *Introduction to Metamathematics*, 1952), and every operand sees every
    record.

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

    #: The clock units ("epochs", "iterations", ...) that alone decide this condition, or None where anything else
    #: does. Only such a condition moves between evaluations.
    ticks: frozenset[str] | None = None

    def step(self, state: State, record: Record) -> tuple[State, Verdict]:
        """The state after ``record`` and what the condition says then.

        A record of the clock alone moves only conditions that are decided by the clock alone.
        """
        if record.source is None and self.ticks is None:
            return state, state[0]
        state = self.advance(state, record)
        return state, state[0]

    def explain(self, state: State) -> Explanation:
        """Why the condition says what it says: the tree, with each part's verdict and what is missing.

        ``print(condition.explain(state))`` draws it.
        """
        states = state[len(self.memory) :]
        below = zip(self.parts, states, strict=True)
        parts = tuple(part.explain(its) for part, its in below if isinstance(part, Condition))
        return Explanation(self, state[0], self.detail(state), parts)

    def _repr_html_(self) -> str:
        from .._utils.html import parts

        return parts(self)

    def sustained(self, *, evaluations: int) -> Sustained:
        """Holds at an observation when this condition held at each of the last ``evaluations`` observations.

        Observations are of what the condition reads: rows of other evaluators do not count. Unknown before there
        were that many.

        Args:
            evaluations: how many observations in a row, >= 1.
        """
        from .temporal import Sustained

        return Sustained(self, evaluations=evaluations)

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

    def then(self, following: Any) -> Then:
        """``following``, judged as if the run had begun with the record at which this condition first held.

        Unknown before. ``After(epochs=5)`` in it counts from there.
        """
        from .temporal import Then

        return Then(self, following)

    def __and__(self, other: Any) -> And:
        from .boolean import And

        return And(self, _operand(other, "&"))

    def __rand__(self, other: Any) -> And:
        from .boolean import And

        return And(_operand(other, "&"), self)

    def __or__(self, other: Any) -> Or:
        from .boolean import Or

        return Or(self, _operand(other, "|"))

    def __ror__(self, other: Any) -> Or:
        from .boolean import Or

        return Or(_operand(other, "|"), self)

    def __invert__(self) -> Not:
        from .boolean import Not

        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a condition has no truth value by itself: {self!r}. {_USE_OPERATORS}")

    def _compared(self, other: object) -> NoReturn:
        raise TypeError(f"a condition cannot be compared: {self!r} with {shown(other)}. {_USE_OPERATORS}")

    __lt__ = __le__ = __gt__ = __ge__ = _compared


#: A condition, or a function of one record, which becomes a :class:`Predicate`.
ConditionLike = Condition | Callable[[Record], bool | None]


def _operand(other: object, operator: str) -> Condition:
    if isinstance(other, (Condition, bool)) or callable(other):
        return as_condition(f"an operand of {operator}", other)
    refuse_type(f"an operand of {operator}", "a condition", other, _USE_OPERATORS)


def as_condition(argument: str, value: Any) -> Condition:
    """``value`` as a condition: one already, or a function of one record.

    Raises:
        TypeError: for anything else, with the likely fix.
    """
    if isinstance(value, Condition):
        return value
    if isinstance(value, bool):
        hint = "== is not overloaded (it compares two conditions as values); write Metric('x') >= 1 or similar."
    elif isinstance(value, (int, float)):
        hint = f"Spell the unit: After(epochs={value!r}), After(iterations={value!r}), ..."
    elif isinstance(value, Node):
        hint = f"This is a number, not a condition: compare it, for example {value!r} < 0.5."
    elif isinstance(value, str):
        hint = f"Compare the metric: Metric({value!r}) < 0.5."
    elif callable(value) and not inspect.isclass(value):
        from .predicate import Predicate

        return Predicate(value)
    else:
        hint = "For example After(epochs=50) or Metric('loss') < 0.5."
    refuse_type(argument, "a condition, or a function of one record", value, hint)
