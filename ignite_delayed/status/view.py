"""The status of a recorder: plain text, a panel, or HTML, of what it says at the moment it is shown."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from ..recording.recorder import Recorder
from .contents import contents, html, panel, text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from .live import LiveStatus

__all__ = ["Status"]


class Status:
    """What ``recorder.status()`` returns: each gate, what it waits for and how near it is, patience, phases, rates.

    It is read anew each time it is shown: ``print(status)`` is plain text, :meth:`show` a panel where there is a
    terminal (the last expression of a notebook's cell is an HTML table), and :meth:`live` follows a run.

    Args:
        recorder: whose gates, stoppers and phases are shown.

    Example:
        >>> from ignite.engine import Engine
        >>> from ignite_delayed import After, Metric, Recorder, delay, delay_early_stopping
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> stopper = delay_early_stopping(recorder, "loss", mode="min", patience=5, until=After(epochs=50))
        >>> handle = delay(recorder, print, until=(Metric("loss") < 0.5).sustained(evaluations=3))
        >>> print(recorder.status())
        not started
          early stopping  closed  After(epochs=50)
          print           closed  loss has no value yet, needs < 0.5 for 3, has 0
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def show(self, file: IO[str] | None = None) -> None:
        """Show it once: a panel in a terminal, HTML in a notebook, plain text in any other file.

        A terminal needs rich for it (``pip install 'ignite-delayed[status]'``), and gets plain text without.

        Args:
            file: where to, ``sys.stdout`` by default.
        """
        from .displays import display_for

        display_for(sys.stdout if file is None else file, notebook=file is None).show(self)

    def live(self, *, every: int | None = None, file: IO[str] | None = None) -> LiveStatus:
        """Follow the run from now on: ``with recorder.status().live(): trainer.run(...)``.

        One table is updated in place at evaluations and epochs: in a notebook, and within ``with`` at the bottom of a
        terminal, where what changes, and what the process prints and logs, scrolls by above it. Beside progress bars of
        tqdm, and without ``with``, a terminal gets the table when the run begins and ends and when something changed (a
        gate opened, a phase began, the run was stopped). Any other file, a terminal that is dumb, or rich not
        installed: one line for each change, without control codes. Only the first process of several writes.

        Args:
            every: how many evaluations after which the panel is written though nothing changed, where it is not updated
                in place; ``None`` for never.
            file: where to, ``sys.stderr`` by default, as the ``ProgressBar``.

        Returns:
            The live display: ``remove()``, and usable in ``with``. A second one of a recorder replaces the first.

        Raises:
            TypeError, ValueError: where ``every`` is no count.
        """
        from .live import LiveStatus

        return LiveStatus(self, every=every, file=file)

    def __str__(self) -> str:
        return text(contents(self.recorder.reading()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(contents(self.recorder.reading()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield panel(contents(self.recorder.reading()), options)
