"""The formats, and telling them apart by looking."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from ..history import History
from .keras import read_keras
from .lightning import read_lightning
from .mlflow import is_run_folder, is_store, read_mlflow
from .skorch import read_skorch
from .tables import read_csv, read_json, read_parquet
from .tensorboard import event_files, read_tensorboard
from .text import delimiter_of, lines_of
from .transformers import read_transformers
from .wandb import read_wandb

__all__ = ["FORMATS", "look", "read_history"]


def read_history(path: str | Path) -> History:
    """The history that ``History.save`` wrote."""
    return History.load(path)


#: What reads each format.
FORMATS: dict[str, Callable[..., History]] = {
    "csv": read_csv,
    "history": read_history,
    "json": read_json,
    "keras": read_keras,
    "lightning": read_lightning,
    "mlflow": read_mlflow,
    "parquet": read_parquet,
    "skorch": read_skorch,
    "tensorboard": read_tensorboard,
    "transformers": read_transformers,
    "wandb": read_wandb,
}

_HEAD = 65536  # bytes that are looked at


def look(path: Path) -> str | None:
    """The format of a file or folder, by its name and how it begins; ``None`` where it is none of ours.

    What is no file, such as a pipe, would be waited for, and is none of ours.

    Raises:
        HistoryError: where a file named like a log is empty.
    """
    if path.is_dir():
        return "tensorboard" if event_files(path) else "mlflow" if is_run_folder(path) or is_store(path) else None
    if ".tfevents." in path.name:
        return "tensorboard"
    if path.exists() and not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"SQLite format 3\0"):
        return "mlflow" if is_store(path) else None
    if path.suffix not in (".csv", ".tsv", ".json", ".jsonl"):
        return None
    if not head.strip():
        raise HistoryError(f"{path}: the file is empty")
    text = head.decode("utf-8-sig", errors="replace")
    return _sheet_format(path, text) if path.suffix in (".csv", ".tsv") else _json_format(path, text)


def _sheet_format(path: Path, text: str) -> str:
    columns, first = _first_rows(text)
    if "_step" in columns or any(name.endswith("__MAX") for name in columns):
        return "wandb"
    if path.name == "metrics.csv" and {"epoch", "step"} <= set(columns):
        return "lightning"
    # Keras writes the epoch first, from 0, the metrics sorted, no cell empty, and on every system these ends of lines.
    keras = (
        columns[0] == "epoch"
        and columns[1:] == sorted(columns[1:])
        and first[0] == "0"
        and "" not in first
        and "\r\n" in text
    )
    return "keras" if keras else "csv"


def _first_rows(text: str) -> tuple[list[str], list[str]]:
    """The names of the columns, and the cells below; names may have commas and ends of lines in them."""
    reader = csv.reader(lines_of(text), delimiter=delimiter_of(text))
    try:
        return next(reader), next(reader, [""]) or [""]
    except csv.Error:
        return [""], [""]


def _json_format(path: Path, text: str) -> str | None:
    try:
        first = json.loads(lines_of(text)[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict) and str(first.get("format")).startswith("ignite-delayed"):
        return "history"
    if isinstance(first, dict) and "_step" in first:
        return "wandb"
    if path.suffix == ".jsonl":
        return None
    return _document_format(_document(path, text))


def _document(path: Path, text: str) -> Any:
    """A JSON document; ``None`` where it cannot be read."""
    try:
        return json.loads(text if len(text) < _HEAD else path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _document_format(document: Any) -> str | None:
    if isinstance(document, dict):
        if "log_history" in document:
            return "transformers"
        return "json" if document and all(isinstance(cells, list) for cells in document.values()) else None
    if isinstance(document, list) and document and all(isinstance(one, dict) and "epoch" in one for one in document):
        return "skorch"
    return None
