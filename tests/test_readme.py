"""README.rst is short, its script says what is shown, and its Chinese sister shows the same."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest

import ignite_delayed

README, CHINESE = pages.ROOT / "README.rst", pages.ROOT / "README.zh-CN.rst"
WORDS = 1500


def shown_output(path: Path) -> str:
    """What the page says that its script prints."""
    after = path.read_text(encoding="utf-8").partition("train(until=After(epochs=10))\n")[2]
    found = re.search(r"::\n\n((?:    .*\n)+)", after)
    assert found is not None
    return textwrap.dedent(found[1])


def test_it_is_read_in_five_minutes() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= WORDS


def test_the_script_prints_what_is_shown(tmp_path: Path) -> None:
    script = tmp_path / "first.py"
    whole = [block for block in pages.blocks(README) if block.kind == "whole"]
    assert len(whole) == 1
    script.write_text(whole[0].code, encoding="utf-8")
    ended = subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ended.stdout == shown_output(README)


def test_the_chinese_page_shows_the_same_code() -> None:
    assert [block.code for block in pages.blocks(CHINESE)] == [block.code for block in pages.blocks(README)]
    assert shown_output(CHINESE) == shown_output(README)


def test_the_chinese_page_gives_the_same_commands_and_pictures() -> None:
    for found in (r"^    (?:python3|pip) .*$", r"^\.\. image:: .*$"):
        english, chinese = (
            re.findall(found, path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in (README, CHINESE)
        )
        assert english == chinese


def test_they_link_to_each_other() -> None:
    assert "<README.zh-CN.rst>" in README.read_text(encoding="utf-8")
    assert "<README.rst>" in CHINESE.read_text(encoding="utf-8")


def test_every_page_is_found_from_here() -> None:
    folder, found, waiting = pages.ROOT / "docs", set[str](), [README]
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8")
        further = set(re.findall(r"<(?:docs/)?([\w-]+)\.rst>", text)) - found
        found |= further
        waiting += [folder / f"{name}.rst" for name in further if (folder / f"{name}.rst").exists()]
    of_the_site = {"api", "changelog", "contributing", "index", "tutorials"}
    assert found >= {path.stem for path in folder.glob("*.rst")} - of_the_site


def conditions() -> Iterator[str]:
    text = (pages.ROOT / "docs" / "conditions.rst").read_text(encoding="utf-8")
    table = text[text.index("     - holds when\n") : text.index("Why has it not started yet?")]
    for row in table.split("   * - ")[2:]:
        *_, example = re.findall(r"     - (.*)", row)
        yield example.strip("`")


@pytest.mark.parametrize("example", list(conditions()))
def test_each_example_of_a_condition_is_one(example: str) -> None:
    from ignite_delayed.conditions import as_condition

    public = {name: getattr(ignite_delayed, name) for name in ignite_delayed.__all__}
    as_condition("example", eval(example, public))
