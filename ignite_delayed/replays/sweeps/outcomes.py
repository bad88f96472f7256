"""What rules would have made of runs: run by run and rule by rule, as the fold has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...conditions import Condition, EarlyStop, Expression
from ...errors import MetricValueError, UnknownMetricError
from ...history.columns import Floats, Places
from ...history.history import History
from ..columns import Found, best_found, best_places, has_twin, observed, verdict_column, whole
from ..fold import check_reads, fold
from .judging import Judge
from .passes import first_numbers, kept_at, seen_of, stops
from .views import View, Views

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
    knows = isinstance(rule, EarlyStop) and judge.is_of(rule)
    if has_twin(rule):
        stops = np.flatnonzero(verdict_column(rule, history) == 1)
        stop = int(stops[0]) if len(stops) else None
        return stop, best_found(rule, history, stop) if knows else curve.until(stop)  # type: ignore[arg-type]
    stop, state = None, rule.initial()
    for place, (state, verdict) in enumerate(fold(rule, history)):  # noqa: B007 - the last state is looked at
        if verdict is True:
            stop = place
            break
    if not knows:
        return stop, curve.until(stop)
    best = rule.found(state)  # type: ignore[attr-defined]
    return stop, None if best is None else (best.value, best.epoch)


def outcomes_of(runs: Sequence[tuple[str, History]], rules: Sequence[Condition], judge: Judge) -> Outcomes:
    """What each of ``rules`` would have made of each of ``runs``, which have names."""
    found = _unknown(len(runs), len(rules))
    together = [column for column, rule in enumerate(rules) if judge.is_of(rule) and has_twin(rule)]
    alone = [column for column in range(len(rules)) if column not in set(together)]
    reads = judge.monitor.reads.union(*(rule.reads for rule in rules))
    alike: dict[int, list[tuple[int, View]]] = {}  # runs of about the same length, so that tables have few empty cells
    for place, (name, history) in enumerate(runs):
        with _told_of(name):
            columns = history.columns()
            plain = columns.has_all(reads)
            for node in () if plain else (*rules, judge.monitor):
                check_reads(node, history)
            view = View(columns, judge.monitor, plain=plain) if together else None
            finite = view is not None and not np.isinf(view.values).any()
            if view is not None and finite:
                alike.setdefault(len(view.values).bit_length(), []).append((place, view))
            singly = alone if finite else range(len(rules))
            if singly:
                _write_one(found, place, history, judge, {column: rules[column] for column in singly})
    for members in alike.values():
        places, views = zip(*members, strict=True)
        _write_many(found, np.array(places), views, judge, {column: rules[column] for column in together})
    return found


def _unknown(runs: int, rules: int) -> Outcomes:
    """Nothing yet."""
    stopped, kept, kept_epoch = (np.full((runs, rules), np.nan) for _ in range(3))
    best, best_epoch, start = (np.full(runs, np.nan) for _ in range(3))
    return Outcomes(stopped, kept, kept_epoch, best, best_epoch, start, np.zeros(runs))


def _write_one(found: Outcomes, place: int, history: History, judge: Judge, rules: Mapping[int, Condition]) -> None:
    """Write what came out for one run, rule by rule."""
    curve, epochs = curve_of(judge, history), history.clock("epoch")
    found.end[place] = epochs[-1] if len(epochs) else 0
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


def _write_many(
    found: Outcomes, places: Places, views: Sequence[View], judge: Judge, rules: Mapping[int, Condition]
) -> None:
    """Write what came out for runs of about the same length, of which stopping rules are swept together."""
    seen = seen_of([view.values for view in views], [view.epochs for view in views], judge.mode)
    found.end[places] = [view.end for view in views]
    found.best[places], found.best_epoch[places] = kept_at(seen, seen.best_at, seen.lengths - 1, judge.mode)
    found.start[places] = first_numbers(seen, judge.mode)
    run = np.arange(len(views))
    together = Views(views)
    for rule, patience in _passes(rules):
        opening = together.opening(rule.until)
        stopped, best = stops(rule, list(patience.values()), seen, opening)
        for column, stop in zip(patience, stopped, strict=True):
            stops_at = seen.epochs[np.minimum(stop, seen.lengths - 1), run]
            late = opening.between & (stop == opening.first - 1)
            cell = np.where(late, opening.epochs, stops_at)
            found.stopped[places, column] = np.where(stop < seen.lengths, cell, np.nan)
            kept, epochs = kept_at(seen, best, stop, judge.mode)
            found.kept[places, column], found.kept_epoch[places, column] = kept, epochs


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Errors about a run name it."""
    try:
        yield
    except (MetricValueError, UnknownMetricError) as error:
        raise type(error)(f"run {name!r}: {error}") from error


def _passes(rules: Mapping[int, Condition]) -> Iterable[tuple[EarlyStop, dict[int, int]]]:
    """Stopping rules that differ in patience alone: one of them, and the patience of each by its column."""
    passes: dict[tuple[Any, ...], tuple[EarlyStop, dict[int, int]]] = {}
    for column, rule in rules.items():
        assert isinstance(rule, EarlyStop)
        assert isinstance(rule.patience, int)
        closed = "ignore" if rule.until is None else rule.while_closed
        same = (rule.until, closed, rule.threshold, rule.threshold_mode, rule.cumulative, rule.nan)
        passes.setdefault(same, (rule, {}))[1][column] = rule.patience
    return passes.values()
