"""Whether a saved state is of the parts that are here."""

from __future__ import annotations

from typing import Any

import pytest

from ignite_delayed import StateError
from ignite_delayed.recording.matching import check_names, tell_differences

HERE = {"gates": {"low", "late"}, "handlers": {"lr"}}
SAVED: dict[str, Any] = {"gates": {"low": 1, "old": 2}, "handlers": {"lr": 3}}


def test_the_same_names_pass() -> None:
    check_names({"gates": {"late": 1, "low": 2}, "handlers": {"lr": 3}}, HERE, strict=True)


def test_other_names_are_refused_with_both_sides() -> None:
    message = r"gates differ:\n  saved: \['low', 'old'\]\n  here:  \['late', 'low'\]\nAttach the same ones"
    with pytest.raises(StateError, match=message):
        check_names(SAVED, HERE, strict=True)


def test_not_if_they_need_not_be_the_same() -> None:
    check_names(SAVED, HERE, strict=False)


@pytest.mark.parametrize("strict", [True, False])
def test_what_has_no_names_is_damaged(strict: bool) -> None:
    with pytest.raises(StateError, match=r"handlers must be a dict, got \['lr'\] \(list\): it is damaged"):
        check_names({"gates": dict.fromkeys(HERE["gates"]), "handlers": ["lr"]}, HERE, strict)


def test_differences_are_told_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    tell_differences(SAVED, HERE)
    assert [entry.getMessage() for entry in caplog.records] == [
        "the recorder's state is of other parts: gates that start afresh: late; saved gates that are left out: old"
    ]


def test_without_any_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    tell_differences(SAVED, {"gates": {"low", "old"}, "handlers": {"lr"}})
    assert caplog.records == []
