"""Schedules: values against closed forms, laws of chains and lengths, refusals."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ignite_delayed.schedules as schedules
from ignite_delayed.schedules import (
    Chain,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    Polynomial,
    Schedule,
    Sqrt,
    Step,
    warmup,
)

NAMES = vars(schedules)


def values(schedule: Schedule, count: int) -> list[float]:
    return [schedule(step) for step in range(count)]


# --- strategies ------------------------------------------------------------------------------------------------------

Lengths = st.SearchStrategy[dict[str, Any]]

counts = st.integers(1, 40)
factors = st.floats(0, 4).map(lambda x: round(x, 3))
gammas = st.floats(0.01, 1.5)
in_steps = counts.map(lambda n: {"steps": n}) | counts.map(lambda n: {"iterations": n})
later = st.floats(0.01, 5).map(lambda e: {"epochs": e}) | st.floats(0.001, 0.02).map(lambda f: {"fraction": f})


def squared(progress: float) -> float:
    return 1 - progress**2


def of_functions(lengths: Lengths) -> st.SearchStrategy[Schedule]:
    return lengths.map(lambda n: Schedule.of(squared, **n))


def bounded(lengths: Lengths) -> st.SearchStrategy[Schedule]:
    return st.one_of(
        st.builds(lambda f, n: Constant(f, **n), factors, lengths),
        st.builds(lambda a, b, n: Linear(a, b, **n), factors, factors, lengths),
        st.builds(lambda a, b, n: Cosine(a, b, **n), factors, factors, lengths),
        st.builds(lambda a, b, n: Sqrt(a, b, **n), factors, factors, lengths),
        st.builds(lambda p, a, b, n: Polynomial(p, a, b, **n), st.floats(0.2, 4), factors, factors, lengths),
    )


def endless(lengths: Lengths) -> st.SearchStrategy[Schedule]:
    milestones = st.sets(counts, min_size=1, max_size=4).map(lambda s: {"steps": sorted(s)})
    return st.one_of(
        factors.map(Constant),
        st.builds(lambda g, n: Exponential(g, **n), gammas, lengths),
        st.builds(lambda g, n, r: Step(g, **n, repeat=r), gammas, lengths, st.booleans()),
        st.builds(lambda g, m: Step(g, **m), gammas, milestones),
        st.builds(lambda a, b, g, n: CosineRestarts(a, b, g, **n), factors, factors, st.integers(1, 3), lengths),
        lengths.map(lambda n: InverseSqrt(**n)),
    )


def composed(lengths: Lengths) -> st.SearchStrategy[Schedule]:
    """Floors, repeats and joints under way, of what ends or of what does not."""
    ends = bounded(lengths) | st.builds(lambda a, b: a.then(b), bounded(lengths), bounded(lengths))
    any_of_them = ends | endless(lengths)
    return st.one_of(
        st.builds(lambda what, least: what.floor(least), any_of_them, factors),
        st.builds(lambda what, times: what.repeat(times), ends, st.none() | st.integers(1, 3)),
        st.builds(lambda first, other: first.then(other, underway=True), ends, any_of_them),
        st.builds(lambda what, times, least: what.repeat(times).floor(least), ends, st.none() | st.just(2), factors),
    )


def chains(lengths: Lengths) -> st.SearchStrategy[Chain]:
    one = bounded(lengths) | composed(lengths).filter(lambda schedule: not schedule.endless)
    last = endless(lengths) | bounded(lengths) | composed(lengths)
    return st.builds(lambda head, last: Chain(*head, last), st.lists(one, min_size=1, max_size=4), last)


shapes = bounded(in_steps) | endless(in_steps) | composed(in_steps)
written_now = shapes | chains(in_steps)
written = (
    written_now | bounded(later) | endless(later) | composed(later) | chains(in_steps | later)
)  # repr writes it down whole
with_functions = st.builds(
    lambda head, function, last: head.then(function).then(last), bounded(in_steps), of_functions(in_steps), shapes
)
callable_now = written_now | of_functions(in_steps) | with_functions
anything = written | callable_now | of_functions(later)


# --- values ----------------------------------------------------------------------------------------------------------

TABLE = [
    (Constant(0.3), [0.3, 0.3, 0.3]),
    (Constant(0.3, steps=2), [0.3, 0.3, 0.3]),
    (Linear(0, 1, steps=4), [0, 0.25, 0.5, 0.75, 1, 1, 1]),
    (Linear(1, 0.5, iterations=2), [1, 0.75, 0.5, 0.5]),
    (Linear(steps=1), [1, 0, 0]),
    (Cosine(steps=4), [1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 0, 0]),
    (Cosine(0.2, 0.6, steps=2), [0.2, 0.4, 0.6, 0.6]),
    (Polynomial(2, steps=4), [1, 0.5625, 0.25, 0.0625, 0, 0]),
    (Polynomial(2, 0, 1, steps=2), [0, 0.75, 1, 1]),
    (Sqrt(steps=4), [1, 0.5, 1 - math.sqrt(0.5), 1 - math.sqrt(0.75), 0, 0]),
    (Sqrt(0.2, 0.6, steps=4), [0.2, 0.4, 0.2 + 0.4 * math.sqrt(0.5), 0.2 + 0.4 * math.sqrt(0.75), 0.6]),
    (Exponential(0.25, steps=2), [1, 0.5, 0.25, 0.125]),
    (Step(0.1, steps=2), [1, 1, 0.1, 0.1, 0.1]),
    (Step(0.1, steps=2, repeat=True), [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001]),
    (Step(0.5, steps=[1, 4]), [1, 0.5, 0.5, 0.5, 0.25, 0.25]),
    (CosineRestarts(steps=2), [1, 0.5, 1, 0.5, 1]),
    (CosineRestarts(0.5, 0.1, 3, steps=1), [0.5, 0.5, 0.4, 0.2, 0.5]),
    (InverseSqrt(steps=1), [1, 0.5**0.5, 3**-0.5, 0.5]),
    (warmup(0.5, steps=2), [0.5, 0.75, 1, 1]),
    (warmup(steps=2).then(Constant(0.3, steps=1)).then(Linear(steps=2)), [0, 0.5, 0.3, 1, 0.5, 0, 0]),
    (Constant(steps=2).then(Step(0.1, steps=[1])), [1, 1, 1, 0.1]),
]


@pytest.mark.parametrize(("schedule", "expected"), TABLE, ids=[repr(row[0]) for row in TABLE])
def test_values(schedule: Schedule, expected: list[Any]) -> None:
    assert values(schedule, len(expected)) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert all(type(value) is float for value in values(schedule, len(expected)))


@pytest.mark.parametrize("schedule", [row[0] for row in TABLE], ids=repr)
def test_values_after_another_phase(schedule: Schedule) -> None:
    chain = Constant(0.7, steps=5).then(schedule)
    assert values(chain, 12) == pytest.approx([0.7] * 5 + values(schedule, 7), rel=1e-12, abs=1e-15)


def test_linear_warmup_then_cosine_is_the_formula_of_transformers() -> None:
    """get_cosine_schedule_with_warmup: a linear increase from 0, then half a cosine wave down to 0."""
    total, warm = 1000, 50
    schedule = warmup(steps=warm).then(Cosine(steps=total - warm))
    for step in range(total + 10):
        if step < warm:
            expected = step / max(1, warm)
        else:
            progress = min(1.0, (step - warm) / max(1, total - warm))
            expected = max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * progress)))
        assert schedule(step) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("warm", [2, 3, 400])
def test_the_rate_of_the_transformer(warm: int) -> None:
    width, base = 512, (512 * warm) ** -0.5
    plain = warmup(steps=warm).then(InverseSqrt(steps=warm))
    from_one = warmup(1 / warm, steps=warm - 1).then(InverseSqrt(steps=warm))
    for paper in range(1, 4 * warm):
        rate = width**-0.5 * min(paper**-0.5, paper * warm**-1.5)
        assert base * plain(paper) == pytest.approx(rate, rel=1e-12)
        assert base * from_one(paper - 1) == pytest.approx(rate, rel=1e-12)


HAND_WRITTEN = [
    (Step(0.1, steps=30, repeat=True), lambda step: 0.1 ** (step // 30)),
    (Exponential(0.95, steps=1), lambda step: 0.95**step),
    (Polynomial(0.9, steps=100), lambda step: max(0.0, 1 - step / 100) ** 0.9),
    (CosineRestarts(steps=25), lambda step: 0.5 * (1 + math.cos(math.pi * (step % 25) / 25))),
    (warmup(0.1, steps=10).then(Constant()), lambda step: min(1.0, 0.1 + 0.9 * step / 10)),
]


@pytest.mark.parametrize(("schedule", "function"), HAND_WRITTEN, ids=[repr(row[0]) for row in HAND_WRITTEN])
def test_the_functions_that_people_give_to_lambda_lr(schedule: Schedule, function: Callable[[int], float]) -> None:
    assert values(schedule, 130) == pytest.approx([function(step) for step in range(130)], rel=1e-12, abs=1e-15)


def test_cosine_restarts_equal_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2, eta_min=0.1)
    schedule = CosineRestarts(1, 0.1, growth=2, steps=3)
    for step in range(100):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(schedule(step), rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_many_restarts_are_reached_in_few_pieces() -> None:
    schedule = CosineRestarts(growth=2, steps=1)
    assert schedule(2**40 - 1) == 1.0
    assert schedule(2**40 - 1 + 2**39) == pytest.approx(0.5)
    assert schedule(2**60) == 1.0


@pytest.mark.parametrize("schedule", [warmup(steps=3).then(Cosine(steps=7)), Step(0.1, steps=[2, 5]), Constant(0.5)])
def test_serves_lambda_lr_as_it_is(schedule: Schedule) -> None:
    groups = [{"params": [torch.zeros(1)], "lr": 0.1}, {"params": [torch.zeros(1)], "lr": 2.0}]
    optimizer = torch.optim.SGD(groups)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    for step in range(12):
        assert [group["lr"] for group in optimizer.param_groups] == [0.1 * schedule(step), 2.0 * schedule(step)]
        optimizer.step()
        scheduler.step()
    scheduler.load_state_dict(scheduler.state_dict())
    assert vars(schedule) == {}


# --- laws ------------------------------------------------------------------------------------------------------------


@given(written)
def test_a_schedule_prints_as_the_call_that_builds_it(schedule: Schedule) -> None:
    assert eval(repr(schedule), dict(NAMES)) == schedule


@given(anything)
def test_a_schedule_is_a_value(schedule: Schedule) -> None:
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert copy.deepcopy(schedule) == schedule
    with pytest.raises(AttributeError, match="immutable"):
        schedule.steps = 3


def test_unequal_arguments_make_unequal_schedules() -> None:
    assert Linear(steps=3) != Linear(iterations=3)
    assert Linear(steps=3) != Cosine(steps=3)
    assert Linear(steps=3) == Linear(1.0, 0.0, steps=np.int64(3))
    assert Step(0.1, steps=[2, 3]) == Step(0.1, steps=(2, 3)) == Step(0.1, steps=np.array([2, 3]))  # type: ignore[arg-type]
    assert Cosine(epochs=90) == Cosine(epochs=90.0)
    assert repr(Cosine(epochs=90.0)) == "Cosine(epochs=90)"


@given(bounded(in_steps), bounded(later), anything)
def test_then_is_associative(a: Schedule, b: Schedule, c: Schedule) -> None:
    assert a.then(b).then(c) == a.then(b.then(c)) == Chain(a, b, c) == Chain(Chain(a, b), c)
    assert repr(a.then(b.then(c))) == repr(a.then(b).then(c))


def test_a_chain_prints_as_the_calls_that_build_it() -> None:
    chain = warmup(epochs=5).then(Cosine(end=0.1, fraction=0.5).then(Constant(0.1)))
    assert repr(chain) == "Linear(0.0, 1.0, epochs=5).then(Cosine(end=0.1, fraction=0.5)).then(Constant(0.1))"


@given(callable_now, st.lists(st.integers(0, 300) | st.floats(0, 300), max_size=20))
def test_an_array_is_evaluated_as_its_elements(schedule: Schedule, steps: list[float]) -> None:
    array = np.array(steps, dtype=float)
    one_by_one = [schedule(step) for step in steps]
    result = schedule(array)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, one_by_one, rtol=1e-12, atol=1e-14)
    assert schedule(array[::-1].reshape(1, -1)).tolist() == [result[::-1].tolist()]
    np.testing.assert_array_equal(array, np.array(steps, dtype=float))


@given(callable_now)
def test_whole_steps_of_any_type_are_alike(schedule: Schedule) -> None:
    expected = schedule(np.arange(0, 120, 7))
    for dtype in (np.uint8, np.int16, np.int32, np.uint64, np.float32):
        np.testing.assert_array_equal(schedule(np.arange(0, 120, 7, dtype=dtype)), expected)
    assert schedule(np.int32(7)) == schedule(7) == schedule(7.0)
    # An array goes the way of NumPy's functions, which differ from math's in the last place.
    np.testing.assert_allclose(schedule(np.array(7)), schedule(7), rtol=1e-12, atol=1e-14)


def test_a_long_array_is_evaluated_as_its_elements() -> None:
    schedule = warmup(steps=1000).then(Cosine(steps=50_000)).then(Constant(0.5))
    steps = np.arange(60_000)
    np.testing.assert_allclose(schedule(steps), values(schedule, 60_000), rtol=1e-12, atol=1e-14)


@given(bounded(in_steps))
def test_the_end_value_is_reached_at_the_length_and_kept(schedule: Any) -> None:
    end = schedule.factor if isinstance(schedule, Constant) else schedule.end
    length = schedule.length
    assert schedule(length) == schedule(length + 1) == schedule(10 * length + 0.5) == end
    if not isinstance(schedule, Constant):
        assert schedule(0) == pytest.approx(schedule.start, abs=1e-15)


@given(bounded(in_steps), callable_now)
def test_phases_are_half_open(a: Schedule, b: Schedule) -> None:
    chain = a.then(b)
    start, n, first = chain.segments()[0]
    assert (start, n, first) == (0, a.length, a)
    assert n is not None
    assert values(chain, n) == values(a, n)
    assert chain(n - 0.25) == a(n - 0.25)
    moved = [chain(n + step) for step in range(30)]
    assert moved == pytest.approx(values(b, 30), rel=1e-12, abs=1e-14)
    assert chain.length == (None if b.length is None else n + b.length)
    assert chain.endless == b.endless


@given(counts, st.floats(0, 1))
def test_a_warmup_rises_to_exactly_one(n: int, start: float) -> None:
    rates = values(warmup(start, steps=n), n + 3)
    assert rates == sorted(rates)
    assert rates[0] == start
    assert rates[n:] == [1.0] * 3
    assert all(rate < 1 for rate in rates[:n]) or start > 0.999999


@given(st.integers(1, 60), st.floats(0.2, 3))
def test_decays_never_rise(n: int, power: float) -> None:
    for schedule in (Linear(steps=n), Cosine(steps=n), Polynomial(power, steps=n), Sqrt(steps=n), InverseSqrt(steps=n)):
        assert (np.diff(schedule(np.arange(n + 5))) <= 0).all()


# --- lengths ---------------------------------------------------------------------------------------------------------


def lengths(schedule: Schedule) -> list[int]:
    return [stop - start for start, stop, _ in schedule.segments() if stop is not None]


def fractions(*shares: float) -> Chain:
    return Chain(*(Linear(fraction=share) for share in shares))


RESOLVED = [
    (Cosine(epochs=3), "iteration", [30]),
    (Cosine(epochs=3), "epoch", [3]),
    (Cosine(epochs=0.5), "iteration", [5]),
    (Cosine(epochs=0.04), "iteration", [1]),
    (Cosine(fraction=0.29), "iteration", [29]),
    (Cosine(fraction=0.29), "epoch", [3]),
    (Cosine(iterations=7), "iteration", [7]),
    (Cosine(steps=7), "epoch", [7]),
    (fractions(0.05, 0.95), "iteration", [5, 95]),
    (fractions(0.05, 0.95), "epoch", [1, 9]),
    (fractions(0.001, 0.999), "epoch", [1, 9]),
    (fractions(0.999, 0.001), "epoch", [9, 1]),
    (fractions(0.24, 0.24, 0.24, 0.28), "epoch", [2, 3, 2, 3]),
    (fractions(*[0.001] * 4), "epoch", [1, 1, 1, 1]),
    (Linear(epochs=0.05).then(Linear(fraction=0.47)), "iteration", [1, 47]),
    (Linear(steps=5).then(Linear(fraction=0.001)).then(Linear(steps=5)), "iteration", [5, 1, 5]),
]


@pytest.mark.parametrize(
    ("schedule", "per", "expected"), RESOLVED, ids=[f"{row[0]!r} per {row[1]}" for row in RESOLVED]
)
def test_resolved_lengths(schedule: Schedule, per: str, expected: list[Any]) -> None:
    resolved = schedule.resolve(per=per, epochs=10, iterations_per_epoch=10)
    assert lengths(resolved) == expected
    assert resolved.resolved
    assert all(phase.steps == length for (_, _, phase), length in zip(resolved.segments(), expected, strict=True))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.integers(6, 1000), st.integers(1, 300))
def test_fractions_that_make_the_run_fill_it(shares: list[int], epochs: int, iterations: int) -> None:
    chain = fractions(*(share / sum(shares) for share in shares))
    for per, total in (("epoch", epochs), ("iteration", epochs * iterations)):
        resolved = chain.resolve(per=per, epochs=epochs, iterations_per_epoch=iterations)
        assert sum(lengths(resolved)) == resolved.length == total
        assert min(lengths(resolved)) >= 1
        if min(shares) / sum(shares) * total >= 1:
            ends = np.cumsum(shares) / sum(shares) * total
            assert np.abs(np.cumsum(lengths(resolved)) - ends).max() <= 0.5 + 1e-6


@given(chains(in_steps | later))
def test_resolving_keeps_all_but_the_lengths(schedule: Chain) -> None:
    resolved = schedule.resolve(per="iteration", epochs=7.5, iterations_per_epoch=13)
    assert resolved.resolve(per="epoch") == resolved
    assert len(resolved.phases) == len(schedule.phases)
    for given_phase, phase in zip(schedule.phases, resolved.phases, strict=True):
        assert type(phase) is type(given_phase)
        assert phase.endless == given_phase.endless
        for name in ("start", "end", "power", "gamma", "factor", "growth", "repeats"):
            assert getattr(phase, name, None) == getattr(given_phase, name, None)
        if given_phase.steps or given_phase.iterations:
            assert phase.steps == (given_phase.steps or given_phase.iterations)


def test_scales_and_milestones_are_resolved_too() -> None:
    def resolved(schedule: Schedule) -> Schedule:
        return schedule.resolve(per="iteration", epochs=90, iterations_per_epoch=100)

    assert resolved(Step(0.1, epochs=[30, 60, 80])) == Step(0.1, steps=[3000, 6000, 8000])
    assert resolved(Step(0.1, epochs=30, repeat=True)) == Step(0.1, steps=3000, repeat=True)
    assert resolved(Step(0.1, fraction=[0.00001, 0.00002, 0.5])) == Step(0.1, steps=[1, 2, 4500])
    assert resolved(Exponential(0.97, epochs=2.4)) == Exponential(0.97, steps=240)
    assert resolved(CosineRestarts(growth=2, fraction=0.1)) == CosineRestarts(growth=2, steps=900)
    assert resolved(warmup(iterations=500).then(InverseSqrt(epochs=5))) == Chain(
        Linear(0, 1, steps=500), InverseSqrt(steps=500)
    )
    assert resolved(Constant(0.5)) == Constant(0.5)
    ends_after_warmup = warmup(epochs=5).then(Step(0.1, epochs=[25, 55]))
    assert [resolved(ends_after_warmup)(step) for step in (0, 250, 500, 2999, 3000, 5999, 6000)] == pytest.approx(
        [0, 0.5, 1, 1, 0.1, 0.1, 0.01]
    )


def test_segments_and_length() -> None:
    chain = warmup(steps=5).then(Cosine(steps=95)).then(Constant(0.1))
    assert chain.segments() == ((0, 5, warmup(steps=5)), (5, 100, Cosine(steps=95)), (100, None, Constant(0.1)))
    assert chain.length is None
    assert Cosine(steps=95).segments() == ((0, 95, Cosine(steps=95)),)
    assert [s.length for s in (Cosine(steps=95), Constant(), Constant(iterations=2))] == [95, None, 2]


# --- refusals --------------------------------------------------------------------------------------------------------

OPEN = [Constant(), Exponential(0.9, steps=1), Step(0.1, steps=3), CosineRestarts(steps=3), InverseSqrt(steps=3)]


@pytest.mark.parametrize("phase", OPEN, ids=repr)
def test_nothing_follows_what_never_ends(phase: Schedule) -> None:
    assert phase.endless
    assert phase.length is None
    follow: list[Callable[[], object]] = [
        lambda: phase.then(Constant()),
        lambda: warmup(steps=1).then(phase).then(Cosine(steps=1)),
    ]
    for build in follow:
        with pytest.raises(ValueError, match=r"a phase that another follows must be a schedule that ends, got .*\. \w"):
            build()


UNRESOLVED = [
    (Cosine(epochs=3), r"resolve\(per=\.\.\., iterations_per_epoch=\.\.\.\) first: .* its epochs make"),
    (Cosine(fraction=0.5), r"resolve\(per=\.\.\., epochs=\.\.\., iterations_per_epoch=\.\.\.\) first: .* its fraction"),
    (warmup(steps=3).then(Cosine(epochs=3)), r"Linear\(0.0, 1.0, steps=3\).then\(Cosine\(epochs=3\)\) \(Chain\)"),
    (Cosine(epochs=3).then(Constant(fraction=0.1)), "its epochs and fraction make is not known"),
    (Step(0.1, epochs=[1, 2]), "its epochs"),
]


@pytest.mark.parametrize(("schedule", "message"), UNRESOLVED, ids=[repr(row[0]) for row in UNRESOLVED])
def test_an_unresolved_schedule_says_what_it_needs(schedule: Schedule, message: str) -> None:
    assert not schedule.resolved
    uses: list[Callable[[], object]] = [
        lambda: schedule(0),
        lambda: schedule(1.5),
        lambda: schedule(np.arange(3)),
        lambda: schedule.length,
        schedule.segments,
    ]
    for use in uses:
        with pytest.raises(ValueError, match=message):
            use()


BAD_RESOLVE = [
    (Cosine(epochs=3), {"per": "iteration"}, "iterations_per_epoch must be known for a schedule with epochs=3"),
    (Cosine(fraction=0.5), {"per": "epoch"}, "epochs must be known for a schedule with fraction=0.5"),
    (Cosine(fraction=0.5), {"per": "iteration", "epochs": 3}, "iterations_per_epoch must be known .* fraction=0.5"),
    (Cosine(iterations=3), {"per": "epoch", "epochs": 3}, "per must be 'iteration' for a schedule with iterations=3"),
    (Step(0.1, iterations=[3]), {"per": "epoch"}, "per must be 'iteration'"),
    (
        Cosine(epochs=3),
        {"per": "epochs"},
        "per must be one of 'iteration', 'epoch', 'update', got 'epochs' .* Did you mean 'epoch'",
    ),
    (Cosine(epochs=3), {"per": "epoch", "epochs": 0}, "epochs must be a finite number > 0, got 0"),
    (Cosine(epochs=3), {"per": "iteration", "iterations_per_epoch": 0}, "iterations_per_epoch must be .* >= 1, got 0"),
]


@pytest.mark.parametrize(("schedule", "run", "message"), BAD_RESOLVE)
def test_resolve_names_what_is_missing(schedule: Schedule, run: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schedule.resolve(**run)


BAD_VALUE: list[tuple[Callable[[], object], str]] = [
    (lambda: Cosine(fraction=50), "fraction=0.5, 50 epochs are epochs=50"),
    (lambda: Cosine(epochs=-1), r"epochs must be a finite number > 0, got -1 \(int\)\.$"),
    (lambda: CosineRestarts(cycles=3, fraction=0.5), "sum of the phases' fractions must be at most 1, got 1.5"),
    (lambda: CosineRestarts(growth=2, cycles=2, fraction=0.4), "sum of the phases' fractions must be at most 1"),
    (lambda: Linear(steps=0), "steps must be a whole number >= 1, got 0 .* Leave a phase of no length out"),
    (lambda: Linear(steps=-3), "steps must be .* got -3"),
    (lambda: Linear(steps=2.5), "steps must be a whole number"),  # type: ignore[arg-type]
    (lambda: Linear(iterations=0), "iterations must be"),
    (lambda: Linear(epochs=0), "epochs must be a finite number > 0, got 0"),
    (lambda: Linear(epochs=math.inf), "epochs must be a finite number > 0, got inf"),
    (lambda: Linear(fraction=0), "fraction must be a finite number > 0 and <= 1, got 0"),
    (lambda: Linear(fraction=1.5), "fraction must be .* got 1.5"),
    (lambda: Linear(math.nan, steps=1), "start must be a finite number >= 0, got nan"),
    (lambda: Linear(0, -1, steps=1), "end must be .* got -1"),
    (lambda: Constant(-0.1), "factor must be"),
    (lambda: Polynomial(0, steps=1), "power must be a finite number > 0"),
    (lambda: Exponential(0, steps=1), "gamma must be a finite number > 0"),
    (lambda: CosineRestarts(growth=0, steps=1), "growth must be a whole number >= 1"),
    (lambda: CosineRestarts(growth=1.5, steps=1), "growth must be a whole number"),  # type: ignore[arg-type]
    (lambda: Step(0.1, steps=[]), "steps must be one milestone or more"),
    (lambda: Step(0.1, steps=[30, 20]), "steps must be one milestone or more, in rising order, got .*30, 20.* Sort"),
    (lambda: Step(0.1, epochs=[30, 30]), "epochs must be one milestone or more, in rising order"),
    (lambda: Step(0.1, steps=[0, 3]), "steps must be a whole number >= 1, got 0"),
    (lambda: Step(0.1, steps=[3, 4], repeat=True), "steps must be one number, to repeat it"),
    (lambda: fractions(0.1, 1.0), "the sum of the phases' fractions must be at most 1, got 1.1 "),
    (lambda: Chain(Linear(steps=1)), "phases must be two schedules or more"),
]


@pytest.mark.parametrize(("build", "message"), BAD_VALUE)
def test_bad_values_are_refused_at_construction(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


BAD_TYPE: list[tuple[Callable[[], object], str]] = [
    (Linear, "Linear takes exactly one of steps, iterations, epochs, fraction, rest, got none"),
    (lambda: warmup(5), "warmup takes exactly one of"),
    (lambda: Cosine(steps=3, epochs=2), "Cosine takes exactly one of .*, got steps and epochs. Write Cosine"),
    (lambda: Constant(1, steps=3, fraction=0.2), "Constant takes at most one of .*, got steps and fraction"),
    (lambda: Linear(steps=True), "steps must be a whole number >= 1, got True"),
    (lambda: Linear(epochs="3"), "epochs must be a finite number > 0, got '3'"),  # type: ignore[arg-type]
    (lambda: Linear("0", steps=3), "start must be"),  # type: ignore[arg-type]
    (lambda: Step(0.1, steps="30"), "steps must be a whole number"),  # type: ignore[arg-type]
    (lambda: Step(0.1, steps=np.array(3)), "steps must be one number or several"),  # type: ignore[arg-type]
    (lambda: Step(0.1, steps=[3, "4"]), "steps must be a whole number"),  # type: ignore[list-item]
    (lambda: Step(0.1, steps=3, repeat=1), "repeat must be True or False"),  # type: ignore[arg-type]
    (lambda: Linear(steps=3).then(lambda step: 1.0), "a phase must be a schedule, got <function"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "message"), BAD_TYPE)
def test_bad_types_are_refused_at_construction(build: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        build()


BAD_STEPS = [
    *((step, ValueError) for step in (-1, -0.5, math.nan, math.inf, np.int64(-1), -(10**30))),
    *((step, TypeError) for step in (True, "3", None, 1j, [1, 2], np.bool_(True))),
    *((np.array(step), ValueError) for step in ([-1, 2], [2, -1], [0.0, math.nan], [math.nan, 0], [math.inf])),
    *((np.array(step), TypeError) for step in ([True], ["a"], [1j], [None])),
]


@pytest.mark.parametrize(("step", "error"), BAD_STEPS)
@pytest.mark.parametrize("schedule", [Cosine(steps=3), Constant(), Step(0.1, steps=[1])], ids=repr)
def test_bad_steps_are_refused(schedule: Schedule, step: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="step must be a finite number >= 0"):
        schedule(step)


def test_the_module_needs_neither_torch_nor_numpy() -> None:
    code = """if True:
        import sys
        from ignite_delayed.schedules import Cosine
        Cosine(steps=3)(1)
        print({"torch", "ignite", "numpy"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_schedule_is_one() -> None:
    for name in schedules.__all__:
        if isinstance(getattr(schedules, name), type):
            assert issubclass(getattr(schedules, name), Schedule)


class TestAWarmUpOfNoLength:
    @pytest.mark.parametrize("unit", ["steps", "iterations", "epochs", "fraction"])
    def test_leaves_what_is_joined_to_it_as_it_is(self, unit: str) -> None:
        length: dict[str, Any] = {unit: 0}
        none = warmup(0.1, **length)
        assert none.then(Cosine(epochs=3)) == Cosine(epochs=3)
        assert Cosine(epochs=3).then(none) == Cosine(epochs=3)
        assert none.then(none) == none

    def test_is_the_base_rate_alone(self) -> None:
        none = warmup(epochs=0)
        assert [none(step) for step in range(3)] == [1.0, 1.0, 1.0]
        assert none.resolve(per="epoch", epochs=3) == none
        assert repr(none) == "Constant(steps=0)"
        assert none.empty
        assert not warmup(epochs=1).empty

    def test_takes_up_no_step_of_a_chain(self) -> None:
        chain = Chain(warmup(epochs=0), Cosine(steps=4))
        assert [chain(step) for step in range(5)] == [Cosine(steps=4)(step) for step in range(5)]

    @pytest.mark.parametrize("bad", [{"start": -1, "epochs": 0}, {"epochs": -1}, {"iterations": False}])
    def test_has_arguments_that_are_right(self, bad: Any) -> None:
        with pytest.raises((TypeError, ValueError), match=r"start must be|epochs must be|exactly one"):
            warmup(**bad)

    def test_nothing_but_a_warm_up_and_a_constant_can_have_none(self) -> None:
        for build in (Linear, Cosine, lambda **length: Polynomial(2, **length)):
            with pytest.raises(ValueError, match="Leave a phase of no length out"):
                build(steps=0)
        with pytest.raises(ValueError, match="Leave a phase of no length out"):
            Constant(epochs=0)
