"""The timeline of a run: its metrics, what was decided and when, and the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.checks import check_flag, check_name, refuse_type, refuse_value, suggestion
from .._utils.extras import require_extra
from ..conditions import EarlyStop
from ..history.history import History
from .key import add_key
from .lanes import count_lines, draw_lanes, fit_lanes, name_lanes
from .moments import EpochAxis, Moment, RunEvents, Zone, describe, events_by_marks, events_by_rule
from .panels import check_axes, divide, fit_labels, label_time
from .style import ZONES, curve_styles, zone_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

__all__ = ["Timeline", "plot_timeline"]

_RATES, _LANES = "learning rate", "open gates"
_LOOKS: dict[str, tuple[str, Any]] = {  # marker and dashes
    "opened": ("^", "--"),
    "closed": ("v", ":"),
    "stopped": ("s", "-"),
    "switched": ("D", "-."),
}
_OTHER: tuple[str, Any] = ("|", "none")  # what may happen often, as adjustments of the rate do, gets no line
_GATES = 3  # more of them have lanes: their lines and names could not be told apart
_LINES = 12  # of one kind and name; more would be a wall


class Timeline(NamedTuple):
    """What :func:`plot_timeline` drew.

    Args:
        axes: in reading order, by what they show: ``"loss"``, ``"accuracy"``, ..., ``"learning rate"``, and
            ``"open gates"`` where these have lanes.
        curves: by the name of the metric, ``"lr"`` included.
        moments: the openings, the best, the stop, and whatever else is marked, in order.
        zones: the parts of the run, shaded where there are no lanes.
        legend: the key, ``None`` where there was nothing to explain.
        lanes: the parts of the run as each gate had them, by its name; empty where few gates need no lanes.

    Example:
        >>> from ignite_delayed import After, EarlyStop, History, Record, plot_timeline
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> drawn = plot_timeline(run, rule=EarlyStop("loss", mode="min", patience=2, until=After(epochs=1)))
        >>> drawn
        <Timeline of loss: opened, best, stopped>
        >>> list(drawn.axes), [zone.kind for zone in drawn.zones]
        (['loss'], ['closed', 'open', 'counting'])
    """

    axes: dict[str, Axes]
    curves: dict[str, Line2D]
    moments: list[Moment]
    zones: list[Zone]
    legend: Legend | None
    lanes: dict[str, list[Zone]]

    def __repr__(self) -> str:
        curves = ", ".join(self.curves)
        moments = ", ".join(f"{moment.name} {moment.kind}".strip() for moment in self.moments[:4]) or "nothing"
        more = f" and {len(self.moments) - 4} more" if len(self.moments) > 4 else ""
        return f"<Timeline of {curves}: {moments}{more}>"


def plot_timeline(
    history: History,
    *,
    metrics: str | Sequence[str] | None = None,
    rule: EarlyStop | None = None,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    legend: bool = True,
    lr: bool = True,
    ax: Axes | None = None,
) -> Timeline:
    """Draw a run over its epochs: metrics, when early stopping was closed, open and counting, and the learning rate.

    Metrics of one kind (``"train/loss"`` and ``"val/loss"``) share a panel, kinds are stacked, and below them stands
    the learning rate, where it was recorded. The parts of the run are shaded: *closed*, before the gate opened;
    *open*; and *counting*, from the last improvement that early stopping saw after the opening to the stop.

    Where more than three gates decided, or one changed more than a dozen times, nothing is shaded: each gate has a lane
    of its own, below. More metrics than three are in columns, in a figure of the width that your style sheet sets.

    What was decided between two epochs stands where the next one begins: before epoch 4 is at 3.
    What else happened more than a dozen times stands as ticks on the upper edge alone.
    The colours are those of your style sheet if it sets any.

    Args:
        history: a recorded run, live or loaded.
        metrics: the names of those to draw; all by default.
        rule: draw what this rule would have done to the run, instead of what was decided in it.
        name: of the only gate or stopper to show. By default, all are marked, and the zones are those of the one that
            stopped the run, else of the first that opened.
        labels: what stands beside a panel, by what the panel shows: ``{"loss": "validation loss (nats)"}``.
        legend: whether there is a key.
        lr: whether the learning rate is drawn, where it was recorded.
        ax: where to draw; its place is divided among the panels, and a figure with ``layout="constrained"`` makes room
            for the key. A new figure by default.

    Returns:
        What was drawn: axes, curves, moments, zones, legend.

    Raises:
        TypeError, ValueError: for anything else, and for a history without an evaluation.
        UnknownMetricError: for a metric that was not recorded.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> drawn = plot_timeline(run, rule=EarlyStop("loss", mode="min", patience=2))
        >>> [(moment.kind, moment.epoch) for moment in drawn.moments]
        [('best', 3), ('stopped', 5)]
    """
    check_flag("legend", legend)
    panels = _panels(history, metrics, check_flag("lr", lr))
    axis = EpochAxis(history)
    events = _events(history, rule, name, axis)
    beside = _labels(labels, list(panels))
    require_extra("matplotlib.pyplot", "plot")
    if ax is not None:
        check_axes(ax)
    lanes = _lanes(events)
    rates = _RATES if _RATES in panels else ""
    metric_kinds = [kind for kind in panels if kind != _RATES]
    names = name_lanes(lanes, ax)
    divided = divide(ax, metric_kinds, rates=rates, lanes=_LANES if lanes else "", lines=count_lines(names))
    axes = divided.axes
    curves = _draw_curves(axes, history, panels, axis)
    for kind in panels:
        axes[kind].set_ylabel(beside[kind])
    keys: list[Any] = list({line.get_label(): line for line in curves.values() if line.get_label() != "_"}.values())
    moments = sorted(events.moments, key=lambda moment: moment.at)
    shown = [moment for moment in moments if not lanes or moment.kind not in ("opened", "closed")]
    for group in _groups(shown):
        keys += _draw_moments(group, axes, curves)
    keys += draw_lanes(axes[_LANES], lanes, names) if lanes else _shade(events, axes)
    label_time(divided.lowest, axis.start, axis.end + 0.02 * (axis.end - axis.start))
    for panel in axes.values():
        panel.tick_params(labelbottom=panel in divided.lowest)
    share = 1.0 if ax is None or not legend else 0.65  # the key will take its part
    fit_labels([axes[kind] for kind in panels], share)
    if lanes:
        fit_lanes(axes[_LANES], share)
    key = add_key(divided.lowest[0], keys, grow=ax is None, panels=list(axes.values())) if legend else None
    return Timeline(axes, curves, moments, events.zones, key, lanes)


def _lanes(events: RunEvents) -> dict[str, list[Zone]]:
    """The lanes to draw: none where shades and lines show few gates and few changes well enough."""
    if len(events.lanes) > _GATES or len(events.zones) > _LINES:
        return dict(events.lanes)
    return {}


def _shade(events: RunEvents, axes: dict[str, Axes]) -> list[Any]:
    """Shade the zones in all panels, and give the key's entries."""
    for zone in events.zones:
        for panel in axes.values():
            panel.axvspan(zone.start, zone.stop, zorder=0, **ZONES[zone.kind].keywords(panel))
    kinds, top = {zone.kind for zone in events.zones}, next(iter(axes.values()))
    return [zone_key(kind, top, stops=events.stops, owner=events.owner) for kind in ZONES if kind in kinds]


