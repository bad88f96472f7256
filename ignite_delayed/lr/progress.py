"""The state of phases: checked whole, then applied whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._utils.checks import shown
from ..errors import StateError
from .optimizer.groups import is_number, restore, snapshot
from .optimizer.stand_in import remember
from .phase import Switched
from .steppers.base import NoStepper

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
    "before": (list, type(None)),
    "left": list,
    "groups": (list, type(None)),
    "drive": (list, type(None)),
}


def save(phases: LRPhases) -> dict[str, Any]:
    """Everything about ``phases`` that a run changes."""
    takeover = phases._takeover
    return {
        "version": _VERSION,
        "rule": _rule(phases),
        "index": phases.index,
        "origin": list(phases._origin),
        "bases": list(phases._bases),
        "begun": phases._begun,
        "switches": [[*switch[:4], list(switch.before), list(switch.after)] for switch in phases.switches],
        "before": None if takeover.before is None else [dict(group) for group in takeover.before],
        "left": phases._left(),
        "groups": None if takeover.before is None else snapshot(phases.optimizer, takeover.names),
        "drive": phases._turn.state() if phases._begun else None,
    }


def _rule(phases: LRPhases) -> list[str]:
    return [f"{phase!r} {stepper.kind}".strip() for phase, stepper in zip(phases.phases, phases._steppers, strict=True)]


def load(phases: LRPhases, raw: Mapping[str, Any]) -> None:
    """Put ``phases`` and their optimizer's groups into the saved state.

    Raises:
        StateError: where the state does not fit; nothing was changed.
    """
    _check(phases, raw)
    put_back = remember(phases.optimizer)
    index, takeover = raw["index"], phases._takeover
    stepper = phases._steppers[index] if raw["begun"] and index < len(phases._steppers) else NoStepper()
    try:
        switches = [_switched(entry) for entry in raw["switches"]]
        origin = (_count(raw["origin"][0]), _count(raw["origin"][1]))
        bases, left = ([_number(value) for value in raw[key]] for key in ("bases", "left"))
        prepared = stepper.prepare(phases.optimizer, raw["drive"])
        # Building a scheduler has changed the groups; they get what was saved, whoever loads the optimizer when.
        restore(phases.optimizer, raw["groups"] or takeover.before or [], takeover.names)
    except Exception as error:
        put_back()
        raise StateError(f"the state of {phases.name!r} is damaged: {type(error).__name__}: {error}") from error
    stepper.accept(prepared)
    phases.index, phases.switches, phases._origin, phases._bases = index, switches, origin, bases
    phases._begun, phases._turn = raw["begun"], stepper
    takeover.before, takeover.left = raw["before"] and [dict(group) for group in raw["before"]], left
    if takeover.before is not None and stepper.writes:
        phases._come_first()


def _check(phases: LRPhases, raw: Any) -> None:
    if not isinstance(raw, Mapping) or raw.get("version") != _VERSION:
        raise StateError(f"the state of {phases.name!r} must be a dict of version {_VERSION}, got {shown(raw)}")
    if raw.get("rule") != _rule(phases):
        raise StateError(
            f"{phases.name!r} cannot load the state of other phases:\n  saved: {raw.get('rule')}\n"
            f"  here:  {_rule(phases)}\nBuild the phases that were saved, or start afresh by not loading."
        )
    for key, kind in _KINDS.items():
        if key not in raw or not isinstance(raw[key], kind) or (kind is int and isinstance(raw[key], bool)):
            raise StateError(f"the state of {phases.name!r} is damaged: {key} is {shown(raw.get(key))}")
    if not 0 <= raw["index"] <= len(phases.phases) or len(raw["origin"]) != 2:
        raise StateError(f"the state of {phases.name!r} is damaged: phase {raw['index']}, origin {raw['origin']}")
    if (raw["before"] is None) is not (raw["groups"] is None) or (raw["bases"] and raw["before"] is None):
        raise StateError(f"the state of {phases.name!r} is damaged: it has the groups of one moment only")
    for key in ("before", "groups"):
        phases._takeover.check_groups(phases.name, raw[key] or [])


def _number(value: Any) -> float:
    if not is_number(value):
        raise TypeError(f"expected a number, got {shown(value)}")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"expected a whole number >= 0, got {shown(value)}")
    return value


def _switched(entry: Any) -> Switched:
    phase, epoch, iteration, why, before, after = entry
    if not isinstance(why, str):
        raise TypeError(f"expected the reason of a switch, got {shown(why)}")
    rates = [[_number(value) for value in values] for values in (before, after)]
    return Switched(_count(phase), _count(epoch), _count(iteration), why, *rates)
