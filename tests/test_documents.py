"""Documents are well-formed, and what they link to and name is there."""

from __future__ import annotations

import re
from pathlib import Path

import docutils.core
import docutils.utils
import pytest
from docutils.writers.html5_polyglot import Writer

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ignite_delayed"
DOCUMENTS = [
    path for folder in (".", "docs", "benchmarks", "notebooks") for path in sorted((ROOT / folder).glob("*.rst"))
]

# Sphinx alone reads these: they list pages and what docstrings are shown.
OF_THE_SITE = {"api.rst", "index.rst", "tutorials.rst"}

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name not in OF_THE_SITE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_markup_is_clean(path: Path) -> None:
    settings = {"report_level": docutils.utils.Reporter.INFO_LEVEL, "halt_level": 2, "syntax_highlight": "none"}
    text = path.read_text(encoding="utf-8")
    docutils.core.publish_string(text, source_path=str(path), writer=Writer(), settings_overrides=settings)


@documents
def test_links_between_files_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"`[^`<>]+<([^`<>]+)>`_", text) + re.findall(r"\.\. image:: (.+)", text)
    assert [target for target in targets if "://" not in target and not (path.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["README.rst", "docs/how-it-is-built.rst", "CONTRIBUTING.rst"])
def test_files_and_rooms_that_are_named_exist(name: str) -> None:
    named = re.findall(r"``([\w./-]+(?:\.\w{2,3}|/))``", (ROOT / name).read_text(encoding="utf-8"))
    made = {"run.jsonl", "demo.png"}  # by an example, or named without its folder
    missing = [one for one in named if not any((home / one).exists() for home in (ROOT, PACKAGE))]
    assert set(missing) <= made


@pytest.mark.parametrize("name", ["README.rst", "CONTRIBUTING.rst"])
def test_how_it_is_built_is_found(name: str) -> None:
    assert "<docs/how-it-is-built.rst>" in (ROOT / name).read_text(encoding="utf-8")


def test_every_room_has_its_place_in_the_layers() -> None:
    page = ROOT / "docs" / "how-it-is-built.rst"
    layers = re.search(r"^    (errors < .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert layers is not None
    entries = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert sorted(re.split(" < |, ", layers[1])) == sorted({path.stem for path in entries} - {"__init__", "__main__"})
