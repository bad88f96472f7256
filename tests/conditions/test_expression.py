"""Expressions: arithmetic, names, refusals, and what unknown does to each."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, metric_values, rows, run_of, seen_values

from ignite_delayed import History, Metric, Record
from ignite_delayed.conditions import Expression
from ignite_delayed.conditions.expression import Arithmetic, Negative, Number

LOSS, A, B = Metric("loss"), Metric("a"), Metric("b")


def value_of(expression: Expression, **values: float) -> float:
    found = seen_values(expression, [Record(epoch=1, iteration=1, values=values)])[0]
    assert found is not None
    return found


def ieee(apply: Callable[[Any, Any], Any], a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(apply(np.float64(a), np.float64(b)))


@given(
    st.sampled_from([operator.add, operator.sub, operator.mul, operator.truediv]),
    st.one_of(metric_values, st.floats()),
    st.one_of(metric_values, st.floats()),
)
def test_arithmetic_is_that_of_ieee_floats(apply: Callable[[Any, Any], Any], a: float, b: float) -> None:
    expected = ieee(apply, a, b)
    assert repr(value_of(apply(A, B), a=a, b=b)) == repr(expected)
    if math.isfinite(b):
        assert repr(value_of(apply(A, b), a=a)) == repr(expected)
    if math.isfinite(a):
        assert repr(value_of(apply(a, B), b=b)) == repr(expected)


def test_signs() -> None:
    assert value_of(-A, a=2.0) == -2
    assert value_of(abs(A - 3), a=2.0) == 1
    assert value_of(0.7 * A + 0.3 * B, a=1.0, b=2.0) == 0.7 * 1.0 + 0.3 * 2.0


def test_numpy_numbers_give_way() -> None:
    assert np.float64(2) * A == 2.0 * A
    assert A - np.float32(0.5) == A - 0.5
    assert np.int64(1) / A == 1 / A


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A - (B - 1), "Metric('a') - (Metric('b') - 1.0)"),
        (A - B - 1, "Metric('a') - Metric('b') - 1.0"),
        (A / (B * 2), "Metric('a') / (Metric('b') * 2.0)"),
        ((A + B) * 2, "(Metric('a') + Metric('b')) * 2.0"),
        (A + B * 2, "Metric('a') + Metric('b') * 2.0"),
        (-A * 2, "-Metric('a') * 2.0"),
        (-(A * 2), "-(Metric('a') * 2.0)"),
        (Negative(-A), "--Metric('a')"),
        (A * -2, "Metric('a') * -2.0"),
        (abs(A - B).mean(3), "abs(Metric('a') - Metric('b')).mean(3)"),
        ((A - B).mean(3), "(Metric('a') - Metric('b')).mean(3)"),
        (A.mean(3).max(2), "Metric('a').mean(3).max(2)"),
        (A.best("min"), "Metric('a').best('min')"),
        ((-A).first(), "(-Metric('a')).first()"),
        (A.ema(0.9), "Metric('a').ema(0.9)"),
    ],
)
def test_reprs_keep_the_parentheses_that_matter(expression: Expression, text: str) -> None:
    assert repr(expression) == text
    assert eval(text, {"Metric": Metric}) == expression


def test_names_are_plain_strings() -> None:
    assert repr(Metric(np.str_("loss"))) == "Metric('loss')"
    assert Metric(np.str_("loss")) == LOSS


def test_one_observation_an_iteration_when_all_was_recorded() -> None:
    total = Metric("val/x") + Metric("train/x") + Metric("lr")
    run = rows(
        (1, "val", {"val/x": 1.0, "lr": 0.5}),
        (1, "train", {"train/x": 2.0, "lr": 0.5}),
        (1, "test", {"test/x": 9.0, "lr": 0.5}),
        (2, "train", {"train/x": 7.0, "lr": 0.5}),
        (3, "train", {"train/x": 3.0, "lr": 0.5}),
        (3, "val", {"val/x": 4.0, "lr": 0.5}),
    )
    assert seen_values(total, run) == [None, 3.5, 3.5, 3.5, 3.5, 7.5]
    assert [total.observed(record) for record in run] == [False, True, False, False, False, True]
    assert [Metric("lr").observed(record) for record in run] == [True, False, False, True, True, False]


def test_the_first_row_of_an_iteration_says_what_the_others_repeat() -> None:
    run = rows((1, "val", {"lr": 0.5}), (1, "train", {"lr": 0.7}), (2, "train", {"lr": 0.9}))
    assert seen_values(Metric("lr"), run) == [0.5, 0.5, 0.9]


def test_a_tick_between_two_evaluators_does_not_split_the_iteration() -> None:
    # The trainer evaluates on "train" as an epoch ends and on "val" as the next begins: one iteration, a tick between.
    run = rows((4, "train", {"train/x": 1.0, "lr": 0.5}), (4, None, {}), (4, "val", {"val/x": 2.0, "lr": 0.5}))
    assert [(Metric("train/x") + Metric("val/x")).observed(record) for record in run] == [False, False, True]
    assert [Metric("lr").observed(record) for record in run] == [True, False, False]
    assert [record.first for record in run] == [True, False, False]


# Expression: its value before the metric was reported, after NaN, after 2 and NaN, after NaN and 2.
UNKNOWN: list[tuple[Expression, list[float | None]]] = [
    (LOSS, [None, NAN, NAN, 2.0]),
    (LOSS + 1, [None, NAN, NAN, 3.0]),
    (1 - LOSS, [None, NAN, NAN, -1.0]),
    (LOSS * 0, [None, NAN, NAN, 0.0]),
    (LOSS / 0, [None, NAN, NAN, INF]),
    (-LOSS, [None, NAN, NAN, -2.0]),
    (abs(LOSS), [None, NAN, NAN, 2.0]),
    (LOSS.mean(1), [None, NAN, NAN, 2.0]),
    (LOSS.mean(2), [None, None, NAN, NAN]),
    (LOSS.min(1), [None, NAN, NAN, 2.0]),
    (LOSS.min(2), [None, None, NAN, NAN]),
    (LOSS.max(1), [None, NAN, NAN, 2.0]),
    (LOSS.max(2), [None, None, NAN, NAN]),
    (LOSS.std(2), [None, None, NAN, NAN]),
    (LOSS.slope(2), [None, None, NAN, NAN]),
    (LOSS.change(1), [None, None, NAN, NAN]),
    (LOSS.change(2), [None, None, None, None]),
    (LOSS.ema(0.5), [None, None, 2.0, 2.0]),
    (LOSS.first(), [None, None, 2.0, 2.0]),
    (LOSS.best("min"), [None, None, 2.0, 2.0]),
    (LOSS.best("max"), [None, None, 2.0, 2.0]),
]


@pytest.mark.parametrize(("expression", "expected"), UNKNOWN, ids=[repr(expression) for expression, _ in UNKNOWN])
def test_what_unknown_does_to_an_expression(expression: Expression, expected: list[float | None]) -> None:
    other = rows((1, "other", {"other/x": 1.0}))
    runs: list[History] = [other, run_of([NAN]), run_of([2.0, NAN]), run_of([NAN, 2.0])]
    assert expression.initial()[0] is None
    assert repr([seen_values(expression, run)[-1] for run in runs]) == repr(expected)


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Metric(3), TypeError, r"name must be a non-empty string, got 3 \(int\)\. It is the metric's name"),  # type: ignore[arg-type]
    (lambda: Metric(None), TypeError, "name must be a non-empty string, got None"),  # type: ignore[arg-type]
    (lambda: Metric(""), ValueError, "name must be a non-empty string, got ''"),
    (lambda: LOSS + math.nan, ValueError, r"the right of \+ must be a finite number, got nan"),
    (lambda: "loss" + LOSS, TypeError, r"the left of \+ must be .* Write Metric\('loss'\)"),
    (lambda: LOSS * True, TypeError, r"the right of \* must be a finite number, got True"),
    (
        lambda: LOSS - (LOSS < 1),
        TypeError,
        r"the right of - must be a number or a metric expression, got Metric.*\. This is",
    ),
    (lambda: LOSS + np.array([1.0, 2.0]), TypeError, r"the right of \+ must be a finite number"),
    (
        lambda: Number(math.nan),
        ValueError,
        r"^a number in a metric expression must be a finite number, got nan .*\. For finiteness use Finite\(\.\.\.\)",
    ),
    (lambda: Number(1).mean(3), TypeError, r"1.0.mean\(3\) reads no metric: one operand must be an expression"),
    (lambda: Number(1) + 2, TypeError, "reads no metric"),
    (lambda: Arithmetic(LOSS, "**", 2), ValueError, r"symbol must be one of '\+', '-', '\*', '/', got '\*\*'"),
    (lambda: Negative("loss"), TypeError, r"^operand must be a number or a metric expression, got 'loss' \(str\)"),
    (lambda: bool(LOSS), TypeError, r"no truth value by itself: Metric\('loss'\)\. Combine conditions with & \| ~"),
    (lambda: LOSS and LOSS < 1, TypeError, "no truth value by itself"),
    (lambda: not LOSS, TypeError, "no truth value by itself"),
    (lambda: ~LOSS, TypeError, r"~ negates a condition, got the number Metric\('loss'\): write ~\(Metric\('loss'\) <"),
    (
        lambda: LOSS & (LOSS + 1),
        TypeError,
        r"& and \| combine conditions, got the number Metric\('loss'\) and Metric\('loss'\) \+ 1.0 .*: a comparison",
    ),
    (lambda: 0.5 | LOSS, TypeError, "a comparison lacks its parentheses"),
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_operands_are_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
