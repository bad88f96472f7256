"""``ignite-delayed choose``: the cheapest rule that keeps its promise on runs it was not chosen on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import reading_options
from .report import console
from .rules import rule_options, sweep_of
from .writing import check_free, draw_sweep, output_option, overwrite_option, picture_option, write_table

if TYPE_CHECKING:
    from ..conditions import Expression

__all__ = ["choose"]


@click.command(short_help="The cheapest rule whose regret stays small, chosen from past runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUNS...")
@rule_options
@click.option(
    "--max-regret",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    metavar="NUMBER",
    help="The mean regret to accept: how much worse what is kept may be than the best there was.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    metavar="SHARE",
    help="How sure of it.",
)
@click.option(
    "--groups",
    metavar="PARAMETER",
    help="A parameter of the runs: those that share its value, such as the seeds of one setting, count as one.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws the runs held out.")
@reading_options
@output_option
@picture_option
@overwrite_option
def choose(
    runs: tuple[str, ...],
    monitor: str | Expression | None,
    mode: Any,
    max_regret: float,
    confidence: float,
    groups: str | None,
    seed: int,
    format_: str | None,
    reading: Mapping[str, Any],
    output: Path | None,
    picture: Path | None,
    overwrite: bool,
    **rules: Any,
) -> None:
    r"""Choose the cheapest rule whose mean regret is shown to stay small, on runs that it was not chosen on.

    The rules are those of replay. What is printed begins with the rule, to be pasted; the exit status is 1 where no
    rule can be recommended, for example as the runs are too few, and the reason is printed.

    \b
    Example:
      ignite-delayed choose 'runs/*/metrics.csv' --monitor val_loss --mode min \
          --patience 3,5,10 --delay 0,10,50 --max-regret 0.01
    """
    check_free([output, picture], overwrite=overwrite)
    swept = sweep_of(runs, format_, reading, monitor, mode, rules)
    from ..replays import choose as choose_rule

    try:
        made = choose_rule(swept, max_regret, confidence=confidence, groups=groups, seed=seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    console().print(str(made), soft_wrap=True, markup=False)
    if output is not None:
        write_table(swept, output)
    if picture is not None:
        draw_sweep(swept, picture, chosen=made)
    if made.rule is None:
        raise click.exceptions.Exit(1)
