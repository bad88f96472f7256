"""Two gates that serve learning rates: one that counts from the beginning of a phase, one that fires each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._utils.checks import shown
from ..conditions import Condition, State
from ..conditions.kinds import KINDS
from ..errors import StateError
from ..gates.gate import Gate
from ..history.record import Clock as RecordClock
from ..history.record import Record
from ..recording.recorder import Recorder

__all__ = ["Clock", "Feed", "Switch"]

Clock = tuple[int, int, int, float]


class Switch(Gate):
    """Opens when its condition holds, judged as if the run had begun when the phase did; then calls ``switch``."""

    _since: Clock | None

    def __init__(self, recorder: Recorder, condition: Condition, name: str, switch: Callable[[Record], None]) -> None:
        self._switch = switch
        super().__init__(recorder, until=condition, name=name)

    def arm(self, since: Clock, record: Record | None) -> bool:
        """Begin to count at ``since``; whether ``record``, with which the phase begins, ends it at once."""
        self._since = since
        self._behind = 0 if record is None else len(record.seen) - len(record.fresh)
        self.recorder._wake = 0  # the clock may move this gate from now on
        if record is None:
            return False
        self._move(*self.condition.step(self._state, self._counted(record, begins=True)), record)
        return self.is_open

    def disarm(self) -> None:
        """The phase ended otherwise."""
        self._since = None

    def _forget(self) -> None:
        super()._forget()
        self._since = None
        self._behind = 0  # metrics that were recorded before the phase began, at the same iteration

    @property
    def _moves(self) -> bool:
        return self._since is not None and super()._moves

    def _counted(self, record: Record, begins: bool = False) -> Record:
        assert self._since is not None
        return record.since(RecordClock(*self._since), self._behind, begins)

    def _judge(self, record: Record) -> tuple[State, bool | None]:
        return self.condition.step(self._state, self._counted(record))

    def _wakeup(self, record: Record) -> float:
        assert self._since is not None
        return self._since[1] + super()._wakeup(self._counted(record))

    def _announce(self, record: Record) -> None:
        self._switch(record)

    def state_dict(self) -> dict[str, Any]:
        since = None if self._since is None else list(self._since)
        return super().state_dict() | {"since": since, "behind": self._behind}

    def _checked(self, raw: Any) -> Any:
        checked = super()._checked(raw)
        since, behind = (raw.get("since"), raw.get("behind")) if isinstance(raw, Mapping) else (None, None)
        if not KINDS["clock"].fits(since):
            raise StateError(f"the state of {self.name!r}: since must be a clock of four numbers, got {shown(since)}")
        if not KINDS["count"].fits(behind):
            raise StateError(f"the state of {self.name!r}: behind must be a whole number >= 0, got {shown(behind)}")
        return (*checked, None if since is None else tuple(since), behind)

    def _apply(self, checked: Any) -> None:
        *own, self._since, self._behind = checked
        super()._apply((own[0], own[1], own[2]))


class Feed(Gate):
    """Calls ``function(state, record)`` at each observation of its condition; it neither opens nor marks."""

    def __init__(
        self, recorder: Recorder, condition: Condition, name: str, function: Callable[[State, Record], None]
    ) -> None:
        self._function = function
        super().__init__(recorder, when=condition, name=name)

    def _move(self, state: State, verdict: bool | None, record: Record) -> bool:
        super()._move(state, verdict, record)
        return not record.is_tick and self.condition.observed(record)

    def _announce(self, record: Record) -> None:
        self._function(self._state, record)
