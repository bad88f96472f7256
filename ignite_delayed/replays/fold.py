"""Replay: what a rule would have done to a past run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._utils.checks import refuse_type, suggestion
from .._utils.html import code, escape, table
from ..conditions import Condition, ConditionLike, EarlyStop, State, as_condition
from ..errors import UnknownMetricError
from ..history.history import History
from ..history.metrics import reporter, require
from ..history.record import Record

__all__ = ["EarlyStopReplay", "Replay", "fold", "replay"]


def fold(condition: Condition, records: Iterable[Record]) -> Iterator[tuple[State, bool | None]]:
    """The state and the verdict of ``condition`` after each of ``records``: what a live gate does."""
    state = condition.initial()
    for record in records:
        state, verdict = condition.step(state, record)
        yield state, verdict


def _last_state(condition: Condition, records: Iterable[Record]) -> State:
    state = condition.initial()
    for record in records:
        state, _ = condition.step(state, record)
    return state


class Replay:
    """What a condition says of a past run.

    Attributes:
        condition: the condition that was replayed.
        verdicts: what it said at each record: true, false, or ``None`` for unknown.
        first: the record at which it first held, ``None`` if it never did.
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
        return f"<Replay of {self.condition!r}: {when} ({len(self.verdicts)} records)>"

    def _repr_html_(self) -> str:
        return table([], [(escape(name), escape(said)) for name, said in self._answers()], code(repr(self.condition)))

    def _answers(self) -> list[tuple[str, str]]:
        """The answers, in words."""
        known = sum(verdict is not None for verdict in self.verdicts)
        when = "never: censored, a longer run might have got there" if self.first is None else _moment(self.first)
        return [
            ("first held", when),
            ("true at", f"{self.verdicts.count(True)} of {len(self.verdicts)} records ({known} known)"),
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
    """

    def __init__(
        self, rule: EarlyStop, verdicts: list[bool | None], first: Record | None, state: State, records: list[Record]
    ) -> None:
        super().__init__(rule, verdicts, first)
        self.stopped_at = first
        self.best_score = rule.best(state)
        self.best_epoch = rule.best_epoch(state)
        everything = EarlyStop(rule.monitor, mode=rule.mode, patience=len(records) + 1)
        whole = _last_state(everything, records)
        self.best_there_was = everything.best(whole)
        self.best_there_was_epoch = everything.best_epoch(whole)
        self.epochs_saved = 0 if first is None or not records else records[-1].epoch - first.epoch

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
    records = list(history)
    _check_reads(rule, history, records)
    verdicts: list[bool | None] = []
    first, deciding = None, rule.initial()  # deciding: the state at the first, or the last one
    for record, (state, verdict) in zip(records, fold(rule, records), strict=True):
        verdicts.append(verdict)
        if first is None:
            deciding = state
            first = record if verdict is True else None
    if isinstance(rule, EarlyStop):
        return EarlyStopReplay(rule, verdicts, first, deciding, records)
    return Replay(rule, verdicts, first)


def _check_reads(condition: Condition, history: History, records: list[Record]) -> None:
    """Refuse, as the live run does, a condition on a metric that its evaluator does not always report."""
    known = history.metrics
    for name in sorted(condition.reads):
        if records and name not in known:
            listed = ", ".join(map(repr, known)) or "none"
            message = f"{condition!r} reads {name!r}, which was not recorded; there are: {listed}."
            raise UnknownMetricError(f"{message} {suggestion(name, known)}".rstrip())
    by_source = {
        source: {name for name in condition.reads if reporter(name, history.sources) == source}
        for source in history.sources
    }
    for record in records:
        if record.source is not None:
            require(by_source[record.source], record.source, record.values)
