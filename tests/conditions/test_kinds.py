"""The kinds of scalars that states are made of: what is taken of a saved state, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from strategies import INF, NAN

from ignite_delayed import StateError
from ignite_delayed.conditions.kinds import KINDS
from ignite_delayed.conditions.limit import Spent
from ignite_delayed.history.record import Clock

TAKEN: dict[str, list[Any]] = {
    "verdict": [None, True, False],
    "flag": [True, False],
    "value": [None, 0.5, 3, -1, NAN, INF, -INF, 2**63 - 1, 1 - 2**63],
    "count": [0, 1, 2**70],
    "spent": [0, 7, Spent(0.25, None), Spent(None, Clock(1, 2, 3, 4.5)), Spent(3, Clock(1, 2, 3, 4.5))],
    "clock": [None, Clock(0, 0, 0, 0.0), Clock(1, 2, 3, 4.5), Clock(1, 2, 3, 4)],
    "verdicts": ["", "t", "ftu", "uuu"],
    "values": [(), (0.5, 3, NAN)],
}
REFUSED: dict[str, list[Any]] = {
    "verdict": [0, 1, "t", 0.0],
    "flag": [None, 0, "t"],
    "value": [True, "0.5", [0.5], 2**63, -(2**63), 2**70],
    "count": [-1, 0.0, True, None, "0"],
    "spent": [-1, 0.5, True, None, "1", (1,), (-1, None), (NAN, None), (INF, None), (True, None), (1, (1, 2, 3))],
    "clock": [
        (1, 2, 3),
        (1, 2, 3, 4.0, 5),
        (-1, 2, 3, 4.0),
        (1, 2.0, 3, 4.0),
        (1, 2, None, 4.0),
        (1, 2, 3, NAN),
        (1, 2, 3, INF),
        (1, 2, 3, "4"),
        {},
        "1234",
    ],
    "verdicts": ["x", "X", "T", "ftux", None, ["t"], 1],
    "values": [("x",), (None,), (0.5, True), (2**63,), "12", 0.5, None],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_taken(kind: str) -> None:
    assert repr(KINDS[kind].decode(KINDS[kind].initial, "it")) == repr(KINDS[kind].initial)
    for value in TAKEN[kind]:
        raw = list(value) if isinstance(value, tuple) else value  # as JSON hands it back
        assert repr(KINDS[kind].decode(raw, "it")) == repr(value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused(kind: str) -> None:
    for value in REFUSED[kind]:
        with pytest.raises(StateError) as refused:
            KINDS[kind].decode(value, "it")
        assert f"in the state of it: expected {KINDS[kind].expected}, got {value!r}" in str(refused.value)
