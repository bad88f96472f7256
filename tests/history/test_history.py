"""Histories: columns, views, files, states, tables."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, NAN, rows, run_of, runs

from ignite_delayed import History, HistoryError, Mark, Record, StateError, UnknownMetricError
from ignite_delayed._utils.extras import require_extra

SEVERAL = [
    (1, "train", {"train/loss": 0.9, "lr": 0.1}),
    (1, "val", {"val/loss": NAN, "lr": 0.1}),
    (2, None, {}),
    (2, "train", {"train/loss": -INF, "lr": 0.2}),
    (3, "train", {"train/loss": 0.1 + 0.2, "lr": 0.2}),
    (3, "val", {"val/loss": 5e-324, "lr": 0.2}),
]


def several() -> History:
    history = rows(*SEVERAL)
    history.mark("opened", "gate", history[1], "Metric('val/loss') < 0.5")
    history.mark("stopped", "stopper", history[5], "naïve — «why»")
    return history


def contexts(history: History) -> list[str]:
    """Each record with what it saw of its iteration."""
    return [f"{record!r} {record.seen} {list(record.fresh)} {record.first}" for record in history]


# --- a sequence ------------------------------------------------------------------------------------------------------


@given(runs())
def test_what_was_put_in_comes_out(run: History) -> None:
    again = History(run)
    assert list(again) == list(run)
    assert [again[i] for i in range(len(again))] == list(run)
    assert [again[i] for i in range(-len(again), 0)] == list(run)
    assert contexts(again) == contexts(run)


def test_positions() -> None:
    history = several()
    assert len(history) == 6
    assert history[-1].epoch == 3
    assert history[np.int64(2)].is_tick
    for position in (6, -7):
        with pytest.raises(IndexError):
            history[position]
    wrong: list[Any] = [True, 1.0, None, (1, 2)]
    for key in wrong:
        expected = re.escape(f"key must be a position, a slice or a metric's name, got {key!r}")
        with pytest.raises(TypeError, match=expected):
            history[key]


def test_a_record_is_not_changed_by_what_comes_later() -> None:
    history = run_of([1.0])
    record = history[0]
    history.append(Record(epoch=2, iteration=2, values={"loss": 2.0, "new": 1.0}))
    assert record == run_of([1.0])[0]


def test_only_records_are_taken() -> None:
    wrong: Any = [{"loss": 1.0}]
    with pytest.raises(TypeError, match=r"records must be an iterable of Record, got \{'loss': 1\.0\} \(dict\)"):
        History(wrong)
    history = run_of([1.0])
    with pytest.raises(TypeError, match="record must be a Record, got 3"):
        history.append(3)  # type: ignore[arg-type]
    assert len(history) == 1


def test_equality_is_of_records_and_marks() -> None:
    assert several() == several()
    assert several() != rows(*SEVERAL)
    assert several() != several()[:5]
    assert rows(*SEVERAL) != rows(*SEVERAL[:5])
    assert run_of([NAN]) == run_of([NAN])
    assert run_of([NAN]) != run_of([1.0])
    assert History() == History()
    assert History() != []


def test_repr() -> None:
    assert repr(History()) == "<History: no records>"
    assert repr(several()) == "<History: 6 records, epochs 1 to 3, train/loss, lr, val/loss>"
    assert repr(rows((4, None, {}))) == "<History: 1 records, epochs 4 to 4, no metrics>"


def test_copies_stand_alone() -> None:
    history = several()
    for again in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert again == history
        again.append(Record(epoch=9, iteration=9))
        assert len(history) == 6


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_have_the_clock_of_their_observations() -> None:
    history = several()
    assert history.metrics == ["train/loss", "lr", "val/loss"]
    assert history.sources == ["train", "val"]
    assert history["lr"].tolist() == [0.1, 0.1, 0.2, 0.2, 0.2]
    assert history.clock("epoch", of="lr").tolist() == [1, 1, 2, 3, 3]
    assert history.clock("epoch", of="val/loss").tolist() == [1, 3]
    assert history.clock("iteration").tolist() == [1, 1, 2, 2, 3, 3]
    assert history.clock("seconds", of="train/loss").tolist() == [1.0, 2.0, 3.0]
    assert history["lr"].dtype == history.clock("epoch").dtype == np.float64


def test_an_unknown_length_of_the_run_is_nan() -> None:
    history = History(Record(epoch=1, iteration=i, planned=planned) for i, planned in enumerate([None, 7, 0]))
    assert repr(history.clock("planned").tolist()) == "[nan, 7.0, 0.0]"
    assert [record.planned for record in history] == [None, 7, 0]


def test_the_arrays_are_the_caller_s() -> None:
    history = run_of([1.0, 2.0])
    history["loss"][0] = 9.0
    history.clock("epoch")[0] = 9.0
    assert history == run_of([1.0, 2.0])


def test_a_column_that_is_not_there_is_named() -> None:
    message = r"no metric 'val/los' was recorded; there are: 'train/loss', 'lr', 'val/loss'\. Did you mean 'val/loss'\?"
    with pytest.raises(UnknownMetricError, match=message):
        several()["val/los"]
    with pytest.raises(UnknownMetricError, match=r"no metric 'loss' was recorded; there are: none\.$"):
        History().clock("epoch", of="loss")
    with pytest.raises(ValueError, match=r"unit must be one of 'epoch', .* got 'epochs' .* Did you mean 'epoch'\?"):
        several().clock("epochs")


# --- views -----------------------------------------------------------------------------------------------------------


@given(runs(), st.integers(-12, 12), st.integers(-12, 12))
def test_a_slice_is_that_of_the_list(run: History, start: int, stop: int) -> None:
    view = run[start:stop]
    assert list(view) == list(run)[start:stop]
    assert contexts(view) == contexts(run)[start:stop]
    assert len(view) == len(list(run)[start:stop])
    for name in run.metrics:
        expected = [record.values[name] for record in view if name in record.values]
        assert repr(view[name].tolist()) == repr(expected)
        assert len(view.clock("epoch", of=name)) == len(expected)
        assert (name in view.metrics) is bool(expected)


def test_a_view_shares_and_stays() -> None:
    history = several()
    view = history[2:]
    assert view._table is history._table
    history.append(Record(epoch=9, iteration=9, values={"lr": 0.3}))
    assert len(view) == 4
    assert view[1:3] == history[3:5]
    assert view["lr"].tolist() == [0.2, 0.2, 0.2]
    assert history[4:].clock("epoch", of="lr").tolist() == [3, 3, 9]


def test_a_view_that_begins_in_mid_iteration_knows_what_was_seen_before() -> None:
    history = several()
    for start in range(len(history)):
        assert contexts(history[start:]) == contexts(history)[start:]


def test_a_view_has_the_marks_of_its_part() -> None:
    history = several()
    assert [mark.kind for mark in history[:2].marks] == ["opened"]
    assert [mark.kind for mark in history[4:].marks] == ["stopped"]
    assert history[2:2].marks == []
    assert history[:].marks == history.marks
    assert history[:] == history


def test_a_view_is_read_only() -> None:
    view = several()[1:3]
    with pytest.raises(TypeError, match=r"^a slice of a history is a view and cannot be appended to"):
        view.append(Record(epoch=1, iteration=1))
    with pytest.raises(TypeError, match=r"^a slice of a history is a view and cannot be loaded into$"):
        view.load_state_dict(several().state_dict())
    with pytest.raises(
        ValueError, match=r"step of a slice must be 1, got 2 .*\. A history with gaps is no history of a run\.$"
    ):
        several()[::2]


# --- keep ------------------------------------------------------------------------------------------------------------


@given(runs(most=12), st.integers(1, 5))
def test_keep_bounds_what_is_held(run: History, keep: int) -> None:
    bounded, whole = History(keep=keep), list(run)
    for i, record in enumerate(whole, start=1):
        bounded.append(record)
        assert min(i, keep) <= len(bounded) < 2 * keep or len(bounded) == i == keep
        assert list(bounded) == whole[i - len(bounded) : i]
    for name in bounded.metrics:
        expected = [record.values[name] for record in bounded if name in record.values]
        assert repr(bounded[name].tolist()) == repr(expected)
        assert len(bounded.clock("epoch", of=name)) == len(expected)
    again = History(keep=keep)
    again.load_state_dict(bounded.state_dict())
    assert again == bounded


def test_a_view_loses_what_was_dropped() -> None:
    history = History(run_of([1.0, 2.0, 3.0]), keep=2)
    view = history[:]
    assert view["loss"].tolist() == [1.0, 2.0, 3.0]
    history.append(run_of([0.0] * 4)[3])
    assert view["loss"].tolist() == [3.0]
    for epoch in range(5, 9):
        history.append(Record(epoch=epoch, iteration=epoch, values={"loss": float(epoch)}))
    assert len(view) == 0
    assert view["loss"].tolist() == view.clock("epoch").tolist() == view.metrics == []


@pytest.mark.parametrize("keep", [0, -1, 2.5])
def test_keep_is_a_count(keep: Any) -> None:
    with pytest.raises(ValueError, match=r"keep must be a whole number >= 1, got .* None keeps every record"):
        History(keep=keep)


# --- files -----------------------------------------------------------------------------------------------------------


@given(run=runs(), start=st.integers(0, 3))
def test_a_saved_history_is_the_same(tmp_path_factory: pytest.TempPathFactory, run: History, start: int) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.jsonl"
    assert History.load(run.save(path)) == run
    assert contexts(History.load(path)) == contexts(run)
    part = run[start:]
    assert History.load(part.save(path, overwrite=True)) == part


def test_marks_and_odd_values_survive(tmp_path: Path) -> None:
    again = History.load(several().save(str(tmp_path / "run.jsonl")))
    assert again == several()
    assert again.marks[1] == Mark("stopped", "stopper", 3, 3, 3, 3.0, "naïve — «why»")
    assert math.isnan(again["val/loss"][0])
    assert again["train/loss"][1] == -INF


def test_the_file_is_strict_json_by_lines(tmp_path: Path) -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    lines = several().save(tmp_path / "run.jsonl").read_text(encoding="ascii").splitlines()
    parsed = [json.loads(line, parse_constant=refuse) for line in lines]
    assert parsed[0] == {"format": "ignite-delayed history", "version": 2}
    assert parsed[2]["values"] == {"val/loss": "NaN", "lr": 0.1}
    assert parsed[3]["source"] is None
    assert list(parsed[-1]) == ["mark"]


def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run_of([1.0]).save(path)
    with pytest.raises(FileExistsError, match="pass overwrite=True to replace it"):
        run_of([2.0]).save(path)
    assert History.load(path) == run_of([1.0])
    assert run_of([2.0]).save(path, overwrite=True) == path
    assert History.load(path) == run_of([2.0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_last_line_that_was_cut_short_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = run_of([1.0, 2.0, 3.0]).save(tmp_path / "run.jsonl")
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-1], encoding="utf-8")  # only the end of the line: nothing is lost
    assert History.load(path) == run_of([1.0, 2.0, 3.0])
    path.write_text(text[:-20], encoding="utf-8")
    with pytest.warns(UserWarning, match=r"run\.jsonl: the last line was cut short and is dropped: '\{\"epoch\": 3"):
        assert History.load(path) == run_of([1.0, 2.0])


def test_the_warning_points_at_the_callers_line(tmp_path: Path) -> None:
    path = run_of([1.0]).save(tmp_path / "run.jsonl")
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.warns(UserWarning, match="cut short") as said:
        History.load(path)
    assert said[0].filename == __file__


LINE = '{"epoch": 1, "iteration": 1, "evaluation": 1, "seconds": 1.0, "planned": null, "source": "", "values": {}}'


@pytest.mark.parametrize(
    "damaged",
    [
        '{"epoch": 1, "itera',
        "",
        "[]",
        "3",
        '"values"',
        "{}",
        LINE.replace('"epoch": 1', '"epoch": -1'),
        LINE.replace('"epoch": 1', '"epoch": 1.5'),
        LINE.replace('"epoch": 1', f'"epoch": {10**30}'),
        LINE.replace('"epoch": 1, ', ""),
        LINE.replace('"epoch"', '"epochs"'),
        LINE.replace('""', "3"),
        LINE.replace("{}", "[1]"),
        LINE.replace("{}", '{"loss": "0.5"}'),
        LINE.replace("{}", '{"loss": [1]}'),
        LINE.replace("{}", '{"": 1}'),
        '{"mark": {}}',
        '{"mark": 3}',
        '{"mark": {"kind": "opened", "name": 3, "epoch": 1, "iteration": 1, "evaluation": 1, "seconds": 1.0}}',
        '{"mark": {"kind": "opened", "name": "g", "epoch": true, "iteration": 1, "evaluation": 1, "seconds": 1.0}}',
        '{"format": "ignite-delayed history", "version": 2}',
    ],
)
def test_damage_in_the_middle_is_refused_by_line(damaged: str, tmp_path: Path) -> None:
    path = run_of([1.0, 2.0, 3.0]).save(tmp_path / "run.jsonl")
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = damaged
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(HistoryError, match=r"run\.jsonl, line 3: no "):
        History.load(path)


def test_the_undamaged_line_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"format": "ignite-delayed history", "version": 1}\n' + LINE + "\n", encoding="utf-8")
    assert len(History.load(path)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"epoch,loss\n1,0.5\n",
        b'{"format": "ignite-delayed history", "version": 3}\n',
        b"{}",
        b"\x89PNG\r\n\xff",
    ],
)
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"other, line 1: (expected the header \{\"format\"|no JSON)"):
        History.load(path)


def test_another_file_is_shown_in_part(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text('["' + "x" * 99 + '"]', encoding="utf-8")
    with pytest.raises(HistoryError, match=r"of a history, got \['x{78}$"):
        History.load(path)
    path.write_text("x" * 99, encoding="utf-8")
    with pytest.raises(HistoryError, match=r"no JSON: 'x{60}'$"):
        History.load(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none.jsonl")


def test_a_history_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = run_of([1.0]).save(tmp_path / "run.jsonl")
    unwritable = run_of([2.0])
    unwritable._marks.append(Mark("opened", "gate", 1, 1, 1, 1.0, object()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not JSON serializable"):
        unwritable.save(path, overwrite=True)
    assert History.load(path) == run_of([1.0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on resources")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = run_of([1.0]).save(tmp_path / "run.jsonl")
    code = """if True:
        import resource, signal, sys
        from ignite_delayed import History, Record
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        many = History(Record(epoch=e, iteration=e, values={"loss": 1.0}) for e in range(1000))
        try:
            many.save(sys.argv[1], overwrite=True)
        except OSError as error:
            print("OSError", error.errno)
    """
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("OSError")
    assert History.load(path) == run_of([1.0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jsonl"]


# --- states ----------------------------------------------------------------------------------------------------------


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
    last = again._table.last
    assert repr(last and last.seen) == repr(whole[-1].seen if whole else None)


def test_many_evaluators_at_one_iteration() -> None:
    run = rows(*[(1, f"s{i}", {f"s{i}/x": float(i)}) for i in range(12)])
    last = loaded(run.state_dict())._table.last
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
    history._table.clock[unit][0] = value
    with pytest.raises(StateError, match=f"history state: {unit} is negative or no number"):
        loaded(history.state_dict())


@pytest.mark.parametrize("row", [-1, 2])
def test_a_value_of_no_row_is_refused(row: int) -> None:
    history = run_of([1.0, 2.0])
    history._table.columns["loss"].rows[-1 if row > 0 else 0] = row
    with pytest.raises(StateError, match="history state: the rows of 'loss' do not fit its values"):
        loaded(history.state_dict())


def test_states_are_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    state = run_of([1.0]).state_dict()
    other = {"little": "big", "big": "little"}[sys.byteorder]
    monkeypatch.setattr(sys, "byteorder", other)
    swapped = run_of([1.0]).state_dict()["metrics"]["loss"][1]
    assert base64.b64decode(swapped) == base64.b64decode(state["metrics"]["loss"][1])[::-1]
    assert loaded(run_of([1.0]).state_dict()) == run_of([1.0])


# --- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_for_pandas() -> None:
    pandas = require_extra("pandas", "pandas")
    table = several().to_pandas()
    assert list(table.columns) == [
        *("epoch", "iteration", "evaluation", "seconds", "planned", "source"),
        *("train/loss", "lr", "val/loss"),
    ]
    assert table["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert table["lr"].dropna().tolist() == [0.1, 0.1, 0.2, 0.2, 0.2]
    assert pandas.isna(table["source"][2])
    assert list(several()[:1].to_pandas().columns)[6:] == ["train/loss", "lr"]
    assert History().to_pandas().columns.tolist() == [
        "epoch",
        "iteration",
        "evaluation",
        "seconds",
        "planned",
        "source",
    ]


def test_a_metric_named_like_the_clock_keeps_both() -> None:
    require_extra("pandas", "pandas")
    table = History([Record(epoch=3, iteration=3, values={"epoch": 0.5})]).to_pandas()
    assert table["epoch"].tolist() == [3]
    assert table["metrics/epoch"].tolist() == [0.5]


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^pandas is needed for this .*: pip install 'ignite-delayed\[pandas\]'$"):
        History().to_pandas()


def test_studying_a_run_imports_neither_torch_nor_ignite() -> None:
    code = """if True:
        import sys
        from ignite_delayed import EarlyStop, History, Metric, Record, replay
        run = History(Record(epoch=e, iteration=e, values={"loss": 1.0}) for e in range(5))
        replay(run, EarlyStop(Metric("loss").mean(2), mode="min", patience=2))
        run["loss"]
        print({"torch", "ignite"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
