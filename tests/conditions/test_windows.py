"""Windows against NumPy's formulas."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, rows, seen_values, verdicts

from ignite_delayed import Metric
from ignite_delayed.conditions import Expression
from ignite_delayed.conditions.windows import Best, Ema, First, Mean

LOSS = Metric("loss")
curves = st.lists(st.floats(-100, 100), min_size=1, max_size=12)

Formula = Callable[[np.ndarray[Any, np.dtype[np.float64]]], float]

FORMULAS: dict[str, tuple[Callable[[int], Expression], int, Formula]] = {
    "mean": (LOSS.mean, 0, lambda x: float(np.mean(x))),
    "min": (LOSS.min, 0, lambda x: float(np.min(x))),
    "max": (LOSS.max, 0, lambda x: float(np.max(x))),
    "std": (LOSS.std, 0, lambda x: float(np.std(x, ddof=1))),
    "slope": (LOSS.slope, 0, lambda x: float(np.polyfit(np.arange(len(x)), x, 1)[0])),
    "change": (LOSS.change, 1, lambda x: float(x[-1] - x[0])),
}


@pytest.mark.parametrize("name", FORMULAS)
@given(values=curves, n=st.integers(2, 5))
def test_a_window_is_the_statistic_of_the_last_observations(name: str, values: list[float], n: int) -> None:
    window, more, formula = FORMULAS[name]
    for i, found in enumerate(seen_values(window(n), values), start=1):
        if i < n + more:
            assert found is None
        else:
            expected = formula(np.array(values[i - n - more : i]))
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(curves)
def test_windows_of_one(values: list[float]) -> None:
    for expression in (LOSS.mean(1), LOSS.min(1), LOSS.max(1)):
        assert seen_values(expression, values) == values
    assert seen_values(LOSS.change(1), values) == [None, *np.diff(values).tolist()]


@given(curves, st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_ema(values: list[float], decay: float) -> None:
    expected = [values[0]]
    for value in values[1:]:
        expected.append(decay * expected[-1] + (1 - decay) * value)
    assert seen_values(LOSS.ema(decay), values) == pytest.approx(expected)


@given(curves)
def test_first_and_best(values: list[float]) -> None:
    assert seen_values(LOSS.first(), values) == [values[0]] * len(values)
    assert seen_values(LOSS.best("min"), values) == np.minimum.accumulate(values).tolist()
    assert seen_values(LOSS.best("max"), values) == np.maximum.accumulate(values).tolist()


def test_a_nan_is_forgotten_when_it_leaves_the_window() -> None:
    assert repr(seen_values(LOSS.mean(2), [1.0, NAN, 3.0, 5.0])) == "[None, nan, nan, 4.0]"
    assert verdicts(LOSS.mean(2) > 0, [1.0, NAN, 3.0, 5.0]) == [None, None, None, True]


def test_infinities_follow_ieee_and_never_raise() -> None:
    assert seen_values(LOSS.mean(2), [INF, 1.0])[-1] == INF
    assert repr(seen_values(LOSS.mean(2), [INF, -INF])[-1]) == "nan"
    assert repr(seen_values(LOSS.std(2), [INF, 1.0])[-1]) == "nan"
    assert seen_values(LOSS.max(2), [INF, 1.0])[-1] == INF
    assert seen_values(LOSS.mean(2), [1e308, 1e308])[-1] == INF
    assert seen_values(LOSS.std(2), [1e308, -1e308])[-1] == INF
    assert seen_values(LOSS.change(1), [-1e308, 1e308])[-1] == INF


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_ema_does_not_keep_an_infinity(decay: float) -> None:
    assert seen_values(LOSS.ema(decay), [INF, 1.0, -INF, 1.0]) == [None, 1.0, 1.0, 1.0]


def test_sums_are_exact() -> None:
    assert seen_values(LOSS.mean(3), [1e16, 1.0, -1e16])[-1] == 1 / 3


def test_a_spread_is_that_of_the_deviations_however_far_from_zero() -> None:
    values = [1e8 + 0.125, 1e8 + 0.25, 1e8 + 0.5]
    assert seen_values(LOSS.std(3), values)[-1] == pytest.approx(np.std([0.125, 0.25, 0.5], ddof=1))


@pytest.mark.parametrize("value", [0.7, 0.1, 1e9 + 0.1, -0.7, 1e-170, 5e-324, 1e300])
@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_equal_values_have_their_mean_and_no_spread_and_no_slope(value: float, n: int) -> None:
    values = [value] * n
    assert verdicts((LOSS.mean(n) >= value) & (LOSS.mean(n) <= value), values)[-1] is True
    assert seen_values(LOSS.std(n), values)[-1] == 0
    assert seen_values(LOSS.slope(n), values)[-1] == 0
    assert seen_values(LOSS.ema(0.9), values)[-1] == value


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=6))
def test_a_mean_lies_among_its_values_and_a_spread_is_the_exact_one(values: list[float]) -> None:
    n = len(values)
    mean, std = (seen_values(expression, values)[-1] for expression in (LOSS.mean(n), LOSS.std(n)))
    assert mean is not None
    assert min(values) <= mean <= max(values)
    assert std == pytest.approx(statistics.stdev(map(Fraction, values)), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "values",
    [[1e9, 1e9 + 1e-6, 1e9 - 1e-6, 1e9 + 3e-6], [1e-170, 2e-170, 4e-170, 3e-170], [1e200, -1e200, 3e200, 3e200]],
)
def test_spread_and_slope_keep_their_digits_at_any_offset_and_scale(values: list[float]) -> None:
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction(0)) / 4
    scale = max(abs(value - mean) for value in exact)
    spread = float(scale) * math.sqrt(sum(float((value - mean) / scale) ** 2 for value in exact) / 3)
    slope = float(sum(((i - Fraction(3, 2)) * value for i, value in enumerate(exact)), Fraction(0)) / 5)
    assert seen_values(LOSS.std(4), values)[-1] == pytest.approx(spread, rel=1e-9, abs=0)
    assert seen_values(LOSS.slope(4), values)[-1] == pytest.approx(slope, rel=1e-9, abs=0)


def test_windows_of_windows_count_the_inner_observations() -> None:
    values = [1.0, 2.0, 3.0, 6.0]
    assert seen_values(LOSS.mean(2).max(2), values) == [None, None, 2.5, 4.5]
    assert seen_values(LOSS.first() - LOSS.mean(2), values) == [None, -0.5, -1.5, -3.5]


def test_rows_of_other_evaluators_do_not_fill_a_window() -> None:
    run = rows(
        (1, "val", {"val/x": 1.0, "lr": 0.5}),
        (1, "train", {"train/x": 9.0, "lr": 0.5}),
        (2, "train", {"train/x": 9.0, "lr": 0.7}),
        (3, "val", {"val/x": 3.0, "lr": 0.9}),
    )
    assert seen_values(Metric("val/x").mean(2), run) == [None, None, None, 2.0]
    assert seen_values(Metric("lr").mean(3), run) == [None, None, None, pytest.approx(0.7)]
    assert seen_values((Metric("val/x") - Metric("train/x")).mean(2), run) == [None] * 4
    assert seen_values(Metric("val/x").ema(0.5), run) == [1.0, 1.0, 1.0, 2.0]


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: LOSS.mean(0),
        ValueError,
        r"n must be a whole number >= 1, got 0 \(int\)\. A window of mean spans at least",
    ),
    (lambda: Mean("loss", 3), TypeError, r"^expression must be a number or a metric expression, got 'loss' \(str\)"),
    (lambda: First("loss"), TypeError, r"^expression must be a number or a metric expression, got 'loss' \(str\)"),
    (
        lambda: Best("loss", "min"),
        TypeError,
        r"^expression must be a number or a metric expression, got 'loss' \(str\)",
    ),
    (lambda: Ema("loss", 0.5), TypeError, r"^expression must be a number or a metric expression, got 'loss' \(str\)"),
    (lambda: LOSS.min(-1), ValueError, "n must be a whole number >= 1, got -1"),
    (lambda: LOSS.max(2.5), ValueError, "n must be a whole number >= 1, got 2.5"),  # type: ignore[arg-type]
    (lambda: LOSS.mean("3"), TypeError, "n must be a whole number >= 1, got '3'"),  # type: ignore[arg-type]
    (lambda: LOSS.std(1), ValueError, "n must be a whole number >= 2, got 1 .* A window of std spans at least 2"),
    (lambda: LOSS.slope(1), ValueError, "n must be a whole number >= 2, got 1 .* A window of slope spans at least 2"),
    (lambda: LOSS.change(0), ValueError, "n must be a whole number >= 1, got 0"),
    (
        lambda: LOSS.ema(1),
        ValueError,
        r"decay must be a number >= 0 and < 1, got 1\.0 .* At 1 the first value would stay for ever\.$",
    ),
    (lambda: LOSS.ema(-0.1), ValueError, r"decay must be a finite number >= 0, got -0\.1 .* The weight of the past"),
    (lambda: LOSS.ema(math.nan), ValueError, "decay must be a finite number >= 0, got nan"),
    (lambda: LOSS.best("lowest"), ValueError, "mode must be 'min' or 'max', got 'lowest'"),  # type: ignore[arg-type]
    (lambda: LOSS.best(min), TypeError, "mode must be 'min' or 'max', got <built-in function min>"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_windows_are_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
