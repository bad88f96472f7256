"""The cases: each gives the ways to do one piece of work, the bare one first."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from ignite_delayed import (
    After,
    Condition,
    Cosine,
    Gate,
    History,
    Metric,
    Phase,
    Record,
    Recorder,
    apply_schedule,
    delay,
    preview,
    warmup,
)
from ignite_delayed.replays.columns import verdict_column

Work = Callable[[], object]


def engines() -> tuple[Engine, Engine]:
    return Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)


def evaluating(recorder: Recorder, trainer: Engine, evaluator: Engine) -> Work:
    """A training run of 500 iterations with an evaluation after each."""
    evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=0.5))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: evaluator.run([0]))
    return lambda: trainer.run([0] * 500, max_epochs=1)


def gated_handler(until: Condition) -> tuple[Work, Work]:
    """A handler of a per-iteration event behind a gate, past an evaluation with a loss of 0.5, against a plain one."""

    def nothing(engine: Engine) -> None:
        pass

    def fire(attach: Callable[[Engine, Recorder], object]) -> Work:
        trainer, evaluator = engines()
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=0.5))
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        attach(trainer, Recorder(trainer, evaluator))
        trainer.run([0])
        trainer.state.iteration += 1
        return lambda: trainer._fire_event(Events.ITERATION_COMPLETED)  # noqa: SLF001

    def gated(trainer: Engine, recorder: Recorder) -> None:
        delay(recorder, nothing, until=until, engine=trainer, event=Events.ITERATION_COMPLETED)

    plain = fire(lambda trainer, recorder: trainer.add_event_handler(Events.ITERATION_COMPLETED, nothing))
    return plain, fire(gated)


def gates_fed(count: int) -> Work:
    """Such a run with ``count`` closed gates."""
    trainer, evaluator = engines()
    recorder = Recorder(trainer, evaluator, keep=10)
    for _ in range(count):
        Gate(recorder, until=Metric("loss") < 0.1)
    return evaluating(recorder, trainer, evaluator)


def rate_step(groups: int) -> tuple[Work, Work]:
    """One step of warm-up and cosine for some groups, against the closed form written out."""
    optimizer, bare = (
        torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)], lr=0.1)
        for _ in range(2)
    )
    trainer, evaluator = engines()
    schedule = warmup(iterations=100).then(Cosine(iterations=900))
    phases = apply_schedule(Recorder(trainer, evaluator), optimizer, schedule, per="iteration")
    phases._on_run(True)
    trainer.state.iteration = 500
    s, g, before_iteration = 499, bare.param_groups, phases.course.before_iteration
    cos, pi = math.cos, math.pi

    def by_hand() -> None:
        f = s / 100 if s < 100 else 0.5 * (1 + cos(pi * (s - 100) / 900))
        for group in g:
            group["lr"] = 0.1 * f

    return by_hand, lambda: before_iteration(trainer)


def million_steps() -> tuple[Work, Work]:
    """A preview of a million steps, against NumPy's closed form for each segment."""

    def by_hand() -> object:
        steps = np.arange(1_000_000)
        factors = np.empty(len(steps))
        factors[:50_000] = steps[:50_000] / 50_000
        factors[50_000:] = 0.5 * (1 + np.cos(np.pi * (steps[50_000:] - 50_000) / 950_000))
        return (steps + 1) / 1000, factors

    schedule = warmup(iterations=50_000).then(Cosine(iterations=950_000))
    return by_hand, lambda: preview(schedule, epochs=1000, iterations_per_epoch=1000)


def million_steps_in_phases() -> tuple[Work, Work]:
    """A preview of a million steps in three phases, against that of one schedule."""
    run: dict[str, Any] = {"epochs": 1000, "iterations_per_epoch": 1000}
    phases = [
        Phase(warmup(fraction=0.05), per="iteration"),
        Phase(Cosine(fraction=0.9), per="iteration", until=After(fraction=0.45)),
        Phase(Cosine(0.5, 0.0, rest=True), per="iteration"),
    ]
    schedule = warmup(fraction=0.05).then(Cosine(fraction=0.45)).then(Cosine(0.5, 0.0, fraction=0.5))
    return lambda: preview(schedule, **run), lambda: preview(phases, **run)


def recording() -> tuple[Work, Work]:
    """A record of one metric appended to a history, against appends of the same numbers to arrays."""
    columns = [array("q"), array("q"), array("q"), array("d"), array("q"), array("q"), array("q"), array("d")]
    history, record = History(), Record(epoch=1, iteration=1, values={"loss": 0.5})

    def by_hand() -> None:
        epochs, iterations, evaluations, seconds, planned, sources, rows, values = columns
        epochs.append(record.epoch)
        iterations.append(record.iteration)
        evaluations.append(record.evaluation)
        seconds.append(record.seconds)
        planned.append(-1 if record.planned is None else record.planned)
        sources.append(0)
        for value in record.values.values():
            rows.append(len(rows))
            values.append(value)

    return by_hand, lambda: history.append(record)


