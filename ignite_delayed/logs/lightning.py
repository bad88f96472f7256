"""Lightning's ``CSVLogger``: sparse rows, a cell empty where a row has no such metric; epochs and steps from 0."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import HistoryError
from ..history import History
from .entries import Row, entries_of, history_of, number
from .layout import Layout, Repeats
from .text import read_sheet

__all__ = ["read_lightning"]


def read_lightning(
    path: str | Path, *, partial: bool = False, repeats: Repeats = "raise", ignore: Iterable[str] = ()
) -> History:
    """The run in the ``metrics.csv`` that Lightning's ``CSVLogger`` wrote; rows of one step become one record.

    Lightning's epoch 0 is epoch 1, and its step 0, the first batch, iteration 1. What ``trainer.validate`` logged
    after ``fit`` is indistinguishable from an evaluation in the first batch of one more epoch, and read as that.

    Args:
        path: the file.
        partial: whether a file that was cut short may be read up to there.
        repeats: what is done with a metric that was logged twice at one step, as for :class:`Layout`.
        ignore: columns to leave out.

    Raises:
        HistoryError: where the file is damaged or another's, naming line and column.

    Source: https://lightning.ai/docs/pytorch/stable/extensions/generated/lightning.pytorch.loggers.CSVLogger.html
    """
    layout, path = Layout(zero_based=True, repeats=repeats, ignore=ignore), Path(path)
    columns, lines = read_sheet(path, partial)
    lacking = [name for name in ("epoch", "step") if name not in columns]
    if lacking:
        raise HistoryError(f"{path}, line 1: no column {lacking[0]!r}; there are: {', '.join(columns)[:80]}")
    kept = [name for name in columns if name not in layout.ignore]
    rows = (Row(where, {name: number(cells[name] or None, where, name) for name in kept}) for where, cells in lines)
    named = {"epoch": "epoch", "iteration": "step"}
    return history_of(entries_of(rows, named, layout), str(path), repeats)
