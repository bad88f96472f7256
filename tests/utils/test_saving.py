"""Saved states: what they carry, and what is refused of them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pytest

from ignite_delayed._utils.saving import (
    check_seal,
    check_version,
    checked_count,
    checked_names,
    checked_seconds,
    load_all_or_none,
    plain,
    seal,
)
from ignite_delayed.errors import StateError


class Counter:
    """A user's handler: it checks its state only as it takes it."""

    def __init__(self, count: int) -> None:
        self.count = count

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = -1  # half loaded
        self.count = int(state["count"])


@pytest.mark.parametrize("version", [1, 2])
def test_versions_that_this_release_reads_are_accepted(version: int) -> None:
    check_version("state", {"version": version}, 1, 2)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], r"^state: expected a dict of version 2, got \[\] \(list\): it is no saved state$"),
        ({}, "expected version 2, got None.*: it was truncated, or is no such state$"),
        ({"version": "1"}, "got '1'.*: it was truncated, or is no such state$"),
        ({"version": True}, "got True.*: it was truncated, or is no such state$"),
        ({"version": 3}, "got 3.*: it is of a newer release of ignite-delayed: read it with that one$"),
        ({"version": 0}, "got 0.*: it is of an older release of ignite-delayed: read it with that one$"),
    ],
)
def test_other_versions_are_refused_with_the_likely_cause(raw: Any, message: str) -> None:
    with pytest.raises(StateError, match=message):
        check_version("state", raw, 1, 2)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (lambda value: checked_count("iteration", value), -1, -2),
        (lambda value: checked_count("iteration", value), 3, 3.5),
        (checked_seconds, 0.0, -0.1),
        (checked_seconds, 2.5, "2.5"),
        (lambda value: checked_names("at_start", value), ["val"], [1]),
        (lambda value: checked_names("at_start", value), [], "val"),
    ],
)
def test_what_was_saved_is_taken_and_what_was_damaged_is_not(check: Any, good: Any, bad: Any) -> None:
    assert check(good) == good
    with pytest.raises(StateError, match=r"^recorder state: .* damaged"):
        check(bad)


class TestSeals:
    STATE: ClassVar[dict[str, Any]] = {"seconds": 1.5, "names": ("a", "b"), "handlers": {2: [None, True]}}

    def test_what_was_sealed_is_accepted_also_after_json(self) -> None:
        sealed = seal(self.STATE)
        check_seal("state", sealed)
        check_seal("state", json.loads(json.dumps(sealed)))

    def test_the_order_of_keys_does_not_matter(self) -> None:
        check_seal("state", dict(reversed(seal(self.STATE).items())))

    def test_a_state_without_a_seal_is_of_an_older_release(self) -> None:
        check_seal("state", self.STATE)

    @pytest.mark.parametrize(
        "changed", [{"seconds": 1.25}, {"names": ["a"]}, {"handlers": {}}, {"more": 0}, {"checksum": 0}]
    )
    def test_what_was_changed_is_refused(self, changed: dict[str, Any]) -> None:
        with pytest.raises(StateError, match=r"^state: it does not go with its checksum"):
            check_seal("state", seal(self.STATE) | changed)


class TestLoading:
    def test_all_are_loaded(self) -> None:
        first, second = Counter(1), Counter(2)
        load_all_or_none({"a": first, "b": second}, {"a": {"count": 10}, "b": {"count": 20}})
        assert (first.count, second.count) == (10, 20)

    def test_where_one_refuses_none_is(self) -> None:
        first, second = Counter(1), Counter(2)
        with pytest.raises(StateError, match=r"^the handler 'b' refuses its saved state: 'count'$"):
            load_all_or_none({"a": first, "b": second}, {"a": {"count": 10}, "b": {}})
        assert (first.count, second.count) == (1, 2)

    def test_an_interruption_takes_all_back_too_and_goes_on(self) -> None:
        class Interrupted(Counter):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                if state["count"] == 20:
                    raise KeyboardInterrupt
                super().load_state_dict(state)

        first = Counter(1)
        with pytest.raises(KeyboardInterrupt):
            load_all_or_none({"a": first, "b": Interrupted(2)}, {"a": {"count": 10}, "b": {"count": 20}})
        assert first.count == 1


def test_a_plain_state_has_containers_and_numbers_of_python_alone() -> None:
    found = plain({"a": (np.float64(0.5), [np.array(3)]), "b": np.bool_(True), "c": None})
    assert found == {"a": [0.5, [3]], "b": True, "c": None}
    assert [type(found["a"]), type(found["a"][0]), type(found["a"][1][0]), type(found["b"])] == [list, float, int, bool]
