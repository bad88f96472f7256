"""Truth bands: what a condition and each of its parts said over a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.checks import refuse_value
from .._utils.extras import require_extra
from ..conditions import Condition
from ..conditions.explanation import VERDICT_WORDS, Explanation
from ..history.columns import Floats
from ..history.history import History
from ..replays.columns import part_columns
from ..replays.fold import Replay, fold, replay
from .key import add_key
from .lettering import cut_text, em, text_width, wrap_text
from .moments import EpochAxis, Moment, Zone, describe
from .panels import LEADING, label_time, one_axes
from .style import TRUTHS, style_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

__all__ = ["Band", "TruthBands", "plot_conditions"]

_HEIGHTS = {"true": 1.0, "false": 0.4, "unknown": 1.0}
# In lines of text: between a label and its band, the band, and to the next label.
_NEAR, _BAND, _APART = 0.15, 0.9, 0.65
_TIGHT = 0.35  # between bands, where their labels stand beside them
_LEGIBLE = 0.65  # the share of its size down to which text above the bands may shrink
_BESIDE = 0.45  # the part of the width that labels beside the bands may take
_KEYLESS = 0.7  # the part of the height that the key will leave
_INDENT = 1.2  # of parts, in font sizes

#: How columns say it.
_NUMBERS = {True: 1, False: -1, None: 0}
_KINDS = {number: VERDICT_WORDS[verdict] for verdict, number in _NUMBERS.items()}


class Band(NamedTuple):
    """What one condition said over the run.

    Args:
        condition: the whole, or one of its parts.
        label: the condition as it is written; of what is drawn below it, only ``…``.
        depth: 0 for the whole, 1 for its parts, ...
        zones: ``"true"``, ``"false"`` and ``"unknown"`` on the time axis, in order.
    """

    condition: Condition
    label: str
    depth: int
    zones: list[Zone]


class TruthBands(NamedTuple):
    """What :func:`plot_conditions` drew.

    Args:
        axes: where the bands stand.
        bands: from top to bottom: the whole condition, then its parts as ``explain`` lists them.
        labels: the text above each band, or beside it.
        first: where the whole first held, ``None`` if it never did.
        legend: the key.

    Example:
        >>> from ignite_delayed import After, History, Metric, Record, plot_conditions
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> drawn = plot_conditions(run, After(epochs=2) & (Metric("loss") < 0.5))
        >>> [band.label for band in drawn.bands]
        ["After(epochs=2) & (Metric('loss') < 0.5)", 'After(epochs=2)', "Metric('loss') < 0.5"]
        >>> drawn.first.epoch
        3
    """

    axes: Axes
    bands: list[Band]
    labels: list[Text]
    first: Moment | None
    legend: Legend | None


def plot_conditions(history: History, condition: Any, *, ax: Axes | None = None) -> TruthBands:
    """Draw when a condition, and each of its parts, was true, false and unknown: ``explain`` over a whole run.

    The whole condition is the band on top, its parts follow, indented as ``explain`` prints them. What a record
    decided holds from that record to the next, and after the last one for as long as between the two before; where
    the whole first held is marked on all bands. *True* is dark and high, *false* pale and low, *unknown* hatched.

    The condition need not have been part of the run: it is replayed over the records, as :func:`replay` does.

    Args:
        history: a recorded run, live or loaded.
        condition: a condition, or a function of one record.
        ax: where to draw; in a place that is too low, labels are smaller, or stand beside the bands, and are cut where
            they are long. A figure with ``layout="constrained"`` makes room for them and the key. By default a new
            figure, as high as its bands need.

    Returns:
        What was drawn: axes, bands, labels, the first moment at which the whole held, legend.

    Raises:
        TypeError, ValueError: for anything else, and for a history without records.
        UnknownMetricError: where the condition reads a metric that was not recorded.
        ImportError: without matplotlib (``pip install 'ignite-delayed[plot]'``).

    Example:
        >>> from ignite_delayed import After, History, Metric, Record
        >>> losses = [0.9, 0.4, 0.6, 0.3]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> drawn = plot_conditions(run, After(epochs=2) & (Metric("loss") < 0.5))
        >>> [zone.kind for zone in drawn.bands[0].zones], drawn.first.epoch
        (['unknown', 'false', 'true'], 4)
    """
    replayed = replay(history, condition)
    if not len(history):
        refuse_value("history", "a history with at least one record", history)
    axis = EpochAxis(history)
    at = _times(history, axis)
    bands = _bands(replayed.condition, history, [axis.start, *at])
    require_extra("matplotlib.pyplot", "plot")
    drawn = one_axes(ax)
    label_time([drawn], axis.start, at[-1])
    labels, tops = _draw(drawn, bands, grow=ax is None)
    first = _first(replayed, at)
    kinds = {zone.kind for band in bands for zone in band.zones}
    keys: list[Any] = [style_key(TRUTHS[kind], drawn) for kind in VERDICT_WORDS.values() if kind in kinds]
    if first is not None:
        keys.append(_draw_first(drawn, first, tops))
    return TruthBands(drawn, bands, labels, first, add_key(drawn, keys, grow=ax is None))


def _times(history: History, axis: EpochAxis) -> list[float]:
    """Where each record stands on the time axis, and where the verdicts of the last one end."""
    at = [axis.epochs(record.epoch, record.iteration) for record in history]
    distinct = sorted({axis.start, *at})
    gap = distinct[-1] - distinct[-2] if len(distinct) > 1 else 1.0
    return [*at, at[-1] + gap]


def _first(replayed: Replay, at: list[float]) -> Moment | None:
    if replayed.first is None:
        return None
    return Moment("first true", replayed.first.epoch, at[replayed.verdicts.index(True)])


def _bands(condition: Condition, history: History, at: list[float]) -> list[Band]:
    """A band for the whole and each part; before the first record, each says what it begins with."""
    begins = condition.explain(condition.initial())
    columns = part_columns(begins, history)
    if columns is None:
        columns = _folded(condition, history)
    bands = []
    times = np.array(at)
    for (depth, node), column in zip(_walk(begins), columns, strict=True):
        said = np.append(_NUMBERS[node.verdict], column)
        assert isinstance(node.node, Condition)
        label = repr(condition) if depth == 0 else _label(node)
        bands.append(Band(node.node, label, depth, _zones(said, times)))
    return bands


def _folded(condition: Condition, history: History) -> list[np.ndarray[Any, Any]]:
    """What the whole and each part say at each record, one record after the other."""
    explained = [condition.explain(state) for state, _ in fold(condition, history)]
    rows = [[_NUMBERS[said.verdict] for _, said in _walk(one)] for one in explained]
    return list(np.array(rows).T)


def _zones(said: np.ndarray[Any, Any], at: Floats) -> list[Zone]:
    """Where on the axis it was said; each holds until the next."""
    last = np.flatnonzero(at[:-1] < at[1:])  # another record follows the rest at the same time
    said, starts, stops = said[last], at[:-1][last], at[1:][last]
    begins = np.flatnonzero(np.append(True, said[1:] != said[:-1])[: len(said)])
    ends = np.append(begins[1:], len(said))[: len(begins)] - 1
    kinds = [_KINDS[number] for number in said[begins].tolist()]
    return [Zone(*zone) for zone in zip(kinds, starts[begins].tolist(), stops[ends].tolist(), strict=True)]


def _walk(explained: Explanation, depth: int = 0) -> Iterator[tuple[int, Explanation]]:
    """The nodes in the order in which they are printed."""
    yield depth, explained
    for part in explained.parts:
        yield from _walk(part, depth + 1)


def _label(explained: Explanation) -> str:
    """A condition as it is written, without the parts that have bands of their own."""
    text = repr(explained.node)
    for part in explained.parts:
        text = text.replace(repr(part.node), "…", 1)
    return text


def _draw(ax: Axes, bands: list[Band], *, grow: bool) -> tuple[list[Text], list[float]]:
    """Draw the bands from top to bottom, and give their labels and upper edges; the axis is in lines of text.

    Each stands below its label, or beside it in a place that is too low for that.
    """
    import matplotlib as mpl

    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()
    points = 72 * em(mpl.rcParams["ytick.labelsize"])
    dots, place = figure.dpi / 72, ax.get_window_extent()
    rooms = [max(place.width - (1 + _INDENT * band.depth) * points * dots, 8 * points * dots) for band in bands]
    texts = [wrap_text(band.label, room, points, figure) for band, room in zip(bands, rooms, strict=True)]
    lines = sum(text.count("\n") + 1 + _NEAR + _BAND + _APART for text in texts) + _APART
    if grow:
        figure.set_figheight(LEADING * points / 72 * lines + 5.5 * em(mpl.rcParams["axes.labelsize"]))
        return _draw_below(ax, bands, texts, points)
    high = _KEYLESS * place.height / dots / LEADING  # of a line of text, were there only one
    if high / lines > _LEGIBLE * points:
        return _draw_below(ax, bands, texts, min(points, high / lines))
    return _draw_beside(ax, bands, min(points, high / len(bands) / (_BAND + _TIGHT)))


def _draw_below(ax: Axes, bands: list[Band], texts: list[str], points: float) -> tuple[list[Text], list[float]]:
    """Draw the bands below their labels."""
    labels: list[Text] = []
    tops: list[float] = []
    y = _APART
    for band, text in zip(bands, texts, strict=True):
        y += text.count("\n") + 1
        labels.append(_write(ax, text, y, points * (0.5 + _INDENT * band.depth), fontsize=points, va="bottom"))
        tops.append(y + _NEAR)
        _draw_band(ax, band, tops[-1])
        y += _NEAR + _BAND + _APART
    ax.set_ylim(y, 0)
    ax.set_yticks([])
    return labels, tops


def _draw_beside(ax: Axes, bands: list[Band], points: float) -> tuple[list[Text], list[float]]:
    """Draw the bands beside their labels, each of which is one line, cut where it is long."""
    figure: Any = ax.get_figure(root=True)
    dots, room = figure.dpi / 72, _BESIDE * ax.get_window_extent().width
    indents = [_INDENT * points * band.depth for band in bands]
    texts = [
        cut_text(band.label, room - indent * dots, points, figure) for band, indent in zip(bands, indents, strict=True)
    ]
    widths = [text_width(text, points, figure) / dots for text in texts]
    widest = max(indent + width for indent, width in zip(indents, widths, strict=True)) + 0.5 * points
    tops = [_TIGHT + row * (_BAND + _TIGHT) for row in range(len(bands))]
    labels = [
        _write(ax, text, top + _BAND / 2, indent - widest, fontsize=points, va="center")
        for text, top, indent in zip(texts, tops, indents, strict=True)
    ]
    for band, top in zip(bands, tops, strict=True):
        _draw_band(ax, band, top)
    ax.set_ylim(tops[-1] + _BAND + _TIGHT, 0)
    ax.set_yticks([])
    return labels, tops


def _write(ax: Axes, text: str, y: float, right: float, **look: Any) -> Text:
    """Write ``text`` at ``y``, so many points to the right of the left edge."""
    place: Any = ax.get_yaxis_transform()
    return ax.annotate(text, (0, y), xytext=(right, 0), xycoords=place, textcoords="offset points", **look)


def _draw_band(ax: Axes, band: Band, top: float) -> None:
    for kind, height in _HEIGHTS.items():
        spans = [(zone.start, zone.stop - zone.start) for zone in band.zones if zone.kind == kind]
        ax.broken_barh(spans, (top + _BAND * (1 - height), _BAND * height), label=kind, **TRUTHS[kind].keywords(ax))


def _draw_first(ax: Axes, first: Moment, tops: list[float]) -> Any:
    """Mark on every band where the whole first held, and give the key's entry."""
    import matplotlib as mpl
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    ink = mpl.rcParams["text.color"]
    halo = [withStroke(linewidth=3, foreground=mpl.rcParams["axes.facecolor"])]
    ends = [top + _BAND for top in tops]
    ax.vlines([first.at] * len(tops), tops, ends, color=ink, linewidth=1.2, path_effects=halo)
    look: dict[str, Any] = {"marker": "^", "markersize": 7, "color": ink, "linewidth": 1.2}
    look |= {"markeredgecolor": mpl.rcParams["axes.facecolor"], "label": describe([first])}
    ax.plot([first.at], [tops[0] + _BAND], zorder=3, clip_on=False, **look)
    return Line2D([], [], **look)
