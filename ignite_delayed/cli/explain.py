"""``ignite-delayed explain``: why a condition held, or did not, at an epoch of a past run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .options import parse_condition, read, reading_options

if TYPE_CHECKING:
    from ..conditions import Condition

__all__ = ["explain"]


@click.command(short_help="Why something had, or had not, started by an epoch of a past run.")
@click.argument("run", metavar="RUN")
@click.option(
    "--when",
    callback=parse_condition,
    required=True,
    metavar="CONDITION",
    help="The condition, as Python's repr prints it, such as \"Metric('val/loss') < 0.5\". Nothing is evaluated.",
)
@click.option("--epoch", type=click.IntRange(min=1), help="After which epoch to ask.  [default: the last]")
@reading_options
def explain(run: str, when: Condition, epoch: int | None, format_: str | None, reading: Mapping[str, Any]) -> None:
    r"""Explain why a condition held, or did not, after an epoch of the past run in RUN.

    RUN is a log in any format that is known. The tree of the condition is printed, with what each part says, and what
    it lacks.

    \b
    Example:
      ignite-delayed explain runs/3/metrics.csv --when "Metric('val_loss') < 0.5" --epoch 37
    """
    from ..history import History
    from ..replays import replay
    from ..replays.fold import fold

    runs = read((run,), format_, reading)
    if len(runs) != 1:
        names = ", ".join(runs.names[:5]) + ", ..." * (len(runs.names) > 5)
        raise click.UsageError(f"{run} holds {len(runs)} runs ({names}); explain takes one")
    history = runs[0]
    seen = History(record for record in history if epoch is None or record.epoch <= epoch)
    if not len(seen):
        there = f"it has epochs {history[0].epoch} to {history[-1].epoch}" if len(history) else "it has no records"
        raise click.UsageError(f"nothing was recorded in {run} up to epoch {epoch}: {there}")
    first = replay(history, when).first
    (state, _), *_ = deque(fold(when, seen), maxlen=1)
    last = seen[-1]
    click.echo(f"After the record of epoch {last.epoch}, iteration {last.iteration}:")
    click.echo(str(when.explain(state)))
    never = f"It never held in this run, which ended in epoch {history[-1].epoch}."
    click.echo(never if first is None else f"It first held in epoch {first.epoch}, iteration {first.iteration}.")
