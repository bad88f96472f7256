"""Two gates that serve learning rates: one that counts from the beginning of a phase, one that fires each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..conditions import Condition, State
from ..errors import StateError
from ..gates import Gate
from ..recorder import Recorder
from ..records import Record

__all__ = ["Feed", "Switch"]

Clock = tuple[int, int, int, float]


class Switch(Gate):
    """Opens when its condition holds, judged as if the run had begun when the phase did; then calls ``switch``."""

    def __init__(self, recorder: Recorder, condition: Condition, name: str, switch: Callable[[Record], None]) -> None:
        self._since: Clock | None = None
        self._switch = switch
        super().__init__(recorder, until=condition, name=name)

    def arm(self, since: Clock, record: Record | None) -> bool:
        """Begin to count at ``since``; whether ``record``, at which the phase begins, opens it at once."""
        self._since = since
        if record is None or not self._moves:
            return False
        self._move(*self._judge(record), record)
        return self.is_open

    def disarm(self) -> None:
        """The phase ended otherwise."""
        self._since = None

    def _forget(self) -> None:
        super()._forget()
        self._since = None

    @property
    def _moves(self) -> bool:
        return self._since is not None and super()._moves

    def _judge(self, record: Record) -> tuple[State, bool | None]:
        assert self._since is not None
        return self.condition.step(self._state, record.since(self._since))

    def _wakeup(self, record: Record) -> float:
        assert self._since is not None
        ahead: float = super()._wakeup(record.since(self._since))
        return ahead + self._since[1]

    def _announce(self, record: Record) -> None:
        self._switch(record)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"since": None if self._since is None else list(self._since)}

    def _checked(self, raw: Any) -> Any:
        checked = super()._checked(raw)
        since = raw.get("since") if isinstance(raw, Mapping) else None
        fits = since is None or (
            isinstance(since, (list, tuple))
            and len(since) == 4
            and all(type(count) is int for count in since[:3])
            and type(since[3]) in (int, float)
        )
        if not fits:
            raise StateError(
                f"the state of {self.name!r}: since must be a clock of four numbers or null, got {since!r}"
            )
        return (*checked, None if since is None else tuple(since))

    def _apply(self, checked: Any) -> None:
        *own, self._since = checked
        super()._apply(tuple(own))


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
