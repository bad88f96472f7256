"""Lanes: when each of several gates was open, one below the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .lettering import em, wrap_text
from .moments import Zone
from .panels import LEADING
from .style import LANES, ZoneStyle, style_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["count_lines", "draw_lanes", "fit_lanes", "name_lanes"]

_HEIGHTS = {"closed": 0.2, "open": 0.7, "counting": 0.7}  # in lines of text
_NAME = 0.33  # of the width, what a name may take on one line
_APART = 0.15  # between lanes, in lines of text


def name_lanes(names: Iterable[str], ax: Axes | None) -> list[str]:
    """The names as they will stand beside the lanes: on as many lines as they need in the place of ``ax``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    points = 72 * em(mpl.rcParams["ytick.labelsize"])
    figure: Any = Figure() if ax is None else ax.get_figure(root=True)
    room = _NAME * (figure.bbox.width if ax is None else ax.get_window_extent().width)
    return [wrap_text(name, room, points, figure) for name in names]


def count_lines(names: Sequence[str]) -> float:
    """How high lanes of these names are, in lines of text."""
    return sum(name.count("\n") + 1 + _APART for name in names)


def draw_lanes(ax: Axes, lanes: Mapping[str, Sequence[Zone]], names: Sequence[str]) -> list[Any]:
    """Draw the zones of each gate beside its name, the first on top, and give the key's entries."""
    top, places = 0.0, []
    for zones, name in zip(lanes.values(), names, strict=True):
        high = count_lines([name])
        places.append(top + high / 2)
        top += high
        for kind, height in _HEIGHTS.items():
            spans = [(zone.start, zone.stop - zone.start) for zone in zones if zone.kind == kind]
            ax.broken_barh(spans, (places[-1] - height / 2, height), label=kind, **LANES[kind].keywords(ax))
    ax.set_yticks(places, names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(top, 0)
    kinds = {zone.kind for zones in lanes.values() for zone in zones}
    shown = [(kind, style) for kind, style in LANES.items() if kind in kinds]
    # What is closed is as thin in the key as in the lanes: in print, its grey is that of others.
    return [_thin_key(style, ax) if kind == "closed" else style_key(style, ax) for kind, style in shown]


def _thin_key(style: ZoneStyle, ax: Axes) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=style.keywords(ax)["facecolor"], linewidth=2.5, label=style.label)


def fit_lanes(ax: Axes, share: float) -> None:
    """Let the names be no higher than the lanes, which will shrink to ``share``."""
    figure: Any = ax.get_figure(root=True)
    line = 72 * share * ax.get_window_extent().height / figure.dpi / ax.get_ylim()[0]
    for text in ax.get_yticklabels():
        text.set_fontsize(min(float(text.get_fontsize()), line / LEADING))
