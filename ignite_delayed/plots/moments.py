"""What happened in a run, for plots: when a gate opened, which value was best, when patience began to run out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._utils.checks import refuse_value, suggestion
from ..conditions import EarlyStop
from ..history.history import History
from ..history.mark import Mark
from ..history.record import Record
from ..replays.fold import fold, replay

__all__ = ["Moment", "Story", "Zone", "described", "epochs_of", "start_of", "told_by_marks", "told_by_rule"]

_GATES = ("opened", "closed", "stopped")  # the marks of gates and stoppers; others are of the learning rate


class Moment(NamedTuple):
    """Something that happened in a run.

    Args:
        kind: ``"best"``, or that of a :class:`Mark`: ``"opened"``, ``"closed"``, ``"stopped"``, ...
        epoch: the trainer's epoch.
        at: where that is on the time axis, in epochs.
        name: of the gate or stopper, ``""`` where there is only one.
        value: of the best, else ``None``.
    """

    kind: str
    epoch: int
    at: float
    name: str = ""
    value: float | None = None


class Zone(NamedTuple):
    """A part of the run, from ``start`` to ``stop`` on the time axis: ``"closed"``, ``"open"`` or ``"counting"``."""

    kind: str
    start: float
    stop: float


class Story(NamedTuple):
    """What happened in a run, and its parts, which follow each other without overlap.

    Args:
        moments: what happened.
        zones: the parts.
        stops: whether the zones are of something that can stop the run; else they are a plain gate's.
    """

    moments: list[Moment]
    zones: list[Zone]
    stops: bool


def described(moments: Sequence[Moment]) -> str:
    """What a reader is told of ``moments``, which are of one kind and name.

    A switch, and what the clock decided as an epoch began, is called by where it stands on the time axis: in the
    fourth epoch, but at 3.
    """
    first = moments[0]
    value = "" if first.value is None else f" {first.value:.3g}"
    between = first.kind == "switched" or any(moment.at <= moment.epoch - 1 for moment in moments)
    places = sorted({moment.at if between else moment.epoch for moment in moments})
    listed = f"{'at' if between else 'in'} epoch{'s' * (len(places) > 1)} {', '.join(f'{at:.4g}' for at in places)}"
    many = f"{len(places)} times" if between else f"in {len(places)} epochs"
    return f"{first.name} {first.kind}{value} {listed if len(places) < 4 else many}".lstrip()


def epochs_of(history: History) -> Callable[[int, int], float]:
    """What turns a reading of the clock, epoch and iteration, into epochs with a fraction.

    Where epochs were of different lengths, it gives whole ones: no more can be known.
    """
    seen = [(record.epoch, record.iteration) for record in history if not record.is_tick and record.epoch > 0]
    length = max((-(-iteration // epoch) for epoch, iteration in seen), default=0)
    if length and all((epoch - 1) * length < iteration <= epoch * length for epoch, iteration in seen):
        return lambda epoch, iteration: iteration / length
    return lambda epoch, iteration: float(epoch)


def _placed(history: History) -> Callable[[Mark | Record], float]:
    """What gives the place of a mark, or a record, on the time axis.

    The clock alone decides before an epoch or an iteration, whose number it reads: all that is over are those before.
    """
    clock = epochs_of(history)
    evaluated = {(record.epoch, record.iteration, record.evaluation) for record in history if not record.is_tick}

    def place(what: Mark | Record) -> float:
        if (what.epoch, what.iteration, what.evaluation) in evaluated:
            return clock(what.epoch, what.iteration)
        return max(what.epoch - 1.0, clock(what.epoch, what.iteration - 1), 0.0)

    return place


def start_of(history: History) -> float:
    """Where the time axis begins: an evaluation's distance before the first one, not before training."""
    clock = epochs_of(history)
    at = sorted({clock(record.epoch, record.iteration) for record in history})
    return max(0.0, at[0] - (at[1] - at[0] if len(at) > 1 else 1.0))


