"""MLflow's local stores, without MLflow: a folder of files (``mlruns/``), or an SQLite file (``mlflow.db``)."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import HistoryError
from ..history import History
from .layout import Layout
from .series import Point, series_history
from .text import number_of
from .yaml import flat_yaml

__all__ = ["StoredRun", "is_run_folder", "is_store", "read_mlflow", "stored_runs"]

_LARGEST = 1.7976931348623157e308  # stands for infinity in SQLite


class StoredRun(NamedTuple):
    """A run of a store: the folder or file, the run's id in it, its name and parameters, and when it began (ms)."""

    path: Path
    run: str
    name: str
    parameters: dict[str, Any]
    start: float


def is_run_folder(path: Path) -> bool:
    """Whether ``path`` is the folder of one run."""
    return (path / "meta.yaml").is_file() and (path / "metrics").is_dir()


def is_store(path: Path) -> bool:
    """Whether ``path`` is a store of runs: a folder of experiments, or an SQLite file of MLflow's tables."""
    if path.is_dir():
        return any("experiment_id" in flat_yaml(meta) for meta in path.glob("*/meta.yaml"))
    try:
        with closing(_connect(path)) as store:
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return False
    return {"runs", "metrics", "params"} <= tables


def stored_runs(path: Path) -> list[StoredRun]:
    """The runs of a store that were not deleted, in the order in which they began."""
    found = list(_folders(path) if path.is_dir() else _table(path))
    return sorted(found, key=lambda run: (run.start, run.run))


def _folders(store: Path) -> Iterator[StoredRun]:
    inside = [*store.glob("*/meta.yaml"), *store.glob("*/*/meta.yaml")]  # of an experiment, and of a store
    folders = [store] if is_run_folder(store) else [meta.parent for meta in inside]
    for folder in filter(is_run_folder, folders):
        meta = flat_yaml(folder / "meta.yaml")
        if meta.get("lifecycle_stage", "active") == "active":
            files = {file.relative_to(folder / "params").as_posix(): file for file in folder.glob("params/**/*")}
            parameters = {
                name: number_of(file.read_text(encoding="utf-8"))
                for name, file in sorted(files.items())
                if file.is_file()
            }
            yield StoredRun(folder, folder.name, str(meta.get("run_name") or folder.name), parameters, _start(meta))


def _start(meta: dict[str, Any]) -> float:
    start = meta.get("start_time")
    return float(start) if isinstance(start, (int, float)) else 0.0


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _table(path: Path) -> Iterator[StoredRun]:
    with closing(_connect(path)) as store:
        parameters: dict[str, dict[str, Any]] = {}
        for run, key, value in store.execute("SELECT run_uuid, key, value FROM params ORDER BY key"):
            parameters.setdefault(run, {})[key] = number_of(value)
        query = "SELECT run_uuid, name, start_time FROM runs WHERE lifecycle_stage = 'active'"
        for run, name, start in store.execute(query):
            yield StoredRun(path, run, name or run, parameters.get(run, {}), float(start or 0))


def read_mlflow(path: str | Path, *, run: str | None = None, **layout: Any) -> History:
    """The metrics of one run in a local store of MLflow.

    MLflow's metrics have steps and do not say what they count: ``epoch="step"`` if epochs, otherwise
    ``epoch_length=`` or ``epoch=``, the metric with the epoch.

    Args:
        path: the run's folder, ``mlruns/<experiment>/<run>``; a store, with ``run``.
        run: the run's id or name, needed where the store has several.
        layout: where the clock is, as for :class:`Layout`.

    Raises:
        HistoryError: where the store is damaged, naming file and line, or there is no such run.

    Source: https://mlflow.org/docs/latest/self-hosting/architecture/backend-store/
    """
    said, path = Layout(**layout), Path(path)
    try:
        found = [one for one in stored_runs(path) if run is None or run in (one.run, one.name)]
        if len(found) != 1:
            which = "pass run=, the id of one" if found else "expected the folder of a run, or run="
            raise HistoryError(f"{path}: {len(found)} runs{'' if run is None else f' {run!r}'} there; {which}")
        points = list(_file_points(found[0].path) if path.is_dir() else _table_points(path, found[0].run))
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: no SQLite file of MLflow, or a damaged one: {error}") from error
    return series_history(points, found[0].start / 1000 or None, f"{path}, run {found[0].name!r}", said)


def _file_points(folder: Path) -> Iterator[Point]:
    """A file for each metric; its lines are the time in milliseconds, the value, and the step."""
    for file in sorted(file for file in folder.glob("metrics/**/*") if file.is_file()):
        name = file.relative_to(folder / "metrics").as_posix()
        text = file.read_text(encoding="utf-8", errors="replace")
        for place, line in enumerate(text.splitlines(), start=1):
            where = f"{file}, line {place}"
            try:
                time, value, step, *_ = line.split(" ")
                point = Point(where, name, int(step), int(time) / 1000, float(value))
            except ValueError as error:
                raise HistoryError(f"{where}: expected a time, a value and a step, got {line[:60]!r}") from error
            yield point
        if text and not text.endswith("\n"):
            raise HistoryError(f"{file}: the last line has no end: the file was cut short")


def _table_points(path: Path, run: str) -> Iterator[Point]:
    query = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp, step"
    with closing(_connect(path)) as store:
        for key, step, time, value, is_nan in store.execute(query, (run,)):
            number = math.nan if is_nan else math.copysign(math.inf, value) if abs(value) >= _LARGEST else float(value)
            yield Point(f"{path}, run {run}", key, int(step), time / 1000, number)
