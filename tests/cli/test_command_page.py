"""The commands of the page on the command line print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ignite_delayed.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "command-line.rst"
CONSOLES = re.findall(r"code-block:: console\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page has written its logs."""
    made = tmp_path_factory.mktemp("page")
    found = re.search(r"code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert found is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        exec(re.sub(r"^    ", "", found[1], flags=re.MULTILINE), {})
    return made


def test_there_is_one_for_each_command_but_the_demo() -> None:
    assert {text.split()[2] for text in CONSOLES} == {"replay", "choose", "explain", "preview"}


@pytest.mark.parametrize("console", CONSOLES, ids=lambda text: text.split()[2])
def test_it_prints_what_the_page_shows(
    console: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    order, *shown = re.sub(r"^    ", "", console.rstrip(), flags=re.MULTILINE).splitlines()
    main(shlex.split(order.removeprefix("$ "))[1:])
    told = capsys.readouterr()
    assert [line.rstrip() for line in (told.out + told.err).rstrip().splitlines()] == shown
