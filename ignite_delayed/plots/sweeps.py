"""Sweeps: what rules cost against what they lose, and which of them no other beats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.checks import refuse_type, refuse_value
from .._utils.extras import require_extra
from ..conditions import Condition
from ..conditions.expression import label_of
from ..history.columns import Floats
from ..replays import Choice, Sweep
from ..replays.sweeps.labels import labels_of
from .key import add_key, key_lines
from .lettering import fit_text
from .panels import one_axes
from .style import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.legend import Legend

__all__ = ["SweepFront", "check_sweep", "plot_sweep"]

#: Rules on the front that the key names where there is room; the ends and those in between.
_NAMED = 8


class SweepFront(NamedTuple):
    """What :func:`plot_sweep` drew.

    Args:
        axes: where it stands.
        rules: all rules, as points: mean epochs spent, mean regret.
        front: the rules that no other beats, the cheapest first.
        chosen: the rule that is marked, ``None`` for none.
        legend: the key.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, grid, plot_sweep, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> drawn = plot_sweep(sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10])))
        >>> drawn.front, drawn.chosen
        ([EarlyStop('loss', mode='min', patience=2)], None)
        >>> drawn.axes.get_xlabel()
        'epochs spent, mean over 4 runs'
    """

    axes: Axes
    rules: PathCollection
    front: list[Condition]
    chosen: Condition | None
    legend: Legend | None


def plot_sweep(swept: Sweep, *, chosen: Choice | Condition | None = None, ax: Axes | None = None) -> SweepFront:
    """Draw what each rule costs, in mean epochs, against its mean regret, with the front and the rule that was chosen.

    Rules that no other beats are joined by a line and numbered, the cheapest first; the key names them, of many the
    ends and some in between, of equal ones the shortest. Rules that kept nothing in one of the runs have no mean regret
    and are left out.

    Args:
        swept: what :func:`sweep` returned.
        chosen: a rule of the sweep to mark, or what :func:`choose` returned.
        ax: where to draw; a figure with ``layout="constrained"`` makes room for the key, without a layout the axes gets
            smaller. A new figure by default.

    Raises:
        TypeError, ValueError: for anything else, a rule that is not in the sweep, and a sweep with nothing to draw.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> drawn = plot_sweep(sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10])))
        >>> drawn.front
        [EarlyStop('loss', mode='min', patience=2)]
    """
    check_sweep(swept)
    rule = _chosen(swept, chosen)
    require_extra("matplotlib.pyplot", "plot")
    found, labels = swept.summary(), labels_of(swept.rules)
    if not np.isfinite(found.regret).any():
        refuse_value("swept", "a sweep in which a rule has a mean regret", swept, "No rule kept a value in every run.")
    drawn = one_axes(ax)
    points = drawn.scatter(found.epochs, found.regret, s=14, color="0.6", zorder=2)
    order = np.flatnonzero(found.front)
    order = order[np.lexsort((found.regret[order], found.epochs[order]))]
    named = _NAMED if ax is None else key_lines(drawn, most=_NAMED)
    keys = _draw_front(drawn, found.epochs[order], found.regret[order], [labels[at] for at in order], named)
    if rule is not None:
        at = swept.rules.index(rule)
        keys.append(_draw_star(drawn, found.epochs[at], found.regret[at], f"chosen: {labels[at]}"))
    drawn.set_xlabel(f"epochs spent, mean over {_runs(found.runs)}")
    drawn.set_ylabel(f"regret in {label_of(swept.monitor)}, mean")
    drawn.margins(0.06, 0.1)
    _fit_labels(drawn, share=1.0 if ax is None else 0.6)
    return SweepFront(drawn, points, [swept.rules[at] for at in order], rule, add_key(drawn, keys, grow=ax is None))


def _fit_labels(ax: Axes, share: float) -> None:
    """Let the labels of the axes be no longer than it, of whose height a key will leave ``share``."""
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    panel = ax.get_window_extent()
    fit_text(ax.yaxis.label, share * panel.height, 2)
    fit_text(ax.xaxis.label, panel.width, 1)


def _draw_front(ax: Axes, cost: Floats, lost: Floats, labels: list[str], named: int) -> list[Any]:
    """The rules that no other beats, joined and numbered, and entries of the key for them."""
    from matplotlib.lines import Line2D

    corners = _corners(cost, lost)
    look: dict[str, Any] = {"color": OKABE_ITO[0], "marker": "o", "markersize": 5}
    first = [corner[0] for corner in corners]
    ax.plot(cost[first], lost[first], linewidth=1.2, zorder=3, **look)
    keys: list[Any] = []
    beside: dict[str, Any] = {"xytext": (4, 5), "textcoords": "offset points", "fontsize": "small", "zorder": 4}
    for place in _spread(len(corners), named):
        at, equal = first[place], [labels[one] for one in corners[place]]
        ax.annotate(f"{place + 1}", (cost[at], lost[at]), **beside)
        others = f", and {len(equal) - 1} like it" if len(equal) > 1 else ""
        keys.append(Line2D([], [], label=f"{place + 1}: {min(equal, key=len)}{others}", linestyle="none", **look))
    return keys


def _draw_star(ax: Axes, cost: float, lost: float, label: str) -> Any:
    """The rule that was chosen; gives the entry of the key."""
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    look: dict[str, Any] = {"marker": "*", "markersize": 15, "color": OKABE_ITO[1], "linestyle": "none"}
    look |= {"markeredgecolor": mpl.rcParams["text.color"], "markeredgewidth": 0.6}
    ax.plot([cost], [lost], zorder=5, **look)
    return Line2D([], [], label=label, **look)


def check_sweep(swept: object) -> None:
    """Refuse what is no sweep, or has nothing in it."""
    if not isinstance(swept, Sweep):
        refuse_type("swept", "what sweep() returns", swept)
    if not len(swept) or not swept.rules:
        refuse_value("swept", "a sweep of at least one rule over at least one run", swept)


def _chosen(swept: Sweep, chosen: object) -> Condition | None:
    """The rule that is marked."""
    rule = chosen.rule if isinstance(chosen, Choice) else chosen
    if rule is None:
        return None
    if not isinstance(rule, Condition):
        refuse_type("chosen", "a rule of the sweep, or what choose() returns", chosen)
    if rule not in swept.rules:
        refuse_value("chosen", "a rule of the sweep", rule)
    return rule


def _corners(cost: Floats, lost: Floats) -> list[list[int]]:
    """The places of the front, those that cannot be told apart together."""
    corners: list[list[int]] = []
    for place in range(len(cost)):
        last = corners[-1][0] if corners else None
        if last is not None and (cost[last], lost[last]) == (cost[place], lost[place]):
            corners[-1].append(place)
        else:
            corners.append([place])
    return corners


def _spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` numbers, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"
