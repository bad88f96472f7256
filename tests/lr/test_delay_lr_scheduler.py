"""A torch scheduler that starts later trains every batch at the rates of a loop written by hand."""

from __future__ import annotations

import functools
import logging
from typing import Any

import pytest
import torch
import torch.optim.lr_scheduler as torch_schedulers
from engines import engine, evaluate, handler_table, nan, reporting
from ignite.engine import Events
from ignite.handlers import (
    ConcatScheduler,
    CosineAnnealingScheduler,
    LinearCyclicalScheduler,
    LRScheduler,
    ParamGroupScheduler,
    ParamScheduler,
    PiecewiseLinear,
    ReduceLROnPlateauScheduler,
    create_lr_scheduler_with_warmup,
)
from ignite.handlers.state_param_scheduler import StepStateScheduler
from lr_runs import SCHEDULERS, Training, adam, by_hand, per_of, sgd, untouched, values
from torch.optim.lr_scheduler import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from ignite_delayed import (
    After,
    AttachError,
    Constant,
    Gate,
    Linear,
    LRPhases,
    Metric,
    Plateau,
    Recorder,
    apply_schedule,
    delay_lr_scheduler,
)


def loss(epoch: int) -> float:
    return 1 / epoch if epoch < 5 else 0.3


def losses(trainer: Any) -> float:
    return loss(trainer.state.epoch)


class TestEveryTorchScheduler:
    def test_none_is_forgotten(self) -> None:
        assert SCHEDULERS.keys() == set(torch_schedulers.__all__) - {"LRScheduler"}

    @pytest.mark.parametrize("rates", [(1.0,), (1.0, 0.1), (1.0, 0.1, 0.5)], ids=len)
    @pytest.mark.parametrize("delay", [0, 3])
    @pytest.mark.parametrize(("name", "per"), [(name, per) for name in SCHEDULERS for per in per_of(name)])
    def test_rates_and_momenta_are_those_of_a_loop_by_hand(
        self, name: str, per: Any, delay: int, rates: tuple[float, ...]
    ) -> None:
        training = Training(sgd(*rates), watch=("lr", "momentum"), metrics={"loss": losses})
        monitor = "loss" if name == "ReduceLROnPlateau" else None
        until = After(epochs=delay) if delay else None
        delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            SCHEDULERS[name],
            until=until,
            per=per,
            monitor=monitor,
            mode="min" if monitor else None,
        )
        used = training.run(9, length=3)
        expected = by_hand(
            sgd(*rates), SCHEDULERS[name], per, delay=delay, epochs=9, length=3, loss=loss, watch=("lr", "momentum")
        )
        assert used == expected

    @pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
    def test_the_first_beta_of_adam_is_cycled(self, name: str) -> None:
        training = Training(adam(1.0, 0.1), watch=("lr", "beta1"))
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS[name], until=After(epochs=2), per="iteration"
        )
        used = training.run(6, length=3)
        assert used == by_hand(
            adam(1.0, 0.1), SCHEDULERS[name], "iteration", delay=2, epochs=6, length=3, watch=("lr", "beta1")
        )

    @pytest.mark.parametrize("name", SCHEDULERS)
    def test_the_optimizer_is_untouched_until_the_opening(self, name: str) -> None:
        training = Training(sgd(1.0, 0.1), metrics={"loss": losses})
        before = untouched(training.optimizer)
        monitor = "loss" if name == "ReduceLROnPlateau" else None
        phases = delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            SCHEDULERS[name],
            until=After(epochs=2),
            per="evaluation",
            monitor=monitor,
            mode="min" if monitor else None,
        )
        assert untouched(training.optimizer) == before
        assert "step" not in vars(training.optimizer)
        seen: list[Any] = []
        training.trainer.add_event_handler(
            Events.EPOCH_COMPLETED(before=3), lambda: seen.append(untouched(training.optimizer))
        )
        training.run(3)
        assert seen == [before, before]
        assert isinstance(phases, LRPhases)
        assert type(phases.scheduler).__name__ == name

    def test_opening_at_an_evaluation_in_mid_epoch(self) -> None:
        training = Training(sgd(), at=Events.ITERATION_COMPLETED(once=7), metrics={"loss": lambda trainer: 0.1})
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["LinearLR"], until=Metric("loss") < 0.5, per="iteration"
        )
        assert training.lr(3, length=5) == [1.0] * 7 + [0.25, 0.5, 0.75] + [1.0] * 5

    def test_an_epoch_that_is_half_over_is_no_step(self) -> None:
        training = Training(sgd(), at=Events.ITERATION_COMPLETED(once=4), metrics={"loss": lambda trainer: 0.1})
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["LinearLR"], until=Metric("loss") < 0.5, per="epoch"
        )
        assert training.lr(5, length=3) == [1.0] * 4 + [0.25] * 2 + [0.25] * 3 + [0.5] * 3 + [0.75] * 3

    def test_stepped_per_evaluation_the_first_value_is_trained_at(self) -> None:
        training = Training(sgd(), metrics={"loss": losses})
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["LinearLR"], until=Metric("loss") < 0.4, per="evaluation"
        )
        assert training.lr(7) == [1.0] * 3 + [0.25, 0.5, 0.75, 1.0]

    def test_two_evaluators_at_one_iteration_are_one_evaluation(self) -> None:
        optimizer = sgd()
        used: list[float] = []

        def step(trainer: Any, batch: Any) -> None:
            used.extend(values(optimizer))
            optimizer.step()

        trainer = engine(step)
        first, second = reporting(trainer, loss=losses), reporting(trainer, loss=losses)
        recorder = Recorder(trainer, {"train": trainer, "a": first, "b": second})
        delay_lr_scheduler(recorder, optimizer, SCHEDULERS["ExponentialLR"], per="evaluation")
        evaluate(trainer, first, Events.EPOCH_COMPLETED(every=2))
        evaluate(trainer, second, Events.EPOCH_COMPLETED(every=2))
        trainer.run([0], max_epochs=6)
        assert used == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    def test_while_the_end_of_an_epoch_is_handled_the_rates_are_those_it_was_trained_at(self) -> None:
        training = Training(sgd())
        seen: list[float] = []
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.extend(values(training.optimizer)))
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], per="epoch")
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.extend(values(training.optimizer)))
        assert training.lr(3) == [1.0, 0.5, 0.25]
        assert seen == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


