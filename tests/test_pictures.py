"""The pictures of the pages are those that ``docs/pictures.py`` draws today."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.mark.parametrize("name", ["phases", "delays"])
def test_what_stands_in_a_picture_is_what_is_drawn_now(name: str) -> None:
    drawing = runpy.run_path(str(DOCS / "pictures.py"))
    with Image.open(DOCS / f"{name}.png") as picture:
        assert picture.info["Comment"] == drawing["words"](drawing[f"{name}_picture"]())
