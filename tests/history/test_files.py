"""Files appear whole or not at all, whoever else writes there."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from strategies import run_of

from ignite_delayed import History
from ignite_delayed.history.files import write_whole


def names(folder: Path) -> list[str]:
    """What is in ``folder``."""
    return sorted(entry.name for entry in folder.iterdir())


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    link, target = tmp_path / "last.jsonl", tmp_path / "runs" / "run.jsonl"
    link.symlink_to(target)
    run_of([1.0]).save(link)  # it leads nowhere yet
    run_of([2.0]).save(link, overwrite=True)
    assert link.is_symlink()
    assert History.load(target) == run_of([2.0])
    assert names(tmp_path / "runs") == ["run.jsonl"]


def test_the_mode_of_a_file_that_is_replaced_is_kept(tmp_path: Path) -> None:
    path = run_of([1.0]).save(tmp_path / "run.jsonl")
    path.chmod(0o640)
    run_of([2.0]).save(path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("", encoding="utf-8")
    assert run_of([1.0]).save(tmp_path / "run.jsonl").stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a pipe"])
def test_what_is_no_file_is_refused_and_left_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    before, entries = path.stat().st_mode, names(tmp_path)
    with pytest.raises(OSError, match=r"run\.jsonl is no regular file but"):
        run_of([1.0]).save(path, overwrite=True)
    assert (path.stat().st_mode, names(tmp_path)) == (before, entries)


def test_a_link_that_somebody_laid_at_the_old_name_of_the_unfinished_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / f".run.jsonl.{os.getpid()}.tmp").symlink_to(victim)
    run_of([1.0]).save(tmp_path / "run.jsonl")
    assert victim.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without"])
def test_of_several_who_write_at_once_one_succeeds_and_its_file_stands(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, gate = tmp_path / "run.jsonl", threading.Barrier(8)
    won: list[int] = []
    if not links:

        def refuse(*_: object) -> None:
            raise PermissionError("no links on this file system")

        monkeypatch.setattr(os, "link", refuse)

    def lines(number: int) -> Iterator[str]:
        gate.wait()  # all have seen that there is no file
        yield from [str(number)] * 1000

    def save(number: int) -> None:
        try:
            write_whole(path, lines(number), overwrite=False)
        except FileExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert path.read_text(encoding="utf-8").split() == [str(won[0])] * 1000
    assert names(tmp_path) == ["run.jsonl"]


def test_threads_that_replace_one_file_leave_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    runs = [run_of([float(number)] * 50) for number in range(6)]
    threads = [threading.Thread(target=run.save, args=(path,), kwargs={"overwrite": True}) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert History.load(path) in runs
    assert names(tmp_path) == ["run.jsonl"]


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "run.jsonl", lines(), overwrite=False)
    assert names(tmp_path) == []
