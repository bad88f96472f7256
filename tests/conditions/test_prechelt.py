"""Prechelt's criteria, against the formulas of his paper over whole runs."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, first_true, last_state, rows, verdicts

from ignite_delayed import Condition, GeneralizationLoss, History, Metric, ProgressQuotient, Record, RisingStrips
from ignite_delayed.errors import StateError

errors = st.lists(st.floats(0.01, 2).map(lambda x: round(x, 2)), max_size=14)


def two(validation: list[float], training: list[float]) -> History:
    pairs = enumerate(zip(validation, training, strict=True), start=1)
    return History(Record(epoch=t, iteration=t, values={"va": va, "tr": tr}) for t, (va, tr) in pairs)


def loss_at(errors: list[float], t: int) -> float:
    return 100 * (errors[t - 1] / min(errors[:t]) - 1)


# --- the paper's formulas --------------------------------------------------------------------------------------------


@given(errors, st.sampled_from([0.0, 1.0, 5.0, 50.0]))
def test_gl_is_the_loss_above_the_lowest_in_per_cent(run: list[float], alpha: float) -> None:
    assert verdicts(GeneralizationLoss("loss", alpha=alpha), run) == [
        loss_at(run, t) > alpha for t in range(1, len(run) + 1)
    ]


@given(errors, st.sampled_from([0.0, 0.5, 3.0]), st.integers(2, 4), st.randoms(use_true_random=False))
def test_pq_is_the_loss_over_the_progress_at_the_ends_of_strips(
    validation: list[float], alpha: float, k: int, chance: random.Random
) -> None:
    training = [round(chance.uniform(0.1, 1), 2) for _ in validation]
    said, expected = None, []
    for t in range(1, len(validation) + 1):
        if t % k == 0:
            strip = training[t - k : t]
            progress = 1000 * (math.fsum(strip) / k / min(strip) - 1)
            loss = loss_at(validation, t)
            said = loss / progress > alpha if progress else (True if loss else None)
        expected.append(said)
    assert verdicts(ProgressQuotient("va", "tr", alpha=alpha, strip=k), two(validation, training)) == expected


@given(errors, st.integers(1, 3), st.integers(1, 4))
def test_up_is_s_ends_of_strips_in_a_row_above_the_one_before(run: list[float], s: int, k: int) -> None:
    def up(s: int, t: int) -> bool:  # the paper's recursion
        return s == 0 or (t - k >= k and run[t - 1] > run[t - k - 1] and up(s - 1, t - k))

    said, expected = None, []
    for t in range(1, len(run) + 1):
        if t % k == 0 and t > k:
            said = up(s, t)
        expected.append(said)
    assert verdicts(RisingStrips("loss", rises=s, strip=k), run) == expected


def test_the_numbers_of_a_run_worked_out_by_hand() -> None:
    validation, training = [1.0, 0.5, 0.6, 0.55, 0.75], [0.9, 0.6, 0.5, 0.4, 0.4]
    run = two(validation, training)
    assert last_state(GeneralizationLoss("va", alpha=5), run).loss == pytest.approx(50.0)
    quotient = ProgressQuotient("va", "tr", alpha=0.1)
    assert last_state(quotient, run).quotient == pytest.approx(50 / (1000 * (2.8 / (5 * 0.4) - 1)))
    assert verdicts(quotient, run) == [None] * 4 + [True]
    assert verdicts(ProgressQuotient("va", "tr", alpha=0.2), run)[-1] is False
    assert verdicts(RisingStrips("va", rises=1, strip=2), run) == [None, None, None, True, True]


# --- the experiment of the paper, in small ---------------------------------------------------------------------------


def curve(chance: random.Random, epochs: int = 200) -> History:
    """An error that falls, has local minima, and rises again; the training error only falls."""
    bottom = chance.randint(40, 90)
    validation, training = [], []
    for t in range(1, epochs + 1):
        rise = 0.002 * max(t - bottom, 0)
        validation.append(0.3 + 0.7 * math.exp(-3 * t / bottom) + rise + 0.01 * abs(chance.gauss(0, 1)))
        training.append(0.05 + 0.95 * math.exp(-2 * t / bottom) + 0.005 * abs(chance.gauss(0, 1)))
    return two(validation, training)


def test_slower_criteria_find_better_networks_for_longer_training() -> None:
    chance = random.Random(0)
    curves = [curve(chance) for _ in range(40)]

    def tried(rule: Condition) -> tuple[float, float]:
        """The mean epoch of the stop, and the mean of the best error until then."""
        stops = [first_true(verdicts(rule, run)) for run in curves]
        ends = [len(run) if stop is None else stop + 1 for run, stop in zip(curves, stops, strict=True)]
        best = [float(run["va"][:end].min()) for run, end in zip(curves, ends, strict=True)]
        return sum(ends) / len(ends), sum(best) / len(best)

    series: list[list[Condition]] = [
        [GeneralizationLoss("va", alpha=alpha) for alpha in (1, 2, 3, 5)],
        [ProgressQuotient("va", "tr", alpha=alpha) for alpha in (0.05, 0.1, 0.5)],
        [RisingStrips("va", rises=s) for s in (2, 3, 4)],
    ]
    for rules in series:
        epochs, best = zip(*map(tried, rules), strict=True)
        assert list(epochs) == sorted(epochs)
        assert epochs[0] < epochs[-1]
        assert list(best) == sorted(best, reverse=True)


@given(errors)
def test_a_larger_alpha_or_more_rises_never_stop_earlier(run: list[float]) -> None:
    for weak, strong in [
        (GeneralizationLoss("loss", alpha=1), GeneralizationLoss("loss", alpha=2)),
        (RisingStrips("loss", rises=1, strip=2), RisingStrips("loss", rises=2, strip=2)),
    ]:
        held = zip(verdicts(weak, run), verdicts(strong, run), strict=True)
        assert all(earlier or not later for earlier, later in held)


# --- numbers that are none -------------------------------------------------------------------------------------------


def test_nan_says_nothing_of_a_loss_and_never_is_the_lowest() -> None:
    assert verdicts(GeneralizationLoss("loss", alpha=5), [NAN, 1.0, NAN, 2.0]) == [None, False, None, True]


def test_a_ratio_to_what_is_below_zero_says_nothing_and_to_zero_everything() -> None:
    rule = GeneralizationLoss("loss", alpha=5)
    assert verdicts(rule, [0.0, 0.1, 0.0, -1.0, -0.5]) == [None, True, None, None, None]
    assert verdicts(rule, [INF, 1.0, INF]) == [None, False, True]


@pytest.mark.parametrize("training", [[0.5, NAN], [0.5, -0.1], [INF, INF]])
def test_a_progress_that_is_no_number_gives_no_quotient(training: list[float]) -> None:
    assert verdicts(ProgressQuotient("va", "tr", alpha=0, strip=2), two([1.0, 2.0], training)) == [None, None]


def test_nothing_learned_and_something_lost_is_infinitely_much() -> None:
    rule = ProgressQuotient("va", "tr", alpha=100, strip=2)
    assert verdicts(rule, two([1.0, 2.0, 1.0, 1.0], [0.5] * 4)) == [None, True, True, None]


def test_nan_is_a_rise_and_the_next_is_compared_with_the_last_number() -> None:
    rule = RisingStrips("loss", rises=2, strip=1)
    assert verdicts(rule, [NAN, 1.0, NAN, 1.1, 1.1]) == [None, None, False, True, False]


def test_strips_count_observations_of_what_is_read() -> None:
    run = rows(*((t, name, {f"{name}/x": 1.0 + t}) for t in (1, 2, 3, 4) for name in ("train", "val")))
    assert verdicts(RisingStrips("val/x", rises=1, strip=2), run) == [None] * 7 + [True]
    # The validation error doubles from 2 to 3, so GL is 50 %; the training errors 2 and 3 make P = 250.
    rule = ProgressQuotient("val/x", "train/x", alpha=0.1, strip=2)
    assert verdicts(rule, run) == [None] * 3 + [True] * 5
    assert last_state(rule, run[:4]).quotient == pytest.approx(50 / 250)


# --- words, states and refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GeneralizationLoss("va", alpha=5), "50 % above the lowest, needs > 5 %"),
        (ProgressQuotient("va", "tr", alpha=1, strip=3), "1 of 3 observations of the strip, no quotient yet"),
        (ProgressQuotient("va", "tr", alpha=1, strip=2), "quotient 0.2, needs > 1; 0 of 2 observations of the strip"),
        (RisingStrips("va", rises=3, strip=1), "rose 1 strips in a row, needs 3; 0 of 1 of the next"),
    ],
)
def test_what_is_missing_is_said(rule: Condition, expected: str) -> None:
    run = two([1.0], [0.5]) if "no quotient" in expected else two([1.0, 1.5], [0.6, 0.4])
    assert rule.detail(last_state(rule, run)) == expected


def test_before_the_first_value_nothing_is_said() -> None:
    assert GeneralizationLoss("va", alpha=5).detail(GeneralizationLoss("va", alpha=5).initial()) == "no value yet"


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (GeneralizationLoss("loss", alpha=5), [True, 1.0, 1.0, [1.0]]),
        (GeneralizationLoss("loss", alpha=5), [None, None, NAN, [1.0]]),
        (ProgressQuotient("va", "tr", alpha=5), [True, None, 1.0, 0, [], [1.0], [1.0]]),
        (ProgressQuotient("va", "tr", alpha=5, strip=2), [None, None, 1.0, 0, [1.0, 1.0], [1.0], [1.0]]),
        (ProgressQuotient("va", "tr", alpha=5, strip=2), [None, None, 1.0, 0, [1.0], [1.0], [1.0]]),
        (ProgressQuotient("va", "tr", alpha=5, strip=2), [False, 1.0, 1.0, 2, [1.0, 1.0], [1.0], [1.0]]),
        (RisingStrips("loss", rises=2), [True, 1, 1.0, 0, [1.0]]),
        (RisingStrips("loss", rises=2, strip=3), [False, 1, 1.0, 3, [1.0]]),
        (RisingStrips("loss", rises=2), [False, 0, None, 0, [1.0]]),
    ],
)
def test_a_saved_state_that_cannot_have_come_about_is_refused(rule: Condition, state: Any) -> None:
    with pytest.raises(StateError, match="contradicts itself"):
        rule.decode(state)


@pytest.mark.parametrize(
    ("rule", "args", "kwargs", "message"),
    [
        (GeneralizationLoss, ["loss"], {"alpha": -1}, "alpha must be .* got -1"),
        (GeneralizationLoss, [3], {"alpha": 1}, "error must be the name of a metric or a metric expression"),
        (ProgressQuotient, ["a", None], {"alpha": 1}, "training must be the name of a metric"),
        (ProgressQuotient, ["a", "b"], {"alpha": NAN}, "alpha must be"),
        (ProgressQuotient, ["a", "b"], {"alpha": 1, "strip": 1}, "strip must be .* >= 2, got 1"),
        (RisingStrips, ["a"], {"rises": 0}, "rises must be"),
        (RisingStrips, ["a"], {"rises": 1, "strip": 2.5}, "strip must be"),
    ],
)
def test_other_arguments_are_refused(rule: Any, args: Any, kwargs: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        rule(*args, **kwargs)


def test_any_expression_is_an_error() -> None:
    run = two([1.0, 2.0], [0.5, 0.5])
    assert verdicts(GeneralizationLoss(Metric("va") - Metric("tr"), alpha=100), run) == [False, True]
