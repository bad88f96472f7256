"""Where a status is shown: a notebook, a terminal, or any other file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any, Protocol

from ignite.engine import Engine

from .._utils.text import printable
from ..history.mark import Mark
from ..recording.recorder import Recorder
from .bars import above_bars, has_bars
from .contents import contents
from .pinned import board_on, take_size

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Display", "Shown", "display_for"]


class Shown(Protocol):
    """What is shown: a status, which any display can print."""

    @property
    def recorder(self) -> Recorder:
        """Whose status it is."""


class Display:
    """Any file that is no terminal: plain lines, one for each change."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    @property
    def in_place(self) -> bool:
        """Whether what is shown takes the place of what was shown before."""
        return False

    def show(self, status: Shown) -> None:
        """Show all of ``status``, now."""
        with above_bars(self.file):
            self.file.write(f"{status}\n")
            self.file.flush()

    def follow(self, status: Shown, marks: Sequence[Mark]) -> None:
        """Show what changed: ``marks`` are new."""
        if marks:
            with above_bars(self.file):
                self.file.writelines(f"{_line(mark)}\n" for mark in marks)
                self.file.flush()

    def within(self, engines: Iterable[Engine]) -> Display:
        """The display for a ``with`` block in which ``engines`` run: somebody tells it of the end, whatever ends it."""
        return self

    def leave(self, status: Shown) -> None:
        """The block is over."""


class Terminal(Display):
    """A terminal: a panel where something changed."""

    def __init__(self, file: IO[str], console: Console) -> None:
        super().__init__(file)
        self._console = console

    def show(self, status: Shown) -> None:
        take_size(self._console, self.file)
        with above_bars(self.file):
            self._console.print(status)

    def follow(self, status: Shown, marks: Sequence[Mark]) -> None:
        self.show(status)

    def within(self, engines: Iterable[Engine]) -> Display:
        return Pinned(self.file, self._console, engines) if self._console.is_interactive else self


class Pinned(Terminal):
    """A terminal with one table pinned to its bottom, and events above it; beside progress bars, a panel as ever."""

    def __init__(self, file: IO[str], console: Console, engines: Iterable[Engine]) -> None:
        super().__init__(file, console)
        self._engines = list(engines)
        self._board = board_on(file, lambda: console)

    @property
    def in_place(self) -> bool:
        if not self._board.gave_way and has_bars(self._engines):
            self._board.give_way()
        return not self._board.gave_way

    def follow(self, status: Shown, marks: Sequence[Mark]) -> None:
        if self._board.gave_way:
            super().follow(status, marks)
            return
        for mark in marks:
            self._board.announce(_line(mark))
        self._board.pin(status, contents(status.recorder.reading()))

    def leave(self, status: Shown) -> None:
        self._board.unpin(status)


class Notebook(Display):
    """A notebook: one table, updated in place."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        self._handle: Any = None

    @property
    def in_place(self) -> bool:
        return True

    def show(self, status: Shown) -> None:
        from IPython.display import display

        self._handle = display(status, display_id=True)  # type: ignore[no-untyped-call]

    def follow(self, status: Shown, marks: Sequence[Mark]) -> None:
        if self._handle is None:
            self.show(status)
        else:
            self._handle.update(status)


def display_for(file: IO[str], *, notebook: bool) -> Display:
    """The display for ``file``, or for the notebook that we are in, if that may be.

    Without rich, and in a terminal that can move nothing, it is plain lines.
    """
    if notebook and _in_notebook():
        return Notebook(file)
    isatty = getattr(file, "isatty", None)
    if isatty is None or not isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return Display(file)
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return Display(file)
    return Terminal(file, Console(file=file))


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # whoever runs in a kernel has it imported
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


def _line(mark: Mark) -> str:
    return printable(f"{mark.name} {mark.kind} {mark.when}: {mark.text}")
