"""Draw the pictures of the pages that need no training: ``python docs/pictures.py``.

``phases.png`` is the example of "Schedules and phases": what its three phases would do in a run of 100 epochs whose
validation loss is assumed. ``delays.png`` is that of "What a delay means": where early stopping ends one run,
depending on what the evaluations before its beginning do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Cosine,
    EarlyStop,
    History,
    Phase,
    Plateau,
    Record,
    plot_schedule,
    preview,
    replay,
    warmup,
)

EPOCHS, ITERATIONS = 100, 30

# Falls early, rises while early stopping is delayed, and falls again.
LOSSES = [0.95, 0.70, 0.52, 0.42, 0.50, 0.62, 0.74, 0.80, 0.76, 0.70, 0.63]
LOSSES += [0.57, 0.51, 0.46, 0.40, 0.37, 0.38, 0.40, 0.39, 0.41, 0.40, 0.42]
DELAY, PATIENCE = 8, 4
WAITING, SEEN, SPENDING = "0.93", "#a8d1e7", "#e08e45"  # distinct in grey, and to the colour-blind


def assumed_losses() -> np.ndarray[Any, np.dtype[np.float64]]:
    """A noisy validation loss that falls and stalls."""
    epoch = np.arange(1, EPOCHS + 1)
    falling = 0.35 + 0.9 * np.exp(-epoch / 12)
    return falling + 0.012 * np.random.default_rng(0).standard_normal(EPOCHS)


def phases_picture() -> Figure:
    """The assumed loss, and below it the rate of every batch."""
    phases = [
        Phase(warmup(fraction=0.05), per="iteration"),
        Phase(Cosine(fraction=0.95), per="iteration", until=Plateau("loss", mode="min", patience=5)),
        Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=10, factor=0.25), monitor="loss", mode="min"),
    ]
    losses = assumed_losses()
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    metrics = {"loss": losses.tolist()}
    made = preview(phases, epochs=EPOCHS, iterations_per_epoch=ITERATIONS, metrics=metrics, optimizer=optimizer)
    figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=(9, 5.6), height_ratios=(1, 1.5), layout="constrained")
    top.plot(np.arange(1, EPOCHS + 1), losses, color="0.35")
    top.set_ylabel("validation loss\n(assumed)")
    drawn = plot_schedule(made, ax=bottom)
    switches = [moment.at for moment in drawn.moments if moment.kind == "switched"]
    for at in switches:
        top.axvline(at, color=plt.rcParams["text.color"], linestyle="-.", linewidth=1)
    names = ("warm-up", "cosine, until the loss stalls", "ReduceLROnPlateau")
    starts, ends = [0.0, *switches], [*switches, float(EPOCHS)]
    for name, start, end in zip(names, starts, ends, strict=True):
        top.annotate(name, ((start + end) / 2, 1.02), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    figure.align_ylabels()
    return figure


def rules() -> dict[str, EarlyStop]:
    """Early stopping without a delay, and with one of each meaning."""
    made = {"no delay": EarlyStop("loss", mode="min", patience=PATIENCE)}
    meanings: tuple[Literal["count", "track", "ignore"], ...] = ("count", "track", "ignore")
    for meaning in meanings:
        delayed = EarlyStop("loss", mode="min", patience=PATIENCE, until=After(epochs=DELAY), while_closed=meaning)
        made[f'"{meaning}"'] = delayed
    return made


def outcomes() -> dict[str, tuple[int, int]]:
    """The epochs of the best value and of the stop under each of the rules."""
    run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(LOSSES, start=1))
    replays = {label: replay(run, rule) for label, rule in rules().items()}
    return {label: (one.best_epoch or 0, one.stopped_at.epoch) for label, one in replays.items() if one.stopped_at}


def describe() -> str:
    """What the picture of the delays says, in words."""
    return "; ".join(f"{label}: stop in epoch {stop}" for label, (_, stop) in outcomes().items())


def delays_picture() -> Figure:
    """The loss, and below it a lane for each meaning of the delay: what its evaluations do, and where it stops."""
    made = outcomes()
    figure, (top, lanes) = plt.subplots(2, sharex=True, figsize=(9, 5.6), height_ratios=(1.1, 1), layout="constrained")
    top.plot(range(1, len(LOSSES) + 1), LOSSES, color="0.35", marker="o", markersize=5)
    top.set_ylabel("validation loss")
    for axes in (top, lanes):
        axes.axvline(DELAY + 0.5, color="0.35", linestyle="--", linewidth=1)
    top.annotate(f"After(epochs={DELAY}) opens", (DELAY + 0.65, 0.93), va="top")
    for row, (label, (best, end)) in enumerate(made.items()):
        first = DELAY + 1 if label == '"ignore"' else 1
        spent = max(best + 1, DELAY + 1) if label == '"track"' else best + 1
        for start, stop, colour in ((1, first - 1, WAITING), (first, spent - 1, SEEN), (spent, end, SPENDING)):
            if stop >= start:
                lanes.barh(row, stop - start + 1, left=start - 0.5, height=0.62, color=colour, edgecolor="0.35")
        lanes.plot(end, row, marker="X", color="0.1", markersize=10)
        lanes.annotate(f"stop in epoch {end}", (end + 0.7, row), va="center")
        top.plot(end, LOSSES[end - 1], marker="X", color="0.1", markersize=9)
    lanes.set_yticks(range(len(made)), list(made))
    lanes.invert_yaxis()
    lanes.set_xlabel("epoch")
    lanes.set_xlim(0.3, len(LOSSES) + 3.7)
    lanes.set_xticks(range(2, len(LOSSES) + 1, 2))
    key = {"not seen": WAITING, "may set the best": SEEN, "spends patience": SPENDING}
    handles = [Patch(facecolor=colour, edgecolor="0.35", label=label) for label, colour in key.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.align_ylabels()
    return figure


def words(figure: Figure) -> str:
    """What stands in ``figure`` but for numbers: kept in its file, so that a test sees when that is old."""
    found = {text.get_text().strip() for text in figure.findobj(Text) if isinstance(text, Text)}
    return "\n".join(sorted(one for one in found if re.search("[A-Za-z]", one)))


if __name__ == "__main__":
    # What is shown at 80 % of a page's width is read at two thirds of its size or less.
    with plt.rc_context({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False}):
        phases, delays = phases_picture(), delays_picture()
        phases.savefig(Path(__file__).with_name("phases.png"), dpi=150, metadata={"Comment": words(phases)})
        told = {"Description": describe(), "Comment": words(delays)}
        delays.savefig(Path(__file__).with_name("delays.png"), dpi=150, metadata=told)
