"""What rules would have made of runs: run by run and rule by rule, as the fold has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...conditions import Condition, EarlyStop, Expression
from ...errors import MetricValueError, UnknownMetricError
from ...history.columns import Columns, Floats, Places
from ...history.history import History
from ..columns import Found, Stacked, best_found, best_places, has_twin, observed, verdict_column, whole
from ..fold import check_reads, fold
from .judging import Judge
from .passes import Pass
from .seen import best_of
from .views import Views

__all__ = ["Outcomes", "joined", "outcomes_of"]


class Outcomes(NamedTuple):
    """What each rule would have made of each run; NaN is none.

    Args:
        stopped: the epoch at which the rule stops the run (a row for each run, a column for each rule).
        kept, kept_epoch: the best value kept until then, and its epoch, likewise.
        best, best_epoch: the best there was in each run, and its epoch.
        start: the first value that is a number, in each run.
        end: the epoch of the last record of each run, 0 where there is none.
    """

    stopped: Floats
    kept: Floats
    kept_epoch: Floats
    best: Floats
    best_epoch: Floats
    start: Floats
    end: Floats


def joined(parts: Iterable[Outcomes]) -> Outcomes:
    """The outcomes of runs after runs."""
    return Outcomes(*map(np.concatenate, zip(*parts, strict=True)))


class Curve(NamedTuple):
    """What runs are judged by, over one run.

    Args:
        places: the records at which it was observed.
        values, epochs: its values there, and the epochs.
        best: up to each of them, which was the best; -1 before there was one.
    """

    places: Places
    values: Floats
    epochs: np.ndarray[Any, Any]
    best: Places

    def until(self, stop: int | None) -> Found | None:
        """The best value up to and with a record, of equal ones the first; ``None`` for the last record."""
        end = len(self.places) if stop is None else int(np.searchsorted(self.places, stop, side="right"))
        if not end or self.best[end - 1] < 0:
            return None
        place = self.best[end - 1]
        return float(self.values[place]), int(self.epochs[place])


def curve_of(judge: Judge, history: History) -> Curve:
    """The learning curve of a run."""
    places, values, epochs = _points(judge.monitor, history)
    return Curve(places, values, epochs, best_places(values if judge.mode == "min" else -values))


def _points(monitor: Expression, history: History) -> tuple[Places, Floats, np.ndarray[Any, Any]]:
    """Where ``monitor`` was observed, its values, and their epochs."""
    if has_twin(monitor):
        rows = whole(history.columns())
        with np.errstate(all="ignore"):  # infinities and NaN are values
            places, values = observed(monitor, rows)
        return places, values, rows.clock["epoch"][places]
    state, points = monitor.initial(), []
    for place, record in enumerate(history):
        state = monitor.advance(state, record)
        if state[0] is not None and monitor.observed(record):
            points.append((place, state[0], record.epoch))
    listed = np.array(points, dtype=float).reshape(-1, 3)
    return listed[:, 0].astype(np.int64), listed[:, 1], listed[:, 2]


def _ending(rule: Condition, judge: Judge, history: History, curve: Curve) -> tuple[int | None, Found | None]:
    """The record at which ``rule`` stops a run, ``None`` where it does not, and the best that is kept."""
    own = rule if isinstance(rule, EarlyStop) and judge.is_of(rule) else None  # it knows its best by itself
    if has_twin(rule):
        stops = np.flatnonzero(verdict_column(rule, history) == 1)
        stop = int(stops[0]) if len(stops) else None
        return stop, curve.until(stop) if own is None else best_found(own, history, stop)
    stop, state = None, rule.initial()
    for place, (state, verdict) in enumerate(fold(rule, history)):  # noqa: B007 - the last state is looked at
        if verdict is True:
            stop = place
            break
    if own is None:
        return stop, curve.until(stop)
    best = own.found(state)
    return stop, None if best is None else (best.value, best.epoch)


def outcomes_of(runs: Sequence[tuple[str, History]], rules: Sequence[Condition], judge: Judge) -> Outcomes:
    """What each of ``rules`` would have made of each of ``runs``, which have names."""
    found = _unknown(len(runs), len(rules))
    together = {column: rule for column, rule in enumerate(rules) if judge.is_of(rule) and has_twin(rule)}
    alone = {column: rule for column, rule in enumerate(rules) if column not in together}
    columns = [history.columns() for _, history in runs]
    stack = Stacked(columns, judge.monitor.reads.union(*(rule.reads for rule in rules)))
    plain = np.isin(np.arange(len(runs)), stack.places).tolist()
    found.end[:] = _ends(columns, stack)
    views = Views(columns, stack, judge.monitor) if together else None
    joins = np.zeros(len(runs), np.bool_) if views is None else views.are_finite()
    for place, joined_by in enumerate(joins.tolist()):
        singly = alone if joined_by else dict(enumerate(rules))
        if plain[place] and not singly:
            continue
        name, history = runs[place]
        try:
            for node in () if plain[place] else (*rules, judge.monitor):
                check_reads(node, history)
            if singly:
                _write_one(found, place, history, judge, singly)
        except (MetricValueError, UnknownMetricError) as error:
            raise type(error)(f"run {name!r}: {error}") from error
    if views is not None and joins.any():
        _write_many(found, np.flatnonzero(joins), views, judge, together)
    return found


def _ends(runs: Sequence[Columns], stack: Stacked) -> Floats:
    """The epoch of the last record of each run; 0 where there is none."""
    ends = np.zeros(len(runs))
    some = stack.lengths > 0
    ends[stack.places[some]] = stack.clock["epoch"][(stack.starts + stack.lengths - 1)[some]]
    for place in np.delete(np.arange(len(runs)), stack.places).tolist():
        if len(runs[place]):
            ends[place] = runs[place].clock["epoch"][-1]
    return ends


def _unknown(runs: int, rules: int) -> Outcomes:
    """Nothing yet."""
    stopped, kept, kept_epoch = (np.full((rules, runs), np.nan).T for _ in range(3))  # written rule by rule
    best, best_epoch, start = (np.full(runs, np.nan) for _ in range(3))
    return Outcomes(stopped, kept, kept_epoch, best, best_epoch, start, np.zeros(runs))


def _write_one(found: Outcomes, place: int, history: History, judge: Judge, rules: Mapping[int, Condition]) -> None:
    """Write what came out for one run, rule by rule."""
    curve, epochs = curve_of(judge, history), history.clock("epoch")
    best = curve.until(None)
    if best is not None:
        found.best[place], found.best_epoch[place] = best
        found.start[place] = curve.values[~np.isnan(curve.values)][0]
    for column, rule in rules.items():
        stop, kept = _ending(rule, judge, history, curve)
        if stop is not None:
            found.stopped[place, column] = epochs[stop]
        if kept is not None:
            found.kept[place, column], found.kept_epoch[place, column] = kept


def _write_many(found: Outcomes, runs: Places, views: Views, judge: Judge, rules: Mapping[int, Condition]) -> None:
    """Write what came out for runs of which stopping rules are swept together."""
    runs, seen = views.seen(runs, judge.mode)
    found.best[runs], found.best_epoch[runs], found.start[runs] = best_of(seen)
    for delayed in _delays(rules):
        opening = views.opening(delayed[0][0].until)
        shared = Pass(delayed[0][0], seen, opening.of(runs))
        for rule, patience in delayed:
            cells = np.ix_(np.array(list(patience)), runs)
            stops = shared.stops(rule, list(patience.values()))
            for column, part in zip((found.stopped, found.kept, found.kept_epoch), stops, strict=True):
                column.T[cells] = part


def _delays(rules: Mapping[int, Condition]) -> Iterable[list[tuple[EarlyStop, dict[int, int]]]]:
    """Stopping rules by their delay; of those that differ in patience alone one, and the patience by their column."""
    delays: dict[tuple[Any, ...], dict[tuple[Any, ...], tuple[EarlyStop, dict[int, int]]]] = {}
    for column, rule in rules.items():
        assert isinstance(rule, EarlyStop)
        assert isinstance(rule.patience, int)
        delay = (rule.until, "ignore" if rule.until is None else rule.while_closed)
        threshold = (rule.threshold, rule.threshold_mode, rule.cumulative, rule.nan)
        delays.setdefault(delay, {}).setdefault(threshold, (rule, {}))[1][column] = rule.patience
    return [list(delayed.values()) for delayed in delays.values()]
