"""The twins of what loses patience: plateaus, early stopping, and Prechelt's criteria."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...conditions import EarlyStop, GeneralizationLoss, Plateau, ProgressQuotient, RisingStrips
from ...conditions.patience import Patient
from ...conditions.prechelt import progress
from ...history.columns import Floats, Places
from ...history.history import History
from .numbers import at, observations, observed
from .rows import Rows, held
from .twins import Verdicts, judge, seen_by, twin, value
from .verdicts import first_true
from .windows import best_places

__all__ = ["Course", "Found", "best_found", "course_of"]

#: The best value, and the epoch at which it was seen.
Found = tuple[float, int]


class Course(NamedTuple):
    """How a stopping rule fared.

    Args:
        verdicts: what it said at each record that it saw.
        places: those of its monitor.
        values: the monitor there.
        best: up to each of them, which was the best; -1 before there was one.
    """

    verdicts: Verdicts
    places: Places
    values: Floats
    best: Places

    def found(self, place: int) -> tuple[float, int] | None:
        """The best value up to a record, and the record at which it was seen."""
        seen = int(np.searchsorted(self.places, place, side="right")) - 1
        if seen < 0 or self.best[seen] < 0:
            return None
        return float(self.values[self.best[seen]]), int(self.places[self.best[seen]])


def _watch(rule: Patient, seen: Floats) -> tuple[Places, Places]:
    """Up to each observation: the best, and the last that improved; -1 before there is one."""
    if rule.cumulative and rule.threshold:
        return _watch_each(rule, seen)
    best = best_places(seen if rule.mode == "min" else -seen)
    before = np.concatenate(([-1], best[:-1])) if len(best) else best
    was = seen[before]
    step = rule.threshold if rule.mode == "max" else -rule.threshold
    bound = was + step
    if rule.threshold_mode == "rel":
        bound = np.where(np.isinf(was), bound, was * (1 + np.copysign(1.0, was) * step))
    improved = seen > bound if rule.mode == "max" else seen < bound
    improved = np.where(before < 0, ~np.isnan(seen), improved)
    return best, _last_of(improved)


def _last_of(marked: np.ndarray[Any, np.dtype[np.bool_]]) -> Places:
    """Up to each place the last that is marked; -1 before."""
    return np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1)) if len(marked) else marked.astype(int)


def _watch_each(rule: Patient, seen: Floats) -> tuple[Places, Places]:
    """One after the other: what counts as better depends on what counted before."""
    places, best, last = [], None, -1
    for place, one in enumerate(seen.tolist()):
        best, improved = rule.judge(best, one)
        last = place if improved else last
        places.append(last)
    found = np.array(places, dtype=np.int64)
    return found, found


@twin(Plateau)
def plateau(node: Plateau, rows: Rows) -> Verdicts:
    places, seen = _monitored(node, rows)
    counter = np.arange(len(seen)) - _watch(node, seen)[1]
    return held(np.where(counter >= node.limit.amount, np.int8(1), np.int8(-1)), places, len(rows))


def _monitored(node: Patient | GeneralizationLoss | RisingStrips, rows: Rows) -> tuple[Places, Floats]:
    """Where what is monitored, the first part, has been observed, and its values there."""
    return observed(node.parts[0], rows)


def course_of(rule: EarlyStop, rows: Rows) -> Course:
    """How a stopping rule fares over the records of a run."""
    places, seen = _monitored(rule, rows)
    known = int(places[0]) if len(places) else len(rows)
    opened = len(rows) if not len(rows) else first_true(judge(rule.parts[1], rows))
    at_opening = int(np.searchsorted(places, opened))
    if rule.while_closed == "ignore":
        places, seen, at_opening = places[at_opening:], seen[at_opening:], 0
    best, last = _watch(rule, seen)
    if rule.while_closed == "track":
        last = np.maximum(last, at_opening - 1)
    out = np.arange(len(seen)) - last >= rule.limit.amount
    if rule.nan == "stop":
        hit = np.isnan(seen)
        hit[:at_opening] = False
        out |= np.logical_or.accumulate(hit) if len(hit) else hit
    said = np.full(len(rows), -1, np.int8)
    said[:known] = 0
    stops = held(out, places, len(rows))
    stops[:opened] = False
    said[stops] = 1
    return Course(said, places, seen, best)


def best_found(rule: EarlyStop, history: History, place: int | None) -> Found | None:
    """The best value that ``rule`` knows at a record, ``None`` for the last, and its epoch."""
    with np.errstate(all="ignore"):
        rows, places = seen_by(rule, history)
        end = len(rows) if place is None else int(np.searchsorted(places, place))
        found = course_of(rule, rows).found(end)
        return None if found is None else (found[0], int(rows.clock["epoch"][found[1]]))


@twin(EarlyStop)
def early_stop(node: EarlyStop, rows: Rows) -> Verdicts:
    return course_of(node, rows).verdicts


def _exceeds(numbers: Floats, alpha: float) -> Verdicts:
    return (numbers > alpha).view(np.int8) - (numbers <= alpha).view(np.int8)


def _losses(errors: Floats) -> Floats:
    """GL at each observation."""
    best = best_places(errors)
    lowest = np.where(best < 0, np.nan, errors[best])
    return np.where(lowest < 0, np.nan, 100 * (errors / lowest - 1))


@twin(GeneralizationLoss)
def generalization_loss(node: GeneralizationLoss, rows: Rows) -> Verdicts:
    places, errors = _monitored(node, rows)
    return held(_exceeds(_losses(errors), node.alpha), places, len(rows))


@twin(ProgressQuotient)
def progress_quotient(node: ProgressQuotient, rows: Rows) -> Verdicts:
    error, training = (value(part, rows) for part in node.parts)
    places = observations(node, (error, training), rows)
    ends = slice(node.strip - 1, None, node.strip)
    strips = at(training, places)
    table = strips[: len(strips) // node.strip * node.strip].reshape(-1, node.strip).tolist()
    learned = np.array([progress(strip) for strip in table])
    quotients = _losses(at(error, places))[ends] / learned
    return held(_exceeds(quotients, node.alpha), places[ends], len(rows))


@twin(RisingStrips)
def rising_strips(node: RisingStrips, rows: Rows) -> Verdicts:
    places, errors = _monitored(node, rows)
    ends, places = errors[node.strip - 1 :: node.strip], places[node.strip - 1 :: node.strip]
    numbers = _last_of(~np.isnan(ends))
    before = np.concatenate(([-1], numbers[:-1])) if len(numbers) else numbers
    fell = (before < 0) | (ends <= ends[before])
    rises = np.arange(len(ends)) - _last_of(fell)
    said = np.where(before < 0, np.int8(0), np.where(rises >= node.rises, np.int8(1), np.int8(-1)))
    return held(said, places, len(rows))
