"""CSV, Parquet, DataFrames, dicts of lists."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from log_files import LOGS, clocks, column, written
from strategies import runs, several

from ignite_delayed import EarlyStop, History, HistoryError, replay
from ignite_delayed.logs import from_dict, from_frame, read_csv, read_json, read_parquet, read_wandb

NAN = math.nan


@pytest.mark.parametrize("index", [True, False])
def test_csv_as_pandas_writes_it(tmp_path: Path, index: bool) -> None:
    table = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, math.inf, 1e-300], "done": [False, True, True]})
    table.to_csv(tmp_path / "log.csv", index=index)
    history = read_csv(tmp_path / "log.csv")
    assert clocks(history) == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]
    assert history["loss"].tolist() == [0.9, math.inf, 1e-300]
    assert history["done"].tolist() == [0, 1, 1]
    assert history.metrics == ["loss", "done"]
    assert history.sources == [""]


def test_an_empty_cell_of_pandas_is_told_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    pd.DataFrame({"epoch": [1, 2], "loss": [0.5, NAN]}).to_csv(path, index=False)
    with pytest.raises(HistoryError, match=r"log\.csv, line 3, column 'loss': .* empty='missing' if .* empty='nan'"):
        read_csv(path)
    assert [math.isnan(value) for value in read_csv(path, empty="nan")["loss"]] == [False, True]
    assert clocks(read_csv(path, empty="missing")) == [(1, 1, 1)]


def test_nan_in_words_is_nan(tmp_path: Path) -> None:
    history = read_csv(written(tmp_path, "epoch,loss\n1,nan\n2,NaN\n3,-inf\n"))
    assert repr(history["loss"].tolist()) == "[nan, nan, -inf]"


@given(run=runs())
def test_a_history_survives_to_csv(tmp_path_factory: pytest.TempPathFactory, run: History) -> None:
    path = tmp_path_factory.mktemp("csv") / "log.csv"
    run.to_pandas().to_csv(path, index=False, na_rep="")
    again = read_csv(path, empty="missing")
    assert clocks(again) == clocks(run)
    kept = [{name: value for name, value in record.values.items() if value == value} for record in run]
    assert [record.values for record in again] == kept


def test_parquet_as_pandas_writes_it(tmp_path: Path) -> None:
    history = read_parquet(LOGS / "pandas.parquet", empty="nan")
    assert clocks(history) == [(e, e, e) for e in (1, 2, 3, 4)]
    assert repr(history["loss"].tolist()) == "[0.9, 0.5, nan, 0.3]"
    with pytest.raises(HistoryError, match=r"pandas\.parquet, row 2, column 'loss': .* empty="):
        read_parquet(LOGS / "pandas.parquet")
    cut = tmp_path / "cut.parquet"
    cut.write_bytes((LOGS / "pandas.parquet").read_bytes()[:-30])
    with pytest.raises(HistoryError, match=r"cut\.parquet: no whole Parquet file"):
        read_parquet(cut, empty="nan")
    several().to_pandas().to_parquet(tmp_path / "ours.parquet")
    assert read_parquet(tmp_path / "ours.parquet") == several()


def test_parquet_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pyarrow is needed .*: pip install 'ignite-delayed\[logs\]'"):
        read_parquet(LOGS / "pandas.parquet")


def test_dataframes() -> None:
    table = pd.DataFrame(
        {"step": [10, 20, 30], "t": [1.5, 2.5, 9.0], "loss": [3, 2, 1], "note": "x"}, index=list("abc")
    )
    with pytest.raises(HistoryError, match=r"the frame, row 'a', column 'note': 'x' .* ignore=\['note'\]"):
        from_frame(table, epoch_length=20)
    history = from_frame(table, epoch_length=20, seconds="t", ignore=["note"])
    assert clocks(history) == [(1, 10, 1), (1, 20, 2), (2, 30, 3)]
    assert history.clock("seconds").tolist() == [1.5, 2.5, 9.0]
    assert from_frame(several().to_pandas()) == several()
    with pytest.raises(TypeError, match=r"frame must be a pandas DataFrame, .* from_dict"):
        from_frame({"loss": [1]})


def test_nullable_columns_are_numbers() -> None:
    table = pd.DataFrame({"epoch": [1, 2], "loss": pd.array([1, None], dtype="Int64")})
    with pytest.raises(HistoryError, match="the frame, row 1, column 'loss': the cell has no number"):
        from_frame(table)
    assert column(from_frame(table.assign(lr=0.1), empty="missing"), "loss") == [1.0, None]


def test_a_dict_of_lists_as_keras_keeps_it() -> None:
    written_by_keras = json.loads((LOGS / "keras-history.json").read_text())
    history = from_dict(written_by_keras, epoch="row")
    assert clocks(history) == [(e, e, e) for e in (1, 2, 3, 4)]
    assert history.metrics == ["loss", "mae", "val_loss", "val_mae"]
    assert math.isnan(history["val_loss"][2])
    assert read_json(LOGS / "keras-history.json", epoch="row", epoch_length=4).clock("iteration").tolist() == [
        4,
        8,
        12,
        16,
    ]


def test_in_a_dict_none_is_nothing_and_nan_is_nan() -> None:
    history = from_dict({"epoch": [1, 2, 3], "loss": [None, NAN, 0.5], "lr": [1, 1, 1]})
    assert repr(column(history, "loss")) == "[None, nan, 0.5]"
    assert history.sources == ["log"]
    assert replay(history, EarlyStop("loss", mode="min", patience=1)).held  # nothing is expected in every record


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"loss": [1, 2], "val_loss": [1]}, r"the lists differ in length \('loss' 2, 'val_loss' 1\)"),
        ({"loss": [1, "x"]}, r"the dict, row 2, column 'loss': 'x' \(str\) is no number"),
        ({"loss": "abc"}, "column 'loss': expected a list of numbers, got a str"),
        ({"loss": []}, "the dict: holds no records"),
        ({}, "the dict: holds no records"),
    ],
)
def test_a_dict_that_is_no_run_is_refused(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        from_dict(columns, epoch="row")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"log\.csv: the file is empty"),
        ("\n\n", "the file is empty"),
        ("epoch,loss\n", "holds no records"),
        ("epoch,loss\n1,0.5\n2,0.2", r"log\.csv, line 3: the last line has no end: .* partial=True"),
        ("epoch,loss\n1,0.5\n2\n", "log.csv, line 3: 1 cells, and 2 columns in line 1"),
        ("epoch,loss\n1,0.5,3\n", "line 2: 3 cells"),
        ("epoch,loss,loss\n1,0.5,3\n", "line 1: the column 'loss' is there twice"),
        ("epoch,loss\n1,0.5\n1,0.4\n", r"line 3, column 'loss': logged twice at epoch 1, .* \(first in .* line 2\)"),
        ("epoch,loss\n2,0.5\n1,0.4\n", r"line 3: epoch 1, .* after epoch 2, .*out of order"),
        ("epoch,step,loss\n1,5,0.5\n2,5,0.4\n", "line 3: iteration 5 is in epoch 2, and in epoch 1 above"),
        ("epoch,step,loss\n2,5,0.5\n1,6,0.4\n", "line 3: epoch 1, iteration 6 comes after epoch 2, iteration 5"),
        ("epoch,loss\n0,0.5\n1,0.4\n", "line 2, column 'epoch': the log begins with epoch 0; pass zero_based=True if"),
        ("epoch,loss\n1.5,0.5\n", r"line 2, column 'epoch': expected a whole number >= 0 of the clock, got 1\.5"),
        ("epoch,loss\n-1,0.5\n", r"expected a whole number >= 0 of the clock, got -1\.0"),
        ("epoch,loss\nnan,0.5\n", "expected a whole number >= 0 of the clock, got nan"),
        ("epoch,loss\n1e300,0.5\n", "expected a whole number >= 0"),
        ("epoch,loss\none,0.5\n", "column 'epoch': 'one' .* is no number"),
        ("epoch,seconds,loss\n1,-3,0.5\n", r"line 2, column 'seconds': expected seconds >= 0, got -3\.0"),
        ('epoch,loss\n1,"0.5\n', "unexpected end of data"),
        ("epoch,loss\n1,1_000\n", "line 2, column 'loss': '1_000' .* is no number"),
        ("loss\n0.5\n", "nothing says what an epoch is"),
        ("step,loss\n1,0.5\n", "'step' counts steps"),
    ],
)
def test_a_table_that_is_no_run_is_told_by_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        read_csv(written(tmp_path, text))


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"epoch,loss\n1,\xff\n")
    with pytest.raises(HistoryError, match=r"log\.csv: no text in UTF-8 \(byte 13\)"):
        read_csv(tmp_path / "log.csv")
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "other.csv")


def test_a_file_that_was_cut_short_may_be_read_up_to_there(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,loss\n1,0.5\n2,0.2")
    assert read_csv(path, partial=True)["loss"].tolist() == [0.5]
    with pytest.raises(HistoryError, match="holds no records"):
        read_csv(written(tmp_path, "epoch,loss\n1,0.5"), partial=True)


def test_repeats_are_kept_as_told(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,loss\n1,0.9\n2,0.8\n3,0.7\n2,0.6\n3,0.5\n")
    assert read_csv(path, repeats="first")["loss"].tolist() == [0.9, 0.8, 0.7]
    assert read_csv(path, repeats="last")["loss"].tolist() == [0.9, 0.6, 0.5]
    twice = written(tmp_path, "epoch,loss\n1,0.9\n1,0.8\n")
    assert read_csv(twice, repeats="first")["loss"].tolist() == [0.9]
    assert read_csv(twice, repeats="last")["loss"].tolist() == [0.8]


@pytest.mark.parametrize(("zero_based", "epochs"), [(True, [1, 2]), (False, [0, 1])])
def test_epochs_from_zero_are_as_told(tmp_path: Path, zero_based: bool, epochs: list[int]) -> None:
    path = written(tmp_path, "epoch,loss\n0,0.9\n1,0.8\n")
    assert read_csv(path, zero_based=zero_based).clock("epoch").tolist() == epochs


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_other_delimiters_and_ends_of_lines(tmp_path: Path, delimiter: str) -> None:
    text = "\ufeffepoch,loss\r\n1,0.5\r\n\r\n2,0.25\r\n".replace(",", delimiter)
    assert read_csv(written(tmp_path, text))["loss"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\x1c", "\x0b"])
def test_only_an_end_of_line_ends_a_line(tmp_path: Path, sign: str) -> None:
    history = read_csv(written(tmp_path, f"epoch,lo{sign}ss\n1,0.5\n2,0.25\n"))
    assert history[f"lo{sign}ss"].tolist() == [0.5, 0.25]
    logged = json.dumps({"_step": 1, "epoch": 1, f"lo{sign}ss": 0.5}, ensure_ascii=False)
    assert read_wandb(written(tmp_path, logged + "\n", "log.jsonl"))[f"lo{sign}ss"].tolist() == [0.5]


def test_a_metric_may_be_called_row(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,row,loss\n1,7,0.5\n2,8,0.25\n")
    assert read_csv(path)["row"].tolist() == [7.0, 8.0]
    assert clocks(read_csv(path, epoch="row", ignore=["epoch"])) == [(7, 7, 1), (8, 8, 2)]


def test_a_file_cut_in_its_first_line_has_nothing_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"log\.csv, line 1: .* cut short\. There are no lines before it"):
        read_csv(written(tmp_path, "epoch,lo"), partial=True)


def test_json_that_is_no_dict_of_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"log\.json, line 2: no JSON, or cut short"):
        read_json(written(tmp_path, '{"loss":\n[1, 2', "log.json"), epoch="row")
    with pytest.raises(HistoryError, match="expected a dict of lists, got a list"):
        read_json(written(tmp_path, "[1]", "log.json"), epoch="row")
    with pytest.raises(HistoryError, match="no JSON of numbers"):
        read_json(written(tmp_path, '{"loss": [' + "1" * 5000 + "]}", "log.json"), epoch="row")
    with pytest.raises(HistoryError, match="nested too deeply"):
        read_json(written(tmp_path, "[" * 100_000, "log.json"), epoch="row")


def test_seconds_never_fall_and_are_those_of_the_last_row_of_an_iteration(tmp_path: Path) -> None:
    text = "epoch,seconds,loss,accuracy\n1,5,0.5,\n1,7,,0.9\n2,6,0.4,0.9\n3,,0.3,0.9\n4,9,0.2,0.9\n"
    assert read_csv(written(tmp_path, text), empty="missing").clock("seconds").tolist() == [7, 7, 7, 9]


def test_damage_in_a_table_of_a_history_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    several().to_pandas().assign(epoch=0.5).to_csv(path, index=False)
    with pytest.raises(HistoryError, match=r"log\.csv: row 0 of the frame, column 'epoch': 0\.5 .* is no whole number"):
        read_csv(path, empty="missing")
