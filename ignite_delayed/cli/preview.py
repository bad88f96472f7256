"""``ignite-delayed preview``: the rates that schedules would give, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParseError
from .report import console, print_rates
from .writing import check_free, draw_rates, overwrite_option, picture_option

if TYPE_CHECKING:
    from ..schedules import Schedule

__all__ = ["preview"]


def _parse_schedules(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Schedule]:
    """Schedules as ``repr`` prints them, by their text; nothing is evaluated."""
    from ..schedules import Schedule  # imports numpy

    try:
        return {text: Schedule.parse(text) for text in texts}
    except ParseError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command(short_help="The rates that schedules would give, without a run.")
@click.argument("schedules", nargs=-1, required=True, metavar="SCHEDULE...", callback=_parse_schedules)
@click.option("--epochs", type=click.IntRange(min=1), required=True, help="Epochs of the run.")
@click.option(
    "--iterations-per-epoch", type=click.IntRange(min=1), default=100, show_default=True, help="Batches in an epoch."
)
@click.option("--lr", type=click.FloatRange(min=0, min_open=True), help="The base rate; factors without it.")
@click.option(
    "--per",
    type=click.Choice(["iteration", "epoch"]),
    default="iteration",
    show_default=True,
    help="After what the rate changes.",
)
@picture_option
@overwrite_option
def preview(
    schedules: dict[str, Schedule],
    epochs: int,
    iterations_per_epoch: int,
    lr: float | None,
    per: Any,
    picture: Path | None,
    overwrite: bool,
) -> None:
    r"""Preview schedules: the rate of the first batch of some epochs, and of the last batch of the run.

    Schedules are written as Python's repr prints them; nothing is evaluated.

    \b
    Example:
      ignite-delayed preview "warmup(epochs=5).then(Cosine(epochs=95))" --epochs 100 --lr 0.1 --picture rates.png
    """
    check_free([picture], overwrite=overwrite)
    from ..lr import preview as preview_rates  # imports torch and ignite

    try:
        made = {
            text: preview_rates(schedule, epochs=epochs, iterations_per_epoch=iterations_per_epoch, per=per)
            for text, schedule in schedules.items()
        }
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if lr is not None:
        made = {text: one._replace(rates=one.rates * lr, quantity="learning rate") for text, one in made.items()}
    print_rates(made, iterations_per_epoch, console())
    if picture is not None:
        draw_rates(made, picture)
