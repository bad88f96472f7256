"""Histories as tables of pandas, and back."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import NAN, contexts, run_of, runs, several

from ignite_delayed import History, HistoryError, Record
from ignite_delayed.history.mark import Best


@given(runs())
def test_a_table_gives_the_same_history_back(run: History) -> None:
    run.mark("stopped", "stopper", Record(epoch=1, iteration=1), "why", by="stopper", best=Best(0.5, 1, 1))
    again = History.from_pandas(run.to_pandas())
    assert again == run
    assert contexts(again) == contexts(run)


def test_marks_survive_copies_selections_and_pickles() -> None:
    table = several().to_pandas()
    for again in (table.copy(), table[table["epoch"] > 0], pickle.loads(pickle.dumps(table)), table.sort_index()):
        assert History.from_pandas(again) == several()
        assert History.from_pandas(again).marks == several().marks != []


def test_marks_and_nan_survive_parquet(tmp_path: Path) -> None:
    several().to_pandas().to_parquet(tmp_path / "run.parquet")
    assert History.from_pandas(pd.read_parquet(tmp_path / "run.parquet")) == several()


def test_a_nan_that_was_observed_differs_from_a_cell_that_nobody_filled() -> None:
    run = History(
        [
            Record(epoch=1, iteration=1, values={"loss": NAN}),
            Record(epoch=2, iteration=2, values={"lr": 0.1}),
            Record(epoch=3, iteration=3, values={"loss": 0.5, "lr": NAN}),
        ]
    )
    table = run.to_pandas()
    observed = [sorted(record.values) for record in History.from_pandas(table)]
    assert observed == [["loss"], ["lr"], ["loss", "lr"]]
    assert [sorted(record.values) for record in History.from_pandas(table[1:])] == observed[1:]


def test_without_attrs_an_empty_cell_is_told_not_guessed() -> None:
    table = run_of([0.5, NAN]).to_pandas()
    table.attrs.clear()
    with pytest.raises(HistoryError, match=r"^row 1 of the frame, column 'loss': .* empty='missing' if .* empty='nan'"):
        History.from_pandas(table)
    assert History.from_pandas(table, empty="nan") == run_of([0.5, NAN])
    assert [list(record.values) for record in History.from_pandas(table, empty="missing")] == [["loss"], []]
    with pytest.raises(ValueError, match="empty must be 'missing' or 'nan', got 'zero'"):
        History.from_pandas(table, empty="zero")  # type: ignore[arg-type]


def test_through_csv_all_but_marks_survives(tmp_path: Path) -> None:
    run = run_of([0.5, 0.25])
    run.append(Record(epoch=3, iteration=3, evaluation=2, seconds=2.5, source=None))
    run.to_pandas().to_csv(tmp_path / "run.csv", index=False)
    assert History.from_pandas(pd.read_csv(tmp_path / "run.csv"), empty="missing") == run


def test_metrics_named_like_the_clock_come_back_by_their_names() -> None:
    values = {"epoch": 0.5, "metrics/epoch": 1.5, "metrics/metrics/source": 2.5, "metrics/loss": 3.5}
    run = History([Record(epoch=3, iteration=3, values=values)])
    assert list(run.to_pandas().columns)[6:] == [
        "metrics/epoch",
        "metrics/metrics/epoch",
        "metrics/metrics/metrics/source",
        "metrics/loss",
    ]
    assert History.from_pandas(run.to_pandas()) == run


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("epoch", 1.5, r"row 0 of the frame, column 'epoch': 1\.5 .* is no whole number"),
        ("epoch", NAN, r"column 'epoch': nan .* is no whole number"),
        ("epoch", -1, "row 0 of the frame: no record of a history: epoch must be"),
        ("seconds", NAN, "no record of a history: seconds must be"),
        ("loss", "low", r"row 0 of the frame, column 'loss': 'low' \(str\) is no number"),
    ],
)
def test_a_bad_cell_is_named(column: str, cell: Any, said: str) -> None:
    table = run_of([0.5]).to_pandas()
    table[column] = [cell]
    with pytest.raises(HistoryError, match=said):
        History.from_pandas(table)


def test_what_is_no_such_table_is_refused() -> None:
    with pytest.raises(HistoryError, match=r"no column 'iteration', .* ignite_delayed\.logs\.from_frame"):
        History.from_pandas(pd.DataFrame({"epoch": [1], "loss": [0.5]}))
    twice = pd.DataFrame(np.ones((1, 3)), columns=["epoch", "iteration", "epoch"])
    with pytest.raises(HistoryError, match="a column twice"):
        History.from_pandas(twice)
    with pytest.raises(TypeError, match=r"frame must be a pandas DataFrame, got \{\}"):
        History.from_pandas({})


@pytest.mark.parametrize("damage", [{"version": 2}, {"marks": [3]}, {"marks": [["opened"]]}, {"nan": 3}, {"kinds": 3}])
def test_damaged_attrs_are_refused(damage: dict[str, Any]) -> None:
    table = several().to_pandas()
    table.attrs["ignite-delayed"] = {**table.attrs["ignite-delayed"], **damage}
    with pytest.raises(HistoryError, match=r"attrs\['ignite-delayed'\] of the frame are damaged"):
        History.from_pandas(table)
