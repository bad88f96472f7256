"""Draw the pictures of README.rst that need no training: ``python docs/pictures.py``.

``phases.png`` is the example of the section "Learning rates": what its three phases would do in a run of 100 epochs
whose validation loss is assumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import Cosine, Phase, Plateau, plot_schedule, preview, warmup

EPOCHS, ITERATIONS = 100, 30


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


if __name__ == "__main__":
    # What is shown at 80 % of a page's width is read at two thirds of its size or less.
    with plt.rc_context({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False}):
        phases_picture().savefig(Path(__file__).with_name("phases.png"), dpi=150)
