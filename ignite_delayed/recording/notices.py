"""Notices of what is not recorded, once a run for each cause."""

from __future__ import annotations

from .._utils.text import logger_of

__all__ = ["Notices"]

logger = logger_of("Recorder")


class Notices:
    """Writes to the log what was not said in this run."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, cause: str, message: str) -> None:
        """Warn with ``message``, unless something of this ``cause`` was said."""
        if cause not in self._said:
            self._said.add(cause)
            logger.warning("%s. (Said once a run.)", message)

    def forget(self) -> None:
        """Another run begins."""
        self._said.clear()
