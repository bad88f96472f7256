"""The site shows all that is public, and is built as it says."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

import pytest

import ignite_delayed

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BUILD = re.compile(r"\.venv/bin/python -m sphinx (?:-q )?(-W -b html docs docs/_build)")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settings() -> ast.Module:
    return ast.parse(text("docs/conf.py"))


def test_the_reference_has_every_public_name() -> None:
    """It lists the rooms of the package, and the site shows of each what the stub offers from there."""
    rooms = re.findall(r"^\.\. public:: (\w+)$", text("docs/api.rst"), flags=re.MULTILINE)
    offered = re.findall(
        r"^from \.(\w+) import (\w+) as (\w+)$", text("ignite_delayed/__init__.pyi"), flags=re.MULTILINE
    )
    assert sorted(rooms) == sorted({room for room, _, _ in offered})
    assert sorted(public for _, name, public in offered if name == public) == sorted(ignite_delayed.__all__)


@pytest.mark.parametrize("name", sorted(ignite_delayed.__all__))
def test_every_public_name_is_documented_with_an_example_that_shows_what_comes_out(name: str) -> None:
    """What a function returns has one of its own; all of them are run, as those of any module."""
    examples = doctest.DocTestParser().get_examples(getattr(ignite_delayed, name).__doc__ or "")
    assert any(example.want for example in examples)


@pytest.mark.parametrize("name", ["CONTRIBUTING.rst", ".ci/run"])
def test_it_is_built_the_same_way_everywhere(name: str) -> None:
    assert BUILD.findall(text(name)) == ["-W -b html docs docs/_build"]


def test_what_it_is_built_with_is_in_the_extra() -> None:
    extra = re.search(r"^docs =\n((?:    .*\n)+)", text("setup.cfg"), flags=re.MULTILINE)
    assert extra is not None
    values = {
        target.id: ast.literal_eval(node.value)
        for node in settings().body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.List)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used = {name.split(".")[0].replace("_", "-") for name in (*values["extensions"], values["html_theme"])}
    assert used <= set(extra[1].split())


def test_every_page_is_in_a_list_of_pages() -> None:
    listed = {
        entry
        for tree in re.findall(r"\.\. toctree::\n((?:   .*\n|\n)+)", text("docs/index.rst"))
        for entry in re.findall(r"^   ([\w-]+)$", tree, flags=re.MULTILINE)
    }
    assert listed == {path.stem for path in DOCS.glob("*.rst")} - {"index"}


def test_nothing_is_fetched_while_it_is_built() -> None:
    assert "intersphinx" not in text("docs/conf.py")
