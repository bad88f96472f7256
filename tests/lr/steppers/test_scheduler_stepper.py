"""A torch scheduler steps the rates of one phase."""

from __future__ import annotations

import logging

import pytest
from engines import engine
from lr_runs import SCHEDULERS, sgd, values
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from ignite_delayed.lr.steppers.scheduler import SchedulerStepper


def test_builds_when_it_begins_with_the_rates_of_the_moment() -> None:
    optimizer = sgd()
    stepper = SchedulerStepper(SCHEDULERS["LinearLR"], "epoch", "LinearLR")
    assert stepper.scheduler is None
    optimizer.param_groups[0].update(lr=0.5, initial_lr=9.0)
    stepper.begin(optimizer, [], 10)
    assert values(optimizer) == [0.125]
    assert optimizer.param_groups[0]["initial_lr"] == 0.5


def test_steps_as_often_as_units_were_trained_and_no_more() -> None:
    optimizer = sgd()
    stepper = SchedulerStepper(SCHEDULERS["ExponentialLR"], "epoch", "ExponentialLR")
    stepper.begin(optimizer, [], 0)
    optimizer.step()
    rates = []
    for step in (0, 1, 1, 2, 1, 2):
        stepper.step(optimizer, [], step)
        rates += values(optimizer)
    assert rates == [1.0, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert stepper.last_values([]) == [0.25]


def test_begins_anew() -> None:
    optimizer = sgd()
    stepper = SchedulerStepper(SCHEDULERS["ExponentialLR"], "epoch", "ExponentialLR")
    for _ in range(2):
        optimizer.param_groups[0]["lr"] = 1.0
        stepper.begin(optimizer, [], 0)
        assert stepper.last_values([]) is None
        optimizer.step()
        stepper.step(optimizer, [], 1)
        assert values(optimizer) == [0.5]


def test_the_evaluation_at_which_it_was_built_is_no_step() -> None:
    optimizer, trainer = sgd(), engine()
    stepper = SchedulerStepper(SCHEDULERS["ExponentialLR"], "evaluation", "ExponentialLR")
    trainer.state.iteration = 10
    stepper.begin(optimizer, [], 10)
    optimizer.step()
    rates = []
    for iteration, evaluation in ((10, 3), (11, 4), (12, 4), (12, 5)):
        trainer.state.iteration = iteration
        stepper.observe(trainer, evaluation, None)
        rates += values(optimizer)
    assert rates == [1.0, 0.5, 0.5, 0.25]


def test_the_warning_of_negative_values_is_given_once_a_run(caplog: pytest.LogCaptureFixture) -> None:
    optimizer, trainer = sgd(), engine()
    stepper = SchedulerStepper(ReduceLROnPlateau, "evaluation", "ReduceLROnPlateau")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            stepper.begin(optimizer, [], 0)
            for value in (0.0, 1.0, -1.0, -2.0):
                stepper.observe(trainer, 1, value)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "ReduceLROnPlateau(threshold_mode='rel') is given -1"
    ] * 2


def test_its_state() -> None:
    optimizer = sgd()
    stepper = SchedulerStepper(lambda optimizer: StepLR(optimizer, 2, 0.1), "epoch", "StepLR")
    stepper.begin(optimizer, [], 7)
    optimizer.step()
    stepper.step(optimizer, [], 1)
    begun_after, steps, evaluation, built, scheduler = stepper.state()
    assert (begun_after, steps, evaluation, scheduler["last_epoch"]) == (7, 1, 0, 1)
    rates, began = built
    assert (rates, began["last_epoch"], began["step_size"]) == ([1.0], 0, 2)