def _panels(history: Any, metrics: Any, lr: bool) -> dict[str, list[str]]:
    """The names drawn in each panel, by what the panel shows."""
    if not isinstance(history, History):
        refuse_type("history", "a History", history, "A recorder has one: recorder.history.")
    recorded = history.metrics
    if not recorded:
        refuse_value("history", "a history with at least one evaluation", history)
    rates = [name for name in recorded if name == "lr" or name.startswith("lr/")]
    if metrics is None:
        metrics = [name for name in recorded if name not in rates]
    elif isinstance(metrics, str):
        metrics = [metrics]
    elif not isinstance(metrics, Sequence):
        refuse_type("metrics", "the names of metrics", metrics)
    elif not metrics:
        refuse_value("metrics", "at least one name, or None for all", metrics)
    panels: dict[str, list[str]] = {}
    for name in metrics:
        history.clock("epoch", of=check_name("metrics", name))
        if name not in rates:
            panels.setdefault(name.rpartition("/")[2], []).append(name)
    if not lr and not panels:
        refuse_value("lr", "True where nothing but the learning rate is drawn", lr)
    return panels | {_RATES: rates} if rates and lr else panels


def _events(history: History, rule: Any, name: Any, axis: EpochAxis) -> RunEvents:
    if rule is None:
        return events_by_marks(history, None if name is None else check_name("name", name), axis)
    if not isinstance(rule, EarlyStop):
        refuse_type("rule", "an EarlyStop", rule)
    if name is not None:
        raise TypeError("give rule or name: name is of a gate in the run itself, which rule takes the place of.")
    return events_by_rule(history, rule, axis)


