"""Histories: columns, views, files, states, tables."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAN, SEVERAL, contexts, rows, run_of, runs, several

from ignite_delayed import History, Record, UnknownMetricError
from ignite_delayed._utils.extras import require_extra

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
    for path in ("run.jsonl", Path("run.jsonl")):
        wrong = path
        with pytest.raises(TypeError, match=r"records must be an .*run\.jsonl.* History\.load\(path\) reads a file"):
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
    assert repr(rows((4, None, {}))) == "<History: 1 record, epoch 4, no metrics>"


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
    assert view._table is history._table  # noqa: SLF001
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


class Refusing(dict[str, float]):
    """Values that cannot be read to their end."""

    def items(self) -> Any:
        yield "loss", 0.5
        raise KeyboardInterrupt


@pytest.mark.parametrize("values", [{"loss": 0.5, "new": "none"}, Refusing()])
@pytest.mark.parametrize("planned", [7, 10**30])
def test_a_record_is_appended_whole_or_not_at_all(values: Any, planned: int) -> None:
    run, more = several(), {"epoch": 9, "iteration": 9, "evaluation": 9, "seconds": 9.0, "source": "late"}
    last = run[-1]
    with pytest.raises((OverflowError, TypeError, KeyboardInterrupt)):
        run.append(Record.following(None, **more, planned=planned, values=values))  # type: ignore[arg-type]
    assert run == several()
    assert run.ends_with(last) is several().ends_with(last)
    again = History()
    again.load_state_dict(run.state_dict())
    assert again == several()
    run.append(Record.following(None, **more, planned=7, values={"new": 0.25}))  # type: ignore[arg-type]
    assert (len(run), run[-1]["new"], run[-2]) == (len(several()) + 1, 0.25, last)


def test_keep_bounds_the_marks_too() -> None:
    run = History(keep=3)
    for epoch in range(1, 100):
        run.mark("opened", "gate", Record(epoch=epoch, iteration=epoch))
        assert len(run.marks) == epoch if epoch < 6 else 3 <= len(run.marks) < 6
        assert run.marks[-1].epoch == run.marked == epoch
        assert [mark.epoch for mark in run.marks_from(epoch - 1)] == [epoch]
    assert len(run.marks_from(0)) == len(run.marks)


def test_a_metric_of_which_no_record_is_kept_has_no_latest_value() -> None:
    run = History(keep=1)
    for epoch, values in enumerate([{"once": 1.0}, {"loss": 2.0}, {"loss": 3.0}], start=1):
        run.append(Record(epoch=epoch, iteration=epoch, values=values))
    assert (run.latest, run.metrics) == ({"loss": 3.0}, ["loss"])
