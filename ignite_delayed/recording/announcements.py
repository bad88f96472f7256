"""What is still to be announced: kept until it was, in memory and in the saved state, whatever comes in between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .._utils.checks import check_count, describe
from ..errors import StateError
from ..history import Record
from .attachment import LiveCondition, restored_record, saved_record

__all__ = ["Announcement", "Announcements"]

_KEY = "announcements"


class Announcement:
    """A change of ``live`` that is to be announced: said once, then heard once by each listener of the user's.

    Args:
        live: what moved.
        record: what moved it.
        listeners: who is still to hear of it, ``None`` where it was not said yet.
    """

    __slots__ = ("_silenced", "listeners", "live", "record")

    def __init__(self, live: LiveCondition, record: Record, listeners: list[Callable[[], Any]] | None = None) -> None:
        self.live, self.record, self.listeners = live, record, listeners
        self._silenced = False

    def say(self) -> None:
        """Let marks and logs tell it; the last line makes it said."""
        self.live._announce(self.record)
        self.listeners = self.live._listeners()

    def hear(self) -> None:
        """Let the listeners hear, each once even if it raises, then let the change have its effect."""
        while self.listeners:
            self.listeners.pop(0)()
        if not self._silenced:  # one of them may have removed what moved
            self.live._conclude()

    def silence(self) -> None:
        """Nobody hears of it any more, and it has no effect."""
        self.listeners, self._silenced = [], True

    def state(self) -> dict[str, Any]:
        """As plain values."""
        left = None if self.listeners is None else len(self.listeners)
        return {"name": self.live.name, "record": saved_record(self.record), "left": left}


class Announcements:
    """Those that are open, in order.

    Args:
        whole: calls a function, and puts all back as it was where that raises.
    """

    def __init__(self, whole: Callable[[LiveCondition, Callable[[], None]], None]) -> None:
        self._whole = whole
        self.open: list[Announcement] = []

    def finish(self) -> None:
        """Announce what is open. An error keeps nobody else from hearing; the first one is raised when all have.

        What was not said stays open, and is said at the next event.
        """
        errors: list[Exception] = []
        unsaid: list[Announcement] = []
        while (announcement := next((one for one in self.open if one not in unsaid), None)) is not None:
            try:
                if announcement.listeners is None:
                    self._whole(announcement.live, announcement.say)
                announcement.hear()
            except Exception as error:
                errors.append(error)
            if announcement.listeners is None:
                unsaid.append(announcement)
            elif not announcement.listeners and announcement in self.open:
                self.open.remove(announcement)
        if errors:
            raise errors[0]

    def drop(self, lives: Collection[LiveCondition]) -> None:
        """``lives`` were removed: what they had to say is said no more, and has no effect."""
        for announcement in self.open:
            if announcement.live in lives:
                announcement.silence()
        self.open = [announcement for announcement in self.open if announcement.live not in lives]

    def state(self) -> dict[str, Any]:
        """What must be saved: nothing where all was said and heard."""
        waiting = [one.state() for one in self.open if one.listeners is None or one.listeners]
        return {_KEY: waiting} if waiting else {}

    def prepare(self, saved: Mapping[str, Any], lives: Iterable[LiveCondition]) -> Callable[[], None]:
        """Check what was ``saved`` and change nothing; calling what is returned takes it over.

        Raises:
            StateError: where it is damaged.
        """
        raw = saved.get(_KEY, [])
        if not isinstance(raw, list):
            raise StateError(f"recorder state: announcements must be a list, got {describe(raw)}: it is damaged")
        named = {live.name: live for live in lives}
        restored = [_restored(entry) for entry in raw]

        def commit() -> None:
            self.open = [
                Announcement(named[name], record, None if left is None else _last(named[name]._listeners(), left))
                for name, record, left in restored
                if name in named
            ]

        return commit


def _last(listeners: list[Callable[[], Any]], left: int) -> list[Callable[[], Any]]:
    return listeners[max(len(listeners) - left, 0) :]


def _restored(entry: Any) -> tuple[str, Record, int | None]:
    if not isinstance(entry, Mapping) or entry.keys() != {"name", "record", "left"}:
        raise StateError(f"recorder state: an announcement is {describe(entry)}: it is damaged")
    name, left = entry["name"], entry["left"]
    try:
        if not isinstance(name, str):
            raise TypeError(f"its name is {describe(name)}")
        left = None if left is None else check_count("left", left, least=0)
    except (TypeError, ValueError) as error:
        raise StateError(f"recorder state: an announcement is damaged: {error}") from error
    return name, restored_record("the record of an announcement", entry["record"]), left
