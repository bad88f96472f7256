"""A schedule steps the rates of one phase."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engines import engine
from lr_runs import adam, groups, sgd, values

from ignite_delayed import Constant, Cosine, Exponential, Linear, Schedule, warmup
from ignite_delayed.lr.plan import Plan
from ignite_delayed.lr.steppers.schedule import ScheduleStepper


def stepper_of(schedule: Schedule, *, per: str = "iteration", parameter: str = "lr", last: bool = False) -> Any:
    stepper = ScheduleStepper(schedule, per, parameter, last)
    trainer = engine()
    trainer.state.max_epochs, trainer.state.epoch_length = 4, 10
    stepper.resolve(trainer, Plan(None), (0, 0))
    return stepper


@pytest.mark.parametrize("parameter", ["lr", "momentum", "weight_decay"])
def test_multiplies_each_groups_base(parameter: str) -> None:
    optimizer = sgd(1.0, 0.1)
    stepper = stepper_of(Linear(1, 0, steps=4), parameter=parameter)
    stepper.step(optimizer, [1.0, 0.5], 1)
    assert values(optimizer, parameter) == [0.75, 0.375]
    assert stepper.last_values([1.0, 0.5]) == [0.75, 0.375]


def test_of_beta1() -> None:
    optimizer = adam()
    stepper_of(Constant(0.5), parameter="beta1").step(optimizer, [0.9], 0)
    assert optimizer.param_groups[0]["betas"] == (0.45, 0.999)


def test_fills_tensors_and_replaces_whole_numbers() -> None:
    rate = torch.tensor(1.0)
    optimizer = sgd(rate, 1)
    stepper_of(Constant(0.5)).step(optimizer, [1.0, 1.0], 0)
    assert values(optimizer) == [0.5, 0.5]
    assert optimizer.param_groups[0]["lr"] is rate


def test_a_group_that_came_later_brings_its_base() -> None:
    optimizer, bases = sgd(1.0), [1.0]
    stepper = stepper_of(Constant(0.5))
    stepper.step(optimizer, bases, 0)
    optimizer.add_param_group(groups(0.4)[0])
    stepper.step(optimizer, bases, 1)
    stepper.step(optimizer, bases, 2)
    assert values(optimizer) == [0.5, 0.2]
    assert bases == [1.0, 0.4]


@pytest.mark.parametrize(
    ("schedule", "per", "stop"),
    [
        (Linear(steps=4), "iteration", 4),
        (Linear(epochs=2), "iteration", 20),
        (Linear(epochs=2), "epoch", 2),
        (warmup(fraction=0.25).then(Cosine(fraction=0.5)), "iteration", 30),
        (Exponential(0.5, epochs=1), "iteration", float("inf")),
    ],
)
def test_ends_by_itself_where_another_phase_follows(schedule: Schedule, per: str, stop: float) -> None:
    assert stepper_of(schedule, per=per).stop == stop
    assert stepper_of(schedule, per=per, last=True).stop == float("inf")


def test_equals_the_schedule_at_every_step() -> None:
    schedule = warmup(steps=3).then(Cosine(steps=5)).then(Exponential(0.5, steps=2))
    stepper, optimizer = stepper_of(schedule), sgd()
    for step in range(20):
        stepper.step(optimizer, [0.3], step)
        assert values(optimizer) == [0.3 * schedule(step)]


def test_the_length_of_a_run_by_iterations() -> None:
    stepper = ScheduleStepper(Linear(fraction=1.0), "iteration", "lr", False)
    trainer = engine()
    trainer.state.max_epochs, trainer.state.epoch_length = None, 10
    trainer.state.max_iters = 25
    stepper.resolve(trainer, Plan(None), (0, 0))
    assert stepper.stop == 25


@pytest.mark.parametrize(("epochs", "length"), [(None, 10), (4, None)])
def test_a_length_that_cannot_be_told(epochs: int | None, length: int | None) -> None:
    stepper = ScheduleStepper(Linear(fraction=0.5), "iteration", "lr", False)
    trainer = engine()
    trainer.state.max_epochs, trainer.state.epoch_length = epochs, length
    with pytest.raises(ValueError, match=r"cannot be told, since that of the run is not known: call trainer.run\("):
        stepper.resolve(trainer, Plan(None), (0, 0))
