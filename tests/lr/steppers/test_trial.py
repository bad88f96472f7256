"""What a trial on a stand-in tells of a factory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lr_runs import SCHEDULERS, adam, groups, sgd, untouched, values
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, StepLR

from ignite_delayed import AttachError
from ignite_delayed.lr.optimizer.stand_in import stand_in
from ignite_delayed.lr.steppers.trial import as_factory, copy_for, try_factory


class DecaysWeightsToo(LRScheduler):
    """A scheduler of a user's own."""

    def get_lr(self) -> list[Any]:
        for group in self.optimizer.param_groups:
            group["weight_decay"] = 0.5
        return [group["lr"] for group in self.optimizer.param_groups]


@pytest.mark.parametrize(
    ("factory", "optimizer", "expected"),
    [
        (SCHEDULERS["StepLR"], sgd(), {"lr"}),
        (SCHEDULERS["ReduceLROnPlateau"], sgd(), {"lr"}),
        (SCHEDULERS["ConstantLR"], sgd(), {"lr"}),
        (SCHEDULERS["OneCycleLR"], sgd(), {"lr", "momentum"}),
        (SCHEDULERS["OneCycleLR"], sgd(momentum=0.95), {"lr", "momentum"}),
        (SCHEDULERS["CyclicLR"], adam(), {"lr", "beta1"}),
        (lambda o: OneCycleLR(o, 1.0, 10, cycle_momentum=False), sgd(), {"lr"}),
        (DecaysWeightsToo, sgd(), {"lr", "weight_decay"}),
    ],
)
def test_the_parameters_that_it_writes(factory: Any, optimizer: Any, expected: set[str]) -> None:
    before = untouched(optimizer)
    trial = try_factory("factory", factory, optimizer)
    assert trial.parameters == expected
    assert {"lr", "initial_lr"} <= trial.entries
    assert untouched(optimizer) == before
    assert trial.scheduler.optimizer is not optimizer


def test_notes_that_an_earlier_scheduler_left_are_no_parameters() -> None:
    optimizer = sgd()
    OneCycleLR(optimizer, 1.0, total_steps=10)
    trial = try_factory("factory", lambda o: OneCycleLR(o, 5.0, total_steps=10), optimizer)
    assert trial.parameters == {"lr", "momentum"}
    assert {"max_lr", "min_lr"} <= trial.entries


def test_notes_that_were_loaded_with_the_optimizer_are_noted_again() -> None:
    def factory(optimizer: Any) -> LRScheduler:
        return OneCycleLR(optimizer, 1.0, total_steps=10)

    running, loaded = sgd(), sgd()
    factory(running)
    expected = try_factory("factory", factory, sgd()).entries
    loaded.load_state_dict(running.state_dict())
    assert try_factory("factory", factory, loaded).entries == expected
    assert {"max_lr", "min_lr", "max_momentum", "base_momentum"} <= expected


def test_the_trial_is_not_misled_by_a_stale_initial_lr() -> None:
    optimizer = sgd()
    optimizer.param_groups[0]["initial_lr"] = 9.0
    seen: list[float] = []

    def build(given: Any) -> LRScheduler:
        scheduler = LambdaLR(given, lambda step: 1.0)
        seen.extend(values(given))
        return scheduler

    try_factory("factory", build, optimizer)
    assert seen == [1.0]


@pytest.mark.parametrize("change", [lambda group: group.update(lr=9.0), lambda group: group.update(seen=True)])
def test_a_factory_that_writes_to_another_optimizer_is_refused_and_undone(change: Any) -> None:
    optimizer = sgd()
    before = [dict(group) for group in untouched(optimizer)]

    def build(given: Any) -> LRScheduler:
        change(optimizer.param_groups[0])
        return StepLR(given, 1)

    with pytest.raises(AttachError, match="factory built its scheduler on another optimizer than its argument"):
        try_factory("factory", build, optimizer)
    assert untouched(optimizer) == before


def test_a_factory_that_asks_for_what_only_the_class_has_is_told_what_it_is_tried_on() -> None:
    class Scaled(torch.optim.SGD):
        scale = 0.5

    optimizer: Any = Scaled(groups(1.0), lr=1.0)
    with pytest.raises(
        AttachError, match=r"factory reads 'scale' of its argument, .* groups and defaults of Scaled alone"
    ):
        try_factory("factory", lambda given: StepLR(given, 1, given.scale), optimizer)
    with pytest.raises(AttributeError, match="nonsense"):
        try_factory("factory", lambda given: StepLR(given, 1, given.defaults.nonsense), optimizer)


def test_a_ready_one_is_given_the_base_rates_of_the_moment() -> None:
    optimizer = sgd()
    ready = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    factory = as_factory("factory", ready, optimizer, "epoch")
    optimizer.param_groups[0]["lr"] = 0.5
    assert factory(optimizer) is ready
    optimizer.step()
    ready.step()
    assert values(optimizer) == [0.25]
    assert factory(optimizer).last_epoch == 0


def test_a_copy_for_another_optimizer_leaves_the_ready_one_alone() -> None:
    optimizer, other = sgd(), stand_in(sgd(4.0))
    ready = StepLR(optimizer, 1, 0.5)
    copied = copy_for(ready, other)
    other.step()
    copied.step()
    assert (values(other), values(optimizer)) == ([2.0], [1.0])
    assert (copied.optimizer, ready.optimizer) == (other, optimizer)
    assert ready.last_epoch == 0
