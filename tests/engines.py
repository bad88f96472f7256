"""Small real engines for tests: trainers, evaluators that report what they are told, and when they run."""

from __future__ import annotations

import gc
import inspect
import io
import json
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping

from ignite_delayed import History

nan, inf = float("nan"), float("inf")


def engine(step: Callable[[Engine, Any], Any] = lambda engine, batch: None) -> Engine:
    """An engine that does nothing, or ``step``."""
    return Engine(step)


def handler_table(one: Engine) -> dict[Any, list[Any]]:
    """What is attached to ``one``, by event: Ignite's own table."""
    return one._event_handlers  # noqa: SLF001 - nothing public tells


def reporting(trainer: Engine, **metrics: Callable[[Engine], Any] | Sequence[Any]) -> Engine:
    """An evaluator whose metrics are functions of the trainer, or sequences with a value for each of its epochs."""
    evaluator = engine()

    def report() -> None:
        for name, value in metrics.items():
            values = value if callable(value) else None
            evaluator.state.metrics[name] = values(trainer) if values else value[trainer.state.epoch - 1]  # type: ignore[index]

    evaluator.add_event_handler(Events.EPOCH_COMPLETED, report)
    return evaluator


def evaluate(trainer: Engine, evaluator: Engine, event: Any = Events.EPOCH_COMPLETED) -> None:
    """Run ``evaluator`` on two batches at ``event`` of ``trainer``."""
    trainer.add_event_handler(event, lambda: evaluator.run([0, 0]))


def loop(**metrics: Callable[[Engine], Any] | Sequence[Any]) -> tuple[Engine, Engine]:
    """A trainer, and an evaluator that runs after each of its epochs."""
    trainer = engine()
    evaluator = reporting(trainer, **metrics)
    evaluate(trainer, evaluator)
    return trainer, evaluator


def epochs_of(trainer: Engine) -> tuple[list[int], Callable[[], None]]:
    """A list, and a handler that appends the trainer's epoch to it."""
    seen: list[int] = []
    return seen, lambda: seen.append(trainer.state.epoch)


def ignite_early_stopping(
    trainer: Engine,
    score: Callable[[Engine], Any],
    patience: int,
    *,
    threshold: float = 0.0,
    cumulative: bool = False,
    threshold_mode: str = "abs",
    mode: str = "max",
) -> EarlyStopping:
    """Ignite's own, in the spelling of the installed version (``min_delta`` until 0.5.4)."""
    known = inspect.signature(EarlyStopping).parameters
    new = {"threshold": threshold, "cumulative": cumulative, "threshold_mode": threshold_mode, "mode": mode}
    old = {"min_delta": threshold, "cumulative_delta": cumulative, "min_delta_mode": threshold_mode, "mode": mode}
    arguments: dict[str, Any] = new if "threshold" in known else old
    stopping = EarlyStopping(patience, score, trainer, **arguments)
    stopping.logger.disabled = True
    return stopping


def through_torch(state: Any) -> Any:
    """``state`` after ``torch.save`` and ``torch.load(weights_only=True)``."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def through_json(state: Any) -> Any:
    """``state`` after JSON."""
    return json.loads(json.dumps(state))


def unsealed(state: Any) -> Any:
    """A recorder's ``state`` without its checksum, as older releases saved it: to be changed by hand."""
    return {key: value for key, value in state.items() if key != "checksum"}


def freed_by_counting(build: Callable[[], Sequence[Any]]) -> list[bool]:
    """Of each engine that ``build`` returns first, whether it is freed as soon as nobody refers to it."""
    gc.collect()
    gc.disable()
    try:
        built = build()
        engines = [weakref.ref(one) for one in built if isinstance(one, Engine)]
        del built
        return [reference() is None for reference in engines]
    finally:
        gc.enable()
        gc.collect()


def timeless(history: History) -> list[Any]:
    """The records of ``history`` without their seconds."""
    return [(r.epoch, r.iteration, r.evaluation, r.planned, r.source, repr(r.values)) for r in history]


def decided(history: History) -> list[Any]:
    """The marks of ``history`` without their seconds."""
    return [(m.kind, m.name, m.epoch, m.iteration, m.evaluation) for m in history.marks]
