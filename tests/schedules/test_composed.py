"""Floors, repeats and joints under way: what they are made of, in steps, in any unit, and in a run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_schedules import anything, bounded, composed, endless, factors, in_steps, later, shapes

from ignite_delayed.schedules import (
    Chain,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    Schedule,
    Step,
    warmup,
)

RUN: dict[str, Any] = {"per": "iteration", "epochs": 10, "iterations_per_epoch": 10}

ends_in_steps = bounded(in_steps) | st.builds(lambda a, b: a.then(b), bounded(in_steps), bounded(in_steps))


def values(schedule: Schedule, count: int) -> list[float]:
    one_by_one = [schedule(step) for step in range(count)]
    np.testing.assert_allclose(schedule(np.arange(count)), one_by_one, rtol=1e-12, atol=1e-14)
    return one_by_one


def ends(schedule: Schedule) -> list[int | None]:
    return [stop for _, stop, _ in schedule.segments()]


# --- floors ----------------------------------------------------------------------------------------------------------


@given(shapes, factors, st.lists(st.integers(0, 200) | st.floats(0, 200), max_size=10))
def test_a_floor_is_the_greater_of_both(schedule: Schedule, least: float, steps: list[float]) -> None:
    floored = schedule.floor(least)
    assert [floored(step) for step in steps] == [max(schedule(step), least) for step in steps]
    assert floored.length == schedule.length


@given(anything, factors)
def test_a_floor_keeps_the_phases_and_their_lengths(schedule: Schedule, least: float) -> None:
    run: dict[str, Any] = {"per": "iteration", "epochs": 7, "iterations_per_epoch": 9}
    assert len(schedule.floor(least)) == len(schedule)
    assert ends(schedule.floor(least).resolve(**run)) == ends(schedule.resolve(**run))


def test_a_floor_is_of_what_it_is_called_on() -> None:
    assert values(warmup(steps=2).then(Linear(steps=4).floor(0.5)), 6) == [0, 0.5, 1, 0.75, 0.5, 0.5]
    assert values(warmup(steps=2).then(Linear(steps=4)).floor(0.5), 6) == [0.5, 0.5, 1, 0.75, 0.5, 0.5]
    assert repr(warmup(steps=2).then(Exponential(0.5, epochs=4).floor(0.1))) == (
        "Linear(0.0, 1.0, steps=2).then(Exponential(0.5, epochs=4).floor(0.1))"
    )


def test_a_floor_under_a_phase_of_no_length_is_none() -> None:
    assert warmup(epochs=0).floor(0.5).then(Cosine(epochs=3)) == Cosine(epochs=3)


# --- repeats ---------------------------------------------------------------------------------------------------------


@given(ends_in_steps, st.integers(2, 4))
def test_a_repeat_of_whole_steps_is_the_schedule_in_a_row(schedule: Schedule, times: int) -> None:
    in_a_row = Chain(*[schedule] * times)
    repeated = schedule.repeat(times)
    length = repeated.length
    assert length == in_a_row.length
    assert length is not None
    assert values(repeated, length + 3) == pytest.approx(values(in_a_row, length + 3), rel=1e-12, abs=1e-14)
    assert values(schedule.repeat(), length) == pytest.approx(values(repeated, length), rel=1e-12, abs=1e-14)
    assert schedule.repeat().length is None
    assert values(schedule.repeat(1), 50) == values(schedule, 50)


@pytest.mark.parametrize("epochs", [7, 10, 99, 100])
@pytest.mark.parametrize("cycles", [2, 3, 7])
def test_a_repeat_of_a_share_begins_each_cycle_at_its_exact_place(epochs: int, cycles: int) -> None:
    run: dict[str, Any] = {"per": "epoch", "epochs": epochs}
    expected = CosineRestarts(fraction=1 / cycles).resolve(**run)
    for_ever = Cosine(fraction=1 / cycles).repeat().resolve(**run)
    counted = Cosine(fraction=1 / cycles).repeat(cycles).resolve(**run)
    assert values(for_ever, 3 * epochs) == pytest.approx(values(expected, 3 * epochs), abs=1e-12)
    assert values(counted, epochs) == pytest.approx(values(expected, epochs), abs=1e-12)
    assert values(counted, epochs + 2)[epochs:] == [0.0, 0.0]
    assert counted.length == epochs


def test_a_cycle_that_is_no_whole_number_is_noted_where_it_is_resolved() -> None:
    resolved = Cosine(epochs=2.5).repeat().resolve(per="epoch")
    assert repr(resolved) == "Cosine(steps=2).repeat(every=2.5)"
    assert resolved.resolve(per="epoch") == resolved
    assert Cosine(epochs=2.5).repeat().resolve(per="iteration", iterations_per_epoch=4) == Cosine(steps=10).repeat()
    triangle = Linear(0, 1, epochs=0.75).then(Linear(epochs=0.75)).repeat(4).resolve(per="epoch")
    assert repr(triangle) == "Linear(0.0, 1.0, steps=1).then(Linear(steps=1)).repeat(4)"  # a step for each at least
    assert [triangle(step) for step in range(9)] == [0.0, 1.0] * 4 + [0.0]


def test_a_repeat_of_chains_and_repeats() -> None:
    inner = Step(0.5, steps=1).floor(0.25)
    assert inner.endless
    tooth = warmup(steps=1).then(Constant(0.5, steps=1)).repeat(2).then(Constant(0.1, steps=1)).repeat(2)
    assert values(tooth, 12) == [0, 0.5, 0, 0.5, 0.1, 0, 0.5, 0, 0.5, 0.1, 0.1, 0.1]
    short = (
        CosineRestarts(end=0.1, cycles=3, epochs=0.3).repeat(2).resolve(per="epoch")
    )  # a cycle has one step at least
    assert values(short, 8) == [1, 1, 1, 1, 1, 1, 0.1, 0.1]
    assert repr(short) == "CosineRestarts(end=0.1, cycles=3, steps=0.3).repeat(2)"
    assert values(CosineRestarts(cycles=2, growth=2, steps=1).repeat(2), 7) == pytest.approx([1, 1, 0.5, 1, 1, 0.5, 0])


# --- joined under way ------------------------------------------------------------------------------------------------


@given(ends_in_steps, shapes, st.lists(st.integers(0, 200) | st.floats(0, 200), max_size=10))
def test_what_is_joined_under_way_has_run_since_the_beginning(
    first: Schedule, other: Schedule, steps: list[float]
) -> None:
    joined = first.then(other, underway=True)
    warm = first.length
    assert warm is not None
    expected = [first(step) if step < warm else other(step) for step in steps]
    assert [joined(step) for step in steps] == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert joined.length == (None if other.length is None else max(warm, other.length))


@given(ends_in_steps, shapes, st.integers(0, 100))
def test_under_way_in_a_chain_it_has_run_since_its_own_beginning(first: Schedule, other: Schedule, step: int) -> None:
    joined = first.then(other, underway=True)
    assert Constant(steps=7).then(joined)(7 + step) == pytest.approx(joined(step), rel=1e-12, abs=1e-14)


def test_the_default_of_timm() -> None:
    """CosineLRScheduler(t_initial=total, warmup_t=warm, warmup_lr_init=0)."""
    warm, total = 5, 100
    schedule = warmup(epochs=warm).then(Cosine(epochs=total), underway=True).resolve(per="epoch")
    for epoch in range(total):
        expected = epoch / warm if epoch < warm else 0.5 * (1 + math.cos(math.pi * epoch / total))
        assert schedule(epoch) == pytest.approx(expected)
    assert schedule.length == total


def test_all_that_was_before_counts_as_the_beginning() -> None:
    schedule = warmup(steps=2).then(Constant(steps=2)).then(Linear(steps=10), underway=True)
    assert values(schedule, 6) == pytest.approx([0, 0.5, 1, 1, 0.6, 0.5])
    assert repr(schedule) == "Linear(0.0, 1.0, steps=2).then(Constant(steps=2)).then(Linear(steps=10), underway=True)"


def test_the_rest_under_way_is_the_rest_from_where_it_has_begun() -> None:
    joined = warmup(epochs=2).then(Linear(rest=True), underway=True)
    assert values(joined.resolve(per="epoch", epochs=10), 12)[2:] == pytest.approx(values(Linear(steps=10), 12)[2:])
    late = Constant(epochs=4).then(joined).resolve(per="epoch", epochs=10)
    assert ends(late) == [4, 10]
    assert joined.takes_rest
    with pytest.raises(ValueError, match=r"a schedule that ends before the run, got .* Only the last takes the rest"):
        joined.then(Constant())


# --- lengths ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6), st.integers(6, 97))
def test_shares_that_make_the_run_fill_it_however_they_are_composed(kinds: list[int], epochs: int) -> None:
    share = 1 / len(kinds)
    makes = [
        Linear(fraction=share),
        Linear(fraction=share).floor(0.1),
        Linear(fraction=share / 2).repeat(2),
        warmup(epochs=1e-3).then(Linear(fraction=share), underway=True),
    ]
    chain = Chain(*(makes[kind] for kind in kinds)).resolve(per="iteration", epochs=epochs, iterations_per_epoch=11)
    exact = [round(number * share * epochs * 11, 6) for number in range(1, len(kinds) + 1)]
    assert chain.length == epochs * 11
    assert all(abs((stop or 0) - place) <= 0.5 for stop, place in zip(ends(chain), exact, strict=True))


@given(composed(in_steps | later) | endless(later), st.sampled_from(["epoch", "iteration"]))
def test_what_is_resolved_stays_as_it_is(schedule: Schedule, per: str) -> None:
    try:
        resolved = schedule.resolve(per=per, epochs=7.5, iterations_per_epoch=13)
    except ValueError as error:
        assert "per must be 'iteration'" in str(error)  # noqa: PT017
        return
    again = resolved.resolve(per="iteration", epochs=3, iterations_per_epoch=2)
    assert again == resolved
    assert again.length == resolved.length


def test_shares_are_told_of_each_part() -> None:
    schedule = warmup(fraction=0.1).then(Cosine(rest=True).floor(0.1), underway=True)
    assert schedule.shares(schedule.resolve(**RUN)) == [("fraction=0.1", 10), ("rest=True", 100)]
    saw = Linear(fraction=0.1).repeat(3)
    assert saw.shares(saw.resolve(**RUN)) == [("fraction=0.1", 10)]
    with pytest.raises(ValueError, match="its fraction and rest make is not known"):
        schedule(0)


# --- refusals --------------------------------------------------------------------------------------------------------

three: Any = Linear(steps=3)

REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: Constant().repeat(), ValueError, "what is repeated must be a schedule that ends .* Give it a length"),
    (lambda: InverseSqrt(steps=3).repeat(2), ValueError, "what is repeated must be a schedule that ends"),
    (lambda: Cosine(rest=True).repeat(), ValueError, "Nothing is left after the rest of the run"),
    (lambda: Cosine(steps=3).repeat(0), ValueError, "times must be a whole number >= 1, got 0"),
    (lambda: three.repeat(2.5), ValueError, "times must be a whole number >= 1, got 2.5"),
    (lambda: Cosine(fraction=0.4).repeat(3), ValueError, "the sum of the phases' fractions must be at most 1, got 1.2"),
    (lambda: Cosine(steps=3).repeat(every=0.5), ValueError, "every must be a finite number >= 1, got 0.5"),
    (lambda: Cosine(epochs=3).repeat(every=4), ValueError, "every must be left out where lengths are not in steps"),
    (lambda: Cosine(steps=3).floor(-1), ValueError, "factor must be a finite number >= 0, got -1"),
    (lambda: three.floor("1e-6"), TypeError, "factor must be a finite number >= 0, got '1e-6'"),
    (lambda: Constant().then(Cosine(steps=3), underway=True), ValueError, "a phase that another follows must be"),
    (lambda: Cosine(rest=True).then(Cosine(steps=3), underway=True), ValueError, "a phase that another follows must"),
    (lambda: three.then(3, underway=True), TypeError, "a phase must be a schedule, got 3"),
    (lambda: three.then(three, underway=1), TypeError, "underway must be True or False, got 1"),
    (lambda: Linear(steps=3).repeat().then(Linear(steps=3)), ValueError, "Put it last, or leave it by a condition"),
    (
        lambda: warmup(fraction=0.2).then(Linear(fraction=0.8), underway=True).then(Linear(fraction=0.3)),
        ValueError,
        "the sum of the phases' fractions must be at most 1, got 1.1",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), REFUSED)
def test_what_cannot_be_composed_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
