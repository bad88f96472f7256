"""Histories as states."""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, contexts, rows, run_of, runs, several

from ignite_delayed import History, StateError
from ignite_delayed.history.packing import unpack


def loaded(state: Any) -> History:
    history = History()
    history.load_state_dict(state)
    return history


def restored(state: Any) -> Any:
    """``state`` after a checkpoint that unpickles safely."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@given(runs())
def test_the_state_survives_checkpoints_and_json(run: History) -> None:
    state = run.state_dict()
    assert restored(state) == json.loads(json.dumps(state, allow_nan=False)) == state
    for again in (loaded(restored(state)), loaded(json.loads(json.dumps(state)))):
        assert again == run
        assert contexts(again) == contexts(run)
        assert again.metrics == run.metrics


@given(runs(), st.integers(0, 30))
def test_a_loaded_history_goes_on_in_its_iteration(run: History, cut: int) -> None:
    whole = list(run)
    again = loaded(History(whole[:cut]).state_dict())
    for record in whole[cut:]:
        again._take(record)  # adds to what the last record had seen
    assert contexts(again) == contexts(run)
    last = again._table.last  # noqa: SLF001
    assert repr(last and last.seen) == repr(whole[-1].seen if whole else None)


def test_many_evaluators_at_one_iteration() -> None:
    run = rows(*[(1, f"s{i}", {f"s{i}/x": float(i)}) for i in range(12)])
    last = loaded(run.state_dict())._table.last  # noqa: SLF001
    assert last is not None
    assert last.seen == run[-1].seen
    assert len(last.seen) == 12


def test_marks_are_in_the_state() -> None:
    assert loaded(restored(several().state_dict())) == several()


def test_the_state_of_a_view_is_its_part() -> None:
    part = several()[3:]
    assert loaded(part.state_dict()) == part


def test_loading_replaces() -> None:
    history = run_of([1.0, 2.0])
    view = history[:]
    history.load_state_dict(several().state_dict())
    assert history == several()
    assert view == run_of([1.0, 2.0])


def damaged(**changes: Any) -> dict[str, Any]:
    return {**several().state_dict(), **changes}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in several().state_dict().items() if name != key}


STATE = several().state_dict()
DAMAGED: list[tuple[Any, str]] = [
    (None, "expected a dict of version 2, got None .NoneType.: it is no saved state"),
    ({}, "expected version 2, got None"),
    (damaged(version=3), "expected version 2, got 3"),
    *((without(key), f"KeyError '{key}': it is truncated") for key in STATE if key != "version"),
    (damaged(rows=5), "columns of .* entries for 5 rows"),
    (damaged(rows="6"), "rows must be a whole number >= 0, got '6'"),
    (damaged(dropped=-1), "dropped must be a whole number >= 0, got -1"),
    (damaged(dropped=3), "the rows of 'train/loss' do not fit its values"),
    (damaged(which="not base64!"), "which must be base64 text of 8-byte numbers, got 'not base64!'"),
    (damaged(which=STATE["which"] + "!"), "which must be base64 text of 8-byte numbers"),
    (damaged(which="AAAA"), "which must be base64 text of 8-byte numbers"),
    (damaged(which=3), "which must be base64 text"),
    (damaged(sources=["train"]), "1 sources, and rows of others"),
    (damaged(sources=[1, 2, 3]), r"sources must be names, got \[1, 2, 3\]"),
    (damaged(kinds=["training"]), "1 kinds of 3 sources"),
    (damaged(kinds=["epoch", None, None]), "kind must be one that fits source='train'"),
    (damaged(kinds=[None, None, "age"]), "kind must be one of 'epoch', 'iteration', 'training', got 'age'"),
    (damaged(kinds=3), "it is truncated or no history"),
    (damaged(clock={}), "KeyError 'epoch'"),
    (damaged(clock={**STATE["clock"], "epoch": ""}), r"columns of \[0, 6\] entries for 6 rows"),
    (damaged(metrics={"x": ["", STATE["metrics"]["lr"][1]]}), "the rows of 'x' do not fit its values"),
    (damaged(clock={**STATE["clock"], "epoch": "x"}), "epoch must be base64 text of 8-byte numbers, got 'x'"),
    (damaged(metrics={"x": ["y", STATE["metrics"]["lr"][1]]}), "x must be base64 text of 8-byte numbers, got 'y'"),
    (damaged(metrics={"x": [STATE["metrics"]["lr"][0], "y"]}), "x must be base64 text of 8-byte numbers, got 'y'"),
    (damaged(metrics={"": STATE["metrics"]["lr"]}), "ValueError a metric's name must be a non-empty string, got ''"),
    (damaged(dropped=2**63 - 1), r"ValueError dropped \+ rows must be a whole number >= 0"),
    (damaged(metrics={"x": 3}), "it is truncated or no history"),
    (damaged(marks=[["opened"]]), "it is truncated or no history"),
    (damaged(marks=[["opened", "gate", 1, 1, "1", 1.0, ""]]), r"evaluation of a mark is '1' \(str\)"),
    (damaged(marks=[["opened", "gate", 1, 1, 1, -1.0, ""]]), "seconds of a mark must be a finite number >= 0, got -1"),
    (damaged(marks=[["opened", "gate", 1, 1, 1, 1.0, "", "more"]]), "it is truncated or no history"),
]


@pytest.mark.parametrize(("state", "message"), DAMAGED)
def test_a_damaged_state_is_refused_and_changes_nothing(state: Any, message: str) -> None:
    history = run_of([1.0, 2.0])
    with pytest.raises(StateError, match=f"history state: .*{message}"):
        history.load_state_dict(state)
    assert history == run_of([1.0, 2.0])


@pytest.mark.parametrize(("unit", "value"), [("iteration", -3), ("seconds", NAN), ("seconds", INF)])
def test_a_clock_that_cannot_be_is_refused(unit: str, value: Any) -> None:
    history = run_of([1.0])
    history._table.clock[unit][0] = value  # noqa: SLF001
    with pytest.raises(StateError, match=f"history state: {unit} is negative or no number"):
        loaded(history.state_dict())


@pytest.mark.parametrize("row", [-1, 2])
def test_a_value_of_no_row_is_refused(row: int) -> None:
    history = run_of([1.0, 2.0])
    history._table.columns["loss"].rows[-1 if row > 0 else 0] = row  # noqa: SLF001
    with pytest.raises(StateError, match="history state: the rows of 'loss' do not fit its values"):
        loaded(history.state_dict())


def test_states_are_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    state = run_of([1.0]).state_dict()
    other = {"little": "big", "big": "little"}[sys.byteorder]
    monkeypatch.setattr(sys, "byteorder", other)
    swapped = run_of([1.0]).state_dict()["metrics"]["loss"][1]
    assert base64.b64decode(swapped) == base64.b64decode(state["metrics"]["loss"][1])[::-1]
    assert loaded(run_of([1.0]).state_dict()) == run_of([1.0])


def test_a_table_and_marks_are_unpacked() -> None:
    table, marks = unpack(several().state_dict())
    assert [table.row(row, None) for row in range(table.end)] == list(several())
    assert marks == several().marks
