"""Patience in every unit of the clock, against its inequality written out over the whole run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAN, first_true, last_state, run_of, runs, verdicts

from ignite_delayed import After, Always, EarlyStop, History, Patience, Plateau, Record, StateError, replay

curves = st.lists(st.sampled_from([NAN, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=20)
closed = st.sampled_from(["ignore", "track", "count"])


def evaluated(*epochs: int, values: list[float], length: int = 10, planned: int | None = 100) -> History:
    """A run that is evaluated at the end of ``epochs``, each of ``length`` iterations and 60 seconds."""
    return History(
        Record(
            epoch=epoch,
            iteration=epoch * length,
            evaluation=number,
            seconds=60.0 * epoch,
            planned=planned,
            values={"loss": value},
        )
        for number, (epoch, value) in enumerate(zip(epochs, values, strict=True), start=1)
    )


def stops(run: History, patience: Any, **rule: Any) -> int | None:
    """The epoch at which the run would be stopped."""
    stop = replay(run, EarlyStop("loss", mode="min", patience=patience, **rule)).first
    return None if stop is None else stop.epoch


# --- the rule ----------------------------------------------------------------------------------------------------


@given(curves, st.integers(1, 5), st.integers(0, 8), closed)
def test_with_one_evaluation_an_epoch_every_unit_is_the_number_of_evaluations(
    values: list[float], patience: int, delay: int, while_closed: str
) -> None:
    run = evaluated(*range(1, len(values) + 1), values=values)
    rule: dict[str, Any] = {"until": After(epochs=delay), "while_closed": while_closed}
    expected = stops(run, patience, **rule)
    assert stops(run, Patience(evaluations=patience), **rule) == expected
    assert stops(run, Patience(epochs=patience), **rule) == expected
    assert stops(run, Patience(iterations=10 * patience), **rule) == expected
    assert stops(run, Patience(seconds=60 * patience), **rule) == expected
    assert stops(run, Patience(fraction=patience / 10), **rule) == expected
    plateau = verdicts(Plateau("loss", mode="min", patience=patience), run)
    assert verdicts(Plateau("loss", mode="min", patience=Patience(epochs=patience)), run) == plateau


def spent_by_definition(unit: str, now: Record, since: Record | None) -> float | None:
    """``now - since``, from the docstring; the beginning of the run is 0 of everything."""
    iterations = now.iteration - (since.iteration if since else 0)
    return {
        "epochs": now.epoch - (since.epoch if since else 0),
        "iterations": iterations,
        "seconds": now.seconds - (since.seconds if since else 0),
        "fraction": iterations / now.planned if now.planned else None,
    }[unit]


AMOUNTS: dict[str, float] = {"epochs": 2, "iterations": 5, "seconds": 2.5, "fraction": 0.25}


@pytest.mark.parametrize("unit", AMOUNTS)
@given(run=runs(layouts=(("", None),)))
def test_it_is_lost_once_now_minus_the_last_improvement_is_the_patience(unit: str, run: History) -> None:
    amount: dict[str, Any] = {unit: AMOUNTS[unit]}
    rule = Plateau("val/loss", mode="min", patience=Patience(**amount))
    best, since, expected = None, None, []
    verdict: bool | None = None
    for record in run:
        if record.source is not None and record.fresh:
            value = record["val/loss"]
            if value == value and (best is None or value < best):
                best, since, verdict = value, record, False
            else:
                spent = spent_by_definition(unit, record, since)
                verdict = None if spent is None else spent >= AMOUNTS[unit]
        expected.append(verdict)
    assert verdicts(rule, run) == expected


def test_it_is_looked_at_when_the_metric_is_observed() -> None:
    run = evaluated(3, 6, 9, 12, values=[1.0, 1.0, 1.0, 1.0])
    assert stops(run, 2) == 9
    assert stops(run, Patience(epochs=5)) == 9  # 6 of 5, not in epoch 8
    assert stops(run, Patience(epochs=6)) == 9
    assert stops(run, Patience(epochs=7)) == 12


def test_it_runs_from_the_last_evaluation_before_the_delay_was_over() -> None:
    run = evaluated(2, 4, 6, 8, 10, values=[1.0, 2.0, 2.0, 2.0, 2.0])
    rule: dict[str, Any] = {"patience": Patience(epochs=4), "until": After(epochs=4)}
    assert stops(run, while_closed="track", **rule) == 8  # since epoch 4
    assert stops(run, while_closed="count", **rule) == 6  # since epoch 2
    assert stops(run, while_closed="ignore", **rule) == 10  # since epoch 6, the first that was seen


def test_a_fraction_keeps_its_meaning_when_the_run_is_longer() -> None:
    values = [1.0] * 20
    assert stops(evaluated(*range(1, 21), values=values, planned=100), Patience(fraction=0.3)) == 4
    assert stops(evaluated(*range(1, 21), values=values, planned=200), Patience(fraction=0.3)) == 7


def test_a_fraction_is_exact() -> None:
    run = evaluated(*range(30, 60), values=[1.0] * 30, length=1, planned=100)
    assert stops(run, Patience(fraction=0.29)) == 59  # 29 of 100 iterations, though 0.29 * 100 < 29 in binary


def test_a_fraction_of_a_run_of_unknown_length_is_unknown() -> None:
    run = evaluated(1, 2, 3, values=[1.0, 2.0, 0.5], planned=None)
    rule = Plateau("loss", mode="min", patience=Patience(fraction=0.5))
    assert verdicts(rule, run) == [False, None, False]
    assert verdicts(~rule, run) == [True, None, True]
    told = rule.explain(last_state(rule, list(run)[:2]))
    assert "an unknown part of 0.5 of the run without improvement" in str(told)
    assert rule.nearness(last_state(rule, list(run)[:2])) is None


def test_in_then_it_runs_on_the_clock_of_the_new_run() -> None:
    rule = Plateau("loss", mode="min", patience=Patience(epochs=2))
    run = run_of([NAN, NAN, NAN, NAN])
    assert first_true(verdicts(rule, run)) == 1  # since the beginning: no improvement in two epochs
    assert first_true(verdicts(After(epochs=1).then(rule), run)) == 2
    assert verdicts(Always().then(rule), run) == verdicts(rule, run)


def test_an_epoch_that_goes_back_on_resuming_spends_nothing() -> None:
    rule = Plateau("loss", mode="min", patience=Patience(epochs=1))
    run = [Record(epoch=epoch, iteration=10 * epoch, values={"loss": 1.0}) for epoch in (4, 3)]
    state = last_state(rule, run)
    assert (state.verdict, state.counter.amount) == (False, 0)


# --- what is told ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patience", "spent", "told"),
    [
        (5, "2 of 5 without", "2 evaluations in a row (patience 5)"),
        (Patience(epochs=10), "6 of 10 epochs without", "6 epochs (patience 10)"),
        (Patience(iterations=99), "60 of 99 iterations without", "60 iterations (patience 99)"),
        (Patience(seconds=timedelta(hours=1)), "360 of 3600 seconds without", "360 seconds (patience 3600)"),
        (Patience(fraction=0.7), "0.6 of 0.7 of the run without", "0.6 of the run (patience 0.7)"),
    ],
    ids=repr,
)
def test_what_is_spent_is_told_in_its_unit(patience: Any, spent: str, told: str) -> None:
    run = evaluated(3, 6, 9, values=[1.0, 1.0, 1.0])
    plateau = Plateau("loss", mode="min", patience=patience)
    stop = EarlyStop("loss", mode="min", patience=patience)
    state = last_state(plateau, run)
    assert spent in str(plateau.explain(state))
    assert plateau.missing(state) == f"loss: {spent} improvement, best 1"
    assert plateau.nearness(state) == plateau.limit.share(state.counter)
    assert spent in str(stop.explain(last_state(stop, run)))
    assert f"loss did not improve for {told}; best 1" in stop.reason(last_state(stop, run))


def test_one_epoch_is_not_epochs() -> None:
    stop = EarlyStop("loss", mode="min", patience=Patience(epochs=1))
    assert "for 1 epoch (patience 1)" in stop.reason(last_state(stop, run_of([1.0, 1.0])))


# --- values and states -------------------------------------------------------------------------------------------


def test_evaluations_are_the_number_itself() -> None:
    rule = Plateau("loss", mode="min", patience=Patience(evaluations=5))
    assert rule == Plateau("loss", mode="min", patience=5)
    assert rule.patience == 5
    assert repr(rule) == "Plateau('loss', mode='min', patience=5)"


CLOCK = [1, 1, 1, 1.0]


@pytest.mark.parametrize(
    ("patience", "spent"),
    [
        (3, [1, CLOCK]),
        (Patience(epochs=3), 1),
        (Patience(epochs=3), [0.5, CLOCK]),
        (Patience(epochs=3), [None, CLOCK]),
        (Patience(seconds=3.0), [None, CLOCK]),
        (Patience(seconds=3.0), [3.5, CLOCK]),  # the verdict would be true
    ],
)
def test_states_that_cannot_have_come_about_are_refused(patience: Any, spent: Any) -> None:
    with pytest.raises(StateError, match="contradicts itself"):
        Plateau("loss", mode="min", patience=patience).decode([False, 1.0, spent, [1.0]])
    if spent != [3.5, CLOCK]:
        with pytest.raises(StateError, match="contradicts itself"):
            EarlyStop("loss", mode="min", patience=patience).decode(
                [False, CLOCK, 1.0, CLOCK, spent, False, [1.0], [True]]
            )


WRONG: Any = timedelta(1)
PART: Any = 2.5
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Patience(5), TypeError, r"Patience takes its length by unit, got 5 \(int\)\. Write Patience\(epochs=5\)"),
    (Patience, TypeError, r"Patience takes exactly one of epochs, .*, got none\. Combine two rules"),
    (lambda: Patience(epochs=1, seconds=2), TypeError, "got epochs and seconds"),
    (lambda: Patience(epochs=0), ValueError, r"epochs must be a whole number >= 1, got 0 .* counts the epochs without"),
    (lambda: Patience(iterations=PART), ValueError, r"iterations must be a whole number >= 1, got 2\.5"),
    (lambda: Patience(epochs=WRONG), TypeError, r"Write Patience\(seconds=\.\.\.\) for a time"),
    (lambda: Patience(seconds=0), ValueError, "seconds must be a finite number > 0, got 0"),
    (lambda: Patience(seconds=timedelta(0)), ValueError, "seconds must be a finite number > 0, got"),
    (lambda: Patience(fraction=0), ValueError, "fraction must be a finite number > 0 and <= 1, got 0"),
    (lambda: Patience(fraction=10), ValueError, r"got 10 .*A fraction of the planned run; 0\.1 is a tenth of it"),
    (lambda: Plateau("x", mode="min", patience=PART), ValueError, r"Patience\(fraction=0\.1\) are in other units"),
    (
        lambda: Plateau("x", mode="min", patience=WRONG),
        TypeError,
        r"patience must be a whole number >= 1, .*Patience\(seconds=600\)",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), BAD)
def test_bad_amounts_are_refused(build: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
