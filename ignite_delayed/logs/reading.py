"""read_runs: past runs from files, folders, patterns and DataFrames, their format told by looking."""

from __future__ import annotations

import glob
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .._utils.checks import check_choice, refuse_type, refuse_value, suggestion
from ..errors import HistoryError
from ..history import History
from .formats import FORMATS, look
from .layout import Layout
from .mlflow import stored_runs
from .runs import Runs
from .tables import from_frame
from .yaml import flat_yaml

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_runs"]

PathLike = str | os.PathLike[str]


class Found(NamedTuple):
    """A run that was found: its name, its format, what its reader is called with, and its parameters."""

    name: str
    format: str
    path: Path
    options: dict[str, Any]
    parameters: Mapping[str, Any] | Callable[[], Mapping[str, Any]]


def read_runs(paths: PathLike | Iterable[PathLike] | pd.DataFrame, format: str | None = None, **options: Any) -> Runs:
    """The runs in files, folders, stores, patterns, or a DataFrame; each is read when it is asked for.

    A folder is searched with those in it; files of other kinds there, and links to what is found anyway, are passed
    over. Of the checkpoints that Hugging Face's ``Trainer`` wrote beside each other the last is taken. Runs come in
    the order of ``paths``, those of a folder or pattern by name, numbers by size, those of an MLflow store as they
    began.

    Looking tells: TensorBoard's event files, a folder of which is one run, without the folders in it that
    ``add_hparams`` and ``add_scalars`` make; MLflow's stores; Parquet; our own JSON Lines; skorch's, Hugging Face's
    and Weights & Biases' files; Lightning's ``metrics.csv``; Keras's ``CSVLogger``, whose first column is ``epoch``,
    from 0, the others sorted, and lines end in CR LF; a JSON dict of lists; any other CSV.

    Args:
        paths: a file, a folder, a pattern (``"runs/*/metrics.csv"``), several of them; or a DataFrame with the rows
            of several runs.
        format: ``"csv"``, ``"history"``, ``"json"``, ``"keras"``, ``"lightning"``, ``"mlflow"``, ``"parquet"``,
            ``"skorch"``, ``"tensorboard"``, ``"transformers"`` or ``"wandb"``; ``None`` looks.
        options: passed to what reads the format, such as ``epoch="step"`` (see :class:`ignite_delayed.logs.Layout`),
            ``repeats=`` or ``partial=``. For a DataFrame: ``run=``, the column that tells the runs apart, and
            ``parameters=``, the columns that are parameters of the run.

    Raises:
        FileNotFoundError: where there is no such file, or no run in a folder.
        HistoryError: where a file is none of these formats. What is wrong inside a file is told when it is read.
        TypeError: where a format has no such option.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"run": ["a", "a", "b"], "lr": [0.1, 0.1, 0.2], "epoch": [1, 2, 1], "loss": [3, 2, 1]})
        >>> runs = read_runs(table, run="run", parameters=["lr"])
        >>> runs.names, runs.parameters, runs["a"]["loss"].tolist()
        (['a', 'b'], [{'lr': 0.1}, {'lr': 0.2}], [3.0, 2.0])
    """
    if format is not None:
        check_choice("format", format, FORMATS)
    if hasattr(paths, "columns"):
        return _frame_runs(paths, **options)
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    found = [run for path in listed for run in _read_entry(path, format)]
    for kind in sorted({run.format for run in found}):
        _check_options(kind, options)
    _check_different(found)
    names = [run.name for run in found]
    readers = [partial(FORMATS[run.format], run.path, **run.options, **options) for run in found]
    return Runs(readers, names=names, parameters=[run.parameters for run in found])


