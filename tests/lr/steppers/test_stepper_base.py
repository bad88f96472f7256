"""A stepper that steps nothing."""

from __future__ import annotations

from ignite_delayed.lr.steppers.base import NoStepper


def test_writes_nothing_and_has_no_state() -> None:
    stepper = NoStepper()
    assert (stepper.writes, stepper.per, stepper.state(), stepper.last_values([1.0]), stepper.scheduler) == (False,) + (
        None,
    ) * 4
