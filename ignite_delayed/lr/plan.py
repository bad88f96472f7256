"""The length of the run that shares of it are of: that of the trainer, or one that the user has pinned."""

from __future__ import annotations

from ignite.engine import Engine

from .._utils.checks import check_real
from .._utils.text import logger_of
from ..recording.runs.run import planned_iterations
from .cadence import Cadence

__all__ = ["Plan"]

logger = logger_of("LRPhases")


class Plan:
    """How long the run is, and from where on its shares are counted.

    A share is of what was left of the run at ``anchor``: where the last phase that ended by a condition did, or where
    phases were attached in the middle of a run; else the beginning.

    Args:
        epochs: the length of the run, whatever the trainer's is; ``None`` for the trainer's.
        cadence: of the updates in it, ``None`` while that is not known.

    Attributes:
        pinned: ``epochs``.
        cadence: as it was given.
        anchor: the iterations and epochs that were finished there.
        origins: those that were finished when each phase so far began.
        seen: the length in epochs that was used last, ``None`` before a run.
    """

    def __init__(self, epochs: float | None, cadence: Cadence | None = None) -> None:
        self.pinned = None if epochs is None else check_real("planned_epochs", epochs, above=0)
        self.cadence = cadence
        self.anchor = (0, 0)
        self.origins: tuple[tuple[int, int], ...] = ()
        self.seen: float | None = None

    def epochs(self, trainer: Engine) -> float | None:
        """The length of the whole run in epochs, ``None`` while it is not known."""
        if self.pinned is not None:
            return self.pinned
        iterations, length = planned_iterations(trainer), trainer.state.epoch_length
        if iterations is None or not length:
            return trainer.state.max_epochs
        return iterations / length

    def iterations(self, trainer: Engine) -> int | None:
        """The length of the whole run in iterations, ``None`` while it is not known."""
        if self.pinned is None:
            return planned_iterations(trainer)
        length = trainer.state.epoch_length
        return round(self.pinned * length) if length else None

    def left(self, trainer: Engine, per: str) -> float | None:
        """What was left at the anchor, in epochs; a step at least. A step is of the kind ``per``."""
        epochs, length = self.epochs(trainer), trainer.state.epoch_length
        iterations = self.iterations(trainer)
        if per == "update" and self.cadence is not None and iterations is not None and length:
            updates = self.cadence.after(iterations, length) - self.cadence.after(self.anchor[0], length)
            return max(updates, 1) / self.cadence.per_epoch(length)
        if epochs is None or self.anchor == (0, 0):
            return epochs
        if per == "epoch":
            return max(epochs - self.anchor[1], 1)
        return max(epochs - self.anchor[0] / length, 1 / length) if length else epochs

    def joined(self, number: int, most: int) -> int:
        """With how many of the ``most`` phases before it phase ``number`` has a common beginning.

        Those are the ones that have ended by themselves: the last that a condition has ended, did so at the anchor.
        """
        if number >= len(self.origins):  # its turn is still to come
            return most
        first = max((index for index, origin in enumerate(self.origins) if origin == self.anchor), default=0)
        return max(min(most, number - first), 0)

    def begins(self, trainer: Engine, per: str, origin: tuple[int, int]) -> float:
        """How many epochs after the anchor a phase begins that does after ``origin``."""
        length = trainer.state.epoch_length
        if per == "epoch" or not length:
            return max(origin[1] - self.anchor[1], 0)
        if per == "update" and self.cadence is not None:
            updates = self.cadence.after(origin[0], length) - self.cadence.after(self.anchor[0], length)
            return max(updates, 0) / self.cadence.per_epoch(length)
        return max(origin[0] - self.anchor[0], 0) / length

    def steps_per_epoch(self, trainer: Engine, per: str) -> float | None:
        """How many steps of the kind ``per`` an epoch has, ``None`` while it is not known."""
        length = trainer.state.epoch_length
        if per == "epoch":
            return 1
        if per == "iteration" or not length:
            return length
        return None if self.cadence is None else self.cadence.per_epoch(length)

    def look(self, name: str, trainer: Engine, matters: bool) -> None:
        """Note the length of the run that begins or goes on; say so, where it ``matters``, if it is another one."""
        epochs, before = self.epochs(trainer), self.seen
        self.seen = epochs
        if matters and None not in (epochs, before) and epochs != before:
            logger.warning(
                "%s: the run was planned for %g epochs and is now for %g: what is a share of the run changes with it, "
                "and the value may jump. Give lengths in epochs, or planned_epochs=%g, to keep them.",
                name,
                before,
                epochs,
                before,
            )
