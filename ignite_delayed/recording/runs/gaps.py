"""What a saved state cannot bring back, since Ignite saves its iterations alone: told once a run, when it is known."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

from ignite.engine import Engine, Events, State

from ...history.metrics import source_label
from ..notices import Notices
from ..sources.source import Source

__all__ = ["Gaps"]


class Gaps:
    """Knows when the last state was saved, and what a run that is resumed from it will lack.

    Args:
        notices: who is told.
    """

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._saved: tuple[int, Any] | None = None  # at the end of an epoch that may still be evaluated
        self._ends: dict[str, tuple[int, int]] = {}  # by source: the last end of an epoch, and how many in a row
        self.load([])

    def on_saved(self, trainer: Engine) -> None:
        """A state is saved now."""
        state, event = trainer.state, trainer.last_event_name
        if not state.epoch_length:
            return
        self._tell_of_epochs(trainer, state.epoch_length)
        whole = state.iteration % state.epoch_length == 0
        self._saved = (state.iteration, event) if whole and event in _ENDS else None

    def state_dict(self, trainer: Engine, sources: Iterable[Source]) -> dict[str, Any]:
        """Which sources the state that is saved now lacks, though they are recorded at the end of each epoch."""
        length, at = trainer.state.epoch_length, trainer.state.iteration
        if self._saved is None or self._saved[0] != at or not length:
            return {}
        lacking = [source.name for source in sources if self._is_due(source, at, length)]
        return {"unevaluated": lacking} if lacking else {}

    def _is_due(self, source: Source, at: int, length: int) -> bool:
        """Whether an epoch that ends ``at`` is one of those, so far all, or two in a row, that are evaluated."""
        last, in_a_row = self._ends.get(source.name, (0, 0))
        each = in_a_row > 1 or last == length
        return each and last == at - length and source.last_iteration != at

    def load(self, lacking: Collection[str]) -> None:
        """A state was loaded that is ``lacking`` an evaluation of these sources."""
        self._lacking = list(lacking)

    def on_resumed(self, trainer: Engine, sources: Iterable[Source], saved_at: int | None) -> None:
        """The run goes on from a state of iteration ``saved_at``: what was not made up for at STARTED never will be."""
        for source in sources:
            if source.name in self._lacking and source.last_iteration != saved_at == trainer.state.iteration:
                self._notices.say(
                    f"lost {source.name}",
                    f"the state of iteration {saved_at} was saved at the end of an epoch before "
                    f"{source_label(source.name)} ran there, as it did at the epochs before: the run that is resumed "
                    "from it lacks this evaluation. Run it at STARTED of a resumed run, or save on EPOCH_COMPLETED, "
                    "attached after what evaluates there",
                )
        self.load([])

    def on_recorded(self, trainer: Engine, source: Source) -> None:
        """An evaluation was recorded now: the resumed run begins with the next epoch, and does not make it."""
        if trainer.last_event_name != Events.EPOCH_COMPLETED:
            return
        self._count(source.name, trainer.state)
        if self._saved is None:
            return
        iteration, event = self._saved
        own = source.engine is trainer and event == Events.EPOCH_COMPLETED  # whose watch tells of that
        if iteration == trainer.state.iteration and not own:
            self._notices.say(
                "saved before",
                f"a state was saved at {event.name} of iteration {iteration}, the last one of an epoch, before "
                f"{source_label(source.name)} ran at EPOCH_COMPLETED: a run resumed from it goes on with the next "
                "epoch and lacks this evaluation. Save on EPOCH_COMPLETED, attached after what evaluates there",
            )

    def _count(self, name: str, state: State) -> None:
        last, in_a_row = self._ends.get(name, (0, 0))
        if last != state.iteration:
            self._ends[name] = (
                state.iteration,
                in_a_row + 1 if last == state.iteration - (state.epoch_length or 0) else 1,
            )

    def forget(self) -> None:
        """Another run begins."""
        self._saved, self._ends = None, {}
        self.load([])

    def _tell_of_epochs(self, trainer: Engine, length: int) -> None:
        state = trainer.state
        resumed = _resumed_epoch(trainer, length)
        if resumed is not None and resumed != state.epoch:
            self._notices.say(
                "epochs",
                f"a state is saved in epoch {state.epoch}, at iteration {state.iteration}, after epochs that were cut "
                f"short (by terminate_epoch()): Ignite saves the iteration alone, and a run resumed from it goes on in "
                f"epoch {resumed}. Conditions that count iterations do not depend on it",
            )


_ENDS = (Events.ITERATION_COMPLETED, Events.EPOCH_COMPLETED)


def _resumed_epoch(trainer: Engine, length: int) -> int | None:
    """The epoch in which Ignite goes on from the iteration of now; ``None`` outside of the loop."""
    event, iteration = trainer.last_event_name, trainer.state.iteration
    if event in (Events.ITERATION_STARTED, Events.ITERATION_COMPLETED):
        return math.ceil(iteration / length)
    if event == Events.EPOCH_COMPLETED:  # one that is not whole will be finished
        return iteration // length
    if event in (Events.EPOCH_STARTED, Events.GET_BATCH_STARTED, Events.GET_BATCH_COMPLETED):
        return iteration // length + 1
    return None