def _labels(labels: Any, kinds: list[str]) -> dict[str, str]:
    """What stands beside each panel."""
    if labels is not None and not isinstance(labels, Mapping):
        refuse_type("labels", "labels by what a panel shows", labels)
    chosen = {kind: check_name(f"labels[{kind!r}]", label) for kind, label in (labels or {}).items()}
    for kind in chosen:
        if kind not in kinds:
            known = ", ".join(map(repr, kinds))
            refuse_value("labels", f"of panels that are drawn ({known})", kind, suggestion(str(kind), kinds))
    return {kind: "learning\nrate" if kind == _RATES else kind for kind in kinds} | chosen


def _draw_curves(
    axes: dict[str, Axes], history: History, panels: dict[str, list[str]], axis: EpochAxis
) -> dict[str, Line2D]:
    """Draw every metric in its panel; those of one evaluator look alike, and the key names the evaluator."""
    labels = {name: _label(kind, name, len(names)) for kind, names in panels.items() for name in names}
    named = list(dict.fromkeys(label for label in labels.values() if label != "_"))
    first, *_ = styles = curve_styles(max(1, len(named)))
    look_of = {"_": first} | dict(zip(named, styles, strict=False))
    curves = {}
    for kind, names in panels.items():
        for name in names:
            epochs, iterations = history.clock("epoch", of=name), history.clock("iteration", of=name)
            at = [axis.epochs(int(epoch), int(iteration)) for epoch, iteration in zip(epochs, iterations, strict=True)]
            alone = _alone(history[name])  # no line leads to them
            label = labels[name]
            # A record holds the rate that the last batch before it trained at: a step back to the record before, as
            # plot_schedule draws it. A slope would claim rates that no batch trained at.
            steps = "steps-pre" if kind == _RATES else "default"
            look: dict[str, Any] = {
                "label": label,
                "marker": "." if alone else None,
                "markevery": alone or None,
                "drawstyle": steps,
            }
            (curves[name],) = axes[kind].plot(at, history[name], **look, **look_of[label])
    return curves


def _alone(values: Any) -> list[int]:
    """Which of ``values`` stand between two that are no numbers, or have no other beside them."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    return [int(place) for place in np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])]


def _label(kind: str, name: str, count: int) -> str:
    """What the key says of the curve ``name``; an underscore where its panel says all."""
    if kind == _RATES or "/" not in name:
        return name if count > 1 else "_"
    return name.rpartition("/")[0]


def _groups(moments: Sequence[Moment]) -> list[list[Moment]]:
    """``moments`` of one kind and name together."""
    groups: dict[tuple[str, str], list[Moment]] = {}
    for moment in moments:
        groups.setdefault((moment.kind, moment.name), []).append(moment)
    return list(groups.values())


def _draw_moments(moments: list[Moment], axes: dict[str, Axes], curves: dict[str, Line2D]) -> list[Line2D]:
    """Draw ``moments`` of one kind through all panels, the best value on its curve, and give the key's entry."""
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    ink = mpl.rcParams["text.color"]
    look: dict[str, Any] = {"label": describe(moments), "color": ink, "clip_on": False, "zorder": 3}
    if moments[0].kind == "best":
        return _draw_best(moments[0], curves, look)
    marker, dashes = _LOOKS.get(moments[0].kind, _OTHER)
    if len(moments) > _LINES:
        marker, dashes = _OTHER
    for panel in axes.values():
        for moment in moments:
            if dashes != "none":
                panel.axvline(moment.at, color=ink, linestyle=dashes, linewidth=1, zorder=1)
    top = next(iter(axes.values()))
    at = [moment.at for moment in moments]
    # Placed along the time axis and at the panel's upper edge.
    top.plot(
        at, [1] * len(at), marker=marker, linestyle="none", transform=top.get_xaxis_transform(), markersize=6, **look
    )
    return [Line2D([], [], marker=marker, markersize=6, linestyle=dashes, linewidth=1, color=ink, label=look["label"])]


def _draw_best(best: Moment, curves: dict[str, Line2D], look: dict[str, Any]) -> list[Line2D]:
    """A star on the curve that goes through ``best``; none where that is an expression, which has no curve."""
    for line in curves.values():
        at, values = (np.asarray(data, dtype=float) for data in line.get_data())
        if np.any((at == best.at) & (values == best.value)):
            panel: Any = line.axes
            look |= {"markersize": 11, "markerfacecolor": line.get_color()}
            star: list[Line2D] = panel.plot([best.at], [best.value], "*", **look)
            return star
    return []
