"""The clock: strict at each boundary, in each unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed import After, Record


def says(condition: After, **clock: Any) -> bool | None:
    record = Record(**{"epoch": 0, "iteration": 0, "evaluation": 0} | clock)
    return condition.step(condition.initial(), record)[1]


@pytest.mark.parametrize(
    ("condition", "unit"),
    [
        (After(epochs=5), "epoch"),
        (After(iterations=5), "iteration"),
        (After(evaluations=5), "evaluation"),
        (After(seconds=5), "seconds"),
        (After(seconds=timedelta(seconds=5)), "seconds"),
    ],
    ids=repr,
)
def test_after_is_strict(condition: After, unit: str) -> None:
    assert says(condition, **{unit: 4}) is False
    assert says(condition, **{unit: 5}) is False
    assert says(condition, **{unit: 6}) is True


@pytest.mark.parametrize("unit", ["epochs", "iterations", "evaluations", "seconds", "fraction"])
def test_after_nothing_is_false_before_training_and_true_in_it(unit: str) -> None:
    condition = After(**{unit: 0})
    assert says(condition, planned=10) is False
    assert says(condition, epoch=1, iteration=1, evaluation=1, seconds=0.001, planned=10) is True


def test_a_second_is_passed_by_any_more() -> None:
    assert says(After(seconds=5), seconds=math.nextafter(5, 6)) is True


def test_a_fraction_is_of_the_planned_iterations() -> None:
    condition = After(fraction=0.25)
    assert says(condition, iteration=10, planned=40) is False
    assert says(condition, iteration=11, planned=40) is True
    assert says(After(fraction=1), iteration=40, planned=40) is False
    assert says(condition, iteration=10**9, planned=None) is None


@given(st.integers(0, 1000), st.integers(1, 10**6))
def test_a_fraction_is_what_it_is_written_as(thousandths: int, planned: int) -> None:
    condition = After(fraction=thousandths / 1000)
    last = math.floor(Fraction(thousandths, 1000) * planned)
    assert says(condition, iteration=last, planned=planned) is False
    assert says(condition, iteration=last + 1, planned=planned) is True


def test_a_fraction_that_floats_round_down_is_strict_all_the_same() -> None:
    assert 0.29 * 100 < 29
    assert says(After(fraction=0.29), iteration=29, planned=100) is False


def test_numpy_numbers_become_plain_ones() -> None:
    assert repr(After(epochs=np.int64(3))) == "After(epochs=3)"
    assert repr(After(seconds=np.float32(0.5))) == "After(seconds=0.5)"


def test_equality_is_of_unit_and_point() -> None:
    assert After(epochs=5) == After(epochs=5) != After(iterations=5)
    assert After(seconds=timedelta(minutes=1)) == After(seconds=60)
    assert After(epochs=5).clock_units == frozenset({"epochs"})


@pytest.mark.parametrize(
    ("condition", "clock", "text"),
    [
        (After(epochs=5), {"epoch": 2}, "After(epochs=5): false (epoch 2, needs > 5)"),
        (
            After(iterations=2_000_000),
            {"iteration": 1_234_567},
            "After(iterations=2000000): false (iteration 1234567, needs > 2000000)",
        ),
        (After(evaluations=1), {"evaluation": 2}, "After(evaluations=1): true (evaluation 2, needs > 1)"),
        (After(seconds=1.5), {"seconds": 1.0}, "After(seconds=1.5): false (seconds 1, needs > 1.5)"),
        (
            After(fraction=0.5),
            {"iteration": 3, "planned": 10},
            "After(fraction=0.5): false (iteration 3, needs > 5)",
        ),
        (
            After(fraction=0.5),
            {"iteration": 3},
            "After(fraction=0.5): unknown (iteration 3, the length of the run is not known yet)",
        ),
    ],
    ids=repr,
)
def test_explain_says_what_is_missing(condition: After, clock: dict[str, Any], text: str) -> None:
    assert str(condition.explain(condition.initial())) == f"{condition!r}: unknown (nothing seen yet)"
    record = Record(**{"epoch": 0, "iteration": 0} | clock)
    assert str(condition.explain(condition.step(condition.initial(), record)[0])) == text


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (After, TypeError, r"exactly one of epochs, iterations, evaluations, seconds, fraction, got none\."),
    (
        lambda: After(epochs=1, seconds=2),
        TypeError,
        r"got epochs and seconds\. Combine two with & \(both\) or \| \(either\)\.$",
    ),
    (lambda: After(50), TypeError, r"by unit, got 50 \(int\)\. Write After\(epochs=50\)"),
    (lambda: After(epochs=-1), ValueError, r"epochs must be a whole number >= 0, got -1 \(int\)\. Clocks count from 0"),
    (lambda: After(epochs=1.5), ValueError, r"epochs must be a whole number >= 0, got 1\.5 \(float\)"),  # type: ignore[arg-type]
    (lambda: After(epochs=3.0), ValueError, r"epochs must be a whole number >= 0, got 3\.0 \(float\)"),  # type: ignore[arg-type]
    (lambda: After(epochs=True), TypeError, r"epochs must be a whole number >= 0, got True \(bool\)"),
    (lambda: After(epochs="5"), TypeError, "epochs must be a whole number >= 0, got '5'"),  # type: ignore[arg-type]
    (lambda: After(epochs=10**30), ValueError, r"epochs must be a whole number >= 0 and < 2\*\*63"),
    (lambda: After(iterations=-1), ValueError, "iterations must be a whole number >= 0, got -1"),
    (lambda: After(evaluations=0.5), ValueError, "evaluations must be a whole number >= 0, got 0.5"),  # type: ignore[arg-type]
    (
        lambda: After(epochs=timedelta(1)),  # type: ignore[arg-type]
        TypeError,
        r"epochs must be a whole number >= 0, got datetime.* Write After\(seconds=\.\.\.\) for a time",
    ),
    (lambda: After(seconds=-0.1), ValueError, r"seconds must be a finite number >= 0, got -0\.1"),
    (lambda: After(seconds=timedelta(-1)), ValueError, "seconds must be a finite number >= 0, got -86400.0"),
    (lambda: After(seconds=math.nan), ValueError, "seconds must be a finite number >= 0, got nan"),
    (lambda: After(seconds="1h"), TypeError, "seconds must be a finite number >= 0, got '1h'"),  # type: ignore[arg-type]
    (lambda: After(fraction=1.5), ValueError, "fraction must be a finite number >= 0 and <= 1, got 1.5"),
    (
        lambda: After(fraction=10),
        ValueError,
        r"got 10 .*\. A fraction of the planned run; 0\.1 is its first tenth\.$",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_points_are_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
