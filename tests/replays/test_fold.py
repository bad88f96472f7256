"""Replay: what a rule would have done to a past run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    INF,
    NAN,
    early_stops,
    even_epoch,
    first_true,
    last_state,
    rows,
    run_of,
    runs,
    tame,
    trees,
    verdicts,
)

from ignite_delayed import After, Condition, EarlyStop, EarlyStopReplay, History, Metric, Record, Replay, replay
from ignite_delayed.errors import MetricValueError, UnknownMetricError
from ignite_delayed.replays.fold import fold

LOSSES = [0.9, 0.4, 0.3, 0.5, 0.6, 0.2]
LOW = Metric("loss") < 0.5


def stop_of(run: History, **rule: Any) -> EarlyStopReplay:
    done = replay(run, EarlyStop("loss", **{"mode": "min", "patience": 2, **rule}))
    assert isinstance(done, EarlyStopReplay)
    return done


def test_when_a_condition_first_held_and_what_it_said() -> None:
    run = run_of(LOSSES)
    done = replay(run, LOW)
    assert type(done) is Replay
    assert done.verdicts == [False, True, True, False, False, True]
    assert done.first == run[1]
    assert done.held
    assert done.condition == LOW
    assert repr(done) == "<Replay of Metric('loss') < 0.5: first held in epoch 2 (6 records)>"


def test_a_run_that_ended_before_is_censored() -> None:
    done = replay(run_of(LOSSES), After(epochs=6))
    assert (done.first, done.held) == (None, False)
    assert repr(done) == "<Replay of After(epochs=6): never held: censored (6 records)>"


def test_a_function_will_do() -> None:
    assert replay(run_of(LOSSES), even_epoch).verdicts == [False, True] * 3


def test_the_fold_yields_each_state() -> None:
    rule = LOW.sustained(evaluations=2)
    steps = list(fold(rule, run_of(LOSSES)))
    state = rule.initial()
    for record, (after, verdict) in zip(run_of(LOSSES), steps, strict=True):
        state, said = rule.step(state, record)
        assert (after, verdict) == (state, said)


def test_where_training_would_have_stopped_and_what_that_costs() -> None:
    done = stop_of(run_of(LOSSES))
    assert done.stopped_at is not None
    assert done.stopped_at.epoch == 5
    assert done.first is done.stopped_at
    assert (done.best_score, done.best_epoch) == (0.3, 3)
    assert (done.best_there_was, done.best_there_was_epoch) == (0.2, 6)
    assert done.epochs_saved == 1
    assert repr(done).endswith(
        "would have stopped in epoch 5, epochs saved: 1; best 0.3 of epoch 3; best there was 0.2>"
    )


def test_a_rule_that_would_not_have_stopped_is_censored() -> None:
    done = stop_of(run_of(LOSSES), patience=3)
    assert (done.stopped_at, done.held, done.epochs_saved) == (None, False, 0)
    assert (done.best_score, done.best_epoch) == (0.2, 6)
    assert "would not have stopped: censored; best 0.2 of epoch 6; best there was 0.2>" in repr(done)


def test_the_best_there_was_knows_no_thresholds_and_no_delay() -> None:
    done = stop_of(run_of([0.1, 0.9, 0.89, 0.88]), until=After(epochs=1), threshold=0.5, cumulative=True, mode="min")
    assert (done.best_score, done.best_there_was, done.best_there_was_epoch) == (0.9, 0.1, 1)
    assert done.stopped_at == run_of([0.1, 0.9, 0.89, 0.88])[3]
    creeping = stop_of(run_of([0.9, 0.6, 0.7, 0.7]), threshold=0.5, cumulative=True, patience=3)
    assert (creeping.best_score, creeping.best_there_was) == (0.9, 0.6)
    upward = stop_of(run_of([0.1, 0.9, 0.5]), mode="max", patience=1)
    assert (upward.best_score, upward.best_there_was) == (0.9, 0.9)


def test_the_best_of_nothing() -> None:
    for run in (History(), run_of([NAN, NAN])):
        done = stop_of(run, patience=9)
        assert (done.best_score, done.best_epoch, done.best_there_was, done.epochs_saved) == (None, None, None, 0)
        assert "censored; nothing kept>" in repr(done)


def test_infinity_is_a_value() -> None:
    assert stop_of(run_of([INF, 1.0, INF])).best_there_was == 1.0


@given(runs(values=tame))
def test_what_it_would_have_kept_is_the_best_until_the_stop(run: History) -> None:
    if "val/loss" not in run.metrics:
        return
    done = replay(run, EarlyStop("val/loss", mode="min", patience=2))
    assert isinstance(done, EarlyStopReplay)
    values = run["val/loss"].tolist()
    assert done.best_there_was == min(values)
    if done.stopped_at is None:
        assert done.best_score == min(values)
    else:
        position = first_true(done.verdicts)
        assert position is not None
        assert done.best_score == min(run[: position + 1]["val/loss"])
        assert done.epochs_saved == run[-1].epoch - done.stopped_at.epoch


def test_a_part_of_a_run_is_a_run() -> None:
    done = replay(run_of(LOSSES)[3:], LOW)
    assert done.verdicts == [False, False, True]
    assert stop_of(run_of(LOSSES)[:5]).epochs_saved == 0


def test_an_empty_run_says_nothing() -> None:
    assert replay(History(), LOW).verdicts == []


def test_the_clock_alone_is_replayed_too() -> None:
    run = rows((1, "", {"loss": 1.0}), (2, None, {}), (3, "", {"loss": 0.1}))
    assert replay(run, After(epochs=1)).verdicts == [False, True, True]
    assert replay(run, LOW).verdicts == [False, False, True]


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_metric_that_was_not_recorded_is_named() -> None:
    message = r"Metric\('los'\) < 1\.0 reads 'los', which was not recorded; there are: 'loss'\. Did you mean 'loss'\?$"
    with pytest.raises(UnknownMetricError, match=message):
        replay(run_of(LOSSES), Metric("los") < 1)
    with pytest.raises(UnknownMetricError, match=r"which was not recorded; there are: 'loss'\.$"):
        replay(run_of(LOSSES), EarlyStop("zzz", mode="min", patience=1))
    with pytest.raises(UnknownMetricError, match=r"which was not recorded; there are: none\.$"):
        replay(rows((1, None, {})), LOW)


def test_a_metric_that_its_evaluator_left_out_once_is_refused_as_it_is_live() -> None:
    run = rows((1, "val", {"val/x": 1.0, "val/y": 1.0}), (1, "train", {"train/x": 1.0}), (2, "val", {"val/x": 1.0}))
    assert replay(run, Metric("val/x") < 2).verdicts == [True] * 3
    with pytest.raises(UnknownMetricError, match="metric 'val/y' was not reported by evaluator 'val'"):
        replay(run, Metric("val/y") < 2)


def test_learning_rates_may_be_in_any_row() -> None:
    run = rows((1, "val", {"val/x": 1.0, "lr": 0.5}), (2, "train", {"train/x": 1.0}))
    assert replay(run, Metric("lr") < 1).verdicts == [True, True]


def test_nan_raises_where_that_was_asked_for() -> None:
    with pytest.raises(MetricValueError, match="'loss' is NaN in epoch 2"):
        stop_of(run_of([1.0, NAN]), nan="raise")


@pytest.mark.parametrize("history", [[Record(epoch=1, iteration=1)], "run.jsonl", None])
def test_only_a_history_is_replayed(history: Any) -> None:
    with pytest.raises(
        TypeError, match=r"history must be a History, got .* Load a saved one with History.load\(path\)"
    ):
        replay(history, LOW)


def test_only_a_condition_is_replayed() -> None:
    wrong: Any = 50
    with pytest.raises(TypeError, match=r"condition must be a condition, .* Spell the unit: After\(epochs=50\)"):
        replay(run_of(LOSSES), wrong)


@pytest.mark.parametrize("condition", [LOW, LOW.latched(), After(epochs=2)])
def test_a_saved_run_gives_the_same_answer(condition: Condition, tmp_path: Any) -> None:
    run = run_of([0.9, NAN, 0.4, INF])
    again = History.load(run.save(tmp_path / "run.jsonl"))
    assert replay(again, condition).verdicts == replay(run, condition).verdicts == verdicts(condition, run)


@given(early_stops(st.none() | trees), runs(most=14))
def test_what_a_rule_kept_is_what_its_state_remembers(rule: EarlyStop, run: History) -> None:
    if not rule.reads <= set(run.metrics):
        return
    done = replay(run, rule)
    assert isinstance(done, EarlyStopReplay)
    end = first_true(done.verdicts)
    found = rule.found(last_state(rule, run if end is None else run[: end + 1]))
    assert (done.best_score, done.best_epoch) == ((None, None) if found is None else (found.value, found.epoch))
    everything = EarlyStop(rule.monitor, mode=rule.mode, patience=99)
    there = everything.found(last_state(everything, run))
    assert done.best_there_was == (None if there is None else there.value)
    assert done.best_there_was_epoch == (None if there is None else there.epoch)
