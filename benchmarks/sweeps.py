"""Rules swept over past runs, next to the same written out in NumPy, and to what drives Ignite."""

from __future__ import annotations

from typing import Any

import numpy as np

from ignite_delayed import After, Condition, EarlyStop, History, Record, grid

Floats = np.ndarray[Any, np.dtype[np.float64]]

PATIENCE = list(range(2, 22))
DELAYS = [0, 5, 10, 20, 40]


def curves(count: int) -> list[list[float]]:
    """Noisy learning curves of 50 to 200 epochs."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(50, 201, count)
    return [(1 / np.arange(1, length + 1) + draw.normal(0, 0.05, length)).tolist() for length in lengths]


def as_run(curve: list[float]) -> History:
    """A run with one evaluation an epoch."""
    return History(
        Record(epoch=t, iteration=10 * t, evaluation=t, values={"loss": value}) for t, value in enumerate(curve, 1)
    )


class Reader:
    """Makes a run when it is asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self) -> History:
        draw = np.random.default_rng(self.seed)
        return as_run(draw.normal(size=int(draw.integers(50, 201))).tolist())


def factored() -> list[Condition]:
    """100 rules that share 5 delays."""
    gates = [After(epochs=delay) for delay in DELAYS]
    return grid(EarlyStop, "loss", mode="min", patience=PATIENCE, until=gates)


def unrelated() -> list[Condition]:
    """100 rules, no two of which share delay and threshold."""
    return [
        EarlyStop("loss", mode="min", patience=2 + n % 20, until=After(epochs=n % 25), threshold=n / 1000)
        for n in range(100)
    ]


def read(runs: list[History]) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]:
    """The curves as a table with a column for each run, and their lengths."""
    values = [run["loss"] for run in runs]
    lengths = np.array([len(one) for one in values])
    table = np.full((lengths.max(), len(runs)), np.inf)
    for place, value in enumerate(values):
        table[: len(value), place] = value
    return table, lengths


def by_hand(runs: list[History], rules: list[Condition], chunk: int = 128) -> tuple[Floats, Floats]:
    """Where rules stop and what they keep, in NumPy: an epoch after the other, over runs and rules at once."""
    table, lengths = read(runs)
    patience = np.array([rule.patience for rule in rules], np.int16)  # type: ignore[attr-defined]
    delay = np.array([rule.until.point for rule in rules])  # type: ignore[attr-defined]
    threshold = np.array([rule.threshold for rule in rules])  # type: ignore[attr-defined]
    stopped, kept = np.empty((2, len(runs), len(rules)))
    for start in range(0, len(runs), chunk):
        part = table[: lengths[start : start + chunk].max(), start : start + chunk]
        shape = (part.shape[1], len(rules))
        best, final = np.full((2, *shape), np.inf)
        counter, survived = np.zeros((2, *shape), np.int16)
        alive = np.ones(shape, np.bool_)
        for epoch, values in enumerate(part, 1):
            value = values[:, None]
            better = value < (best - threshold if threshold.any() else best)
            counter += 1
            counter *= ~better
            np.minimum(best, value, out=best)
            if epoch <= delay.max():
                counter[:, epoch <= delay] = 0
                best[:, epoch <= delay] = np.inf
            np.copyto(final, best, where=alive)
            alive &= counter < patience
            survived += alive
        end = lengths[start : start + chunk, None]
        stopped[start : start + chunk] = np.where(survived < end, survived + 1, np.nan)
        kept[start : start + chunk] = final
    return stopped, kept
