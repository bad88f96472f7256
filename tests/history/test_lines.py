"""Many lines at a time, as each for itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from strategies import runs

from ignite_delayed import History, HistoryError, Record
from ignite_delayed.history.lines import decode_record, encode_number, extend, texts_of
from ignite_delayed.history.record import CLOCK
from ignite_delayed.history.table import Table


def table_of(run: Any) -> Table:
    table = Table()
    for record in run:
        table.append(record)
    return table


def rows(table: Table) -> list[Record]:
    return [table.row(row, None) for row in range(table.dropped, table.end)]


def entry(record: Record) -> dict[str, Any]:
    values = {name: encode_number(value) for name, value in record.values.items()}
    kind = {} if record.kind is None else {"kind": record.kind}
    return {**{unit: getattr(record, unit) for unit in CLOCK}, "source": record.source, **kind, "values": values}


@given(run=runs())
def test_the_texts_are_those_of_json(run: History) -> None:
    texts = list(texts_of(table_of(run), range(len(run))))
    assert [json.loads(text) for text in texts] == [entry(record) for record in run]
    assert [text[: text.index('"values"')] for text in texts] == [
        (whole := json.dumps(entry(record)))[: whole.index('"values"')] for record in run
    ]


@given(run=runs(), more=runs())
def test_lines_taken_together_are_what_each_is_for_itself(run: History, more: History) -> None:
    table = table_of(run)
    lines = [json.loads(json.dumps(entry(record))) for record in more]
    assert extend(table, lines) is bool(lines)
    assert rows(table) == [*rows(table_of(run)), *map(decode_record, lines)]


GOOD = {
    "epoch": 1,
    "iteration": 2,
    "evaluation": 1,
    "seconds": 1.0,
    "planned": 9,
    "source": "",
    "values": {"loss": 1.0},
}


@pytest.mark.parametrize(
    "unusual",
    [
        3,
        {},
        {**GOOD, "more": 1},
        {**GOOD, "epoch": -1},
        {**GOOD, "epoch": 1.5},
        {**GOOD, "iteration": True},
        {**GOOD, "evaluation": 2**63},
        {**GOOD, "seconds": float("nan")},
        {**GOOD, "seconds": 10**400},
        {**GOOD, "seconds": "1"},
        {**GOOD, "planned": -1},
        {**GOOD, "planned": True},
        {**GOOD, "source": 3},
        {**GOOD, "kind": "epoch"},
        {**GOOD, "kind": "age"},
        {**GOOD, "kind": 3},
        {**GOOD, "kind": [3]},
        {**GOOD, "values": [1]},
        {**GOOD, "values": {"": 1.0}},
        {**GOOD, "values": {"loss": "0.5"}},
        {**GOOD, "values": {"loss": [1]}},
        {**GOOD, "values": {"loss": None}},
        {**GOOD, "values": {"loss": 10**400}},
    ],
)
def test_where_one_is_unusual_none_is_taken(unusual: Any) -> None:
    table = table_of([Record(epoch=1, iteration=1, values={"loss": 2.0})])
    before = copy.deepcopy([table.clock, table.which, table.sources, rows(table)])
    assert not extend(table, [GOOD, unusual, GOOD])
    assert [table.clock, table.which, table.sources, rows(table)] == before
    assert list(table.columns) == ["loss"]


def long_run() -> History:
    records = [
        Record(epoch=1, iteration=i // 2, evaluation=i, source="ab"[i % 2], values={f"loss/{i % 3}": float(i)})
        for i in range(3000)
    ]
    run = History(records)
    run.mark("opened", "gate", run[-1])
    return run


def test_a_long_history_is_the_same_in_all_its_parts(tmp_path: Path) -> None:
    run = long_run()
    assert History.load(run.save(tmp_path / "run.jsonl")) == run
    part = run[1000:2100]
    assert History.load(part.save(tmp_path / "part.jsonl")) == part
    kept = History(run, keep=700)
    assert History.load(kept.save(tmp_path / "kept.jsonl")) == kept


@pytest.mark.parametrize("damaged", [2, 1024, 1025, 1026, 2500, 3001])
def test_damage_is_told_by_its_own_line(tmp_path: Path, damaged: int) -> None:
    path = long_run().save(tmp_path / "run.jsonl")
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[damaged - 1] = lines[damaged - 1].replace('"epoch": 1', '"epoch": 2')
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(HistoryError, match=rf"run\.jsonl, line {damaged}: no line that follows"):
        History.load(path)


def test_what_is_added_to_a_loaded_history_sees_the_records_of_its_iteration(tmp_path: Path) -> None:
    run = History(
        [
            Record(epoch=1, iteration=1, source="train", values={"train/loss": 1.0}),
            Record(epoch=1, iteration=1, source="val", values={"val/loss": 2.0}),
        ]
    )
    loaded = History.load(run.save(tmp_path / "run.jsonl"))
    table = loaded._table  # noqa: SLF001 - what is appended goes by it
    assert table.last is not None
    assert table.last.seen == {"train/loss": 1.0, "val/loss": 2.0}
