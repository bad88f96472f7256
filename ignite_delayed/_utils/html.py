"""What notebooks show: small, escaped pieces of HTML that take their colours from the notebook's own theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conditions import Explanation
    from ..conditions.node import Node
    from ..history.history import History
    from ..history.record import Record

__all__ = ["code", "cut", "escape", "history_table", "parts", "table", "tree"]

_SAID = {True: "✓ true", False: "✗ false", None: "? unknown"}
# Jupyter aligns cells to the right and stripes rows; words read better from the left.
_LAST = ' style="text-align: left"'
_CELL = ' style="text-align: left; white-space: nowrap; padding-right: 1em"'
# Of a history: records shown from its beginning and its end, and the last of its marks.
_ENDS, _MARKS = (5, 5), 10


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


def tree(said: Explanation) -> str:
    """An explained condition as a nested list: each part, its verdict, and what is missing."""
    return f"<ul>{_item(said)}</ul>"


def _item(said: Explanation) -> str:
    detail = f" <small>({escape(said.detail)})</small>" if said.detail else ""
    below = "".join(map(_item, said.parts))
    return f"<li>{code(repr(said.node))}: {_SAID[said.verdict]}{detail}{f'<ul>{below}</ul>' if below else ''}</li>"


def parts(condition: Node) -> str:
    """A condition as a nested list of the conditions it is made of."""
    # What can be explained is a condition; metrics and numbers are told in the text of what compares them.
    below = "".join(f"<li>{parts(part)}</li>" for part in condition.parts if hasattr(part, "explain"))
    return code(repr(condition)) + (f"<ul>{below}</ul>" if below else "")


def history_table(history: History) -> str:
    """The first and the last records, and what was decided last."""
    many = len(history) > _ENDS[0] + _ENDS[1]
    first, last = (history[: _ENDS[0]], history[-_ENDS[1] :]) if many else (history, history[:0])
    metrics = history.metrics
    named = any(history.sources)
    head = ["epoch", "iteration", "evaluation", *(["source"] if named else []), *metrics]
    rows = [_cells(record, named, metrics) for record in first]
    if many:
        rows.append(["…"] * len(head))
    rows += [_cells(record, named, metrics) for record in last]
    marks = history.marks
    told = "".join(
        f"<li>epoch {mark.epoch}: {escape(mark.name)} {escape(mark.kind)} <small>({escape(mark.text)})</small></li>"
        for mark in marks[-_MARKS:]
    )
    earlier = f"<li>{len(marks) - _MARKS} earlier</li>" if len(marks) > _MARKS else ""
    return table(head, rows, escape(repr(history))) + (f"<ul>{earlier}{told}</ul>" if told else "")


def _cells(record: Record, named: bool, metrics: Sequence[str]) -> list[str]:
    source = [cut("clock" if record.source is None else record.source)] if named else []
    clock = [cut(record.epoch), cut(record.iteration), cut(record.evaluation)]
    return [*clock, *source, *(cut(record.values.get(name)) for name in metrics)]
