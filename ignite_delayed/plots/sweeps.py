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
from .key import add_key
from .panels import one_axes
from .style import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.legend import Legend

__all__ = ["SweepFront", "check_sweep", "plot_sweep"]

#: Rules on the front that the key names; the ends and those in between.
_NAMED = 8


class SweepFront(NamedTuple):
    """What :func:`plot_sweep` drew.

    Args:
        axes: where it stands.
        rules: all rules, as points: mean epochs spent, mean regret.
        front: the rules that no other beats, the cheapest first.
        chosen: the rule that is marked, ``None`` for none.
        legend: the key.
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
        ax: where to draw; a figure with ``layout="constrained"`` makes room for the key. A new figure by default.

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
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    found, labels = swept.summary(), labels_of(swept.rules)
    if not np.isfinite(found.regret).any():
        refuse_value("swept", "a sweep in which a rule has a mean regret", swept, "No rule kept a value in every run.")
    drawn, ink = one_axes(ax), mpl.rcParams["text.color"]
    points = drawn.scatter(found.epochs, found.regret, s=14, color="0.6", zorder=2)
    order = np.flatnonzero(found.front)
    order = order[np.lexsort((found.regret[order], found.epochs[order]))]
    corners = _corners(found.epochs[order], found.regret[order])
    cost, lost = (column[[order[corner[0]] for corner in corners]] for column in (found.epochs, found.regret))
    dots: dict[str, Any] = {"color": OKABE_ITO[0], "marker": "o", "markersize": 5}
    drawn.plot(cost, lost, linewidth=1.2, zorder=3, **dots)
    keys: list[Any] = []
    for place in _spread(len(corners)):
        number, equal = str(place + 1), [labels[order[one]] for one in corners[place]]
        drawn.annotate(
            number,
            (cost[place], lost[place]),
            xytext=(4, 5),
            textcoords="offset points",
            fontsize="small",
            color=ink,
            zorder=4,
        )
        others = f", and {len(equal) - 1} like it" if len(equal) > 1 else ""
        keys.append(Line2D([], [], label=f"{number}: {min(equal, key=len)}{others}", linestyle="none", **dots))
    if rule is not None:
        at = swept.rules.index(rule)
        star: dict[str, Any] = {"marker": "*", "markersize": 15, "color": OKABE_ITO[1], "linestyle": "none"}
        star |= {"markeredgecolor": ink, "markeredgewidth": 0.6}
        drawn.plot([found.epochs[at]], [found.regret[at]], zorder=5, **star)
        keys.append(Line2D([], [], label=f"chosen: {labels[at]}", **star))
    drawn.set_xlabel(f"epochs spent, mean over {_runs(found.runs)}")
    drawn.set_ylabel(f"regret in {label_of(swept.monitor)}, mean")
    drawn.margins(0.06, 0.1)
    return SweepFront(drawn, points, [swept.rules[at] for at in order], rule, add_key(drawn, keys, grow=ax is None))


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


def _spread(count: int) -> list[int]:
    """At most so many of ``count`` numbers as the key names, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, _NAMED))})


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"
