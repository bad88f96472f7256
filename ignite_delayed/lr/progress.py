"""The state of phases: checked whole, then applied whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._utils.checks import shown
from ..errors import StateError
from .optimizer.groups import remember, restore, snapshot
from .steppers.base import Hold
from .switched import Switched

if TYPE_CHECKING:
    from .optimizer.takeover import Loan
    from .phases import LRPhases

__all__ = ["check_groups", "load", "save"]

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
    loan = phases._loan
    return {
        "version": _VERSION,
        "rule": _rule(phases),
        "index": phases.index,
        "origin": list(phases._origin),
        "bases": list(phases._bases),
        "begun": phases._begun,
        "switches": [[*switch[:4], list(switch.before), list(switch.after)] for switch in phases.switches],
        "before": None if loan.before is None else [dict(group) for group in loan.before],
        "left": phases._left(),
        "groups": None if loan.before is None else snapshot(phases.optimizer, loan.names),
        "drive": phases._turn.state() if phases._begun else None,
    }


def _rule(phases: LRPhases) -> list[str]:
    return [f"{phase!r} {drive.kind}".strip() for phase, drive in zip(phases.phases, phases._drives, strict=True)]


def load(phases: LRPhases, raw: Mapping[str, Any]) -> None:
    """Put ``phases`` and their optimizer's groups into the saved state.

    Raises:
        StateError: where the state does not fit; nothing was changed.
    """
    _check(phases, raw)
    put_back = remember(phases.optimizer)
    index, loan = raw["index"], phases._loan
    drive = phases._drives[index] if raw["begun"] and index < len(phases._drives) else Hold()
    try:
        switches = [_switched(entry) for entry in raw["switches"]]
        origin = (_count(raw["origin"][0]), _count(raw["origin"][1]))
        bases, left = ([_number(value) for value in raw[key]] for key in ("bases", "left"))
        prepared = drive.prepare(phases.optimizer, raw["drive"])
        # Building a scheduler has changed the groups; they get what was saved, whoever loads the optimizer when.
        restore(phases.optimizer, raw["groups"] or loan.before or [], loan.names)
    except Exception as error:
        put_back()
        raise StateError(f"the state of {phases.name!r} is damaged: {type(error).__name__}: {error}") from error
    drive.accept(prepared)
    phases.index, phases.switches, phases._origin, phases._bases = index, switches, origin, bases
    phases._begun, phases._turn = raw["begun"], drive
    loan.before, loan.left = raw["before"] and [dict(group) for group in raw["before"]], left
    if loan.before is not None and drive.writes:
        phases.recorder.hub.to_front(phases)


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
        check_groups(phases.name, raw[key] or [], phases._loan)


def check_groups(name: str, groups: list[Any], loan: Loan) -> None:
    """Refuse ``groups`` that are not of the entries of ``loan``, or do not go with those of its optimizer."""
    present = snapshot(loan.optimizer, loan.names)
    # The other entries, such as initial_lr, are put there by torch's schedulers.
    needed = loan.names & {loan.parameter, *loan.optimizer.defaults}
    if len(groups) > len(present):
        raise StateError(
            f"the state of {name!r} has {len(groups)} parameter groups, the optimizer has {len(present)}: add the "
            "groups that were unfrozen before loading"
        )
    for group, here in zip(groups, present, strict=False):
        fits = isinstance(group, Mapping) and needed <= group.keys() <= loan.names
        if not fits or not all(_alike(value, here.get(entry, value)) for entry, value in group.items()):
            raise StateError(f"the state of {name!r} is damaged: a group is {shown(group)}")


def _alike(value: Any, present: Any) -> bool:
    if isinstance(present, list):
        return isinstance(value, list) and len(value) == len(present) and all(map(_alike, value, present))
    return _is_number(value) if _is_number(present) else type(value) is type(present)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> float:
    if not _is_number(value):
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
