"""How far the phases of a parameter have come, as it is saved and loaded: checked whole, then applied whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._utils.checks import describe
from ..errors import StateError
from ..schedules.functions import unnamed
from .optimizer.groups import is_number, restore, snapshot
from .optimizer.stand_in import remember
from .optimizer.takeover import Takeover
from .phase import Phase, Switched
from .plan import Plan
from .steppers.base import NoStepper, Stepper
from .steppers.memory import remember_stepper

__all__ = ["Progress"]

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


class Progress:
    """How far phases have come, and what they have done to the groups: all about them that a run changes.

    Args:
        phases: the phases, which the saved state names as its rule.
        steppers: what steps the parameter during each.
        takeover: of the groups that the phases write.
        plan: of what run their lengths may be a share.

    Attributes:
        index: the number of the phase whose turn it is; ``len(phases)`` once the last has ended.
        stepper: the stepper of that phase.
        begun: whether the first phase has begun.
        origin: the iterations and epochs that were finished when the phase began.
        updates: the updates of the optimizer so far, where a phase counts them.
        updates_before: those before the phase.
        bases: the base rate of each group, empty until the first phase that writes begins.
        switches: the changes of phase so far.
    """

    def __init__(self, phases: Sequence[Phase], steppers: Sequence[Stepper], takeover: Takeover, plan: Plan) -> None:
        self.phases, self.steppers, self.takeover, self.plan = phases, steppers, takeover, plan
        self._reset()

    def _reset(self) -> None:
        self.index = 0
        self.stepper: Stepper = NoStepper()
        self.begun = False
        self.origin = (0, 0)
        self.updates = self.updates_before = 0
        self.bases: list[float] = []
        self.switches: list[Switched] = []
        self.plan.anchor, self.plan.origins, self.plan.seen = (0, 0), (), None

    def start_over(self) -> None:
        """Become as new, and give the groups back what they had."""
        self.takeover.give_back(self.last_values(), self.bases)
        self._reset()

    def stepper_of(self, index: int) -> Stepper:
        """The stepper of phase ``index``; after the last phase, one that leaves the rates alone."""
        return self.steppers[index] if index < len(self.steppers) else NoStepper()

    def begin(self, index: int) -> str:
        """Let phase ``index`` begin after :attr:`origin`; if it writes, the groups have been taken over.

        Returns:
            What is to be said of the base rates that were taken, usually nothing.
        """
        takeover, stepper = self.takeover, self.stepper_of(index)
        told = ""
        if self.stepper.kind:
            takeover.give_back_others()
        if stepper.writes:
            if not self.bases:
                told = self._take_bases(stepper)
            takeover.unmark()
            stepper.begin(takeover.optimizer, self.bases, self.origin[0])
            takeover.note_bases(self.bases, again=stepper.scheduler is None)  # OneCycleLR computes with its own
            takeover.note()
        else:
            takeover.left = self.last_values()  # somebody else may write from now on
        self.index, self.stepper, self.begun = index, stepper, True
        return told

    def _take_bases(self, stepper: Stepper) -> str:
        takeover = self.takeover
        self.bases, told = takeover.bases()
        if not stepper.kind:
            return told
        # By another, who has written until now, and noted the base; in a pause nobody did.
        handed_over = self.origin != (0, 0) and takeover.noted and not takeover.marked
        if stepper.ready or handed_over:
            self.bases = takeover.read_bases()
            return ""
        takeover.write(self.bases)  # a torch scheduler starts from what it finds
        return told

    def resume_writing(self) -> None:
        """Another run begins: from now on no note says what was left."""
        if self.begun:
            self.takeover.unmark()

    def mark_left(self) -> None:
        """A run is over: note what was left, so that whoever begins next can tell it from a value of the user's."""
        if self.takeover.before is not None:
            self.takeover.mark(self.last_values())

    def leave(self) -> None:
        """Write no more: note the base values, and what was left."""
        if self.takeover.before is not None:
            self.takeover.note_bases(self.bases)
            self.mark_left()

    def last_values(self) -> list[float]:
        """What the groups hold if nobody else has written since."""
        values = self.stepper.last_values(self.bases)
        return self.takeover.left if values is None else values

    def remember(self) -> Callable[[], None]:
        """A function that puts all back as it is now, but for what the groups hold."""
        pairs = zip(self.steppers, self.phases, strict=True)
        undo = [remember_stepper(stepper, phase.what) for stepper, phase in pairs]
        held, switches = dict(vars(self)), list(self.switches)
        take_back, anchored = self.takeover.remember(), dict(vars(self.plan))

        def put_back() -> None:
            for one in undo:
                one()
            vars(self).update(held, switches=switches)
            vars(self.plan).update(anchored)
            take_back()

        return put_back

    def state_dict(self) -> dict[str, Any]:
        """Everything here, and what the groups hold, as plain values."""
        takeover = self.takeover
        before = takeover.before
        return {
            "version": _VERSION,
            "rule": self._rule(),
            "index": self.index,
            "origin": list(self.origin),
            "bases": list(self.bases),
            "begun": self.begun,
            "switches": [[*switch[:4], list(switch.before), list(switch.after)] for switch in self.switches],
            "before": None if before is None else [dict(group) for group in before],
            "left": self.last_values(),
            "groups": None if before is None else snapshot(takeover.optimizer, takeover.names),
            "drive": self.stepper.state() if self.begun else None,
        } | self._counted_state()

    def _counted_state(self) -> dict[str, Any]:
        """What older releases did not save, and only what there is of it: their states stay as they were."""
        anchor = {} if self.plan.anchor == (0, 0) else {"anchor": list(self.plan.anchor)}
        began = list(self.plan.origins)
        first, known = _origins(self.index, self.switches, self.plan.anchor, self.origin)
        origins = {"origins": [list(origin) for origin in began]} if began and began[first:] != known else {}
        planned = {} if self.plan.seen is None else {"planned": self.plan.seen}
        counts = any(stepper.per == "update" for stepper in self.steppers)
        updates = {"updates": [self.updates, self.updates_before]} if counts else {}
        tried = [stepper.tried for stepper in self.steppers]
        return anchor | origins | planned | updates | ({"tried": tried} if any(tried) else {})

    def _rule(self) -> list[str]:
        pairs = zip(self.phases, self.steppers, strict=True)
        return [f"{phase.rule} {stepper.kind}".strip() for phase, stepper in pairs]

    def load(self, name: str, raw: Mapping[str, Any]) -> None:
        """Go on from the saved state ``raw``, that of the phases called ``name``; the groups get what they held.

        Raises:
            StateError: where the state does not fit; nothing was changed.
        """
        self._check(name, raw)
        index, takeover = raw["index"], self.takeover
        stepper = self.stepper_of(index) if raw["begun"] else NoStepper()
        put_back = remember(takeover.optimizer)
        try:
            switches = [_switched(entry) for entry in raw["switches"]]
            origin = (_count(raw["origin"][0]), _count(raw["origin"][1]))
            bases, left = ([_number(value) for value in raw[key]] for key in ("bases", "left"))
            # States were saved without them until shares had an anchor.
            anchor = (_count(raw.get("anchor", (0, 0))[0]), _count(raw.get("anchor", (0, 0))[1]))
            first, known = _origins(index, switches, anchor, origin)
            began = raw.get("origins", [(0, 0)] * first + known if raw["begun"] else [])
            origins = tuple((_count(iterations), _count(epochs)) for iterations, epochs in began)
            planned = None if raw.get("planned") is None else _number(raw["planned"])
            if "tried" in raw:  # older releases did not save it
                self._check_others(index, raw["tried"])
            updates = [_count(value) for value in raw.get("updates", (0, 0))]
            prepared = stepper.prepare(takeover.optimizer, raw["drive"])
            # Building a scheduler has changed the groups; they get what was saved, whoever loads the optimizer when.
            restore(takeover.optimizer, raw["groups"] or takeover.before or [], takeover.names)
        except Exception as error:
            put_back()
            if isinstance(error, StateError):
                raise StateError(f"{name!r}: {error}") from error
            raise StateError(f"the state of {name!r} is damaged: {type(error).__name__}: {error}") from error
        stepper.accept(prepared)
        self.index, self.stepper, self.begun = index, stepper, raw["begun"]
        self.origin, self.bases, self.switches = origin, bases, switches
        self.updates, self.updates_before = updates
        takeover.before = None if raw["before"] is None else [dict(group) for group in raw["before"]]
        takeover.left = left
        self.plan.anchor, self.plan.origins, self.plan.seen = anchor, origins, planned

    def _check_others(self, index: int, tried: Any) -> None:
        """Refuse factories that were edited: those of the phases but ``index``, whose stepper checks its own."""
        if not isinstance(tried, list):
            raise TypeError(f"expected what the factories built, got {describe(tried)}")
        for other, (stepper, saved) in enumerate(zip(self.steppers, tried, strict=True)):
            if (saved is None) != (stepper.tried is None):
                raise TypeError(f"expected what the factory of phase {other + 1} built, got {describe(saved)}")
            if saved is not None and other != index:
                try:
                    stepper.check(self.takeover.optimizer, saved)
                except StateError as error:
                    raise StateError(f"phase {other + 1}: {error}") from error

    def _check(self, name: str, raw: Any) -> None:
        """Refuse what is no state of these phases; whether the entries of its lists fit shows when it is loaded."""
        if not isinstance(raw, Mapping) or raw.get("version") != _VERSION:
            raise StateError(f"the state of {name!r} must be a dict of version {_VERSION}, got {describe(raw)}")
        if _without_names(raw.get("rule")) != _without_names(self._rule()):
            raise StateError(
                f"{name!r} cannot load the state of other phases:\n  saved: {raw.get('rule')}\n"
                f"  here:  {self._rule()}\nBuild the phases that were saved, or start afresh by not loading."
            )
        for key, kind in _KINDS.items():
            if key not in raw or not isinstance(raw[key], kind) or (kind is int and isinstance(raw[key], bool)):
                raise StateError(f"the state of {name!r} is damaged: {key} is {describe(raw.get(key))}")
        if not 0 <= raw["index"] <= len(self.phases) or len(raw["origin"]) != 2:
            raise StateError(f"the state of {name!r} is damaged: phase {raw['index']}, origin {raw['origin']}")
        taken = raw["before"] is not None
        if (raw["groups"] is not None) != taken or (raw["bases"] and not taken):
            raise StateError(f"the state of {name!r} is damaged: it has the groups of one moment only")
        for key in ("before", "groups"):
            self.takeover.check_groups(name, raw[key] or [])


def _origins(
    index: int, switches: Sequence[Switched], anchor: tuple[int, int], origin: tuple[int, int]
) -> tuple[int, list[tuple[int, int]]]:
    """The phase that began at ``anchor``, and where those from it on to ``index`` did, of which the last is known."""
    first = max((switch.phase for switch in switches if switch.iteration == anchor[0]), default=0)
    return first, [anchor, *[origin] * (index - first)]


def _without_names(rule: Any) -> Any:
    """``rule`` without what functions are called: it is what they compute that counts."""
    return [unnamed(text) if isinstance(text, str) else text for text in rule] if isinstance(rule, list) else rule


def _number(value: Any) -> float:
    if not is_number(value):
        raise TypeError(f"expected a number, got {describe(value)}")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"expected a whole number >= 0, got {describe(value)}")
    return value


def _switched(entry: Any) -> Switched:
    phase, epoch, iteration, why, before, after = entry
    if not isinstance(why, str):
        raise TypeError(f"expected the reason of a switch, got {describe(why)}")
    rates = [[_number(value) for value in values] for values in (before, after)]
    return Switched(_count(phase), _count(epoch), _count(iteration), why, *rates)