def told_by_rule(history: History, rule: EarlyStop, start: float) -> Story:
    """What ``rule`` would have done to the run, which began at ``start``."""
    replay(history, rule)  # refuses a rule on what was not recorded
    clock = epochs_of(history)
    delayed = rule.until is not None
    opened, best, stopped = None if delayed else Moment("opened", 0, start), None, None
    counter, end = 0, start
    for record, (state, verdict) in zip(history, fold(rule, history), strict=False):
        end = clock(record.epoch, record.iteration)
        if opened is None and rule.opened(state) is not None:
            opened = Moment("opened", record.epoch, end)
        if rule.best(state) != (None if best is None else best.value):
            best = Moment("best", record.epoch, end, value=rule.best(state))
        counter = rule.counter(state)
        if verdict is True:
            stopped = Moment("stopped", record.epoch, end)
            break
    edges = [(start, "closed")] if delayed else []
    if opened is not None:
        edges.append((opened.at, "open"))
        if best is not None and counter:
            edges.append((max(best.at, opened.at), "counting"))
    moments = [opened if delayed else None, best, stopped]
    return Story([moment for moment in moments if moment is not None], _zones(edges, end), stops=True)


def told_by_marks(history: History, name: str | None, start: float) -> Story:
    """What the history's own marks say; of gates and stoppers that of ``name`` alone, and its zones.

    Without ``name``, what all of them did; the zones are those of the one that stopped the run, else of the first that
    opened or closed.
    """
    place, marks = _placed(history), history.marks
    names = list(dict.fromkeys(mark.name for mark in marks))
    if name is not None and name not in names:
        known = ", ".join(map(repr, names)) or "none"
        refuse_value("name", f"one that is marked in the history ({known})", name, suggestion(str(name), names))
    marks = [mark for mark in marks if name in (None, mark.name) or mark.kind not in _GATES]
    gates = [mark for mark in marks if mark.kind in _GATES]
    stops = [mark for mark in gates if mark.kind == "stopped"]
    moments = [Moment(mark.kind, mark.epoch, place(mark), mark.name if len(names) > 1 else "") for mark in marks]
    if not gates:
        return Story(moments, [], stops=False)
    subject = (stops or gates[:1])[-1].name
    switches = [
        (moment.at, "open" if mark.kind == "opened" else "closed")
        for mark, moment in zip(marks, moments, strict=True)
        if mark.name == subject and mark.kind in ("opened", "closed")
    ]
    edges = [(start, "closed" if switches and switches[0][1] == "open" else "open"), *switches]
    best = _best(stops[-1].text, epochs_of(history)) if stops else None
    if best is not None:
        edges.append((max(best.at, edges[-1][0]), "counting"))
        moments.append(best)
    # Of a stopper that only opened, the marks look like a gate's, but for its name, if that was not chosen.
    can_stop = bool(stops) or re.fullmatch(r"early stopping( \d+)?", subject) is not None
    return Story(moments, _zones(edges, place(history[-1])), can_stop)


def _zones(edges: list[tuple[float, str]], end: float) -> list[Zone]:
    """The zones that begin at ``edges``, in order; those without extent are left out."""
    stops = [*(at for at, _ in edges[1:]), end]
    return [Zone(kind, at, stop) for (at, kind), stop in zip(edges, stops, strict=True) if at < stop]


_BEST = re.compile(r"best (?P<value>\S+) in epoch (?P<epoch>\d+), iteration (?P<iteration>\d+)")


def _best(reason: str, clock: Callable[[int, int], float]) -> Moment | None:
    """The best value that :meth:`EarlyStop.reason` names, if it names one."""
    found = _BEST.search(reason)
    if found is None:
        return None
    epoch = int(found["epoch"])
    return Moment("best", epoch, clock(epoch, int(found["iteration"])), value=float(found["value"]))
