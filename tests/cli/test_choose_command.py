from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ignite_delayed import After, EarlyStop, History, Record, Runs, choose, grid, read_runs, sweep
from ignite_delayed.cli import main

RULES = ["--monitor", "loss", "--mode", "min", "--patience", "2,5,10", "--delay", "0,20"]


@pytest.fixture
def runs(tmp_path: Path) -> str:
    folder = tmp_path / "runs"
    folder.mkdir()
    for n in range(40):
        losses = ((e - 9 - n % 3) ** 2 / 99 for e in range(1, 31))
        History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1)).save(
            folder / f"{n:02}.jsonl"
        )
    return str(folder)


def test_the_rule_is_printed_first_as_it_can_be_pasted(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", runs, *RULES, "--max-regret", "0.01"]) == 0
    told = capsys.readouterr().out
    rules = grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10], until=[None, After(epochs=20)])
    made = choose(sweep(read_runs(runs), rules), max_regret=0.01)
    assert told.splitlines()[0] == repr(made.rule)
    assert told.strip() == str(made)


def test_where_none_can_be_recommended_the_status_is_1_and_the_reason_is_printed(
    runs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [str(path) for path in sorted(Path(runs).iterdir())[:5]]
    assert main(["choose", *some, *RULES, "--max-regret", "0.01"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("No rule: too few: ")
    assert told.err == ""


def test_ctrl_c_says_how_many_runs_were_done(
    runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> History:
        raise KeyboardInterrupt

    listed = Runs([*read_runs(runs)[:7], interrupted, *read_runs(runs)[8:]])
    monkeypatch.setattr("ignite_delayed.cli.rules.read", lambda *_: listed)
    assert main(["choose", runs, *RULES, "--max-regret", "0.01"]) == 130
    told = capsys.readouterr()
    assert (told.out, told.err.strip()) == ("", "ignite-delayed: interrupted after 7 of 40 runs")


def test_confidence_and_seed_are_passed_on(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", runs, *RULES, "--max-regret", "0.02", "--confidence", "0.7", "--seed", "3"]) == 0
    rules = grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10], until=[None, After(epochs=20)])
    made = choose(sweep(read_runs(runs), rules), max_regret=0.02, confidence=0.7, seed=3)
    assert capsys.readouterr().out.strip() == str(made)


def test_table_and_picture_are_written(runs: str, tmp_path: Path) -> None:
    table, picture = tmp_path / "out.csv", tmp_path / "out.png"
    order = ["choose", runs, *RULES, "--max-regret", "0.01", "--output", str(table), "--picture", str(picture)]
    assert main(order) == 0
    assert len(pd.read_csv(table)) == 40 * 6
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--max-regret'"),
        (["--max-regret", "0"], "0.0 is not in the range x>0"),
        (["--max-regret", "0.1", "--confidence", "1"], "1.0 is not in the range 0<x<1"),
        (["--max-regret", "0.1", "--groups", "lr"], "groups must be a parameter of every run"),
        (["--max-regret", "0.1", "--picture", "out.txt"], "must end in .png, .pdf, .svg"),
    ],
)
def test_what_is_wrong_is_said(runs: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", runs, *RULES, *arguments]) == 2
    assert said in capsys.readouterr().err
