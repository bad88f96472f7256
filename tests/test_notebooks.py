"""Every notebook is executed in a fresh kernel, and shows what it was committed with."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 60


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def describe(notebook: Any) -> list[tuple[int, str]]:
    """What each cell shows, by its number: texts in full, of figures only that they are there."""
    return [
        (number, output.get("text") or ("a figure" if "image/png" in output.data else output.data["text/plain"]))
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
    ]


def test_there_are_notebooks_and_each_is_listed() -> None:
    assert NOTEBOOKS
    listed = re.findall(r"<([^>]+\.ipynb)>`__", (FOLDER / "README.rst").read_text(encoding="utf-8"))
    assert listed == [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
class TestNotebook:
    # Of the libraries that talk to the kernel.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
    def test_it_runs_and_shows_what_was_committed(self, path: Path) -> None:
        before = os.times()
        fresh = load_build().execute(path)
        after = os.times()
        # Of the kernel's work, not of the clock on the wall, which also tells what else the machine does.
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        assert spent < SECONDS
        outputs = [output for cell in fresh.cells for output in cell.get("outputs", [])]
        assert [output.text for output in outputs if output.get("name") == "stderr"] == []
        assert describe(fresh) == describe(read(path))

    def test_it_is_committed_executed_and_free_of_its_machine(self, path: Path) -> None:
        notebook = read(path)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert notebook.metadata == load_build().METADATA
        assert not any(cell.metadata for cell in notebook.cells)
        assert not re.search(r"(?<![\w.:/])/(home|root|tmp|Users|work)/|[A-Z]:\\\\", path.read_text(encoding="utf-8"))

    def test_its_links_lead_somewhere(self, path: Path) -> None:
        text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            assert (FOLDER / link).exists(), link
