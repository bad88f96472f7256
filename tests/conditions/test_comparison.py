"""Comparisons and finiteness."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, last_state, metric_values, rows, run_of, verdicts

from ignite_delayed import Condition, Finite, Metric
from ignite_delayed.conditions import Compare

loss = Metric("loss")
OPERATORS: list[Callable[[Any, Any], Any]] = [operator.lt, operator.le, operator.gt, operator.ge]


@given(st.lists(metric_values, min_size=1, max_size=6), st.sampled_from(OPERATORS), st.floats(-2, 2))
def test_a_comparison_is_that_of_the_last_value(
    values: list[float], compare: Callable[[Any, Any], Any], bound: float
) -> None:
    expected = [None if math.isnan(value) else compare(value, bound) for value in values]
    assert verdicts(compare(loss, bound), values) == expected


@pytest.mark.parametrize("compare", OPERATORS)
def test_a_bound_is_met_or_not_exactly_at_it(compare: Callable[[Any, Any], Any]) -> None:
    assert verdicts(compare(loss, 0.5), [0.5]) == [compare(0.5, 0.5)]


def test_the_metric_may_stand_on_the_right() -> None:
    assert operator.gt(0.5, loss) == (loss < 0.5) == Compare(0.5, ">", loss)
    assert (np.float64(0.5) > loss) == (loss < 0.5)
    assert (np.float32(0.5) <= loss) == (loss >= 0.5)
    for symbol in ("<", "<=", ">", ">="):
        condition = Compare(0.5, symbol, loss)
        assert eval(repr(condition), {"Metric": Metric}) == condition


def test_the_last_value_stays_while_other_evaluators_report() -> None:
    run = rows((1, "val", {"val/loss": 0.4}), (2, "train", {"train/loss": 9.0}), (3, "val", {"val/loss": 0.6}))
    assert verdicts(Metric("val/loss") < 0.5, run) == [True, True, False]


def test_metrics_of_two_evaluators_are_compared_once_both_are_there() -> None:
    gap = Metric("val/loss") - Metric("train/loss") > 0.1
    run = rows(
        (1, "train", {"train/loss": 0.3}),
        (1, "val", {"val/loss": 0.5}),
        (2, "train", {"train/loss": 0.6}),  # no look at old validation: still what it was
        (3, "val", {"val/loss": 0.5}),
        (3, "train", {"train/loss": 0.45}),
    )
    assert verdicts(gap, run) == [None, True, True, True, False]
    assert verdicts(Metric("val/loss") > Metric("train/loss"), run) == [None, True, True, True, True]


def test_finite() -> None:
    assert verdicts(Finite("loss"), [1.0, NAN, INF, -INF, -1.0]) == [True, False, False, False, True]
    assert Finite("loss").step(Finite("loss").initial(), rows((1, "x", {"x/y": 1.0}))[0])[1] is None
    assert verdicts(Finite(loss / (loss - 1)), [1.0, 2.0]) == [False, True]


def test_only_exact_equality_makes_equal_values() -> None:
    assert (loss < 0.5) == (loss < 0.5)
    assert (loss < 0.5) != (loss <= 0.5)
    assert (loss < 0.5) != (loss < 0.6)
    assert len({loss < 0.5, Metric("loss") < 0.5, loss < 0.6}) == 2


def explained(condition: Condition, *values: float) -> str:
    state = condition.initial()
    for i, value in enumerate(values, start=1):
        state, _ = condition.step(state, rows((i, "", {"loss": value}))[0])
    return str(condition.explain(state))


def test_explain_shows_the_last_value() -> None:
    assert explained(loss < 0.5) == "Metric('loss') < 0.5: unknown (no value yet)"
    assert explained(loss < 0.5, 0.25) == "Metric('loss') < 0.5: true (last value 0.25, needs < 0.5)"
    assert explained(loss < 0.5, NAN) == "Metric('loss') < 0.5: unknown (last value nan, needs < 0.5)"
    assert explained(loss > loss.first(), 2, 1).endswith("false (last value 1, needs > 2)")
    assert explained(Finite("loss")) == "Finite('loss'): unknown (no value yet)"
    assert explained(Finite("loss"), INF) == "Finite('loss'): false (last value inf)"


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: loss < NAN, ValueError, r"the right of < must be a finite number, got nan \(float\)\. For a test of"),
    (lambda: loss >= INF, ValueError, "the right of >= must be a finite number, got inf"),
    (lambda: loss < "0.5", TypeError, "the right of < must be a number or a metric expression.* Write 0.5, without"),
    (lambda: loss < None, TypeError, "the right of < must be a finite number, got None"),
    (lambda: loss < True, TypeError, r"the right of < must be a finite number, got True \(bool\)"),
    (lambda: loss < 1j, TypeError, "the right of < must be a finite number, got 1j"),
    (lambda: loss < (loss < 1), TypeError, "the right of < must be .* This is a condition"),
    (lambda: Compare(1, "<", 2), TypeError, r"reads no metric: one side must be a metric expression"),
    (lambda: Compare(loss, "=<", 2), ValueError, "symbol must be one of '<', '<=', '>', '>=', got '=<'"),
    (
        lambda: Finite(3),  # type: ignore[arg-type]
        TypeError,
        r"^metric must be the name of a metric or a metric expression, got 3.* For example 'loss' or Metric\('loss'\).",
    ),
    (lambda: Finite(""), TypeError, "metric must be the name of a metric"),
    (lambda: Finite(loss < 1), TypeError, "metric must be the name of a metric"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_operands_are_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize(
    ("condition", "reading"),
    [
        (Metric("loss") < 0.5, ("loss", 0.25, "<", 0.5)),
        (Metric("loss") <= 0.5, ("loss", 0.25, "<=", 0.5)),
        (Metric("loss") * 2 > Metric("loss"), ("Metric('loss') * 2.0", 0.5, ">", 0.25)),
        (Metric("loss").mean(2) > 0.1, ("Metric('loss').mean(2)", None, ">", 0.1)),
        (Metric("loss") > Metric("other"), ("loss", 0.25, ">", None)),
    ],
    ids=repr,
)
def test_what_is_compared_can_be_read(condition: Compare, reading: tuple[str, float | None, str, float | None]) -> None:
    assert condition.reading(last_state(condition, run_of([0.25]))) == reading
    assert condition.reading(condition.initial())[::2] == reading[::2]
