"""Grids of rules: a number of each by two of its arguments, as a heat map."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from .._utils.checks import check_choice, refuse_value, suggestion
from .._utils.extras import require_extra
from ..conditions import Condition
from ..conditions.expression import label_of
from ..history.columns import Floats
from ..replays import Sweep
from ..replays.sweeps.labels import labels_of
from .panels import one_axes
from .sweeps import check_sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["SweepGrid", "plot_sweep_grid"]

Cells = Literal["regret", "worst", "epochs", "saved", "stopped"]

#: What a line of names takes, in points, and how many letters it has.
_LINE, _LETTERS = 12, 32

_CELLS = {
    "regret": "mean regret in {monitor}",
    "worst": "worst regret in {monitor}",
    "epochs": "mean epochs spent",
    "saved": "mean epochs saved",
    "stopped": "share of the runs stopped",
}


class SweepGrid(NamedTuple):
    """What :func:`plot_sweep_grid` drew.

    Args:
        axes: where it stands.
        image: the cells; what is unknown is masked.
        rows, columns: the values of the two arguments.

    Example:
        >>> from ignite_delayed import After, EarlyStop, History, Record, grid, plot_sweep_grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> rules = grid(EarlyStop, "loss", mode="min", patience=[2, 5], until=[None, After(epochs=20)])
        >>> drawn = plot_sweep_grid(sweep(runs, rules), cells="saved")
        >>> drawn.rows, drawn.columns
        ([None, After(epochs=20)], [2, 5])
        >>> drawn.image.get_array().tolist()
        [[17.5, 14.5], [7.0, 4.0]]
    """

    axes: Axes
    image: AxesImage
    rows: list[Any]
    columns: list[Any]


def plot_sweep_grid(
    swept: Sweep,
    *,
    rows: str = "until",
    columns: str = "patience",
    cells: Cells = "regret",
    where: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
) -> SweepGrid:
    """Draw a number of each rule of a grid, by two of its arguments, as a heat map with numbers where there is room.

    Args:
        swept: a sweep over rules of one kind, such as :func:`grid` makes.
        rows: the argument of the rules that differs from row to row.
        columns: the one that differs from column to column.
        cells: ``"regret"`` or ``"worst"`` over the runs, ``"epochs"`` spent or ``"saved"``, in the mean, or the share
            of the runs that was ``"stopped"``.
        where: the values of further arguments that differ between the rules.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError, ValueError: for anything else, and where a cell would stand for several rules.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import After, EarlyStop, History, Record, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> rules = grid(EarlyStop, "loss", mode="min", patience=[2, 5], until=[None, After(epochs=20)])
        >>> plot_sweep_grid(sweep(runs, rules)).columns
        [2, 5]
    """
    check_sweep(swept)
    check_choice("cells", cells, get_args(Cells))
    table, heads, sides = _cells(swept, rows, columns, cells, dict(where or {}))
    require_extra("matplotlib.pyplot", "plot")
    drawn = one_axes(ax)
    image = drawn.imshow(np.ma.masked_invalid(table), cmap="cividis", aspect="auto")
    drawn.set_facecolor("0.85")
    across, down = _room(drawn, table)
    some, others = range(0, len(heads), _step(across)), range(0, len(sides), _step(down))
    drawn.set_xticks(some, [str(heads[place]) for place in some])
    drawn.set_yticks(others, [_side(sides[place]) for place in others])
    drawn.set_xlabel(columns)
    drawn.set_ylabel(rows)
    shown = np.ndenumerate(table) if across > 2 * _LINE and down > _LINE else ()
    for (row, column), value in shown:
        text, ink = ("?", "black") if np.isnan(value) else (f"{value:.2g}", _ink(image, value))
        drawn.text(column, row, text, ha="center", va="center", color=ink, fontsize="small")
    title = _CELLS[cells].format(monitor=label_of(swept.monitor))
    figure: Any = drawn.get_figure()
    figure.colorbar(image, ax=drawn, label=title)
    return SweepGrid(drawn, image, sides, heads)


def _cells(
    swept: Sweep, rows: str, columns: str, cells: Cells, where: dict[str, Any]
) -> tuple[Floats, list[Any], list[Any]]:
    """The table of numbers, the values of ``columns``, and those of ``rows``."""
    if rows == columns:
        refuse_value("columns", "another argument than rows", columns)
    for argument, name in (("rows", rows), ("columns", columns), *(("where", name) for name in where)):
        lacking = [rule for rule in swept.rules if not hasattr(rule, name)]
        if lacking:
            known = [known for known in dir(lacking[0]) if not known.startswith("_")]
            refuse_value(
                argument, f"an argument of every rule, as {lacking[0]!r} has none", name, suggestion(name, known)
            )
    kept = [
        place
        for place, rule in enumerate(swept.rules)
        if all(getattr(rule, name) == value for name, value in where.items())
    ]
    if not kept:
        refuse_value("where", "values that a rule of the sweep has", where)
    sides = list(dict.fromkeys(getattr(swept.rules[place], rows) for place in kept))
    heads = list(dict.fromkeys(getattr(swept.rules[place], columns) for place in kept))
    numbers = getattr(swept.summary(), cells)
    table = np.full((len(sides), len(heads)), np.nan)
    standing: dict[tuple[int, int], Condition] = {}
    for place in kept:
        rule = swept.rules[place]
        at = sides.index(getattr(rule, rows)), heads.index(getattr(rule, columns))
        if at in standing:
            one, other = labels_of([standing[at], rule])
            hint = "Choose with where={...} what else differs between the rules."
            refuse_value("rows and columns", "such that a cell is one rule", f"[{one}] and [{other}]", hint)
        standing[at] = rule
        table[at] = numbers[place]
    return table, heads, sides


def _room(axes: Axes, table: Floats) -> tuple[float, float]:
    """How wide and high a cell is, in points."""
    box, figure = axes.get_position(), axes.get_figure(root=True)
    assert figure is not None
    rows, columns = table.shape
    return 72 * box.width * figure.get_figwidth() / columns, 72 * box.height * figure.get_figheight() / rows


def _step(room: float) -> int:
    """Of how many names beside cells of that size one is shown."""
    return max(1, math.ceil(_LINE / room))


def _side(value: Any) -> str:
    return "no delay" if value is None else textwrap.fill(str(value), _LETTERS)


def _ink(image: Any, value: float) -> str:
    """Black or white, whichever is read more easily on the colour of ``value``; what is infinite has none."""
    if np.isinf(value):
        return "black"
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
