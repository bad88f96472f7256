"""Whatever goes for rates goes for momentum, betas and weight decay: side by side, resumed, previewed, adjusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engines import engine, evaluate, reporting
from hypothesis import given
from hypothesis import strategies as st
from lr_runs import Training, adam, groups, saved, values
from lr_strategies import EPOCHS, LENGTH, loss_of, schedule_phases
from wrapped_optimizers import WRAPPERS

from ignite_delayed import (
    Constant,
    Cosine,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    Schedule,
    adjust_lr,
    apply_schedule,
    plot_schedule,
    preview,
    warmup,
)

PARAMETERS = ("lr", "momentum", "weight_decay", "beta1", "beta2")


def two_groups(**more: Any) -> Any:
    """An optimizer that has all of the parameters, as some of users' have."""
    optimizer = torch.optim.SGD(groups(1.0, 0.3), lr=1.0, momentum=0.9, weight_decay=0.1)
    for group, scale in zip(optimizer.param_groups, (1.0, 0.5), strict=True):
        group.update(betas=(0.9 * scale, 0.99), weight_decay=0.1 * scale, **more)
    return optimizer


def one_cycle(training: Training) -> list[LRPhases]:
    """The rate rises and falls, the momentum falls and rises."""
    rise, fall = Linear(0.04, 1, epochs=2), Cosine(1, 0, rest=True)
    low, high = Linear(1, 0.85 / 0.95, epochs=2), Cosine(0.85 / 0.95, 1, rest=True)
    optimizer = training.optimizer
    return [
        apply_schedule(training.recorder, optimizer, rise.then(fall), per="iteration"),
        apply_schedule(training.recorder, optimizer, low.then(high), per="iteration", parameter="momentum"),
    ]


def cycled() -> Training:
    optimizer = torch.optim.SGD(groups(1.0, 0.3), lr=1.0, momentum=0.95)
    training = Training(optimizer, watch=("lr", "momentum"))
    one_cycle(training)
    return training


class TestRateAndMomentumOfOneCycle:
    def test_move_as_torchs_do(self) -> None:
        optimizer = torch.optim.SGD(groups(1.0), lr=1.0, momentum=0.95)
        training = Training(optimizer, watch=("lr", "momentum"))
        rates = Linear(1 / 25, 1, steps=29).then(Linear(1, 1e-4 / 25, steps=70))
        momenta = Linear(1, 0.85 / 0.95, steps=29).then(Linear(0.85 / 0.95, 1, steps=70))
        apply_schedule(training.recorder, optimizer, rates, per="iteration")
        apply_schedule(training.recorder, optimizer, momenta, per="iteration", parameter="momentum")
        theirs = torch.optim.SGD(groups(1.0), lr=1.0, momentum=0.95)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            theirs, 1.0, total_steps=100, anneal_strategy="linear", pct_start=0.3
        )
        expected = []
        for _ in range(99):
            expected.append([*values(theirs), *values(theirs, "momentum")])
            theirs.step()
            scheduler.step()
        np.testing.assert_allclose(training.run(1, 99), expected, rtol=1e-12)

    @pytest.mark.parametrize("cut", range(1, 18))
    def test_are_resumed_exactly_at_every_cut(self, cut: int) -> None:
        states, expected = saved(cycled(), cut)
        [(trainer, optimizer, recorder)] = states
        resumed = cycled()
        resumed.trainer.load_state_dict(trainer)
        resumed.optimizer.load_state_dict(optimizer)
        resumed.recorder.load_state_dict(recorder)
        resumed.attach_evaluator()
        resumed.trainer.run([0] * 3, max_epochs=6)
        assert resumed.used == expected

    def test_begin_again_from_what_the_groups_had(self) -> None:
        training = cycled()
        first = training.run(4, 3)
        assert training.run(4, 3) == first
        assert first[0] == [0.04, 0.3 * 0.04, 0.95, 0.95]

    def test_are_removed_one_by_one_and_their_bases_are_known_afterwards(self) -> None:
        training = cycled()
        training.run(4, 3)
        for phases in list(training.recorder.hub.attached):
            phases.remove()
        again = Training(training.optimizer, watch=("lr", "momentum"))
        one_cycle(again)
        assert again.run(4, 3) == training.used

    def test_say_in_the_status_which_is_which(self) -> None:
        training = cycled()
        training.run(4, 3)
        shown = str(training.recorder.status())
        assert "lr 0.0" in shown
        assert "momentum 0.9" in shown


