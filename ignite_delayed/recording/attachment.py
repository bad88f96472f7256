"""What hangs on a recorder: the interface of all of it, and a condition that is live."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .._utils.checks import describe
from .._utils.saving import check_version, plain
from ..conditions import Condition, Explanation, State
from ..errors import StateError
from ..history import Record
from .rows import Row

__all__ = ["Attachment", "LiveCondition", "restored_record", "saved_record"]

_VERSION = 1


class Attachment:
    """Whatever hangs on a recorder: a delayed handler, phases, an adjuster, a display, a gate.

    Each answers only what it has; the rest is empty.

    Attributes:
        name: as in logs, marks and the saved state; unique within the recorder.
    """

    name: str
    #: Where its row stands among the others of a recorder: after those of lower order.
    row_order: ClassVar[int] = 0
    #: Whether it tells whoever looks what is decided, so that nobody else needs to.
    tells: ClassVar[bool] = False

    def _on_run(self, fresh: bool) -> None:
        """A run of the trainer begins; ``fresh`` if from its beginning."""

    def _remember(self) -> Callable[[], None]:
        """A function that puts all back as it is now, what a record or a load may change; but for its marks."""
        return _nothing

    def row(self) -> Row | None:
        """What the status shows of it now, ``None`` for nothing."""
        return None

    def numbers(self) -> dict[str, float]:
        """What loggers write of it now, by name."""
        return {}

    def remove(self) -> None:
        """Hang there no longer. A second call does nothing."""


class LiveCondition(Attachment, ABC):
    """A condition, live: it judges every record, takes the result, and announces a change.

    The three steps are apart so that an error while records are judged has moved nothing, and so that all have moved
    when the first one is heard of.

    Args:
        condition: what is judged.
        latches: whether it stays open once the condition has held; otherwise it follows the condition.

    Attributes:
        condition: the condition.
        state: of the condition, after the last record.
        latches: as given.
        is_open: whether it is open now.
        opened_at: the record at which it opened last, ``None`` before; when it closed is kept by marks alone.
        verdicts: what was said of what is awaited, by the records of the run that goes on or was the last.
    """

    #: Whether it serves another attachment, which shows it and speaks for it.
    internal: ClassVar[bool] = False

    def __init__(self, condition: Condition, *, latches: bool) -> None:
        self.condition = condition
        self.latches = latches
        self._forget()

    def _forget(self) -> None:
        """Become as new."""
        self.state: State = self.condition.initial()
        self.is_open = False
        self.opened_at: Record | None = None
        self.verdicts: set[bool | None] = set()

    def _on_run(self, fresh: bool) -> None:
        self.verdicts = set()
        if fresh:
            self._forget()

    @property
    def rule(self) -> str:
        """What its saved state belongs to."""
        return f"{'until' if self.latches else 'when'} {self.condition!r}"

    @property
    def _moves(self) -> bool:
        """Whether records can still change it."""
        return not (self.latches and self.is_open)

    def _judge(self, record: Record) -> State:
        """The state after ``record``, the verdict first; nothing moves yet."""
        return self.condition.step(self.state, record)[0]

    def moved_by_clock(self, state: State) -> bool:
        """Whether ``state``, judged of the clock alone, differs in more than what the clock reads."""
        moved = (state[0] is True) is not self.is_open
        return moved or self.condition.remembered(state) != self.condition.remembered(self.state)

    def _wakes_at(self, record: Record) -> float:
        """The first iteration after ``record`` at which the clock may move it."""
        return self.condition.wakes_at(self.state, record)

    def _changes(self, state: State, record: Record) -> bool:
        """Whether there will be anything to announce once ``state`` is taken over."""
        return self.is_open is not (state[0] is True)

    def _take(self, state: State, record: Record) -> None:
        """Take over what was judged, in one step: Ctrl-C comes before or after it."""
        is_open = state[0] is True
        opened_at = record if is_open and not self.is_open else self.opened_at
        self.state, self.is_open, self.opened_at = state, is_open, opened_at
        self.verdicts.add(self.awaited(state)[1][0])

    def awaited(self, state: State) -> tuple[Condition, State]:
        """The condition that it waits for in ``state``, and the state of that."""
        return self.condition, state

    @abstractmethod
    def _announce(self, record: Record) -> None:
        """Say what ``record`` changed, once all have moved; where it is cut off it is undone and called again."""

    def _listeners(self) -> list[Callable[[], Any]]:
        """The user's functions that hear of the change then, each once."""
        return []

    def _conclude(self) -> None:
        """Let the change have its effect, once all have heard; called again where it is cut off."""

    def explain(self) -> Explanation:
        """Why it is open or closed: ``print(gate.explain())`` draws the condition's tree."""
        return self.condition.explain(self.state)

    # --- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Its state as plain values: what changed, and the rule it belongs to."""
        return {
            "version": _VERSION,
            "rule": self.rule,
            "is_open": self.is_open,
            "opened_at": None if self.opened_at is None else saved_record(self.opened_at),
            "state": plain(self.state),
        }

    def _prepare(self, raw: Any) -> Callable[[], None]:
        """Check the saved state ``raw`` whole and change nothing; calling what is returned takes it over.

        Raises:
            StateError: where it is of another rule or version, or damaged.
        """
        check_version(f"the state of {self.name!r}", raw, _VERSION)
        if raw.get("rule") != self.rule:
            raise StateError(
                f"{self.name!r} cannot load the state of another rule:\n  saved: {raw.get('rule')}\n  "
                f"here:  {self.rule}\nBuild the gate with the saved rule, or start it afresh by not loading it."
            )
        if not isinstance(raw.get("is_open"), bool) or "state" not in raw or "opened_at" not in raw:
            raise StateError(f"the state of {self.name!r} is truncated: it has {sorted(map(str, raw))}")
        state, is_open = self.condition.decode(raw["state"]), raw["is_open"]
        opened_at = None if raw["opened_at"] is None else restored_record("opened_at", raw["opened_at"])
        if is_open is not (state[0] is True) or (is_open and opened_at is None):
            raise StateError(f"the state of {self.name!r} contradicts itself about whether the gate is open: damaged")

        def commit() -> None:
            self.state, self.is_open, self.opened_at = state, is_open, opened_at

        return commit


_FIELDS = ("epoch", "iteration", "evaluation", "seconds", "planned", "source", "values")


def saved_record(record: Record) -> dict[str, Any]:
    """``record`` as plain values, out of the context of those before it."""
    kind = {} if record.kind is None else {"kind": record.kind}  # older releases did not know of it
    return {name: getattr(record, name) for name in _FIELDS} | {"values": dict(record.values)} | kind


def restored_record(what: str, raw: Any) -> Record:
    """The record that was saved as ``raw``.

    Raises:
        StateError: where it is none, of ``what``.
    """
    if not isinstance(raw, Mapping) or raw.keys() - {"kind"} != set(_FIELDS) or not isinstance(raw["values"], Mapping):
        raise StateError(f"{what} must be a saved record, got {describe(raw)}: it is truncated or damaged")
    try:
        return Record(**raw)
    except (TypeError, ValueError) as error:
        raise StateError(f"{what} must be a saved record: {error}") from error


def _nothing() -> None:
    """There is nothing to undo."""
