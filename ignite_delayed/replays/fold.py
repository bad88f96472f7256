"""Replay: what a rule would have done to a past run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from .._utils.checks import refuse_type, suggestion
from .._utils.html import code, escape, table
from .._utils.text import quantity
from ..conditions import Condition, ConditionLike, EarlyStop, State, as_condition
from ..conditions.node import Node
from ..errors import UnknownMetricError
from ..history.history import History
from ..history.metrics import require
from ..history.record import Record
from .columns import Found, best_found, has_twin, verdict_column

__all__ = ["EarlyStopReplay", "Replay", "check_reads", "fold", "replay"]


def fold(condition: Condition, records: Iterable[Record]) -> Iterator[tuple[State, bool | None]]:
    """The state and the verdict of ``condition`` after each of ``records``: what a live gate does."""
    state = condition.initial()
    for record in records:
        state, verdict = condition.step(state, record)
        yield state, verdict


class Replay:
    """What a condition says of a past run.

    Attributes:
        condition: the condition that was replayed.
        verdicts: what it said at each record: true, false, or ``None`` for unknown.
        first: the record at which it first held, ``None`` if it never did.

    Example:
        >>> from ignite_delayed import History, Metric, Record, replay
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> found = replay(run, Metric("loss") < 0.5)
        >>> found
        <Replay of Metric('loss') < 0.5: first held in epoch 2 (6 records)>
        >>> found.first.epoch, found.verdicts
        (2, [False, True, True, False, False, False])
    """

    def __init__(self, condition: Condition, verdicts: list[bool | None], first: Record | None) -> None:
        self.condition = condition
        self.verdicts = verdicts
        self.first = first

    @property
    def held(self) -> bool:
        """Whether it ever held; a run that ended before is censored: a longer one might have got there."""
        return self.first is not None

    def __repr__(self) -> str:
        when = "never held: censored" if self.first is None else f"first held in epoch {self.first.epoch}"
        return f"<Replay of {self.condition!r}: {when} ({quantity(len(self.verdicts), 'record')})>"

    def _repr_html_(self) -> str:
        return table([], [(escape(name), escape(said)) for name, said in self._answers()], code(repr(self.condition)))

    def _answers(self) -> list[tuple[str, str]]:
        """The answers, in words."""
        known = sum(verdict is not None for verdict in self.verdicts)
        when = "never: censored, a longer run might have got there" if self.first is None else _moment(self.first)
        return [
            ("first held", when),
            ("true at", f"{self.verdicts.count(True)} of {quantity(len(self.verdicts), 'record')} ({known} known)"),
        ]


class EarlyStopReplay(Replay):
    """What a stopping rule would have done to a past run.

    Attributes:
        stopped_at: the record at which training would have stopped, ``None`` if it would not have (censored).
        best_score: the best value the rule would have known when it stopped, ``None`` if it saw none.
        best_epoch: the epoch of that value.
        best_there_was: the best value of the whole run.
        best_there_was_epoch: the epoch of that value.
        epochs_saved: epochs the run went on after the stop.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, replay
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> found = replay(run, EarlyStop("loss", mode="min", patience=2))
        >>> found.stopped_at.epoch, found.best_epoch
        (5, 3)
        >>> found.best_score, found.best_there_was, found.epochs_saved
        (0.3, 0.3, 1)
    """

    def __init__(
        self,
        rule: EarlyStop,
        verdicts: list[bool | None],
        first: Record | None,
        *,
        kept: Found | None,
        there_was: Found | None,
        last: Record | None,
    ) -> None:
        super().__init__(rule, verdicts, first)
        self.stopped_at = first
        self.best_score = None if kept is None else kept[0]
        self.best_epoch = None if kept is None else kept[1]
        self.best_there_was = None if there_was is None else there_was[0]
        self.best_there_was_epoch = None if there_was is None else there_was[1]
        self.epochs_saved = 0 if first is None or last is None else last.epoch - first.epoch

    def __repr__(self) -> str:
        if self.first is None:
            when = "would not have stopped: censored"
        else:
            when = f"would have stopped in epoch {self.first.epoch}, epochs saved: {self.epochs_saved}"
        kept = "nothing kept" if self.best_score is None else f"best {self.best_score:g} of epoch {self.best_epoch}"
        there = "" if self.best_there_was is None else f"; best there was {self.best_there_was:g}"
        return f"<Replay of {self.condition!r}: {when}; {kept}{there}>"

    def _answers(self) -> list[tuple[str, str]]:
        if self.first is None:
            stopped = "not at all: censored, the run ended before"
        else:
            stopped = f"{_moment(self.first)}, epochs saved: {self.epochs_saved}"
        return [
            ("would have stopped", stopped),
            ("best value kept", _score(self.best_score, self.best_epoch)),
            ("best there was", _score(self.best_there_was, self.best_there_was_epoch)),
        ]


def _score(score: float | None, epoch: int | None) -> str:
    return "none" if score is None else f"{score:.6g} in epoch {epoch}"


def _moment(record: Record) -> str:
    return f"epoch {record.epoch}, iteration {record.iteration}"


def replay(history: History, condition: ConditionLike) -> Replay:
    """Fold ``condition`` over a past run: when it first held, and what it said at each record.

    Replaying the history of a live run gives the openings and the stop that happened live. With an
    :class:`EarlyStop` the answer also says what the rule would have kept, the best there was, and what it saved.

    Args:
        history: a recorded run, live or loaded.
        condition: a condition, or a function of one record.

    Raises:
        UnknownMetricError: where the condition reads a metric that was not recorded.

    Example:
        >>> from ignite_delayed import History, Metric, Record
        >>> losses = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7]
        >>> run = History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(losses, 1))
        >>> replay(run, Metric("loss") < 0.5).first.epoch
        2
        >>> replay(run, EarlyStop("loss", mode="min", patience=2))
        <Replay of EarlyStop('loss', mode='min', patience=2): would have stopped in epoch 5, epochs saved: 1; \
