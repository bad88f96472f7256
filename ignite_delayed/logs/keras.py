"""Keras's ``CSVLogger``: a row an epoch, counted from 0; ``NA`` where an epoch had no such metric."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import HistoryError
from ..history import History
from .entries import Row, entries_of, history_of, number
from .layout import Layout, Repeats
from .text import read_sheet

__all__ = ["read_keras"]


def read_keras(
    path: str | Path, *, partial: bool = False, repeats: Repeats = "raise", ignore: Iterable[str] = ()
) -> History:
    """The run that Keras's ``CSVLogger`` wrote; Keras's epoch 0 is epoch 1, and an epoch counts as one iteration.

    ``History.history``, a dict of lists, is read by :func:`from_dict` with ``epoch="row"``.

    Args:
        path: the file.
        partial: whether a file that was cut short may be read up to there.
        repeats: what is done with an epoch that is there twice, as for :class:`Layout`: a file that was appended to
            (``append=True``) may hold several runs of ``fit``.
        ignore: columns to leave out.

    Raises:
        HistoryError: where the file is damaged or another's, naming line and column.

    Source: https://keras.io/api/callbacks/csv_logger/
    """
    layout, path = Layout(zero_based=True, repeats=repeats, ignore=ignore), Path(path)
    columns, lines = read_sheet(path, partial)
    if columns[:1] != ["epoch"]:
        raise HistoryError(f"{path}, line 1: expected 'epoch' as the first column, got {','.join(columns)[:80]!r}")
    kept = [name for name in columns if name not in layout.ignore]
    rows = (
        Row(where, {name: None if cells[name] == "NA" else number(cells[name], where, name) for name in kept})
        for where, cells in lines
    )
    return history_of(entries_of(rows, {"epoch": "epoch"}, layout), str(path), repeats)
