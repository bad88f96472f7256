"""What README.rst and the pages of the site show is run: doctests, blocks of code, whole scripts."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
import torch

import ignite_delayed

# What a block may need that the tests do not have.
FOREIGN = {"hydra", "keras", "lightning", "monai", "optuna", "skorch", "timm", "transformers"}

GROUPS = {
    f"{pages.page_id(path)}:{group[0].line}": (path, group)
    for path in pages.PAGES
    if path.suffixes == [".rst"]  # the others show the same in another language
    for group in pages.runs(path)
}
SHOWN = {
    f"{pages.page_id(path)}:{block.line}": block
    for path in pages.PAGES
    for block in pages.blocks(path)
    if block.kind == "shown"
}
QUESTIONED = [path for path in pages.PAGES if "\n>>> " in path.read_text(encoding="utf-8")]


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Scripts may change what torch computes in."""
    kind, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(kind)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("path", QUESTIONED, ids=pages.page_id)
def test_its_questions_are_answered_so(path: Path) -> None:
    result = doctest.testfile(str(path), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", GROUPS)
def test_its_blocks_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, group = GROUPS[name]
    monkeypatch.chdir(tmp_path)
    whole = group[0].kind == "whole"
    names: dict[str, Any] = {"__name__": "__main__"} if whole else pages.world(tmp_path)
    if not whole and any("= Recorder(" in block.code for block in group):
        names.pop("recorder").remove()  # a trainer has one
    for block in group:
        block.run(path, names)
    if whole:
        told = re.findall(r"It prints \*(.*?)\*\.", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        printed = capsys.readouterr().out
        assert [said for said in told if " ".join(said.split()) not in printed] == []
    else:
        trainer = names["trainer"]
        if trainer.state.iteration == 0:  # what was attached lets the run go on
            trainer.run(names["loader"], max_epochs=3)
        assert trainer.state.epoch >= 3


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_only_shown_is_python_and_could_not_be_run(name: str) -> None:
    tree = ast.parse(SHOWN[name].code)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in imported} & FOREIGN


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_only_shown_imports_what_it_takes_from_the_package(name: str) -> None:
    nodes = list(ast.walk(ast.parse(SHOWN[name].code)))
    used = {node.id for node in nodes if isinstance(node, ast.Name)} & set(ignite_delayed.__all__)
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "ignite_delayed"]
    assert used == {alias.name for node in ours for alias in node.names}


@pytest.mark.parametrize("path", pages.PAGES, ids=pages.page_id)
def test_no_block_is_overlooked(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    kinds = [block.kind for block in pages.blocks(path)]
    assert len(kinds) == len(re.findall(r"code-block:: *(?:python|py)\b", text))
    assert set(kinds) <= {"", "next", "shown", "whole"}
    assert not re.search(r"^ +>>> ", text, flags=re.MULTILINE)
