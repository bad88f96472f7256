"""Plateau against Ignite's EarlyStopping, written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import INF, NAN, first_true, last_state, rows, run_of, verdicts

from ignite_delayed import EarlyStop, Metric, Plateau


def ignite_stops(
    scores: Sequence[float], *, mode: str, patience: int, threshold: float, threshold_mode: str, cumulative: bool
) -> int | None:
    """Where ignite.handlers.EarlyStopping (0.5.5) would terminate the trainer: its __call__, line by line."""
    best: float | None = None
    counter = 0
    for position, score in enumerate(scores):
        if best is None:
            best = score
            continue
        step = -threshold if mode == "min" else threshold
        bound = best + step if threshold_mode == "abs" else best * (1 + step)
        no_improvement = score <= bound if mode == "max" else score >= bound
        if no_improvement:
            if not cumulative:
                best = max(score, best) if mode == "max" else min(score, best)
            counter += 1
            if counter >= patience:
                return position
        else:
            best = score
            counter = 0
    return None


thresholds = st.one_of(st.just(0.0), st.floats(0, 0.5), st.sampled_from([0.1, 0.25]))
common: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["min", "max"]),
    "patience": st.integers(1, 5),
    "threshold": thresholds,
    "cumulative": st.booleans(),
}
absolute = st.fixed_dictionaries({**common, "threshold_mode": st.just("abs")})
relative = st.fixed_dictionaries({**common, "threshold_mode": st.just("rel")})
finite = st.one_of(st.floats(-3, 3).map(lambda x: round(x, 1)), st.floats(-1e6, 1e6))
positive = st.one_of(st.floats(0.1, 3).map(lambda x: round(x, 1)), st.floats(1e-6, 1e6))
curves = st.lists(finite, min_size=1, max_size=25)


@given(curves, absolute)
@settings(max_examples=300)
def test_stops_where_ignite_stops(scores: list[float], rule: dict[str, Any]) -> None:
    expected = ignite_stops(scores, **rule)
    assert first_true(verdicts(Plateau("loss", **rule), scores)) == expected
    assert first_true(verdicts(EarlyStop("loss", **rule), scores)) == expected


@given(st.lists(positive, min_size=1, max_size=25), relative)
@settings(max_examples=300)
def test_stops_where_ignite_stops_with_relative_thresholds(scores: list[float], rule: dict[str, Any]) -> None:
    expected = ignite_stops(scores, **rule)
    assert first_true(verdicts(Plateau("loss", **rule), scores)) == expected
    assert first_true(verdicts(EarlyStop("loss", **rule), scores)) == expected


@given(curves, st.one_of(absolute, relative))
def test_less_is_to_min_what_more_is_to_max(scores: list[float], rule: dict[str, Any]) -> None:
    mirrored = {**rule, "mode": "max" if rule["mode"] == "min" else "min"}
    negated = [-score for score in scores]
    assert verdicts(Plateau("loss", **rule), scores) == verdicts(Plateau("loss", **mirrored), negated)


quarters = st.integers(-16, 16).map(lambda n: n / 4)  # what follows is exact in binary


@given(st.lists(quarters, min_size=1, max_size=20), st.sampled_from([0.0, 0.25, 0.5]), st.integers(1, 3))
def test_a_relative_threshold_is_a_fraction_of_the_magnitude(scores: list[float], part: float, patience: int) -> None:
    best, counter, expected = -INF, 0, []
    for score in scores:
        step = 0 if math.isinf(best) else part * abs(best)
        counter = 0 if score > best + step else counter + 1
        best = max(best, score)
        expected.append(counter >= patience)
    rule = Plateau("loss", mode="max", patience=patience, threshold=part, threshold_mode="rel")
    assert verdicts(rule, scores) == expected


def test_a_relative_threshold_is_safe_for_negative_scores() -> None:
    # 10 % better than -100 is -90; Ignite's product asks for more than -110 and would call a worse score better.
    rule = Plateau("loss", mode="max", patience=1, threshold=0.1, threshold_mode="rel")
    assert verdicts(rule, [-100, -105]) == [False, True]
    assert verdicts(rule, [-100, -91]) == [False, True]
    assert verdicts(rule, [-100, -89]) == [False, False]
    assert (
        ignite_stops([-100, -105], mode="max", patience=1, threshold=0.1, threshold_mode="rel", cumulative=False)
        is None
    )


def test_what_improves() -> None:
    rule = Plateau("loss", mode="min", patience=1, threshold=0.5)
    assert verdicts(rule, [2.0, 1.5]) == [False, True]  # exactly the threshold is not enough
    assert verdicts(rule, [2.0, 1.25]) == [False, False]


def test_small_steps_add_up_only_if_cumulative() -> None:
    values = [1.0, 0.75, 0.5, 0.25]
    assert verdicts(Plateau("loss", mode="min", patience=2, threshold=0.375), values) == [False, False, True, True]
    rule = Plateau("loss", mode="min", patience=2, threshold=0.375, cumulative=True)
    assert verdicts(rule, values) == [False, False, False, False]


def test_nan_never_improves_never_erases_the_best_and_counts() -> None:
    rule = Plateau("loss", mode="min", patience=2)
    assert verdicts(rule, [NAN, 1.0, NAN, 0.9, NAN, NAN]) == [False, False, False, False, False, True]
    assert verdicts(rule, [1.0, NAN, 2.0]) == [False, False, True]
    assert verdicts(rule, [NAN, NAN, 1.0]) == [False, True, False]


def test_infinities() -> None:
    rule = Plateau("loss", mode="min", patience=1, threshold=0.1, threshold_mode="rel")
    assert verdicts(rule, [INF, 5.0, INF]) == [False, False, True]
    assert verdicts(Plateau("loss", mode="max", patience=1), [INF, INF]) == [False, True]


def test_it_recovers() -> None:
    assert verdicts(Plateau("loss", mode="min", patience=1), [1, 2, 0.5, 0.6]) == [False, True, False, True]


def test_only_observations_of_the_metric_count() -> None:
    run = rows(
        (1, "val", {"val/x": 1.0}),
        (1, "train", {"train/x": 1.0}),
        (2, "train", {"train/x": 1.0}),
        (3, "val", {"val/x": 1.0}),
        (3, "train", {"train/x": 1.0}),
    )
    assert verdicts(Plateau("val/x", mode="min", patience=1), run) == [False, False, False, True, True]
    both = Metric("val/x") + Metric("train/x")
    assert verdicts(Plateau(both, mode="min", patience=1), run) == [None, False, False, False, True]


def test_explain() -> None:
    rule = Plateau("loss", mode="min", patience=3)
    said = [str(rule.explain(last_state(rule, run_of(values)))) for values in ([], [NAN], [0.5, 0.75])]
    assert said == [
        f"{rule!r}: unknown (no value yet)",
        f"{rule!r}: false (1 of 3 without improvement, best none)",
        f"{rule!r}: false (1 of 3 without improvement, best 0.5)",
    ]


@pytest.mark.parametrize("rule", [Plateau, EarlyStop])
def test_which_way_is_better_must_be_said(rule: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=r"^mode must be 'min' or 'max', got '' \(str\)\. Say which way is better"):
        rule("loss", patience=3)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"mode": ""},
        ValueError,
        r"mode must be 'min' or 'max', got '' \(str\)\. Say which way is better: mode='min' for",
    ),
    ({"mode": "minimum"}, ValueError, "mode must be 'min' or 'max', got 'minimum'"),
    ({"mode": None}, TypeError, "mode must be 'min' or 'max', got None"),
    ({"patience": 0}, ValueError, r"patience must be a whole number >= 1, got 0 \(int\)\. It counts the evaluations"),
    ({"patience": -3}, ValueError, "patience must be a whole number >= 1, got -3"),
    ({"patience": 2.5}, ValueError, "patience must be a whole number >= 1, got 2.5"),
    ({"patience": True}, TypeError, "patience must be a whole number >= 1, got True"),
    ({"patience": None}, TypeError, "patience must be a whole number >= 1, got None"),
    ({"threshold": NAN}, ValueError, "threshold must be a finite number >= 0, got nan"),
    ({"threshold": INF}, ValueError, "threshold must be a finite number >= 0, got inf"),
    (
        {"threshold": -0.1},
        ValueError,
        r"threshold must be a finite number >= 0, got -0\.1 .*\. A threshold is how .*; the direction is mode's\.$",
    ),
    ({"threshold": "0.1"}, TypeError, "threshold must be a finite number >= 0, got '0.1'"),
    ({"threshold_mode": "relative"}, ValueError, "threshold_mode must be 'abs' or 'rel', got 'relative'"),
    ({"cumulative": 1}, TypeError, r"cumulative must be True or False, got 1 \(int\)"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
@pytest.mark.parametrize("rule", [Plateau, EarlyStop])
def test_bad_arguments_are_refused(
    rule: Callable[..., object], wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rule("loss", **{"mode": "min", "patience": 3, **wrong})


def test_mode_is_always_asked_for() -> None:
    with pytest.raises(ValueError, match=r"mode='max' for an accuracy\. It is never guessed"):
        Plateau("loss", patience=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="It is never guessed"):
        EarlyStop("val/accuracy", patience=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("metric", [3, None, "", lambda record: 1.0, Metric("loss") < 1])
def test_what_is_monitored_is_a_name_or_an_expression(metric: Any) -> None:
    with pytest.raises(TypeError, match="metric must be the name of a metric or a metric expression, got"):
        Plateau(metric, mode="min", patience=3)
    with pytest.raises(TypeError, match="monitor must be the name of a metric or a metric expression, got"):
        EarlyStop(metric, mode="min", patience=3)
