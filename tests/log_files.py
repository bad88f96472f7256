"""Logs that other libraries wrote, and short ways to write some."""

from __future__ import annotations

import math
from pathlib import Path

from ignite_delayed import History

LOGS = Path(__file__).parent / "fixtures" / "logs"


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def clocks(history: History) -> list[tuple[int, int, int]]:
    """Epoch, iteration and evaluation of each record."""
    return [record.clock[:3] for record in history]


def column(history: History, name: str) -> list[float | None]:
    """The values of a metric as text shows them, ``None`` where a record has none."""
    return [record.values.get(name) for record in history]


def assert_beginning(part: History, whole: History) -> None:
    """``part`` is how ``whole`` began; of its last record something may be missing, nothing is wrong."""
    for mine, full in zip(part, whole, strict=False):
        assert mine.clock[:2] == full.clock[:2]
        for name, value in mine.values.items():
            assert value == full.values[name] or (math.isnan(value) and math.isnan(full.values[name]))
    assert all(len(mine.values) == len(full.values) for mine, full in zip(part[:-1], whole, strict=False))
    assert len(part) <= len(whole)
