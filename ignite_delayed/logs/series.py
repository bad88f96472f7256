"""Logs of series, each metric for itself with steps and times of its own: joined by step into rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..errors import HistoryError
from ..history import History
from .entries import Row, entries_of, history_of
from .layout import Layout

__all__ = ["Point", "series_history"]

# Writers of several threads log within a moment of each other; what is further apart was logged out of order.
_MOMENT = 1.0


class Point(NamedTuple):
    """One value of one series: where it stands, its name, step, time in seconds, and the value."""

    where: str
    name: str
    step: int
    time: float
    value: float


def series_history(points: Iterable[Point], start: float | None, where: str, layout: Layout) -> History:
    """The history of series, whose step is the column ``"step"``.

    Args:
        points: the values, those of one series in the order in which they were logged.
        start: when the run began; ``None`` for the first point.
        where: the file, in words.
        layout: which unit the step counts.

    Raises:
        HistoryError: where a series steps back or twice on one step, or the series count in different units.
    """
    series: dict[str, list[Point]] = {}
    for point in points:
        if point.name not in layout.ignore:
            _add(series.setdefault(point.name, []), point, layout)
    if not series:
        raise HistoryError(f"{where}: holds no records: the run logged nothing, or is another kind of file")
    columns = ["step", "seconds", *map(_column, series)]
    named = layout.named(columns, where)
    return history_of(entries_of(_rows(series, start), named, layout), where, layout.repeats)


def _add(there: list[Point], point: Point, layout: Layout) -> None:
    if there and point.step <= there[-1].step:
        if point.step == there[-1].step and repr(point.value) == repr(there[-1].value):
            return  # said again, such as the epoch by training and by validation
        if layout.repeats == "first":
            return
        if layout.repeats == "raise":
            what = "again" if point.step == there[-1].step else f"after step {there[-1].step}"
            raise HistoryError(
                f"{point.where}, column {point.name!r}: step {point.step} comes {what}. If the run was resumed, pass "
                "repeats='last' to keep what was logged last; repeats='first' keeps what came first"
            )
        while there and there[-1].step >= point.step:
            there.pop()
    there.append(point)


def _column(name: str) -> str:
    """The column of a series; those named like the clock keep both."""
    return f"metrics/{name}" if name in ("step", "seconds", "row") else name


def _rows(series: dict[str, list[Point]], start: float | None) -> Iterator[Row]:
    steps: dict[int, list[Point]] = {}
    for points in series.values():
        for point in points:
            steps.setdefault(point.step, []).append(point)
    if start is None:
        start = min((point.time for points in steps.values() for point in points), default=0.0)
    last: Point | None = None
    for step, points in sorted(steps.items()):
        earliest, latest = min(points, key=_time), max(points, key=_time)
        if last is not None and earliest.time < last.time - _MOMENT:
            raise HistoryError(
                f"{earliest.where}: {earliest.name!r} logged step {step} before {last.name!r} logged step {last.step}: "
                "they count in different units (leave one out with ignore=[...]), or two runs are mixed"
            )
        last = latest if last is None else max(last, latest, key=_time)
        cells = {_column(point.name): point.value for point in points}
        yield Row(latest.where, {"step": float(step), "seconds": max(latest.time - start, 0.0), **cells})


def _time(point: Point) -> float:
    return point.time
