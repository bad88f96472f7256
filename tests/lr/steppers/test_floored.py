"""No value is lowered past the least one, and none is raised to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Events
from lr_runs import Training, groups, saved, sgd
from wrapped_optimizers import WRAPPERS

from ignite_delayed import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    LRPhases,
    Phase,
    Schedule,
    StateError,
    Step,
    apply_schedule,
    plot_schedule,
    preview,
    warmup,
)

BASES = (0.1, 0.01, 0.0005)


def trained(schedule: Schedule, *, bases: tuple[float, ...] = BASES, epochs: int = 8, **options: Any) -> list[Any]:
    """What each epoch trains at."""
    training = Training(sgd(*bases))
    apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", **options)
    return training.run(epochs)


@given(
    factors=st.lists(st.floats(0, 2), min_size=1, max_size=80),
    bases=st.lists(st.floats(1e-6, 10), min_size=1, max_size=3),
    least=st.floats(1e-6, 10),
    begin=st.integers(0, 79),
)
def test_is_the_higher_of_the_value_and_the_least_one_or_its_own_highest_so_far(
    factors: list[float], bases: list[float], least: float, begin: int
) -> None:
    last = len(factors) - 1
    schedule = Schedule.of(lambda progress: factors[round(progress * last)], steps=max(last, 1))
    expected = [
        [max(base * factor, min(least, base * max(factors[: step + 1]))) for base in bases]
        for step, factor in enumerate(factors)
    ]
    training = Training(sgd(*bases))
    apply_schedule(training.recorder, training.optimizer, schedule, per="iteration", min_lr=least)
    assert training.run(1, len(factors)) == expected
    phases = [Phase(schedule, per="iteration", min_lr=least)]
    seen = preview(phases, optimizer=sgd(*bases), epochs=1, iterations_per_epoch=len(factors))
    assert seen.rates.tolist() == expected
    resumed = Training(sgd(*bases))
    apply_schedule(resumed.recorder, resumed.optimizer, schedule, per="iteration", min_lr=least)
    begin %= len(factors)  # the trainer's clock is all that it needs
    resumed.trainer.load_state_dict({"iteration": begin, "epoch_length": len(factors), "max_epochs": 1})
    resumed.trainer.run([0] * len(factors))
    assert resumed.used == expected[begin:]


def test_a_warm_up_from_0_is_not_lifted_and_a_group_that_is_below_is_left_alone() -> None:
    schedule = warmup(epochs=2).then(Linear(epochs=4))
    assert trained(schedule, min_lr=0.001) == [
        [0.0, 0.0, 0.0],
        [0.05, 0.005, 0.00025],
        [0.1, 0.01, 0.0005],
        [0.1 * 0.75, 0.01 * 0.75, 0.0005],
        [0.05, 0.005, 0.0005],
        [0.025, 0.0025, 0.0005],
        [0.001, 0.001, 0.0005],
        [0.001, 0.001, 0.0005],
    ]


def test_each_group_has_its_own() -> None:
    found = trained(Exponential(0.1, epochs=1), min_lr=[0.02, 0, 0.0001], epochs=4)
    torch.testing.assert_close(found[-1], [0.02, 1e-5, 0.0001])


def test_a_group_that_is_added_later_has_the_last() -> None:
    training = Training(sgd(1.0, 0.5))
    curve = Step(0.1, epochs=1, repeat=True)
    apply_schedule(training.recorder, training.optimizer, curve, per="epoch", min_lr=[0.02, 0.03])

    @training.trainer.on(Events.EPOCH_COMPLETED(once=1))
    def add() -> None:
        training.optimizer.add_param_group(groups(0.8)[0])

    assert training.run(4)[-1] == [0.02, 0.03, 0.03]


def test_only_the_phase_that_has_one_has_it() -> None:
    optimizer = sgd(1.0)
    phases = [
        Phase(Linear(1, 0.1, epochs=2), per="epoch", min_lr=0.7),
        Phase(Linear(0.1, 0.02, epochs=2), per="epoch"),
        Phase(Linear(1, 0, epochs=2), per="epoch", min_lr=0.25),
    ]
    training = Training(optimizer)
    LRPhases(training.recorder, optimizer, phases)
    assert training.lr(7) == [1.0, 0.7, 0.1, pytest.approx(0.06), 1.0, 0.5, 0.25]
    assert training.run(7) == training.used[:7]  # afresh


def test_timms_scale_multiplies_what_comes_out() -> None:
    optimizer = sgd(1.0, 1.0)
    optimizer.param_groups[1]["lr_scale"] = 0.5
    training = Training(optimizer)
    apply_schedule(training.recorder, optimizer, Linear(epochs=4), per="epoch", min_lr=0.6)
    assert training.run(4) == [[1.0, 0.5], [0.75, 0.375], [0.6, 0.3], [0.6, 0.3]]


def test_of_a_momentum_it_is_the_least_momentum() -> None:
    training = Training(sgd(momentum=0.8), watch=["momentum"])
    apply_schedule(
        training.recorder, training.optimizer, Linear(epochs=4), per="epoch", parameter="momentum", min_lr=0.5
    )
    assert [one for (one,) in training.run(5)] == [0.8, pytest.approx(0.6), 0.5, 0.5, 0.5]


def test_tensors_are_filled() -> None:
    rate = torch.tensor(1.0)
    training = Training(sgd(rate))
    apply_schedule(training.recorder, training.optimizer, Linear(epochs=2), per="epoch", min_lr=0.25)
    assert training.lr(4) == [1.0, 0.5, 0.25, 0.25]
    assert training.optimizer.param_groups[0]["lr"] is rate


@pytest.mark.parametrize("wrap", WRAPPERS.values())
def test_of_wrapped_optimizers_and_of_a_dict_of_schedules(wrap: Any) -> None:
    optimizer = wrap(sgd(1.0, 0.3))
    training = Training(optimizer)
    apply_schedule(training.recorder, optimizer, {0: Linear(epochs=2), 1: Constant()}, per="epoch", min_lr=0.4)
    assert training.run(3) == [[1.0, 0.3], [0.5, 0.3], [0.4, 0.3]]


def test_a_dict_of_schedules_has_one_number() -> None:
    training = Training(sgd(1.0, 0.3))
    curves = {0: Linear(epochs=2), 1: Constant()}
    with pytest.raises(ValueError, match=r"min_lr must be one number for a dict of schedules, got .*groups="):
        apply_schedule(training.recorder, training.optimizer, curves, per="epoch", min_lr=[0.1, 0.2])
    assert training.recorder.hub.attached == []


@pytest.mark.parametrize("bases", [(0.1, 0.004, 0.0005), (0.1,), (0.1, 0.1)])
def test_schedules_that_rise_again_and_again_are_stepped_quickly_and_right(
    bases: tuple[float, ...], caplog: pytest.LogCaptureFixture
) -> None:
    zigzag = Linear(0.1, 1, iterations=5).then(Linear(1, 0.1, iterations=5)).repeat(3).then(Linear(0, 3, iterations=20))
    least, length = (0.02, 0.002, 0.0006)[: len(bases)], 60
    training = Training(sgd(*bases))
    apply_schedule(training.recorder, training.optimizer, zigzag, per="iteration", min_lr=least)
    factors = [zigzag(step) for step in range(length)]
    for step, found in enumerate(training.run(1, length)):
        lows = [min(low, base * max(factors[: step + 1])) for low, base in zip(least, bases, strict=True)]
        assert found == [max(base * factors[step], low) for base, low in zip(bases, lows, strict=True)]
    assert caplog.messages == []


def test_in_a_run_made_longer_what_was_highest_is_that_of_the_longer_schedule() -> None:
    training = Training(sgd(1.0))
    schedule = Linear(0, 1, fraction=0.5).then(Linear(1, 0, fraction=0.5))
    apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", min_lr=2.0)
    assert training.lr(4) == [0.0, 0.5, 1.0, 1.0]
    training.trainer.run([0], max_epochs=16)
    assert training.used[4:] == [[0.5], [0.625], [0.75], [0.875], *[[1.0]] * 8]


def falls(least: float) -> Training:
    training = Training(sgd(*BASES))
    schedule = warmup(iterations=4).then(Cosine(rest=True))
    apply_schedule(training.recorder, training.optimizer, schedule, per="iteration", min_lr=least)
    return training


def load(training: Training, states: list[Any]) -> None:
    objects: list[Any] = [training.trainer, training.optimizer, training.recorder]
    for one, state in zip(objects, states, strict=True):
        one.load_state_dict(state)


@pytest.mark.parametrize("cut", range(1, 18))
def test_is_resumed_at_every_cut(cut: int) -> None:
    states, expected = saved(falls(0.001), cut)
    resumed = falls(0.001)
    load(resumed, states[0])
    resumed.trainer.run([0] * 3)
    assert resumed.used == expected


def test_an_edited_one_is_another_rule() -> None:
    states, _ = saved(falls(0.001), 5)
    for edited in (0.002, 0.0):
        with pytest.raises(StateError, match=r"cannot load the state of other phases:\n.*min_lr=0\.001"):
            load(falls(edited), states[0])


def test_a_preview_of_many_steps_is_the_run_and_nobody_else_is_said_to_write(caplog: pytest.LogCaptureFixture) -> None:
    phases = [Phase(warmup(epochs=1).then(Cosine(rest=True)), per="iteration", min_lr=0.001)]
    training = Training(sgd(*BASES))
    LRPhases(training.recorder, training.optimizer, phases)
    seen = preview(phases, optimizer=sgd(*BASES), epochs=4, iterations_per_epoch=100)
    np.testing.assert_allclose(seen.rates, training.run(4, 100), rtol=1e-12)
    assert seen.rates[0].tolist() == [0, 0, 0]
    assert seen.rates[-1].tolist() == [0.001, 0.001, 0.0005]
    assert caplog.messages == []


def test_a_preview_without_an_optimizer_knows_no_rates() -> None:
    phases = [Phase(Cosine(epochs=2), per="epoch", min_lr=0.001)]
    for show in (preview, plot_schedule):
        with pytest.raises(ValueError, match=r"optimizer must be given where a phase has min_lr, .*factors"):
            show(phases, epochs=2, iterations_per_epoch=1)


def test_it_is_drawn() -> None:
    phases = [Phase(Linear(epochs=2), per="epoch", min_lr=0.4)]
    drawn = plot_schedule(phases, optimizer=sgd(1.0), epochs=3, iterations_per_epoch=1)
    [[line]] = drawn.curves.values()
    assert line.get_ydata().tolist() == [1.0, 1.0, 0.5, 0.4]  # type: ignore[union-attr]
