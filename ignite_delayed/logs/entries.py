"""From the rows of a log to a history: one record an iteration, in order, nothing twice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .._utils.checks import describe
from ..errors import HistoryError
from ..history import History, Record
from ..history.metrics import as_float
from .layout import Layout, Repeats

__all__ = ["Entry", "Row", "entries_of", "history_of", "number"]

#: The source of records that do not all have every metric: none of them is expected in each.
SPARSE = "log"


class Row(NamedTuple):
    """A row of a table: where it stands, in words, and its cells; ``None`` where nothing was recorded."""

    where: str
    cells: Mapping[str, float | None]


class Entry(NamedTuple):
    """What was logged at one moment: where it stands, the clock, the values."""

    where: str
    epoch: int
    iteration: int
    values: dict[str, float]
    seconds: float = 0.0
    planned: int | None = None


def number(cell: object, where: str, column: str) -> float | None:
    """A cell as a number; ``None`` where it holds nothing.

    Raises:
        HistoryError: where it is none, naming the column.
    """
    if cell is None:
        return None
    try:
        if not isinstance(cell, str):
            return as_float(cell)
        if "_" not in cell:  # 1_000 is a number in Python's source, not in a log
            return float(cell)
    except ValueError:
        if isinstance(cell, str) and cell in ("True", "False"):
            return float(cell == "True")
    hint = f"pass ignore=[{column!r}] to leave the column out"
    raise HistoryError(f"{where}, column {column!r}: {describe(cell)} is no number; {hint}")


def whole(cell: float | None, where: str, column: str) -> int:
    """A cell of the clock.

    Raises:
        HistoryError: where it is no whole number >= 0, naming the column.
    """
    if cell is None or not cell.is_integer() or not 0 <= cell < 2**53:
        got = "nothing" if cell is None else f"{cell!r}"
        raise HistoryError(f"{where}, column {column!r}: expected a whole number >= 0 of the clock, got {got}")
    return int(cell)


def entries_of(rows: Iterable[Row], named: Mapping[str, str], layout: Layout) -> Iterator[Entry]:
    """What ``rows`` logged; ``named`` has the columns of the clock (:meth:`Layout.named`).

    Raises:
        HistoryError: where a clock cannot be read, naming row and column.
    """
    apart = {*named.values(), *layout.ignore}
    seconds, first = 0.0, True
    for where, cells in rows:
        values = {name: value for name, value in cells.items() if value is not None and name not in apart}
        for column in (column for unit, column in named.items() if unit != "seconds"):
            if values and cells.get(column) is None:
                raise HistoryError(_without_clock(where, column, list(values)))
        clock = {unit: whole(cells.get(column), where, column) for unit, column in named.items() if unit != "seconds"}
        if first and clock.get("epoch") == 0 and layout.zero_based is None:
            raise HistoryError(
                f"{where}, column {named['epoch']!r}: the log begins with epoch 0; pass zero_based=True if that is the "
                "first epoch, zero_based=False if it was an evaluation before training"
            )
        first = False
        if "seconds" in named:
            seconds = _later(cells.get(named["seconds"]), seconds, where, named["seconds"])
        if values:
            epoch, iteration = _clock(clock, layout)
            yield Entry(where, epoch, iteration, values, seconds)


def _without_clock(where: str, column: str, names: list[str]) -> str:
    return (
        f"{where}, column {column!r}: expected a whole number >= 0 of the clock, got nothing, beside "
        f"{', '.join(map(repr, names[:3]))}; pass ignore={names[:1]!r} to leave that out"
    )


def _clock(counted: Mapping[str, int], layout: Layout) -> tuple[int, int]:
    """Epoch and iteration, one from the other where the log counts one of them."""
    offset = 1 if layout.zero_based else 0
    epoch, iteration = counted.get("epoch", -1) + offset, counted.get("iteration", -1) + offset
    length = layout.epoch_length or 1
    if "epoch" not in counted:
        epoch = -(-iteration // length)
    if "iteration" not in counted:
        iteration = epoch * length
    return epoch, iteration


def _later(cell: float | None, before: float, where: str, column: str) -> float:
    """Seconds that never fall; those of the row before where nothing was recorded."""
    if cell is None:
        return before
    if not 0 <= cell < math.inf:
        raise HistoryError(f"{where}, column {column!r}: expected seconds >= 0, got {cell!r}")
    return max(cell, before)


def history_of(entries: Iterable[Entry], where: str, repeats: Repeats = "raise") -> History:
    """The history that ``entries`` are, those of one iteration as one record.

    Where every record has every metric, they come from the one unnamed evaluator, which must report all of them;
    otherwise from the source ``"log"``, of which nothing is expected.

    Raises:
        HistoryError: where there is nothing, or entries are out of order or repeated.
    """
    kept: list[Entry] = []
    for entry in entries:
        if entry.values:  # of an epoch that was begun only, there is nothing
            _add(kept, entry, repeats)
    if not kept:
        raise HistoryError(f"{where}: holds no records: the run logged nothing, or is another kind of file")
    names = {name for entry in kept for name in entry.values}
    source = "" if all(len(entry.values) == len(names) for entry in kept) else SPARSE
    history = History()
    for evaluation, entry in enumerate(kept, start=1):
        try:
            record = Record(
                epoch=entry.epoch,
                iteration=entry.iteration,
                evaluation=evaluation,
                seconds=entry.seconds,
                planned=entry.planned,
                source=source,
                values=entry.values,
            )
            history.append(record)
        except (TypeError, ValueError) as error:
            raise HistoryError(f"{entry.where}: no record of a history: {error}") from error
    return history


def _add(kept: list[Entry], entry: Entry, repeats: Repeats) -> None:
    """Put ``entry`` after those that are there, or into the last one."""
    if kept and (entry.iteration < kept[-1].iteration or entry.epoch < kept[-1].epoch):
        if repeats == "first":
            return
        if repeats == "raise":
            raise HistoryError(_disorder(entry, kept[-1]))
        while kept and (entry.iteration <= kept[-1].iteration or entry.epoch < kept[-1].epoch):
            kept.pop()
    if not kept or kept[-1].iteration < entry.iteration:
        kept.append(entry)
        return
    last = kept[-1]
    if last.epoch != entry.epoch:
        raise HistoryError(
            f"{entry.where}: iteration {entry.iteration} is in epoch {entry.epoch}, and in epoch {last.epoch} above"
        )
    twice = sorted(last.values.keys() & entry.values.keys())
    if twice and repeats == "raise":
        raise HistoryError(
            f"{entry.where}, column {twice[0]!r}: logged twice at epoch {entry.epoch}, iteration {entry.iteration} "
            f"(first in {last.where}); pass repeats='first' or repeats='last' to keep one of them"
        )
    values = last.values | entry.values if repeats == "last" else entry.values | last.values
    kept[-1] = last._replace(values=values, seconds=max(last.seconds, entry.seconds))


def _disorder(entry: Entry, last: Entry) -> str:
    return (
        f"{entry.where}: epoch {entry.epoch}, iteration {entry.iteration} comes after epoch {last.epoch}, iteration "
        f"{last.iteration}: out of order. If the run was resumed from an earlier step, pass repeats='last'; if these "
        "are two runs, or columns that count in different units, read them apart (ignore=[...])"
    )
