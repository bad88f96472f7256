"""The status of a recorder: plain text, a panel, or HTML, of what it says at the moment it is shown."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any

from .._utils.html import cut, escape, table
from ..recording.recorder import Recorder
from ..recording.rows import Reading

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.panel import Panel

    from .live import LiveStatus

__all__ = ["Status"]

# Never by colour alone: the word stands beside it.
_STYLES = {"open": "green", "counting": "cyan", "stopped": "bold red", "closed": "yellow"}

# Below this width the text needs the place of the bars, whose numbers it tells anyway.
_WIDE, _BAR = 100, 8


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

        Args:
            file: where to, ``sys.stdout`` by default.

        Raises:
            ImportError: in a terminal without rich (``pip install 'ignite-delayed[status]'``).
        """
        from .displays import display_for

        display_for(sys.stdout if file is None else file, notebook=file is None).show(self)

    def live(self, *, every: int | None = None, file: IO[str] | None = None) -> LiveStatus:
        """Follow the run from now on: ``with recorder.status().live(): trainer.run(...)``.

        In a notebook one table is updated in place at evaluations and epochs. A terminal gets the panel when the run
        begins and ends and when something changed (a gate opened, a phase began, the run was stopped); it is written
        above Ignite's ``ProgressBar``. Any other file gets one line for each change, without control codes. Only
        the first process of several writes.

        Args:
            every: how many evaluations after which the panel is written though nothing changed; ``None`` for never.
            file: where to, ``sys.stderr`` by default, as the ``ProgressBar``.

        Returns:
            The live display: ``remove()``, and usable in ``with``. A second one of a recorder replaces the first.

        Raises:
            TypeError, ValueError: where ``every`` is no count.
            ImportError: in a terminal without rich (``pip install 'ignite-delayed[status]'``).
        """
        from .live import LiveStatus

        return LiveStatus(self, every=every, file=file)

    def __str__(self) -> str:
        reading = self.recorder.reading()
        lines = [reading.clock]
        if reading.values:
            lines.append(_format_values(reading))
        names = max((len(row.name) for row in reading.rows), default=0)
        states = max((len(row.state) for row in reading.rows), default=0)
        lines += [f"  {row.name:<{names}}  {row.state:<{states}}  {row.text}" for row in reading.rows]
        if not reading.rows:
            lines.append("  no gates")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        reading = self.recorder.reading()
        values = f"<br>{escape(_format_values(reading))}" if reading.values else ""
        rows = [(escape(row.name), escape(row.state), _meter(row.near), escape(row.text)) for row in reading.rows]
        return table(["gate", "state", "", "waits for"], rows, f"<b>{escape(reading.clock)}</b>{values}")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _panel(self.recorder.reading(), options)


def _format_values(reading: Reading) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in reading.values)


def _meter(near: tuple[float, float] | None) -> str:
    """How near it is, as HTML."""
    if near is None:
        return ""
    return f'<progress value="{cut(near[0])}" max="{cut(near[1])}" style="width: 6em"></progress>'


def _panel(reading: Reading, options: ConsoleOptions) -> Panel:
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    bars = options.max_width >= _WIDE and any(row.near for row in reading.rows)
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    for _ in range(2 if bars else 1):
        rows.add_column()
    rows.add_column(ratio=1, overflow="fold")
    for row in reading.rows:
        bar = [Text(_bar(row.near, options.ascii_only), "dim")] if bars else []
        rows.add_row(Text(row.name), Text(row.state, _STYLES.get(row.state, "blue")), *bar, Text(row.text))
    shown: list[Any] = [Text(_format_values(reading)), Text()] if reading.values else []
    shown.append(rows if reading.rows else Text("no gates"))
    return Panel(Group(*shown), title=Text(reading.clock, "bold"), title_align="left")


def _bar(near: tuple[float, float] | None, ascii_only: bool) -> str:
    """How near it is, in shapes rather than colours."""
    if near is None:
        return ""
    done, left = "#." if ascii_only else "━╌"
    full = int(_BAR * near[0] / near[1])
    return done * full + left * (_BAR - full)
