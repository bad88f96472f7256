"""Rules swept over past runs, next to the same written out in NumPy, and to what drives Ignite.

What one process does is measured in CPU time, the least of interleaved rounds, which a busy machine changes least. What
two gain shows only by the clock on the wall, so it is judged only where the machine has the time for both.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping

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


class Arrays(NamedTuple):
    """Curves as a table with a column for each run, and their lengths."""

    table: Floats
    lengths: np.ndarray[Any, np.dtype[np.int64]]


def read(runs: list[History]) -> Arrays:
    """The shortest way from histories to such a table."""
    values = [run["loss"] for run in runs]
    lengths = np.array([len(one) for one in values])
    table = np.full((lengths.max(), len(runs)), np.inf)
    for place, value in enumerate(values):
        table[: len(value), place] = value
    return Arrays(table, lengths)


def by_hand(arrays: Arrays, rules: list[Any], chunk: int = 512) -> tuple[Floats, Floats]:
    """Where rules stop and what they keep, in NumPy: an epoch after the other, over runs and rules at once."""
    table, lengths = arrays
    patience = np.array([rule.patience for rule in rules], np.int16)
    delay = np.array([rule.until.point for rule in rules])
    threshold = np.array([rule.threshold for rule in rules])
    stopped, kept = np.empty((2, len(lengths), len(rules)))
    for start in range(0, len(lengths), chunk):
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


def by_hand_factored(arrays: Arrays, rules: list[Any], chunk: int = 512) -> tuple[Floats, Floats]:
    """The same for rules without thresholds, all patiences of a delay in one pass."""
    table, lengths = arrays
    patience = np.array([rule.patience for rule in rules])
    delay = np.array([rule.until.point for rule in rules])
    stopped, kept = np.empty((2, len(rules), len(lengths)))
    for start in range(0, len(lengths), chunk):
        end = lengths[start : start + chunk]
        part = table[: end.max(), start : start + chunk]
        runs = np.arange(part.shape[1])
        for first in map(int, set(delay)):
            best, most = np.full((len(part), len(runs)), np.inf), np.zeros((len(part), len(runs)), np.int16)
            spent = np.zeros(len(runs), np.int16)
            for epoch in range(first, len(part)):
                better = part[epoch] < best[epoch - 1]
                spent += 1
                spent *= ~better
                np.minimum(best[epoch - 1], part[epoch], out=best[epoch])
                np.maximum(most[epoch - 1], spent, out=most[epoch])
            for rule in np.flatnonzero(delay == first):
                stop = np.add.reduce(most < patience[rule], axis=0, dtype=np.int16)
                stopped[rule, start : start + chunk] = np.where(stop < end, stop + 1, np.nan)
                kept[rule, start : start + chunk] = best[np.minimum(stop, end - 1), runs]
    return stopped.T, kept.T


def by_ignite(curve: list[float], patience: int, delay: int) -> int:
    """The epoch at which Ignite's own handler, behind a filter, stops a run that shows these values."""
    trainer = Engine(lambda engine, batch: None)
    stopping = EarlyStopping(patience, lambda engine: -curve[engine.state.epoch - 1], trainer)
    stopping.logger.setLevel("WARNING")
    late = Events.EPOCH_COMPLETED(event_filter=lambda engine, event: event > delay)
    trainer.add_event_handler(late, stopping)
    return int(trainer.run([0], max_epochs=len(curve)).epoch)


