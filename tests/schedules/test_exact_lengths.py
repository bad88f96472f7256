"""Ends of periods are rounded from their exact place, scales of decays are not rounded: nothing adds up rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed.schedules import (
    Chain,
    Constant,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Schedule,
    Step,
    warmup,
)


def values(schedule: Schedule, steps: int) -> list[float]:
    """The factors at the first steps, alike one by one and at once."""
    one_by_one = [schedule(step) for step in range(steps)]
    np.testing.assert_allclose(schedule(np.arange(steps)), one_by_one, rtol=1e-12, atol=1e-14)
    return one_by_one


def restarts(factors: list[float]) -> list[int]:
    """Where the factors jump up."""
    return [step for step in range(1, len(factors)) if factors[step] > factors[step - 1]]


def test_every_share_of_every_run_ends_with_the_run() -> None:
    for epochs in range(4, 101):
        for cycles in range(1, epochs // 2 + 1):
            schedule = CosineRestarts(fraction=1 / cycles).resolve(per="epoch", epochs=epochs)
            factors = schedule(np.arange(epochs + 1))
            assert restarts(list(factors)) == [round(cycle * epochs / cycles) for cycle in range(1, cycles + 1)]
            assert factors[-2] <= 0.5 + 1e-12


def test_a_third_of_the_run_does_not_begin_a_fourth_cycle() -> None:
    schedule = CosineRestarts(fraction=1 / 3).resolve(per="epoch", epochs=100)
    factors = values(schedule, 101)
    assert restarts(factors) == [33, 67, 100]
    assert factors[99] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("growth", [2, 3])
def test_growing_cycles_begin_at_the_rounded_place_of_each(growth: int) -> None:
    factors = values(CosineRestarts(growth=growth, epochs=2.4).resolve(per="epoch"), 300)
    exact = [2.4 * (growth**cycle - 1) / (growth - 1) for cycle in range(1, 9)]
    assert restarts(factors) == [round(place) for place in exact if round(place) < 300]


@given(st.floats(1.5, 40), st.integers(1, 3), st.floats(0.1, 1), st.integers(1, 5))
def test_counted_cycles_are_those_of_the_endless_and_then_the_end(
    scale: float, growth: int, decay: float, cycles: int
) -> None:
    counted = CosineRestarts(1, 0.05, growth, decay=decay, cycles=cycles, steps=scale)
    for_ever = CosineRestarts(1, 0.05, growth, decay=decay, steps=scale)
    length = counted.length
    assert length is not None
    assert length == round(sum(scale * growth**cycle for cycle in range(cycles)))
    factors = values(counted, length + 5)
    assert factors[:length] == pytest.approx(values(for_ever, length), rel=1e-9)
    assert factors[length:] == [0.05] * 5
    assert values(counted.then(Constant(0.7)), length + 3)[length:] == [0.7] * 3


def test_peaks_decay() -> None:
    factors = values(CosineRestarts(0.8, decay=0.5, growth=2, steps=1), 16)
    assert [factors[step] for step in (0, 1, 3, 7)] == pytest.approx([0.8, 0.4, 0.2, 0.1])
    assert values(CosineRestarts(0.8, decay=0.5, steps=3), 10)[::3] == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_shares_of_counted_cycles_are_a_length_of_a_chain() -> None:
    chain = warmup(fraction=0.1).then(CosineRestarts(growth=2, cycles=2, fraction=0.3))
    assert [row[:2] for row in chain.resolve(per="epoch", epochs=100).segments()] == [(0, 10), (10, 100)]
    with pytest.raises(ValueError, match="the sum of the phases' fractions must be at most 1, got"):
        warmup(fraction=0.3).then(CosineRestarts(growth=2, cycles=2, fraction=0.3))


def test_cycles_shorter_than_a_step_have_one() -> None:
    assert values(CosineRestarts(epochs=0.3).resolve(per="epoch"), 5) == [1.0] * 5
    assert values(CosineRestarts(cycles=2, epochs=0.3).resolve(per="epoch"), 4) == [1.0, 1.0, 0.0, 0.0]


def test_a_decay_is_on_an_exact_scale() -> None:
    assert Exponential(0.5, epochs=2.5).resolve(per="epoch")(10) == pytest.approx(0.0625)
    assert Exponential(0.97, epochs=2.4).resolve(per="epoch") == Exponential(0.97, steps=2.4)
    assert InverseSqrt(epochs=2.5).resolve(per="epoch")(7.5) == pytest.approx(0.5)
    assert warmup(steps=3).then(Exponential(0.5, epochs=2.5)).resolve(per="epoch")(13) == pytest.approx(0.0625)


def test_repeated_drops_are_at_the_rounded_place_of_each() -> None:
    schedule = Step(0.9, epochs=0.5, repeat=True).resolve(per="iteration", iterations_per_epoch=3)
    assert values(schedule, 31)[30] == pytest.approx(0.9**20)
    drops = [round(drop * 1.5) for drop in range(1, 21)]
    assert values(schedule, 31) == pytest.approx([0.9 ** sum(drop <= step for drop in drops) for step in range(31)])


@given(st.floats(0.05, 50), st.integers(0, 3000))
def test_how_many_periods_are_over_is_counted_by_their_rounded_ends(scale: float, step: int) -> None:
    over = sum(round(round(period * scale, 6)) <= step for period in range(1, int((step + 1) / scale) + 2))
    assert Step(0.99, steps=scale, repeat=True)(step) == pytest.approx(0.99**over)
    assert Step(0.99, steps=scale, repeat=True)(np.array([step])) == pytest.approx(0.99**over)


@given(st.integers(1, 30), st.integers(1, 200))
def test_whole_scales_are_what_they_were(scale: int, step: int) -> None:
    assert Step(0.9, steps=scale, repeat=True)(step) == 0.9 ** (step // scale)
    assert CosineRestarts(steps=scale)(step) == CosineRestarts(steps=scale)(step % scale)
    assert Chain(warmup(steps=2), Exponential(0.9, steps=scale))(step + 2) == 0.9 ** (step / scale)
