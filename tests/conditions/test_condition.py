"""What conditions refuse: Python's own connectives, comparisons, missing parentheses."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from strategies import even_epoch

from ignite_delayed import After, Metric, Predicate
from ignite_delayed.conditions import Condition, as_condition

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
    (lambda: LOSS < 0.5 & LATE, rf"an operand of & must be a condition, got 0\.5 \(float\)\. {FIX}"),
    (lambda: LOSS < 0.5 | LATE, r"an operand of \| must be a condition, got 0\.5"),
    (lambda: LOSS & LATE, "& and | combine conditions, got the number .*: a comparison lacks its parentheses"),
    (lambda: LATE & 5, r"an operand of & must be a condition, got 5 \(int\)"),
    (lambda: LATE | None, r"an operand of \| must be a condition, got None"),
    (lambda: LATE & (LOSS == 0.5), r"an operand of & must be .* got False \(bool\)\. == is not overloaded"),
    (lambda: (LOSS == 0.5) | LATE, r"an operand of \| must be .* == is not overloaded"),
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
