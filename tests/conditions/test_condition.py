"""Conditions as values: connectives, and what they refuse; their verdicts are in test_laws.py."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from strategies import even_epoch, rows, verdicts

from ignite_delayed import After, Always, Metric, Never, Predicate, Record
from ignite_delayed.conditions import And, Condition, Not, Or, as_condition

LOSS, LATE = Metric("loss"), After(epochs=5)
LOW = LOSS < 0.5

FIX = r"Combine conditions with & \| ~ and put each comparison in parentheses"

BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: LOW and LATE, r"a condition has no truth value by itself: Metric\('loss'\) < 0\.5\. Combine"),
    (lambda: LOW or LATE, "a condition has no truth value by itself"),
    (lambda: not LOW, "a condition has no truth value by itself"),
    (lambda: 0.1 < LOSS < 0.5, r"no truth value by itself.* \(Metric\('loss'\) < 0\.5\) for 0\.1 < Metric"),
    (lambda: [LOW if LATE else None], "a condition has no truth value by itself"),
    (lambda: LOW < 0.5, r"a condition cannot be compared: Metric\('loss'\) < 0\.5 with 0\.5 \(float\)\. Combine"),
    (lambda: operator.ge(1, LATE), r"a condition cannot be compared: After\(epochs=5\) with 1 \(int\)"),
    (lambda: LATE & LOSS < 0.5, rf"an operand of & must be a condition, got Metric\('loss'\) \(Metric\)\. {FIX}"),
    (lambda: LOSS < 0.5 & LATE, rf"an operand of & must be a condition, got 0\.5 \(float\)\. {FIX}"),  # type: ignore[operator]
    (lambda: LOSS < 0.5 | LATE, r"an operand of \| must be a condition, got 0\.5"),  # type: ignore[operator]
    (lambda: LOSS & LATE, "& and | combine conditions, got the number .*: a comparison lacks its parentheses"),
    (lambda: LATE & 5, r"an operand of & must be a condition, got 5 \(int\)"),  # type: ignore[operator]
    (lambda: LATE | None, r"an operand of \| must be a condition, got None"),  # type: ignore[operator]
    (lambda: LATE & (LOSS == 0.5), r"an operand of & must be .* got False \(bool\)\. == is not overloaded"),  # type: ignore[operator]
    (lambda: (LOSS == 0.5) | LATE, r"an operand of \| must be .* == is not overloaded"),  # type: ignore[operator]
    (lambda: ~LOSS, "~ negates a condition"),
]


@pytest.mark.parametrize(("build", "message"), BAD)
def test_the_text_shows_the_fix(build: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        build()


def test_equality_is_of_values() -> None:
    assert (LOSS == 0.5) is False
    assert (LOW == LATE) is False
    assert (LOW != LATE) is True
    assert LOW in [LATE, LOW]


def test_functions_become_conditions() -> None:
    assert as_condition("until", even_epoch) == Predicate(even_epoch)
    assert as_condition("until", LOW) is LOW
    assert LOW & even_epoch == LOW & Predicate(even_epoch)
    assert even_epoch | LOW == Predicate(even_epoch) | LOW
    assert LOW.then(even_epoch) == LOW.then(Predicate(even_epoch))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (50, r"Spell the unit: After\(epochs=50\), After\(iterations=50\)"),
        (
            True,
            r"== is not overloaded \(it compares two conditions as values\); write Metric\('x'\) >= 1 or similar\.$",
        ),
        (LOSS, r"This is a number, not a condition: compare it, for example Metric\('loss'\) < 0\.5"),
        ("loss", r"Compare the metric: Metric\('loss'\) < 0\.5"),
        (None, r"\(NoneType\)\. For example After\(epochs=50\) or Metric\('loss'\) < 0\.5\.$"),
        (After, r"For example After\(epochs=50\)"),
    ],
)
def test_anything_else_is_refused_with_the_likely_fix(value: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=rf"until must be a condition, or a function of one record, got .*{hint}"):
        as_condition("until", value)


@pytest.mark.parametrize("value", [LOW, LOW & LATE, LOSS, LATE])
def test_values_are_immutable(value: Condition) -> None:
    with pytest.raises(AttributeError, match="is immutable: build a new one instead of setting 'left'"):
        value.left = 3
    with pytest.raises(AttributeError, match="is immutable: 'parts' cannot be deleted"):
        del value.parts


# --- connectives ----------------------------------------------------------------------------------------------------

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
    assert (A & ~After(seconds=3)).clock_units == frozenset({"epochs", "seconds"})
    assert (A & C).clock_units is None
    assert (Always() | Never()).clock_units == frozenset()
    assert Not(A).clock_units == frozenset({"epochs"})


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
