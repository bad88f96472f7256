"""Where a status is shown: a notebook, a terminal, or any other file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

from .._utils.extras import require_extra
from .._utils.text import shown
from ..history.mark import Mark

__all__ = ["Display", "display_for"]


class Display:
    """Any file that is no terminal: plain lines, one for each change."""

    in_place = False

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def show(self, status: object) -> None:
        """Show all of ``status``, now."""
        with above_bars(self.file):
            self.file.write(f"{status}\n")
            self.file.flush()

    def follow(self, status: object, marks: Sequence[Mark]) -> None:
        """Show what changed: ``marks`` are new."""
        if marks:
            with above_bars(self.file):
                self.file.writelines(f"{_log_line(mark)}\n" for mark in marks)
                self.file.flush()


class Terminal(Display):
    """A terminal: the panel."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        require_extra("rich", "status")
        from rich.console import Console

        self._console = Console(file=file)

    def show(self, status: object) -> None:
        with above_bars(self.file):
            self._console.print(status)

    def follow(self, status: object, marks: Sequence[Mark]) -> None:
        self.show(status)


class Notebook(Display):
    """A notebook: one table, updated in place."""

    in_place = True

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        self._handle: Any = None

    def show(self, status: object) -> None:
        from IPython.display import display

        self._handle = display(status, display_id=True)  # type: ignore[no-untyped-call]

    def follow(self, status: object, marks: Sequence[Mark]) -> None:
        if self._handle is None:
            self.show(status)
        else:
            self._handle.update(status)


def display_for(file: IO[str], *, notebook: bool) -> Display:
    """The display for ``file``, or for the notebook that we are in, if that may be."""
    if notebook and _in_notebook():
        return Notebook(file)
    isatty = getattr(file, "isatty", None)
    return Terminal(file) if isatty is not None and isatty() else Display(file)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # whoever runs in a kernel has it imported
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


@contextlib.contextmanager
def above_bars(file: IO[str]) -> Iterator[None]:
    """Take the bars of tqdm, if there are any, off the screen while ``file`` is written, and draw them again below."""
    tqdm = sys.modules.get("tqdm")  # no bar without it
    if tqdm is None:
        yield
        return
    with tqdm.tqdm.external_write_mode(file=file):
        yield


def _log_line(mark: Mark) -> str:
    return shown(f"epoch {mark.epoch}, iteration {mark.iteration}: {mark.name} {mark.kind}: {mark.text}")
