"""What several commands take: past runs, conditions as texts, lists of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import ParseError

if TYPE_CHECKING:
    from ..conditions import Condition
    from ..logs import Runs

__all__ = ["NAME", "parse_condition", "parse_conditions", "read", "reading_options"]

NAME = "ignite-delayed"

F = TypeVar("F", bound=Callable[..., Any])


def parse_condition(ctx: click.Context, param: click.Parameter, text: str | None) -> Condition | None:
    """A condition as ``repr`` prints it; nothing is evaluated."""
    from ..conditions import Condition  # imports numpy

    try:
        return None if text is None else Condition.parse(text)
    except ParseError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def parse_conditions(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[Condition, ...]:
    """Conditions, one for each time that the option is given."""
    found = (parse_condition(ctx, param, text) for text in texts)
    return tuple(condition for condition in found if condition is not None)


def _parse_setting(text: str) -> tuple[str, Any] | None:
    """``NAME=VALUE``; whole numbers, true and false are told from texts, and ``ignore`` has commas between names."""
    name, given, value = text.partition("=")
    if not given or not name.isidentifier():
        return None
    if value in ("true", "false"):
        return name, value == "true"
    if name == "ignore":
        return name, tuple(value.split(","))
    return name, int(value) if value.isascii() and value.isdigit() else value


def _parse_settings(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    settings = {}
    for text in texts:
        setting = _parse_setting(text)
        if setting is None:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as zero_based=true", ctx, param)
        settings[setting[0]] = setting[1]
    return settings


def reading_options(function: F) -> F:
    """The options of a command that reads past runs."""
    function = click.option(
        "--read",
        "reading",
        multiple=True,
        callback=_parse_settings,
        metavar="NAME=VALUE",
        help="How to read the log, where its format does not say, such as zero_based=true, epoch=step, "
        "epoch_length=100, repeats=last or ignore=phase,note; may be given several times.",
    )(function)
    return click.option(
        "--format", "format_", metavar="FORMAT", help="The format of the logs; told by looking unless it is given."
    )(function)


def read(paths: tuple[str, ...], format_: str | None, reading: Mapping[str, Any]) -> Runs:
    """The runs at ``paths``, files, folders and patterns.

    Raises:
        click.UsageError: for a format or an option of reading that does not exist.
    """
    from ..logs import read_runs  # imports numpy

    try:
        return read_runs(paths, format_, **reading)
    except (TypeError, ValueError) as error:  # of the arguments: what is wrong in a file is told as it is read
        if isinstance(error, OSError) or type(error).__module__.startswith("ignite_delayed"):
            raise
        raise click.UsageError(str(error)) from error
