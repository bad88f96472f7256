"""The demo's figure: one training, and a lane for each of the four rules that may end it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.extras import require_extra
from ..plots.moments import EpochAxis, Zone, events_by_rule
from ..plots.style import LINES, OKABE_ITO, ZONES, zone_key
from .runs import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "save", "tell"]


def draw(outcomes: Sequence[Outcome], *, width: float = 9.0) -> Figure:
    """The accuracy of the longest run, of which the others are the beginning; a lane for each; the learning rate.

    Args:
        outcomes: of the four runs, the one without early stopping first.
        width: of the figure, in inches.

    Raises:
        ImportError: without matplotlib (``pip install 'ignite-delayed[demo]'``).
    """
    figure: Figure = require_extra("matplotlib.figure", "demo").Figure(figsize=(width, 6.4), layout="constrained")
    top, lanes, bottom = figure.subplots(3, sharex=True, height_ratios=(3, 2.2, 1))
    full = outcomes[0].history
    epochs = full.clock("epoch")
    top.plot(epochs, 100 * full["accuracy"], color="0.35")
    bottom.plot(epochs, full["lr"], color="0.35")
    for number, outcome in enumerate(outcomes):
        color = OKABE_ITO[number - 1] if number else "0.35"
        dashes = LINES[number % len(LINES)]
        top.plot(outcome.best_epoch, 100 * outcome.best_accuracy, "*", color=color, markersize=11, clip_on=False)
        if outcome.stopped_in is not None:  # a line from the curve down to the lane of its run
            top.axvline(outcome.stopped_in, color=color, linestyle=dashes, linewidth=1.3, zorder=1)
            lanes.plot([outcome.stopped_in] * 2, [1, -number], color=color, linestyle=dashes, linewidth=1.3, zorder=1)
        _draw_lane(lanes, number, outcome, color)
    _finish(figure, top, lanes, bottom, outcomes)
    return figure


def _draw_lane(lanes: Axes, number: int, outcome: Outcome, color: str) -> None:
    """What the rule did, from left to right, and what came of it, in two columns on the right."""
    rule, history, at = outcome.plan.rule, outcome.history, -number
    never = [Zone("closed", 0, outcome.epochs)]
    zones = never if rule is None else events_by_rule(history, rule, EpochAxis(history)).zones
    for zone in zones:
        lanes.barh(at, zone.stop - zone.start, left=zone.start, height=0.62, **ZONES[zone.kind].keywords(lanes))
    lanes.plot(outcome.best_epoch, at, "*", color=color, markersize=11, clip_on=False)
    if outcome.stopped_in is not None:
        lanes.plot(outcome.stopped_in, at, "s", color=color, markersize=7, clip_on=False)
    for column, share in enumerate((outcome.best_accuracy, outcome.test_accuracy)):
        _write(lanes, column, at, f"{100 * share:.1f} %")


def _write(lanes: Axes, column: int, at: float, text: str) -> None:
    """Write into one of the two columns to the right of the lanes."""
    right: Any = lanes.get_yaxis_transform()  # the width of the panel across, lanes up
    offset = (34 + 60 * column, 0)
    lanes.annotate(text, (1, at), xycoords=right, xytext=offset, textcoords="offset points", ha="center", va="center")


def _finish(figure: Figure, top: Axes, lanes: Axes, bottom: Axes, outcomes: Sequence[Outcome]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    epochs = outcomes[0].epochs
    accuracies = 100 * outcomes[0].history["accuracy"][epochs // 10 :]  # the first rise would flatten all the rest
    top.set_ylim(accuracies.min() - 4, accuracies.max() + 4)
    figure.suptitle("One training run, four ways to end it")
    top.set_ylabel("validation\naccuracy (%)")
    lanes.set_yticks([-number for number in range(len(outcomes))], [_wrap(o.plan.title) for o in outcomes])
    lanes.set_ylim(-len(outcomes) + 0.45, 0.55)
    for column, head in enumerate(("validation\naccuracy", "test\naccuracy")):
        _write(lanes, column, 0.85, head)
    bottom.set_ylabel("learning\nrate")
    bottom.set_xlabel("epoch")
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    bottom.set_xlim(0, epochs * 1.01)
    keys: list[Any] = [
        Line2D(
            [], [], linestyle="none", marker="*", markersize=11, color="0.35", label="weights kept (best validation)"
        ),
        Line2D([], [], linestyle="-", marker="s", markersize=7, color="0.35", label="stopped"),
        *(zone_key(kind, lanes) for kind in ZONES),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=3 if figure.get_figwidth() > 7 else 2, frameon=False)


def _wrap(title: str) -> str:
    """``title`` on two lines, broken near its middle."""
    middle = len(title) // 2
    spaces = [place for place, letter in enumerate(title) if letter == " "]
    if len(title) < 18 or not spaces:
        return title
    cut = min(spaces, key=lambda place: abs(place - middle))
    return f"{title[:cut]}\n{title[cut + 1 :]}"


def tell(outcomes: Sequence[Outcome]) -> str:
    """What the figure shows, in words: a line for each run."""
    lines = []
    for one in outcomes:
        ended = "ran to the end" if one.stopped_in is None else f"stopped in epoch {one.stopped_in}"
        opened = "" if one.opened_in is None else f", open since epoch {one.opened_in}"
        shares = f"validation {100 * one.best_accuracy:.1f} %, test {100 * one.test_accuracy:.1f} %"
        lines.append(f"{one.plan.title}: {ended}{opened}; weights of epoch {one.best_epoch}, {shares}")
    return "\n".join(lines)


def save(figure: Figure, path: Path, *, description: str, overwrite: bool = False) -> Path:
    """Write ``figure`` to ``path`` as a PNG, which carries its ``description`` for those who cannot see it.

    Raises:
        FileExistsError: where the file exists and ``overwrite`` is false.
    """
    with path.open("wb" if overwrite else "xb") as file:
        figure.savefig(file, format="png", dpi=150, metadata={"Description": description})
    return path