class TestBaseRates:
    def test_are_those_at_the_opening(self) -> None:
        training = Training(sgd(1.0, 0.1))
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["LambdaLR"], until=After(epochs=2), per="epoch"
        )

        @training.trainer.on(Events.EPOCH_COMPLETED(once=1))
        def halve() -> None:
            for group in training.optimizer.param_groups:
                group["lr"] /= 2

        assert training.run(3) == [[1.0, 0.1], [0.5, 0.05], [0.25, 0.025]]

    def test_a_stale_initial_lr_does_not_leak_in(self) -> None:
        optimizer = sgd()
        earlier = ExponentialLR(optimizer, 0.1)
        optimizer.step()
        earlier.step()
        assert optimizer.param_groups[0]["initial_lr"] == 1.0
        training = Training(optimizer)
        delay_lr_scheduler(
            training.recorder, optimizer, lambda o: LambdaLR(o, lambda step: 1.0), until=After(epochs=1), per="epoch"
        )
        assert training.lr(3) == [0.1, 0.1, 0.1]

    def test_tensors_are_filled_in_place(self) -> None:
        rate = torch.tensor(1.0)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        training = Training(optimizer)
        delay_lr_scheduler(
            training.recorder, optimizer, SCHEDULERS["ExponentialLR"], until=After(epochs=1), per="epoch"
        )
        assert training.lr(4) == [1.0, 1.0, 0.5, 0.25]
        assert optimizer.param_groups[0]["lr"] is rate

    def test_several_groups_keep_their_ratios(self) -> None:
        training = Training(sgd(1.0, 0.1))
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["LinearLR"], per="iteration")
        assert [round(a / b, 12) for a, b in training.run(2, length=3)] == [10.0] * 6


