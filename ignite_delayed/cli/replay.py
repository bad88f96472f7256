"""``ignite-delayed replay``: what other rules would have made of past runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SweepInterrupted
from .options import reading_options
from .report import console, print_each, print_summary
from .rules import rule_options, sweep_of
from .writing import check_free, draw_sweep, output_option, overwrite_option, picture_option, write_table

if TYPE_CHECKING:
    from ..conditions import Expression

__all__ = ["replay"]


@click.command(short_help="What other rules would have made of past runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUNS...")
@rule_options
@reading_options
@output_option
@picture_option
@overwrite_option
@click.option("--each", is_flag=True, help="Print a row for each run and rule as well.")
def replay(
    runs: tuple[str, ...],
    monitor: str | Expression | None,
    mode: Any,
    format_: str | None,
    reading: Mapping[str, Any],
    output: Path | None,
    picture: Path | None,
    overwrite: bool,
    each: bool,
    **rules: Any,
) -> None:
    r"""Replay past runs with other rules: where each would have stopped, what it would have kept and saved.

    RUNS are files, folders and patterns, in any format that is known. A line is printed for each rule: the share of
    the runs that it would have stopped, its regret (how much worse what it kept is than the best there was), and the
    epochs it would have spent. Rules that no other beats, in regret and epochs, have a star.

    \b
    Example:
      ignite-delayed replay 'runs/*/metrics.csv' --monitor val_loss --mode min \
          --patience 3,5,10 --delay 0,10,50 --when "Metric('val_loss') < 0.5"
    """
    check_free([output, picture], overwrite=overwrite)
    out = console()
    try:
        swept = sweep_of(runs, format_, reading, monitor, mode, rules)
    except SweepInterrupted as interrupt:
        if not len(interrupt.partial):
            raise
        print_summary(interrupt.partial, out)
        raise
    if each:
        print_each(swept, out)
        out.print()
    print_summary(swept, out)
    if output is not None:
        write_table(swept, output)
    if picture is not None:
        draw_sweep(swept, picture)
