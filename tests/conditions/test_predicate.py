"""Functions as conditions."""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import even_epoch, low_validation, rows, run_of, verdicts

from ignite_delayed import After, MetricValueError, Predicate, Record, UnknownMetricError


class Threshold:
    def __init__(self, bound: float) -> None:
        self.bound = bound

    def __call__(self, record: Record) -> bool:
        return record["loss"] < self.bound

    def below(self, record: Record) -> bool:
        return record["loss"] < self.bound


def below(bound: float, record: Record) -> bool:
    return record["loss"] < bound


def numpy_true(record: Record) -> Any:
    return np.bool_(True)


def rest(*args: Any) -> bool:
    return len(args) == 1


@pytest.mark.parametrize(
    "fn",
    [
        lambda record: record["loss"] < 0.5,
        lambda record, bound=0.5: record["loss"] < bound,
        functools.partial(below, 0.5),
        Threshold(0.5),
        Threshold(0.5).below,
    ],
)
def test_any_function_of_one_record_will_do(fn: Callable[[Record], bool]) -> None:
    assert verdicts(Predicate(fn), [0.9, 0.4]) == [False, True]
    assert verdicts(After(epochs=1) & fn, [0.1, 0.4]) == [False, True]
    assert verdicts(fn | After(epochs=1), [0.1, 0.9]) == [True, True]


def test_answers() -> None:
    assert verdicts(Predicate(rest), [1.0]) == [True]
    assert verdicts(Predicate(numpy_true), [1.0]) == [True]
    assert verdicts(Predicate(lambda record: None), [1.0]) == [None]


@pytest.mark.parametrize("answer", [1, 0.0, "yes", [], np.array([True, False])])
def test_an_answer_that_is_no_verdict_is_an_error(answer: Any) -> None:
    with pytest.raises(
        MetricValueError,
        match=r"predicate <function .*> must answer True, False or None, got " + re.escape(repr(answer)),
    ):
        verdicts(Predicate(lambda record: answer), [1.0])


def test_without_names_it_is_asked_at_every_record_of_an_evaluator() -> None:
    run = rows((1, "a", {"a/x": 1.0}), (2, None, {}), (2, "b", {"b/x": 1.0}))
    assert verdicts(Predicate(even_epoch), run) == [False, False, True]


def test_with_names_it_is_asked_when_all_were_recorded_at_one_iteration() -> None:
    asked = []

    def ask(record: Record) -> bool:
        asked.append((record["a/x"], record["b/x"]))
        return True

    run = rows((1, "a", {"a/x": 1.0}), (2, "b", {"b/x": 2.0}), (2, "a", {"a/x": 3.0}), (2, "c", {"c/x": 4.0}))
    condition = Predicate(ask, names=["a/x", "b/x"])
    assert verdicts(condition, run) == [None, None, True, True]
    assert asked == [(3.0, 2.0)]
    assert condition.reads == {"a/x", "b/x"}


def test_a_metric_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownMetricError, match=r"metric 'accuracy' was not reported by the evaluator; .*: 'loss'\."):
        verdicts(Predicate(lambda record: record["accuracy"] > 0.5), run_of([1.0]))


def test_it_is_a_value_by_its_function() -> None:
    condition = Predicate(low_validation, names=["val/loss"])
    assert condition == Predicate(low_validation, names=("val/loss",)) != Predicate(low_validation)
    assert repr(condition) == "Predicate(low_validation, names=('val/loss',))"
    assert pickle.loads(pickle.dumps(condition)) == condition
    assert repr(Predicate(Threshold(1))) == "Predicate(<Threshold>)"
    assert "0x" not in repr(Predicate(functools.partial(below, 1)))


async def coroutine(record: Record) -> bool:
    return True


class Awaited:
    async def __call__(self, record: Record) -> bool:
        return True


BAD: list[tuple[Any, str]] = [
    (
        coroutine,
        (
            r"^fn must be a plain function, got <function coroutine .* \(function\). A coroutine function answers a "
            "coroutine, which is always true.$"
        ),
    ),
    (Awaited(), "fn must be a plain function, got .* which is always true"),
    (functools.partial(coroutine), "fn must be a plain function"),
    (
        lambda: True,
        r"^fn must be a function of one record, got <function <lambda> .* Its signature is \(\)\. A predicate is",
    ),
    (
        lambda engine: True,
        (
            r"^fn must be a function of one record, got <function <lambda> .* Its argument is called 'engine'. .* the "
            "engine is not passed"
        ),
    ),
    (lambda evaluator: True, "Its argument is called 'evaluator'"),
    (lambda trainer: True, "Its argument is called 'trainer'"),
    (lambda engine, event: True, r"Its signature is \(engine, event\)"),
    (lambda record, *, bound: True, r"Its signature is \(record, \*, bound\)"),
    (Threshold, "fn must be a function of one record, got <class"),
    (0.5, r"fn must be a function of one record, got 0\.5 \(float\)\. A predicate is"),
    (None, "fn must be a function of one record, got None"),
]


@pytest.mark.parametrize(("fn", "message"), BAD)
def test_bad_functions_are_refused(fn: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Predicate(fn)


def test_bad_names_are_refused() -> None:
    with pytest.raises(TypeError, match=r"names must be a collection .* got 'loss' \(str\)\. Write names=\('loss',\)"):
        Predicate(even_epoch, names="loss")
    with pytest.raises(TypeError, match=r"an entry of names must be a non-empty string, got 3 \(int\)"):
        Predicate(even_epoch, names=[3])  # type: ignore[list-item]
