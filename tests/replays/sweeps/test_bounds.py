"""Confidence bounds for means of numbers between 0 and 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed.replays.sweeps.bounds import least_count, lower, upper

shares = st.floats(0, 1)
counts = st.integers(1, 500)
confidences = st.floats(0.01, 0.999)


@given(counts, confidences)
def test_of_zeros_it_is_the_closed_form(count: int, confidence: float) -> None:
    assert upper(0.0, count, confidence) == pytest.approx(1 - (1 - confidence) ** (1 / count), abs=1e-9)


@given(shares, counts, confidences)
def test_it_is_where_the_probability_has_sunk_to_what_is_left(average: float, count: int, confidence: float) -> None:
    bound = upper(average, count, confidence)
    assert average <= bound <= 1
    if average < bound < 1:
        near = average * math.log(average / bound) if average else 0.0
        divergence = near + (1 - average) * math.log((1 - average) / (1 - bound))
        assert math.exp(-count * divergence) == pytest.approx(1 - confidence, rel=1e-3)


@given(shares, shares, counts, confidences)
def test_it_grows_with_the_average_and_shrinks_with_the_count(
    a: float, b: float, count: int, confidence: float
) -> None:
    low, high = sorted((a, b))
    assert upper(low, count, confidence) <= upper(high, count, confidence)
    assert upper(a, count + 1, confidence) <= upper(a, count, confidence)


@given(shares, counts, confidences)
def test_the_lower_one_is_its_mirror(average: float, count: int, confidence: float) -> None:
    assert lower(average, count, confidence) == 1 - upper(1 - average, count, confidence)


def test_of_nothing_nothing_is_known() -> None:
    assert (upper(0.0, 0, 0.9), upper(1.0, 5, 0.9), lower(0.0, 5, 0.9)) == (1, 1, 0)


@given(st.floats(0.001, 0.999), st.floats(0.01, 0.99))
def test_the_least_count_is_the_least(mean: float, confidence: float) -> None:
    count = least_count(mean, confidence)
    assert upper(0.0, count, confidence) <= mean + 1e-8
    assert count == 1 or upper(0.0, count - 1, confidence) > mean - 1e-8


@pytest.mark.parametrize("count", [3, 10, 30])
@pytest.mark.parametrize("mean", [0.02, 0.1, 0.5])
def test_it_holds_at_its_level_for_the_worst_of_distributions(count: int, mean: float) -> None:
    draws = np.random.default_rng(count).binomial(count, mean, 4000)
    missed = sum(upper(drawn / count, count, 0.9) < mean for drawn in draws.tolist())
    assert missed <= 400 + 4 * math.sqrt(4000 * 0.1 * 0.9)