def plateau(training: Training, until: Any = None, **arguments: Any) -> LRPhases:
    handle = delay_lr_scheduler(
        training.recorder,
        training.optimizer,
        lambda optimizer: ReduceLROnPlateau(optimizer, **{"factor": 0.1, "patience": 0, **arguments}),
        until=until,
        monitor="loss",
        mode=arguments.get("mode", "min"),
    )
    assert isinstance(handle, LRPhases)
    return handle


class TestPlateau:
    def test_min_lr_is_honoured_also_as_a_list(self) -> None:
        training = Training(sgd(1.0, 1.0), metrics={"loss": lambda trainer: 1.0})
        plateau(training, factor=0.3, min_lr=[0.01, 0.1])
        assert training.run(7)[-1] == [0.01, 0.1]

    def test_min_lr_of_one_group(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        plateau(training, factor=0.3, min_lr=0.01)
        assert training.lr(7)[-1] == 0.01

    def test_cooldown(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        plateau(training, factor=0.5, cooldown=2)
        assert training.lr(8) == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]

    def test_nan_is_a_bad_evaluation(self) -> None:
        training = Training(sgd(), metrics={"loss": [0.5, nan, nan, 0.4, nan, nan]})
        plateau(training, factor=0.5, patience=1)
        assert training.lr(6) == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
        assert values(training.optimizer) == [0.25]

    def test_sees_nothing_before_the_opening(self) -> None:
        training = Training(sgd(), metrics={"loss": [0.1, 5, 5, 5, 4, 4, 4]})
        phases = plateau(training, until=After(epochs=4), factor=0.5, patience=1)
        assert training.lr(7) == [1.0] * 7
        assert isinstance(phases.scheduler, ReduceLROnPlateau)
        assert (phases.scheduler.best, values(training.optimizer)) == (4, [0.5])

    def test_monitors_an_expression(self) -> None:
        training = Training(sgd(), metrics={"a": [1, 1, 1, 1], "b": [4, 3, 3, 3]})
        handle = delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=0),
            monitor=Metric("a") + Metric("b"),
            mode="min",
        )
        assert training.lr(4) == [1.0, 1.0, 1.0, 0.5]
        assert "monitor=Metric('a') + Metric('b')" in repr(handle)

    def test_waits_for_a_window_to_fill(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=0),
            monitor=Metric("loss").mean(3),
            mode="min",
        )
        assert training.lr(5) == [1.0, 1.0, 1.0, 1.0, 0.5]

    @pytest.mark.parametrize(("said", "asked"), [("min", "max"), ("max", "min")])
    def test_a_direction_that_contradicts_the_condition_is_refused(self, said: Any, asked: Any) -> None:
        training = Training(sgd())
        with pytest.raises(ValueError, match=f"mode of ReduceLROnPlateau must be '{asked}', got '{said}'"):
            plateau(training, until=Plateau("loss", mode=asked, patience=3), mode=said)
        plateau(training, until=Plateau("loss", mode=asked, patience=3), mode=asked)

    def test_an_accuracy_that_rises_lowers_nothing(self) -> None:
        training = Training(sgd(), metrics={"accuracy": [0.1, 0.2, 0.3, 0.3, 0.3]})
        delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            lambda optimizer: ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=0),
            monitor="accuracy",
            mode="max",
        )
        assert training.lr(5) == [1.0, 1.0, 1.0, 1.0, 0.5]

    def test_a_direction_of_another_metric_says_nothing(self) -> None:
        plateau(Training(sgd()), until=Plateau("accuracy", mode="max", patience=3), mode="min")

    def test_the_default_threshold_is_warned_of_on_negative_values_once(self, caplog: pytest.LogCaptureFixture) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: -1.0})
        plateau(training)
        with caplog.at_level(logging.WARNING, "ignite_delayed"):
            assert training.lr(4) == [1.0] * 4  # torch takes the constant for an improvement
        (said,) = [record.getMessage() for record in caplog.records]
        assert "is given -1: of a negative best value it takes equal" in said
        assert "threshold_mode='abs'" in said

    @pytest.mark.parametrize("arguments", [{"threshold_mode": "abs"}, {"threshold": 0.0}])
    def test_other_thresholds_reduce_and_warn_of_nothing(
        self, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: -1.0})
        plateau(training, **arguments)
        with caplog.at_level(logging.WARNING, "ignite_delayed"):
            assert training.lr(4)[-1] < 1.0
        assert not caplog.records


