"""Runs to plot, and what was drawn of them."""

from __future__ import annotations

from typing import Any

from engines import loop

from ignite_delayed import History, Recorder, delay_early_stopping
from ignite_delayed.plots import RateCurves, Timeline, TruthBands

ACCURACIES = [0.5, 0.7, 0.6, 0.65, 0.8, 0.78, 0.79, 0.77]


def stopped_run(accuracies: list[float] = ACCURACIES, **rule: Any) -> History:
    """A real run, ended by delayed early stopping."""
    trainer, evaluator = loop(accuracy=accuracies)
    recorder = Recorder(trainer, evaluator)
    delay_early_stopping(recorder, "accuracy", mode="max", **rule)
    trainer.run([0, 0, 0], max_epochs=len(accuracies))
    return recorder.history


def texts(drawn: Timeline | RateCurves | TruthBands) -> list[str]:
    return [] if drawn.legend is None else [text.get_text() for text in drawn.legend.get_texts()]


def figure_of(drawn: RateCurves | TruthBands) -> Any:
    figure: Any = drawn.axes.get_figure(root=True)
    figure.canvas.draw()
    return figure
