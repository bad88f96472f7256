"""``ignite-delayed demo``: the comparison on real data."""

from __future__ import annotations

from pathlib import Path

import click

from ..demo.settings import EPOCHS, PATIENCE, SEED, Settings, usual_delay

__all__ = ["demo"]

_OUTPUT = Path("demo-output")


@click.command(short_help="Early stopping with and without a delay, compared.")
@click.option(
    "--delay", type=int, metavar="EPOCHS", help="Epochs before early stopping may begin.  [default: half of --epochs]"
)
@click.option(
    "--patience",
    type=int,
    default=PATIENCE,
    show_default=True,
    metavar="EPOCHS",
    help="Epochs without a better validation accuracy before a run is stopped.",
)
@click.option(
    "--epochs", type=int, default=EPOCHS, show_default=True, metavar="EPOCHS", help="Epochs to train at most."
)
@click.option(
    "--seed", type=int, default=SEED, show_default=True, metavar="NUMBER", help="The seed of everything random."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help=f"Where to write picture and histories.  [default: {_OUTPUT}]",
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo has written there.")
@click.option(
    "--seeds",
    type=int,
    metavar="COUNT",
    help="Instead, train for this many seeds, from --seed on, and print how often each rule would have stopped too "
    "early and what it would have cost; writes nothing, takes some seconds a seed.",
)
def demo(
    delay: int | None,
    patience: int,
    epochs: int,
    seed: int,
    output: Path | None,
    overwrite: bool,
    seeds: int | None,
) -> None:
    """Compare early stopping with and without a delay.

    Train a small network on scikit-learn's handwritten digits (no download), 30 % of whose training labels are wrong,
    at a high learning rate that falls from half of the run on, so that early metrics fluctuate. Train it four times
    from the same weights on the same batches: to the end; with Ignite's own EarlyStopping; with early stopping
    delayed by epochs; and delayed until the validation accuracy is steady (the standard deviation of its last ten
    values is below 0.02). Print one table, and write the timeline as a PNG and the four histories as JSON Lines.
    Takes some seconds.
    """
    try:
        settings = Settings(
            epochs=epochs, delay=usual_delay(epochs) if delay is None else delay, patience=patience, seed=seed
        )
    except ValueError as error:
        raise click.UsageError(f"--{error}") from error  # it begins with the name of the argument
    if seeds is not None:
        _check_seeds(seed, seeds, writes=output is not None or overwrite)
    from ..demo import command  # imports torch and ignite

    if seeds is None:
        command.demo(settings, output or _OUTPUT, overwrite=overwrite)
    else:
        command.study(settings, seeds)


def _check_seeds(first: int, count: int, *, writes: bool) -> None:
    if count < 1:
        raise click.UsageError(f"--seeds must be at least 1, got {count}")
    if first + count > 2**32:
        raise click.UsageError(f"--seeds {count} from --seed {first} on goes past the last seed, 2**32 - 1")
    if writes:
        raise click.UsageError("--seeds writes no files: leave out --output and --overwrite")
