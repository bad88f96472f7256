"""A table that stays at the bottom of a terminal, while what happens scrolls by above it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from .contents import Contents, panel
from .passing import redirect

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.panel import Panel

__all__ = ["Board", "board_on", "take_size"]

_boards: list[Board] = []  # where something is pinned


def take_size(console: Console, file: IO[str]) -> None:
    """Let ``console`` be as wide and high as ``file`` is now: rich asks the standard streams alone."""
    if "COLUMNS" in os.environ:  # which rich heeds
        return
    from rich.console import ConsoleDimensions

    with contextlib.suppress(OSError, ValueError):
        columns, lines = os.get_terminal_size(file.fileno())
        if columns and lines:  # 0 where nobody has set them
            console.size = ConsoleDimensions(columns, lines)


def board_on(file: IO[str], build: Callable[[], Console]) -> Board:
    """The board of the terminal that ``file`` is: one for all that is pinned there."""
    for board in _boards:
        if board.file is file:
            return board
    return Board(file, build())


class Board:
    """What is pinned to the bottom of one terminal, of one recorder or of several.

    Args:
        file: the terminal.
        console: what writes to it.

    Attributes:
        gave_way: whether something else needed the place.
    """

    def __init__(self, file: IO[str], console: Console) -> None:
        self.file = file
        self.gave_way = False
        self._console = console
        self._pinned: dict[object, Contents] = {}
        self._live: Live | None = None
        self._process, self._undo = os.getpid(), ExitStack()
        self._whole = False

    def is_pinned(self) -> bool:
        """Whether anything is, by this process: one that was forked from it writes as ever."""
        return self._live is not None and self._process == os.getpid()

    def pin(self, key: object, what: Contents) -> None:
        """Pin ``what``, in the place of what ``key`` had pinned before."""
        self._pinned[key] = what
        take_size(self._console, self.file)
        if self._live is None:
            self._start()
        elif self.is_pinned():
            self._live.refresh()

    def _start(self) -> None:
        from rich.live import Live

        _boards.append(self)
        self._undo.callback(_boards.remove, self)
        self._live = Live(
            get_renderable=lambda: self,
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._undo.callback(self._forget)
        self._undo.callback(self._live.stop)
        self._undo.push(redirect(self.file, self))
        self._live.start(refresh=True)
        self._console.show_cursor(True)  # so that nobody has to bring it back, whatever ends the process

    def _forget(self) -> None:
        self._live = None

    def announce(self, line: str) -> None:
        """Let ``line`` scroll by, above what is pinned if anything is."""
        from rich.text import Text

        self._console.print(Text(line))

    def write_above(self, text: str) -> None:
        """Write whole lines, as others wrote them, above what is pinned."""
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def unpin(self, key: object) -> None:
        """Let what ``key`` has pinned scroll by, whole, and pin it no more. A second call does nothing."""
        if key not in self._pinned:
            return
        if len(self._pinned) == 1:
            self._whole = True  # what is drawn last stays
            self._undo.close()
            self._pinned.clear()
        else:
            left = self._pinned.pop(key)
            self._console.print(panel(left, self._console.options))

    def give_way(self) -> None:
        """Take all off the terminal, and pin nothing there any more."""
        self.gave_way = True
        if self._live is not None:
            self._live.transient = True
            self._undo.close()
        self._pinned.clear()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(console.height // max(len(self._pinned), 1) - 1, 1)
        for what in list(self._pinned.values()):
            yield panel(what, options) if self._whole else _fit_panel(what, console, options, room)


def _fit_panel(what: Contents, console: Console, options: ConsoleOptions, room: int) -> Panel:
    """The panel as it fits into so many lines: whole if it takes half of them at most, else a line for each row."""
    whole = panel(what, options)
    if 2 * len(console.render_lines(whole, options)) <= room:
        return whole
    around = 5 if what.values else 3  # the borders, the values and the line below them, the line on what is left out
    return panel(what, options, rows=max(room - around, 1))
