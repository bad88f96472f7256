"""Records: values as floats, the clock, and the context of one iteration."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import NAN, rows, runs

from ignite_delayed import History, Record, UnknownMetricError
from ignite_delayed.history.record import Clock


def at(iteration: int = 1, **values: float) -> Record:
    return Record(epoch=1, iteration=iteration, values=values)


@pytest.mark.parametrize(
    "value",
    [1, 1.0, True, np.float32(1), np.int64(1), np.bool_(True), torch.tensor(1), torch.tensor([1.0]), np.ones(1)],
)
def test_values_become_floats(value: Any) -> None:
    assert type(at(x=value)["x"]) is float
    assert at(x=value)["x"] == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_may_be_no_numbers(value: float) -> None:
    assert repr(at(x=value)["x"]) == repr(value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("0.5", "It is of type str, not a number"),
        (1j, r"It is the complex number 1j; report its real part"),
        (np.complex128(1j), "It is the complex number"),
        (torch.ones(2), r"It has 2 elements \(shape \(2,\)\); report one number, for example its mean"),
        (np.ones((2, 3)), "It has 6 elements"),
        ([1.0], "It is of type list"),
        (10**400, "is too large for a float"),
    ],
)
def test_other_values_are_refused(value: Any, why: str) -> None:
    with pytest.raises(
        TypeError, match=rf"the value of 'x' must be a number, got .*\({type(value).__name__}\)\..*{why}"
    ):
        at(x=value)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"epoch": -1}, ValueError, "epoch must be a whole number >= 0, got -1"),
    ({"iteration": 1.5}, ValueError, "iteration must be a whole number >= 0, got 1.5"),
    ({"evaluation": "1"}, TypeError, "evaluation must be a whole number >= 0, got '1'"),
    ({"seconds": NAN}, ValueError, "seconds must be a finite number >= 0, got nan"),
    ({"seconds": -1}, ValueError, "seconds must be a finite number >= 0, got -1"),
    ({"planned": -1}, ValueError, "planned must be a whole number >= 0, got -1"),
    ({"source": 3}, TypeError, "source must be the name of an evaluator or None, got 3"),
    ({"values": {3: 1.0}}, TypeError, "a metric's name must be a non-empty string, got 3"),
    ({"values": {"": 1.0}}, ValueError, "a metric's name must be a non-empty string, got ''"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_arguments_are_refused(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Record(**{"epoch": 1, "iteration": 1, **wrong})


def test_the_values_given_are_not_kept() -> None:
    values = {"loss": 1.0}
    record = Record(epoch=1, iteration=1, values=values)
    values["loss"] = 2.0
    assert record["loss"] == 1.0


def test_equality() -> None:
    assert at(x=1) == at(x=1.0)
    assert at(x=NAN) == at(x=math.nan)
    assert at(x=NAN) != at(x=1)
    assert at(x=1) != at(x=NAN)
    assert at(x=1) != at(y=1)
    assert at(x=1) != at(x=1, y=1)
    assert at(1) != at(2)
    assert at(1) != Record(epoch=1, iteration=1, planned=5)
    assert at(1) != Record(epoch=1, iteration=1, source=None)
    assert at(1) != "record"
    assert hash(at(x=NAN)) == hash(at(x=NAN))
    assert len({hash(Record(epoch=epoch, iteration=epoch)) for epoch in range(9)}) == 9


def test_repr() -> None:
    assert repr(at(loss=0.5)) == "Record(epoch=1, iteration=1, evaluation=1, seconds=0.0, values={'loss': 0.5})"
    record = Record(epoch=1, iteration=2, evaluation=3, seconds=4, planned=5, source="val", values={"val/x": 1})
    assert eval(repr(record)) == record
    tick = Record(epoch=1, iteration=2, source=None)
    assert eval(repr(tick)) == tick
    assert tick.is_tick
    assert not record.is_tick


# --- context ---------------------------------------------------------------------------------------------------------


def test_an_iteration_shares_what_was_seen() -> None:
    run = rows(
        (1, "train", {"train/x": 1.0, "lr": 0.5}),
        (1, "val", {"val/x": 2.0, "lr": 0.5}),
        (1, None, {}),
        (1, "test", {"test/x": 3.0, "lr": 0.5}),
        (2, None, {}),
        (2, "val", {"val/x": 4.0, "lr": 0.5}),
    )
    assert [sorted(record.fresh) for record in run] == [
        ["lr", "train/x"],
        ["val/x"],
        [],
        ["test/x"],
        [],
        ["lr", "val/x"],
    ]
    assert [len(record.seen) for record in run] == [2, 3, 3, 4, 0, 2]
    assert [record.first for record in run] == [True, False, False, False, False, True]
    assert run[3]["train/x"] == 1.0
    assert "train/x" in run[3]
    assert "train/x" not in run[5]
    assert run[3].values == {"test/x": 3.0, "lr": 0.5}


@given(runs())
def test_the_context_is_all_of_the_iteration_so_far(run: History) -> None:
    records = list(run)
    for i, record in enumerate(records):
        before = [earlier for earlier in records[:i] if earlier.iteration == record.iteration]
        names = {name for earlier in before for name in earlier.values}
        assert record.seen.keys() == names | record.values.keys()
        assert record.fresh == {name: record.values[name] for name in record.values if name not in names} or any(
            value != value for value in record.fresh.values()
        )
        counted = [one.source is not None and one.kind is None for one in (*before, record)]
        assert record.first is (counted[-1] and not any(counted[:-1]))
        assert record.evaluated is any(counted)
        assert repr(run[i]) == repr(record)
        assert (run[i].seen.keys(), run[i].first) == (record.seen.keys(), record.first)


@pytest.mark.parametrize(("kind", "source"), [("epoch", ""), ("iteration", "val"), ("training", None)])
def test_a_kind_that_does_not_fit_the_source_is_refused(kind: Any, source: str | None) -> None:
    with pytest.raises(ValueError, match=f"kind must be one that fits source={source!r}, got '{kind}'"):
        Record(epoch=1, iteration=1, source=source, kind=kind)


def test_records_of_different_kinds_differ() -> None:
    one, other = (Record(epoch=1, iteration=1, source=None, kind=kind) for kind in ("epoch", "iteration"))
    assert one != other
    assert eval(repr(one)) == one


def test_a_record_on_the_clock_of_another_beginning() -> None:
    record = Record(epoch=5, iteration=50, evaluation=6, seconds=9, planned=100, source="val", values={"val/x": 1})
    since = record.since(Clock(4, 40, 5, 7.0), 0, False)
    assert since.clock == (1, 10, 2, 2.0)
    assert (since.planned, since.source, since.values) == (60, "val", {"val/x": 1.0})
    assert record.clock == (5, 50, 6, 9.0)
    assert Record(epoch=1, iteration=9, planned=3).since(Clock(0, 5, 0, 0.0), 0, False).planned == 0


def test_the_clock_is_a_named_tuple() -> None:
    clock = Record(epoch=5, iteration=50, evaluation=6, seconds=9, values={"loss": 1}).clock
    assert clock == Clock(epoch=5, iteration=50, evaluation=6, seconds=9.0) == (5, 50, 6, 9.0)
    assert json.dumps(clock) == "[5, 50, 6, 9.0]"


def test_what_was_recorded_before_at_the_iteration_that_began_it_is_not_seen() -> None:
    first, second, later = rows((1, "train", {"a": 1.0}), (1, "val", {"b": 2.0}), (2, "val", {"b": 3.0}))
    began = second.since(second.clock, 1, True)
    assert (began.seen, began.fresh, began.first) == ({"b": 2.0}, {"b": 2.0}, True)
    assert (began.epoch, began.iteration, began.evaluation, began.seconds) == (0, 0, 1, 0.0)
    assert (second.since(first.clock, 0, False).seen, second.fresh) == ({"a": 1.0, "b": 2.0}, {"b": 2.0})
    assert later.since(second.clock, 1, False).seen == {"b": 3.0}


# --- metrics that are not there --------------------------------------------------------------------------------------


def test_a_missing_metric_is_named_with_what_is_there() -> None:
    with pytest.raises(
        UnknownMetricError,
        match=r"metric 'acuracy' was not reported by the evaluator; metrics that are there: 'accuracy', 'loss'\. "
        r"Did you mean 'accuracy'\?",
    ):
        at(loss=1, accuracy=1)["acuracy"]
    with pytest.raises(UnknownMetricError, match="was not reported by evaluator 'val'; metrics"):
        Record(epoch=1, iteration=1, source="val", values={"val/loss": 1.0})["val/accuracy"]
    with pytest.raises(UnknownMetricError, match=r"none at all\. Attach it to that evaluator, or compute it before"):
        at()["loss"]
