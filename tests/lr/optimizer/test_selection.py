"""Some groups of an optimizer, as an optimizer that has no others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lr_runs import groups, sgd
from wrapped_optimizers import WRAPPERS

from ignite_delayed.lr.optimizer.selection import check_apart, group_labels, select_groups, selector_label


def named() -> torch.optim.SGD:
    optimizer = sgd(1.0, 2.0, 3.0)
    for group, name in zip(optimizer.param_groups, ("body", "body", "head"), strict=True):
        group["name"] = name
    return optimizer


def rates(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def low(group: dict[str, Any]) -> bool:
    return bool(group["lr"] < 2.5)


@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, *WRAPPERS.values()])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [(0, [1]), ("body", [1, 2]), (["head", 0], [1, 3]), ((1, 2), [2, 3]), (low, [1, 2]), (None, [1, 2, 3])],
)
def test_groups_are_chosen_by_number_name_or_function(wrap: Any, choice: Any, expected: list[float]) -> None:
    assert rates(select_groups(wrap(named()), choice)) == expected


def test_groups_that_are_added_count_by_the_same_choice() -> None:
    optimizer = named()
    body, third, everything = (select_groups(optimizer, choice) for choice in ("body", 2, lambda group: True))
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 4.0, "name": "body"})
    assert (rates(body), rates(third), rates(everything)) == ([1, 2, 4], [3], [1, 2, 3, 4])
    assert group_labels(body) == ["body", "body", "body"]


def test_the_groups_are_looked_up_only_when_their_list_changes() -> None:
    optimizer = named()
    chosen = select_groups(optimizer, "head")
    before = chosen.param_groups
    assert chosen.param_groups is before
    optimizer.load_state_dict(optimizer.state_dict())  # which puts new groups in the place of the old
    assert chosen.param_groups is not before
    assert chosen.param_groups == [optimizer.param_groups[2]]


def test_labels_are_names_or_numbers_in_the_whole() -> None:
    assert group_labels(named()) == ["body", "body", "head"]
    assert group_labels(select_groups(sgd(1.0, 2.0), 1)) == ["group 1"]
    choices: list[Any] = [0, "head", ["head", 1], low, None]
    found = [selector_label(one) for one in choices]
    assert found == ["0", "head", "head, 1", "low", "all groups"]


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ("heed", ValueError, "groups must be among the groups of the optimizer, 'body', 'body', 'head', got 'heed'"),
        (3, ValueError, "groups must be among the groups"),
        (-1, ValueError, "groups must be among the groups"),
        ([], ValueError, "groups must be a choice of some of the groups"),
        (lambda group: False, ValueError, "groups must be a choice of some of the groups"),
        (True, TypeError, "groups must be numbers or names of groups"),
        (1.0, TypeError, "groups must be numbers or names of groups"),
    ],
)
def test_what_chooses_nothing_is_refused(choice: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        select_groups(named(), choice)


def test_names_need_groups_with_names() -> None:
    with pytest.raises(
        ValueError, match=r"They have no names: give numbers, or build groups with one: .*'name': 'head'"
    ):
        select_groups(torch.optim.SGD(groups(1.0), lr=1.0), "group 0")


def test_choices_share_the_groups_among_them() -> None:
    check_apart(named(), {"body": 1, "head": 2})
    check_apart(named(), {None: 1})
    with pytest.raises(ValueError, match="groups body and 0, 2 overlap"):
        check_apart(named(), {"body": 1, (0, 2): 2})
    with pytest.raises(ValueError, match=r"no schedule is given for 'head': add one \(Constant\(\) keeps the rate\)"):
        check_apart(named(), {"body": 1})
