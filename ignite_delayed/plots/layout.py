"""What the plots share: where they are drawn, the time axis below them, and the key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._utils.checks import refuse_type

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["add_key", "em", "label_time", "one_axes"]


def one_axes(ax: Any) -> Axes:
    """``ax``, or that of a new figure.

    Raises:
        TypeError: where ``ax`` is no axes of matplotlib.
    """
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        drawn: Axes = plt.subplots(layout="constrained")[1]
        return drawn
    if not isinstance(ax, Axes):
        refuse_type("ax", "an axes of matplotlib", ax)
    return ax


def em(size: Any) -> float:
    """The font size ``size``, as style sheets give it, in inches."""
    import matplotlib as mpl

    return mpl.font_manager.FontProperties(size=size).get_size_in_points() / 72


def label_time(lowest: Axes, start: float, end: float) -> None:
    """Epochs below ``lowest``, from ``start`` to ``end``."""
    from matplotlib.ticker import MaxNLocator

    lowest.set_xlim(start, end)
    lowest.set_xlabel("epoch")
    lowest.xaxis.set_major_locator(MaxNLocator(integer=end - start >= 2, steps=[1, 2, 5, 10]))


def add_key(lowest: Axes, keys: Sequence[Any], *, grow: bool) -> Legend | None:
    """Put the key below the lowest panel, where it covers nothing; ``grow`` the figure by it."""
    import matplotlib as mpl

    if not keys:
        return None
    figure: Any = lowest.get_figure(root=True)
    high = em(mpl.rcParams["legend.fontsize"])
    room = (0.9 if grow else lowest.get_position().width) * figure.get_figwidth() / high
    columns = _columns([0.55 * len(key.get_label()) + 5 for key in keys], room)
    if grow:
        figure.set_figheight(figure.get_figheight() + 1.6 * high * math.ceil(len(keys) / columns))
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 3.5}
    return lowest.legend(handles=list(keys), ncols=columns, frameon=False, **place)


def _columns(widths: list[float], room: float) -> int:
    """How many columns of entries fit; they are filled one after the other, the first ones with one more."""
    for columns in range(len(widths), 1, -1):
        least, more = divmod(len(widths), columns)
        rest = iter(widths)
        heights = [least + (column < more) for column in range(columns)]
        if sum(max(next(rest) for _ in range(height)) for height in heights) <= room:
            return columns
    return 1
