"""The command line, ``ignite-delayed`` or ``python -m ignite_delayed``; it starts without importing torch or ignite."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .demo.settings import EPOCHS, PATIENCE, SEED, Settings, usual_delay

__all__ = ["main"]

_OUTPUT = Path("demo-output")

_DEMO = """\
Train a small network on scikit-learn's handwritten digits (no download), 30 % of whose training labels are wrong, \
at a high learning rate that falls from half of the run on, so that early metrics fluctuate. Train it four times from \
the same weights on the same batches: to the end; with Ignite's own EarlyStopping; with early stopping delayed by \
epochs; and delayed until the validation accuracy is steady (the standard deviation of its last ten values is below \
0.02). Print one table, and write the timeline as a PNG and the four histories as JSON Lines. Takes some seconds.\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, without the program's name; those of the process by default.

    Returns:
        The exit status: 0, or 1 with a message on standard error where the command could not do its work.

    Raises:
        SystemExit: after ``--help``, and with status 2 for bad options.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        return int(options.run(options))
    except (ImportError, OSError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ignite-delayed", description="Delayed early stopping for PyTorch-Ignite.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("demo", help="early stopping with and without a delay, compared", description=_DEMO)
    add = parser.add_argument
    add(
        "--delay", type=int, metavar="EPOCHS", help="epochs before early stopping may begin (default: half of --epochs)"
    )
    add(
        "--patience",
        type=int,
        default=PATIENCE,
        metavar="EPOCHS",
        help="epochs without a better validation accuracy before a run is stopped (default: %(default)s)",
    )
    add("--epochs", type=int, default=EPOCHS, metavar="EPOCHS", help="epochs to train at most (default: %(default)s)")
    add("--seed", type=int, default=SEED, metavar="NUMBER", help="of everything random (default: %(default)s)")
    add("--output", type=Path, metavar="FOLDER", help=f"where to write picture and histories (default: {_OUTPUT})")
    add("--overwrite", action="store_true", help="replace what an earlier demo has written there")
    add(
        "--seeds",
        type=int,
        metavar="COUNT",
        help="instead, train for this many seeds, from --seed on, and print how often each rule would have stopped too "
        "early and what it would have cost; writes nothing, takes some seconds a seed",
    )
    parser.set_defaults(run=lambda options: _demo(parser, options))


def _demo(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    delay = usual_delay(options.epochs) if options.delay is None else options.delay
    try:
        settings = Settings(epochs=options.epochs, delay=delay, patience=options.patience, seed=options.seed)
    except ValueError as error:
        parser.error(f"--{error}")  # it begins with the name of the argument
    if options.seeds is not None:
        if options.seeds < 1:
            parser.error(f"--seeds must be at least 1, got {options.seeds}")
        if options.seed + options.seeds > 2**32:
            parser.error(f"--seeds {options.seeds} from --seed {options.seed} on goes past the last seed, 2**32 - 1")
        if options.output is not None or options.overwrite:
            parser.error("--seeds writes no files: leave out --output and --overwrite")
    from .demo.command import demo, study  # imports torch and ignite

    if options.seeds is None:
        demo(settings, options.output or _OUTPUT, overwrite=options.overwrite)
    else:
        study(settings, options.seeds)
    return 0
