"""One number for all groups, or one for each."""

from __future__ import annotations

import math
from typing import Any

import pytest
from lr_runs import sgd

from ignite_delayed.lr.limits import bound_of, check_bound, check_each_group


def test_a_group_that_was_added_later_has_the_last() -> None:
    for bound in ([0.1, 0.2], (0.1, 0.2)):
        assert [bound_of(bound, index) for index in range(4)] == [0.1, 0.2, 0.2, 0.2]
    assert bound_of(0.3, 5) == 0.3


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None, [0.1, -1], [], [[0.1]], True])
def test_what_is_no_bound_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="least must be "):
        check_bound("least", value)


def test_there_are_as_many_as_groups() -> None:
    optimizer = sgd(1.0, 0.5)
    for fits in (0.1, [0.1, 0.2], (0.1, 0.2)):
        check_each_group("least", fits, optimizer)
    with pytest.raises(ValueError, match="least must be one number, or one for each of the 2 groups"):
        check_each_group("least", [0.1], optimizer)
