"""Tables of sweeps in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._utils.extras import require_extra

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..lr import Preview
    from ..replays import Sweep

__all__ = ["console", "print_each", "print_rates", "print_summary"]

#: Rules of which all are listed; of more only those that no other beats.
_LISTED = 30
#: Epochs of which the rates are printed.
_EPOCHS = 12
#: Columns where the output is no terminal.
_WIDE = 160
#: Columns that tables take at least, so that no number is cut, and those of a number of which the head is long.
_NARROW, _COLUMN = 80, 10


def console() -> Console:
    """Standard output; a file has room for long lines.

    Raises:
        ImportError: without rich (``pip install 'ignite-delayed[cli]'``).
    """
    made: Console = require_extra("rich.console", "cli").Console(highlight=False)
    if not made.is_terminal:
        made.width = max(made.width, _WIDE)
    return made


def print_summary(swept: Sweep, out: Console) -> None:
    """A line for each rule: means over the runs; a star where no other rule beats it."""
    from ..conditions.expression import label_of
    from ..replays.sweeps.labels import labels_of

    found, labels = swept.summary(), labels_of(swept.rules)
    shown = [place for place in range(len(labels)) if len(labels) <= _LISTED or found.front[place]]
    table = _table("", "rule", "stopped", "regret", "worst", "epochs", "saved")
    for place in shown:
        table.add_row(
            "*" if found.front[place] else "",
            _escaped(labels[place]),
            f"{found.stopped[place]:.0%}" if found.runs else "-",
            *(_number(float(column[place])) for column in (found.regret, found.worst)),
            *(_number(float(column[place]), ".1f") for column in (found.epochs, found.saved)),
        )
    left_out = f", those that no other beats: {len(shown)}" if len(shown) < len(labels) else ""
    title = f"{_several(len(labels), 'rule')} over {_several(len(swept), 'run')}{left_out}"
    out.print(f"{title}, by {label_of(swept.monitor)} ({swept.mode})", markup=False)
    _print_table(table, out)
    out.print(
        "stopped: share of the runs; regret: kept - best, mean and worst; epochs: spent and saved, means;\n"
        "*: no other rule has less regret for no more epochs, or as little for fewer."
    )


def print_each(swept: Sweep, out: Console) -> None:
    """A line for each run and rule."""
    from ..replays.sweeps.labels import labels_of

    table = _table("run", "rule", "stopped in", "kept", "in", "best", "in", "regret", "saved")
    for run, name in enumerate(swept.runs):
        for place, label in enumerate(labels_of(swept.rules)):
            at = run, place
            stopped = swept.stopped_epoch[at]
            table.add_row(
                _escaped(name) if place == 0 else "",
                _escaped(label),
                "-" if math.isnan(stopped) else f"{stopped:.0f}",
                _number(swept.kept[at]),
                _number(swept.kept_epoch[at], ".0f"),
                _number(swept.best[at]),
                _number(swept.best_epoch[at], ".0f"),
                _number(swept.regret[at]),
                _number(swept.saved[at], ".0f"),
            )
    _print_table(table, out)


def print_rates(previews: Mapping[str, Preview], iterations_per_epoch: int, out: Console) -> None:
    """The rate of the first batch of some epochs, and of the last batch, of each schedule."""
    batches = len(next(iter(previews.values())).rates)
    epochs = batches // iterations_per_epoch
    shown = sorted({1 + round(place * (epochs - 1) / (_EPOCHS - 1)) for place in range(_EPOCHS)})
    rows = [(f"epoch {epoch}", (epoch - 1) * iterations_per_epoch) for epoch in shown]
    out.print(", ".join(dict.fromkeys(one.quantity for one in previews.values())))
    table = _table("first batch of", *previews)
    for name, place in [*rows, ("the last batch", batches - 1)]:
        table.add_row(name, *(_number(float(one.rates[place, 0])) for one in previews.values()))
    _print_table(table, out)


def _table(*heads: str) -> Table:
    """An empty table, names on the left and numbers on the right; of names and long heads nothing is cut."""
    simple = require_extra("rich.box", "cli").SIMPLE_HEAD
    table: Table = require_extra("rich.table", "cli").Table(
        box=simple, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for head in heads:
        named, long = head in ("", "run", "rule", "first batch of"), len(head) > _COLUMN
        table.add_column(
            _escaped(head),
            justify="left" if named else "right",
            overflow="fold",
            no_wrap=not named and not long,
            min_width=_COLUMN if long and not named else None,
        )
    return table


def _print_table(table: Table, out: Console) -> None:
    """Print a table; where the terminal is too narrow for its numbers, beyond the edge."""
    width, out.width = out.width, max(out.width, _NARROW)
    out.print(table)
    out.width = width


def _escaped(text: str) -> str:
    """A text whose brackets are no markup."""
    escaped: str = require_extra("rich.markup", "cli").escape(text)
    return escaped


def _number(value: float, form: str = ".4g") -> str:
    return "-" if math.isnan(value) else f"{value:{form}}"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