class TestBetas:
    def test_are_named_by_one_of_them_and_the_first_by_both(self) -> None:
        for parameter, expected in (("betas", (0.45, 0.999)), ("beta1", (0.45, 0.999)), ("beta2", (0.9, 0.4995))):
            training = Training(adam())
            phases = apply_schedule(
                training.recorder, training.optimizer, Constant(0.5), per="epoch", parameter=parameter
            )
            training.run(1)
            assert training.optimizer.param_groups[0]["betas"] == expected
            assert phases.parameter in ("beta1", "beta2")

    def test_are_what_adam_has_for_a_momentum(self) -> None:
        training = Training(adam())
        message = r"parameter must be one of .*'beta1', 'beta2', got 'momentum' .*first beta: parameter='beta1'"
        recorder, optimizer = training.recorder, training.optimizer
        with pytest.raises(ValueError, match=message):
            adjust_lr(recorder, optimizer, {Metric("loss") > 1: 0.5}, parameter="momentum")
        with pytest.raises(ValueError, match=message):
            apply_schedule(recorder, optimizer, Constant(), per="epoch", parameter="momentum")
        with pytest.raises(ValueError, match="parameter='beta1'"):
            preview(Constant(), optimizer=adam(), parameter="momentum", epochs=1, iterations_per_epoch=1)


@given(
    drawn=st.dictionaries(st.sampled_from(PARAMETERS), schedule_phases(), min_size=1, max_size=3),
    wrap=st.sampled_from([lambda optimizer: optimizer, *WRAPPERS.values()]),
    seed=st.integers(0, 100),
)
def test_several_parameters_at_once_are_what_their_previews_say(
    drawn: dict[str, list[Phase]], wrap: Callable[[Any], Any], seed: int
) -> None:
    plain = two_groups()
    training = Training(plain, watch=list(drawn), metrics={"loss": loss_of(seed, False)})
    optimizer = wrap(plain)
    losses = [loss_of(seed, False)(_at(epoch * LENGTH)) for epoch in range(1, EPOCHS + 1)]
    run: dict[str, Any] = {"epochs": EPOCHS, "iterations_per_epoch": LENGTH, "metrics": {"loss": losses}}
    attached, seen = [], []
    for parameter, phases in drawn.items():
        seen.append(preview(phases, optimizer=optimizer, parameter=parameter, **run))
        attached.append(LRPhases(training.recorder, optimizer, phases, parameter=parameter))
    again = [preview(phases, **run) for phases in attached]
    used = np.array(training.run(EPOCHS, LENGTH))
    np.testing.assert_array_equal(np.hstack([one.rates for one in seen]), used)
    np.testing.assert_array_equal(np.hstack([one.rates for one in again]), used)
    assert [one.switches for one in seen] == [phases.switches for phases in attached]


class _At:
    def __init__(self, iteration: int) -> None:
        self.state = self
        self.iteration = iteration


def _at(iteration: int) -> Any:
    return _At(iteration)


class TestBelow1:
    """A momentum of 1 never forgets: what comes to it is refused as it is attached, never in the run."""

    @pytest.mark.parametrize(
        "schedule",
        [
            Linear(1.0, 1 / 0.9, rest=True),
            warmup(epochs=2).then(Constant(1.2)),
            Cosine(1.0, 0.5, epochs=3).then(Linear(0.5, 2.0, fraction=0.1)),
        ],
    )
    @pytest.mark.parametrize("parameter", ["beta1", "betas", "beta2"])
    def test_is_kept(self, parameter: str, schedule: Schedule) -> None:
        training = Training(adam(0.1))
        with pytest.raises(ValueError, match=r"the beta[12] that Phase\(.* comes to must be < 1, got .* of the base"):
            apply_schedule(training.recorder, training.optimizer, schedule, per="iteration", parameter=parameter)
        assert training.optimizer.param_groups[0]["betas"] == (0.9, 0.999)
        apply_schedule(training.recorder, training.optimizer, schedule.floor(0), per="iteration")  # rates may be any

    def test_as_far_as_the_base_allows_it(self) -> None:
        training = Training(torch.optim.SGD(groups(0.1), lr=0.1, momentum=0.5), watch=["momentum"])
        schedule = Linear(1.0, 1.9, epochs=2)
        apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", parameter="momentum")
        assert training.lr(3) == pytest.approx([0.5, 0.725, 0.95])


