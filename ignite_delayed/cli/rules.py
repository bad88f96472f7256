"""Rules on the command line: every combination of patience, delay and condition, and rules that are written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import ParseError
from .options import parse_conditions, read

if TYPE_CHECKING:
    from ..conditions import Condition, Expression
    from ..conditions.expression import Mode
    from ..replays import Sweep

__all__ = ["rule_options", "rules_of", "sweep_of"]

F = TypeVar("F", bound=Callable[..., Any])


def _parse_counts(least: int) -> Callable[[click.Context, click.Parameter, str | None], tuple[int, ...]]:
    """Whole numbers with commas between them."""

    def parse(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, ...]:
        numbers: dict[int, None] = {}
        for piece in [] if text is None else text.split(","):
            word = piece.strip()
            if not (word.isascii() and word.isdigit()):
                raise click.BadParameter(f"{word!r} is no whole number; several are written as 3,5,10.", ctx, param)
            if int(word) < least:
                raise click.BadParameter(f"{word} is less than {least}.", ctx, param)
            numbers[int(word)] = None
        return tuple(numbers)

    return parse


def _parse_words(*known: str) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """Words of ``known`` with commas between them."""

    def parse(ctx: click.Context, param: click.Parameter, text: str) -> tuple[str, ...]:
        words = [piece.strip() for piece in text.split(",")]
        for word in words:
            if word not in known:
                raise click.BadParameter(f"{word!r} is none of {', '.join(known)}.", ctx, param)
        return tuple(dict.fromkeys(words))

    return parse


def _parse_monitor(ctx: click.Context, param: click.Parameter, text: str | None) -> str | Expression | None:
    """A metric's name, or an expression; a name has no parenthesis here."""
    from ..conditions import Expression  # imports numpy
    from ..conditions.parsing import read

    if text is None or "(" not in text:
        return text
    try:
        monitor = read(text)
    except ParseError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    if not isinstance(monitor, Expression):
        raise click.BadParameter(f"{monitor!r} is a condition; what is monitored is a number.", ctx, param)
    return monitor


_OPTIONS = (
    click.option(
        "--monitor",
        metavar="METRIC",
        callback=_parse_monitor,
        help="What is monitored: a metric as the log calls it, or an expression, such as "
        "\"0.7 * Metric('acc') + 0.3 * Metric('f1')\".",
    ),
    click.option("--mode", type=click.Choice(["min", "max"]), help="Which values of it are better."),
    click.option(
        "--patience",
        "patiences",
        metavar="COUNTS",
        callback=_parse_counts(1),
        help="Evaluations without improvement before a rule stops, several with commas: 3,5,10.",
    ),
    click.option(
        "--delay",
        "delays",
        metavar="EPOCHS",
        callback=_parse_counts(0),
        help="Epochs before a rule may count, several with commas; 0 is no delay.  [default: 0, without --when]",
    ),
    click.option(
        "--when",
        "conditions",
        metavar="CONDITION",
        multiple=True,
        callback=parse_conditions,
        help="A delay until a condition first holds, as Python's repr prints it: \"Metric('val/loss') < 0.5\". May be "
        "given several times. Nothing is evaluated.",
    ),
    click.option(
        "--while-closed",
        default="ignore",
        show_default=True,
        metavar="WORDS",
        callback=_parse_words("ignore", "track", "count"),
        help="What a delayed rule does meanwhile: ignore what it sees, track the best, or count; several with commas.",
    ),
    click.option(
        "--threshold", type=click.FloatRange(min=0), default=0.0, metavar="NUMBER", help="How much better is better."
    ),
    click.option(
        "--rule",
        "written",
        metavar="CONDITION",
        multiple=True,
        callback=parse_conditions,
        help="One more rule, written out, such as \"GeneralizationLoss('val/loss', alpha=5)\". May be given several "
        "times.",
    ),
)


def rule_options(function: F) -> F:
    """The options that say which rules a command is about."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def rules_of(
    monitor: str | Expression | None,
    mode: Mode | None,
    patiences: tuple[int, ...],
    delays: tuple[int, ...],
    conditions: tuple[Condition, ...],
    while_closed: tuple[str, ...],
    threshold: float,
    written: tuple[Condition, ...],
) -> list[Condition]:
    """Early stopping with every combination, then the rules that are written out.

    Raises:
        click.UsageError: where the options do not go together, or make no rule.
    """
    from ..conditions import After, EarlyStop

    if not patiences:
        if delays or conditions:
            raise click.UsageError("--delay and --when delay early stopping: give its --patience as well")
        if not written:
            raise click.UsageError("no rule: give --patience, or a --rule that is written out")
        return list(dict.fromkeys(written))
    if monitor is None or mode is None:
        raise click.UsageError("--patience needs --monitor and --mode: of what, and which values are better")
    rules: dict[Condition, None] = {}
    try:
        delayed = [After(epochs=delay) if delay else None for delay in delays or (() if conditions else (0,))]
        for patience, until, word in product(patiences, [*delayed, *conditions], while_closed):
            closed: dict[str, Any] = {} if until is None else {"until": until, "while_closed": word}
            rules[EarlyStop(monitor, mode=mode, patience=patience, threshold=threshold, **closed)] = None
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    return list(rules | dict.fromkeys(written))


def sweep_of(
    paths: tuple[str, ...],
    format_: str | None,
    reading: Mapping[str, Any],
    monitor: str | Expression | None,
    mode: Any,
    rules: Mapping[str, Any],
) -> Sweep:
    """What the rules that the options say would have made of the runs at ``paths``."""
    chosen = rules_of(monitor, mode, **rules)
    from ..replays import sweep

    judged = {} if monitor is None or mode is None else {"monitor": monitor, "mode": mode}
    runs = read(paths, format_, reading)
    try:
        return sweep(runs, chosen, **judged)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise click.UsageError(str(error)) from error
