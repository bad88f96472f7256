"""What is recorded under which name: an engine's metrics, an engine's on certain data, what is given by hand."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ignite.engine import Engine

from ..._utils.checks import check_name, refuse_type, refuse_value
from ...conditions import Condition
from ...errors import UnknownMetricError
from ...history.metrics import as_float, parts
from .data import Data

__all__ = ["Source", "check_sources", "read", "refuse_unreported"]

_NAMED_DATA = "{'train': (evaluator, train_loader), 'val': (evaluator, val_loader)}"


class Source:
    """What is recorded under a name.

    Args:
        name: ``""`` for the one unnamed source.
        engine: whose metrics they are, held weakly; ``None`` for what is recorded by hand.
        data: the loader, or the dataset, that the engine runs on; ``None`` for whatever it is.
        counts: whether it evaluates.

    Attributes:
        last_iteration: the trainer's iteration at which it was recorded last, -1 before.
        last_data: what it ran on then, where that is known.
        at_start: whether it was recorded at STARTED of the run, as that was new.
    """

    def __init__(self, name: str, engine: Engine | None, *, data: Any = None, counts: bool = True) -> None:
        self.name = name
        self._engine = None if engine is None else weakref.ref(engine)
        self.data = data
        self.counts = counts
        self.by_hand = engine is None
        self.forget()

    def forget(self) -> None:
        """Nothing was recorded yet."""
        self.last_iteration = -1
        self.last_data: Data | None = None
        self.at_start = False

    @property
    def engine(self) -> Engine | None:
        """The engine, while it lives."""
        return None if self._engine is None else self._engine()


def read(name: str, metrics: Mapping[Any, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """The ``metrics`` of source ``name`` by the names that records give them, and why the others are no number.

    The parts of a dict, a list or a vector are named as Ignite's loggers tag them: ``"recall/1"``.
    """
    values: dict[str, float] = {}
    unusable: dict[str, str] = {}
    for metric, value in metrics.items():
        full = f"{name}/{metric}" if name else str(metric)
        if not full:
            unusable[full] = "it has no name"
            continue
        try:
            values[full] = as_float(value)
        except ValueError as reason:
            unusable[full] = str(reason)
            for part, number in parts(full, value):
                values.setdefault(part, number)
    return values, unusable


def refuse_unreported(name: str, condition: Condition, sources: Iterable[str], rates: Iterable[str]) -> NoReturn:
    """Raise, at once, where none of ``sources`` can report the metric ``name`` that ``condition`` reads."""
    if name == "lr" or name.startswith("lr/"):
        known = ", ".join(map(repr, rates)) or "none: give the recorder optimizer="
        raise UnknownMetricError(f"{condition!r} reads {name!r}; learning rates recorded: {known}")
    named = list(sources)
    raise UnknownMetricError(
        f"{condition!r} reads {name!r}, which none of the evaluators {', '.join(map(repr, named))} can report: with "
        f"named evaluators a metric is named like {named[0]}/{name.rpartition('/')[2]}"
    )


def check_sources(trainer: Any, evaluators: Any) -> dict[str, Source]:
    """The sources by name, ``""`` for the one unnamed, all of them checked."""
    if not isinstance(trainer, Engine):
        several = isinstance(trainer, (list, tuple, set, Mapping))
        hint = "A recorder belongs to one trainer: build one for each." if several else ""
        refuse_type("trainer", "an ignite Engine", trainer, hint)
    if evaluators is trainer:
        refuse_value(
            "evaluators",
            "another engine than the trainer",
            evaluators,
            "To record the trainer's own metrics name it: Recorder(trainer, {'train': trainer, 'val': evaluator}).",
        )
    if evaluators is None or isinstance(evaluators, Engine):
        return {"": Source("", evaluators)}
    if isinstance(evaluators, tuple):
        refuse_type("evaluators", "an ignite Engine, or engines by name", evaluators, f"Name the data: {_NAMED_DATA}.")
    if not isinstance(evaluators, Mapping) or not evaluators:
        refuse_type("evaluators", "an ignite Engine, or engines by name", evaluators, "For example {'val': evaluator}.")
    named: dict[str, Source] = {}
    for name, given in evaluators.items():
        check_name("an evaluator's name", name)
        if "/" in name or name == "lr":
            hint = "Metrics are then named like 'val/loss'."
            refuse_value("an evaluator's name", "a word without '/', and not 'lr'", name, hint)
        engine, data = _engine_and_data(f"evaluators[{name!r}]", given, trainer)
        _refuse_twice(name, engine, data, named.values())
        named[name] = Source(name, engine, data=data, counts=engine is not trainer)
    return named


def _engine_and_data(argument: str, given: Any, trainer: Engine) -> tuple[Engine | None, Any]:
    engine, data = given, None
    if isinstance(given, tuple):
        if len(given) != 2:
            refuse_value(argument, "an engine, or a pair of an engine and its data", given)
        engine, data = given
        if engine is trainer:
            refuse_value(argument, "the trainer alone, without data", given, "It has the data that it trains on.")
        if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
            refuse_type(f"{argument}[1]", "the loader (or the dataset) that the evaluator runs on", data)
        if isinstance(data, Iterator):
            hint = "Give what it is made from, such as a list or a DataLoader."
            refuse_value(f"{argument}[1]", "data for every evaluation: an iterator is used up by the first", data, hint)
    if not isinstance(engine, Engine) and (engine is not None or data is not None):
        refuse_type(argument, "an ignite Engine, or None for what is recorded by hand", engine)
    return engine, data


def _refuse_twice(name: str, engine: Engine | None, data: Any, others: Iterable[Source]) -> None:
    """Refuse a source that could not be told from one before."""
    for other in others:
        if engine is not None and other.engine is engine and (data is None or other.data is None or data is other.data):
            hint = f"One engine has two names only on two loaders: {_NAMED_DATA}."
            refuse_value("evaluators", "different engines, or an engine on different data", name, hint)
