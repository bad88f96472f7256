"""The recipes in the documentation are run."""

from __future__ import annotations

import doctest
from pathlib import Path

RECIPES = Path(__file__).parent.parent / "docs" / "recipes.rst"


def test_each_does_what_it_says() -> None:
    result = doctest.testfile(str(RECIPES), module_relative=False, encoding="utf-8")
    assert result.attempted > 20
    assert result.failed == 0
