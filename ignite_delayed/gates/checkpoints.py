"""A delayed ``Checkpoint`` that is restored: files that it remembers may be gone, and it would fail to delete them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ignite.handlers import Checkpoint, DiskSaver

from .._utils.text import logger_of

__all__ = ["CheckpointState", "saved_part"]

logger = logger_of("Recorder")

_FILES = "_saved"


def saved_part(handler: Any, name: str) -> Any:
    """What saves and loads the state of the delayed ``handler``; ``None`` where it has none."""
    if not (hasattr(handler, "state_dict") and hasattr(handler, "load_state_dict")):
        return None
    if isinstance(handler, Checkpoint) and isinstance(handler.save_handler, DiskSaver):
        return CheckpointState(handler, handler.save_handler, name)
    return handler


class CheckpointState:
    """The state of a ``Checkpoint`` that writes files: what is loaded names only those that are there.

    A run that was killed may have deleted, after its last state was saved, files that this state lists. The first save
    of the resumed run that makes room would fail to delete such a file once more.

    Args:
        checkpoint: the handler.
        saver: what writes its files.
        name: for the log.
    """

    def __init__(self, checkpoint: Checkpoint, saver: DiskSaver, name: str) -> None:
        self._checkpoint, self._saver, self._name = checkpoint, saver, name

    def state_dict(self) -> Mapping[str, Any]:
        """What Ignite saves of it."""
        return self._checkpoint.state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        """Load it, without the entries whose file is gone; of those one warning tells."""
        gone = self._gone(state_dict)
        if gone:
            there = [entry for entry in state_dict[_FILES] if entry not in gone]
            state_dict = {**state_dict, _FILES: there}
        self._checkpoint.load_state_dict(state_dict)
        if gone:
            logger.warning(
                "%s: %d of the files in its saved list are not in %s any more, and are left out of it: %s. The run "
                "that was cut deleted them after this state was saved, or another folder is meant.",
                self._name,
                len(gone),
                self._saver.dirname,
                ", ".join(repr(filename) for _, filename in gone),
            )

    def _gone(self, state: Any) -> list[Any]:
        """The entries of ``state`` without a file; none where nobody can tell, or where Ignite will refuse it.

        Another rank than the one that writes sees the files only where the folder is shared.
        """
        entries = state.get(_FILES) if isinstance(state, Mapping) else None
        if not isinstance(entries, (list, tuple)) or not all(map(_is_entry, entries)):
            return []
        folder = self._saver.dirname
        if not folder.is_dir():
            return []
        return [entry for entry in entries if not (folder / entry[1]).exists()]

    def _remember(self) -> Callable[[], None]:
        """What puts its list back as it is now, whichever files are there."""
        state = copy.deepcopy(self._checkpoint.state_dict())
        return lambda: self._checkpoint.load_state_dict(state)


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[1], str)
