"""The twin of the fold says at every record what the fold says."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    NAN,
    clock_memories,
    early_stops,
    even_epoch,
    expressions,
    rows,
    run_of,
    runs,
    seen_values,
    trees,
    verdicts,
)

from ignite_delayed import After, Always, Condition, EarlyStop, Finite, History, Metric, Record, Replay, replay
from ignite_delayed.conditions import Expression, State, as_condition
from ignite_delayed.conditions.explanation import Explanation
from ignite_delayed.replays.columns import has_twin, part_columns, value, verdict_column, whole
from ignite_delayed.replays.fold import fold

SAID = {1: True, -1: False, 0: None}
many = settings(max_examples=150)


def columns(condition: Condition, run: History) -> list[bool | None]:
    return [SAID[said] for said in verdict_column(condition, run).tolist()]


@many
@given(trees.filter(has_twin), runs(most=14))
def test_any_tree_over_any_run(condition: Condition, run: History) -> None:
    assert columns(condition, run) == verdicts(condition, run)


@given(trees.filter(has_twin), runs(most=14), st.integers(0, 6), st.integers(6, 40))
def test_a_view_sees_what_came_before_it_at_its_first_iteration(
    condition: Condition, run: History, start: int, stop: int
) -> None:
    view = run[start:stop]
    assert columns(condition, view) == (verdicts(condition, view) if len(view) else [])


@many
@given(clock_memories, runs(most=14))
def test_what_the_clock_alone_decides(condition: Condition, run: History) -> None:
    assert columns(condition, run) == verdicts(condition, run)


def listed(explained: Explanation) -> list[bool | None]:
    return [explained.verdict, *(said for part in explained.parts for said in listed(part))]


def check_parts(condition: Condition, run: History) -> None:
    found = part_columns(condition.explain(condition.initial()), run)
    assert found is not None
    expected = [listed(condition.explain(state)) for state, _ in fold(condition, run)]
    assert [[SAID[column[place]] for column in found] for place in range(len(run))] == expected


@many
@given(trees.filter(has_twin), runs(most=14))
def test_what_each_part_says(condition: Condition, run: History) -> None:
    if part_columns(condition.explain(condition.initial()), run) is not None:
        check_parts(condition, run)


@given(early_stops(st.none() | trees).filter(has_twin), runs(most=14))
def test_what_a_delay_says_until_it_is_over(rule: EarlyStop, run: History) -> None:
    if part_columns(rule.explain(rule.initial()), run) is not None:
        check_parts(rule | ~rule, run)


def test_which_parts_are_told_without_the_fold() -> None:
    run = drawn()
    below = Metric("val/x") < 0.5
    inner = After(epochs=2) & (below.sustained(evaluations=2) | ~below.latched())
    check_parts(EarlyStop("val/x", mode="min", patience=2, until=inner), run)
    check_parts(Always() & below, rows((1, None, {}), (2, None, {}), (3, "val", {"val/x": 0.4}), (4, None, {})))
    for condition in (below.then(After(epochs=2)), below & as_condition("it", even_epoch)):
        assert part_columns(condition.explain(condition.initial()), run) is None


@given(trees, trees, runs(most=14))
def test_what_follows_another_begins_anew(first: Condition, second: Condition, run: History) -> None:
    condition = first.then(second)
    if has_twin(condition):
        assert columns(condition, run) == verdicts(condition, run)


@many
@given(expressions, runs(most=14))
def test_any_expression_to_the_last_bit(expression: Expression, run: History) -> None:
    with np.errstate(all="ignore"):
        numbers = value(expression, whole(run.columns()))
    found = [None if place < numbers.start else x for place, x in enumerate(numbers.values.tolist())]
    assert list(map(repr, found)) == list(map(repr, seen_values(expression, run)))


@given(st.lists(st.floats(allow_nan=False), min_size=4, max_size=9), st.sampled_from(["mean", "std", "slope"]))
def test_sums_that_cancel_or_overflow_are_rounded_as_the_fold_rounds_them(values: list[float], name: str) -> None:
    expression = getattr(Metric("loss"), name)(4)
    with np.errstate(all="ignore"):
        numbers = value(expression, whole(run_of(values).columns()))
    assert list(map(repr, numbers.values[3:].tolist())) == list(map(repr, seen_values(expression, values)[3:]))


def test_a_metric_that_two_evaluators_report_is_observed_once_an_iteration() -> None:
    both = [(t, name, {f"{name}/x": float(t), "lr": 1.0 / t}) for t in (1, 2, 3) for name in ("train", "val")]
    run = rows(*both)
    for rule in (
        (Metric("lr") < 0.6).sustained(evaluations=2),
        (Metric("train/x") > 1).then((Metric("lr") < 0.6).sustained(evaluations=2)),
        (Metric("val/x") > 1).then(Metric("lr") + Metric("val/x") > 0),
    ):
        assert columns(rule, run) == verdicts(rule, run)


def test_what_was_dropped_is_not_missed() -> None:
    run = History((Record(epoch=t, iteration=t, values={"loss": t % 7}) for t in range(1, 40)), keep=10)
    rule = (Metric("loss").mean(3) < 3).sustained(evaluations=2)
    assert columns(rule, run) == verdicts(rule, run)


def test_a_history_can_grow_while_its_columns_are_there() -> None:
    run = run_of([1.0, 2.0])
    seen = run.columns()
    run.append(Record(epoch=3, iteration=3, values={"loss": 3.0}))
    assert seen.fresh("loss")[1].tolist() == [1.0, 2.0]
    assert len(seen) == 2


# --- what has no twin ------------------------------------------------------------------------------------------------


class Odd(Condition):
    """A condition of a user's own."""

    __slots__ = ()

    def __init__(self) -> None:
        self._set_parts()

    def advance(self, state: State, record: Record) -> State:
        return (record.epoch % 2 == 1,)


