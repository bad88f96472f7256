"""Rules swept over past runs, next to the same written out in NumPy, and to what drives Ignite."""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from timing import side_by_side

from ignite_delayed import After, Condition, EarlyStop, History, Record, Runs, grid, sweep

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


def by_hand(runs: list[History], rules: list[Condition], chunk: int = 512) -> tuple[Floats, Floats]:
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


def by_ignite(curve: list[float], patience: int, delay: int) -> int:
    """The epoch at which Ignite's own handler, behind a filter, stops a run that shows these values."""
    trainer = Engine(lambda engine, batch: None)
    stopping = EarlyStopping(patience, lambda engine: -curve[engine.state.epoch - 1], trainer)
    stopping.logger.setLevel("WARNING")
    late = Events.EPOCH_COMPLETED(event_filter=lambda engine, event: event > delay)
    trainer.add_event_handler(late, stopping)
    return int(trainer.run([0], max_epochs=len(curve)).epoch)


def against_ignite(listed: list[list[float]], seconds: float, cells: int) -> float:
    """How many times faster than driving Ignite's engine, for each run, epoch and rule."""
    start, driven = time.perf_counter(), 0
    for curve in listed[:20]:
        for patience in (5, 10):
            driven += by_ignite(curve, patience, delay=10)
    return (time.perf_counter() - start) / driven / (seconds / cells)


def lazily(count: int) -> Runs:
    """Runs that are made when they are asked for."""
    return Runs([Reader(seed) for seed in range(count)])


def seconds_of(runs: Any, rules: list[Condition], **keywords: Any) -> float:
    start = time.perf_counter()
    sweep(runs, rules, **keywords)
    return time.perf_counter() - start


def main() -> int:
    """Print name, figure and goal of each; the number of goals missed."""
    listed = curves(2000)
    runs = [as_run(curve) for curve in listed]
    rows: list[tuple[str, float, str, float]] = []
    for name, rules in (("5 delays", factored()), ("unrelated", unrelated())):
        hand = by_hand(runs, rules)
        np.testing.assert_array_equal(hand[0], sweep(runs, rules).stopped_epoch)
        work = {"bare": lambda rules=rules: by_hand(runs, rules), "ours": lambda rules=rules: sweep(runs, rules)}
        median = side_by_side(work, number=1, rounds=7)  # type: ignore[arg-type]
        rows.append((f"2,000 runs x 100 rules, {name} / NumPy", median["ours"] / median["bare"], "<=", 1.2))
        cells = 100 * sum(map(len, listed))
        print(f"{name}: {median['bare'] / cells * 1e9:.2f}, {median['ours'] / cells * 1e9:.2f} ns", file=sys.stderr)
        if name == "5 delays":
            rows.append(("times as fast as Ignite's engine", against_ignite(listed, median["ours"], cells), ">=", 2000))
    small, large = (seconds_of(lazily(count), factored()) for count in (10_000, 100_000))
    rows.append(("100,000 runs / 10 times 10,000", large / small / 10, "<=", 1.2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(("GiB at most, with 100,000 runs x 100 rules", peak, "<=", 1.0))
    with ProcessPoolExecutor(2) as pool:
        seconds_of(lazily(200), factored(), executor=pool)
        two = seconds_of(lazily(10_000), factored(), executor=pool)
    rows.append(("10,000 runs in 2 processes, times as fast", small / two, ">=", 1.7))
    missed = 0
    for name, figure, way, goal in rows:
        within = figure <= goal if way == "<=" else figure >= goal
        missed += not within
        print(f"{name:48} {figure:9.2f}  goal {way} {goal:g}  {'ok' if within else 'MISSED'}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
