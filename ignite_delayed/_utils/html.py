"""What notebooks show: small, escaped pieces of HTML that take their colours from the notebook's own theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["code", "cut", "escape", "nested_list", "table"]

# Jupyter aligns cells to the right and stripes rows; words read better from the left.
_LAST = ' style="text-align: left"'
_CELL = ' style="text-align: left; white-space: nowrap; padding-right: 1em"'


def code(text: object) -> str:
    """``text`` as code."""
    return f"<code>{escape(str(text))}</code>"


def cut(value: float | int | str | None) -> str:
    """A value for a cell: six digits, nothing where there is none."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else escape(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """A table of cells that are HTML already; without ``head`` the first cell of each row is its heading."""
    lines = [f"<div>{title}</div>"] if title else []
    lines.append('<table style="color: inherit">')
    if head:
        lines.append("<thead><tr>" + "".join(f"<th{_CELL}>{escape(cell)}</th>" for cell in head) + "</tr></thead>")
    lines.append("<tbody>")
    for row in rows:
        first = "td" if head else "th"
        cells = [f"<{first}{_CELL}>{row[0]}</{first}>"]
        cells += [f"<td{_CELL}>{cell}</td>" for cell in row[1:-1]] + [f"<td{_LAST}>{row[-1]}</td>"]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])


def nested_list(head: str, items: Iterable[str]) -> str:
    """``head``, and below it a list of ``items``; all of them are HTML already."""
    below = "".join(f"<li>{item}</li>" for item in items)
    return head + (f"<ul>{below}</ul>" if below else "")
