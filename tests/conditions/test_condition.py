"""Conditions as values: connectives, and what they refuse; their verdicts are in test_laws.py."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from strategies import even_epoch, rows, verdicts

from ignite_delayed import After, Always, Metric, Never, Plateau, Predicate, Record
from ignite_delayed.conditions import And, Condition, Not, Or, as_condition

LOSS, LATE = Metric("loss"), After(epochs=5)
LOW = LOSS < 0.5
HOLDS = LOW.holds(at_least=2, of=3)

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
        (0.5, r"No clock counts so: compare a metric, as in Metric\('loss'\) < 0\.5, or write After\(fraction="),
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


def seen(condition: Condition, *losses: float) -> Any:
    """The state of ``condition`` after these losses, one an epoch."""
    state = condition.initial()
    for epoch, loss in enumerate(losses, start=1):
        values = {"loss": loss, "val/acc": 1 - loss}
        state, _ = condition.step(state, Record(epoch=epoch, iteration=10 * epoch, evaluation=epoch, values=values))
    return state


class TestWhatIsMissing:
    @pytest.mark.parametrize(
        ("condition", "losses", "said"),
        [
            (LOW, [], "loss has no value yet, needs < 0.5"),
            (LOW, [0.62], "loss 0.62, needs < 0.5"),
            (LOW, [0.4], ""),
            (LOW.sustained(evaluations=3), [0.62], "loss 0.62, needs < 0.5 for 3, has 0"),
            (LOW.sustained(evaluations=3), [0.62, 0.4], "loss 0.4, needs < 0.5 for 3, has 1"),
            (Metric("val/acc") > 0.5, [0.75], "val/acc 0.25, needs > 0.5"),
            (After(epochs=5), [], "After(epochs=5)"),
            (After(epochs=5), [0.6, 0.6], "epoch 2, needs > 5"),
            (After(epochs=1) & LOW, [0.6, 0.6], "loss 0.6, needs < 0.5"),
            (After(epochs=3) & LOW, [0.6, 0.6], "epoch 2, needs > 3; loss 0.6, needs < 0.5"),
            (After(epochs=3) | LOW, [0.6, 0.6], "epoch 2, needs > 3, or loss 0.6, needs < 0.5"),
            (LOW.then(After(epochs=2)), [0.6], "first: loss 0.6, needs < 0.5"),
            (LOW.then(After(epochs=2)), [0.6, 0.4], "epoch 1, needs > 2"),
            (~LOW, [0.4], "~(Metric('loss') < 0.5) (loss 0.4, needs < 0.5)"),
            (Plateau("loss", mode="min", patience=3), [0.4, 0.5], "loss: 1 of 3 without improvement, best 0.4"),
            (
                HOLDS,
                [0.4, 0.5],
                f"{HOLDS!r} (held at 1 of the last 2 observations, needs 2 of 3; loss 0.5, needs < 0.5)",
            ),
        ],
        ids=repr,
    )
    def test_is_told_in_a_line(self, condition: Condition, losses: list[float], said: str) -> None:
        assert condition.missing(seen(condition, *losses)) == said

    @pytest.mark.parametrize(
        ("condition", "losses", "near"),
        [
            (LOW, [0.6], None),
            (LOW.sustained(evaluations=3), [0.6, 0.4], (1, 3)),
            (After(epochs=5), [], None),
            (After(epochs=5), [0.6, 0.6], (2, 5)),
            (After(epochs=5) & LOW, [0.4, 0.4], (2, 5)),
            (After(epochs=5) & LOW, [0.6, 0.6], None),
            (Plateau("loss", mode="min", patience=3), [0.4, 0.5], (1, 3)),
            (LOW.then(After(epochs=2)), [0.4, 0.4], (2, 2)),
        ],
        ids=repr,
    )
    def test_how_near_it_is_where_that_is_counted(self, condition: Condition, losses: list[float], near: Any) -> None:
        assert condition.nearness(seen(condition, *losses)) == near