class OwnFinite(Finite):
    """A class derived from one that has a twin may say something else."""

    __slots__ = ()

    def advance(self, state: State, record: Record) -> State:
        return True, *super().advance(state, record)[1:]


@pytest.mark.parametrize("condition", [Odd(), Odd() & After(epochs=1), OwnFinite("loss"), ~OwnFinite("loss")])
def test_a_class_of_a_users_own_is_folded(condition: Condition) -> None:
    run = run_of([1.0, NAN, 3.0])
    assert not has_twin(condition)
    assert replay(run, condition).verdicts == verdicts(condition, run)


def test_a_function_is_folded_wherever_it_stands() -> None:
    run = run_of([3.0, 2.0, 2.5, 2.5])
    rule = EarlyStop("loss", mode="min", patience=2, until=even_epoch)
    assert not has_twin(rule)
    assert replay(run, rule).verdicts == verdicts(rule, run) == [False, False, False, True]


@given(trees, runs(most=10))
def test_replay_is_the_same_by_columns_and_by_fold(condition: Condition, run: History) -> None:
    if condition.reads <= set(run.metrics):
        done: Replay = replay(run, condition)
        assert done.verdicts == verdicts(condition, run)
        assert all(said is None or type(said) is bool for said in done.verdicts)


# --- the corners that random trees seldom reach ----------------------------------------------------------------------

CHANCE = random.Random(14)


def drawn(length: int = 25) -> History:
    """Two evaluators in turn, one or both at an iteration, now and then the clock alone; some values are NaN."""
    entries: list[tuple[int, str | None, dict[str, float]]] = []
    for t in range(1, length + 1):
        order: list[str | None] = CHANCE.sample(["train", "val", None], CHANCE.randint(1, 3))
        for name in order:
            x = NAN if CHANCE.random() < 0.1 else round(CHANCE.uniform(0, 1), 1)
            entries.append((t, name, {} if name is None else {f"{name}/x": x, "lr": round(1 / t, 2)}))
    return rows(*entries)


RUNS = [drawn() for _ in range(6)]


@pytest.mark.parametrize("while_closed", ["ignore", "track", "count"])
@pytest.mark.parametrize("nan", ["count", "stop"])
@pytest.mark.parametrize("until", [None, After(epochs=6), Metric("train/x") < 0.2, Metric("val/x") < 0.2])
def test_every_way_to_wait_and_to_stop(while_closed: Any, nan: Any, until: Condition | None) -> None:
    for mode, patience, threshold, cumulative in product(["min", "max"], [2, 5], [0.0, 0.3], [False, True]):
        counting: Any = {"mode": mode, "patience": patience, "threshold": threshold, "cumulative": cumulative}
        rule = EarlyStop("val/x", until=until, while_closed=while_closed, nan=nan, **counting)
        relative = EarlyStop("val/x", until=until, nan=nan, threshold_mode="rel", **counting)
        for run in RUNS:
            assert columns(rule, run) == verdicts(rule, run)
            assert columns(relative, run) == verdicts(relative, run)


@pytest.mark.parametrize("first", [Metric("val/x") < 0.5, After(epochs=3), (Metric("lr") < 0.3).latched()])
@pytest.mark.parametrize(
    "second",
    [
        After(epochs=2),
        After(iterations=4),
        After(evaluations=3),
        After(seconds=2.5),
        (Metric("lr") < 0.2).sustained(evaluations=2),
        Metric("val/x").mean(3) < 0.5,
        Metric("val/x") - Metric("train/x") > 0,
        After(epochs=2).then(After(epochs=2)),
    ],
)
def test_every_clock_begins_anew_after_another_held(first: Condition, second: Condition) -> None:
    for run in RUNS:
        for view in (run, run[3:], run[5:30]):
            assert columns(first.then(second), view) == verdicts(first.then(second), view)


@pytest.mark.parametrize("reads", [("lr",), ("val/x",), ("train/x", "val/x"), ("lr", "val/x")])
def test_views_begin_at_any_record(reads: tuple[str, ...]) -> None:
    rule = sum(map(Metric, reads[1:]), 0 * Metric(reads[0])) >= 0
    for run in RUNS:
        for start in range(12):
            assert columns(rule.sustained(evaluations=2), run[start:]) == verdicts(
                rule.sustained(evaluations=2), run[start:]
            )


def test_a_sum_halfway_between_two_numbers_is_rounded_once() -> None:
    halfway = [1.0, 2.0**-53, 2.0**-106, 0.0]
    expression = Metric("loss").mean(4)
    numbers = value(expression, whole(run_of(halfway).columns()))
    assert numbers.values[-1] == seen_values(expression, halfway)[-1] == (1 + 2.0**-52) / 4
