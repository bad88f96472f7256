"""What moves the rates of one phase, by itself."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from engines import engine
from lr_runs import SCHEDULERS, adam, groups, sgd, values
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from ignite_delayed import Constant, Cosine, Exponential, Linear, Schedule, warmup
from ignite_delayed.lr.steppers.base import Hold, ScheduleDrive, SchedulerDrive


def schedule_drive(schedule: Schedule, *, per: str = "iteration", parameter: str = "lr", last: bool = False) -> Any:
    drive = ScheduleDrive(schedule, per, parameter, last)
    trainer = engine()
    trainer.state.max_epochs, trainer.state.epoch_length = 4, 10
    drive.resolve(trainer)
    return drive


class TestHold:
    def test_writes_nothing_and_has_no_state(self) -> None:
        drive = Hold()
        assert (drive.writes, drive.per, drive.state(), drive.left([1.0]), drive.scheduler) == (False,) + (None,) * 4


class TestScheduleDrive:
    @pytest.mark.parametrize("parameter", ["lr", "momentum", "weight_decay"])
    def test_multiplies_each_groups_base(self, parameter: str) -> None:
        optimizer = sgd(1.0, 0.1)
        drive = schedule_drive(Linear(1, 0, steps=4), parameter=parameter)
        drive.step(optimizer, [1.0, 0.5], 1)
        assert values(optimizer, parameter) == [0.75, 0.375]
        assert drive.left([1.0, 0.5]) == [0.75, 0.375]

    def test_of_beta1(self) -> None:
        optimizer = adam()
        schedule_drive(Constant(0.5), parameter="beta1").step(optimizer, [0.9], 0)
        assert optimizer.param_groups[0]["betas"] == (0.45, 0.999)

    def test_fills_tensors_and_replaces_whole_numbers(self) -> None:
        rate = torch.tensor(1.0)
        optimizer = sgd(rate, 1)
        schedule_drive(Constant(0.5)).step(optimizer, [1.0, 1.0], 0)
        assert values(optimizer) == [0.5, 0.5]
        assert optimizer.param_groups[0]["lr"] is rate

    def test_a_group_that_came_later_brings_its_base(self) -> None:
        optimizer, bases = sgd(1.0), [1.0]
        drive = schedule_drive(Constant(0.5))
        drive.step(optimizer, bases, 0)
        optimizer.add_param_group(groups(0.4)[0])
        drive.step(optimizer, bases, 1)
        drive.step(optimizer, bases, 2)
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
    def test_ends_by_itself_where_another_phase_follows(self, schedule: Schedule, per: str, stop: float) -> None:
        assert schedule_drive(schedule, per=per).stop == stop
        assert schedule_drive(schedule, per=per, last=True).stop == float("inf")

    def test_equals_the_schedule_at_every_step(self) -> None:
        schedule = warmup(steps=3).then(Cosine(steps=5)).then(Exponential(0.5, steps=2))
        drive, optimizer = schedule_drive(schedule), sgd()
        for step in range(20):
            drive.step(optimizer, [0.3], step)
            assert values(optimizer) == [0.3 * schedule(step)]

    def test_the_length_of_a_run_by_iterations(self) -> None:
        drive = ScheduleDrive(Linear(fraction=1.0), "iteration", "lr", False)
        trainer = engine()
        trainer.state.max_epochs, trainer.state.epoch_length = None, 10
        trainer.state.max_iters = 25
        drive.resolve(trainer)
        assert drive.stop == 25

    @pytest.mark.parametrize(("epochs", "length"), [(None, 10), (4, None)])
    def test_a_length_that_cannot_be_told(self, epochs: int | None, length: int | None) -> None:
        drive = ScheduleDrive(Linear(fraction=0.5), "iteration", "lr", False)
        trainer = engine()
        trainer.state.max_epochs, trainer.state.epoch_length = epochs, length
        with pytest.raises(ValueError, match=r"cannot be told, since that of the run is not known: call trainer.run\("):
            drive.resolve(trainer)


class TestSchedulerDrive:
    def test_builds_when_it_begins_with_the_rates_of_the_moment(self) -> None:
        optimizer = sgd()
        drive = SchedulerDrive(SCHEDULERS["LinearLR"], "epoch", "LinearLR")
        assert drive.scheduler is None
        optimizer.param_groups[0].update(lr=0.5, initial_lr=9.0)
        drive.begin(optimizer, [], 10)
        assert values(optimizer) == [0.125]
        assert optimizer.param_groups[0]["initial_lr"] == 0.5

    def test_steps_as_often_as_units_were_trained_and_no_more(self) -> None:
        optimizer = sgd()
        drive = SchedulerDrive(SCHEDULERS["ExponentialLR"], "epoch", "ExponentialLR")
        drive.begin(optimizer, [], 0)
        optimizer.step()
        rates = []
        for step in (0, 1, 1, 2, 1, 2):
            drive.step(optimizer, [], step)
            rates += values(optimizer)
        assert rates == [1.0, 0.5, 0.5, 0.25, 0.25, 0.25]
        assert drive.left([]) == [0.25]

    def test_begins_anew(self) -> None:
        optimizer = sgd()
        drive = SchedulerDrive(SCHEDULERS["ExponentialLR"], "epoch", "ExponentialLR")
        for _ in range(2):
            optimizer.param_groups[0]["lr"] = 1.0
            drive.begin(optimizer, [], 0)
            assert drive.left([]) is None
            optimizer.step()
            drive.step(optimizer, [], 1)
            assert values(optimizer) == [0.5]

    def test_the_evaluation_at_which_it_was_built_is_no_step(self) -> None:
        optimizer, trainer = sgd(), engine()
        drive = SchedulerDrive(SCHEDULERS["ExponentialLR"], "evaluation", "ExponentialLR")
        trainer.state.iteration = 10
        drive.begin(optimizer, [], 10)
        optimizer.step()
        rates = []
        for iteration, evaluation in ((10, 3), (11, 4), (12, 4), (12, 5)):
            trainer.state.iteration = iteration
            drive.observe(trainer, evaluation, None)
            rates += values(optimizer)
        assert rates == [1.0, 0.5, 0.5, 0.25]

    def test_the_warning_of_negative_values_is_given_once_a_run(self, caplog: pytest.LogCaptureFixture) -> None:
        optimizer, trainer = sgd(), engine()
        drive = SchedulerDrive(ReduceLROnPlateau, "evaluation", "ReduceLROnPlateau")
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                drive.begin(optimizer, [], 0)
                for value in (0.0, 1.0, -1.0, -2.0):
                    drive.observe(trainer, 1, value)
        assert [record.getMessage().split(":")[0] for record in caplog.records] == [
            "ReduceLROnPlateau(threshold_mode='rel') is given -1"
        ] * 2

    def test_its_state(self) -> None:
        optimizer = sgd()
        drive = SchedulerDrive(lambda optimizer: StepLR(optimizer, 2, 0.1), "epoch", "StepLR")
        drive.begin(optimizer, [], 7)
        optimizer.step()
        drive.step(optimizer, [], 1)
        begun_after, steps, evaluation, scheduler = drive.state()
        assert (begun_after, steps, evaluation, scheduler["last_epoch"]) == (7, 1, 0, 1)
