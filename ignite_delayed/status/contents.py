"""What a status shows, and the three ways to show it: as text, as HTML, as a panel in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .._utils.html import cut, escape, table
from ..recording.rows import Reading, Row

if TYPE_CHECKING:
    from rich.console import ConsoleOptions
    from rich.panel import Panel
    from rich.table import Table

__all__ = ["Contents", "contents", "html", "panel", "text"]

# Never by colour alone: the word stands beside it.
_STYLES = {"open": "green", "counting": "cyan", "stopped": "bold red", "closed": "yellow"}

# Below this width the text needs the place of the bars, whose numbers it tells anyway.
_WIDE, _BAR = 100, 8

#: The name of each column, as notebooks show it above.
_HEADS = ("gate", "state", "", "waits for")


class Contents(NamedTuple):
    """All that is shown, in order: the clock, the last values, the rows."""

    title: str
    values: str
    rows: list[Row]


def contents(reading: Reading) -> Contents:
    """What is shown of ``reading``, whose names can be printed as they are."""
    values = ", ".join(f"{name} {value:.4g}" for name, value in reading.values)
    return Contents(reading.clock, values, reading.rows)


def text(what: Contents) -> str:
    """As plain lines."""
    names = max((len(row.name) for row in what.rows), default=0)
    states = max((len(row.state) for row in what.rows), default=0)
    rows = [f"  {row.name:<{names}}  {row.state:<{states}}  {row.text}".rstrip() for row in what.rows]
    return "\n".join([what.title, *([what.values] if what.values else []), *(rows or ["  no gates"])])


def html(what: Contents) -> str:
    """As a table in a notebook."""
    values = f"<br>{escape(what.values)}" if what.values else ""
    rows = [(escape(row.name), escape(row.state), _meter(row.near), escape(row.text)) for row in what.rows]
    return table(_HEADS, rows, f"<b>{escape(what.title)}</b>{values}")


def panel(what: Contents, options: ConsoleOptions, *, rows: int | None = None) -> Panel:
    """As a panel of rich.

    Args:
        what: what it shows.
        options: of the console: its width, and whether it is ASCII alone.
        rows: how many rows there is room for, each on one line, cut where it is too long; by default all are whole.
    """
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    # Of the texts, not of their columns: rich takes width from all columns where those of texts must not wrap.
    shape: dict[str, Any] = {"overflow": "fold"} if rows is None else {"no_wrap": True, "overflow": "ellipsis"}
    grid = _grid(what, options, rows, shape)
    parts: list[Any] = [Text(what.values, **shape), Text()] if what.values else []
    parts.append(grid if what.rows else Text("no gates"))
    if rows is not None and len(what.rows) > rows:
        parts.append(Text(f"and {len(what.rows) - rows} more", "dim"))
    return Panel(Group(*parts), title=Text(what.title, "bold"), title_align="left")


def _grid(what: Contents, options: ConsoleOptions, rows: int | None, shape: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    bars = options.max_width >= _WIDE and any(row.near for row in what.rows)
    grid = Table.grid(padding=(0, 2))
    names = min(max((len(row.name) for row in what.rows), default=0), options.max_width // 4)
    grid.add_column(style="bold", width=names)
    grid.add_column(width=max((len(row.state) for row in what.rows), default=0), no_wrap=True)
    if bars:
        grid.add_column(width=_BAR, no_wrap=True)
    grid.add_column(ratio=1)
    for row in what.rows[:rows]:
        bar = [Text(_bar(row.near, options.ascii_only), "dim")] if bars else []
        state = Text(row.state, _STYLES.get(row.state, "blue"))
        grid.add_row(Text(row.name, **shape), state, *bar, Text(row.text, **shape))
    return grid


def _meter(near: tuple[float, float] | None) -> str:
    """How near it is, as HTML."""
    if near is None:
        return ""
    return f'<progress value="{cut(near[0])}" max="{cut(near[1])}" style="width: 6em"></progress>'


def _bar(near: tuple[float, float] | None, ascii_only: bool) -> str:
    """How near it is, in shapes rather than colours."""
    if near is None:
        return ""
    done, left = "#." if ascii_only else "━╌"
    full = int(_BAR * near[0] / near[1])
    return done * full + left * (_BAR - full)
