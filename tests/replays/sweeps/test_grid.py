"""A grid is every combination of its axes, each printed as the call that builds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ignite_delayed import After, Condition, EarlyStop, GeneralizationLoss, Metric, Patience, grid


def test_every_combination_the_last_axis_fastest() -> None:
    gates = [None, After(epochs=20), Metric("val/loss") < 0.5]
    rules = grid(
        EarlyStop, "val/loss", mode="min", patience=[3, 5, 10], until=gates, while_closed=["ignore", "track", "count"]
    )
    expected = [
        EarlyStop("val/loss", mode="min", patience=patience, until=until, while_closed=closed)
        for patience in (3, 5, 10)
        for until in gates
        for closed in ("ignore", "track", "count")
    ]
    assert rules == expected
    assert [Condition.parse(repr(rule)) for rule in rules] == rules


def test_positional_arguments_are_axes_too() -> None:
    assert grid(GeneralizationLoss, ["a", "b"], alpha=(1, 5)) == [
        GeneralizationLoss(name, alpha=alpha) for name in "ab" for alpha in (1, 5)
    ]


def test_no_list_is_one_rule() -> None:
    assert grid(EarlyStop, "loss", mode="min", patience=3) == [EarlyStop("loss", mode="min", patience=3)]


def test_ranges_and_arrays_make_rules_of_plain_numbers() -> None:
    by_range = grid(EarlyStop, "loss", mode="min", patience=range(1, 4))
    by_array = grid(EarlyStop, "loss", mode="min", patience=np.arange(1, 4), threshold=np.array([0.1]))
    assert [rule.patience for rule in by_range] == [1, 2, 3]  # type: ignore[attr-defined]
    assert repr(by_array[0]) == "EarlyStop('loss', mode='min', patience=1, threshold=0.1)"


def test_patience_in_other_units_is_no_axis() -> None:
    [rule] = grid(EarlyStop, "loss", mode="min", patience=Patience(epochs=3))
    assert rule == EarlyStop("loss", mode="min", patience=Patience(epochs=3))


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        (3, {}, "rule must be what builds a rule"),
        (dict, {"a": [1]}, "rule must be what builds a condition"),
        (After, {"epochs": []}, "epochs must be an axis with at least one value"),
        (After, {"epochs": [1, -1]}, "epochs must be a whole number >= 0"),
    ],
)
def test_bad_arguments_are_told(rule: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        grid(rule, **given)
