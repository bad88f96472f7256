"""The pages of the documentation that are examples are run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(("page", "least"), [("recipes", 20), ("schedules", 10)])
def test_each_example_does_what_it_says(page: str, least: int) -> None:
    result = doctest.testfile(str(DOCS / f"{page}.rst"), module_relative=False, encoding="utf-8")
    assert result.attempted > least
    assert result.failed == 0
