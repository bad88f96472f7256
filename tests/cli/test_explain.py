from __future__ import annotations

from pathlib import Path

import pytest

from ignite_delayed import History, Record
from ignite_delayed.cli import main

LOSSES = [0.9, 0.7, 0.6, 0.55, 0.52, 0.51, 0.4, 0.45]
BELOW = "(Metric('loss') < 0.5) & After(epochs=3)"


@pytest.fixture
def run(tmp_path: Path) -> str:
    records = (Record(epoch=e, iteration=10 * e, values={"loss": x}) for e, x in enumerate(LOSSES, 1))
    return str(History(records).save(tmp_path / "run.jsonl"))


def test_the_tree_is_that_of_the_epoch_asked_for(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", run, "--when", BELOW, "--epoch", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "After the record of epoch 5, iteration 50:"
    assert lines[1].startswith("(Metric('loss') < 0.5) & After(epochs=3): false")
    assert "Metric('loss') < 0.5: false" in lines[2]
    assert "0.52" in lines[2]
    assert "After(epochs=3): true" in lines[3]
    assert lines[4] == "It first held in epoch 7, iteration 70."


def test_without_an_epoch_the_whole_run_is_looked_at(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", run, "--when", "Metric('loss') < 0.3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "After the record of epoch 8, iteration 80:"
    assert lines[-1] == "It never held in this run, which ended in epoch 8."


def test_columns_that_are_no_numbers_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("epoch,phase,note,loss\n1,a,b,0.5\n", encoding="utf-8")
    asked = ["explain", str(tmp_path), "--when", "Metric('loss') < 0.3"]
    assert main(asked) == 1
    assert "column 'phase'" in capsys.readouterr().err
    assert main([*asked, "--read", "ignore=phase,note"]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--when", "Metric('loss') < "], 2, "Invalid value for '--when': invalid syntax."),
        (["--when", "Metric('loss') < 0.5 & After(epoch=3)"], 2, "^^^"),
        (["--when", "Metric('acc') < 0.5"], 1, "reads 'acc', which was not recorded; there are: 'loss'"),
        (["--when", BELOW, "--epoch", "0"], 2, "0 is not in the range x>=1"),
        (["--when", BELOW, "--format", "cvs"], 2, "'cvs'"),
        (["--when", BELOW, "--read", "epochs"], 2, "'epochs' is not NAME=VALUE"),
        (["--when", BELOW, "--read", "epoch=x"], 2, "has no option 'epoch'"),
        ([], 2, "Missing option '--when'"),
    ],
)
def test_what_is_wrong_is_said(
    run: str, arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", run, *arguments]) == status
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_nothing_that_a_text_says_is_run(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "written"
    assert main(["explain", run, "--when", f"open({str(target)!r}, 'w')"]) == 2
    assert "no condition is called 'open'" in capsys.readouterr().err
    assert not target.exists()


def test_a_run_that_is_not_there_and_a_folder_of_several(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(tmp_path / "none.csv"), "--when", BELOW]) == 1
    assert "none.csv is not there" in capsys.readouterr().err
    History.load(run).save(tmp_path / "other.jsonl")
    assert main(["explain", str(tmp_path), "--when", BELOW]) == 2
    assert "holds 2 runs (other.jsonl, run.jsonl); explain takes one" in capsys.readouterr().err


def test_an_epoch_before_the_first_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = History([Record(epoch=5, iteration=5, values={"loss": 1.0})]).save(tmp_path / "late.jsonl")
    assert main(["explain", str(late), "--when", BELOW, "--epoch", "2"]) == 2
    assert "it has epochs 5 to 5" in capsys.readouterr().err
