"""How often, ever, from-until, one after another; and what unknown does to every condition."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAN, even_epoch, last_state, low_validation, metric_values, rows, run_of, verdicts

from ignite_delayed import (
    After,
    Always,
    Between,
    Condition,
    EarlyStop,
    Finite,
    History,
    Metric,
    Never,
    Plateau,
    Predicate,
    Record,
)
from ignite_delayed.conditions import Holds, Latched, Sustained, Then

LOSS = Metric("loss")
LOW = LOSS < 0.5
curves = st.lists(metric_values, min_size=1, max_size=12)


def low(value: float) -> bool | None:
    return None if math.isnan(value) else value < 0.5


# --- counting --------------------------------------------------------------------------------------------------------


@given(curves, st.integers(1, 4), st.integers(0, 3))
def test_holds_counts_the_last_observations(values: list[float], k: int, more: int) -> None:
    n = k + more
    for i, found in enumerate(verdicts(LOW.holds(at_least=k, of=n), values), start=1):
        last = [low(value) for value in values[max(i - n, 0) : i]]
        could = last.count(True) + last.count(None) + n - len(last)
        assert found is (True if last.count(True) >= k else None if i < n or could >= k else False)


@given(curves, st.integers(1, 4))
def test_sustained_is_holding_at_all_of_them(values: list[float], n: int) -> None:
    found = verdicts(LOW.sustained(evaluations=n), values)
    assert found == verdicts(LOW.holds(at_least=n, of=n), values)
    for i, verdict in enumerate(found, start=1):
        last = [low(value) for value in values[max(i - n, 0) : i]]
        assert (verdict is True) is (len(last) == n and all(last))
        assert (verdict is False) is (len(last) == n and False in last)


def test_sustained_starts_over() -> None:
    values = [0.1, 0.1, 0.9, 0.1, 0.1, 0.1]
    assert verdicts(LOW.sustained(evaluations=3), values) == [None, None, False, False, False, True]


def test_only_observations_of_what_is_read_count() -> None:
    run = rows(
        (1, "val", {"val/x": 0.1, "lr": 0.5}),
        (1, "train", {"train/x": 0.1, "lr": 0.5}),
        (2, "train", {"train/x": 0.1, "lr": 0.5}),
        (2, None, {}),
        (3, "train", {"train/x": 0.1, "lr": 0.5}),
        (3, "val", {"val/x": 0.1, "lr": 0.5}),
    )
    val, train, lr = Metric("val/x") < 1, Metric("train/x") < 1, Metric("lr") < 1
    assert verdicts(val.sustained(evaluations=2), run).index(True) == 5
    assert verdicts(train.sustained(evaluations=2), run).index(True) == 2
    assert verdicts((val & train).sustained(evaluations=2), run).index(True) == 5
    assert verdicts(lr.sustained(evaluations=3), run).index(True) == 4
    assert verdicts(After(epochs=0).sustained(evaluations=3), run).index(True) == 4
    assert verdicts((val & After(epochs=1)).sustained(evaluations=1), run).index(True) == 5


# --- memory ----------------------------------------------------------------------------------------------------------


@given(curves)
def test_latched_has_ever_held(values: list[float]) -> None:
    held = [low(value) for value in values]
    expected = [True if True in held[: i + 1] else verdict for i, verdict in enumerate(held)]
    assert verdicts(LOW.latched(), values) == expected


def automaton(values: list[float]) -> list[bool | None]:
    """Opens below 0, closes above 1, written by hand."""
    is_open, said = False, list[bool | None]()
    for value in values:
        if value > 1:
            is_open = False
        elif value < 0:
            is_open = True
        said.append(None if math.isnan(value) and not is_open else is_open)
    return said


@given(st.lists(st.sampled_from([-0.5, -0.1, 0.0, 0.5, 1.0, 1.1, 2.0, NAN]), min_size=1, max_size=15))
def test_between_is_an_automaton_with_hysteresis(values: list[float]) -> None:
    assert verdicts(Between(LOSS < 0, LOSS > 1), values) == automaton(values)


def test_between_opens_again_and_stop_wins() -> None:
    values = [0.9, 0.4, 0.6, 0.9, 0.6, 0.4]
    assert verdicts(Between(LOW, LOSS > 0.8), values) == [False, True, True, False, False, True]
    assert verdicts(Between(Always(), LOSS > 0.8), values) == [False, True, True, False, True, True]
    assert verdicts(Between(Always(), Always()), values) == [False] * 6
    assert verdicts(Between(After(epochs=1), After(epochs=3)), values) == [False, True, True, False, False, False]


# --- one after another -----------------------------------------------------------------------------------------------


def test_then_counts_from_the_record_at_which_the_first_held() -> None:
    values = [0.9, 0.4, 0.9, 0.9, 0.9]
    none = (None,)
    assert verdicts(LOW.then(After(epochs=2)), values) == [*none, False, False, True, True]
    assert verdicts(LOW.then(After(iterations=2)), values) == [*none, False, False, True, True]
    assert verdicts(LOW.then(After(seconds=2)), values) == [*none, False, False, False, True]
    assert verdicts(LOW.then(After(evaluations=2)), values) == [*none, False, False, True, True]
    run = run_of(values, planned=7)  # six iterations, the one at which it holds among them
    assert verdicts(LOW.then(After(fraction=0.5)), run) == [*none, False, False, False, True]
    assert verdicts(LOW.then(After(fraction=0.49)), run) == [*none, False, False, True, True]


@pytest.mark.parametrize("unit", ["epochs", "iterations", "evaluations"])
def test_what_follows_at_once_counts_as_it_does_alone(unit: str) -> None:
    values, condition = [0.5] * 8, After(**{unit: 5})
    assert verdicts(Always().then(condition), values) == verdicts(condition, values)
    assert verdicts(condition, values).index(True) == 5


def test_a_run_that_was_evaluated_before_its_first_epoch_counts_as_it_does_alone() -> None:
    run = rows(*[(iteration, "", {"loss": 1.0}) for iteration in range(5)])
    for condition in (After(epochs=2), After(iterations=2), After(evaluations=2)):
        assert verdicts(Always().then(condition), run) == verdicts(condition, run)


def test_then_forgets_what_came_before_and_sees_the_record_that_began_it() -> None:
    assert verdicts(LOW.then(LOSS.best("min") < 0), [-1, 0.6, 0.6]) == [True] * 3
    assert verdicts(LOW.then(LOSS.mean(2) > 0), [0.9, 0.4, 0.6]) == [None, None, True]
    assert verdicts((LOSS > 0.8).then(LOW), [0.1, 0.9, 0.1]) == [None, False, True]
    assert verdicts(LOW.then(LOSS > 0.5).then(After(epochs=1)), [0.1, 0.9, 0.9]) == [None, False, True]


def test_then_forgets_what_its_first_iteration_recorded_before() -> None:
    run = rows(
        (1, "a", {"a/x": 1.0, "lr": 0.5}),
        (1, "b", {"b/x": 1.0, "lr": 0.5}),  # here the first holds
        (1, "c", {"c/x": 1.0, "lr": 0.5}),
        (2, "a", {"a/x": 1.0, "lr": 0.5}),
        (2, "c", {"c/x": 1.0, "lr": 0.5}),
    )
    start = Metric("b/x") > 0
    both = Predicate(even_epoch, names=("a/x", "c/x"))
    assert verdicts(start.then(both), run) == [None, None, None, None, True]  # its second epoch
    assert verdicts(start.then(Metric("lr") < 1), run) == [None, True, True, True, True]
    late = start.then((Metric("lr") < 1).sustained(evaluations=2))
    assert verdicts(late, run) == [None, None, None, True, True]
    clocks = start.then(After(epochs=1).sustained(evaluations=2))
    assert verdicts(clocks, run) == [None, None, None, False, False]


def test_then_of_metrics_begins_at_an_evaluation_not_between_two() -> None:
    run = rows((1, "", {"loss": 0.1}), (2, None, {}), (2, "", {"loss": 0.9}), (3, "", {"loss": 0.9}))
    assert verdicts(After(epochs=1).then(LOSS.first() > 0.5), run) == [None, None, True, True]


# --- decided by the clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "units"),
    [
        (Between(After(epochs=2), After(iterations=9)), {"epochs", "iterations"}),
        (After(epochs=2).then(After(seconds=5)), {"epochs", "seconds"}),
        (After(fraction=0.5).latched(), {"fraction"}),
        (After(epochs=2).sustained(evaluations=2), {"epochs", "evaluations"}),
        (After(epochs=2).holds(at_least=1, of=2), {"epochs", "evaluations"}),
        (Always().sustained(evaluations=2), {"evaluations"}),
    ],
)
def test_what_is_made_of_the_clock_alone_is_decided_by_the_clock(condition: Condition, units: set[str]) -> None:
    assert condition.clock_units == frozenset(units)


@pytest.mark.parametrize(
    "condition",
    [
        Between(After(epochs=2), LOW),
        Between(LOW, After(epochs=2)),
        After(epochs=2).then(LOW),
        LOW.then(After(epochs=2)),
        LOW.latched(),
        LOW.sustained(evaluations=2),
        LOW.holds(at_least=1, of=2),
    ],
)
def test_what_reads_a_metric_is_not(condition: Condition) -> None:
    assert condition.clock_units is None


def ticks(*clocks: tuple[int, int, int]) -> History:
    """The clock alone, at (epoch, iteration, evaluations so far)."""
    return History(
        Record(epoch=epoch, iteration=iteration, evaluation=evaluation, source=None)
        for epoch, iteration, evaluation in clocks
    )


EPOCHS = ticks((0, 0, 0), *((epoch, 10 * (epoch - 1), epoch - 1) for epoch in range(1, 8)))


def test_between_two_epochs_is_open_as_both_say() -> None:
    between = Between(After(epochs=2), After(epochs=5))
    assert verdicts(between, EPOCHS) == verdicts(After(epochs=2) & ~After(epochs=5), EPOCHS)


def test_then_at_the_start_of_an_epoch_counts_that_epoch_and_what_comes_next() -> None:
    start = After(epochs=2)
    assert verdicts(start.then(After(epochs=3)), EPOCHS).index(True) == 6
    assert verdicts(start.then(After(iterations=19)), EPOCHS).index(True) == 5
    assert verdicts(start.then(After(iterations=20)), EPOCHS)[:6].count(True) == 0
    assert verdicts(start.then(After(evaluations=2)), EPOCHS).index(True) == 6
    for alone in (After(epochs=3), After(iterations=20), After(evaluations=2)):
        assert verdicts(Always().then(alone), EPOCHS) == verdicts(alone, EPOCHS)


def test_then_at_the_start_of_an_iteration_counts_it() -> None:
    run = ticks((1, 0, 0), *((1, iteration, 0) for iteration in range(1, 9)))
    assert verdicts(After(iterations=2).then(After(iterations=3)), run).index(True) == 6


def test_then_counts_from_an_epoch_or_from_an_iteration_as_the_clock_says_whatever_the_units_of_the_first() -> None:
    first = After(epochs=1) | After(iterations=99)
    run = [
        Record(epoch=1, iteration=4, source=None, evaluation=0, kind="iteration"),
        Record(epoch=2, iteration=4, source=None, evaluation=0, kind="epoch"),
        *(Record(epoch=2, iteration=one, source=None, evaluation=0, kind="iteration") for one in (5, 6, 7)),
    ]
    assert verdicts(first.then(After(iterations=2)), run).index(True) == 4
    assert verdicts(first.then(After(iterations=2)), run[2:]) == [False, False, True]
    assert verdicts(After(epochs=1).then(After(iterations=2)), run[2:]) == [False, False, True]


def test_ticks_fill_no_window_of_evaluations() -> None:
    assert verdicts(After(epochs=1).sustained(evaluations=1), EPOCHS) == [None] * 8


TRAINED = [
    Record(epoch=1, iteration=2, evaluation=0, source="train", values={"train/loss": 0.5}, kind="training"),
    Record(epoch=2, iteration=4, evaluation=0, source="train", values={"train/loss": 0.4}, kind="training"),
    Record(epoch=2, iteration=4, evaluation=1, source="val", values={"val/loss": 0.4}),
    Record(epoch=3, iteration=6, evaluation=1, source="train", values={"train/loss": 0.3}, kind="training"),
    Record(epoch=4, iteration=8, evaluation=2, source="val", values={"val/loss": 0.3}),
    Record(epoch=4, iteration=8, evaluation=2, source="train", values={"train/loss": 0.3}, kind="training"),
]


def test_the_trainers_own_metrics_beside_evaluators_fill_no_window_of_evaluations() -> None:
    run = History(TRAINED)
    assert verdicts(Always().sustained(evaluations=2), run) == [None] * 4 + [True, True]
    assert verdicts(After(evaluations=1), run) == [False] * 4 + [True, True]


def test_what_follows_a_metric_of_the_trainer_counts_from_the_next_evaluation() -> None:
    after = (Metric("train/loss") < 0.45).then(After(evaluations=1))
    assert verdicts(after, History(TRAINED)) == [None, False, False, False, True, True]
    assert verdicts(after, History(TRAINED[:1] + TRAINED[2:])) == [None, None, False, False, False]


# --- what unknown does -----------------------------------------------------------------------------------------------

T, F, U = True, False, None

# Condition: its verdict at a record of somebody else, after NaN, after 0.25 and NaN, after NaN and 0.25.
UNKNOWN: list[tuple[Condition, list[bool | None]]] = [
    (LOW, [U, U, U, T]),
    (LOSS >= 0.5, [U, U, U, F]),
    (~LOW, [U, U, U, F]),
    (LOSS.mean(2) < 1, [U, U, U, U]),
    (LOSS.best("min") < 1, [U, U, T, T]),
    (Finite("loss"), [U, F, F, T]),
    (LOW & Always(), [U, U, U, T]),
    (LOW & Never(), [F, F, F, F]),
    (LOW | Always(), [T, T, T, T]),
    (LOW | Never(), [U, U, U, T]),
    (Always(), [T, T, T, T]),
    (Never(), [F, F, F, F]),
    (After(epochs=0), [T, T, T, T]),
    (After(epochs=9), [F, F, F, F]),
    (After(fraction=0.5), [U, U, U, U]),
    (LOW.sustained(evaluations=1), [U, U, U, T]),
    (LOW.sustained(evaluations=2), [U, U, U, U]),
    ((LOSS < 0).sustained(evaluations=2), [U, U, F, F]),
    (LOW.holds(at_least=1, of=2), [U, U, T, T]),
    (LOW.holds(at_least=2, of=2), [U, U, U, U]),
    ((LOSS < 0).holds(at_least=1, of=2), [U, U, U, U]),
    (LOW.latched(), [U, U, T, T]),
    (Between(LOW, LOSS > 0.8), [U, U, T, T]),
    (Between(LOW, Always()), [U, U, U, F]),
    (LOW.then(LOW), [U, U, U, T]),
    (LOW.then(Finite("loss")), [U, U, F, T]),
    (Plateau("loss", mode="min", patience=1), [U, T, T, F]),
    (Plateau("loss", mode="min", patience=2), [U, F, F, F]),
    (EarlyStop("loss", mode="min", patience=1), [U, T, T, F]),
    (EarlyStop("loss", mode="min", patience=9, nan="stop"), [U, T, T, T]),
    (EarlyStop("loss", mode="min", patience=1, until=Never()), [U, F, F, F]),
    (EarlyStop("loss", mode="min", patience=1, until=LOW), [U, F, T, F]),
    (EarlyStop("loss", mode="min", patience=1, until=LOW, while_closed="count"), [U, F, T, F]),
    (Predicate(even_epoch), [F, F, T, T]),  # asked at every record
    (Predicate(low_validation, names=("val/loss",)), [U, U, U, U]),
]


@pytest.mark.parametrize(("condition", "expected"), UNKNOWN, ids=[repr(condition) for condition, _ in UNKNOWN])
def test_what_unknown_does_to_a_condition(condition: Condition, expected: list[bool | None]) -> None:
    runs: list[History] = [
        rows((1, "other", {"other/x": 1.0})),
        run_of([NAN]),
        run_of([0.25, NAN]),
        run_of([NAN, 0.25]),
    ]
    assert condition.initial()[0] is None
    assert [verdicts(condition, run)[-1] for run in runs] == expected


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "values", "text"),
    [
        (LOW.sustained(evaluations=3), [0.9, 0.1, 0.1], "false (held 2 in a row, needs 3)"),
        (LOW.sustained(evaluations=4), [0.9, 0.1, 0.9, 0.1], "false (held 1 in a row, needs 4)"),
        (LOW.sustained(evaluations=4), [NAN, 0.1, NAN, 0.1], "unknown (held 1 in a row, needs 4)"),
        (LOW.sustained(evaluations=3), [], "unknown (held 0 in a row, needs 3)"),
        (
            LOW.holds(at_least=2, of=3),
            [0.9, 0.1, NAN],
            "unknown (held at 1 of the last 3 observations, needs 2 of 3; unknown at 1)",
        ),
        (LOW.holds(at_least=2, of=3), [0.9, 0.1, 0.1], "true (held at 2 of the last 3 observations, needs 2 of 3)"),
        (LOW.holds(at_least=3, of=3), [0.9, 0.1, 0.1], "false (held at 2 of the last 3 observations, needs 3)"),
        (Between(LOW, LOSS > 0.8), [0.1], "true (open until the second holds)"),
        (Between(LOW, LOSS > 0.8), [0.9], "false (closed until the first holds)"),
        (LOW.then(After(epochs=1)), [0.9], "unknown (the first has not held yet)"),
        (LOW.then(After(epochs=1)), [0.9, 0.1], "false (the first held in epoch 2)"),
    ],
)
def test_explain(condition: Condition, values: list[float], text: str) -> None:
    first = str(condition.explain(last_state(condition, run_of(values, length=10)))).split("\n")[0]
    assert first == f"{condition!r}: {text}"


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Latched(3), TypeError, "^condition must be a condition, or a function of one record, got 3"),  # type: ignore[arg-type]
    (lambda: Sustained(3, evaluations=2), TypeError, "^condition must be a condition"),  # type: ignore[arg-type]
    (lambda: Holds(3, at_least=1, of=2), TypeError, "^condition must be a condition"),  # type: ignore[arg-type]
    (lambda: LOW.sustained(evaluations=0), ValueError, "evaluations must be a whole number >= 1, got 0"),
    (lambda: LOW.sustained(evaluations=2.5), ValueError, "evaluations must be a whole number >= 1, got 2.5"),  # type: ignore[arg-type]
    (lambda: LOW.sustained(3), TypeError, r"Write \.sustained\(evaluations=3\)"),  # type: ignore[call-arg]
    (
        lambda: LOW.holds(at_least=4, of=3),
        ValueError,
        r"at_least must be <= of=3, got 4 \(int\)\. It can hold no more often than it is looked at\.$",
    ),
    (lambda: LOW.holds(at_least=0, of=3), ValueError, "at_least must be a whole number >= 1, got 0"),
    (lambda: LOW.holds(at_least=1, of=0), ValueError, "of must be a whole number >= 1, got 0"),
    (lambda: Sustained(LOSS, evaluations=1), TypeError, r"condition must be .* compare it, for example Metric\('loss"),  # type: ignore[arg-type]
    (lambda: Holds(0.5, at_least=1, of=1), TypeError, r"condition must be .* as in Metric\('loss'\) < 0\.5"),  # type: ignore[arg-type]
    (lambda: Between(LOW, "loss"), TypeError, r"stop must be a condition.* Compare the metric: Metric\('loss'\) < 0"),  # type: ignore[arg-type]
    (lambda: Between(None, LOW), TypeError, r"start must be a condition, or a function of one record, got None"),  # type: ignore[arg-type]
    (lambda: LOW.then(50), TypeError, r"second must be a condition.* Spell the unit: After\(epochs=50\)"),  # type: ignore[arg-type]
    (lambda: Then(5, LOW), TypeError, r"first must be a condition"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_arguments_are_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
