"""Traps 49-61, learning-rate schedules: how the host bites the naive form, and that ours is not bitten.

Each ``test_host`` says what Ignite 0.5.5 and torch 2.13 do; where a later release has mended it, the test says so.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from engines import engine, evaluate, loop, through_torch
from ignite.engine import Engine, Events
from ignite.handlers import (
    LRScheduler,
    PiecewiseLinear,
    ReduceLROnPlateauScheduler,
    create_lr_scheduler_with_warmup,
)
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from ignite_delayed import (
    After,
    Exponential,
    Linear,
    LRPhases,
    Phase,
    Recorder,
    apply_schedule,
    delay_lr_scheduler,
    warmup,
)


def group(rate: Any) -> dict[str, Any]:
    return {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate}


def sgd(*rates: Any) -> torch.optim.SGD:
    return torch.optim.SGD([group(rate) for rate in rates or (1.0,)], lr=1.0, momentum=0.9)


def now(optimizer: Optimizer) -> list[float]:
    return [round(float(one["lr"]), 5) for one in optimizer.param_groups]


def training(optimizer: Optimizer) -> tuple[Engine, list[float]]:
    """A trainer that steps ``optimizer``, and the rate of its first group at each batch."""
    used: list[float] = []

    def step(engine: Engine, batch: Any) -> None:
        used.append(now(optimizer)[0])
        optimizer.step()

    return engine(step), used


def natively(optimizer: Optimizer, factory: Callable[[Any], Any], epochs: int) -> list[float]:
    """What torch documents: build, and step after each epoch."""
    scheduler, used = factory(optimizer), []
    for _ in range(epochs):
        used += now(optimizer)[:1]
        optimizer.step()
        scheduler.step()
    return used


def ours(
    optimizer: Optimizer, factory: Any, epochs: int, *, until: Any = None, length: int = 1, **arguments: Any
) -> list[float]:
    """The same by ``delay_lr_scheduler``, with an evaluation of loss 1 after each epoch."""
    trainer, used = training(optimizer)
    _, evaluator = loop(loss=lambda trainer: 1.0)
    delay_lr_scheduler(Recorder(trainer, evaluator), optimizer, factory, until=until, **arguments)
    evaluate(trainer, evaluator)
    trainer.run([0] * length, max_epochs=epochs)
    return used


class Test49_ignites_wrapper_gives_wrong_rates_for_every_recursive_scheduler:
    RECURSIVE: dict[str, Any] = {  # noqa: RUF012
        "ConstantLR": lambda o: ConstantLR(o, 0.5, 3),
        "LinearLR": lambda o: LinearLR(o, 0.25, total_iters=3),
        "ExponentialLR": lambda o: ExponentialLR(o, 0.5),
        "PolynomialLR": lambda o: PolynomialLR(o, 4),
        "CosineAnnealingLR": lambda o: CosineAnnealingLR(o, 4),
        "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, 3),
        "MultiplicativeLR": lambda o: MultiplicativeLR(o, lambda e: 0.9),
    }

    @pytest.mark.parametrize("name", RECURSIVE)
    def test_host(self, name: str) -> None:
        optimizer = sgd()
        trainer, used = training(optimizer)
        trainer.add_event_handler(Events.EPOCH_STARTED, LRScheduler(self.RECURSIVE[name](optimizer)))
        trainer.run([0], max_epochs=5)
        assert used != natively(sgd(), self.RECURSIVE[name], 5)

    @pytest.mark.parametrize("name", RECURSIVE)
    def test_ours(self, name: str) -> None:
        factory = self.RECURSIVE[name]
        assert ours(sgd(), factory, 5, per="epoch") == natively(sgd(), factory, 5)


class Test50_composed_schedulers_fail_at_the_first_event_and_a_plateau_cannot_be_composed:
    COMPOSED: dict[str, Any] = {  # noqa: RUF012
        "SequentialLR": lambda o: SequentialLR(o, [ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.5)], [2]),
        "ChainedScheduler": lambda o: ChainedScheduler([ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.5)]),
    }

    @pytest.mark.parametrize("build", [*COMPOSED.values(), ReduceLROnPlateau], ids=[*COMPOSED, "ReduceLROnPlateau"])
    def test_host(self, build: Any) -> None:
        wrapped = LRScheduler(build(sgd()))
        with pytest.raises(NotImplementedError):
            wrapped(None)

    def test_host_refuses_a_plateau_in_a_sequence(self) -> None:
        optimizer = sgd()
        with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`"):
            SequentialLR(optimizer, [ConstantLR(optimizer, 0.1, 50), ReduceLROnPlateau(optimizer)], [50])

    @pytest.mark.parametrize("name", COMPOSED)
    def test_ours(self, name: str) -> None:
        assert ours(sgd(), self.COMPOSED[name], 6, per="epoch") == natively(sgd(), self.COMPOSED[name], 6)

    def test_ours_ends_a_sequence_in_a_plateau(self) -> None:
        optimizer = sgd()
        trainer, used = training(optimizer)
        _, evaluator = loop(loss=lambda trainer: 1.0)
        phases = [
            Phase(lambda o: ConstantLR(o, 0.1, 50), per="epoch", until=After(epochs=3)),
            Phase(lambda o: ReduceLROnPlateau(o, patience=0, factor=0.5), monitor="loss", mode="min"),
        ]
        LRPhases(Recorder(trainer, evaluator), optimizer, phases)
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=6)
        # The plateau's first evaluation, in epoch 4, is its best; the second is one bad evaluation too many.
        assert used == [0.1] * 3 + [0.1, 0.1, 0.05]


class Test51_building_a_scheduler_changes_the_optimizer_at_once:
    FACTORIES: dict[str, Any] = {  # noqa: RUF012
        "ConstantLR": lambda o: ConstantLR(o, 0.1, 2),
        "LinearLR": lambda o: LinearLR(o, 0.25, total_iters=2),
        "OneCycleLR": lambda o: OneCycleLR(o, 1.0, total_steps=5),
        "CyclicLR": lambda o: CyclicLR(o, 0.1, 1.0, 2, cycle_momentum=False),
    }

    @pytest.mark.parametrize("name", FACTORIES)
    def test_host(self, name: str) -> None:
        optimizer = sgd()
        scheduler = self.FACTORIES[name](optimizer)
        trainer, used = training(optimizer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(after=3), lambda engine: scheduler.step())
        trainer.run([0], max_epochs=4)
        assert used[:3] != [1.0] * 3

    @pytest.mark.parametrize("name", FACTORIES)
    def test_ours(self, name: str) -> None:
        used = ours(sgd(), self.FACTORIES[name], 7, until=After(epochs=3), per="epoch")
        assert used == [1.0] * 3 + natively(sgd(), self.FACTORIES[name], 4)


class Test52_ignites_plateau_cannot_be_checkpointed:
    def test_host(self) -> None:
        evaluator = engine()
        evaluator.state.metrics["loss"] = 1.0
        old, new = sgd(), sgd()
        first = ReduceLROnPlateauScheduler(old, "loss", patience=0, factor=0.5)
        first(evaluator)
        second = ReduceLROnPlateauScheduler(new, "loss", patience=0, factor=0.5)
        second.load_state_dict(first.state_dict())
        second(evaluator)
        second(evaluator)
        assert (now(new), now(old)) == ([1.0], [0.25])  # the new one reduces the rate of the old optimizer
        with pytest.raises(Exception, match="Weights only load failed"):
            through_torch(first.state_dict())

    def test_ours(self) -> None:
        def build() -> tuple[Engine, Engine, Recorder, torch.optim.SGD, list[float]]:
            optimizer = sgd()
            trainer, used = training(optimizer)
            _, evaluator = loop(loss=lambda trainer: 1.0)
            recorder = Recorder(trainer, evaluator)
            delay_lr_scheduler(
                recorder, optimizer, lambda o: ReduceLROnPlateau(o, patience=1, factor=0.5), monitor="loss", mode="min"
            )
            evaluate(trainer, evaluator)
            return trainer, evaluator, recorder, optimizer, used

        trainer, _, recorder, old, used = build()
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=4), trainer.terminate)
        trainer.run([0], max_epochs=8)
        states = through_torch([trainer.state_dict(), recorder.state_dict()])
        before = now(old)
        trainer, _, recorder, _, after = build()
        trainer.load_state_dict(states[0])
        recorder.load_state_dict(states[1])
        trainer.run([0])
        assert used + after == [1.0] * 3 + [0.5] * 2 + [0.25] * 2 + [0.125]
        assert now(old) == before


class Test53_ignites_plateau_ignores_min_lr:
    def test_host(self) -> None:
        evaluator = engine()
        evaluator.state.metrics["loss"] = 1.0
        optimizer = sgd(1.0, 1.0)
        scheduler = ReduceLROnPlateauScheduler(optimizer, "loss", patience=0, factor=0.1, min_lr=[0.01, 0.1])
        for _ in range(6):
            scheduler(evaluator)
        assert now(optimizer) == [1e-5, 1e-5]

    @pytest.mark.parametrize(("floor", "expected"), [(0.02, [0.02, 0.02]), ([0.02, 0.2], [0.02, 0.2])])
    def test_ours(self, floor: Any, expected: list[float]) -> None:
        optimizer = sgd(1.0, 1.0)
        ours(
            optimizer,
            lambda o: ReduceLROnPlateau(o, patience=0, factor=0.1, min_lr=floor),
            6,
            monitor="loss",
            mode="min",
        )
        assert now(optimizer) == expected


class Test54_a_warm_up_before_ignites_plateau_ends_short_of_its_target:
    @pytest.mark.parametrize(("duration", "stays"), [(2, 0.0), (3, 0.5)])
    def test_host(self, duration: int, stays: float) -> None:
        optimizer = sgd()
        plateau = ReduceLROnPlateauScheduler(optimizer, "loss", patience=100)
        trainer, used = training(optimizer)
        trainer.state.metrics["loss"] = 1.0
        trainer.add_event_handler(Events.EPOCH_STARTED, create_lr_scheduler_with_warmup(plateau, 0.0, duration))
        trainer.run([0], max_epochs=6)
        assert used[-1] == stays

    @pytest.mark.parametrize("duration", [1, 2, 3])
    def test_ours(self, duration: int) -> None:
        optimizer = sgd()
        trainer, used = training(optimizer)
        _, evaluator = loop(loss=lambda trainer: 1.0)
        phases = LRPhases(
            Recorder(trainer, evaluator),
            optimizer,
            [
                Phase(warmup(epochs=duration), per="epoch"),
                Phase(lambda o: ReduceLROnPlateau(o, patience=100), monitor="loss", mode="min"),
            ],
        )
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=6)
        assert used == [round(step / duration, 5) for step in range(duration)] + [1.0] * (6 - duration)
        assert isinstance(phases.scheduler, ReduceLROnPlateau)
        assert phases.scheduler.last_epoch == 6 - duration  # it saw nothing of the warm-up


class Test55_building_a_warm_up_advances_stateful_schedulers:
    @staticmethod
    def _rates(groups: int) -> list[float]:
        optimizer = sgd(*[1.0] * groups)
        scheduler = create_lr_scheduler_with_warmup(CosineAnnealingWarmRestarts(optimizer, 4), 0.0, 3)
        rates = []
        for _ in range(8):
            scheduler(None)
            rates += now(optimizer)[:1]
        return rates

    def test_host(self) -> None:
        assert self._rates(1) != self._rates(2)

    def test_host_loses_the_ratio_of_the_groups(self) -> None:
        optimizer = sgd(1.0, 10.0)
        scheduler = create_lr_scheduler_with_warmup(StepLR(optimizer, 2, 0.1), 0.0, 3, warmup_end_value=1.0)
        for _ in range(3):
            scheduler(None)
        assert now(optimizer) == [1.0, 1.0]

    @pytest.mark.parametrize("groups", [1, 2, 3])
    def test_ours(self, groups: int) -> None:
        optimizer = sgd(*[10.0**index for index in range(groups)])
        trainer, used = training(optimizer)
        ratios: list[Any] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED(after=1), lambda: ratios.append(now(optimizer)))
        phases = [
            Phase(warmup(steps=3), per="epoch"),
            Phase(lambda o: CosineAnnealingWarmRestarts(o, 4), per="epoch"),
        ]
        LRPhases(Recorder(trainer, engine()), optimizer, phases)
        trainer.run([0], max_epochs=8)
        assert used == [0.0, 0.33333, 0.66667, *natively(sgd(), lambda o: CosineAnnealingWarmRestarts(o, 4), 5)]
        for rates in ratios:
            assert rates == pytest.approx([rates[0] * 10.0**index for index in range(groups)], abs=1e-3)


class Test56_the_first_batch_trains_at_the_full_rate_or_the_first_value_is_skipped:
    def test_host(self) -> None:
        optimizer = sgd()
        warm = create_lr_scheduler_with_warmup(StepLR(optimizer, 100), 0.0, 4)
        trainer, used = training(optimizer)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, warm)
        trainer.run([0] * 2, max_epochs=3)
        assert used[0] == 1.0
        optimizer = sgd()
        native = LinearLR(optimizer, 0.1, total_iters=4)
        trainer, used = training(optimizer)
        trainer.add_event_handler(Events.ITERATION_STARTED, lambda engine: native.step())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch does warn
            trainer.run([0] * 2, max_epochs=3)
        assert used[0] == 0.325

    @pytest.mark.parametrize(
        ("per", "expected"),
        [("iteration", [0.1, 0.325, 0.55, 0.775, 1.0, 1.0]), ("epoch", [0.1, 0.1, 0.325, 0.325, 0.55, 0.55])],
    )
    def test_ours(self, per: Any, expected: list[float]) -> None:
        factory = lambda o: LinearLR(o, 0.1, total_iters=4)  # noqa: E731
        assert ours(sgd(), factory, 3, length=2, per=per) == expected
        optimizer = sgd()
        trainer, used = training(optimizer)
        apply_schedule(Recorder(trainer, engine()), optimizer, Linear(0.1, 1.0, steps=4), per=per)
        trainer.run([0] * 2, max_epochs=3)
        assert used == expected


class Test57_the_edges_of_sequential_lr:
    def test_host_never_returns_to_the_base_rate(self) -> None:
        factory = lambda o: SequentialLR(  # noqa: E731
            o, [ConstantLR(o, 0.1, 3), MultiplicativeLR(o, lambda e: 0.9)], [3]
        )
        assert max(natively(sgd(), factory, 7)) == 0.1

    def test_host_compounds_the_factors(self) -> None:
        factory = lambda o: SequentialLR(  # noqa: E731
            o, [ConstantLR(o, 0.1, 3), OneCycleLR(o, 1.0, total_steps=5)], [3]
        )
        assert natively(sgd(), factory, 3)[0] == 0.004

    @pytest.mark.parametrize(
        "second",
        [
            lambda o: MultiplicativeLR(o, lambda e: 0.9),
            lambda o: OneCycleLR(o, 1.0, total_steps=5),
            lambda o: ExponentialLR(o, 0.5),
            lambda o: SequentialLR(o, [ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.5)], [2]),
        ],
        ids=["MultiplicativeLR", "OneCycleLR", "ExponentialLR", "nested"],
    )
    def test_ours(self, second: Any) -> None:
        optimizer = sgd()
        trainer, used = training(optimizer)
        phases = [
            Phase(Linear(0.1, 1.0, steps=3), per="epoch"),  # which leaves the base rate behind
            Phase(second, per="epoch"),
        ]
        LRPhases(Recorder(trainer, engine()), optimizer, phases)
        trainer.run([0], max_epochs=7)
        assert used == [0.1, 0.4, 0.7, *natively(sgd(), second, 4)]


class Test58_the_default_event_is_every_iteration:
    def test_host(self) -> None:
        optimizer = sgd()
        trainer, used = training(optimizer)
        LRScheduler(StepLR(optimizer, 2, 0.1)).attach(trainer)
        trainer.run([0] * 4, max_epochs=1)
        assert used == [1.0, 1.0, 0.1, 0.1]
        optimizer, evaluator = sgd(), engine()
        evaluator.state.metrics["loss"] = 1.0
        plateau = ReduceLROnPlateauScheduler(optimizer, "loss", patience=0)
        plateau.attach(evaluator)
        evaluator.run([0] * 5)
        assert plateau.scheduler.last_epoch == 5  # of one evaluation

    def test_ours(self) -> None:
        with pytest.raises(TypeError, match="per must be one of 'iteration', 'epoch', 'update', 'evaluation', got"):
            ours(sgd(), lambda o: StepLR(o, 2, 0.1), 1)
        assert ours(sgd(), lambda o: StepLR(o, 2, 0.1), 3, length=2, per="epoch") == [1.0] * 4 + [0.1] * 2
        used = ours(
            sgd(), lambda o: ReduceLROnPlateau(o, patience=0), 3, monitor="loss", mode="min"
        )  # evaluated on two batches
        assert used == [1.0, 1.0, 0.1]


class Test59_what_is_loaded_first_decides_the_rate:
    def test_host(self) -> None:
        optimizer = sgd(0.1)
        scheduler = LinearLR(optimizer, 0.1, total_iters=4)
        for _ in range(3):
            optimizer.step()
            scheduler.step()
        saved = optimizer.state_dict(), scheduler.state_dict()
        loaded = sgd(0.1)
        loaded.load_state_dict(saved[0])
        LinearLR(loaded, 0.1, total_iters=4).load_state_dict(saved[1])
        assert now(optimizer) == [0.0775]
        assert now(loaded) == [0.00775]

    def test_host_of_warm_restarts_cannot_be_loaded_safely(self) -> None:
        file = io.BytesIO()
        torch.save(LRScheduler(CosineAnnealingWarmRestarts(sgd(), 3)).state_dict(), file)
        file.seek(0)
        with pytest.raises(Exception, match="Weights only load failed"):
            torch.load(file, weights_only=True)

    @pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0)])
    @pytest.mark.parametrize(
        "factory",
        [lambda o: LinearLR(o, 0.1, total_iters=4), lambda o: CosineAnnealingWarmRestarts(o, 3)],
        ids=["LinearLR", "CosineAnnealingWarmRestarts"],
    )
    def test_ours(self, factory: Any, order: tuple[int, ...]) -> None:
        def build() -> tuple[list[Any], list[float]]:
            optimizer = sgd(0.1)
            trainer, used = training(optimizer)
            recorder = Recorder(trainer, engine())
            delay_lr_scheduler(recorder, optimizer, factory, per="epoch")
            return [trainer, optimizer, recorder], used

        objects, used = build()
        objects[0].add_event_handler(Events.EPOCH_COMPLETED(once=3), objects[0].terminate)
        objects[0].run([0], max_epochs=6)
        states = through_torch([one.state_dict() for one in objects])
        resumed, after = build()
        for index in order:
            resumed[index].load_state_dict(states[index])
        resumed[0].run([0])
        assert used + after == natively(sgd(0.1), factory, 6)


class Test60_tensors_are_replaced:
    def test_host(self) -> None:
        rate = torch.tensor(1.0)
        optimizer = sgd(rate)
        PiecewiseLinear(optimizer, "lr", [(0, 0.0), (3, 1.0)])(None)
        assert optimizer.param_groups[0]["lr"] is not rate

    def test_ours(self) -> None:
        ways: tuple[Callable[..., Any], ...] = (
            lambda recorder, optimizer: apply_schedule(recorder, optimizer, Exponential(0.5, steps=1), per="epoch"),
            lambda recorder, optimizer: delay_lr_scheduler(
                recorder, optimizer, lambda o: ExponentialLR(o, 0.5), per="epoch"
            ),
        )
        for attach in ways:
            rate = torch.tensor(1.0)
            optimizer = sgd(rate)
            trainer, used = training(optimizer)
            attach(Recorder(trainer, engine()), optimizer)
            trainer.run([0], max_epochs=3)
            assert used == [1.0, 0.5, 0.25]
            assert optimizer.param_groups[0]["lr"] is rate


class Test61_groups_that_are_added_later:
    @staticmethod
    def _unfreezing(optimizer: Optimizer) -> tuple[Engine, Recorder]:
        trainer, _ = training(optimizer)
        trainer.logger.disabled = True
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: optimizer.add_param_group(group(0.4)))
        return trainer, Recorder(trainer, engine())

    def test_host(self) -> None:
        optimizer = sgd()
        evaluator = engine()
        evaluator.state.metrics["loss"] = 1.0
        plateau = ReduceLROnPlateauScheduler(optimizer, "loss", patience=0, factor=0.5)
        plateau(evaluator)
        optimizer.add_param_group(group(1.0))
        with pytest.raises(IndexError):
            plateau(evaluator)
        optimizer = sgd()
        scheduler = LambdaLR(optimizer, lambda e: 0.5**e)
        optimizer.step()
        optimizer.add_param_group(group(1.0))
        with pytest.raises(ValueError, match="zip"):
            scheduler.step()

    def test_ours(self) -> None:
        optimizer = sgd()
        trainer, recorder = self._unfreezing(optimizer)
        apply_schedule(recorder, optimizer, Exponential(0.5, steps=1), per="epoch")
        trainer.run([0], max_epochs=4)
        assert now(optimizer) == [0.125, 0.05]

    def test_ours_of_torch_schedulers_is_what_torch_does(self) -> None:
        optimizer = sgd()
        trainer, recorder = self._unfreezing(optimizer)
        delay_lr_scheduler(recorder, optimizer, lambda o: LambdaLR(o, lambda e: 0.5**e), per="epoch")
        with pytest.raises(ValueError, match="zip"):
            trainer.run([0], max_epochs=4)

    def test_ours_of_a_torch_scheduler_that_is_built_afterwards(self) -> None:
        optimizer = sgd()
        trainer, recorder = self._unfreezing(optimizer)
        delay_lr_scheduler(
            recorder, optimizer, lambda o: LambdaLR(o, lambda e: 0.5**e), until=After(epochs=2), per="epoch"
        )
        trainer.run([0], max_epochs=4)
        assert now(optimizer) == [0.5, 0.2]
