"""Weights & Biases' history of a run, exported as CSV (``run.history().to_csv``) or JSON Lines (``scan_history``)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._utils.checks import describe
from ..errors import HistoryError
from ..history import History
from .entries import Row, entries_of, history_of, number
from .layout import Layout
from .text import read_sheet, whole_lines

__all__ = ["read_wandb"]


def read_wandb(path: str | Path, *, partial: bool = False, **layout: Any) -> History:
    """The run in an exported history of Weights & Biases: a row a call of ``run.log``, sparse.

    ``_step`` counts calls of ``log``, not iterations; it serves as iteration where nothing better is named.
    ``epoch`` must have been logged in every row, or ``epoch_length=`` be given.

    Args:
        path: a ``.csv`` file, or one of JSON Lines.
        partial: whether a file that was cut short may be read up to there.
        layout: where the clock is, as for :class:`Layout`. An empty cell of CSV is missing, unless told
            otherwise; only a row that is all empty is refused.

    Raises:
        HistoryError: where the file is damaged or another's, naming line and column.

    Source: https://docs.wandb.ai/guides/track/public-api-guide/
    """
    said, path = Layout(**layout), Path(path)
    rows = list(
        _json_rows(path, partial, said) if path.suffix in (".jsonl", ".json") else _csv_rows(path, partial, said)
    )
    columns = {name: None for _, cells in rows for name in cells}
    if "_step" not in columns:
        averaged = any(name.endswith(("__MIN", "__MAX")) for name in columns)
        hint = "It is the export of a chart, which has averages of several steps; export the run's history" * averaged
        raise HistoryError(f"{path}: no column '_step', so no history of Weights & Biases. {hint}".rstrip())
    named = said.named(columns, str(path))
    apart = {"_step", "_runtime", "_timestamp"} - set(named.values())
    kept = (Row(where, {name: cell for name, cell in cells.items() if name not in apart}) for where, cells in rows)
    return history_of(entries_of(kept, named, said), str(path), said.repeats)


def _csv_rows(path: Path, partial: bool, layout: Layout) -> Iterator[Row]:
    columns, lines = read_sheet(path, partial)
    kept = [name for name in columns if name and name not in layout.ignore]  # an index has no name
    empty = math.nan if layout.empty == "nan" else None
    clock = {"epoch", layout.epoch, layout.iteration, layout.seconds}
    for where, cells in lines:
        if layout.empty is None and not any(
            cells[name] for name in kept if name not in clock and not name.startswith("_")
        ):
            raise HistoryError(
                f"{where}: nothing but the clock, and pandas writes NaN as nothing; pass empty='missing' if this "
                "call of log() logged nothing else, empty='nan' if every empty cell is NaN; JSON Lines tell them apart"
            )
        yield Row(where, {name: number(cells[name], where, name) if cells[name] else empty for name in kept})


def _json_rows(path: Path, partial: bool, layout: Layout) -> Iterator[Row]:
    for place, text in enumerate(whole_lines(path, partial), start=1):
        where = f"{path}, line {place}"
        try:
            logged = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HistoryError(f"{where}: no JSON: {text[:60]!r}") from error
        if not isinstance(logged, dict):
            raise HistoryError(f"{where}: expected what one call of log() logged, got {describe(logged)}")
        kept = {name: cell for name, cell in logged.items() if name not in layout.ignore and not _is_media(cell)}
        yield Row(where, {name: number(cell, where, name) for name, cell in kept.items()})


def _is_media(cell: Any) -> bool:
    """Whether a cell is an image, a histogram or the like."""
    return isinstance(cell, dict) and "_type" in cell
