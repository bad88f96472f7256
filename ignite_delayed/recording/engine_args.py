"""The arguments of a recorder: one trainer, and the engines it records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine

from .._utils.checks import check_name, refuse_type, refuse_value

__all__ = ["check_engines"]


def check_engines(trainer: Any, evaluators: Any) -> dict[str, Engine]:
    """The evaluators by name, ``""`` for the one unnamed, all of them checked."""
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
    if isinstance(evaluators, Engine):
        return {"": evaluators}
    if not isinstance(evaluators, Mapping) or not evaluators:
        refuse_type("evaluators", "an ignite Engine, or engines by name", evaluators, "For example {'val': evaluator}.")
    named: dict[str, Engine] = {}
    for name, engine in evaluators.items():
        check_name("an evaluator's name", name)
        if "/" in name or name == "lr":
            hint = "Metrics are then named like 'val/loss'."
            refuse_value("an evaluator's name", "a word without '/', and not 'lr'", name, hint)
        if not isinstance(engine, Engine):
            refuse_type(f"evaluators[{name!r}]", "an ignite Engine", engine)
        if any(engine is other for other in named.values()):
            refuse_value("evaluators", "different engines", name, "One engine cannot have two names.")
        named[name] = engine
    return named
