"""A run that was cut and resumed in new objects trains every batch at the rates of the run that was never cut."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from engines import decided, through_json, through_torch, timeless
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from ignite.handlers import CosineAnnealingScheduler, LinearCyclicalScheduler, ParamGroupScheduler, PiecewiseLinear
from lr_runs import SCHEDULERS, Training, adam, groups, per_of, saved, sgd, untouched, values
from lr_strategies import EPOCHS, LENGTH, Moments, accumulations, loss_of, moments, several_phases, told
from torch.optim.lr_scheduler import MultiplicativeLR, ReduceLROnPlateau

from ignite_delayed import (
    After,
    Cosine,
    Exponential,
    Linear,
    LRPhases,
    Metric,
    Phase,
    StateError,
    adjust_lr,
    apply_schedule,
    delay_lr_scheduler,
    warmup,
)

ORDERS = (("trainer", "optimizer", "recorder"), ("recorder", "optimizer", "trainer"))


class Process:
    """All that one process builds: engines, optimizer, phases, and checkpoints of every moment that can be saved."""

    def __init__(self, phases: list[Phase], seed: int, nans: bool, at: Moments, early: bool, accumulation: int) -> None:
        self.at, self.saved = at, {}  # type: tuple[Moments, dict[tuple[int, str], Any]]
        self.training = Training(
            sgd(1.0, 0.3),
            at=at.evaluate_at,
            metrics={"loss": loss_of(seed, nans)},
            watch=("lr", "momentum"),
            accumulation=accumulation,
        )
        # A checkpoint may come before or after all that it saves; only an evaluation must not come after it.
        if early and not at.in_mid_epoch:
            self.save_at_iterations()
        how = told(phases, accumulation)
        self.phases = LRPhases(self.training.recorder, self.training.optimizer, phases, **how)
        self.training.attach_evaluator()
        if not early or at.in_mid_epoch:
            self.save_at_iterations()
        self.training.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._save, "epoch")
        self.training.evaluator.add_event_handler(Events.COMPLETED, lambda: self._save(self.training.trainer, "eval"))

    def save_at_iterations(self) -> None:
        self.training.trainer.add_event_handler(Events.ITERATION_COMPLETED, self._save, "iteration")

    @property
    def objects(self) -> dict[str, Any]:
        training = self.training
        return {"trainer": training.trainer, "optimizer": training.optimizer, "recorder": training.recorder}

    def _save(self, trainer: Any, moment: str) -> None:
        last = trainer.state.iteration % LENGTH == 0
        if moment == "iteration" and last and not self.at.in_mid_epoch:
            return  # what ends the epoch is still to come, and would not come again
        state = {name: one.state_dict() for name, one in self.objects.items()}
        self.saved[trainer.state.iteration, moment] = copy.deepcopy(state)

    def load(self, state: Any, order: Sequence[str]) -> None:
        for name in order:
            self.objects[name].load_state_dict(state[name])

    def outcome(self) -> Any:
        history = self.training.recorder.history
        return self.phases.switches, timeless(history), decided(history), values(self.training.optimizer)


# Of what is stepped per iteration, or in an epoch without an update, torch says that nothing was updated before.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@given(
    phases=several_phases(),
    seed=st.integers(0, 1000),
    nans=st.booleans(),
    at=moments,
    early=st.booleans(),
    cut=st.integers(0, 10_000),
    order=st.sampled_from(ORDERS),
    accumulation=accumulations,
)
def test_resumed_anywhere_equals_never_cut(
    phases: list[Phase],
    seed: int,
    nans: bool,
    at: Moments,
    early: bool,
    cut: int,
    order: Sequence[str],
    accumulation: int,
) -> None:
    whole = Process(phases, seed, nans, at, early, accumulation)
    used = whole.training.run(EPOCHS, LENGTH)
    moments = sorted(whole.saved)
    iteration, moment = moments[cut % len(moments)]
    if iteration == EPOCHS * LENGTH:
        return  # nothing is left to train
    resumed = Process(phases, seed, nans, at, early, accumulation)
    resumed.load(through_torch(whole.saved[iteration, moment]), order)
    resumed.training.trainer.run([0] * LENGTH)
    assert resumed.training.used == used[iteration:]
    assert resumed.outcome() == whole.outcome()


def resume(training: Training, states: Any, length: int = 3) -> list[list[float]]:
    trainer, optimizer, recorder = states
    training.trainer.load_state_dict(trainer)
    training.optimizer.load_state_dict(optimizer)
    training.recorder.load_state_dict(recorder)
    training.attach_evaluator()
    training.trainer.run([0] * length)
    return training.used


class TestTorchSchedulers:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    @pytest.mark.parametrize("cut", [5, 7, 11])
    @pytest.mark.parametrize(("name", "per"), [(name, per) for name in SCHEDULERS for per in per_of(name)])
    def test_every_one_through_torch_and_json(self, name: str, per: Any, cut: int, through: Any) -> None:
        def build() -> Training:
            training = Training(sgd(1.0, 0.1), watch=("lr", "momentum"), metrics={"loss": lambda trainer: 1.0})
            monitor = "loss" if name == "ReduceLROnPlateau" else None
            delay_lr_scheduler(
                training.recorder,
                training.optimizer,
                SCHEDULERS[name],
                until=After(epochs=1),
                per=per,
                monitor=monitor,
                mode="min" if monitor else None,
            )
            return training

        (states,), expected = saved(build(), cut)
        states[2] = through(states[2])
        assert resume(build(), states) == expected

    @pytest.mark.parametrize("name", ["LambdaLR", "ConstantLR", "MultiStepLR", "OneCycleLR", "ReduceLROnPlateau"])
    def test_with_rates_that_are_tensors(self, name: str) -> None:
        def build() -> Training:
            rates = [torch.tensor(0.3), torch.tensor(0.1)]
            training = Training(sgd(*rates), metrics={"loss": lambda trainer: 1.0})
            monitor = "loss" if name == "ReduceLROnPlateau" else None
            factory = SCHEDULERS[name]
            delay_lr_scheduler(
                training.recorder,
                training.optimizer,
                factory,
                until=After(epochs=1),
                per="evaluation",
                monitor=monitor,
                mode="min" if monitor else None,
            )
            return training

        (states,), expected = saved(build(), 8)
        states[2] = through_json(states[2])
        resumed = build()
        assert resume(resumed, states) == expected
        assert all(isinstance(group["lr"], torch.Tensor) for group in resumed.optimizer.param_groups)

    def test_of_adam(self) -> None:
        def build() -> Training:
            training = Training(adam(), watch=("lr", "beta1"))
            delay_lr_scheduler(
                training.recorder, training.optimizer, SCHEDULERS["OneCycleLR"], until=After(epochs=1), per="iteration"
            )
            return training

        (states,), expected = saved(build(), 5)
        assert resume(build(), through_torch(states)) == expected

    @pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR", "StepLR"])
    def test_with_an_optimizer_that_was_loaded_before_anything_was_attached(self, name: str) -> None:
        def attach(training: Training) -> Training:
            delay_lr_scheduler(
                training.recorder, training.optimizer, SCHEDULERS[name], until=After(epochs=1), per="iteration"
            )
            return training

        [(trainer, optimizer, recorder)], expected = saved(attach(Training(sgd(), watch=("lr", "momentum"))), 5)
        resumed = Training(sgd(), watch=("lr", "momentum"))
        resumed.optimizer.load_state_dict(optimizer)  # with what the scheduler notes in the groups
        attach(resumed)
        resumed.trainer.load_state_dict(trainer)
        resumed.recorder.load_state_dict(through_torch(recorder))
        resumed.attach_evaluator()
        resumed.trainer.run([0] * 3)
        assert resumed.used == expected

    def test_a_ready_instance(self) -> None:
        def build() -> Training:
            training = Training(sgd())
            ready = MultiplicativeLR(training.optimizer, lambda step: 0.5)
            delay_lr_scheduler(training.recorder, training.optimizer, ready, until=After(epochs=1), per="epoch")
            return training

        (states,), expected = saved(build(), 8)
        assert resume(build(), through_torch(states)) == expected

    @pytest.mark.parametrize(
        "build_scheduler",
        [
            lambda o: PiecewiseLinear(o, "lr", [(0, 0.0), (8, 1.0)]),
            lambda o: CosineAnnealingScheduler(o, "lr", 1.0, 0.0, 8),
            lambda o: ParamGroupScheduler([LinearCyclicalScheduler(o, "lr", 1.0, 0.0, 8)]),
        ],
        ids=["piecewise", "cosine", "groups"],
    )
    @pytest.mark.parametrize("cut", [4, 8, 10])
    @pytest.mark.parametrize("per", ["iteration", "epoch"])
    def test_ignites_own(self, build_scheduler: Any, per: Any, cut: int) -> None:
        def build() -> Training:
            training = Training(sgd())
            scheduler = build_scheduler(training.optimizer)
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, until=After(epochs=1), per=per)
            return training

        (states,), expected = saved(build(), cut)
        assert resume(build(), through_torch(states)) == expected

    @pytest.mark.parametrize("cut", [4, 5, 8])
    def test_ignites_own_behind_an_evaluation_in_mid_epoch(self, cut: int) -> None:
        def build() -> Training:
            training = Training(sgd(), at=Events.ITERATION_COMPLETED(every=2), metrics={"loss": [1, 0, 0, 0, 0, 0]})
            scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 1.0), (8, 0.0)])
            delay_lr_scheduler(
                training.recorder, training.optimizer, scheduler, until=Metric("loss") < 1, per="epoch", name="own"
            )
            training.attach_evaluator()
            return training

        (states,), expected = saved(build(), cut)
        assert resume(build(), through_torch(states)) == expected
        assert len(set(map(tuple, expected))) > 2

    def test_ignites_own_in_a_run_that_was_stopped_in_mid_epoch_and_goes_on(self) -> None:
        def build() -> Training:
            training = Training(sgd())
            scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 1.0), (8, 0.0)])
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")
            return training

        cut = build()
        cut.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), cut.trainer.terminate)
        assert [rate for (rate,) in cut.run(4, 3)] == [1.0] * 3 + [0.875] * 2
        assert [rate for (rate,) in cut.run(4, 3)] == [0.75] * 3 + [0.625] * 3  # here the next epoch is a new one


class TestFromTheClockAlone:
    """``apply_schedule`` without a delay needs no state of its own."""

    SCHEDULE = warmup(epochs=1).then(Cosine(fraction=0.5)).then(Exponential(0.5, epochs=1))

    @pytest.mark.parametrize("cut", [1, 2, 5, 7, 10, 17])
    @pytest.mark.parametrize("per", ["iteration", "epoch"])
    def test_the_trainers_clock_and_the_optimizer_are_enough(self, per: Any, cut: int) -> None:
        def build() -> Training:
            training = Training(sgd(1.0, 0.3))
            apply_schedule(training.recorder, training.optimizer, self.SCHEDULE, per=per)
            return training

        ((trainer, optimizer, _),), expected = saved(build(), cut)
        resumed = build()
        resumed.trainer.load_state_dict(trainer)
        resumed.optimizer.load_state_dict(optimizer)  # whose rates are no base rates any more
        resumed.trainer.run([0] * 3)
        assert resumed.used == expected

    @pytest.mark.parametrize("cut", [2, 4, 7, 9, 13])
    def test_also_through_phases_that_end_by_themselves(self, cut: int) -> None:
        def build() -> Training:
            training = Training(sgd(1.0, 0.3))
            phases = [
                Phase(warmup(iterations=3), per="iteration"),
                Phase(Linear(1.0, 0.5, iterations=5), per="iteration"),
                Phase(SCHEDULERS["ExponentialLR"], per="iteration"),
            ]
            LRPhases(training.recorder, training.optimizer, phases)
            return training

        ((trainer, optimizer, _),), expected = saved(build(), cut)
        resumed = build()
        resumed.trainer.load_state_dict(trainer)
        resumed.optimizer.load_state_dict(optimizer)
        resumed.trainer.run([0] * 3)
        assert resumed.used == [pytest.approx(rates, rel=1e-12) for rates in expected]


class TestAfterResuming:
    def build(self) -> Training:
        training = Training(sgd(1.0, 0.3))
        phases = [Phase(Linear(1.0, 0.5, steps=2), per="epoch"), Phase(SCHEDULERS["OneCycleLR"], per="iteration")]
        LRPhases(training.recorder, training.optimizer, phases)
        return training

    @pytest.mark.parametrize("cut", [4, 10])
    def test_another_run_begins_with_the_base_rates(self, cut: int) -> None:
        whole = self.build()
        (states,), _ = saved(whole, cut)
        resumed = self.build()
        resume(resumed, through_torch(states))
        assert resumed.run(6, 3) == whole.used

    def test_another_run_keeps_what_the_user_has_set(self) -> None:
        (states,), _ = saved(self.build(), 10)
        resumed = self.build()
        resume(resumed, through_torch(states))
        for group in resumed.optimizer.param_groups:
            group["lr"] = 2.0
        assert resumed.run(1, 1) == [[2.0, 2.0]]

    def test_other_hyper_parameters_are_left_as_the_user_has_them(self) -> None:
        (states,), expected = saved(self.build(), 4)
        resumed = self.build()
        for group in states[1]["param_groups"]:
            group["weight_decay"] = 0.5
        assert resume(resumed, through_torch(states)) == expected
        assert values(resumed.optimizer, "weight_decay") == [0.5, 0.5]

    def test_groups_that_were_unfrozen_must_be_there(self) -> None:
        def build() -> Training:
            training = Training(sgd(1.0))
            apply_schedule(training.recorder, training.optimizer, Exponential(0.5, steps=1), per="epoch")
            return training

        whole = build()
        whole.trainer.add_event_handler(
            Events.EPOCH_COMPLETED(once=1), lambda: whole.optimizer.add_param_group(groups(0.4)[0])
        )
        (states,), expected = saved(whole, 8)
        resumed = build()
        with pytest.raises(StateError, match="2 parameter groups, the optimizer has 1: add the groups that were unf"):
            resumed.recorder.load_state_dict(states[2])
        resumed.optimizer.add_param_group(groups(0.4)[0])
        assert resume(resumed, through_torch(states)) == expected


class TestAdjuster:
    def build(self) -> Training:
        training = Training(sgd(1.0, 0.3), metrics={"loss": loss_of(3, False)})
        loss = Metric("loss")
        adjust_lr(training.recorder, training.optimizer, {loss > 0.4: 0.9, loss < 0.4: 1.1})
        return training

    @pytest.mark.parametrize("with_optimizer", [True, False])
    def test_goes_on(self, with_optimizer: bool) -> None:
        (states,), expected = saved(self.build(), 8)
        if not with_optimizer:
            states[1] = sgd(1.0, 0.3).state_dict()
        resumed = self.build()
        assert resume(resumed, through_torch(states)) == expected
        assert resumed.run(6, 3)[8:] == expected

    def test_refuses_the_state_of_another(self) -> None:
        (states,), _ = saved(self.build(), 8)
        other = Training(sgd(1.0, 0.3), metrics={"loss": loss_of(3, False)})
        loss = Metric("loss")
        adjuster = adjust_lr(other.recorder, other.optimizer, {loss > 0.4: 0.9, loss < 0.4: 1.2})
        with pytest.raises(StateError, match=r"'adjust lr' cannot load another state:\n  saved: .*\n  here:  "):
            adjuster.load_state_dict(states[2]["handlers"]["adjust lr"])

    @pytest.mark.parametrize(
        "damage",
        [
            None,
            {},
            {"version": 2},
            {"before": None},
            {"groups": None},
            {"before": 3, "groups": 3},
            {"before": [{"lr": "1"}, {"lr": 1.0}]},
            {"groups": [{"lr": 1.0, "momentum": 0.0}]},
            {"groups": [{"lr": 1.0}] * 3},
        ],
    )
    def test_refuses_what_is_damaged_and_changes_nothing(self, damage: Any) -> None:
        (states,), _ = saved(self.build(), 8)
        raw = states[2]["handlers"]["adjust lr"] | damage if damage else damage
        training = self.build()
        adjuster: Any = training.recorder.hub.stateful["adjust lr"]
        before = untouched(training.optimizer), adjuster.state_dict()
        with pytest.raises(StateError, match="adjust lr"):
            adjuster.load_state_dict(raw)
        assert (untouched(training.optimizer), adjuster.state_dict()) == before


def test_the_state_before_the_first_run_is_of_a_fresh_one() -> None:
    def build() -> Training:
        training = Training(sgd())
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["LinearLR"], per="epoch")
        return training

    fresh = build()
    state = through_torch(fresh.recorder.state_dict())
    loaded = build()
    loaded.recorder.load_state_dict(state)
    assert loaded.run(4) == fresh.run(4)


@pytest.mark.parametrize("how", ["terminate", "interrupt", "exception"])
def test_really_cut(how: str) -> None:
    """The states are read after the run was cut, not in one of its events."""

    def build() -> Training:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        phases = [
            Phase(Linear(0.5, 1.0, epochs=1), per="iteration"),
            Phase(
                lambda o: ReduceLROnPlateau(o, patience=0, factor=0.5),
                monitor="loss",
                mode="min",
                until=After(epochs=2),
            ),
            Phase(SCHEDULERS["LinearLR"], per="iteration"),
        ]
        LRPhases(training.recorder, training.optimizer, phases)
        return training

    expected = build().run(5, 4)
    for cut in range(1, 20):
        training = build()
        training.attach_evaluator()
        training.trainer.logger.disabled = True

        def stop(trainer: Engine) -> None:
            if how == "exception":
                raise KeyboardInterrupt
            getattr(trainer, how)()

        training.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=cut), stop)
        with contextlib.suppress(KeyboardInterrupt):
            training.trainer.run([0] * 4, max_epochs=5)
        if cut % 4 == 0:
            continue  # the evaluation at the end of the epoch would not come again
        states = [training.trainer.state_dict(), training.optimizer.state_dict(), training.recorder.state_dict()]
        resumed = build()
        assert resume(resumed, through_torch(states), 4) == expected[cut:]
