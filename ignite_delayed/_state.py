"""The state of a recorder with all that hangs on it: checked whole, then applied whole."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._checks import shown
from ._packing import unpack
from .errors import StateError

if TYPE_CHECKING:
    from .recorder import Recorder

__all__ = ["load", "load_handlers", "plain", "save"]

_VERSION = 1


def save(recorder: Recorder) -> dict[str, Any]:
    """Everything about ``recorder`` that a run changes."""
    return {
        "version": _VERSION,
        "iteration": recorder.trainer.state.iteration,
        "seconds": recorder._run.seconds(),
        "evaluations": recorder._evaluations,
        "last_counted": recorder._last_counted,
        "sources": {name: source.last_iteration for name, source in recorder._sources.items()},
        "history": recorder.history.state_dict(),
        "gates": {gate.name: gate.state_dict() for gate in recorder._gates},
        "handlers": {name: plain(handler.state_dict()) for name, handler in recorder._stateful.items()},
    }


def load(recorder: Recorder, raw: Mapping[str, Any]) -> None:
    """Put ``recorder`` into the saved state.

    Raises:
        StateError: where the state does not fit; nothing was changed.
    """
    if not isinstance(raw, Mapping) or raw.get("version") != _VERSION:
        got = shown(raw.get("version") if isinstance(raw, Mapping) else raw)
        raise StateError(f"recorder state: expected version {_VERSION}, got {got}: of another release, or no state")
    lacking = sorted({"seconds", "evaluations", "last_counted", "sources", "history", "gates", "handlers"} - raw.keys())
    if lacking:
        raise StateError(f"recorder state: {', '.join(lacking)} is missing: it was truncated")
    for what, here in (("gates", {gate.name for gate in recorder._gates}), ("handlers", set(recorder._stateful))):
        _same_names(what, raw[what], here)
    _same_names("sources", raw["sources"], set(recorder._sources))
    counts = {"evaluations": raw["evaluations"], "last_counted": raw["last_counted"], **raw["sources"]}
    for name, count in counts.items():
        if type(count) is not int or count < -1:
            raise StateError(f"recorder state: {name} must be a whole number, got {shown(count)}")
    if type(raw["seconds"]) not in (int, float) or not 0 <= raw["seconds"] < math.inf:
        raise StateError(f"recorder state: seconds must be a number >= 0, got {shown(raw['seconds'])}")
    table, marks = unpack(raw["history"])
    checked = [(gate, gate._checked(raw["gates"][gate.name])) for gate in recorder._gates]
    load_handlers(recorder._stateful, raw["handlers"])
    for gate, state in checked:
        gate._apply(state)
    recorder.history._table, recorder.history._marks = table, marks
    recorder._last = table.last
    recorder._evaluations, recorder._last_counted = raw["evaluations"], raw["last_counted"]
    for name, iteration in raw["sources"].items():
        recorder._sources[name].last_iteration = iteration
    recorder._run.set_spent(raw["seconds"])
    recorder._continue()


def load_handlers(handlers: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    """Load the state of each of ``handlers``, all or none: they check it only as they take it.

    Raises:
        StateError: where one of them refuses.
    """
    before: dict[str, Any] = {}
    for name, handler in handlers.items():
        before[name] = copy.deepcopy(handler.state_dict())
        try:
            handler.load_state_dict(states[name])
        except Exception as error:
            for loaded, state in before.items():
                handlers[loaded].load_state_dict(state)
            raise StateError(f"the handler {name!r} refuses its saved state: {error}") from error


def _same_names(what: str, saved: Any, here: set[str]) -> None:
    if not isinstance(saved, Mapping):
        raise StateError(f"recorder state: {what} must be a dict, got {shown(saved)}")
    if saved.keys() != here:
        raise StateError(
            f"recorder state: {what} differ:\n  saved: {sorted(saved)}\n  here:  {sorted(here)}\n"
            "Attach the same ones, under the same names, before loading."
        )


def plain(state: Any) -> Any:
    """A handler's state with plain containers and numbers, so that safe unpickling takes it back."""
    if isinstance(state, Mapping):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(value) for value in state]
    if type(state).__module__ == "numpy" and getattr(state, "ndim", None) == 0:
        return state.item()
    return state
