"""What hangs on a recorder, in order: fed with records, told of runs, shown, saved. No engine is known here."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._utils.saving import checked_count, load_all_or_none, plain
from ..conditions import State
from ..history import Best, History, Mark, Record
from ..history.mark import By
from .announcements import Announcement, Announcements
from .attachment import Attachment, LiveCondition

__all__ = ["Hub", "NewMarks"]

Judged = list[tuple[LiveCondition, State]]


class _Move(NamedTuple):
    """A record and all that it moves: once it is kept, all of it takes place, whatever comes in between."""

    record: Record
    judged: Judged
    take_count: Callable[[], None]
    announcements: list[Announcement]


class Hub:
    """Feeds live conditions and keeps the books of everything attached.

    Attributes:
        history: the records of this run so far, and the marks of what was decided.
        last: the last record, ``None`` before.
        evaluations: how many there were.
        wake_at: the first iteration at which the clock may move a live condition.
        live: the live conditions, in the order in which they move.
        parts: the other attachments, in the order in which they hear of a run.
        attached: the same, in the order in which they are shown and saved, and backwards removed.
        reserved: the names that are taken.
        stateful: what has a state to be saved besides the live conditions, by name.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.last: Record | None = None
        self.evaluations = 0
        self.wake_at: float = 0
        self.live: list[LiveCondition] = []
        self.parts: list[Attachment] = []
        self.attached: list[Attachment] = []
        self.reserved: set[str] = set()
        self.stateful: dict[str, Any] = {}
        self._following: list[NewMarks] = []
        self._moving: _Move | None = None
        self._announcements = Announcements(self._whole)

    # --- what hangs here ---------------------------------------------------------------------------------------

    def reserve(self, label: str) -> str:
        """A name of one's own: ``label``, numbered where it is taken."""
        name, number = label, 1
        while name in self.reserved:
            number += 1
            name = f"{label} {number}"
        self.reserved.add(name)
        return name

    def release(self, name: str) -> None:
        """Let others have ``name``."""
        self.reserved.discard(name)

    def watch(self, live: LiveCondition, label: str) -> str:
        """Feed ``live`` from now on; the name it gets."""
        self.live.append(live)
        self.look_again()
        return self.reserve(label)

    def unwatch(self, live: LiveCondition) -> None:
        """Feed ``live`` no longer; its name is free again. A second call does nothing."""
        if live in self.live:
            self.live.remove(live)
            self.release(live.name)
            self._announcements.drop([live])

    def add(self, part: Attachment, *, saved: Any = None) -> None:
        """Attach ``part``; the state of ``saved``, itself or the handler that it is for, is kept under its name."""
        self.parts.append(part)
        self.attached.append(part)
        if saved is not None:
            self.stateful[part.name] = saved

    def discard(self, part: Attachment) -> None:
        """Detach ``part``, and forget what is saved under its name. A second call does nothing."""
        if part in self.attached:
            self.attached.remove(part)
            self.parts.remove(part)
            self.stateful.pop(part.name, None)

    def to_front(self, part: Attachment) -> None:
        """Let ``part`` hear of runs before the others."""
        self.parts.remove(part)
        self.parts.insert(0, part)

    def remove_all(self) -> None:
        """Remove what is attached, what came last first; what is announced just now is heard no more."""
        for part in reversed(list(self.attached)):
            part.remove()
        self._announcements.drop(self.live)

    # --- records -----------------------------------------------------------------------------------------------

    def judge(self, record: Record) -> Judged:
        """What ``record`` makes of every live condition that can still move; an error here has moved none."""
        return [(live, live._judge(record)) for live in self.live if live._moves]

    def move(self, record: Record, judged: Judged, count: Callable[[], None]) -> None:
        """Keep ``record``, ``count`` it, move what was judged, then announce what changed.

        Whatever is raised in between, all have moved or none; what was not announced yet is so at the next event.
        """
        self.finish()
        changed = [Announcement(live, record) for live, state in judged if live._changes(state, record)]
        try:
            self._moving = _Move(record, judged, count, changed)
            self._settle()
        except BaseException:
            self._settle()
            raise
        self.finish()

    def _settle(self) -> None:
        """Carry out the move that was kept; each step can be taken twice."""
        move = self._moving
        if move is None:
            return
        if not self.history.ends_with(move.record):
            self.history.append(move.record)
        self.last = move.record
        if not move.record.is_tick:
            self.look_again()  # what counts from this evaluation on may be moved by the clock soon
        move.take_count()
        for live, state in move.judged:
            if live.state is not state:
                live._take(state, move.record)
        self._announcements.open, self._moving = [*self._announcements.open, *move.announcements], None

    def finish(self) -> None:
        """Announce what was not announced yet."""
        if not self._announcements.open and self._moving is None:
            return
        self._settle()
        try:
            self._announcements.finish()
        finally:
            if self._announcements.open:
                self.look_again()

    def _whole(self, live: LiveCondition, act: Callable[[], None]) -> None:
        """Call ``act``, which moves ``live`` on; where it is cut off, all is as before."""
        self.whole(live._remember(), act)

    def whole(self, put_back: Callable[[], None], act: Callable[[], None]) -> None:
        """Call ``act``; where it is cut off, ``put_back`` and take back its marks."""
        marked = self.history.marked
        try:
            act()
        except BaseException:
            put_back()
            self.history.unmark(marked)
            raise

    def tick(self, now: Callable[[], Record], meet: Callable[[], bool]) -> None:
        """Let the clock move what it alone decides; the history notes it where it did.

        Before anything moves ``meet`` lets come in what was observed earlier, and says whether there was any.
        """
        self.finish()
        self.wake_at = float("inf")
        try:
            self._tick(now, meet)
        except BaseException:
            self.look_again()
            raise

    def _tick(self, now: Callable[[], Record], meet: Callable[[], bool]) -> None:
        live = [one for one in self.live if one.condition.clock_units is not None and one._moves]
        if not live:
            return
        record = now()
        judged = [(one, one._judge(record)) for one in live]
        if any(one.moved_by_clock(state) for one, state in judged):
            if meet():
                self._tick(now, meet)
                return
            self.move(record, judged, _nothing)
        # What was attached or reset on hearing of it may have asked to be looked at soon.
        self.wake_at = min([self.wake_at, *(one._wakes_at(record) for one in live if one._moves)])

    def look_again(self) -> None:
        """Let the clock look at every live condition at its next event."""
        self.wake_at = 0

    # --- marks -------------------------------------------------------------------------------------------------

    def mark(
        self,
        kind: str,
        by: By,
        name: str,
        record: Record,
        text: str,
        *,
        best: Best | None = None,
        before: int | None = None,
    ) -> Mark:
        """Note in the history what was decided at ``record``, and before which epoch."""
        return self.history.mark(kind, name, record, text, by=by, best=best, before=before)

    def follow(self) -> NewMarks:
        """The marks from now on."""
        following = NewMarks(lambda: self.history, self._following.remove)
        self._following.append(following)
        return following

    # --- runs and states ---------------------------------------------------------------------------------------

    def begin(self, fresh: bool) -> None:
        """A run begins: from its beginning if ``fresh``."""
        if fresh:
            self.reset()
        else:
            self.go_on()
        for part in list(self.parts):
            part._on_run(fresh)
        self.finish()

    def go_on(self) -> None:
        """Let what was decided before be so in the run that goes on from it: one that was stopped is."""
        for live in self.live:
            live._on_run(False)

    def reset(self) -> None:
        """Forget the run: history, counts, and what live conditions saw."""
        if len(self.history) or self.history.marks:  # whoever holds the history of the run before keeps it
            self.history = History(keep=self.history.keep)
        self.last, self.evaluations = None, 0
        self._catch_up()
        for live in self.live:
            live._on_run(True)

    def _catch_up(self) -> None:
        """Another run goes on from here: what was not told of the one before never will be."""
        self.look_again()
        self._announcements.open, self._moving = [], None
        for following in self._following:
            following.forget()

    def names(self) -> dict[str, set[str]]:
        """The names under which states are saved."""
        return {"gates": {live.name for live in self.live}, "handlers": set(self.stateful)}

    def state_dict(self) -> dict[str, Any]:
        """History, live conditions, what is still to be announced, and the handlers that have a state."""
        self._settle()
        return {
            "evaluations": self.evaluations,
            "history": self.history.state_dict(),
            "gates": {live.name: live.state_dict() for live in self.live},
            "handlers": {name: plain(handler.state_dict()) for name, handler in self.stateful.items()},
            **self._announcements.state(),
        }

    def prepare(self, raw: Mapping[str, Any]) -> Callable[[], None]:
        """Check the saved histories and live conditions in ``raw`` and change nothing; the result takes them over.

        Live conditions that are not in ``raw`` will start afresh.

        Raises:
            StateError: where they do not fit.
        """
        evaluations, history = checked_count("evaluations", raw["evaluations"]), self.history._prepare(raw["history"])
        gates = raw["gates"]
        known = [live._prepare(gates[live.name]) for live in self.live if live.name in gates]
        new = [live for live in self.live if live.name not in gates]
        announcements = self._announcements.prepare(raw, self.live)

        def commit() -> None:
            for take_over in known:
                take_over()
            for live in new:
                live._on_run(True)
            history()
            self.last = self.history[-1] if len(self.history) else None
            self.evaluations = evaluations
            self._catch_up()
            announcements()

        return commit

    def load_handlers(self, states: Mapping[str, Any]) -> None:
        """Load the handlers that are in ``states``, all or none: they check a state only as they take it.

        Raises:
            StateError: where one of them refuses.
        """
        load_all_or_none({name: handler for name, handler in self.stateful.items() if name in states}, states)


class NewMarks:
    """The marks since somebody asked last; those that a loaded state brings along were told by the run that saved it.

    Args:
        history: asked for the history as it is now.
        unfollow: called with this to hear of no more.
    """

    def __init__(self, history: Callable[[], History], unfollow: Callable[[NewMarks], None]) -> None:
        self._history = history
        self._unfollow: Callable[[NewMarks], None] | None = unfollow
        self.forget()

    def forget(self) -> None:
        """Drop what was not told yet."""
        self._since = self._history().marked
        self._told: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def to(self, asking: Any) -> list[Mark]:
        """The marks that ``asking`` has not been told, in order."""
        history = self._history()
        told = self._told.get(asking, self._since)
        self._told[asking] = history.marked
        return history.marks_from(told)

    def remove(self) -> None:
        """Follow no longer. A second call does nothing."""
        if self._unfollow is not None:
            self._unfollow(self)
            self._unfollow = None


def _nothing() -> None:
    """A look at the clock counts nothing."""
