"""The progress bars of tqdm, which draw where the status is shown."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import IO, Any

from ignite.engine import Engine
from ignite.handlers import ProgressBar

from ..recording.host import handler_arguments

__all__ = ["above_bars", "has_bars"]


def has_bars(engines: Iterable[Engine]) -> bool:
    """Whether there are bars of tqdm, or one of Ignite's is attached to an engine and will be drawn."""
    tqdm: Any = sys.modules.get("tqdm")  # no bar without it
    if tqdm is not None and getattr(tqdm.tqdm, "_instances", None):
        return True
    return any(isinstance(one, ProgressBar) for engine in engines for one in handler_arguments(engine))


@contextlib.contextmanager
def above_bars(file: IO[str]) -> Iterator[None]:
    """Take the bars of tqdm, if there are any, off the screen while ``file`` is written, and draw them again below."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        yield
        return
    with tqdm.tqdm.external_write_mode(file=file):
        yield
