from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from strategies import run_of

from ignite_delayed import (
    After,
    EarlyStop,
    GeneralizationLoss,
    History,
    Metric,
    Record,
    Runs,
    SweepInterrupted,
    grid,
    read_runs,
    sweep,
)
from ignite_delayed.cli import main
from ignite_delayed.cli.report import print_each, print_summary

RUNS, EPOCHS = 4, 20
WATCH = ["--monitor", "val/loss", "--mode", "min"]


def curve(seed: int) -> list[float]:
    generator = np.random.default_rng(seed)
    epochs = np.arange(EPOCHS)
    return list(map(float, 0.3 + np.exp(-epochs / 4) + 0.02 * generator.standard_normal(EPOCHS)))


@pytest.fixture
def runs(tmp_path: Path) -> str:
    folder = tmp_path / "runs"
    folder.mkdir()
    for seed in range(RUNS):
        records = (Record(epoch=e, iteration=e, values={"val/loss": x}) for e, x in enumerate(curve(seed), 1))
        History(records).save(folder / f"{seed}.jsonl")
    return str(folder)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


class TestReplay:
    def test_the_rows_are_those_of_the_sweep(
        self, runs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = tmp_path / "out.csv"
        options = ["--patience", "2,4", "--delay", "0,5", "--when", "Metric('val/loss') < 0.5"]
        assert main(["replay", runs, *WATCH, *options, "--while-closed", "track", "--output", str(table)]) == 0
        conditions = [None, After(epochs=5), Metric("val/loss") < 0.5]
        rules = [
            EarlyStop(
                "val/loss",
                mode="min",
                patience=patience,
                until=until,
                while_closed="ignore" if until is None else "track",
            )
            for patience in (2, 4)
            for until in conditions
        ]
        expected = sweep(read_runs(runs), rules)
        pd.testing.assert_frame_equal(pd.read_csv(table), expected.to_pandas().astype({"run": str, "rule": str}))
        told = capsys.readouterr().out
        assert "6 rules over 4 runs, by val/loss (min)" in told
        assert "patience=4, until=Metric('val/loss') < 0.5" in told
        assert f"24 rows written to {table}" in told
        starred = [line.startswith("*") for line in lines(told) if "patience=" in line]
        assert starred == expected.summary().front.tolist()

    def test_delays_of_nothing_are_one_rule_whatever_is_done_meanwhile(
        self, runs: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert (
            main(["replay", runs, *WATCH, "--patience", "2", "--delay", "0,5", "--while-closed", "ignore,track"]) == 0
        )
        assert "3 rules over 4 runs" in capsys.readouterr().out

    def test_a_condition_alone_is_the_only_delay(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["replay", runs, *WATCH, "--patience", "2", "--when", "Metric('val/loss') < 0.5"]) == 0
        assert "1 rule over 4 runs" in capsys.readouterr().out

    def test_rules_may_be_written_out(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["replay", runs, "--rule", "GeneralizationLoss('val/loss', alpha=5)"]) == 0
        assert repr(GeneralizationLoss("val/loss", alpha=5)) in capsys.readouterr().out

    def test_an_expression_may_be_monitored(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        watch = ["--monitor", "0.5 * Metric('val/loss')", "--mode", "min"]
        assert main(["replay", runs, *watch, "--patience", "2"]) == 0
        assert "0.5 * Metric('val/loss')" in capsys.readouterr().out

    def test_each_run_can_be_shown(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["replay", runs, *WATCH, "--patience", "2", "--each"]) == 0
        shown = lines(capsys.readouterr().out)
        swept = sweep(read_runs(runs), grid(EarlyStop, "val/loss", mode="min", patience=[2]))
        for name, stopped in zip(swept.runs, swept.stopped_epoch[:, 0], strict=True):
            [row] = [line for line in shown if line.startswith(name)]
            assert row.split()[4] == ("-" if np.isnan(stopped) else f"{stopped:.0f}")

    def test_of_many_rules_only_those_that_no_other_beats_are_listed(
        self, runs: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        patiences = ",".join(map(str, range(1, 40)))
        assert main(["replay", runs, *WATCH, "--patience", patiences]) == 0
        told = capsys.readouterr().out
        listed = [line for line in lines(told) if "patience=" in line]
        assert "39 rules over 4 runs, those that no other beats: " in told
        assert 0 < len(listed) < 39
        assert all(line.startswith("*") for line in listed)

    @pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
    def test_it_can_be_drawn(self, runs: str, tmp_path: Path, suffix: str, begins: bytes) -> None:
        picture = tmp_path / f"out.{suffix}"
        assert main(["replay", runs, *WATCH, "--patience", "1,2,4", "--picture", str(picture)]) == 0
        assert picture.read_bytes().startswith(begins)

    def test_parquet(self, runs: str, tmp_path: Path) -> None:
        table = tmp_path / "out.parquet"
        assert main(["replay", runs, *WATCH, "--patience", "2", "--output", str(table)]) == 0
        assert len(pd.read_parquet(table)) == RUNS


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_in_a_narrow_terminal_nothing_is_cut(width: int) -> None:
    name = "val[loss]/of a long name"
    listed = Runs([run_of(curve(seed), name) for seed in range(2)], names=["a[b]/log.csv", "c[/d]/log.csv"])
    gate = (Metric(name).mean(5) < 0.5) & (After(epochs=20) | (Metric(name).slope(4) > 0.001))
    rules = grid(EarlyStop, name, mode="min", patience=[2, 4], until=[None, gate])
    swept, out = sweep(listed, rules), Console(width=width, file=StringIO(), highlight=False)
    print_summary(swept, out)
    print_each(swept, out)
    told = out.file.getvalue()  # type: ignore[attr-defined]
    assert "\N{HORIZONTAL ELLIPSIS}" not in told
    whole = "".join(told.split())
    assert "over2runs,byval[loss]/ofalongname(min)" in whole
    assert all(f"{kept:.4g}" in told for kept in swept.kept[~np.isnan(swept.kept)])
    names = "".join("".join(line[:12] for line in told.splitlines()).split())
    assert "a[b]" in names
    assert "c[/d]" in names


def test_a_replay_that_is_interrupted_prints_what_it_had(
    runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(listed: Runs, rules: list[EarlyStop], **judged: Any) -> None:
        raise SweepInterrupted("interrupted after 2 of 4 runs; .partial has them", sweep(listed[:2], rules, **judged))

    monkeypatch.setattr("ignite_delayed.replays.sweep", interrupted)
    assert main(["replay", runs, *WATCH, "--patience", "2,3"]) == 130
    told = capsys.readouterr()
    assert told.out.startswith("2 rules over 2 runs")
    assert told.err.strip() == "ignite-delayed: interrupted after 2 of 4 runs"


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("arguments", "status", "said"),
        [
            ([], 2, "no rule: give --patience, or a --rule"),
            (["--patience", "3"], 2, "--patience needs --monitor and --mode"),
            (["--delay", "3", *WATCH], 2, "give its --patience as well"),
            (["--patience", "3,x", *WATCH], 2, "'x' is no whole number; several are written as 3,5,10."),
            (["--patience", "3,,4", *WATCH], 2, "'' is no whole number"),
            (["--patience", "0", *WATCH], 2, "0 is less than 1"),
            (["--patience", "3", "--monitor", "val/loss", "--mode", "least"], 2, "'least' is not one of 'min', 'max'"),
            (["--patience", "3", *WATCH, "--while-closed", "veto"], 2, "'veto' is none of ignore, track, count"),
            (["--patience", "3", "--monitor", "Metric(", "--mode", "min"], 2, "'(' was never closed"),
            (["--patience", "3", "--monitor", "After(epochs=3)", "--mode", "min"], 2, "is a condition"),
            (["--patience", "3", "--monitor", "val_loss", "--mode", "min"], 1, "'val_loss'"),
            (["--patience", "3", *WATCH, "--when", "Metric('val/loss') <"], 2, "--when"),
            (["--rule", "After(epochs=3)"], 2, "monitor='val/loss', mode='min'"),
            (["--patience", "9" * 20, *WATCH], 2, "Error: patience must be a whole number"),
            (["--patience", "3", "--delay", "9" * 20, *WATCH], 2, "Error: epochs must be a whole number"),
            (["--patience", "3", "--threshold", "nan", *WATCH], 2, "Error: threshold must be a finite number"),
            (["--patience", "3", *WATCH, "--output", "out.txt"], 2, "must end in .csv, .parquet"),
            (["--patience", "3", *WATCH, "--output", "nowhere/out.csv"], 1, "there is no folder nowhere"),
        ],
    )
    def test_it_is_said(
        self, runs: str, arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["replay", runs, *arguments]) == status
        assert said in capsys.readouterr().err

    def test_what_cannot_be_written_is_said_before_anything_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        order = ["replay", "no runs", *WATCH, "--patience", "2", "--overwrite", "--output"]
        (tmp_path / "folder.csv").mkdir()
        assert main([*order, str(tmp_path / "folder.csv")]) == 1
        assert "folder.csv is a folder: name a file" in capsys.readouterr().err
        monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # who is root may write anywhere
        assert main([*order, str(tmp_path / "out.csv")]) == 1
        assert "out.csv may not be written" in capsys.readouterr().err

    def test_files_are_not_written_over_unless_that_is_asked_for(
        self, runs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = tmp_path / "mine.csv"
        table.write_text("mine")
        order = ["replay", runs, *WATCH, "--patience", "2", "--output", str(table)]
        assert main(order) == 1
        assert f"{table} is there already: pass --overwrite" in capsys.readouterr().err
        assert table.read_text() == "mine"
        assert main([*order, "--overwrite"]) == 0
        assert len(pd.read_csv(table)) == RUNS

    def test_a_damaged_log_is_told_with_its_file(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        damaged = Path(runs) / "2.jsonl"
        lines = damaged.read_text().splitlines(keepends=True)
        damaged.write_text("".join([*lines[:5], *lines[6:]]))
        assert main(["replay", runs, *WATCH, "--patience", "2"]) == 1
        assert "2.jsonl" in capsys.readouterr().err

    @pytest.mark.filterwarnings("always")
    def test_warnings_are_told_in_a_line(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        torn = Path(runs) / "2.jsonl"
        torn.write_bytes(torn.read_bytes()[:-20])
        assert main(["replay", runs, *WATCH, "--patience", "2"]) == 0
        [told] = capsys.readouterr().err.splitlines()
        assert told.startswith(f"ignite-delayed: warning: {torn}: the last line was cut short")

    def test_pandas_is_missed_by_name(
        self, runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        order = ["replay", runs, *WATCH, "--patience", "2", "--output", str(tmp_path / "o.csv")]
        assert main(order) == 1
        assert "pip install 'ignite-delayed[pandas]'" in capsys.readouterr().err