class TestReadyInstances:
    def test_one_whose_building_changed_nothing_is_accepted(self) -> None:
        training = Training(sgd(1.0, 0.1))
        ready = MultiplicativeLR(training.optimizer, lambda step: 0.5)
        delay_lr_scheduler(training.recorder, training.optimizer, ready, until=After(epochs=2), per="epoch")
        used = training.run(5)
        factory = lambda optimizer: MultiplicativeLR(optimizer, lambda step: 0.5)  # noqa: E731
        assert used == by_hand(sgd(1.0, 0.1), factory, "epoch", delay=2, epochs=5, length=1)

    def test_takes_the_rates_at_the_opening_for_base_rates(self) -> None:
        training = Training(sgd())
        ready = LambdaLR(training.optimizer, lambda step: 1 / (1 + step))
        delay_lr_scheduler(training.recorder, training.optimizer, ready, until=After(epochs=2), per="epoch")
        training.trainer.add_event_handler(
            Events.EPOCH_COMPLETED(once=1), lambda: training.optimizer.param_groups[0].update(lr=0.5)
        )
        assert training.lr(5) == [1.0, 0.5, 0.5, 0.25, 0.5 / 3]

    def test_starts_anew_in_a_second_run(self) -> None:
        training = Training(sgd())
        ready = StepLR(training.optimizer, 2, 0.5)
        delay_lr_scheduler(training.recorder, training.optimizer, ready, until=After(epochs=1), per="epoch")
        first = training.lr(5)
        assert first == [1.0, 1.0, 1.0, 0.5, 0.5]
        assert training.lr(5) == first

    def test_a_plateau(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        ready = ReduceLROnPlateau(training.optimizer, patience=0, factor=0.5)
        delay_lr_scheduler(
            training.recorder, training.optimizer, ready, until=After(epochs=2), monitor="loss", mode="min"
        )
        assert training.lr(5) == [1.0, 1.0, 1.0, 1.0, 0.5]

    def test_a_plateau_after_another_scheduler(self) -> None:
        optimizer = sgd()
        ExponentialLR(optimizer, 0.5)
        optimizer.param_groups[0]["lr"] = 0.1
        training = Training(optimizer, metrics={"loss": lambda trainer: 1.0})
        ready = ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
        delay_lr_scheduler(training.recorder, optimizer, ready, monitor="loss", mode="min")
        assert training.lr(3) == [0.1, 0.1, 0.05]

    @pytest.mark.parametrize("name", ["ConstantLR", "LinearLR", "CyclicLR", "OneCycleLR", "SequentialLR", "LambdaLR"])
    def test_one_whose_building_changed_the_optimizer_is_refused(self, name: str) -> None:
        training = Training(sgd())
        ready = SCHEDULERS[name](training.optimizer)
        message = rf"building or stepping this {name} has changed the optimizer already: give a function .*{name}\(opt"
        with pytest.raises(AttachError, match=message):
            delay_lr_scheduler(training.recorder, training.optimizer, ready, per="epoch")

    def test_one_that_was_stepped_is_refused(self) -> None:
        training = Training(sgd())
        ready = StepLR(training.optimizer, 5)
        training.optimizer.step()
        ready.step()
        with pytest.raises(AttachError, match="building or stepping this StepLR"):
            delay_lr_scheduler(training.recorder, training.optimizer, ready, per="epoch")

    def test_one_of_another_optimizer_is_refused(self) -> None:
        training = Training(sgd())
        with pytest.raises(AttachError, match="the scheduler is a StepLR of another optimizer: give a function"):
            delay_lr_scheduler(training.recorder, training.optimizer, StepLR(sgd(), 5), per="epoch")


class TestIgnitesOwn:
    def test_piecewise_linear_per_iteration_from_the_opening_on(self) -> None:
        training = Training(sgd())
        scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 0.0), (4, 1.0)])
        handle = delay_lr_scheduler(
            training.recorder, training.optimizer, scheduler, until=After(epochs=1), per="iteration"
        )
        assert training.lr(3, length=3) == [1.0] * 3 + [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
        handle.remove()

    @pytest.mark.parametrize("until", [None, After(epochs=2)])
    def test_cosine_annealing_per_epoch(self, until: Any) -> None:
        training = Training(sgd())
        scheduler = CosineAnnealingScheduler(training.optimizer, "lr", 1.0, 0.0, 4)
        delay_lr_scheduler(training.recorder, training.optimizer, scheduler, until=until, per="epoch")
        used = [round(rate, 6) for rate in training.lr(6, length=2)]
        expected = [1.0, 0.853553, 0.5, 0.146447, 1.0, 0.853553]
        delayed = expected if until is None else [1.0, 1.0, *expected[:4]]
        assert used == [rate for rate in delayed for _ in range(2)]

    def test_concatenated(self) -> None:
        training = Training(sgd())
        first = LinearCyclicalScheduler(training.optimizer, "lr", 1.0, 0.5, 2)
        second = LinearCyclicalScheduler(training.optimizer, "lr", 0.2, 0.1, 2)
        delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            ConcatScheduler([first, second], [2]),
            until=After(epochs=1),
            per="epoch",
        )
        assert training.lr(5) == [1.0, 1.0, 0.5, 0.2, 0.1]

    def test_one_for_each_group(self) -> None:
        training = Training(sgd(1.0, 2.0))
        parts: list[ParamScheduler] = [
            LinearCyclicalScheduler(training.optimizer, "lr", start, 0.0, 4, param_group_index=index)
            for index, start in enumerate((1.0, 2.0))
        ]
        delay_lr_scheduler(
            training.recorder, training.optimizer, ParamGroupScheduler(parts), until=After(epochs=1), per="epoch"
        )
        assert training.run(4) == [[1.0, 2.0], [1.0, 2.0], [0.5, 1.0], [0.0, 0.0]]

    def test_two_of_different_groups_do_not_collide(self) -> None:
        training = Training(sgd(1.0, 2.0))
        for index in (0, 1):
            scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 0.0), (1, 1.0)], param_group_index=index)
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")
        again = PiecewiseLinear(training.optimizer, "lr", [(0, 0.0), (1, 1.0)], param_group_index=1)
        with pytest.raises(AttachError, match="'PiecewiseLinear' and 'PiecewiseLinear' would both write 'lr'"):
            delay_lr_scheduler(training.recorder, training.optimizer, again, per="epoch")

    def test_momentum(self) -> None:
        training = Training(sgd(), watch=("momentum",))
        scheduler = PiecewiseLinear(training.optimizer, "momentum", [(0, 0.5), (2, 0.9)])
        delay_lr_scheduler(training.recorder, training.optimizer, scheduler, until=After(epochs=1), per="epoch")
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], per="epoch")
        assert training.run(4) == [[0.9], [0.5], [0.7], [0.9]]

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda o: LRScheduler(StepLR(o, 1)), "LRScheduler cannot be delayed: give the torch scheduler's factory"),
            (
                lambda o: create_lr_scheduler_with_warmup(StepLR(o, 1), 0.0, 3),
                "LRScheduler cannot be delayed: give the torch scheduler's factory",
            ),
            (lambda o: ReduceLROnPlateauScheduler(o, "loss"), "ReduceLROnPlateauScheduler cannot be delayed: give to"),
            (lambda o: PiecewiseLinear(sgd(), "lr", [(0, 0.0), (1, 1.0)]), "belongs to another optimizer"),
            (lambda o: StepStateScheduler(1.0, 0.5, 2, "rate"), "writes no parameter of an optimizer: delay"),
        ],
        ids=["LRScheduler", "warm-up", "plateau", "other optimizer", "state"],
    )
    def test_wrappers_are_refused_with_the_right_form(self, build: Any, message: str) -> None:
        training = Training(sgd())
        scheduler = build(training.optimizer)
        with pytest.raises(AttachError, match=message):
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")

    def test_one_that_is_attached_already_is_refused_and_nothing_is_claimed(self) -> None:
        training = Training(sgd())
        scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 0.0), (1, 1.0)])
        handle = training.trainer.add_event_handler(Events.EPOCH_STARTED, scheduler)
        with pytest.raises(AttachError, match="is attached to EPOCH_STARTED of this engine already, undelayed"):
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")
        handle.remove()
        delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({}, TypeError, "per must be 'iteration' or 'epoch', got None"),
            ({"per": "evaluation"}, ValueError, "per must be 'iteration' or 'epoch', got 'evaluation'"),
            ({"per": "epoch", "monitor": "loss"}, ValueError, "monitor must be left out for Ignite's schedulers"),
        ],
    )
    def test_arguments_are_checked_and_nothing_is_half_done(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        training = Training(sgd())
        scheduler = PiecewiseLinear(training.optimizer, "lr", [(0, 0.0), (1, 1.0)])
        with pytest.raises(error, match=message):
            delay_lr_scheduler(training.recorder, training.optimizer, scheduler, **arguments)
        delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch").remove()
        delay_lr_scheduler(training.recorder, training.optimizer, scheduler, per="epoch")


class TestGates:
    def test_one_is_no_condition_but_has_one(self) -> None:
        training = Training(sgd(1.0))
        gate = Gate(training.recorder, until=After(epochs=1))
        message = r"until must be a condition, .* got <Gate .*What it waits for is one: until=gate\.condition"
        with pytest.raises(TypeError, match=message):
            delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["StepLR"], per="epoch", until=gate)
        schedule = Linear(1.0, 0.0, epochs=2)
        apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", until=gate.condition)
        assert training.lr(4) == [1.0, 1.0, 0.5, 0.0]


