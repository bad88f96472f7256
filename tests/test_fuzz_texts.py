"""Thousands of random texts: each is a condition, a schedule or a ``ParseError``, and nothing is executed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "fuzz_texts.py"


def test_thousands_of_texts_are_read_or_refused_and_nothing_is_executed() -> None:
    """A sample of what ``python benchmarks/fuzz_texts.py`` reads."""
    order = [sys.executable, str(SCRIPT), "6000", "--seed", "1"]
    done = subprocess.run(order, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "executed: nothing; wrong: 0" in done.stdout
    count = re.search(r"([\d,]+) ParseError, (\d+) a Condition, (\d+) a Schedule", done.stdout)
    assert count is not None
    assert int(count[1].replace(",", "")) > 6000
    assert min(int(count[2]), int(count[3])) > 40  # so that what is read is tried, too
