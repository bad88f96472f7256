"""Live conditions that serve learning rates: the end of a phase, and each observation of a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._utils.checks import describe
from ..conditions import Condition, State
from ..conditions.kinds import KINDS
from ..errors import StateError
from ..history import Record
from ..history.record import Clock
from ..recording.attachment import Attachment, LiveCondition
from ..recording.recorder import Recorder
from ..recording.runs.run import position

__all__ = ["EachObservation", "PhaseEnd"]


class _Serving(LiveCondition):
    """Fed by a recorder for somebody else, who shows it."""

    internal = True

    def __init__(
        self, recorder: Recorder, condition: Condition, name: str, served: Attachment | None, *, latches: bool
    ) -> None:
        super().__init__(condition, latches=latches)
        self._recorder, self._served = recorder, served
        self.name = recorder.engines.watch(self, name)

    def remove(self) -> None:
        """Be fed no longer. A second call does nothing."""
        self._recorder.engines.unwatch(self)

    def _remember(self) -> Callable[[], None]:
        return super()._remember() if self._served is None else self._served._remember()


class PhaseEnd(_Serving):
    """Opens when its condition holds, judged as if the run had begun when the phase did; then calls ``switch``.

    What ``served`` is changed by that is put back where the call is cut off, and the call made again later.
    """

    _since: Clock | None
    _at: tuple[int, int] | None

    def __init__(
        self,
        recorder: Recorder,
        condition: Condition,
        name: str,
        switch: Callable[[Record], None],
        served: Attachment | None = None,
        planned: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._switch, self._planned = switch, planned
        super().__init__(recorder, condition, name, served, latches=True)

    def arm(self, since: Clock, record: Record | None, at: tuple[int, int] | None = None) -> bool:
        """Begin to count at ``since``; whether ``record``, with which the phase begins, ends it at once.

        ``at`` is how many iterations and epochs were finished then.
        """
        self._since, self._at = since, None
        self._skip = 0 if record is None else len(record.seen) - len(record.fresh)
        self._recorder.hub.look_again()
        if record is None:
            return False
        self._take(self.condition.step(self.state, self._counted(record, begins=True))[0], record)
        self._at = at or self._at
        return self.is_open

    def disarm(self) -> None:
        """The phase ended otherwise."""
        self._since = None

    def _forget(self) -> None:
        super()._forget()
        self._since = None
        self._at = None  # iterations and epochs finished when it opened
        self._skip = 0  # metrics that were recorded before the phase began, at the same iteration

    @property
    def _moves(self) -> bool:
        return self._since is not None and super()._moves

    def _counted(self, record: Record, begins: bool = False) -> Record:
        assert self._since is not None
        return record.since(self._since, self._skip, begins, planned=self._planned())

    def _judge(self, record: Record) -> State:
        return super()._judge(self._counted(record))

    def _wakes_at(self, record: Record) -> float:
        assert self._since is not None
        return self._since.iteration + super()._wakes_at(self._counted(record))

    def _take(self, state: State, record: Record) -> None:
        if state[0] is True:
            self._at = position(self._recorder.trainer)
        super()._take(state, record)

    def _announce(self, record: Record) -> None:
        self._switch(record)

    @property
    def at(self) -> tuple[int, int]:
        """How many iterations and epochs were finished when it opened, which may be told later."""
        return self._at or position(self._recorder.trainer)

    def remember(self) -> Callable[[], None]:
        """A function that puts all back as it is now."""
        held = dict(vars(self))
        return lambda: vars(self).update(held)

    def state_dict(self) -> dict[str, Any]:
        since = None if self._since is None else list(self._since)
        at = {} if self._at is None else {"at": list(self._at)}
        return super().state_dict() | {"since": since, "behind": self._skip} | at

    def _prepare(self, raw: Any) -> Callable[[], None]:
        commit = super()._prepare(raw)
        since, skip, at = raw.get("since"), raw.get("behind"), raw.get("at")
        if not KINDS["clock"].fits(since):
            raise StateError(
                f"the state of {self.name!r}: since must be a clock of four numbers, got {describe(since)}"
            )
        if not KINDS["count"].fits(skip):
            raise StateError(f"the state of {self.name!r}: behind must be a whole number >= 0, got {describe(skip)}")

        if at is not None and not (isinstance(at, list) and len(at) == 2 and all(map(KINDS["count"].fits, at))):
            raise StateError(f"the state of {self.name!r}: at must be two whole numbers >= 0, got {describe(at)}")

        def commit_both() -> None:
            commit()
            self._since, self._skip = None if since is None else Clock(*since), skip
            self._at = None if at is None else (at[0], at[1])

        return commit_both


class EachObservation(_Serving):
    """Calls ``function(state, record)`` at each observation of its condition; it neither opens nor marks."""

    def __init__(
        self,
        recorder: Recorder,
        condition: Condition,
        name: str,
        function: Callable[[State, Record], None],
        served: Attachment | None = None,
    ) -> None:
        self._function = function
        super().__init__(recorder, condition, name, served, latches=False)

    def _changes(self, state: State, record: Record) -> bool:
        return not record.is_tick and self.condition.observed(record)

    def _announce(self, record: Record) -> None:
        self._function(self.state, record)
