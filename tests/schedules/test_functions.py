"""Schedules of a user's own function: what it is given, what is refused, by what it is recognised."""

from __future__ import annotations

import functools
import math
import os
import pickle
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from engines import through_torch
from ignite.engine import Events
from lr_runs import Training, sgd

from ignite_delayed import Phase, StateError, apply_schedule, preview
from ignite_delayed.schedules import Constant, Cosine, Linear, Polynomial, Schedule, warmup


def falling(progress: float) -> float:
    return 1 - progress**2


class Decay:
    def __init__(self, power: float) -> None:
        self.power = power

    def __call__(self, progress: float) -> float:
        return 1.0 - math.pow(progress, self.power)


async def later(progress: float) -> float:
    return progress


def test_the_function_is_given_the_progress_and_keeps_its_last_value() -> None:
    given: list[Any] = []

    def noted(progress: float) -> float:
        given.append(progress)
        return progress

    schedule = Schedule.of(noted, steps=4)
    given.clear()
    assert [schedule(step) for step in range(7)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    schedule(np.arange(7))
    schedule(np.arange(7.0))
    assert {type(progress) for progress in given} == {float}
    assert set(given) == {0.0, 0.25, 0.5, 0.75, 1.0}


@pytest.mark.parametrize(
    ("function", "built_in"),
    [
        (lambda progress: 1 - progress, Linear(steps=13)),
        (lambda progress: (1 + np.cos(np.pi * progress)) / 2, Cosine(steps=13)),
        (lambda progress: np.asarray(1 - progress) ** 2, Polynomial(2, steps=13)),
        (lambda progress: np.interp(progress, [0, 1], [1, 0]), Linear(steps=13)),
        (lambda progress: torch.tensor(1 - progress, dtype=torch.float64), Linear(steps=13)),
        (functools.partial(lambda power, progress: (1 - progress) ** power, 2), Polynomial(2, steps=13)),
        (lambda progress: 1, Constant(steps=13)),
    ],
)
def test_it_is_the_schedule_of_the_same_formula(function: Any, built_in: Schedule) -> None:
    schedule = warmup(steps=3).then(Schedule.of(function, steps=13)).then(Constant(0.5))
    expected = warmup(steps=3).then(built_in).then(Constant(0.5))
    steps = np.arange(20)
    assert [schedule(step) for step in range(20)] == pytest.approx([expected(step) for step in range(20)], abs=1e-15)
    np.testing.assert_allclose(schedule(steps), expected(steps), rtol=1e-12, atol=1e-15)
    assert {type(schedule(step)) for step in range(20)} == {float}


@pytest.mark.parametrize("length", [{"epochs": 3}, {"fraction": 0.5}, {"rest": True}, {"iterations": 15}])
def test_its_length_is_of_any_unit(length: Any) -> None:
    run: Any = {"per": "iteration", "epochs": 6, "iterations_per_epoch": 5}
    ours = warmup(epochs=1).then(Schedule.of(lambda progress: 1 - progress, **length)).resolve(**run)
    theirs = warmup(epochs=1).then(Linear(**length)).resolve(**run)
    assert [row[:2] for row in ours.segments()] == [row[:2] for row in theirs.segments()]
    np.testing.assert_allclose(ours(np.arange(31)), theirs(np.arange(31)), atol=1e-15)


def test_it_prints_its_name_and_what_it_computes() -> None:
    digits = repr(Schedule.of(falling, steps=3)).removeprefix("Schedule.of(<falling ").removesuffix(">, steps=3)")
    assert len(digits) == 8
    assert repr(Schedule.of(lambda progress: 1 - progress * progress, steps=3)) == (
        f"Schedule.of(<lambda {digits}>, steps=3)"
    )
    assert repr(Schedule.of(Decay(2), name="mine", epochs=1)) == f"Schedule.of(<mine {digits}>, epochs=1)"
    assert repr(Schedule.of(functools.partial(falling), epochs=1)) == f"Schedule.of(<partial {digits}>, epochs=1)"
    assert digits not in repr(Schedule.of(Decay(2.01), name="mine", epochs=1))


def test_a_small_edit_anywhere_is_another_rule() -> None:
    def bumped(at: float) -> Schedule:
        return Schedule.of(lambda progress: 1.5 if at < progress < at + 0.002 else 1.0, steps=3)

    assert len({repr(bumped(tenth / 10 + 0.0123)) for tenth in range(10)}) == 10


def test_the_digits_are_those_of_every_process() -> None:
    code = (
        "from ignite_delayed import Schedule; import math\n"
        "print(Schedule.of(lambda progress: .5 * (1 + math.cos(3 * progress)), steps=3))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert printed == {repr(Schedule.of(lambda progress: 0.5 * (1 + math.cos(3 * progress)), steps=3))}


def test_it_is_a_value_as_far_as_its_function_is() -> None:
    schedule = Schedule.of(falling, epochs=3)
    assert schedule == Schedule.of(falling, epochs=3)
    assert hash(schedule) == hash(Schedule.of(falling, epochs=3))
    assert schedule != Schedule.of(falling, epochs=4)
    assert pickle.loads(pickle.dumps(schedule)) == schedule


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (3, TypeError, "function must be a function of the progress, got 3"),
    (Decay, TypeError, "function must be a function of the progress"),
    (later, TypeError, "a plain function, got .* coroutine"),
    (Cosine(steps=3), TypeError, "It is a schedule as it is"),
    (lambda: 1.0, TypeError, r"function of one number, got .* Its signature is \(\)"),
    (lambda step: 1.0, TypeError, "Its argument is called 'step'.*f\\(round\\(progress \\* 90\\)\\) with epochs=90"),
    (lambda epoch_idx: 1.0, TypeError, "Its argument is called 'epoch_idx'"),
    (lambda progress: None, TypeError, "the factor at progress 0 must be a finite number >= 0, got None"),
    (lambda progress: True, TypeError, "the factor at progress 0 must be"),
    (lambda progress: np.ones(2), TypeError, "the factor at progress 0 must be"),
    (lambda progress: math.nan if progress == 1 else 1.0, ValueError, "the factor at progress 1 must be .* got nan"),
    (lambda progress: 0.5 - progress, ValueError, "the factor at progress 1 must be .* got -0.5"),
    (lambda progress: -1.0 if 0.3 < progress < 0.31 else 1.0, ValueError, "at progress 0.30.* got -1.0"),
    (lambda progress: random.random(), ValueError, "each time, .* A resumed run must be the same"),
]


@pytest.mark.parametrize(("function", "error", "message"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_what_is_no_function_of_the_progress_is_refused_as_it_is_built(
    function: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Schedule.of(function, epochs=3)


def test_its_length_is_asked_for_and_its_name_is_a_name() -> None:
    with pytest.raises(TypeError, match=r"^Schedule\.of takes exactly one of steps, .* Write Schedule\.of\("):
        Schedule.of(falling)
    with pytest.raises(ValueError, match="name must be a non-empty string"):
        Schedule.of(falling, name="", epochs=3)


def test_errors_of_the_function_are_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        Schedule.of(lambda progress: 1 / progress, epochs=3)


def test_an_array_is_never_passed_to_it() -> None:
    schedule = Schedule.of(lambda progress: 1.0 if progress < 0.5 else 0.1, steps=4)
    assert schedule(np.arange(6)).tolist() == [1.0, 1.0, 0.1, 0.1, 0.1, 0.1]
    assert schedule(np.arange(6).reshape(2, 3)).tolist() == [[1.0, 1.0, 0.1], [0.1, 0.1, 0.1]]


def training(schedule: Schedule) -> Training:
    made = Training(sgd(0.1, 2.0), at=None)
    apply_schedule(made.recorder, made.optimizer, schedule, per="iteration", name="rate")
    return made


def resumed(saved: Schedule, here: Schedule) -> Training:
    """A run of 4 epochs saved after the second with one schedule, and loaded with another."""
    before, after = training(saved), training(here)
    before.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), before.trainer.terminate)
    before.run(4, 3)
    for name in ("trainer", "optimizer", "recorder"):
        getattr(after, name).load_state_dict(through_torch(getattr(before, name).state_dict()))
    return after


@pytest.mark.parametrize("names", [("k", "k"), (None, None), ("k", "n > 1"), ("n < 1 > 0", None)])
def test_a_run_is_resumed_with_a_function_that_computes_the_same_whatever_it_is_called(names: Any) -> None:
    schedule = warmup(epochs=1).then(Schedule.of(falling, name=names[0], epochs=3))
    after = resumed(schedule, warmup(epochs=1).then(Schedule.of(Decay(2), name=names[1], epochs=3)))
    assert after.run(4, 3) == training(schedule).run(4, 3)[6:]


def test_only_what_one_function_is_called_may_differ() -> None:
    first, second = Schedule.of(falling, epochs=1), Schedule.of(Decay(1), epochs=3)
    with pytest.raises(StateError, match="other phases"):
        resumed(first.then(second), second.then(first))
    with pytest.raises(StateError, match="other phases"):
        resumed(first.then(second), Schedule.of(falling, epochs=2).then(second))


def test_it_is_tried_out_once_however_often_its_length_is_resolved() -> None:
    asked: list[float] = []

    def slow(progress: float) -> float:
        asked.append(progress)
        return 1 - progress

    schedule = Schedule.of(slow, name="slow", epochs=3)
    before = len(asked)
    resolved = warmup(epochs=1).then(schedule).resolve(per="epoch")
    preview(schedule, epochs=4, iterations_per_epoch=5)
    assert len(asked) - before < 50
    assert resolved == warmup(steps=1).then(Schedule.of(slow, name="slow", steps=3))
    assert repr(resolved) == repr(warmup(steps=1).then(Schedule.of(slow, name="slow", steps=3)))


def test_an_edited_function_is_another_rule() -> None:
    with pytest.raises(StateError, match=r"(?s)other phases.*saved: .*<k 3f2971d5>.*here: .*<k (?!3f2971d5)"):
        resumed(Schedule.of(falling, name="k", epochs=4), Schedule.of(Decay(2.5), name="k", epochs=4))


def test_it_is_previewed_as_it_trains() -> None:
    schedule = warmup(epochs=1).then(Schedule.of(falling, rest=True))
    lived = training(schedule).run(4, 5)
    foreseen = preview(schedule, epochs=4, iterations_per_epoch=5)
    assert lived == [pytest.approx([0.1 * factor, 2.0 * factor]) for factor in foreseen.rates[:, 0]]
    assert Phase(schedule, per="iteration").takes_share
