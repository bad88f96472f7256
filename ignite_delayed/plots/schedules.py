"""Rates of a run to come: one or several previews over its epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.checks import check_flag, check_name, refuse_type, refuse_value
from .._utils.extras import require_extra
from ..history.mark import places
from ..schedules import Schedule
from .key import add_key
from .moments import Moment, Zone
from .panels import label_time, one_axes
from .style import LINES, WARM_UP, curve_styles, style_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    from ..lr import Preview

__all__ = ["RateCurves", "plot_schedule"]

_MARKERS = {"warm-up": "^", "switched": "D"}


class RateCurves(NamedTuple):
    """What :func:`plot_schedule` drew.

    Args:
        axes: where the curves stand.
        curves: by name, ``""`` where there is only one; a line for each parameter group.
        moments: where a warm-up is over (``"warm-up"``) and where schedules or phases follow each other
            (``"switched"``), in order.
        zones: the warm-up that is shaded, where there is only one preview.
        legend: the key, ``None`` where there was nothing to explain.

    Example:
        >>> from ignite_delayed import Cosine, Linear, plot_schedule
        >>> drawn = plot_schedule(
        ...     {"cosine": Cosine(epochs=3), "linear": Linear(epochs=3)}, epochs=3, iterations_per_epoch=9
        ... )
        >>> list(drawn.curves), drawn.moments
        (['cosine', 'linear'], [])
        >>> drawn.axes.get_ylabel()
        'factor of the base rate'
    """

    axes: Axes
    curves: dict[str, list[Line2D]]
    moments: list[Moment]
    zones: list[Zone]
    legend: Legend | None


class _Rates(NamedTuple):
    """One preview to draw, and what happens in it."""

    preview: Preview
    moments: list[Moment]


def plot_schedule(what: Any, *, log: bool = False, ax: Axes | None = None, **run: Any) -> RateCurves:
    """Draw the rate that every batch of a run would train at; several runs are told apart by name.

    A batch's rate is drawn over the time of that batch. Where the rates rise from the first batch on until they stop
    rising, that is marked as warm-up. Where a schedule follows another, or a phase, that is marked as a switch.

    Args:
        what: a :class:`Preview`, or what :func:`preview` takes: a schedule, :class:`LRPhases`, a list of
            :class:`Phase`. Or several of these in a dict, by name.
        log: whether rates are on a logarithmic scale; a rate of 0 is left out there.
        ax: where to draw; a figure with ``layout="constrained"`` makes room for the key. A new figure by default.
        **run: what :func:`preview` must know of the run: ``epochs=``, ``iterations_per_epoch=``, ``per=``,
            ``metrics=``, ``optimizer=``. A ``Preview`` needs none of it.

    Returns:
        What was drawn: axes, curves, moments, zones, legend.

    Raises:
        TypeError, ValueError: for anything else, and for what :func:`preview` refuses.
        UnknownMetricError: where a phase needs a metric that ``metrics`` lacks.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import Cosine, warmup
        >>> drawn = plot_schedule(warmup(epochs=1).then(Cosine(epochs=3)), epochs=4, iterations_per_epoch=10)
        >>> [(moment.kind, moment.at) for moment in drawn.moments]
        [('warm-up', 1.0), ('switched', 1.0)]
    """
    check_flag("log", log)
    several = _rates_by_name(what, run)
    if log and not any((rates.preview.rates > 0).any() for rates in several.values()):
        refuse_value("log", "False where no rate is above 0", log)
    require_extra("matplotlib.pyplot", "plot")
    drawn = one_axes(ax)
    if log:
        drawn.set_yscale("log", nonpositive="mask")
    curves = _draw_curves(drawn, several)
    zones, keys = _draw_moments(drawn, several, curves)
    named = [line for lines in curves.values() for line in lines if not str(line.get_label()).startswith("_")]
    label_time([drawn], 0.0, max(float(rates.preview.epochs[-1]) for rates in several.values()))
    drawn.set_ylabel(", ".join(dict.fromkeys(rates.preview.quantity for rates in several.values())))
    moments = sorted((moment for rates in several.values() for moment in rates.moments), key=lambda moment: moment.at)
    return RateCurves(drawn, curves, moments, zones, add_key(drawn, [*named, *keys], grow=ax is None))


def _rates_by_name(what: Any, run: dict[str, Any]) -> dict[str, _Rates]:
    """What is drawn, by name; ``""`` for one that has none."""
    from ..lr import Preview

    if not isinstance(what, Mapping):
        if isinstance(what, (list, tuple)) and any(isinstance(one, (Preview, Schedule)) for one in what):
            refuse_type("what", "a dict where it is several", what, 'Name them: {"cosine": ..., "steps": ...}.')
        what = {"": what}
    elif not what:
        refuse_value("what", "at least one schedule or preview", what)
    else:
        what = {check_name("a name in what", name): one for name, one in what.items()}
    if run and all(isinstance(one, Preview) for one in what.values()):
        raise TypeError(f"a Preview is drawn as it is: give {', '.join(sorted(run))} to preview() instead.")
    return {name: _rates(name, one, run) for name, one in what.items()}


def _rates(name: str, one: Any, run: dict[str, Any]) -> _Rates:
    from ..lr import Preview, preview

    if isinstance(one, Preview):
        made = one
        if np.ndim(made.rates) != 2 or len(made.rates) == 0 or len(made.rates) != len(made.epochs):
            refuse_value("what", "a preview as preview() makes them", one)
    else:
        missing = [argument for argument in ("epochs", "iterations_per_epoch") if argument not in run]
        if missing:
            raise TypeError(f"plot_schedule needs {' and '.join(missing)} to preview what is no Preview yet.")
        made = preview(one, **run)
    moments = [*_warm_up_end(name, made), *_switches(name, made)]
    if isinstance(one, Schedule):
        moments += _joints(name, one, run)
    return _Rates(made, moments)


def _moment(kind: str, name: str, iteration: float, iterations_per_epoch: int) -> Moment:
    """What happens when so many iterations are over, which is in the epoch of the last of them."""
    at = iteration / iterations_per_epoch
    return Moment(kind, max(1, math.ceil(round(at, 9))), at, name)


def _iterations_per_epoch(made: Preview) -> int:
    return max(1, round(1 / float(made.epochs[0])))  # the first batch is over after one iteration


def _warm_up_end(name: str, made: Preview) -> list[Moment]:
    """Where rates that rise from the first batch on stop rising, if anything comes after that."""
    rates = made.rates.mean(axis=1)
    falls = np.flatnonzero(np.diff(rates) < 0)
    rising = rates[: falls[0] + 1] if len(falls) else rates
    top = int(np.flatnonzero(np.isclose(rising, rising[-1], rtol=1e-12, atol=0))[0])
    if top == 0 or top == len(rates) - 1:
        return []
    return [_moment("warm-up", name, top, _iterations_per_epoch(made))]


def _switches(name: str, made: Preview) -> list[Moment]:
    length = _iterations_per_epoch(made)
    return [_moment("switched", name, switched.iteration, length) for switched in made.switches]


def _joints(name: str, schedule: Schedule, run: dict[str, Any]) -> list[Moment]:
    """Where the schedules of a chain follow each other within the run."""
    epochs, length, per = run["epochs"], run["iterations_per_epoch"], run.get("per", "iteration")
    resolved = schedule.resolve(per=per, epochs=epochs, iterations_per_epoch=length)
    starts = [start * (length if per == "epoch" else 1) for start, _, _ in resolved.segments()[1:]]
    return [_moment("switched", name, start, length) for start in starts if start < epochs * length]


def _draw_curves(ax: Axes, several: dict[str, _Rates]) -> dict[str, list[Line2D]]:
    """A line for each preview and group: colours tell previews apart, of the only one its groups; dashes both."""
    groups = max(rates.preview.rates.shape[1] for rates in several.values())
    alone, single = len(several) == 1, groups == 1
    styles = curve_styles(groups if alone else len(several))
    curves: dict[str, list[Line2D]] = {}
    for number, (name, (made, _)) in enumerate(several.items()):
        at = np.concatenate([[0.0], made.epochs])
        curves[name] = []
        for group, rates in enumerate(made.rates.T):
            look = dict(styles[group if alone else number])
            if not alone and not single:
                look["linestyle"] = LINES[(number * groups + group) % len(LINES)]
            group_label = _group_label(made, group)
            label = ", ".join(filter(None, [name, group_label])) or "_"
            drawn = ax.plot(at, np.concatenate([rates[:1], rates]), drawstyle="steps-pre", label=label, **look)
            curves[name] += drawn
    return curves


def _group_label(made: Preview, group: int) -> str:
    """What the line of ``group`` is called; where there is only one that has no name, nothing."""
    known = made.groups[group] if len(made.groups) == made.rates.shape[1] else f"group {group}"
    return known if made.rates.shape[1] > 1 or not known.startswith("group ") else ""


def _draw_moments(
    ax: Axes, several: dict[str, _Rates], curves: dict[str, list[Line2D]]
) -> tuple[list[Zone], list[Any]]:
    """Mark what happens on the curves, for the only preview also through the panel: zones, and entries of the key."""
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    ink, alone = mpl.rcParams["text.color"], len(several) == 1
    zones: list[Zone] = []
    keys: list[Any] = []
    everything = [(name, moment) for name, rates in several.items() for moment in rates.moments]
    shown = [(name, moment) for name, moment in everything if alone or not _is_hidden(moment, several[name].moments)]
    for kind, marker in _MARKERS.items():
        found = [(name, moment) for name, moment in shown if moment.kind == kind]
        look: dict[str, Any] = {"marker": marker, "markersize": 6, "color": ink, "linestyle": "none"}
        if not found:
            continue
        if alone and kind == "warm-up":
            [(_, moment)] = found
            zones.append(Zone(kind, 0.0, moment.at))
            ax.axvspan(0.0, moment.at, zorder=0, **WARM_UP.keywords(ax))
            keys.append(style_key(WARM_UP, ax, f" to epoch {moment.at:.4g}"))
            continue
        for name, moment in found:
            if alone:
                ax.axvline(moment.at, color=ink, linestyle="-.", linewidth=1, zorder=1)
            for line, after in zip(curves[name], _rates_after(several[name].preview, moment.at), strict=True):
                ax.plot([moment.at], [after], zorder=3, **{**look, "color": line.get_color(), "markeredgecolor": ink})
        look |= {"linestyle": "-.", "linewidth": 1} if alone else {"markerfacecolor": "none"}
        keys.append(Line2D([], [], label=_key_text(kind, [moment for _, moment in found], alone), **look))
    return zones, keys


def _is_hidden(moment: Moment, others: list[Moment]) -> bool:
    """Whether a mark of ``moment`` would cover that of the warm-up's end."""
    return moment.kind == "switched" and any(one.kind == "warm-up" and one.at == moment.at for one in others)


def _rates_after(made: Preview, at: float) -> list[float]:
    """The rates of the first batch after ``at``."""
    batch = min(round(at * _iterations_per_epoch(made)), len(made.rates) - 1)
    return [float(rate) for rate in made.rates[batch]]


def _key_text(kind: str, moments: list[Moment], alone: bool) -> str:
    """What the key says of ``moments``; where they are of several previews, the curves show which."""
    if kind == "warm-up":
        return "warm-up over"
    if not alone:
        return "switched"
    if len(moments) > 3:
        return f"switched {len(moments)} times"
    return f"switched {places(moment.at for moment in moments)}"
