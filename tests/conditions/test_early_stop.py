"""The rule of delayed early stopping against references written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import NAN, first_true, last_state, rows, run_of, verdicts

from ignite_delayed import After, EarlyStop, Metric, MetricValueError, Never, Predicate, Record
from ignite_delayed.conditions import Condition

LOSS = Metric("loss")

curves = st.lists(st.integers(-12, 12).map(lambda n: n / 4), min_size=1, max_size=25)  # exact in binary
rules: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["min", "max"]),
    "patience": st.integers(1, 4),
    "threshold": st.sampled_from([0.0, 0.25, 0.5]),
    "cumulative": st.booleans(),
}


class Reference:
    """Best value and patience, once more: one observation at a time, what counts is said by the caller."""

    def __init__(self, mode: str, patience: int, threshold: float, cumulative: bool) -> None:
        self.sign = 1 if mode == "max" else -1
        self.patience, self.threshold, self.cumulative = patience, threshold, cumulative
        self.best: float | None = None
        self.counter = 0

    def see(self, value: float, *, counting: bool = True) -> None:
        score = self.sign * value
        if self.best is None or score > self.best + self.threshold:
            self.best, self.counter = score, 0
        else:
            if not self.cumulative:
                self.best = max(self.best, score)
            self.counter += counting

    @property
    def lost(self) -> bool:
        return self.counter >= self.patience


def ignore(values: list[float], delay: int, **rule: Any) -> int | None:
    reference = Reference(**rule)
    for epoch, value in enumerate(values, start=1):
        if epoch > delay:
            reference.see(value)
            if reference.lost:
                return epoch
    return None


def track(values: list[float], delay: int, **rule: Any) -> int | None:
    reference = Reference(**rule)
    for epoch, value in enumerate(values, start=1):
        reference.see(value, counting=epoch > delay)
        if reference.lost:
            return epoch
    return None


def count(values: list[float], delay: int, **rule: Any) -> int | None:
    reference = Reference(**rule)
    for epoch, value in enumerate(values, start=1):
        reference.see(value)
        if epoch > delay and reference.lost:
            return epoch
    return None


def keras(values: list[float], start_from_epoch: int, mode: str, patience: int, threshold: float) -> int | None:
    """``keras.callbacks.EarlyStopping.on_epoch_end``, as documented; the epoch, counted from 0, at which it stops.

    "start_from_epoch: Number of epochs to wait before starting to monitor improvement"; ``min_delta`` is the least
    change that "qualifies as an improvement"; an epoch without one adds to ``wait``.
    """
    best, wait = None, 0
    for epoch, current in enumerate(values):
        if epoch < start_from_epoch:
            continue
        wait += 1
        gained = 0.0 if best is None else (current - best if mode == "max" else best - current)
        if best is None or gained > threshold:
            best, wait = current, 0
            continue
        if wait >= patience and epoch > 0:
            return epoch
    return None


def stopped(condition: Condition, values: list[float]) -> int | None:
    """The epoch, counted from 1, at which ``condition`` first holds."""
    position = first_true(verdicts(condition, values))
    return None if position is None else position + 1


@pytest.mark.parametrize("reference", [ignore, track, count])
@given(values=curves, delay=st.integers(0, 12), rule=st.fixed_dictionaries(rules))
@settings(max_examples=200)
def test_each_meaning_of_the_delay(
    reference: Callable[..., int | None], values: list[float], delay: int, rule: dict[str, Any]
) -> None:
    meaning: Any = reference.__name__
    condition = EarlyStop("loss", until=After(epochs=delay), while_closed=meaning, **rule)
    assert stopped(condition, values) == reference(values, delay, **rule)


@given(curves, st.integers(0, 12), st.fixed_dictionaries(rules))
@settings(max_examples=200)
def test_ignore_is_the_start_from_epoch_of_keras(values: list[float], delay: int, rule: dict[str, Any]) -> None:
    # Keras counts epochs from 0 and moves its best value by improvements alone: start_from_epoch=n skips the epochs
    # 0 to n - 1, which the trainer's clock calls 1 to n, and so does After(epochs=n); Keras stops one number earlier.
    rule["cumulative"] = True
    condition = EarlyStop("loss", until=After(epochs=delay), while_closed="ignore", **rule)
    position = keras(values, delay, rule["mode"], rule["patience"], rule["threshold"])
    assert stopped(condition, values) == (None if position is None else position + 1)


@given(curves, st.fixed_dictionaries(rules))
def test_without_a_delay_the_three_meanings_are_one(values: list[float], rule: dict[str, Any]) -> None:
    said = [
        verdicts(EarlyStop("loss", until=until, while_closed=meaning, **rule), values)
        for meaning in ("ignore", "track", "count")
        for until in (None, After(epochs=0))
    ]
    assert said == [said[0]] * 6


def test_the_three_meanings_on_one_curve() -> None:
    values = [0.2, 0.5, 0.6, 0.7, 0.65, 0.64, 0.66]
    rule: dict[str, Any] = {"mode": "min", "patience": 2, "until": After(epochs=3)}
    assert stopped(EarlyStop("loss", **rule), values) is None  # 0.7, 0.65, 0.64: better and better
    assert stopped(EarlyStop("loss", while_closed="track", **rule), values) == 5
    assert stopped(EarlyStop("loss", while_closed="count", **rule), values) == 4


def test_the_observation_that_opens_is_seen() -> None:
    rule = EarlyStop("loss", mode="min", patience=1, until=LOSS < 0.5)
    assert verdicts(rule, [0.1, 0.2]) == [False, True]
    assert verdicts(rule, [0.9, 0.4, 0.5]) == [False, False, True]
    assert rule.best(last_state(rule, run_of([0.9, 0.4, 0.5]))) == 0.4


def test_once_open_it_stays_open() -> None:
    rule = EarlyStop("loss", mode="min", patience=2, until=LOSS < 0.5)
    assert verdicts(rule, [0.4, 0.9, 0.9]) == [False, False, True]


def test_an_evaluator_that_reports_later_may_open_it_and_stop() -> None:
    rule = EarlyStop("val/x", mode="min", patience=1, until=Metric("train/x") < 1, while_closed="count")
    run = rows((1, "val", {"val/x": 1.0}), (2, "val", {"val/x": 1.0}), (2, "train", {"train/x": 0.0}))
    assert verdicts(rule, run) == [False, False, True]


def test_rows_of_others_do_not_count() -> None:
    run = rows(*[(i, source, {f"{source}/x": 1.0}) for i in (1, 2) for source in ("val", "train")])
    assert verdicts(EarlyStop("val/x", mode="min", patience=1), run) == [False, False, True, True]
    both = 0.5 * Metric("val/x") + 0.5 * Metric("train/x")
    assert verdicts(EarlyStop(both, mode="min", patience=1), run) == [None, False, False, True]


def test_windows_of_the_monitor_fill_while_closed() -> None:
    rule = EarlyStop(LOSS.mean(3), mode="min", patience=1, until=After(epochs=2))
    assert verdicts(rule, [0.3, 0.3, 0.3, 0.6]) == [None, None, False, True]
    assert rule.best(last_state(rule, run_of([0.3, 0.3, 0.3]))) == pytest.approx(0.3)


# --- NaN -------------------------------------------------------------------------------------------------------------


def test_nan_counts_by_default() -> None:
    rule = EarlyStop("loss", mode="min", patience=2)
    assert verdicts(rule, [1.0, NAN, 0.9, NAN, NAN]) == [False, False, False, False, True]
    assert rule.best(last_state(rule, run_of([1.0, NAN]))) == 1.0


def test_nan_may_stop_at_once() -> None:
    rule = EarlyStop("loss", mode="min", patience=9, nan="stop")
    assert verdicts(rule, [1.0, NAN, 0.5]) == [False, True, True]
    late = EarlyStop("loss", mode="min", patience=9, nan="stop", until=After(epochs=2), while_closed="count")
    assert verdicts(late, [NAN, 1.0, 1.0, NAN]) == [False, False, False, True]
    assert "loss is NaN; best 1 in epoch 2" in late.reason(last_state(late, run_of([NAN, 1.0, 1.0, NAN])))


def test_nan_may_raise_when_it_is_seen() -> None:
    rule = EarlyStop("loss", mode="min", patience=9, nan="raise", until=After(epochs=2))
    assert verdicts(rule, [NAN, NAN, 1.0]) == [False, False, False]  # "ignore" does not look while closed
    with pytest.raises(MetricValueError, match="'loss' is NaN in epoch 3 and nan='raise' was asked for"):
        verdicts(rule, [1.0, 1.0, NAN])
    with pytest.raises(MetricValueError, match="is NaN in epoch 1"):
        verdicts(EarlyStop("loss", mode="min", patience=9, nan="raise", until=Never(), while_closed="track"), [NAN])


# --- what it knows ---------------------------------------------------------------------------------------------------


def test_what_the_state_tells() -> None:
    rule = EarlyStop("loss", mode="min", patience=2, until=After(epochs=1), threshold=0.25)
    state = last_state(rule, run_of([9.0, 1.0, 0.9, 1.1], length=10))
    assert rule.opened(state) == (2, 20, 2, 2.0)
    assert (rule.best(state), rule.best_epoch(state), rule.counter(state)) == (0.9, 3, 2)
    assert rule.reason(state) == (
        "loss did not improve by more than 0.25 for 2 evaluations in a row (patience 2); "
        "best 0.9 in epoch 3, iteration 30; After(epochs=1) open since epoch 2"
    )
    empty = rule.initial()
    assert (rule.opened(empty), rule.best(empty), rule.best_epoch(empty), rule.counter(empty)) == (None, None, None, 0)


def test_reasons() -> None:
    rule = EarlyStop(LOSS * 2, mode="max", patience=1, threshold=0.5, threshold_mode="rel")
    assert rule.reason(last_state(rule, run_of([1.0, 1.0]))) == (
        "Metric('loss') * 2.0 did not improve by more than 0.5 (relative) for 1 evaluation in a row (patience 1); "
        "best 2 in epoch 1, iteration 1"
    )
    nothing = EarlyStop("loss", mode="max", patience=1)
    assert nothing.reason(last_state(nothing, run_of([NAN]))) == (
        "loss did not improve for 1 evaluation in a row (patience 1); no best value"
    )


def test_explain() -> None:
    rule = EarlyStop("loss", mode="min", patience=3, until=After(epochs=2))
    assert str(rule.explain(rule.initial())).split("\n") == [
        f"{rule!r}: unknown (closed, ignore; 0 of 3 without improvement, no best value yet)",
        "└─ After(epochs=2): unknown (nothing seen yet)",
    ]
    assert str(rule.explain(last_state(rule, run_of([1, 1, 0.5, 0.75], length=10)))).split("\n") == [
        f"{rule!r}: false (1 of 3 without improvement, best 0.5 in epoch 3)",
        "└─ After(epochs=2): true (epoch 3, needs > 2)",
    ]
    plain = EarlyStop("loss", mode="min", patience=3)
    assert str(plain.explain(plain.initial())) == (
        f"{plain!r}: unknown (0 of 3 without improvement, no best value yet)"
    )
    by_nan = EarlyStop("loss", mode="min", patience=3, nan="stop")
    assert str(by_nan.explain(last_state(by_nan, run_of([NAN])))).endswith("true ('loss' is NaN)")


def test_repr_leaves_defaults_out() -> None:
    assert repr(EarlyStop("loss", mode="min", patience=5)) == "EarlyStop('loss', mode='min', patience=5)"
    rule = EarlyStop("loss", mode="min", patience=5, until=After(epochs=2), while_closed="track", nan="stop")
    assert repr(rule) == (
        "EarlyStop('loss', mode='min', patience=5, until=After(epochs=2), while_closed='track', nan='stop')"
    )


def even(record: Record) -> bool:
    return record.epoch % 2 == 0


def test_a_function_may_be_the_delay() -> None:
    assert EarlyStop("loss", mode="min", patience=1, until=even).until == Predicate(even)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"while_closed": "freeze"}, ValueError, "while_closed must be one of 'ignore', 'track', 'count', got 'freeze'"),
    ({"while_closed": "counts"}, ValueError, r"got 'counts' \(str\)\. Did you mean 'count'\?"),
    ({"while_closed": None}, TypeError, "while_closed must be one of"),
    ({"nan": "ignore"}, ValueError, "nan must be one of 'count', 'stop', 'raise', got 'ignore'"),
    ({"until": 50}, TypeError, r"until must be a condition, .* got 50 \(int\)\. Spell the unit: After\(epochs=50\)"),
    ({"until": "loss"}, TypeError, r"until must be .* Compare the metric: Metric\('loss'\) < 0\.5"),
    ({"until": LOSS}, TypeError, r"until must be .* compare it, for example Metric\('loss'\) < 0\.5"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_arguments_are_refused(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        EarlyStop("loss", mode="min", patience=3, **wrong)
