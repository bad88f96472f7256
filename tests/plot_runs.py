"""Runs to plot, and what was drawn of them."""

from __future__ import annotations

from typing import Any

from engines import loop

from ignite_delayed import After, Gate, History, Record, Recorder, delay_early_stopping
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


def many_metrics(*names: str, epochs: int = 20) -> History:
    """A run with the metrics ``names``, which fall."""
    return History(
        Record(epoch=e, iteration=5 * e, evaluation=e, values={name: (1 + k) / e for k, name in enumerate(names)})
        for e in range(1, epochs + 1)
    )


def many_gates(*names: str, stop: bool = False) -> History:
    """A real run in which a gate of each name opened, one after the other, and was stopped at last."""
    losses = [1 / epoch for epoch in range(1, 2 * len(names) + 6)]
    trainer, evaluator = loop(loss=[*losses, *[1.0] * 5])
    recorder = Recorder(trainer, evaluator)
    for number, name in enumerate(names):
        Gate(recorder, until=After(epochs=2 * number + 1), name=name)
    if stop:
        delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=4), name="early stopping")
    trainer.run([0, 0, 0], max_epochs=len(losses) + 5)
    return recorder.history


def find_overlaps(**boxes: Any) -> list[tuple[str, str]]:
    """Which of the named boxes, in pixels, meet by more than a pixel."""
    names = list(boxes)
    return [
        (one, other)
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if boxes[one].padded(-0.5).overlaps(boxes[other].padded(-0.5))
    ]
