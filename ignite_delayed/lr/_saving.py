"""The state of phases: checked whole, then applied whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._checks import shown
from .._state import plain
from ..errors import StateError
from ._groups import read_all, restore, snapshot

if TYPE_CHECKING:
    from .phases import LRPhases

__all__ = ["load", "save"]

_VERSION = 1
_KINDS: dict[str, Any] = {
    "index": int,
    "origin": list,
    "bases": list,
    "begun": bool,
    "switches": list,
    "untouched": (list, type(None)),
    "groups": list,
    "drive": (list, type(None)),
}


def save(phases: LRPhases) -> dict[str, Any]:
    """Everything about ``phases`` that a run changes."""
    drive = phases._drive
    return {
        "version": _VERSION,
        "rule": [repr(phase) for phase in phases.phases],
        "index": phases.index,
        "origin": list(phases._origin),
        "bases": list(phases._bases),
        "begun": phases._left is not None,
        "switches": [list(switch) for switch in phases.switches],
        "untouched": phases._untouched,
        "groups": snapshot(phases.optimizer),
        "drive": None if drive is None else plain(drive.state()),
    }


def load(phases: LRPhases, raw: Any) -> None:
    """Put ``phases`` and their optimizer's groups into the saved state.

    Raises:
        StateError: where the state does not fit; nothing was changed.
    """
    from .phases import Switched

    _check(phases, raw)
    before = snapshot(phases.optimizer)
    index = raw["index"]
    drive = phases._drives[index] if index < len(phases._drives) else None
    try:
        switches = [Switched(*entry) for entry in raw["switches"]]
        origin = (int(raw["origin"][0]), int(raw["origin"][1]))
        bases = [float(base) for base in raw["bases"]]
        if drive is not None and raw["drive"] is not None:
            drive.resume(phases.optimizer, raw["drive"])
        # Building a scheduler has changed the groups; they are as they were saved, whoever loads the optimizer when.
        restore(phases.optimizer, raw["groups"])
    except Exception as error:
        restore(phases.optimizer, before)
        raise StateError(
            f"{phases.name!r} cannot take over the saved state: {type(error).__name__}: {error}"
        ) from error
    phases.index, phases.switches, phases._origin, phases._bases = index, switches, origin, bases
    phases._untouched = raw["untouched"]
    phases._left = read_all(phases.optimizer, phases.parameter) if raw["begun"] else None


def _check(phases: LRPhases, raw: Any) -> None:
    if not isinstance(raw, Mapping) or raw.get("version") != _VERSION:
        raise StateError(f"the state of {phases.name!r} must be a dict of version {_VERSION}, got {shown(raw)}")
    here = [repr(phase) for phase in phases.phases]
    if raw.get("rule") != here:
        raise StateError(
            f"{phases.name!r} cannot load the state of other phases:\n  saved: {raw.get('rule')}\n  here:  {here}"
        )
    for key, kind in _KINDS.items():
        if key not in raw or not isinstance(raw[key], kind) or (kind is int and isinstance(raw[key], bool)):
            raise StateError(f"the state of {phases.name!r} is damaged: {key} is {shown(raw.get(key))}")
    if not 0 <= raw["index"] <= len(here) or len(raw["origin"]) != 2:
        raise StateError(f"the state of {phases.name!r} is damaged: phase {raw['index']}, origin {raw['origin']}")
    if len(raw["groups"]) > len(phases.optimizer.param_groups):
        raise StateError(
            f"the state of {phases.name!r} has {len(raw['groups'])} parameter groups, the optimizer has "
            f"{len(phases.optimizer.param_groups)}: add the groups that were unfrozen before loading"
        )
