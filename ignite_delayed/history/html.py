"""A history in a notebook: its first and last records, and what was decided last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._utils.html import cut, escape, nested_list, table
from .mark import Mark
from .record import Record

__all__ = ["ENDS", "history_table"]

#: How many records are shown of the beginning of a long history, and of its end.
ENDS = 5
_MARKS = 10  # the last ones


def history_table(
    title: str,
    first: Iterable[Record],
    last: Iterable[Record] | None,
    marks: Sequence[Mark],
    metrics: Sequence[str],
    sources: Sequence[str],
) -> str:
    """The first and the last records, and what was decided last.

    Args:
        title: above the table.
        first: the records at the beginning.
        last: those at the end, ``None`` where the first are all.
        marks: what was decided.
        metrics: the columns of values.
        sources: the names of the evaluators; they are shown if there are any.
    """
    named = any(sources)
    head = ["epoch", "iteration", "evaluation", *(["source"] if named else []), *metrics]
    rows = [_cells(record, named, metrics) for record in first]
    if last is not None:
        rows.append(["…"] * len(head))
        rows += [_cells(record, named, metrics) for record in last]
    earlier = [f"{len(marks) - _MARKS} earlier"] if len(marks) > _MARKS else []
    return nested_list(table(head, rows, escape(title)), [*earlier, *map(_mark_line, marks[-_MARKS:])])


def _cells(record: Record, named: bool, metrics: Sequence[str]) -> list[str]:
    source = [cut("clock" if record.source is None else record.source)] if named else []
    clock = [cut(record.epoch), cut(record.iteration), cut(record.evaluation)]
    return [*clock, *source, *(cut(record.values.get(name)) for name in metrics)]


def _mark_line(mark: Mark) -> str:
    return f"{escape(mark.name)} {escape(mark.kind)} {mark.when} <small>({escape(mark.text)})</small>"
