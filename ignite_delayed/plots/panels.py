"""Where plots are drawn: one axes, or panels in rows and columns over one time axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .._utils.checks import refuse_type
from .lettering import em, fit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LEADING", "Panels", "check_axes", "divide", "fit_labels", "label_time", "one_axes"]

_WIDE, _HIGH, _BELOW = 14, 7, 8  # what a panel needs, and what is below the lowest, in font sizes
_STACKED = 3  # so many metrics stand one below the other before there is a second column
LEADING = 1.25  # how far lines are apart, in font sizes


class Panels(NamedTuple):
    """Panels by what they show, in reading order.

    Args:
        axes: all of them.
        lowest: those that have nothing below them, from left to right.
    """

    axes: dict[str, Axes]
    lowest: list[Axes]


def one_axes(ax: Any) -> Axes:
    """``ax``, or that of a new figure.

    Raises:
        TypeError: where ``ax`` is no axes of matplotlib.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        drawn: Axes = plt.subplots(layout="constrained")[1]
        return drawn
    return check_axes(ax)


def check_axes(ax: Any) -> Axes:
    """``ax``, which must be an axes of matplotlib."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        refuse_type("ax", "an axes of matplotlib", ax)
    return ax


def divide(ax: Axes | None, metrics: Sequence[str], *, rates: str = "", lanes: str = "", lines: float = 0) -> Panels:
    """A panel for each of ``metrics``, in columns where they are many, and below them the ``rates`` and the ``lanes``.

    Args:
        ax: the place that is divided; a new figure by default, of the width that the style sheet sets.
        metrics: what the panels show.
        rates: the same of the panel of learning rates, which is a third as high; none where it is empty.
        lanes: the same of the panel of lanes, which is as wide as all.
        lines: how high these are, in lines of text.
    """
    kinds = [*metrics, *filter(None, [rates])]
    columns, heights = _plan(ax, len(metrics), bool(rates), lines)
    first, grid = _grid(ax, columns, heights)
    axes = {kinds[0]: first}
    for place, kind in enumerate(kinds[1:], start=1):
        axes[kind] = first.figure.add_subplot(grid[divmod(place, columns)], sharex=first)
    last = range(max(0, len(kinds) - columns), len(kinds))
    lowest = [axes[kinds[place]] for place in sorted(last, key=lambda place: place % columns)]
    if lanes:
        axes[lanes] = first.figure.add_subplot(grid[-1, :], sharex=first)
        lowest = [axes[lanes], *(lowest if columns > 1 else [])]
    return Panels(axes, lowest)


def _plan(ax: Axes | None, metrics: int, rates: bool, lines: float) -> tuple[int, list[float]]:
    """How many columns, and how high each row is, in inches."""
    from matplotlib import pyplot as plt

    letter = em(plt.rcParams["font.size"])
    width, height = plt.rcParams["figure.figsize"] if ax is None else _inches(ax)
    lanes = LEADING * lines * em(plt.rcParams["ytick.labelsize"])
    if ax is not None:
        lanes = min(lanes, 0.6 * height)
        height -= lanes
    # Of a place that is given, the time axis and the key will take a part.
    stacked = _STACKED if ax is None else max(1, int(height / letter - _BELOW) // _HIGH)
    columns = max(1, min(math.ceil(metrics / stacked), int(width / (_WIDE * letter))))
    low = rates and columns == 1 and metrics > 0  # in columns it is a panel as any other
    rows = metrics if low else math.ceil((metrics + rates) / columns)
    if ax is None:
        high = height * ({1: 0.75, 2: 0.6}.get(rows, 0.45) if columns == 1 else 0.36)
    else:
        high = height / (rows + low / 3)
    rate = min(high, max(high / 3, 3 * letter))
    return columns, [high] * rows + [rate] * low + [lanes] * (lines > 0)


def _inches(ax: Axes) -> tuple[float, float]:
    """How wide and high the place of ``ax`` is, before the layout is made."""
    figure: Any = ax.get_figure(root=True)
    box = ax.get_window_extent()
    return box.width / figure.dpi, box.height / figure.dpi


def _grid(ax: Any, columns: int, heights: list[float]) -> tuple[Axes, Any]:
    """The place of ``ax``, divided; a new figure where there is none. The first panel is ``ax``."""
    from matplotlib import pyplot as plt

    shape: dict[str, Any] = {"nrows": len(heights), "ncols": columns, "height_ratios": heights}
    if ax is None:
        figure = plt.figure(figsize=(plt.rcParams["figure.figsize"][0], sum(heights)), layout="constrained")
        grid: Any = figure.add_gridspec(**shape)
        return figure.add_subplot(grid[0, 0]), grid
    place = ax.get_subplotspec()
    if place is not None:
        grid = place.subgridspec(**shape)
    else:
        box = ax.get_position(original=True)  # placed by hand
        sides = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
        grid = ax.get_figure().add_gridspec(**shape, **sides)
    if len(heights) > 1 or columns > 1:
        ax.set_subplotspec(grid[0, 0])
    return ax, grid


def label_time(axes: Sequence[Axes], start: float, end: float) -> None:
    """Epochs below ``axes``, from ``start`` to ``end``."""
    from matplotlib.ticker import MaxNLocator

    for panel in axes:
        panel.set_xlim(start, end)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=end - start >= 2, steps=[1, 2, 5, 10]))


def fit_labels(panels: Sequence[Axes], share: float) -> None:
    """Let labels and numbers beside ``panels`` be no longer than these, which will shrink to ``share``."""
    import matplotlib as mpl
    from matplotlib.ticker import MaxNLocator

    figure: Any = panels[0].get_figure(root=True)
    figure.draw_without_rendering()
    line = em(mpl.rcParams["ytick.labelsize"]) * figure.dpi
    for panel in panels:
        high = share * panel.get_window_extent().height
        fit_text(panel.yaxis.label, high, 3)
        # As matplotlib's own, which has two numbers at least.
        fewest = 2 if high > 2.5 * line else 1
        panel.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], min_n_ticks=fewest))
    figure.align_ylabels(panels)
