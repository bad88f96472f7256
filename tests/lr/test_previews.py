"""A preview is the run, without the run."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from engines import nan
from hypothesis import given
from hypothesis import strategies as st
from lr_runs import SCHEDULERS, Training, adam, sgd, untouched
from lr_strategies import EPOCHS, LENGTH, accumulations, loss_of, several_phases, told
from torch.optim.lr_scheduler import MultiplicativeLR, ReduceLROnPlateau

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    Exponential,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    UnknownMetricError,
    apply_schedule,
    preview,
    warmup,
)


# Of what is stepped per iteration, or in an epoch without an update, torch says that nothing was updated before.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@given(phases=several_phases(), seed=st.integers(0, 1000), nans=st.booleans(), accumulation=accumulations)
def test_equals_the_run_exactly(phases: list[Phase], seed: int, nans: bool, accumulation: int) -> None:
    training = Training(sgd(1.0, 0.3), metrics={"loss": loss_of(seed, nans)}, accumulation=accumulation)
    run = LRPhases(training.recorder, training.optimizer, phases, **told(phases, accumulation))
    before = untouched(training.optimizer)

    class Clock:  # the loss is a function of the trainer's iteration
        def __init__(self, epoch: int) -> None:
            self.state = self
            self.iteration = epoch * LENGTH

    def loss(epoch: int) -> float:
        return loss_of(seed, nans)(Clock(epoch))  # type: ignore[arg-type]

    arguments: dict[str, Any] = {"epochs": EPOCHS, "iterations_per_epoch": LENGTH, "metrics": {"loss": loss}}
    seen = preview(run, **arguments)
    assert untouched(training.optimizer) == before
    used = training.run(EPOCHS, LENGTH)
    assert seen.rates.tolist() == used
    assert seen.switches == run.switches
    again = preview(run, **arguments)  # after the run, too: from the rates before it
    assert again.rates.tolist() == used
    listed = preview(phases, optimizer=sgd(1.0, 0.3), **arguments, **told(phases, accumulation))
    assert (listed.rates.tolist(), listed.switches) == (used, run.switches)
    np.testing.assert_array_equal(seen.epochs, np.arange(1, EPOCHS * LENGTH + 1) / LENGTH)


@given(st.integers(0, 6), st.sampled_from(["iteration", "epoch"]))
def test_of_a_schedule_equals_the_run(warm: int, per: Any) -> None:
    schedule = warmup(epochs=warm / 2 + 0.5).then(Cosine(fraction=0.25)).then(Exponential(0.5, epochs=1))
    training = Training(sgd(1.0))
    apply_schedule(training.recorder, training.optimizer, schedule, per=per)
    used = training.lr(EPOCHS, LENGTH)
    seen = preview(schedule, per=per, epochs=EPOCHS, iterations_per_epoch=LENGTH)
    # NumPy's cosine and power differ from those of math in the last place.
    np.testing.assert_allclose(seen.rates[:, 0], used, rtol=1e-14, atol=1e-16)
    assert seen.switches == []


def test_a_million_steps_of_a_schedule_are_evaluated_at_once() -> None:
    schedule = warmup(fraction=0.05).then(Cosine(fraction=0.95))
    seen = preview(schedule, epochs=1000, iterations_per_epoch=1000)
    assert seen.rates.shape == (1_000_000, 1)
    assert seen.rates[25_000, 0] == 0.5
    assert seen.rates[525_000, 0] == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))


@pytest.mark.parametrize("metrics", [None, {"loss": [1.0, 0.5, 0.1]}])
@pytest.mark.parametrize("per", ["iteration", "epoch"])
def test_long_stretches_of_a_schedule_equal_the_run_but_for_the_last_place(per: Any, metrics: Any) -> None:
    until = After(fraction=0.6) if metrics is None else Metric("loss") < 0.6
    phases = [
        Phase(warmup(fraction=0.2), per="iteration"),
        Phase(None, until=After(iterations=70)),
        Phase(Cosine(1, 0.5, fraction=0.9), per=per, until=until),
        Phase(Exponential(0.5, epochs=1), per=per),
    ]
    training = Training(sgd(1.0, 0.3), metrics={} if metrics is None else metrics)
    run = LRPhases(training.recorder, training.optimizer, phases)
    used = training.run(3, 200)
    seen = preview(phases, optimizer=sgd(1.0, 0.3), epochs=3, iterations_per_epoch=200, metrics=metrics)
    np.testing.assert_allclose(seen.rates, used, rtol=1e-14, atol=1e-16)
    assert seen.switches == run.switches
    assert len(seen.switches) == 3


class TestASchedule:
    def test_gives_factors_without_an_optimizer_and_rates_with_one(self) -> None:
        schedule = Linear(1, 0, epochs=2)
        factors = preview(schedule, epochs=2, iterations_per_epoch=2)
        rates = preview(schedule, optimizer=sgd(0.5, 2.0), epochs=2, iterations_per_epoch=2)
        assert (factors.quantity, factors.rates.tolist()) == ("factor of the base rate", [[1], [0.75], [0.5], [0.25]])
        assert rates.quantity == "learning rate"
        assert rates.rates.tolist() == [[0.5, 2.0], [0.375, 1.5], [0.25, 1.0], [0.125, 0.5]]

    def test_per_epoch_with_an_optimizer(self) -> None:
        seen = preview(Linear(1, 0, epochs=2), optimizer=sgd(), per="epoch", epochs=2, iterations_per_epoch=2)
        assert seen.rates[:, 0].tolist() == [1.0, 1.0, 0.5, 0.5]


def test_of_phases_with_a_pinned_length_is_of_that_length() -> None:
    training = Training(sgd())
    phases = apply_schedule(training.recorder, training.optimizer, Linear(rest=True), per="epoch", planned_epochs=4)
    assert preview(phases, epochs=2, iterations_per_epoch=1).rates[:, 0].tolist() == [1.0, 0.75]


def test_of_phases_needs_no_optimizer_of_theirs() -> None:
    training = Training(sgd())
    phases = LRPhases(training.recorder, training.optimizer, [Phase(Constant(0.5), per="epoch")])
    with pytest.raises(ValueError, match=r"optimizer must be left out for LRPhases, got .*They have their own"):
        preview(phases, optimizer=sgd(), epochs=1, iterations_per_epoch=1)


class TestLeavesAlone:
    @pytest.mark.parametrize("build", [sgd, adam, lambda: torch.optim.LBFGS([torch.nn.Parameter(torch.zeros(1))])])
    def test_the_optimizer_the_model_and_the_gradients(self, build: Any) -> None:
        optimizer = build()
        (parameter,) = optimizer.param_groups[0]["params"]
        parameter.grad = torch.ones(1)
        if not isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step()  # so that it has a state
        rate = optimizer.param_groups[0]["lr"]
        state = str(optimizer.state_dict())
        value, gradient = parameter.detach().clone(), parameter.grad
        phases = [
            Phase(SCHEDULERS["LinearLR"], per="iteration", until=After(iterations=3)),
            Phase(Constant(0.5), per="epoch"),
        ]
        seen = preview(phases, optimizer=optimizer, epochs=2, iterations_per_epoch=3)
        ramp = [0.25 * rate, 0.5 * rate, 0.75 * rate]
        assert seen.rates[:, 0].tolist() == pytest.approx(ramp + [0.25 * rate * 0.5 / 0.25] * 3)
        assert str(optimizer.state_dict()) == state
        assert torch.equal(parameter, value)
        assert parameter.grad is gradient
        assert torch.equal(gradient, torch.ones(1))
        assert "step" not in vars(optimizer)

    def test_tensors(self) -> None:
        rate = torch.tensor(1.0)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        seen = preview([Phase(Constant(0.5), per="epoch")], optimizer=optimizer, epochs=1, iterations_per_epoch=1)
        assert seen.rates.tolist() == [[0.5]]
        assert optimizer.param_groups[0]["lr"] is rate
        assert rate.item() == 1.0

    def test_hooks_of_the_optimizer_are_not_run(self) -> None:
        optimizer = sgd()
        optimizer.register_step_pre_hook(lambda *args: pytest.fail("a hook was run"))
        preview([Phase(Constant(0.5), per="epoch")], optimizer=optimizer, epochs=1, iterations_per_epoch=1)

    def test_the_phases(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        phases = LRPhases(
            training.recorder,
            training.optimizer,
            [
                Phase(Constant(0.5), per="epoch", until=Metric("loss") < 0.5),
                Phase(SCHEDULERS["LinearLR"], per="epoch"),
            ],
        )
        state = phases.state_dict()
        seen = preview(phases, epochs=3, iterations_per_epoch=1, metrics={"loss": [1, 0.1, 1]})
        assert seen.rates[:, 0].tolist() == [0.5, 0.5, 0.125]
        assert phases.state_dict() == state
        assert (phases.index, phases.scheduler, len(training.recorder.history)) == (0, None, 0)

    def test_a_ready_scheduler(self) -> None:
        optimizer = sgd()
        ready = MultiplicativeLR(optimizer, lambda step: 0.5)
        state = ready.state_dict().copy()
        phases = [Phase(Constant(0.5), per="epoch", until=After(epochs=1)), Phase(ready, per="epoch")]
        seen = preview(phases, optimizer=optimizer, epochs=4, iterations_per_epoch=1)
        assert seen.rates[:, 0].tolist() == [0.5, 0.5, 0.25, 0.125]
        assert ready.optimizer is optimizer
        assert ready.state_dict() == state

    def test_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            seen = preview(
                [Phase(Constant(0.5, epochs=1), per="epoch"), Phase(Constant(0.1), per="epoch")],
                epochs=2,
                iterations_per_epoch=1,
            )
        assert len(seen.switches) == 1
        assert not caplog.records


class TestMetrics:
    PLATEAU = Phase(
        lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, factor=0.5), monitor="val/loss", mode="min"
    )

    def test_as_a_sequence_with_nan(self) -> None:
        seen = preview([self.PLATEAU], epochs=4, iterations_per_epoch=1, metrics={"val/loss": [1, nan, 0.5, 0.5]})
        assert seen.rates[:, 0].tolist() == [1.0, 1.0, 0.5, 0.5]

    def test_as_a_function_of_the_epoch(self) -> None:
        seen = preview([self.PLATEAU], epochs=4, iterations_per_epoch=1, metrics={"val/loss": lambda epoch: 1.0})
        assert seen.rates[:, 0].tolist() == [1.0, 1.0, 0.5, 0.25]

    def test_the_rate_itself_may_be_read(self) -> None:
        phases = [
            Phase(Linear(1, 0, steps=4), per="epoch", until=Metric("lr") < 0.6),
            Phase(Constant(0.1), per="epoch"),
        ]
        assert preview(phases, epochs=5, iterations_per_epoch=1).rates[:, 0].tolist() == [1.0, 0.75, 0.5, 0.1, 0.1]

    def test_one_that_is_missing(self) -> None:
        with pytest.raises(UnknownMetricError, match="'val/loss' was not reported"):
            preview([self.PLATEAU], epochs=4, iterations_per_epoch=1)


def test_another_parameter() -> None:
    training = Training(sgd(momentum=0.8))
    phases = apply_schedule(
        training.recorder, training.optimizer, Linear(1, 0.5, steps=2), per="epoch", parameter="momentum"
    )
    seen = preview(phases, epochs=3, iterations_per_epoch=1)
    assert seen.rates[:, 0].tolist() == [0.8, 0.8 * 0.75, 0.4]
    assert seen.quantity == "momentum"


@pytest.mark.parametrize(
    ("what", "arguments", "error", "message"),
    [
        (Constant(1.0), {"epochs": 0}, ValueError, "epochs must be a whole number >= 1"),
        (Constant(1.0), {"iterations_per_epoch": 1.5}, ValueError, "iterations_per_epoch must be a whole number >= 1"),
        (Constant(1.0), {"per": "batch"}, ValueError, "per must be one of 'iteration', 'epoch', 'update'"),
        (Constant(1.0, iterations=3), {"per": "epoch"}, ValueError, "per must be 'iteration' for a schedule with iter"),
        (None, {}, TypeError, "what must be a schedule, LRPhases, or a list of Phase, got None"),
        (Phase(Constant(1.0), per="epoch"), {}, TypeError, "or a list of Phase, got .* A phase goes in a list"),
        ([Constant(1.0)], {}, TypeError, "an entry of phases must be a Phase"),
        ([], {}, ValueError, "phases must hold at least one Phase"),
        (
            [Phase(None, until=After(epochs=1) | After(seconds=3))],
            {},
            ValueError,
            "until must be free of seconds in a preview",
        ),
        ([TestMetrics.PLATEAU], {"metrics": {"val/loss": [1.0]}}, ValueError, "one value for each of the 2 epochs"),
        ([TestMetrics.PLATEAU], {"metrics": {"val/loss": 1.0}}, TypeError, "must be a sequence of values or a func"),
        ([TestMetrics.PLATEAU], {"metrics": [1.0, 1.0]}, TypeError, "metrics must be a dict of metric names"),
        (Constant(1.0), {"optimizer": "nonsense"}, TypeError, "optimizer must be a torch optimizer"),
        (Constant(1.0), {"metrics": {"loss": [1, 2]}}, ValueError, "metrics must be left out for a schedule"),
        ([TestMetrics.PLATEAU], {"per": "epoch"}, ValueError, "per must be left out for phases.*has its own"),
        ([TestMetrics.PLATEAU], {"optimizer": 3}, TypeError, "optimizer must be a torch optimizer"),
        ([Phase(None, until=Plateau("loss", mode="min", patience=3))], {"optimizer": None}, UnknownMetricError, "loss"),
    ],
)
def test_bad_input(what: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        preview(what, **{"epochs": 2, "iterations_per_epoch": 2, **arguments})


def test_its_repr_tells_how_long_it_is_its_rates_and_its_switches() -> None:
    phases = [Phase(Constant(1), per="epoch", until=After(epochs=3)), Phase(Constant(0.25), per="epoch")]
    assert repr(preview(phases, epochs=5, iterations_per_epoch=2)) == (
        "<Preview of 10 batches: 0.25 to 1, switched before epoch 4>"
    )
    groups: list[dict[str, Any]] = [{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)], "lr": 2.0}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    two = preview([Phase(Constant(1), per="epoch")], epochs=1, iterations_per_epoch=2, optimizer=optimizer)
    assert repr(two) == "<Preview of 2 batches, 2 groups: 1 to 2>"
