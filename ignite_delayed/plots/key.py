"""The key: below the panels, where it covers nothing, in as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .lettering import em, wrap_text
from .panels import LEADING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["add_key", "key_lines"]

_HANDLE, _GAP = 1.8, 0.7  # in font sizes: what stands beside a text, and how far from it
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)  # of the font size, from which the largest is chosen that fits
_MOST = 0.35  # of what panels and key have together, the part that a key may take
_LEAST = 0.3  # of its height, what a panel keeps


class _Place(NamedTuple):
    """Where a key goes, in pixels: from ``left`` to ``right``, ``below`` its panel, under panels so ``high`` in all.

    Labels of the panels reach so far ``beyond`` the left edge of the figure.
    """

    left: float
    right: float
    below: float
    high: float
    beyond: float


def add_key(lowest: Axes, keys: Sequence[Any], *, grow: bool, panels: Sequence[Axes] = ()) -> Legend | None:
    """Put the key below ``lowest``, no wider than the panels with their labels.

    Args:
        lowest: the panel below which it stands, the leftmost where there are several.
        keys: what it lists.
        grow: whether the figure is ours and grows by it; else what is in the figure makes room, the panel alone where
            the figure has no layout, and the text of a key that would take most of the place is smaller.
        panels: what it is the key of, ``lowest`` alone by default.
    """
    import matplotlib as mpl

    if not keys:
        return None
    figure: Any = lowest.get_figure(root=True)
    place = _place(figure, lowest, panels or [lowest])
    fixed = not grow and not panels and figure.get_layout_engine() is None
    if fixed and place.beyond:
        _shrink(lowest, left=place.beyond)
        place = _place(figure, lowest, [lowest])
    points = 72 * em(mpl.rcParams["legend.fontsize"])
    key, *smaller = (partial(_columns, lowest, keys, place, points * share) for share in _SHARES)
    drawn = key()
    while not grow and smaller and drawn.get_window_extent().height > _MOST * place.high:
        drawn = smaller.pop(0)()
    if grow:
        figure.set_figheight(figure.get_figheight() + drawn.get_window_extent().height / figure.dpi)
    from .artists import RoomBelow

    lowest.add_artist(RoomBelow(drawn))
    if fixed:
        panel = lowest.get_window_extent()
        floor = max(panel.y0 - place.below, figure.bbox.y0)  # as far down as its labels were
        short = floor - drawn.get_window_extent().y0
        _shrink(lowest, below=min(max(0.0, short), (1 - _LEAST) * panel.height))
    return drawn


def key_lines(panel: Axes, most: int) -> int:
    """How many lines a key below ``panel`` may have before it takes too much of it: 2 at least, ``most`` at most."""
    import matplotlib as mpl

    figure: Any = panel.get_figure(root=True)
    line = LEADING * _SHARES[-1] * em(mpl.rcParams["legend.fontsize"]) * figure.dpi
    return min(most, max(2, int(_MOST * panel.get_window_extent().height / line)))


def _shrink(panel: Axes, left: float = 0.0, below: float = 0.0) -> None:
    """Take so many pixels from a panel; a layout that is made later may still place it."""
    from matplotlib.transforms import Bbox

    figure: Any = panel.get_figure(root=False)
    box = panel.get_window_extent()
    smaller = Bbox.from_extents(box.x0 + left, box.y0 + below, box.x1, box.y1)
    panel.set_position(smaller.transformed(figure.transSubfigure.inverted()))
    panel.set_in_layout(True)


def _place(figure: Any, lowest: Axes, panels: Sequence[Axes]) -> _Place:
    """Where there is room once the layout is made."""
    figure.draw_without_rendering()
    boxes = [panel.get_window_extent() for panel in panels]
    labels = [box for panel in panels if (box := panel.yaxis.get_tightbbox()) is not None]
    left = min(box.x0 for box in [*boxes, *labels])
    below = lowest.xaxis.get_tightbbox()
    bottom = lowest.get_window_extent().y0
    return _Place(
        left=max(left, figure.bbox.x0),
        right=max(box.x1 for box in boxes),
        below=0.0 if below is None else max(0.0, bottom - below.y0),
        high=max(box.y1 for box in boxes) - min(box.y0 for box in boxes),
        beyond=max(0.0, figure.bbox.x0 - left),
    )


def _columns(lowest: Axes, keys: Sequence[Any], place: _Place, points: float) -> Legend:
    """The key in as many columns as fit, of texts that are wrapped where one alone does not."""
    figure: Any = lowest.get_figure(root=True)
    panel, size = lowest.get_window_extent(), points * figure.dpi / 72
    room = place.right - place.left
    texts = [wrap_text(key.get_label(), room - (_HANDLE + _GAP + 0.8) * size, points, figure) for key in keys]
    look: dict[str, Any] = {"fontsize": points, "frameon": False, "handlelength": _HANDLE, "handletextpad": _GAP}
    look |= {"columnspacing": 1.4, "borderpad": 0.3}
    # The middle of the panels with their labels, below the labels of the time axis.
    middle = ((place.left + place.right) / 2 - panel.x0) / panel.width
    look |= {"loc": "upper center", "bbox_to_anchor": (middle, 0), "borderaxespad": place.below / size + 0.3}
    columns = len(keys)
    while True:
        key = lowest.legend(handles=list(keys), labels=texts, ncols=columns, **look)
        if columns == 1 or key.get_window_extent().width <= room:
            return key
        columns -= 1