def _check_different(found: Iterable[Found]) -> None:
    """Refuse a run that was found by two of the paths: it would count twice."""
    names: dict[tuple[str, Any], str] = {}
    for run in found:
        first = names.setdefault((os.path.abspath(run.path), run.options.get("run")), run.name)  # noqa: PTH100 - asks no disk
        if first != run.name:
            refuse_value("paths", "files that are all different", run.name, f"It is there as {first!r} already.")


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse an option that the format does not have, before anything is read."""
    known = inspect.signature(FORMATS[kind]).parameters
    own = {name for name, parameter in known.items() if parameter.kind is parameter.KEYWORD_ONLY}
    layout = set(inspect.signature(Layout).parameters) if "layout" in known else set()
    for name in options:
        if name not in own | layout:
            there = ", ".join(sorted(own | layout)) or "none"
            hint = suggestion(name, own | layout)
            raise TypeError(f"the format {kind!r} has no option {name!r}; it has: {there}. {hint}".rstrip())
    Layout(**{name: value for name, value in options.items() if name in layout | {"repeats"}})


def _read_entry(path: PathLike, format: str | None) -> list[Found]:
    """The runs of one entry of ``paths``."""
    if not isinstance(path, (str, os.PathLike)):
        refuse_type("paths", "files, folders or patterns", path)
    place = Path(path)
    if not place.exists():
        if not glob.has_magic(str(path)):
            raise FileNotFoundError(f"{path} is not there")
        matching = sorted(map(Path, glob.glob(str(path), recursive=True)), key=_by_number)  # noqa: PTH207 - may be absolute
        if not matching:
            raise FileNotFoundError(f"{path}: no file matches the pattern")
        return [run for match in matching for run in _read_entry(match, format)]
    kind = format or look(place)
    if kind is not None:
        return list(_runs_at(place, str(place), kind))
    if place.is_dir():
        inside = list(_search(place, place, place.resolve(), set()))
        if not inside:
            raise FileNotFoundError(f"{place}: no run in this folder")
        return inside
    raise HistoryError(f"{place}: none of the formats {', '.join(FORMATS)}; pass format= if it is one of them")


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts ``run10`` after ``run9``."""
    pieces = re.split(r"(\d+)", str(path))
    return [(1, int(piece), "") if piece.isdigit() else (0, 0, piece) for piece in pieces]


def _search(folder: Path, root: Path, real: Path, seen: set[Path]) -> Iterator[Found]:
    """The runs in ``folder``, which is really ``real``, and below; links to what was seen are no more of them."""
    for path in sorted(_candidates(folder), key=lambda path: (path.is_symlink(), _by_number(path))):
        place = path.resolve() if path.is_symlink() else real / path.relative_to(folder)
        if place in seen:
            continue
        seen.add(place)
        kind = look(path)
        if kind is not None:
            yield from _runs_at(path, path.relative_to(root).as_posix(), kind)
        elif path.is_dir():
            yield from _search(path, root, place, seen)


def _candidates(folder: Path) -> list[Path]:
    """What may be a run; of the states of one Trainer the last."""
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    checkpoints = [path for path in entries if re.fullmatch(r"checkpoint-\d+", path.name)]
    states = [path / "trainer_state.json" for path in sorted(checkpoints, key=_by_number)]
    last = [state for state in states if state.is_file()][-1:]
    if (folder / "trainer_state.json").is_file():
        last = []
    return [path for path in entries if path not in checkpoints] + last


def _runs_at(path: Path, name: str, kind: str) -> Iterator[Found]:
    """The run at ``path``, or those of the store there."""
    if kind != "mlflow":
        yield Found(name, kind, path, {}, partial(_hyperparameters, path) if kind == "lightning" else {})
        return
    runs = stored_runs(path)
    names = [run.name for run in runs]
    for run in runs:
        label = run.name if names.count(run.name) == 1 else f"{run.name} {run.run}"
        yield Found(f"{name}/{label}", kind, run.path, {} if run.path.is_dir() else {"run": run.run}, run.parameters)


def _hyperparameters(path: Path) -> dict[str, Any]:
    """What Lightning wrote beside ``metrics.csv``."""
    settings = path.with_name("hparams.yaml")
    return flat_yaml(settings) if settings.is_file() else {}


def _frame_runs(frame: Any, *, run: str | None = None, parameters: Iterable[str] = (), **layout: Any) -> Runs:
    """The runs of a DataFrame, in order of appearance."""
    Layout(**layout)
    if run is None:
        return Runs([partial(from_frame, frame, **layout)])
    for column in (run, *parameters):
        if column not in frame.columns:
            hint = suggestion(str(column), list(map(str, frame.columns)))
            raise HistoryError(f"the frame has no column {column!r}. {hint}".rstrip())
    names, parts, settings = [], [], []
    parameters = list(parameters)
    for label, part in frame.groupby(run, sort=False, dropna=False):
        varying = [column for column in parameters if part[column].nunique(dropna=False) > 1]
        if varying:
            raise HistoryError(f"run {label!r} of the frame: the parameter {varying[0]!r} changes within the run")
        names.append(str(label))
        settings.append({column: part[column].tolist()[0] for column in parameters})
        parts.append(partial(_part, part.drop(columns=[run, *parameters]), str(label), layout))
    return Runs(parts, names=names, parameters=settings)


def _part(frame: Any, name: str, layout: Mapping[str, Any]) -> History:
    try:
        return from_frame(frame, **layout)
    except HistoryError as error:
        raise HistoryError(f"run {name!r}: {error}") from error
