"""Somebody else who writes the values that phases write, found by what the groups hold."""

from __future__ import annotations

import logging
from typing import Any

from ignite.engine import Engine, Events

from ..recording.runs.run import position
from .optimizer.groups import holds, read
from .optimizer.selection import group_labels
from .progress import Progress

__all__ = ["OtherWriters"]


class OtherWriters:
    """Looks whether the groups hold what was written last, and warns once.

    At the start and the end of each epoch, and when :meth:`look` is called: as the rates are about to be written.

    Args:
        progress: of the phases that write.
        name: of the phases, for the warning.
        logger: takes the warning.
    """

    def __init__(self, progress: Progress, name: str, logger: logging.Logger) -> None:
        self._progress, self._name, self._logger = progress, name, logger
        self._since = -1
        self._told = False

    def attach(self, trainer: Engine) -> list[Any]:
        """Look at the epochs of ``trainer``; what is returned can be removed."""
        return [
            trainer.add_event_handler(Events.STARTED, self._begin),
            trainer.add_event_handler(Events.EPOCH_STARTED, self.look),
            trainer.add_event_handler(Events.EPOCH_COMPLETED, self.look),
        ]

    def _begin(self, engine: Engine) -> None:
        self._since = engine.state.iteration  # before anything was trained, states may still be loaded

    def look(self, engine: Engine) -> None:
        """Warn where somebody else has written since we did, but for before anything was trained."""
        stepper, takeover = self._progress.stepper, self._progress.takeover
        if self._told or not stepper.writes or position(engine)[0] == self._since:
            return
        groups, parameter = takeover.optimizer.param_groups, takeover.parameter
        bases = self._progress.bases
        for index, (group, written) in enumerate(zip(groups, self._progress.last_values(), strict=False)):
            frozen = index < len(bases) and not bases[index]  # the user unfreezes it
            if not frozen and not holds(group, parameter, written):
                self._tell(index, written, read(group, parameter))
                return

    def _tell(self, index: int, written: float, found: float) -> None:
        self._told = True
        likely = "a handler of the user's, or a scheduler of Ignite's that is attached to the trainer too"
        if self._progress.stepper.kind:
            likely = f"this {self._progress.stepper.kind}, stepped by hand too, or {likely}"
        self._logger.warning(
            "%s wrote %.6g to %s, and finds %.6g there: somebody else writes it, and each undoes the other. "
            "Likely %s: remove one of the two. (Said once.)",
            self._name,
            written,
            group_labels(self._progress.takeover.optimizer)[index],
            found,
            likely,
        )
