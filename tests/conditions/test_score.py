"""A function of a record as a number to monitor."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from engines import inf, loop, nan

from ignite_delayed import EarlyStop, MetricValueError, Record, Recorder, Score, delay_early_stopping, replay


def balanced(record: Record) -> float:
    return min(record["a"], record["b"])


SCORE = Score(balanced, names=("a", "b"))


def values(score: Score, *records: dict[str, float]) -> list[Any]:
    """What the score is after each of ``records``, one an iteration."""
    state, seen = score.initial(), []
    for number, metrics in enumerate(records, start=1):
        state = score.advance(state, Record(epoch=number, iteration=number, values=metrics))
        seen.append(state[0])
    return seen


def test_it_is_the_function_of_the_last_record_with_all_that_it_reads() -> None:
    assert values(SCORE, {"a": 1.0}, {"a": 3.0, "b": 2.0}, {"b": 5.0}, {"a": 4.0, "b": 9.0}) == [None, 2.0, 2.0, 4.0]


def test_nan_and_infinity_are_told() -> None:
    seen = values(SCORE, {"a": inf, "b": inf}, {"a": nan, "b": 1.0})
    assert seen[0] == inf
    assert seen[1] != seen[1]


def test_it_stands_where_a_metric_does() -> None:
    assert repr(SCORE - 1 > 0.5) == "Score(balanced, names=('a', 'b')) - 1.0 > 0.5"
    assert repr(SCORE.mean(3)) == "Score(balanced, names=('a', 'b')).mean(3)"
    assert pickle.loads(pickle.dumps(SCORE)) == SCORE


def test_early_stopping_monitors_it_live_and_in_replay() -> None:
    trainer, evaluator = loop(a=[0.1, 0.5, 0.6, 0.7, 0.8, 0.9], b=[0.9, 0.4, 0.3, 0.2, 0.1, 0.0])
    stopper = delay_early_stopping(Recorder(trainer, evaluator), SCORE, mode="max", patience=2)
    trainer.run([0], max_epochs=6)
    assert (trainer.state.epoch, stopper.best_score) == (4, 0.4)
    found = replay(stopper.recorder.history, EarlyStop(SCORE, mode="max", patience=2)).first
    assert found is not None
    assert found.epoch == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, ("a",)), TypeError, "fn must be a function of one record, got 3"),
        ((lambda engine: 1.0, ("a",)), TypeError, "Its argument is called 'engine'"),
        ((balanced, "a"), TypeError, r"names must be a collection of metric names, got 'a'.*names=\('a',\)"),
        ((balanced, ()), ValueError, "names must be at least one metric's name"),
        ((balanced, (3,)), TypeError, "an entry of names must be a non-empty string, got 3"),
    ],
)
def test_bad_arguments(arguments: tuple[Any, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Score(*arguments)


def test_an_answer_that_is_no_number_is_refused_with_the_function() -> None:
    with pytest.raises(MetricValueError, match=r"score .* must answer a number, got 'high' \(str\): it is of type str"):
        values(Score(lambda record: "high", names=("a",)), {"a": 1.0})  # type: ignore[arg-type, return-value]
