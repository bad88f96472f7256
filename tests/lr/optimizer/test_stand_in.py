"""Trying things out on an optimizer: what was changed is put back, and a copy shares nothing with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lr_runs import adam, groups, sgd, untouched
from torch.optim.lr_scheduler import OneCycleLR

from ignite_delayed.lr.optimizer.groups import write
from ignite_delayed.lr.optimizer.stand_in import remember, stand_in


def test_what_is_remembered_is_put_back_whatever_was_done() -> None:
    rate = torch.tensor(0.5)
    optimizer = sgd(rate, 0.25)
    before = [group.copy() for group in untouched(optimizer)]
    put_back = remember(optimizer)
    OneCycleLR(optimizer, 1.0, total_steps=10)
    optimizer.step()
    optimizer.add_param_group(groups(0.1)[0])
    optimizer.param_groups[1]["lr"] = 9.0
    put_back()
    assert untouched(optimizer) == before
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5
    assert not {"step", "_opt_called"} & vars(optimizer).keys()


def test_what_torch_has_put_in_front_of_step_before_is_kept() -> None:
    optimizer = sgd()
    OneCycleLR(optimizer, 1.0, total_steps=10)
    step = vars(optimizer)["step"]
    put_back = remember(optimizer)
    del vars(optimizer)["step"]
    put_back()
    assert vars(optimizer)["step"] is step


@pytest.mark.parametrize(
    "build",
    [
        sgd,
        adam,
        lambda: torch.optim.LBFGS([torch.nn.Parameter(torch.zeros(1))]),
        lambda: torch.optim.AdamW(groups(torch.tensor(0.5), torch.tensor(0.1)), lr=torch.tensor(1.0), foreach=False),
    ],
)
def test_a_stand_in_shares_nothing_that_can_be_written(build: Any) -> None:
    optimizer = build()
    before = str(optimizer.state_dict())
    double = stand_in(optimizer)
    assert type(double) is type(optimizer)
    assert untouched(double) == untouched(optimizer)
    for group in double.param_groups:
        write(group, "lr", 7.0)
    double.add_param_group(groups(0.1)[0]) if not isinstance(double, torch.optim.LBFGS) else None
    double.state[double.param_groups[0]["params"][0]]["seen"] = 1
    double.step()
    assert str(optimizer.state_dict()) == before