def least(work: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, Spent]:
    """The least that each takes, the rounds interleaved."""
    spent: dict[str, list[Spent]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            spent[name].append(seconds_of(function))
    return {name: Spent(*map(min, zip(*times, strict=True))) for name, times in spent.items()}


class Spent(NamedTuple):
    """Seconds of this process, and on the wall."""

    cpu: float
    wall: float


def seconds_of(function: Callable[[], object]) -> Spent:
    """What a call takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def against_ignite(listed: list[list[float]], seconds: float, cells: int) -> float:
    """How many times faster than driving Ignite's engine, for each run, epoch and rule."""

    def drive() -> int:
        return sum(by_ignite(curve, patience, delay=10) for curve in listed[:20] for patience in (5, 10))

    return min(seconds_of(drive).cpu for _ in range(3)) / drive() / (seconds / cells)


def lazily(count: int) -> Runs:
    """Runs that are made when they are asked for."""
    return Runs([Reader(seed) for seed in range(count)])


#: Name, figure, and its goal; ``NONE`` where there is none.
Row = tuple[str, float, str, float]
NONE = float("inf")
GRIDS = (("5 delays", factored, by_hand_factored), ("unrelated", unrelated, by_hand))


def against_numpy() -> Iterator[Row]:
    """Next to NumPy: from histories, which both read, and from arrays at hand, which only NumPy begins with."""
    listed = curves(2000)
    runs = [as_run(curve) for curve in listed]
    arrays, cells = read(runs), 100 * sum(map(len, listed))
    for name, make, best_by_hand in GRIDS:
        rules = make()
        swept = sweep(runs, rules)
        for hand in (by_hand(arrays, rules), best_by_hand(arrays, rules)):
            np.testing.assert_array_equal(hand[0], swept.stopped_epoch)
            np.testing.assert_array_equal(hand[1], np.nan_to_num(swept.kept, nan=np.inf))
        work: dict[str, Callable[[], object]] = {
            "ours": lambda rules=rules: sweep(runs, rules),
            "read": lambda: read(runs),
            "NumPy": lambda rules=rules: by_hand(arrays, rules),
            "NumPy, factored": lambda rules=rules, best_by_hand=best_by_hand: best_by_hand(arrays, rules),
        }
        spent = least(work)
        told = (f"{what} {one.cpu * 1e3:.0f} ms ({one.cpu / cells * 1e9:.2f} ns)" for what, one in spent.items())
        print(f"{name}: {', '.join(told)}; ours on the wall {spent['ours'].wall * 1e3:.0f} ms", file=sys.stderr)
        hand_cpu, ours = spent["NumPy, factored"].cpu, spent["ours"].cpu
        yield f"2,000 runs x 100 rules, {name} / reading and NumPy", ours / (spent["read"].cpu + hand_cpu), "<=", 1.2
        yield f"  NumPy from arrays that are there, {name}", ours / hand_cpu, "<=", NONE
        if name == "5 delays":
            yield "  NumPy that knows nothing of shared delays", ours / spent["NumPy"].cpu, "<=", NONE
            yield "times as fast as Ignite's engine", against_ignite(listed, ours, cells), ">=", 2000


def of_many_runs() -> Iterator[Row]:
    """How cost and memory grow with the runs, and what two processes gain."""
    small, large = (seconds_of(lambda count=count: sweep(lazily(count), factored())) for count in (10_000, 100_000))
    yield "100,000 runs / 10 times 10,000", large.cpu / small.cpu / 10, "<=", 1.2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield "GiB at most, with 100,000 runs x 100 rules", peak, "<=", 1.0
    with ProcessPoolExecutor(2) as pool:
        sweep(lazily(200), factored(), executor=pool)
        load = os.getloadavg()[0]
        two = seconds_of(lambda: sweep(lazily(10_000), factored(), executor=pool))
    print(f"10,000 runs: one process {small.wall:.2f} s on the wall ({small.cpu:.2f} s of its own)", file=sys.stderr)
    print(f"  two {two.wall:.2f} s ({two.cpu:.2f} s of the one that sends), load {load:.1f}", file=sys.stderr)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = two.cpu + spent.ru_utime + spent.ru_stime
    yield "10,000 runs, CPU of all processes / of one", total / small.cpu, "<=", 1.2
    if load < 1.5:
        yield "10,000 runs in 2 processes, times as fast", small.wall / two.wall, ">=", 1.7


def main() -> int:
    """Print name and figure of each, and the goal where there is one; the number of goals missed."""
    missed = 0
    for name, figure, way, goal in chain(against_numpy(), of_many_runs()):
        judged = ""
        if goal != NONE:
            within = figure <= goal if way == "<=" else figure >= goal
            missed += not within
            judged = f"  goal {way} {goal:g}  {'ok' if within else 'MISSED'}"
        print(f"{name:56} {figure:9.2f}{judged}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
