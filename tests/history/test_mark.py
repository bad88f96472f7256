"""Marks: what was decided, as it is written down and read."""

from __future__ import annotations

from typing import Any

import pytest

from ignite_delayed.history.mark import Best, Mark, decode_mark, encode_mark

MARK = Mark("stopped", "early stopping", 7, 70, 7, 3.5, "no improvement", "stopper", Best(0.25, 4, 40))


def test_what_is_written_is_read() -> None:
    for mark in (MARK, MARK._replace(best=None)):
        assert decode_mark(*encode_mark(mark)) == mark


def test_the_best_is_written_as_a_list() -> None:
    assert [0.25, 4, 40] in encode_mark(MARK)


def test_marks_of_version_1_know_neither_who_decided_nor_what_was_best() -> None:
    mark = decode_mark(*encode_mark(MARK)[:7])
    assert (mark.by, mark.best) == ("gate", None)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kind", 1, "^kind of a mark is 1 "),
        ("name", None, "^name of a mark is None"),
        ("epoch", True, "^epoch of a mark is True "),
        ("epoch", -1, "^epoch of a mark must be"),
        ("iteration", 1.5, "^iteration of a mark is 1.5 "),
        ("seconds", float("nan"), "^seconds of a mark must be"),
        ("by", "nobody", "^by of a mark is 'nobody' "),
        ("best", [0.25, 4.0, 40], "^best of a mark is"),
        ("best", [0.25, -1, 40], "^best of a mark is"),
        ("best", [float("nan"), 4, 40], "^best of a mark is"),
        ("best", [True, 4, 40], "^best of a mark is"),
        ("best", [0.25, 4], "not enough values"),
    ],
)
def test_what_is_no_mark_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        decode_mark(*MARK._replace(**{field: value}))
