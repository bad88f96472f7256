"""Hugging Face's ``trainer_state.json``: the ``log_history`` of a ``Trainer``, epochs as fractions."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from ..history import History
from .entries import Entry, history_of, number, whole
from .layout import Layout, Repeats
from .text import read_json

__all__ = ["read_transformers"]

# The Trainer's epochs are rounded: 1.0000001 is the end of the first, not the beginning of the second.
_ROUNDING = 1e-6


def read_transformers(path: str | Path, *, repeats: Repeats = "raise", ignore: Iterable[str] = ()) -> History:
    """The run in a ``trainer_state.json`` that Hugging Face's ``Trainer`` wrote, beside a checkpoint or at the end.

    Epoch 0.5 is half of epoch 1; steps are iterations; ``max_steps`` is how many were planned. The state of a
    checkpoint has the run up to there.

    Args:
        path: the file.
        repeats: what is done with a metric that was logged twice at one step, as for :class:`Layout`.
        ignore: columns to leave out.

    Raises:
        HistoryError: where the file is damaged or another's, naming line or entry.

    Source: https://huggingface.co/docs/transformers/main_classes/callback#transformers.TrainerState
    """
    layout, state = Layout(repeats=repeats, ignore=ignore), read_json(Path(path))
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise HistoryError(
            f"{path}: expected the state of a Trainer, with a 'log_history', got a {type(state).__name__}"
        )
    planned = state.get("max_steps")
    steps = planned if isinstance(planned, int) and planned > 0 else None
    entries = _entries(state["log_history"], steps, str(path), layout.ignore)
    return history_of(entries, str(path), repeats)


def _entries(logged: list[Any], planned: int | None, where: str, ignore: Container[str]) -> Iterator[Entry]:
    for place, cells in enumerate(logged, start=1):
        at = f"{where}, entry {place} of log_history"
        if not isinstance(cells, dict):
            raise HistoryError(f"{at}: expected a dict, got {str(cells)[:60]}")
        found = {name: number(cell, at, name) for name, cell in cells.items() if name not in ignore}
        epoch, iteration = found.pop("epoch", None), whole(found.pop("step", None), at, "step")
        if epoch is None or not 0 <= epoch < 2**53:
            raise HistoryError(f"{at}, column 'epoch': expected an epoch >= 0, got {epoch}")
        values = {name: value for name, value in found.items() if value is not None}
        yield Entry(at, math.ceil(epoch - _ROUNDING), iteration, values, planned=planned)
