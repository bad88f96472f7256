"""From phases to what steps the rates during each, and what they write."""

from __future__ import annotations

import pytest
from lr_runs import SCHEDULERS, sgd, untouched

from ignite_delayed import After, Constant, Linear, Phase
from ignite_delayed.lr.steppers.base import NoStepper
from ignite_delayed.lr.steppers.build import build_steppers
from ignite_delayed.lr.steppers.floored import FlooredStepper
from ignite_delayed.lr.steppers.schedule import ScheduleStepper
from ignite_delayed.lr.steppers.scheduler import SchedulerStepper

PAUSE = Phase(None, until=After(epochs=1))
RAMP = Phase(Linear(steps=3), per="iteration")
CYCLE = Phase(SCHEDULERS["OneCycleLR"], per="epoch")


def test_each_kind_of_phase_has_its_stepper() -> None:
    optimizer = sgd()
    before = untouched(optimizer)
    steppers, _, _ = build_steppers([PAUSE, RAMP, CYCLE], optimizer, "lr")
    assert [type(stepper) for stepper in steppers] == [NoStepper, ScheduleStepper, SchedulerStepper]
    assert [stepper.per for stepper in steppers] == [None, "iteration", "epoch"]
    assert [stepper.kind for stepper in steppers] == ["", "", "OneCycleLR"]
    assert untouched(optimizer) == before


def test_what_schedules_write_is_the_parameter() -> None:
    _, parameters, entries = build_steppers([PAUSE, RAMP], sgd(), "momentum")
    assert parameters == entries == {"momentum"}


def test_what_a_scheduler_writes_is_found_out() -> None:
    _, parameters, entries = build_steppers([RAMP, CYCLE], sgd(), "lr")
    assert parameters == {"lr", "momentum"}
    assert {"lr", "momentum", "initial_lr", "max_lr"} <= entries


def test_a_least_value_is_one_number_or_one_for_each_group() -> None:
    for least in (0.1, [0.1, 0.2]):
        [stepper], _, _ = build_steppers([Phase(Constant(), per="epoch", min_lr=least)], sgd(1.0, 0.5), "lr")
        assert type(stepper) is FlooredStepper
    for wrong in ([0.1], [0.1, 0.2, 0.3]):
        with pytest.raises(ValueError, match=r"min_lr must be one number, or one for each of the 2 groups, got \(0.1"):
            build_steppers([PAUSE, Phase(Constant(), per="epoch", min_lr=wrong)], sgd(1.0, 0.5), "lr")


def test_schedulers_write_no_other_parameter() -> None:
    with pytest.raises(ValueError, match="parameter must be 'lr' for a torch scheduler, got 'momentum'"):
        build_steppers([Phase(Constant(), per="epoch", until=After(epochs=1)), CYCLE], sgd(), "momentum")
