"""skorch's ``History``: a list of epochs, each a dict; in JSON as ``net.save_params(f_history=...)`` writes it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from ..history import History
from .entries import Entry, history_of, number, whole
from .layout import Layout
from .text import read_json

__all__ = ["from_skorch", "read_skorch"]


def read_skorch(path: str | Path, *, ignore: Iterable[str] = ()) -> History:
    """The run in a ``history.json`` of skorch, see :func:`from_skorch`.

    Args:
        path: the file.
        ignore: what to leave out.

    Raises:
        HistoryError: where the file is damaged or another's, naming line or epoch.
    """
    return _history(read_json(Path(path)), str(path), Layout(ignore=ignore))


def from_skorch(history: Sequence[Any], *, ignore: Iterable[str] = ()) -> History:
    """The run in ``net.history``: epochs from 1, iterations and seconds summed over them.

    What was recorded of single batches is left out. They are ``train_batch_count`` and
    ``dur``; without the first an epoch counts as one iteration.

    Args:
        history: ``net.history``, or the list of dicts that it saves.
        ignore: what to leave out, such as what is no number.

    Raises:
        HistoryError: where it is no such list, naming the epoch.

    Source: https://skorch.readthedocs.io/en/stable/user/history.html
    """
    return _history(history, "the history", Layout(ignore=ignore))


def _history(epochs: Any, where: str, layout: Layout) -> History:
    if not isinstance(epochs, Sequence) or isinstance(epochs, str):
        hint = "; read_skorch(path) reads a file" if isinstance(epochs, (str, Path)) else ""
        raise HistoryError(f"{where}: expected skorch's list of epochs, got a {type(epochs).__name__}{hint}")
    return history_of(_entries(epochs, where, {"batches", *layout.ignore}), where)


def _entries(epochs: Sequence[Any], where: str, ignore: Container[str]) -> Iterator[Entry]:
    last, iteration, seconds = 0, 0, 0.0
    for place, cells in enumerate(epochs, start=1):
        at = f"{where}, entry {place}"
        if not isinstance(cells, dict) or "epoch" not in cells:
            raise HistoryError(f"{at}: expected a dict with an 'epoch', got {str(cells)[:60]}")
        found = {name: number(cell, at, name) for name, cell in cells.items() if name not in ignore}
        epoch = whole(found.pop("epoch"), at, "epoch")
        if epoch <= last:
            raise HistoryError(
                f"{at}: epoch {epoch} comes after epoch {last}: two fits in one history, or out of order"
            )
        last = epoch
        iteration += whole(found.get("train_batch_count", 1.0), at, "train_batch_count")
        seconds += found.pop("dur", 0.0) or 0.0
        yield Entry(at, epoch, iteration, {name: value for name, value in found.items() if value is not None}, seconds)
