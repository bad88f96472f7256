"""Real trainings that note the rates of every batch, the torch schedulers to try, and what they do by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from engines import engine, evaluate, reporting
from ignite.engine import Engine, Events
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
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from ignite_delayed import Recorder

Factory = Callable[[Optimizer], LRScheduler]
Rates = list[list[float]]


def groups(*rates: Any) -> list[dict[str, Any]]:
    return [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]


def sgd(*rates: Any, momentum: float = 0.9) -> torch.optim.SGD:
    """An optimizer with a group for each rate; one of rate 1 by default."""
    return torch.optim.SGD(groups(*(rates or (1.0,))), lr=1.0, momentum=momentum)


def adam(*rates: Any) -> torch.optim.Adam:
    return torch.optim.Adam(groups(*(rates or (1.0,))), lr=1.0)


def values(optimizer: Optimizer, parameter: str = "lr") -> list[float]:
    """What the groups hold now."""
    if parameter in ("beta1", "beta2"):
        return [float(group["betas"][parameter == "beta2"]) for group in optimizer.param_groups]
    return [float(group[parameter]) for group in optimizer.param_groups]


class Training:
    """A trainer that steps an optimizer and notes what each batch trains at, and an evaluator.

    Args:
        optimizer: what is stepped.
        metrics: what the evaluator reports, as :func:`engines.reporting` takes it.
        at: the event at which the evaluator is run; never if ``None``.
        watch: the parameters that are noted.
        accumulation: after how many iterations the optimizer is stepped.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        at: Any = Events.EPOCH_COMPLETED,
        watch: Sequence[str] = ("lr",),
        metrics: dict[str, Any] | None = None,
        accumulation: int = 1,
    ) -> None:
        self.optimizer = optimizer
        self.used: list[list[float]] = []

        def step(engine: Engine, batch: Any) -> None:
            self.used.append([value for name in watch for value in values(optimizer, name)])
            if engine.state.iteration % accumulation == 0:
                optimizer.step()

        self.trainer = engine(step)
        self.evaluator = reporting(self.trainer, **(metrics or {}))
        self.recorder = Recorder(self.trainer, self.evaluator)
        self._at = at

    def run(self, epochs: int, length: int = 1) -> list[list[float]]:
        """Train, and return the rates that the batches of this run were trained at."""
        self.attach_evaluator()
        state = self.trainer.state
        if state.max_epochs is not None and state.epoch >= state.max_epochs:
            state.max_epochs = None  # done: start afresh, also with fewer epochs
        before = len(self.used)
        self.trainer.run([0] * length, max_epochs=epochs)
        return self.used[before:]

    def attach_evaluator(self) -> None:
        if self._at is not None:
            evaluate(self.trainer, self.evaluator, self._at)
            self._at = None

    def lr(self, epochs: int, length: int = 1) -> list[float]:
        """The same for an optimizer of one group."""
        return [one for (one,) in self.run(epochs, length)]


#: One factory for each scheduler of torch; a test holds this against what torch has.
SCHEDULERS: dict[str, Factory] = {
    "LambdaLR": lambda optimizer: LambdaLR(optimizer, lambda step: 1 / (2 + step)),
    "MultiplicativeLR": lambda optimizer: MultiplicativeLR(optimizer, lambda step: 0.9),
    "StepLR": lambda optimizer: StepLR(optimizer, 2, 0.1),
    "MultiStepLR": lambda optimizer: MultiStepLR(optimizer, [1, 3], 0.1),
    "ConstantLR": lambda optimizer: ConstantLR(optimizer, 0.5, 3),
    "LinearLR": lambda optimizer: LinearLR(optimizer, 0.25, total_iters=3),
    "ExponentialLR": lambda optimizer: ExponentialLR(optimizer, 0.5),
    "SequentialLR": lambda optimizer: SequentialLR(
        optimizer, [ConstantLR(optimizer, 0.1, 2), ExponentialLR(optimizer, 0.5)], [2]
    ),
    "CosineAnnealingLR": lambda optimizer: CosineAnnealingLR(optimizer, 4),
    "ChainedScheduler": lambda optimizer: ChainedScheduler(
        [ConstantLR(optimizer, 0.1, 2), ExponentialLR(optimizer, 0.5)]
    ),
    "ReduceLROnPlateau": lambda optimizer: ReduceLROnPlateau(optimizer, patience=1, factor=0.5),
    "CyclicLR": lambda optimizer: CyclicLR(optimizer, 0.1, 1.0, 2),
    "CosineAnnealingWarmRestarts": lambda optimizer: CosineAnnealingWarmRestarts(optimizer, 3),
    "OneCycleLR": lambda optimizer: OneCycleLR(optimizer, 1.0, total_steps=60),
    "PolynomialLR": lambda optimizer: PolynomialLR(optimizer, 4),
}


def per_of(name: str) -> list[str]:
    """What one step of the scheduler ``name`` may be."""
    return ["evaluation"] if name == "ReduceLROnPlateau" else ["epoch", "iteration", "evaluation"]


def by_hand(
    optimizer: Optimizer,
    factory: Factory,
    per: str,
    *,
    delay: int,
    epochs: int,
    length: int,
    loss: Callable[[int], float] = lambda epoch: 0.0,
    watch: Sequence[str] = ("lr",),
) -> Rates:
    """The rates of each batch of a loop that builds the scheduler at epoch ``delay + 1`` and evaluates after each."""
    used: Rates = []
    scheduler: Any = None
    for epoch in range(1, epochs + 1):
        if epoch == delay + 1:
            scheduler = factory(optimizer)
        for _ in range(length):
            used.append([value for name in watch for value in values(optimizer, name)])
            optimizer.step()
            if scheduler and per == "iteration":
                scheduler.step()
        if scheduler and per != "iteration":
            scheduler.step(*([loss(epoch)] if isinstance(scheduler, ReduceLROnPlateau) else []))
    return used


def untouched(optimizer: Optimizer) -> list[dict[str, Any]]:
    """All that the groups hold besides the parameters, to compare with later."""
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def saved(training: Training, cut: int, epochs: int = 6, length: int = 3) -> tuple[Any, list[list[float]]]:
    """The states after iteration ``cut`` of a run, and what the batches after it are trained at."""
    states: list[Any] = []

    def save() -> None:
        states.append(
            copy.deepcopy(
                [training.trainer.state_dict(), training.optimizer.state_dict(), training.recorder.state_dict()]
            )
        )

    training.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=cut), save)
    return states, training.run(epochs, length)[cut:]
