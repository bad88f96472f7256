"""Connectives as values; their verdicts are in test_laws.py."""

from __future__ import annotations

import pytest
from strategies import rows, verdicts

from ignite_delayed import After, Always, Condition, Metric, Never, Predicate, Record
from ignite_delayed.conditions import And, Not, Or

A, B, C = After(epochs=1), After(epochs=2), Metric("loss") < 0.5


def test_nested_connectives_of_one_kind_are_flattened() -> None:
    assert (A & B) & C == A & (B & C) == And(A, B, C)
    assert (A & B & C).conditions == (A, B, C)
    assert (A | B) | C == A | (B | C) == Or(A, B, C)
    assert len((A & (B | C)).conditions) == 2


def test_the_order_of_operands_is_part_of_the_value() -> None:
    assert A & B != B & A
    assert A & B != A | B


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (A & B | C, "After(epochs=1) & After(epochs=2) | (Metric('loss') < 0.5)"),
        (A & (B | C), "After(epochs=1) & (After(epochs=2) | (Metric('loss') < 0.5))"),
        (~(A & B), "~(After(epochs=1) & After(epochs=2))"),
        (~A & B, "~After(epochs=1) & After(epochs=2)"),
        (~~A, "~~After(epochs=1)"),
        (Always() | Never(), "Always() | Never()"),
    ],
)
def test_parentheses_stand_where_python_needs_them(condition: Condition, text: str) -> None:
    assert repr(condition) == text


def test_every_operand_sees_every_record() -> None:
    late = (Metric("loss") < 0.5).sustained(evaluations=2)
    run = rows((1, "", {"loss": 0.1}), (2, "", {"loss": 0.1}))
    assert verdicts(Never() & late | late, run) == [None, True]
    assert verdicts(Always() | late, run) == [True, True]
    assert verdicts((Never() | After(epochs=1)) & late, run) == [False, True]


def test_what_the_clock_alone_decides_is_known() -> None:
    assert (A & ~After(seconds=3)).ticks == frozenset({"epochs", "seconds"})
    assert (A & C).ticks is None
    assert (Always() | Never()).ticks == frozenset()
    assert Not(A).ticks == frozenset({"epochs"})


def even(record: Record) -> bool:
    return record.epoch % 2 == 0


def test_a_function_may_stand_on_either_side() -> None:
    assert A & even == And(A, Predicate(even))
    assert even & A == And(Predicate(even), A)
    assert A | even == Or(A, Predicate(even))
    assert even | A == Or(Predicate(even), A)


def test_not_takes_a_condition() -> None:
    with pytest.raises(TypeError, match=r"^condition must be a condition, or a function of one record, got 3"):
        Not(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("connective", [And, Or])
def test_a_connective_takes_two_or_more_conditions(connective: type[And | Or]) -> None:
    with pytest.raises(ValueError, match=rf"{connective.__name__} takes two or more conditions, got 1\."):
        connective(A)
    with pytest.raises(TypeError, match=rf"an operand of {connective.__name__} must be a condition, .* got 3 \(int\)"):
        connective(A, 3)  # type: ignore[arg-type]
