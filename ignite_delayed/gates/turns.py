"""When it is a delayed handler's turn: not before the evaluation that may move its gate was recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events

from ..conditions import Condition
from ..recording.host import move_to_end
from .gate import Gate

__all__ = ["attach_turn", "waits_for_record"]

# The trainer's events in which evaluators are run.
_EVALUATING = (
    Events.STARTED,
    Events.EPOCH_STARTED,
    Events.ITERATION_COMPLETED,
    Events.EPOCH_COMPLETED,
    Events.COMPLETED,
)


def waits_for_record(condition: Condition) -> bool:
    """Whether the record of an evaluation may move ``condition``: epochs and iterations were counted before it."""
    units = condition.clock_units
    return units is None or not units.isdisjoint({"evaluations", "seconds"})


def attach_turn(gate: Gate, engine: Engine, event: Any, call: Callable[[Engine], None]) -> Callable[[], None] | None:
    """Call ``call`` at ``event`` of ``engine`` once the evaluation of that moment was recorded; the result undoes it.

    ``None`` where there is nothing to wait for: the clock decides, or no record can be made in that event.
    """
    if not waits_for_record(gate.condition):
        return None
    recorder = gate.recorder
    if engine is recorder.trainer:
        return _EndOfEvent(gate, event, call).attach(engine) if event in _EVALUATING else None
    if event == Events.EPOCH_COMPLETED and any(engine is one for one in recorder.evaluators.values()):
        return _EndOfEvaluation(call).attach(engine)
    return None


class _EndOfEvent:
    """A handler of the trainer that lets evaluations of the same event go first, wherever they were attached.

    It keeps its place where the evaluation of this iteration was recorded before its turn; else it is called as the
    last one of the event. What happens at every iteration keeps its place too once the gate is open for good.
    """

    def __init__(self, gate: Gate, event: Any, call: Callable[[Engine], None]) -> None:
        self._gate, self._event, self._call = gate, event, call
        self._waits = False

    def attach(self, engine: Engine) -> Callable[[], None]:
        undo = ExitStack()
        for handler in (self._in_place, self._at_end):
            undo.callback(engine.add_event_handler(self._event, handler).remove)
        return undo.close

    def _in_place(self, engine: Engine) -> None:
        self._waits = not self._is_decided(engine)
        if self._waits:
            move_to_end(engine, self._event, self._at_end)
        else:
            self._call(engine)

    def _at_end(self, engine: Engine) -> None:
        if self._waits:
            self._waits = False
            self._call(engine)

    def _is_decided(self, engine: Engine) -> bool:
        gate = self._gate
        if gate.latches and gate.is_open and self._event == Events.ITERATION_COMPLETED:
            return True
        last = gate.recorder.hub.last
        if last is None or last.iteration != engine.state.iteration:
            return False
        return (last.evaluated or not last.is_tick) and gate.condition.reads <= last.seen.keys()


class _EndOfEvaluation:
    """A handler of an evaluator's EPOCH_COMPLETED that is called once the evaluation was recorded, in COMPLETED."""

    def __init__(self, call: Callable[[Engine], None]) -> None:
        self._call = call
        self._waits = False

    def attach(self, engine: Engine) -> Callable[[], None]:
        undo = ExitStack()
        for event, handler in (
            (Events.STARTED, self._forget),
            (Events.EPOCH_COMPLETED, self._in_place),
            (Events.COMPLETED, self._at_end),  # the recorder is before it: it was attached when it was built
        ):
            undo.callback(engine.add_event_handler(event, handler).remove)
        return undo.close

    def _forget(self, engine: Engine) -> None:
        """An evaluation begins; the one before may have been broken off."""
        self._waits = False

    def _in_place(self, engine: Engine) -> None:
        self._waits = bool(engine.should_terminate) or engine.state.epoch >= (engine.state.max_epochs or 1)
        if not self._waits:  # an evaluation of several epochs, of which this is not the last
            self._call(engine)

    def _at_end(self, engine: Engine) -> None:
        if self._waits:
            self._waits = False
            self._call(engine)
