"""One run: where rules would have stopped it, and what they would have kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.checks import refuse_type
from .._utils.extras import require_extra
from ..conditions import ConditionLike, Expression
from ..conditions.expression import Mode, label_of
from ..history import History
from ..replays import sweep
from ..replays.sweeps.judging import Judge
from ..replays.sweeps.labels import labels_of
from ..replays.sweeps.outcomes import curve_of
from .key import add_key
from .panels import label_time, one_axes
from .style import curve_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["RunStops", "plot_run_stops"]


class RunStops(NamedTuple):
    """What :func:`plot_run_stops` drew.

    Args:
        axes: where it stands.
        stops: the epoch at which each rule stops the run, NaN where it does not.
        legend: the key.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, plot_run_stops
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> drawn = plot_run_stops(run, [EarlyStop("loss", mode="min", patience=n) for n in (1, 2, 9)])
        >>> drawn.stops
        [4.0, 5.0, nan]
        >>> drawn.axes.get_ylabel(), drawn.legend.get_texts()[2].get_text()
        ('loss', 'patience=2: stopped in epoch 5, keeps 0.3 of epoch 3')
    """

    axes: Axes
    stops: list[float]
    legend: Legend | None


def plot_run_stops(
    history: History,
    rules: Sequence[ConditionLike],
    *,
    monitor: str | Expression | None = None,
    mode: Mode | None = None,
    ax: Axes | None = None,
) -> RunStops:
    """Draw one run's curve with the stop of each rule, and what the rule would have kept.

    Args:
        history: a past run.
        rules: rules, as :func:`sweep` takes them.
        monitor: by what the run is judged, as in :func:`sweep`.
        mode: which of its values are better.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError, ValueError, UnknownMetricError: for anything else, as :func:`sweep` does.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import EarlyStop, Record
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": (e - 9) ** 2 / 99}) for e in range(1, 31))
        >>> plot_run_stops(run, [EarlyStop("loss", mode="min", patience=3)]).stops
        [12.0]
    """
    if not isinstance(history, History):
        refuse_type("history", "a History", history, "Load a saved one with History.load(path).")
    judged: dict[str, Any] = {} if monitor is None else {"monitor": monitor, "mode": mode}
    swept = sweep([history], rules, progress=False, **judged)
    require_extra("matplotlib.pyplot", "plot")
    from matplotlib.lines import Line2D

    drawn = one_axes(ax)
    curve = curve_of(Judge(swept.monitor, swept.mode), history)
    name = label_of(swept.monitor)
    [line] = drawn.plot(curve.epochs, curve.values, color="0.45", linewidth=1.2, marker=".", markersize=3, label=name)
    keys: list[Any] = [line]
    for place, (label, look) in enumerate(zip(labels_of(swept.rules), curve_styles(len(swept.rules)), strict=True)):
        stopped, kept, kept_at = (
            float(column[0, place]) for column in (swept.stopped_epoch, swept.kept, swept.kept_epoch)
        )
        if not np.isnan(stopped):
            drawn.axvline(stopped, linewidth=1.4, **look)
        if not np.isnan(kept):
            drawn.plot([kept_at], [kept], marker="o", markersize=8 + 3 * place, fillstyle="none", color=look["color"])
        ends = "not stopped" if np.isnan(stopped) else f"stopped in epoch {stopped:.0f}"
        keeps = "nothing kept" if np.isnan(kept) else f"keeps {kept:.4g} of epoch {kept_at:.0f}"
        keys.append(Line2D([], [], label=f"{label}: {ends}, {keeps}", linewidth=1.4, **look))
    drawn.set_ylabel(name)
    ends_at = float(swept.end[0, 0]) if len(swept.rules) else 1.0
    label_time([drawn], 0.0, max(1.0, ends_at))
    return RunStops(drawn, swept.stopped_epoch[0].tolist(), add_key(drawn, keys, grow=ax is None))