class TestPreviews:
    @pytest.mark.parametrize("parameter", ["momentum", "weight_decay", "beta1", "beta2", "betas"])
    def test_are_factors_without_an_optimizer_and_values_with_one(self, parameter: str) -> None:
        run: dict[str, Any] = {"epochs": 2, "iterations_per_epoch": 2, "parameter": parameter}
        schedule = Linear(1, 0, epochs=2)
        shown = "beta1" if parameter == "betas" else parameter
        for what in (schedule, [Phase(schedule, per="iteration")]):
            factors = preview(what, **run)
            assert factors.rates[:, 0].tolist() == [1.0, 0.75, 0.5, 0.25]
            assert factors.quantity == f"factor of {shown}"
            assert preview(what, optimizer=two_groups(), **run).quantity == shown
        [base, _] = values(two_groups(), shown)
        assert preview(schedule, optimizer=two_groups(), **run).rates[2, 0] == base * 0.5

    def test_of_rates_keep_their_names(self) -> None:
        run: dict[str, Any] = {"epochs": 1, "iterations_per_epoch": 1}
        phases = [Phase(Constant(), per="epoch")]
        assert preview(phases, **run).quantity == preview(Constant(), **run).quantity == "factor of the base rate"
        assert preview(phases, optimizer=adam(), **run).quantity == "learning rate"

    def test_of_attached_phases_know_theirs(self) -> None:
        training = Training(two_groups())
        phases = apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", parameter="momentum")
        with pytest.raises(ValueError, match=r"parameter must be left out for LRPhases.*Theirs is 'momentum'"):
            preview(phases, epochs=1, iterations_per_epoch=1, parameter="lr")

    def test_name_the_axis_of_their_plot(self) -> None:
        run: dict[str, Any] = {"epochs": 2, "iterations_per_epoch": 2}
        for optimizer, label in ((two_groups(), "weight_decay"), (None, "factor of weight_decay")):
            drawn = plot_schedule(Linear(epochs=2), parameter="weight_decay", optimizer=optimizer, **run)
            assert drawn.axes.get_ylabel() == label


class TestAdjusting:
    def test_any_parameter(self) -> None:
        training = Training(two_groups(), watch=["weight_decay", "beta2"], metrics={"loss": [2.0, 2.0, 0.5]})
        low = {Metric("loss") > 1: 2.0}
        adjuster = adjust_lr(training.recorder, training.optimizer, low, parameter="weight_decay", max_lr=0.3)
        adjust_lr(training.recorder, training.optimizer, {Metric("loss") < 1: 0.5}, parameter="beta2")
        assert training.run(3) == [[0.1, 0.05, 0.99, 0.99], [0.2, 0.1, 0.99, 0.99], [0.3, 0.2, 0.99, 0.99]]
        assert values(training.optimizer, "weight_decay") == [0.3, 0.2]
        assert training.optimizer.param_groups[0]["betas"] == (0.9, 0.495)
        assert [mark.name for mark in training.recorder.history.marks][-1] == "adjust beta2"
        assert adjuster.row().text.startswith("weight_decay 0.3, 0.2: times 2 when")  # type: ignore[union-attr]
        assert "of 'weight_decay'" in repr(adjuster)

    def test_a_momentum_stays_below_1(self) -> None:
        training = Training(two_groups())
        factors = {Metric("loss") > 1: 1.01}
        with pytest.raises(ValueError, match="max_lr must be < 1 where momentum is raised"):
            adjust_lr(training.recorder, training.optimizer, factors, parameter="momentum")
        adjust_lr(training.recorder, training.optimizer, factors, parameter="momentum", max_lr=0.99)


class TestRecorded:
    def test_beside_the_rates(self) -> None:
        optimizer = two_groups()
        trainer = engine()
        evaluator = reporting(trainer, loss=[1.0, 1.0])
        recorder = Recorder(trainer, evaluator, optimizer=optimizer, parameters=("lr", "betas", "weight_decay"))
        apply_schedule(recorder, optimizer, Linear(1, 0, epochs=2), per="epoch", parameter="beta1")
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        assert recorder.history["beta1/0"].tolist() == [0.9, 0.45]
        assert recorder.history["lr/1"].tolist() == [0.3, 0.3]
        assert recorder.history["weight_decay/1"].tolist() == [0.05, 0.05]

    def test_by_the_names_of_several_optimizers(self) -> None:
        trainer = engine()
        optimizers = {"one": adam(0.1), "two": adam(0.2, 0.3)}
        recorder = Recorder(trainer, reporting(trainer, loss=[1.0]), optimizer=optimizers, parameters=["beta2"])
        assert recorder.engines.rates() == {"beta2/one": 0.999, "beta2/two/0": 0.999, "beta2/two/1": 0.999}

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"parameters": "momentum"}, TypeError, "parameters must be names of numbers in the groups"),
            ({"parameters": ["momentum"]}, ValueError, "an entry of parameters must be one of .*='beta1'"),
            (
                {"optimizer": None, "parameters": ["beta1"]},
                ValueError,
                "parameters must be left out without optimizer=",
            ),
        ],
    )
    def test_or_refused(self, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            Recorder(engine(), **{"optimizer": adam(), **arguments})