best 0.3 of epoch 3; best there was 0.3>
    """
    if not isinstance(history, History):
        refuse_type("history", "a History", history, "Load a saved one with History.load(path).")
    rule = as_condition("condition", condition)
    check_reads(rule, history)
    if has_twin(rule):
        return _replay_columns(rule, history)
    verdicts: list[bool | None] = []
    first, deciding = None, rule.initial()  # deciding: the state at the first, or the last one
    for record, (state, verdict) in zip(history, fold(rule, history), strict=True):
        verdicts.append(verdict)
        if first is None:
            deciding = state
            first = record if verdict is True else None
    if not isinstance(rule, EarlyStop):
        return Replay(rule, verdicts, first)
    return _early_stop_replay(rule, history, verdicts, first, _remembered(rule, deciding))


def _replay_columns(rule: Condition, history: History) -> Replay:
    """What the fold says, of a rule that has a twin."""
    said = verdict_column(rule, history)
    stop = int(np.argmax(said)) if len(said) else 0
    first = history[stop] if len(said) and said[stop] == 1 else None
    verdicts: list[bool | None] = np.array([None, True, False], dtype=object)[said].tolist()
    if not isinstance(rule, EarlyStop):
        return Replay(rule, verdicts, first)
    kept = best_found(rule, history, stop if first is not None else None)
    return _early_stop_replay(rule, history, verdicts, first, kept)


def _remembered(rule: EarlyStop, state: State) -> Found | None:
    best = rule.found(state)
    return None if best is None else (best.value, best.epoch)


def _best_of_all(rule: EarlyStop, history: History) -> Found | None:
    """The best value that ``rule`` knows after the whole run."""
    if has_twin(rule):
        return best_found(rule, history, None)
    last = deque(fold(rule, history), maxlen=1)
    return _remembered(rule, last[0][0]) if last else None


def _early_stop_replay(
    rule: EarlyStop, history: History, verdicts: list[bool | None], first: Record | None, kept: Found | None
) -> EarlyStopReplay:
    there_was = _best_of_all(EarlyStop(rule.monitor, mode=rule.mode, patience=len(history) + 1), history)
    last = history[-1] if len(history) else None
    return EarlyStopReplay(rule, verdicts, first, kept=kept, there_was=there_was, last=last)


def check_reads(node: Node, history: History) -> None:
    """Refuse, as the live run does, what reads a metric that its evaluator does not always report."""
    known = history.metrics
    for name in sorted(node.reads):
        if len(history) and name not in known:
            listed = ", ".join(map(repr, known)) or "none"
            message = f"{node!r} reads {name!r}, which was not recorded; there are: {listed}."
            raise UnknownMetricError(f"{message} {suggestion(name, known)}".rstrip())
    lacking = min(history.columns().lacks(sorted(node.reads)), key=lambda missing: missing[1], default=None)
    if lacking is not None:
        name, place = lacking
        record = history[place]
        require([name], record.source, record.values)
