"""Histories as JSON Lines."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import INF, contexts, run_of, runs, several

from ignite_delayed import History, HistoryError, Mark
from ignite_delayed.history.jsonl import read, write
from ignite_delayed.history.table import Table


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
    assert parsed[0] == {"format": "ignite-delayed history", "version": 2, "lines": len(lines) - 1}
    assert parsed[2]["values"] == {"val/loss": "NaN", "lr": 0.1}
    assert parsed[3]["source"] is None
    assert list(parsed[-1]) == ["mark", "check"]


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
    with pytest.raises(HistoryError, match=r"no JSON: 'x{60}'; read_runs\(path\) reads what others wrote$"):
        History.load(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none.jsonl")


def test_a_history_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = run_of([1.0]).save(tmp_path / "run.jsonl")
    unwritable = run_of([2.0])
    unwritable._marks.append(Mark("opened", "gate", 1, 1, 1, 1.0, object()))  # type: ignore[arg-type]  # noqa: SLF001
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


def test_records_and_marks_are_written_and_read_for_themselves(tmp_path: Path) -> None:
    records = list(several())
    table = Table()
    for record in records:
        table.append(record)
    path = write(table, range(1, table.end), iter(several().marks), tmp_path / "run.jsonl", False)
    assert path == tmp_path / "run.jsonl"
    again, marks = read(path)
    assert [again.row(row, None) for row in range(again.end)] == records[1:]
    assert marks == several().marks


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: lines[:3] + lines[2:],
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0], lines[1].replace(": 1.0", ": 1.5"), *lines[2:]],
        lambda lines: [lines[0].replace('"lines": 4', '"lines": 3'), *lines[1:4]],
    ],
    ids=["missing", "doubled", "swapped", "one more", "changed", "said to be fewer"],
)
def test_lines_that_are_not_those_that_were_saved_are_refused(change: Any, tmp_path: Path) -> None:
    path = run_of([1.0, 2.0, 3.0, 4.0]).save(tmp_path / "run.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*change(lines), ""]), encoding="utf-8")
    with pytest.raises(HistoryError, match=r"missing, doubled or swapped|some were added"):
        History.load(path)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_of_a_file_that_was_cut_between_two_lines_the_whole_ones_are_read_with_a_warning(
    left: int, tmp_path: Path
) -> None:
    path = run_of([1.0, 2.0, 3.0, 4.0]).save(tmp_path / "run.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[: 1 + left]), encoding="utf-8")
    with pytest.warns(UserWarning, match=rf"run\.jsonl: it was cut short: {left} of 4 lines are there"):
        assert History.load(path) == run_of([1.0, 2.0, 3.0, 4.0][:left])


def test_no_damage_to_one_byte_passes_for_data(tmp_path: Path) -> None:
    path = several().save(tmp_path / "run.jsonl")
    content, random = path.read_bytes(), Random(0)
    for _ in range(500):
        damaged = bytearray(content)
        damaged[random.randrange(len(content))] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = History.load(path)
        except HistoryError:
            continue
        assert again in (several(), several_but_the_last())


def test_two_last_lines_that_became_one_are_not_taken_for_one_that_was_cut_short(tmp_path: Path) -> None:
    path = several().save(tmp_path / "run.jsonl")
    *before, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before)[:-1] + b" " + last)
    with pytest.raises(HistoryError, match="no JSON"):
        History.load(path)


def several_but_the_last() -> History:
    """What is read where the last line is no JSON any more, which is warned of."""
    run = several()
    run.unmark(run.marked - 1)
    return run