class TestBadInput:
    @pytest.mark.parametrize(
        ("factory", "arguments", "error", "message"),
        [
            (None, {"per": "epoch"}, TypeError, "factory must be a function that builds a torch scheduler"),
            (Constant(1.0), {"per": "epoch"}, TypeError, "A schedule goes to apply_schedule"),
            (3, {"per": "epoch"}, TypeError, "what must be a schedule, or a function that builds a torch scheduler"),
            (
                SCHEDULERS["StepLR"],
                {},
                TypeError,
                "per must be one of 'iteration', 'epoch', 'update', 'evaluation', got None",
            ),
            (SCHEDULERS["StepLR"], {"per": "batch"}, ValueError, "per must be one of .* got 'batch'"),
            (
                SCHEDULERS["StepLR"],
                {"per": "evaluation", "monitor": "x", "mode": "min"},
                ValueError,
                "left out for StepLR",
            ),
            (SCHEDULERS["ReduceLROnPlateau"], {"per": "evaluation"}, TypeError, "ReduceLROnPlateau needs monitor="),
            (
                SCHEDULERS["ReduceLROnPlateau"],
                {"per": "epoch", "monitor": "loss", "mode": "min"},
                ValueError,
                "per must be 'evaluation' for ReduceLROnPlateau",
            ),
            (SCHEDULERS["ReduceLROnPlateau"], {"monitor": "loss"}, TypeError, "mode must be 'min' or 'max', got None"),
            (
                SCHEDULERS["ReduceLROnPlateau"],
                {"monitor": "accuracy", "mode": "max"},
                ValueError,
                r"mode of ReduceLROnPlateau must be 'max', got 'min' .*ReduceLROnPlateau\(optimizer, mode='max', ...\)",
            ),
            (
                SCHEDULERS["StepLR"],
                {"per": "epoch", "mode": "min"},
                ValueError,
                "mode must be left out without monitor=",
            ),
            (SCHEDULERS["ReduceLROnPlateau"], {"monitor": 3}, TypeError, "monitor must be the name of a metric"),
            (lambda o: None, {"per": "epoch"}, TypeError, "what the factory returns must be a torch scheduler"),
            (lambda o: StepLR(sgd(), 1), {"per": "epoch"}, AttachError, "built its scheduler on another optimizer"),
            (SCHEDULERS["StepLR"], {"per": "epoch", "until": 5}, TypeError, "until must be a condition"),
            (SCHEDULERS["StepLR"], {"per": "epoch", "name": ""}, ValueError, "name must be a non-empty string"),
        ],
    )
    def test_is_refused_at_once_and_nothing_is_half_done(
        self, factory: Any, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        training = Training(sgd())
        before = untouched(training.optimizer)
        handlers = [len(found) for found in handler_table(training.trainer).values()]
        with pytest.raises(error, match=message):
            delay_lr_scheduler(training.recorder, training.optimizer, factory, **arguments)
        assert untouched(training.optimizer) == before
        assert [len(found) for found in handler_table(training.trainer).values()] == handlers
        assert training.recorder.hub.live == []
        assert not training.recorder.hub.reserved
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["StepLR"], per="epoch")  # nothing claimed

    @pytest.mark.parametrize("optimizer", [None, torch.nn.Linear(1, 1)])
    def test_no_optimizer(self, optimizer: Any) -> None:
        with pytest.raises(TypeError, match="optimizer must be a torch optimizer"):
            delay_lr_scheduler(Training(sgd()).recorder, optimizer, SCHEDULERS["StepLR"], per="epoch")

    def test_no_recorder(self) -> None:
        with pytest.raises(TypeError, match="recorder must be a Recorder"):
            delay_lr_scheduler(None, sgd(), SCHEDULERS["StepLR"], per="epoch")  # type: ignore[arg-type]

    def test_a_factory_that_uses_the_optimizer_of_its_surroundings_leaves_it_untouched(self) -> None:
        training = Training(sgd())
        before = untouched(training.optimizer)
        with pytest.raises(AttachError, match="built its scheduler on another optimizer than its argument"):
            delay_lr_scheduler(
                training.recorder, training.optimizer, lambda _: OneCycleLR(training.optimizer, 1.0, 10), per="epoch"
            )
        assert untouched(training.optimizer) == before
        assert "step" not in vars(training.optimizer)

    def test_a_factory_that_fails_leaves_the_optimizer_untouched(self) -> None:
        training = Training(sgd())
        before = untouched(training.optimizer)

        def build(_: Any) -> Any:
            ConstantLR(training.optimizer, 0.1)
            raise RuntimeError("a mistake of the user")

        with pytest.raises(RuntimeError, match="a mistake of the user"):
            delay_lr_scheduler(training.recorder, training.optimizer, build, per="epoch")
        assert untouched(training.optimizer) == before


def test_a_class_and_a_partial_are_factories() -> None:
    for factory, shown in ((LinearLR, "LinearLR"), (functools.partial(StepLR, step_size=2), "partial of StepLR")):
        training = Training(sgd())
        handle = delay_lr_scheduler(training.recorder, training.optimizer, factory, per="epoch")
        assert repr(handle) == f"<LRPhases 'lr': phase 1 of 1, Phase({shown}, per='epoch')>"


def test_the_50_epochs_of_skorch() -> None:
    training = Training(sgd(), metrics={"loss": lambda trainer: 0.1 if trainer.state.epoch < 50 else 1.0})
    delay_lr_scheduler(
        training.recorder,
        training.optimizer,
        lambda optimizer: ReduceLROnPlateau(optimizer, patience=10, factor=0.25),
        until=After(epochs=50),
        monitor="loss",
        mode="min",
    )
    # Epoch 51 is the best so far, epochs 52 to 62 are eleven bad ones in a row: more than the patience.
    assert training.lr(75) == [1.0] * 62 + [0.25] * 11 + [0.0625] * 2