def million_verdicts() -> tuple[Work, Work]:
    """All verdicts of a condition of 8 leaves over a million records, against the expression in NumPy.

    Both begin with the history, of which NumPy reads each column once.
    """
    draw = np.random.default_rng(0).random((1_000_000, 3)).tolist()
    run = History(
        Record(epoch=t, iteration=10 * t, evaluation=t, values={"a": a, "b": b, "c": c})
        for t, (a, b, c) in enumerate(draw, start=1)
    )
    low = (Metric("a") < 0.5) & (Metric("b") > 0.2) & After(epochs=1000)
    apart = (Metric("c") < 0.1) & (Metric("a") - Metric("b") > 0.3)
    rule = low | apart | ((Metric("b") / Metric("a") < 0.01) & After(iterations=5000) & (Metric("c") >= 0.25))

    def by_hand() -> object:
        a, b, c, epoch, iteration = run["a"], run["b"], run["c"], run.clock("epoch"), run.clock("iteration")
        low = (a < 0.5) & (b > 0.2) & (epoch > 1000)
        apart = (c < 0.1) & (a - b > 0.3)
        return low | apart | ((b / a < 0.01) & (iteration > 5000) & (c >= 0.25))

    assert np.array_equal(by_hand(), verdict_column(rule, run) == 1)
    return by_hand, lambda: verdict_column(rule, run)


def jsonl() -> tuple[History, list[str], Path]:
    """300,000 records of three metrics, their lines, and the file with those."""
    random = Random(0)
    history = History()
    for i in range(300_000):
        values = {name: random.random() for name in ("loss", "accuracy", "f1")}
        history.append(
            Record(epoch=i // 100, iteration=i, evaluation=i, seconds=i * 0.37, planned=10**6, values=values)
        )
    path = history.save(Path(tempfile.mkdtemp()) / "history.jsonl")
    return history, path.read_text(encoding="ascii").splitlines(), path


def saving() -> tuple[Work, Work]:
    """A history saved, against ``json.dumps`` of each of its lines."""
    history, lines, path = jsonl()
    entries = [json.loads(line) for line in lines]
    return lambda: [json.dumps(entry) for entry in entries], lambda: history.save(path, overwrite=True)


def loading() -> tuple[Work, Work]:
    """A history loaded, against ``json.loads`` of each of its lines."""
    _, lines, path = jsonl()
    return lambda: [json.loads(line) for line in lines], lambda: History.load(path)


def import_time() -> float:
    """Milliseconds that ``import ignite_delayed`` takes on top of ``import ignite``."""
    code = "import time, ignite; t = time.perf_counter(); import ignite_delayed; print(time.perf_counter() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in range(5)
    ]
    return min(runs) * 1e3


def grown_history() -> float:
    """How much dearer an evaluation is after 100,000 records than at the beginning."""
    trainer, evaluator = engines()
    recorder = Recorder(trainer, evaluator)
    Gate(recorder, until=(Metric("loss").mean(10) < 0).sustained(evaluations=5))
    times: list[float] = []
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: times.append(time.perf_counter()))
    evaluating(recorder, trainer, evaluator)
    trainer.run([0] * 2000, max_epochs=55)
    laps = np.diff(times)
    return float(laps[-5:].min() / laps[:5].min())


TIMED: dict[str, tuple[Callable[[], tuple[Work, Work]], int, float]] = {
    "handler of iterations until epoch 5, closed / plain": (lambda: gated_handler(After(epochs=5)), 20_000, 1.05),
    "handler of iterations until a loss, closed / plain": (lambda: gated_handler(Metric("loss") < 0), 20_000, 1.05),
    "handler of iterations until a loss, open / plain": (lambda: gated_handler(Metric("loss") < 1), 20_000, 1.05),
    "rate step, 1 group / closed form": (lambda: rate_step(1), 5_000, 1.5),
    "rate step, 100 groups / closed form": (lambda: rate_step(100), 1_000, 1.1),
    "preview of 1,000,000 steps / NumPy": (million_steps, 1, 1.5),
    "verdicts of 8 leaves at 1,000,000 records / NumPy": (million_verdicts, 1, 3.0),
    "preview of 1,000,000 steps in 3 phases / of a schedule": (million_steps_in_phases, 1, 2.0),
    "record appended / arrays appended": (recording, 20_000, 1.5),
    "history of 300,000 records saved / json.dumps a line": (saving, 1, 2.0),
    "history of 300,000 records loaded / json.loads a line": (loading, 1, 2.0),
}


def measured_alone() -> list[tuple[str, Any, float, str]]:
    """What has no bare counterpart: name, figure, goal, unit."""
    from timing import side_by_side

    runs = side_by_side({"none": gates_fed(0), "hundred": gates_fed(100)}, number=1)
    micros = (runs["hundred"] - runs["none"]) / 500 * 1e6
    return [
        ("100 gates fed by one evaluation", micros, 100.0, "us"),
        ("import ignite_delayed on top of ignite", import_time(), 30.0, "ms"),
        ("evaluation after 100,000 records / after none", grown_history(), 1.3, "x"),
    ]
