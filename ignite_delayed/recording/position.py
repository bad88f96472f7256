"""How much of the training is done, told from where in the trainer's loop we are."""

from __future__ import annotations

from ignite.engine import Engine, Events

__all__ = ["position"]

# Ignite counts an epoch and an iteration when they begin; these events come after the count, before the work.
_EPOCH_BEGAN = (Events.EPOCH_STARTED, Events.GET_BATCH_STARTED, Events.GET_BATCH_COMPLETED, Events.ITERATION_STARTED)


def position(trainer: Engine) -> tuple[int, int]:
    """Iterations finished, and epochs finished (one that was begun and has trained a batch counts as finished)."""
    state, event = trainer.state, trainer.last_event_name
    iterations = state.iteration - (event == Events.ITERATION_STARTED)
    whole = iterations % state.epoch_length == 0 if state.epoch_length else iterations == 0
    at_start = event == Events.EPOCH_STARTED or (event in _EPOCH_BEGAN and whole)
    return iterations, max(state.epoch - at_start, 0)
