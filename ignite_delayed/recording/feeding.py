"""Feeding gates: with records, and between records with the clock."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..history.history import History
from ..history.record import Record
from .agreement import Agreement
from .run import Run

if TYPE_CHECKING:
    from ..conditions import State
    from ..gates.gate import Gate

__all__ = ["Feeding"]

logger = logging.getLogger("ignite_delayed.Recorder")


class Feeding:
    """The half of a recorder that faces the gates; it knows no evaluators.

    Attributes:
        history: the records of this run so far, a :class:`History`.
    """

    def __init__(self, run: Run, agreement: Agreement, history: History) -> None:
        self.history = history
        self._run = run
        self._agreement = agreement
        self._gates: list[Gate] = []
        self._names: set[str] = set()
        self._last: Record | None = None
        self._evaluations = 0
        self._said: set[str] = set()
        self._wake: float = 0  # the first iteration at which the clock may move a gate

    @property
    def gates(self) -> list[Gate]:
        """The gates (and stoppers) fed by this recorder, in the order they move."""
        return list(self._gates)

    def _unique(self, name: str) -> str:
        """``name``, numbered where it is taken."""
        numbered, number = name, 1
        while numbered in self._names:
            number += 1
            numbered = f"{name} {number}"
        self._names.add(numbered)
        return numbered

    def _now(self) -> Record:
        """A record of the clock alone."""
        state = self._run.trainer.state
        seconds = self._run.seconds()
        if self._agreement.needed:  # no two processes read one time: that of the last evaluation was agreed on
            seconds = 0.0 if self._last is None else self._last.seconds
        return Record.following(
            self._last,
            epoch=state.epoch,
            iteration=state.iteration,
            evaluation=self._evaluations,
            seconds=seconds,
            planned=self._run.planned(),
            source=None,
            values={},
        )

    def _tick(self) -> None:
        """Let the clock move the gates that it alone decides; the history notes it where one did."""
        gates = [gate for gate in self._gates if gate.condition.ticks is not None and gate._moves]
        self._wake = float("inf")
        if not gates:
            return
        record = self._now()
        if any((gate._judge(record)[1] is True) is not gate.is_open for gate in gates):
            self._emit(record, self._judge(record))
        # What was attached or reset on hearing of it may have asked to be looked at soon.
        self._wake = min([self._wake, *(gate._wakeup(record) for gate in gates if gate._moves)])

    def _judge(self, record: Record) -> list[tuple[Gate, tuple[State, bool | None]]]:
        """What ``record`` makes of every gate that can still move; an error here has moved none."""
        return [(gate, gate._judge(record)) for gate in self._gates if gate._moves]

    def _emit(self, record: Record, moves: list[tuple[Gate, tuple[State, bool | None]]]) -> None:
        """Keep the record and move the gates, then say what changed."""
        self.history.append(record)
        self._last = record
        changed = [gate for gate, (state, verdict) in moves if gate._move(state, verdict, record)]
        for gate in changed:
            gate._announce(record)

    def _say(self, cause: str, message: str) -> None:
        if cause not in self._said:
            self._said.add(cause)
            logger.warning("%s. (Said once a run.)", message)
