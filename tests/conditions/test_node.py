"""Trees of conditions: what they read, and states read back."""

from __future__ import annotations

from typing import Any

import pytest
from strategies import NAN, last_state, low_validation, run_of, through_json

from ignite_delayed import After, Between, Condition, EarlyStop, Metric, Plateau, Predicate, StateError

LOSS = Metric("loss")
LOW = LOSS < 0.5


def test_what_is_read_is_known() -> None:
    condition = (Metric("a") - Metric("b") > 0) & Predicate(low_validation, names=["c"]) | After(epochs=1)
    assert condition.reads == {"a", "b", "c"}
    assert After(epochs=1).reads == frozenset()


def test_states_of_equal_rules_are_interchangeable() -> None:
    state = last_state(LOW.sustained(evaluations=3), run_of([0.1, 0.1]))
    again = LOW.sustained(evaluations=3)
    resumed = again.decode(through_json(state))
    assert again.step(resumed, run_of([0.1] * 3)[2])[1] is True


SUSTAINED, HOLDS, WINDOW = LOW.sustained(evaluations=2), LOW.holds(at_least=1, of=2), LOSS.mean(2) > 0
PLATEAU = Plateau("loss", mode="min", patience=2)
STOP = EarlyStop("loss", mode="min", patience=2, until=After(epochs=1))
THEN = LOW.then(After(epochs=1))

LOW_STATE = [True, [0.25], [0.5]]
AFTER_STATE = [False, 1, 1]

DAMAGED: list[tuple[Condition, Any, str]] = [
    (LOW, None, r"the state of Metric\('loss'\) < 0\.5 must be a list of 3 entries, got NoneType"),
    (LOW, "tuv", "must be a list of 3 entries, got str"),
    (LOW, {"verdict": True}, "must be a list of 3 entries, got dict"),
    (LOW, [True], "must be a list of 3 entries, got list"),
    (LOW, [*LOW_STATE, 1], "must be a list of 3 entries, got list"),
    (LOW, [1, [0.25], [0.5]], r"in the state of .*: expected true, false or null, got 1 \(int\)"),
    (LOW, [True, ["0.25"], [0.5]], r"in the state of Metric\('loss'\): expected a number or null, got '0.25'"),
    (LOW, [True, [True], [0.5]], "expected a number or null, got True"),
    (LOW, [True, [10**400], [0.5]], "expected a number or null, got 1000"),
    (LOW, [True, [0.25], [0.7]], r"the state of 0\.5 contradicts itself: \(0\.7,\)"),
    (SUSTAINED, [True, "tx", LOW_STATE], "expected a string of 't', 'f' and 'u', got 'tx'"),
    (SUSTAINED, [True, ["t", "t"], LOW_STATE], "expected a string of 't', 'f' and 'u'"),
    (SUSTAINED, [True, "ttt", LOW_STATE], r"contradicts itself: \(True, 'ttt'\)"),
    (SUSTAINED, [True, "tf", LOW_STATE], r"contradicts itself: \(True, 'tf'\)"),
    (SUSTAINED, [None, "tt", LOW_STATE], "contradicts itself"),
    (HOLDS, [False, "t", LOW_STATE], "contradicts itself"),
    (WINDOW, [True, [1.0, [1.0, 1.0, 1.0], [1.0]], [0.0]], r"the state of Metric\('loss'\)\.mean\(2\) contradicts"),
    (WINDOW, [True, [None, [1.0, 1.0], [1.0]], [0.0]], "contradicts itself"),
    (WINDOW, [True, [1.0, [1.0], [1.0]], [0.0]], "contradicts itself"),
    (WINDOW, [True, [1.0, [1.0, None], [1.0]], [0.0]], "expected a list of numbers, got"),
    (WINDOW, [True, [1.0, 1.0, [1.0]], [0.0]], "expected a list of numbers, got 1.0"),
    (LOSS.change(1) > 0, [True, [1.0, [1.0], [1.0]], [0.0]], "contradicts itself"),
    (LOSS.ema(0.5) > 0, [True, [NAN, [1.0]], [0.0]], "contradicts itself"),
    (LOSS.best("min") > 0, [True, [NAN, [1.0]], [0.0]], "contradicts itself"),
    (PLATEAU, [False, 1.0, -1, [1.0]], "expected .* or a whole number >= 0, got -1"),
    (PLATEAU, [False, 1.0, 1.0, [1.0]], r"expected .* or a whole number >= 0, got 1\.0"),
    (PLATEAU, [False, 1.0, 2, [1.0]], "contradicts itself"),
    (PLATEAU, [True, 1.0, 1, [1.0]], "contradicts itself"),
    (PLATEAU, [False, NAN, 1, [1.0]], "contradicts itself"),
    (STOP, [True, None, 1.0, [1, 1, 1, 1.0], 2, False, [1.0], AFTER_STATE], "contradicts itself"),
    (STOP, [False, None, 1.0, None, 0, False, [1.0], AFTER_STATE], "contradicts itself"),
    (STOP, [False, None, None, None, 0, True, [1.0], AFTER_STATE], "contradicts itself"),
    (STOP, [False, [1, 1, 1], None, None, 0, False, [1.0], AFTER_STATE], "expected epoch, iteration, evaluation, sec"),
    (STOP, [False, [1, 1, 1, NAN], None, None, 0, False, [1.0], AFTER_STATE], "expected epoch, iteration, eval"),
    (STOP, [False, [1, -1, 1, 1.0], None, None, 0, False, [1.0], AFTER_STATE], "expected epoch, iteration, eval"),
    (STOP, [False, None, None, None, 0, "no", [1.0], AFTER_STATE], "expected true or false, got 'no'"),
    (THEN, [True, None, 0, LOW_STATE, AFTER_STATE], "contradicts itself"),
    (THEN, [None, None, 2, LOW_STATE, AFTER_STATE], "contradicts itself"),
    (Between(LOW, LOW), [True, LOW_STATE, [True]], "must be a list of 3 entries"),
]


@pytest.mark.parametrize(("condition", "raw", "message"), DAMAGED)
def test_a_damaged_state_is_refused(condition: Condition, raw: Any, message: str) -> None:
    with pytest.raises(StateError, match=message):
        condition.decode(raw)


@pytest.mark.parametrize("condition", sorted({condition for condition, _, _ in DAMAGED}, key=repr), ids=repr)
def test_the_states_that_come_about_are_taken(condition: Condition) -> None:
    state = condition.initial()
    assert condition.decode(through_json(state)) == state
    for record in run_of([0.9, 0.1, 0.1, 0.2, 0.3]):
        state, _ = condition.step(state, record)
        assert condition.decode(through_json(state)) == state
        assert condition.decode(state) == state
