"""Which batches end in an update: as Ignite's own trainer and accelerate have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed.lr.cadence import Cadence


def updated_after(cadence: Cadence, length: int, epochs: int) -> list[int]:
    """The iterations that end in an update, from a loop written out."""
    found, pending = [], 0
    for iteration in range(1, epochs * length + 1):
        pending += 1
        if pending == cadence.batches or (cadence.at_epoch_end and iteration % length == 0):
            found.append(iteration)
            pending = 0
    return found


@given(st.integers(1, 7), st.booleans(), st.integers(1, 9))
def test_equals_a_loop_written_out(batches: int, at_epoch_end: bool, length: int) -> None:
    cadence, epochs = Cadence(batches, at_epoch_end), 6
    moments = updated_after(cadence, length, epochs)
    counted = [sum(moment <= iterations for moment in moments) for iterations in range(epochs * length + 1)]
    assert [cadence.after(iterations, length) for iterations in range(epochs * length + 1)] == counted
    assert cadence.after(np.arange(epochs * length + 1), length).tolist() == counted
    assert [cadence.reached(number, length) for number in range(1, len(moments) + 1)] == moments
    assert cadence.per_epoch(length) == (len(moments) / epochs if at_epoch_end else length / batches)


@pytest.mark.parametrize(("batches", "at_epoch_end", "expected"), [(4, False, 2.5), (4, True, 3), (1, False, 10)])
def test_updates_per_epoch_of_ten_batches(batches: int, at_epoch_end: bool, expected: Any) -> None:
    assert Cadence(batches, at_epoch_end).per_epoch(10) == expected
