"""What happened in a run, for plots: when a gate opened, which value was best, when patience began to run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._utils.checks import refuse_value, suggestion
from ..conditions import EarlyStop
from ..history import Best, History, Mark, Record
from ..history.mark import places
from ..replays.fold import fold, replay

__all__ = ["EpochAxis", "Moment", "RunEvents", "Zone", "describe", "events_by_marks", "events_by_rule"]

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


class RunEvents(NamedTuple):
    """What happened in a run, and its parts, which follow each other without overlap.

    Args:
        moments: what happened.
        zones: the parts.
        stops: whether the zones are of something that can stop the run; else they are a plain gate's.
        owner: the name of what the zones are of, ``""`` where there is nothing else they could be of.
        lanes: the parts of the run as each gate and stopper had them, by its name.
    """

    moments: list[Moment]
    zones: list[Zone]
    stops: bool
    owner: str = ""
    lanes: Mapping[str, list[Zone]] = {}


class EpochAxis:
    """The time axis of a run: the trainer's clock in epochs.

    Within an epoch it gives fractions; where epochs were of different lengths, whole epochs: no more can be known.

    Args:
        history: a run with at least one record.

    Attributes:
        start: where the axis begins: an evaluation's distance before the first one, not before training.
        end: where the last record stands.
    """

    def __init__(self, history: History) -> None:
        evaluations = [record for record in history if not record.is_tick]
        self._evaluated = {(record.epoch, record.iteration, record.evaluation) for record in evaluations}
        self._length = _epoch_length(evaluations)
        at = [self.epochs(record.epoch, record.iteration) for record in history]
        self.end = at[-1]
        distinct = sorted(set(at))
        gap = distinct[1] - distinct[0] if len(distinct) > 1 else 1.0
        self.start = max(0.0, distinct[0] - gap)

    def epochs(self, epoch: int, iteration: int) -> float:
        """What the clock reads, in epochs."""
        return iteration / self._length if self._length else float(epoch)

    def at(self, what: Mark | Record) -> float:
        """Where a mark or a record stands.

        The clock alone decides before an epoch or an iteration, whose number it reads: all that is over are those
        before.
        """
        if (what.epoch, what.iteration, what.evaluation) in self._evaluated:
            return self.epochs(what.epoch, what.iteration)
        return max(what.epoch - 1.0, self.epochs(what.epoch, what.iteration - 1), 0.0)


def _epoch_length(evaluations: Sequence[Record]) -> int:
    """The iterations of an epoch, 0 where epochs were of different lengths."""
    seen = [(record.epoch, record.iteration) for record in evaluations if record.epoch > 0]
    length = max((-(-iteration // epoch) for epoch, iteration in seen), default=0)
    return length if all((epoch - 1) * length < iteration <= epoch * length for epoch, iteration in seen) else 0


def describe(moments: Sequence[Moment]) -> str:
    """Moments of one kind and name in a few words, for the key.

    A switch, and what the clock decided as an epoch began, stands between two epochs: at 3, which is before the fourth.
    """
    first = moments[0]
    value = "" if first.value is None else f" {first.value:.3g}"
    stand = sorted({_stand(moment) for moment in moments})
    if len(stand) < 4:
        where = places(stand)
    else:
        where = f"in {len(stand)} epochs" if all(at % 1 for at in stand) else f"{len(stand)} times"
    return f"{first.name} {first.kind}{value} {where}".lstrip()


def _stand(moment: Moment) -> float:
    """Where ``moment`` stands: between two epochs, or anywhere within one."""
    between = moment.kind == "switched" or moment.at <= moment.epoch - 1
    return moment.at if between else moment.epoch - 0.5


def events_by_rule(history: History, rule: EarlyStop, axis: EpochAxis) -> RunEvents:
    """What ``rule`` would have done to the run."""
    replay(history, rule)  # refuses a rule on what was not recorded
    opened = Moment("opened", 0, axis.start) if rule.until is None else None
    stopped, state, end = None, rule.initial(), axis.start
    for record, (state, verdict) in zip(history, fold(rule, history), strict=False):
        end = axis.epochs(record.epoch, record.iteration)
        if opened is None and rule.opened(state) is not None:
            opened = Moment("opened", record.epoch, end)
        if verdict is True:
            stopped = Moment("stopped", record.epoch, end)
            break
    best = _best_moment(rule.found(state), axis)
    edges = [] if rule.until is None else [(axis.start, "closed")]
    if opened is not None:
        edges.append((opened.at, "open"))
        if best is not None and rule.counter(state):
            edges.append((max(best.at, opened.at), "counting"))
    moments = [None if rule.until is None else opened, best, stopped]
    return RunEvents([moment for moment in moments if moment is not None], _zones(edges, end), stops=True)


def events_by_marks(history: History, name: str | None, axis: EpochAxis) -> RunEvents:
    """What the history's own marks say; of gates and stoppers that of ``name`` alone, and its zones.

    Without ``name``, what all of them did; the zones are those of the one that stopped the run, else of the first that
    opened or closed. Marks of files of version 1 know no best value.
    """
    marks = history.marks
    names = list(dict.fromkeys(mark.name for mark in marks))
    if name is not None and name not in names:
        known = ", ".join(map(repr, names)) or "none"
        refuse_value("name", f"one that is marked in the history ({known})", name, suggestion(str(name), names))
    marks = [mark for mark in marks if name in (None, mark.name) or mark.kind not in _GATES]
    gates = [mark for mark in marks if mark.kind in _GATES]
    stops = [mark for mark in gates if mark.kind == "stopped"]
    moments = [Moment(mark.kind, mark.epoch, axis.at(mark), mark.name if len(names) > 1 else "") for mark in marks]
    if not gates:
        return RunEvents(moments, [], stops=False)
    subject = stops[-1].name if stops else gates[0].name
    best = _best_moment(stops[-1].best, axis) if stops else None
    if best is not None:
        moments.append(best)
    by_name = {name: [mark for mark in gates if mark.name == name] for name in dict.fromkeys(m.name for m in gates)}
    lanes = {name: _zones_of(its, axis) for name, its in by_name.items()}
    can_stop = any(mark.by == "stopper" or mark.kind == "stopped" for mark in by_name[subject])
    return RunEvents(moments, lanes[subject], can_stop, subject if len(lanes) > 1 else "", lanes)


def _zones_of(marks: Sequence[Mark], axis: EpochAxis) -> list[Zone]:
    """The parts of the run, as the marks of one gate or stopper have them."""
    switches = [
        (axis.at(mark), "open" if mark.kind == "opened" else "closed") for mark in marks if mark.kind != "stopped"
    ]
    edges = [(axis.start, "closed" if switches and switches[0][1] == "open" else "open"), *switches]
    best = next((_best_moment(mark.best, axis) for mark in reversed(marks) if mark.kind == "stopped"), None)
    if best is not None:
        edges.append((max(best.at, edges[-1][0]), "counting"))
    return _zones(edges, axis.end)


def _best_moment(best: Best | None, axis: EpochAxis) -> Moment | None:
    return None if best is None else Moment("best", best.epoch, axis.epochs(best.epoch, best.iteration), "", best.value)


def _zones(edges: list[tuple[float, str]], end: float) -> list[Zone]:
    """The zones that begin at ``edges``, in order; those without extent are left out."""
    stops = [*(at for at, _ in edges[1:]), end]
    return [Zone(kind, at, stop) for (at, kind), stop in zip(edges, stops, strict=True) if at < stop]
