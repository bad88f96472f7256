"""Files that commands write: never over one that is there, unless that was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .._utils.extras import require_extra

if TYPE_CHECKING:
    from ..lr import Preview
    from ..replays import Choice, Sweep

__all__ = [
    "check_free",
    "draw_rates",
    "draw_sweep",
    "output_option",
    "overwrite_option",
    "picture_option",
    "write_figure",
    "write_table",
]

F = TypeVar("F", bound=Callable[..., Any])

_TABLES, _PICTURES = (".csv", ".parquet"), (".png", ".pdf", ".svg")


def _path_of(*endings: str) -> Callable[[click.Context, click.Parameter, str | None], Path | None]:
    """A path whose name ends in one of ``endings``, told before anything is read."""

    def parse(ctx: click.Context, param: click.Parameter, text: str | None) -> Path | None:
        if text is not None and Path(text).suffix.lower() not in endings:
            raise click.BadParameter(f"{text}: the name must end in {', '.join(endings)}.", ctx, param)
        return None if text is None else Path(text)

    return parse


def picture_option(function: F) -> F:
    """Where a command draws to."""
    return click.option(
        "--picture", callback=_path_of(*_PICTURES), metavar="FILE", help="Draw it, as a .png, .pdf or .svg."
    )(function)


def overwrite_option(function: F) -> F:
    """Whether a command may write over files."""
    return click.option("--overwrite", is_flag=True, help="Replace files that are there.")(function)


def output_option(function: F) -> F:
    """Where a command writes its table."""
    return click.option(
        "--output",
        callback=_path_of(*_TABLES),
        metavar="FILE",
        help="Write a row for each run and rule, as a .csv or .parquet.",
    )(function)


def check_free(paths: Iterable[Path | None], *, overwrite: bool) -> None:
    """Refuse what could not be written, before anything is read.

    Raises:
        FileExistsError: where a file is there and ``overwrite`` is false.
        FileNotFoundError: where its folder is not there.
        IsADirectoryError: where it is a folder.
        PermissionError: where nothing may be written there.
    """
    for path in paths:
        if path is not None and path.is_dir():
            raise IsADirectoryError(f"{path} is a folder: name a file")
        if path is not None and path.exists() and not overwrite:
            raise FileExistsError(f"{path} is there already: pass --overwrite to replace it")
        if path is not None and not path.parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
        if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(f"{path} may not be written")


def write_table(swept: Sweep, path: Path) -> None:
    """A row for each run and rule.

    Raises:
        ImportError: without pandas, for Parquet without pyarrow (``pip install 'ignite-delayed[logs]'``).
    """
    frame = swept.to_pandas()
    if path.suffix.lower() == ".csv":
        frame.to_csv(path, index=False)
    else:
        require_extra("pyarrow", "logs")
        frame.to_parquet(path, index=False)
    click.echo(f"{len(frame)} rows written to {path}")


def draw_sweep(swept: Sweep, path: Path, *, chosen: Choice | None = None) -> None:
    """Regret against cost, in the format that the name says.

    Raises:
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).
    """
    require_extra("matplotlib", "plot").use("agg")  # nothing is shown, so that no display is needed
    from ..plots import plot_sweep

    write_figure(plot_sweep(swept, chosen=chosen).axes.get_figure(root=True), path)


def draw_rates(previews: Mapping[str, Preview], path: Path) -> None:
    """The rates over the run.

    Raises:
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).
    """
    require_extra("matplotlib", "plot").use("agg")
    from ..plots import plot_schedule

    write_figure(plot_schedule(dict(previews)).axes.get_figure(root=True), path)


def write_figure(figure: Any, path: Path) -> None:
    """The figure, in the format that the name says."""
    figure.savefig(path, dpi=150)
    click.echo(f"drawn to {path}")
