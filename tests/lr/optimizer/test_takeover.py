"""What was taken over from the user is given back, unless the user has set something else."""

from __future__ import annotations

from typing import Any

import pytest
from lr_runs import groups, sgd, values

from ignite_delayed import StateError
from ignite_delayed.lr.optimizer.takeover import Takeover


def test_is_given_back_with_what_was_added_removed() -> None:
    optimizer = sgd(1.0, 0.1)
    takeover = Takeover(optimizer, "lr", {"initial_lr"})
    takeover.take()
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 5.0
    takeover.take()  # the second time there is nothing new to take
    takeover.note()
    assert takeover.left == [5.0, 5.0]
    takeover.give_back(takeover.left, [])
    assert values(optimizer) == [1.0, 0.1]
    assert "initial_lr" not in optimizer.param_groups[0]
    assert takeover.before is None


def test_is_kept_by_the_user_who_has_set_one_of_them() -> None:
    optimizer = sgd(1.0, 0.1)
    takeover = Takeover(optimizer, "lr", ())
    takeover.take()
    optimizer.param_groups[0]["lr"] = 5.0
    takeover.note()
    optimizer.param_groups[1]["lr"] = 3.0
    takeover.give_back(takeover.left, [])
    assert values(optimizer) == [5.0, 3.0]
    assert takeover.before is None


def test_a_group_that_came_later_gets_its_base() -> None:
    optimizer = sgd(1.0)
    takeover = Takeover(optimizer, "lr", ())
    takeover.take()
    optimizer.add_param_group(groups(0.4)[0])
    optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = 0.5, 0.2
    takeover.give_back([0.5, 0.2], [1.0, 0.4])
    assert values(optimizer) == [1.0, 0.4]


def test_nothing_was_taken() -> None:
    optimizer = sgd(1.0)
    Takeover(optimizer, "lr", ()).give_back([1.0], [5.0])
    assert values(optimizer) == [1.0]


def test_a_group_that_was_never_written_is_left_alone() -> None:
    optimizer = sgd(1.0)
    takeover = Takeover(optimizer, "lr", ())
    takeover.take()
    optimizer.param_groups[0]["lr"] = 0.5
    takeover.note()
    optimizer.add_param_group(groups(0.4)[0])
    takeover.give_back(takeover.left, [1.0])
    assert values(optimizer) == [1.0, 0.4]


def test_a_stand_in_has_what_was_there_before() -> None:
    optimizer = sgd(1.0, 0.1)
    takeover = Takeover(optimizer, "lr", ())
    takeover.take()
    optimizer.param_groups[0]["lr"] = 5.0
    assert values(takeover.stand_in()) == [1.0, 0.1]
    assert values(optimizer) == [5.0, 0.1]


class TestBases:
    """Of what do the factors of a schedule count: of the rate found, or of that which is noted?"""

    @pytest.mark.parametrize(
        ("entries", "base", "told"),
        [
            ({}, 0.5, False),
            ({"initial_lr": 0.5}, 0.5, False),
            ({"initial_lr": 1.0}, 1.0, True),  # as torch has it
            ({"initial_lr": 1.0, "left_lr": 0.5}, 1.0, True),
            ({"initial_lr": 1.0, "left_lr": 0.25}, 0.5, True),  # the user has written since
            ({"initial_lr": 0.0}, 0.5, True),  # was frozen
        ],
    )
    def test_which_is_taken_and_whether_it_is_told(self, entries: dict[str, float], base: float, told: bool) -> None:
        optimizer = sgd(0.5)
        optimizer.param_groups[0].update(entries)
        bases, text = Takeover(optimizer, "lr", ()).bases()
        assert bases == [base]
        assert bool(text) is told

    def test_what_is_told_names_both_and_the_way_to_choose(self) -> None:
        optimizer = sgd(0.5)
        optimizer.param_groups[0]["initial_lr"] = 1.0
        _, text = Takeover(optimizer, "lr", ()).bases()
        assert text.startswith("group 0 has 0.5, and 1 as its initial_lr: base 1 (for the other")
        assert "group.pop('initial_lr', None)" in text


@pytest.mark.parametrize("saved", [[], [{"lr": 1}], [{"lr": 0.5}, {"lr": 1.0, "initial_lr": 2.0}]])
def test_groups_that_fit_are_accepted(saved: list[Any]) -> None:
    Takeover(sgd(1.0, 0.1), "lr", {"initial_lr"}).check_groups("mine", saved)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ([{"lr": 1.0}] * 3, "the state of 'mine' has 3 parameter groups, the optimizer has 2: add the groups"),
        ([{}], "the state of 'mine' is damaged: a group is {}"),
        ([{"initial_lr": 1.0}], "damaged"),
        ([{"lr": 1.0, "momentum": 0.9}], "damaged"),
        ([{"lr": "1"}], "damaged"),
        ([{"lr": True}], "damaged"),
        ([{"lr": [1.0]}], "damaged"),
        ([1.0], "damaged"),
    ],
)
def test_groups_that_do_not_fit_are_refused(saved: list[Any], message: str) -> None:
    with pytest.raises(StateError, match=message):
        Takeover(sgd(1.0, 0.1), "lr", {"initial_lr"}).check_groups("mine", saved)
