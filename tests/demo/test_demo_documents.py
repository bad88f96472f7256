"""What docs/study.rst says of the demo is what the command says, with the settings of today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from ignite_delayed.cli import main
from ignite_delayed.demo import figure, report, runs, task
from ignite_delayed.demo.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "study.rst").read_text(encoding="utf-8")
STUDIES = {"study.txt": Settings(seed=100), "study-delay-40.txt": Settings(seed=100, delay=40)}


def rows(text: str) -> list[list[str]]:
    """The cells of the table that begins ``text``."""
    lines = text.splitlines()
    return [re.split(r"\s{2,}", line.strip()) for line in lines[3 : lines.index("")]]


def shape(cells: list[str]) -> list[str]:
    """What a row looks like, whatever its numbers."""
    return [re.sub(r"[\d.]+", "0", cell) for cell in cells]


def page_rows() -> list[list[str]]:
    start = PAGE.index("   * - rule\n     - too early")
    table = PAGE[start : PAGE.index("\n\n", start)]
    return [re.findall(r"- \\?(.*)", row) for row in table.split("   * ")[2:]]


def test_the_table_is_what_the_command_printed() -> None:
    plain, longer = (rows((DOCS / name).read_text(encoding="utf-8")) for name in STUDIES)
    told = []
    for title, early, interval, *means in [*plain, *longer[2:4]]:
        share = "-" if early == "-" else f"{early} ({interval})"
        told.append([title, share, *(mean.replace("+-", "±") for mean in means)])
    assert page_rows() == told


@pytest.mark.parametrize("name", STUDIES)
def test_what_it_printed_was_of_the_settings_of_today(name: str) -> None:
    text, settings = (DOCS / name).read_text(encoding="utf-8"), STUDIES[name]
    assert report.study_notes(settings, 100) in text
    titles = [cells[0] for cells in rows(text)]
    assert [title for title in titles if "no delay" not in title] == [plan.title for plan in runs.plans(settings)]


def test_the_command_prints_such_rows_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--seeds", "3", "--seed", "100", "--epochs", "20", "--patience", "2"]) == 0
    today, then = capsys.readouterr().out, (DOCS / "study.txt").read_text(encoding="utf-8")
    assert today.partition("─")[0].split() == then.partition("─")[0].split()
    assert shape(rows(today)[1]) == shape(rows(then)[1])
    assert len(rows(today)) == len(rows(then))


def test_the_picture_shows_what_the_demo_does_today() -> None:
    """All of it follows from the whole run, as the tests of the study show."""
    settings = Settings()
    full = runs.train(task.load_task(settings.seed), settings, runs.plans(settings)[0])
    outcomes = [runs.would_be(full, plan) for plan in runs.plans(settings)]
    with Image.open(DOCS / "demo.png") as picture:
        assert picture.info["Description"] == figure.tell(outcomes)
