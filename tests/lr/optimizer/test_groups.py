"""Reading and writing what an optimizer's groups hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lr_runs import adam, groups, sgd, untouched
from torch.optim.lr_scheduler import OneCycleLR

from ignite_delayed.lr.optimizer.groups import (
    check_parameter,
    holds,
    read,
    read_all,
    restore,
    snapshot,
    write,
)


@pytest.mark.parametrize(
    ("build", "parameter", "expected"),
    [
        (sgd, "lr", 1.0),
        (sgd, "momentum", 0.9),
        (sgd, "weight_decay", 0.0),
        (lambda: sgd(torch.tensor(0.5)), "lr", 0.5),
        (adam, "beta1", 0.9),
        (adam, "beta2", 0.999),
    ],
)
def test_what_is_written_is_read(build: Any, parameter: str, expected: float) -> None:
    optimizer = build()
    assert check_parameter(optimizer, parameter) == parameter
    assert read_all(optimizer, parameter) == [expected]
    (group,) = optimizer.param_groups
    write(group, parameter, 0.25)
    assert read(group, parameter) == 0.25
    assert type(read(group, parameter)) is float


def test_the_other_beta_stays() -> None:
    (group,) = adam().param_groups
    write(group, "beta1", 0.5)
    assert group["betas"] == (0.5, 0.999)


def test_a_tensor_is_filled() -> None:
    rate = torch.tensor(0.5)
    (group,) = sgd(rate).param_groups
    write(group, "lr", 0.1)
    assert group["lr"] is rate
    assert holds(group, "lr", 0.1)  # although the tensor has rounded it
    assert read(group, "lr") != 0.1
    assert not holds(group, "lr", 0.2)


@pytest.mark.parametrize(
    ("parameter", "error", "message"),
    [
        ("momentun", ValueError, "parameter must be one of 'lr', .* Did you mean 'momentum'"),
        ("params", ValueError, "parameter must be one of"),
        ("nesterov", ValueError, "parameter must be one of"),
        ("foreach", ValueError, "parameter must be one of"),
        ("beta1", ValueError, "parameter must be one of"),
        ("", ValueError, "parameter must be a non-empty string"),
        (None, TypeError, "parameter must be a non-empty string"),
    ],
)
def test_only_numbers_of_the_groups_are_parameters(parameter: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_parameter(sgd(), parameter)


def test_a_snapshot_is_plain_and_restored_to_the_letter() -> None:
    optimizer = adam(torch.tensor(0.5), 0.25)
    names = {"lr", "betas", "initial_lr"}
    taken = snapshot(optimizer, names)
    assert taken == [{"lr": 0.5, "betas": [0.9, 0.999]}, {"lr": 0.25, "betas": [0.9, 0.999]}]
    before = [group.copy() for group in untouched(optimizer)]
    OneCycleLR(optimizer, 1.0, total_steps=10)
    optimizer.param_groups[1]["weight_decay"] = 0.5  # none of the names
    optimizer.add_param_group(groups(0.1)[0])
    restore(optimizer, taken, {*names, "max_lr", "min_lr", "max_momentum", "base_momentum"})
    before[1]["weight_decay"] = 0.5
    assert untouched(optimizer)[:2] == before
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    assert optimizer.param_groups[2]["lr"] == 0.1
