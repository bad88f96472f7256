"""When a condition will hold is found for all epochs at once, and is what the fold finds one by one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lr_runs import SCHEDULERS, Training, sgd
from strategies import METRICS, metric_values, trees
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Condition,
    Constant,
    Cosine,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Predicate,
    UnknownMetricError,
    preview,
    warmup,
)
from ignite_delayed.lr.forecast import Reports, first_epoch

EPOCHS = 12
REPORTED = METRICS[:2]

_judgeable = trees.filter(
    lambda condition: (
        "seconds" not in repr(condition) and "raise" not in repr(condition) and "lr" not in condition.reads
    )
)
_values = st.lists(metric_values, min_size=EPOCHS, max_size=EPOCHS)


@given(
    conditions=st.lists(_judgeable, min_size=2, max_size=2),
    values=st.tuples(_values, _values),
    length=st.sampled_from([1, 2, 5]),
    own_end=st.booleans(),
)
def test_phases_end_where_they_end_in_the_run(
    conditions: list[Condition], values: tuple[list[float], list[float]], length: int, own_end: bool
) -> None:
    phases = [
        Phase(warmup(epochs=1.5), per="iteration", until=None if own_end else conditions[0]),
        Phase(Cosine(1, 0.5, rest=True), per="iteration", until=conditions[1]),
        Phase(SCHEDULERS["ExponentialLR"], per="evaluation", until=conditions[0]),
        Phase(Constant(0.1), per="epoch"),
    ]
    metrics = dict(zip(REPORTED, values, strict=True))
    training = Training(sgd(1.0, 0.3), metrics=metrics)
    run = LRPhases(training.recorder, training.optimizer, phases)
    used = training.run(EPOCHS, length)
    seen = preview(run, epochs=EPOCHS, iterations_per_epoch=length, metrics=metrics)
    assert seen.switches == run.switches
    assert seen.rates.tolist() == used


@pytest.mark.parametrize(
    "phase",
    [
        Phase(SCHEDULERS["ReduceLROnPlateau"], monitor="loss", mode="min"),
        Phase(SCHEDULERS["ReduceLROnPlateau"], monitor=Metric("loss").mean(2), mode="min"),
        Phase(SCHEDULERS["StepLR"], per="evaluation"),
        Phase(SCHEDULERS["StepLR"], per="epoch"),
        Phase(SCHEDULERS["LinearLR"], per="iteration"),
    ],
)
def test_what_torch_steps_after_a_long_stretch_sees_what_it_sees_in_the_run(phase: Phase) -> None:
    losses = [1 / (1 + epoch) + 0.1 * math.sin(epoch) for epoch in range(30)]
    phases = [Phase(Cosine(rest=True), per="iteration", until=Metric("loss") < 0.1), phase]
    training = Training(sgd(1.0, 0.3), metrics={"loss": losses})
    run = LRPhases(training.recorder, training.optimizer, phases)
    used = training.run(30, 3)
    seen = preview(run, epochs=30, iterations_per_epoch=3, metrics={"loss": losses})
    assert (seen.rates.tolist(), seen.switches) == (used, run.switches)
    assert len(seen.switches) == 1


class TestReports:
    def test_ask_for_each_value_once(self) -> None:
        asked: list[int] = []

        def loss(epoch: int) -> float:
            asked.append(epoch)
            return 1 / epoch

        def low(record: Any) -> bool:
            return bool(record["loss"] < 0.3)

        until = Metric("loss") < 0.3
        phases = [Phase(Constant(), per="epoch", until=until) for until in (until, Predicate(low, names=("loss",)))]
        preview([*phases, Phase(Constant(), per="epoch")], epochs=9, iterations_per_epoch=2, metrics={"loss": loss})
        assert asked == list(range(1, 10))

    def test_need_no_values_that_no_phase_waits_for(self) -> None:
        phases = [Phase(Constant(), per="epoch", until=Metric("loss") < 0.4), Phase(Constant(0.1), per="epoch")]
        measured = [1.0, 0.5, 0.3]
        metrics = {"loss": lambda epoch: measured[epoch - 1]}
        seen = preview(phases, epochs=9, iterations_per_epoch=2, metrics=metrics)
        assert [switch.epoch for switch in seen.switches] == [3]

    def test_raise_what_the_function_raises_where_a_phase_waits_for_it(self) -> None:
        phases = [Phase(Constant(), per="epoch", until=Metric("loss") < 0.1), Phase(Constant(0.1), per="epoch")]
        metrics = {"loss": lambda epoch: [1.0, 0.5, 0.3][epoch - 1]}
        with pytest.raises(IndexError):
            preview(phases, epochs=9, iterations_per_epoch=2, metrics=metrics)

    def test_of_a_metric_that_nobody_reports(self) -> None:
        assert Reports({"loss": float}, 3).of("accuracy") is None
        with pytest.raises(UnknownMetricError, match="accuracy"):
            preview(
                [Phase(Constant(), per="epoch", until=Metric("accuracy") > 1), Phase(Constant(), per="epoch")],
                epochs=9,
                iterations_per_epoch=2,
                metrics={"loss": float},
            )


def test_a_condition_that_never_holds_holds_past_the_last_epoch() -> None:
    reports = Reports({"loss": lambda epoch: 1 / epoch}, 4)
    found = [first_epoch(Metric("loss") < bound, reports, (0, 0), False, 3, 4, 12) for bound in (2, 0.4, 0.1)]
    assert found == [1, 3, 5]


def test_what_only_the_fold_knows_cannot_be_told() -> None:
    assert first_epoch(Predicate(lambda record: True), Reports({}, 4), (0, 0), False, 3, 4, 12) is None


def test_a_phase_that_begins_with_a_record_counts_it() -> None:
    found = [first_epoch(After(evaluations=1), Reports({}, 9), (6, 2), at, 3, 9, 27) for at in (True, False)]
    assert found == [3, 4]


def test_a_plateau_of_torch_and_one_of_ours_in_one_run() -> None:
    losses = [max(1 / epoch, 0.1) for epoch in range(1, 41)]
    phases = [
        Phase(warmup(epochs=2), per="iteration"),
        Phase(Cosine(rest=True), per="iteration", until=Plateau("loss", mode="min", patience=3)),
        Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=2, factor=0.5), monitor="loss", mode="min"),
    ]
    training = Training(sgd(), metrics={"loss": losses})
    run = LRPhases(training.recorder, training.optimizer, phases)
    used = training.run(40, 4)
    seen = preview(phases, epochs=40, iterations_per_epoch=4, metrics={"loss": losses})
    assert (seen.rates.tolist(), seen.switches) == (used, run.switches)
