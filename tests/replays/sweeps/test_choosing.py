"""A rule is chosen on some runs and judged on others, and what is promised of it holds."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from strategies import NAN, run_of

from ignite_delayed import (
    After,
    Choice,
    Condition,
    EarlyStop,
    Metric,
    Runs,
    Sweep,
    SweepInterrupted,
    choose,
    grid,
    sweep,
)
from ignite_delayed.replays.sweeps.bounds import upper
from ignite_delayed.replays.sweeps.judging import Judge
from ignite_delayed.replays.sweeps.outcomes import Outcomes

RULES = grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10])


def valley(low: int, length: int = 30) -> list[float]:
    """A curve that falls until an epoch, and rises then."""
    return [(epoch - low) ** 2 / 99 for epoch in range(1, length + 1)]


def with_a_trap(low: int) -> list[float]:
    """One that rests for three epochs before it falls on: patience of two is lost there."""
    return [2.0, 1.0, 1.01, 1.02, 1.03, *(0.9 - 0.05 * t for t in range(low)), *[1.5] * 15]


def swept(curves: list[list[float]], rules: list[Condition] | None = None, **parameters: list[Any]) -> Sweep:
    rows = [dict(zip(parameters, row, strict=True)) for row in zip(*parameters.values(), strict=True)]
    return sweep(Runs(map(run_of, curves), parameters=rows or None), RULES if rules is None else rules)


# --- what is named ---------------------------------------------------------------------------------------------------


def test_the_cheapest_that_loses_nothing_is_named() -> None:
    chosen = choose(swept([valley(9 + n % 3) for n in range(40)]), 0.01)
    assert chosen.rule == chosen.candidate == RULES[0]
    assert chosen.reason == ""
    assert chosen.evidence is not None
    assert (chosen.evidence.units, chosen.evidence.regret, chosen.evidence.bound) == (27, 0, 0.01)
    assert chosen.evidence.early == 0
    assert 0 < chosen.evidence.saved_bound < chosen.evidence.saved < 1
    assert repr(chosen) == (
        "<Choice of EarlyStop('loss', mode='min', patience=2): mean regret <= 0.01 with confidence 0.9>"
    )
    assert str(chosen).splitlines()[0] == "EarlyStop('loss', mode='min', patience=2)"
    assert Condition.parse(str(chosen).splitlines()[0]) == chosen.rule


def test_a_cheaper_one_that_falls_into_a_trap_is_not() -> None:
    chosen = choose(swept([with_a_trap(5 + n % 4) for n in range(40)]), 0.02)
    assert chosen.rule == RULES[1]


def test_a_dearer_rule_that_fails_does_not_end_the_tests() -> None:
    rules = grid(EarlyStop, "loss", mode="min", patience=[2, 3, 4], threshold=0)
    runs, stops = 60, [[10.0, 20.0, 15.0]] * 60
    lost = np.zeros((runs, 3))
    held = np.random.default_rng(0).permutation(runs)[20:]  # as choose() draws with seed 0
    lost[:, 0] = 0.001
    lost[:, 1] = 0.0005
    lost[held[::2], 1] = 1.0  # the dearest but one of the safest, which fails where it is tested
    of_runs = np.zeros(runs), np.ones(runs), np.ones(runs), np.full(runs, 30.0)
    outcomes = Outcomes(np.array(stops), lost, np.ones((runs, 3)), *of_runs)
    found = Sweep([str(run) for run in range(runs)], [{}] * runs, rules, Judge(Metric("loss"), "min"), outcomes)
    assert choose(found, 0.01).rule == rules[0]


@pytest.mark.parametrize(("runs", "named"), [(60, 2), (120, 0)])
def test_with_many_runs_one_that_fails_does_not_end_the_tests(runs: int, named: int) -> None:
    rules = grid(EarlyStop, "loss", mode="min", patience=[2, 3, 4])
    lost = np.tile([0.001, 0.0005, 0.0], (runs, 1))
    held = np.random.default_rng(0).permutation(runs)[runs // 3 :]
    lost[held[::2], 1] = 1.0  # it fails where it is tested, between one that passes and another that would
    of_runs = np.zeros(runs), np.ones(runs), np.ones(runs), np.full(runs, 30.0)
    outcomes = Outcomes(np.tile([10.0, 15.0, 20.0], (runs, 1)), lost, np.ones((runs, 3)), *of_runs)
    found = Sweep([str(run) for run in range(runs)], [{}] * runs, rules, Judge(Metric("loss"), "min"), outcomes)
    assert choose(found, 0.01).rule == rules[named]


def test_one_that_rarely_fails_is_not_where_that_is_too_often() -> None:
    curves = [with_a_trap(8) if n % 4 == 0 else valley(9) for n in range(80)]
    assert choose(swept(curves), 0.02, cap=0.2).rule == RULES[1]
    assert choose(swept(curves), 0.15, cap=0.2).rule == RULES[0]


def test_the_seed_draws_what_is_held_out() -> None:
    found = swept([valley(5 + n % 9) for n in range(40)])
    means = {choose(found, 0.01, seed=seed).evidence.epochs for seed in range(5)}  # type: ignore[union-attr]
    assert len(means) > 1
    assert choose(found, 0.01, seed=3) == choose(found, 0.01, seed=3)


def test_where_more_is_better() -> None:
    rules = grid(EarlyStop, "loss", mode="max", patience=[2, 5])
    chosen = choose(swept([[-x for x in with_a_trap(5 + n % 4)] for n in range(40)], rules), 0.02)
    assert chosen.rule == rules[1]


# --- why none is named -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 10, 31])
def test_too_few_runs_are_said_to_be_too_few(count: int) -> None:
    chosen = choose(swept([valley(9)] * count), 0.01)
    assert chosen.rule is None
    held = 0 if count == 1 else count - max(1, count // 3)
    least = 0.1 * (1 - 0.1 ** (1 / held)) if held else 0.1
    assert chosen.reason == (
        f"too few: {held} held out can at best show a mean regret of {least:.3g} with confidence 0.9; "
        "for 0.01 it takes 22 held out, 32 in all"
    )
    assert repr(chosen) == "<Choice: no rule, too few>"
    if held:
        assert chosen.candidate == RULES[2]
        assert chosen.evidence is not None
        assert chosen.evidence.bound == pytest.approx(least)
        assert f"The safest was {RULES[2]!r}:" in str(chosen)
    assert choose(swept([valley(9)] * 32), 0.01).rule == RULES[0]


def test_no_runs_that_can_be_judged() -> None:
    chosen = choose(swept([[NAN]] * 40), 0.01)
    assert chosen.reason.startswith("too few: 0 held out")
    assert chosen.notes[-1] == "left out: 40 runs without a number to judge"


def test_all_censored() -> None:
    chosen = choose(swept([[1 / t for t in range(1, 20)]] * 40), 0.01)
    assert (chosen.rule, chosen.candidate) == (None, None)
    assert str(chosen).startswith("No rule: all censored: no rule stopped any of the runs")


def test_rules_that_save_nothing_are_no_better_than_none() -> None:
    at_the_end = [[3.0, 2.0, 1.0, 1.0, 1.0]] * 40
    chosen = choose(swept(at_the_end, RULES[:1]), 0.01)
    assert chosen.reason.startswith("none does better than none")


def test_none_that_keeps_within_what_is_asked() -> None:
    chosen = choose(swept([with_a_trap(8)] * 60, RULES[:1]), 0.02)
    assert chosen.rule is None
    assert chosen.reason == "none keeps the mean regret within 0.02 on the runs that were held out"
    assert chosen.evidence is not None
    assert chosen.evidence.regret == pytest.approx(0.2)  # the cap
    assert chosen.evidence.early == 0


def test_a_rule_that_keeps_nothing_counts_as_the_worst() -> None:
    late = EarlyStop("loss", mode="min", patience=2, until=After(epochs=25))
    curves = [valley(9, length=40) if n % 2 else valley(9, length=20) for n in range(60)]
    chosen = choose(swept(curves, [late]), 0.02)
    assert chosen.rule is None
    assert chosen.evidence is not None
    assert chosen.evidence.regret > 0.05


def test_stops_before_half_of_the_improvement_are_counted() -> None:
    early = [1.0, 1.1, 1.2, *valley(5, length=9)]
    chosen = choose(swept([early] * 30, RULES[:1]), 2.0, cap=2.0)
    assert chosen.rule == RULES[0]
    assert chosen.evidence is not None
    assert chosen.evidence.early == 1
    assert "100.0% stopped before half" in str(chosen)


def test_an_interrupted_sweep_is_said_to_be_one() -> None:
    def broken() -> Any:
        yield from (run_of(valley(9)) for _ in range(2100))
        raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as told:
        sweep(broken(), RULES)
    assert "the sweep was interrupted: there were more runs" in str(choose(told.value.partial, 0.01))


# --- groups ----------------------------------------------------------------------------------------------------------


def test_runs_of_a_group_count_as_one() -> None:
    curves = [valley(9 + n % 3) for n in range(90)]
    found = swept(curves, setting=[n // 3 for n in range(90)], seed=[n % 3 for n in range(90)])
    assert choose(found, 0.01).evidence.units == 60  # type: ignore[union-attr]
    grouped = choose(found, 0.01, groups="setting")
    assert grouped == choose(found, 0.01, groups=[[n // 3] for n in range(90)])
    assert grouped.evidence is not None
    assert grouped.evidence.units == 20
    assert grouped.reason.startswith("too few: 20 held out")
    assert grouped.notes[0] == "3 rules in the order of 10 groups of runs, tested on 20 others"
    assert choose(found, 0.01, groups="seed").reason.startswith("too few: 2 held out")


def test_the_mean_of_a_group_is_that_of_its_runs() -> None:
    curves = [with_a_trap(8) if n % 2 else valley(9) for n in range(120)]
    found = swept(curves, RULES[:1], pair=[n // 2 for n in range(120)])
    chosen = choose(found, 0.15, cap=0.2, groups="pair")
    assert chosen.evidence is not None
    assert chosen.evidence.regret == pytest.approx(0.1)


# --- bad arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_regret": 0}, "max_regret must be a finite number > 0"),
        ({"confidence": 1}, "confidence must be a finite number"),
        ({"confidence": 0}, "confidence must be a finite number"),
        ({"cap": 0.001}, "cap must be a finite number >= 0.01"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"groups": "sed"}, r"groups must be a parameter of every run, as '0' lacks it, .* Did you mean 'seed'\?"),
        ({"groups": [1, 2]}, "groups must be a label for each of the 4 runs"),
        ({"sweep": 3}, r"sweep must be what sweep\(\) returns, got 3 .*Write choose\(sweep\(runs, rules\)"),
    ],
)
def test_bad_arguments_are_told(arguments: dict[str, Any], message: str) -> None:
    found = swept([valley(9)] * 4, seed=[1, 2, 3, 4])
    with pytest.raises((TypeError, ValueError), match=message):
        choose(**{"sweep": found, "max_regret": 0.01, **arguments})


# --- what is promised holds ------------------------------------------------------------------------------------------

POOL = 1500


@cache
def population() -> Sweep:
    """Simulated learning curves, of which many rest, jump and overfit."""
    draw = np.random.default_rng(14)
    epochs = np.arange(1, 61)
    curves = []
    for _ in range(POOL):
        speed, floor = draw.uniform(3, 15), draw.uniform(0.1, 0.4)
        fall = floor + 0.6 * np.exp(-epochs / speed) + 0.004 * np.maximum(epochs - draw.integers(20, 60), 0)
        rest = draw.integers(3, 25)  # from here the curve stands for a while
        fall[rest:] = np.interp(epochs[rest:] - draw.integers(0, 12), epochs, fall)
        curves.append((fall + draw.normal(0, draw.choice([0.002, 0.03]), 60)).tolist())
    gates = [None, After(epochs=10)]
    rules = grid(EarlyStop, "loss", mode="min", patience=[1, 2, 3, 4, 6, 8, 12, 16], until=gates)
    return swept(curves, rules)


def rows_of(found: Sweep, places: np.ndarray[Any, Any]) -> Sweep:
    """A sweep of some of its runs."""
    cells = (found.stopped_epoch, found.kept, found.kept_epoch)
    of_runs = (found.best, found.best_epoch, found.start, found.end)
    outcomes = Outcomes(*(column[places] for column in cells), *(column[places, 0] for column in of_runs))
    names = [str(place) for place in range(len(places))]
    return Sweep(names, [{}] * len(places), found.rules, Judge(found.monitor, found.mode), outcomes)


def true_means(found: Sweep, cap: float) -> dict[str, float]:
    """What the rules really come to, in the population that runs are drawn from."""
    means = np.where(np.isnan(found.regret), cap, np.minimum(found.regret, cap)).mean(axis=0)
    return dict(zip(map(repr, found.rules), means.tolist(), strict=True))


def breaks(chosen: Choice, means: dict[str, float]) -> bool:
    """Whether what was said is wrong."""
    return chosen.evidence is not None and means[repr(chosen.candidate)] > chosen.evidence.bound


def most(repetitions: int, chance: float) -> float:
    """More than that many of them happen once in 30,000 times."""
    return repetitions * chance + 4 * math.sqrt(repetitions * chance * (1 - chance))


@pytest.mark.parametrize("runs", [3, 10, 30])
@pytest.mark.parametrize(("max_regret", "cap"), [(0.02, None), (0.05, 0.2), (0.06, 0.065), (0.1, 0.3)])
def test_what_is_said_of_runs_to_come_holds_at_its_level(runs: int, max_regret: float, cap: float | None) -> None:
    found, draw, repetitions = population(), np.random.default_rng(runs), 200
    means = true_means(found, 10 * max_regret if cap is None else cap)
    chosen = [
        choose(rows_of(found, draw.integers(0, POOL, runs)), max_regret, cap=cap, seed=seed)
        for seed in range(repetitions)
    ]
    assert sum(breaks(one, means) for one in chosen) <= most(repetitions, 0.1)


def zero_inflated(draw: np.random.Generator, runs: int, chances: np.ndarray[Any, Any], lost: float) -> Sweep:
    """Runs in which rules lose nothing mostly, and now and then a lot: what means of few runs do not show."""
    shape = (runs, len(chances))
    kept = np.where(draw.random(shape) < chances, lost, 0.0)
    nothing, ends = np.zeros(runs), np.full(runs, 100.0)
    spent = np.broadcast_to(np.arange(1.0, len(chances) + 1), shape)
    outcomes = Outcomes(spent, kept, spent, nothing, nothing, nothing + 1, ends)
    rules = grid(EarlyStop, "loss", mode="min", patience=range(1, len(chances) + 1))
    return Sweep([str(run) for run in range(runs)], [{}] * runs, rules, Judge(Metric("loss"), "min"), outcomes)


@pytest.mark.parametrize("runs", [3, 10, 30])
@pytest.mark.parametrize(("max_regret", "cap"), [(0.1, 1.0), (0.3, 1.0), (0.7, 1.0)])
def test_nor_do_many_rules_that_are_just_too_bad_deceive_it(runs: int, max_regret: float, cap: float) -> None:
    draw, repetitions = np.random.default_rng(runs), 300
    chances = np.full(40, max_regret * 1.02)
    wrong, naive = 0, 0
    for seed in range(repetitions):
        found = zero_inflated(draw, runs, chances, lost=cap)
        means = dict.fromkeys(map(repr, found.rules), 1.02 * max_regret)
        chosen = choose(found, max_regret, cap=cap, seed=seed)
        wrong += chosen.rule is not None or breaks(chosen, means)
        naive += bool((found.regret.mean(axis=0) <= max_regret).any())
    assert wrong <= most(repetitions, 0.1)
    assert naive > 0.9 * repetitions  # the mean on the runs themselves is deceived nearly always


def few_early_stops(draw: np.random.Generator, seed: int, shares: np.ndarray[Any, Any]) -> Sweep:
    """60 runs, in which a rule fails the test where the one before it stops none of those held out early."""
    runs, count = 60, len(shares)
    before = np.concatenate([[0.0], shares[:-1]])
    early = draw.random((runs, count)) < shares / (1 - before)  # less often, as never where the one before does
    early[:, 1:] &= ~early[:, :-1]
    lost = np.where(early, 20.0, 0.0)  # more than half of the improvement
    lost[:, 1:][~early[:, :-1] & (lost[:, 1:] == 0)] = 5.0  # a cap of one, and less than half
    lost[:, 1:5] = 5.0  # these fail
    first = np.random.default_rng(seed).permutation(runs)[: runs // 3]  # as choose() draws
    lost[first] = np.linspace(0, 0.5, count)  # in this order
    spent = np.broadcast_to(np.arange(count, 0, -1.0), lost.shape)
    of_runs = np.zeros(runs), np.ones(runs), np.full(runs, 20.0), np.full(runs, 300.0)
    outcomes = Outcomes(spent, lost, spent, *of_runs)
    rules = grid(EarlyStop, "loss", mode="min", patience=range(1, count + 1))
    return Sweep([str(run) for run in range(runs)], [{}] * runs, rules, Judge(Metric("loss"), "min"), outcomes)


def test_the_bounds_of_shares_hold_though_the_runs_decide_how_many_rules_are_tested() -> None:
    draw, repetitions, count = np.random.default_rng(0), 150, 200
    shares = 1.0001 * (1 - (0.1 / np.arange(2, count + 2)) ** (1 / 40))  # just above what is said if none was seen
    wrong = 0
    for seed in range(repetitions):
        chosen = choose(few_early_stops(draw, seed, shares), 0.9995, cap=1, seed=seed)
        assert isinstance(chosen.rule, EarlyStop)
        assert chosen.evidence is not None
        wrong += shares[chosen.rule.patience - 1] > chosen.evidence.early_bound  # type: ignore[operator]
    assert wrong <= most(repetitions, 0.1)


def test_the_bounds_of_shares_are_for_all_the_rules_that_are_in_order() -> None:
    lost = np.tile([0.001, 0.0005, 0.0], (40, 1))
    bounds = []
    for fails in (False, True):
        held = np.random.default_rng(0).permutation(40)[13:]
        lost[held[::2], 1] = 1.0 if fails else 0.0005
        of_runs = np.zeros(40), np.ones(40), np.ones(40), np.full(40, 30.0)
        outcomes = Outcomes(np.tile([10.0, 15.0, 20.0], (40, 1)), lost, np.ones((40, 3)), *of_runs)
        names = [str(run) for run in range(40)]
        chosen = choose(Sweep(names, [{}] * 40, RULES, Judge(Metric("loss"), "min"), outcomes), 0.01)
        assert chosen.evidence is not None
        bounds.append(chosen.evidence.early_bound)
    assert bounds == [upper(0.0, 27, 1 - 0.1 / 3)] * 2


def test_with_many_runs_a_good_rule_is_found_nearly_always() -> None:
    found, draw = population(), np.random.default_rng(0)
    chosen = [choose(rows_of(found, draw.integers(0, POOL, 300)), 0.02, seed=seed) for seed in range(50)]
    assert sum(one.rule is not None for one in chosen) >= 48
    assert np.mean([one.evidence.saved for one in chosen if one.evidence is not None]) > 0.1
