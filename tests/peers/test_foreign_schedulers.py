"""Schedulers of timm and transformers that are none of torch's class: as in a loop of theirs, also after every cut."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import pytest
from engines import through_torch
from lr_runs import Training, saved, sgd, values

from ignite_delayed import delay_lr_scheduler

# timm gives up on a plateau's state, which its own state_dict leaves out. Here all that it holds is saved.
pytestmark = pytest.mark.filterwarnings("ignore:PlateauLRScheduler is deprecated:FutureWarning")

EPOCHS, LENGTH = 8, 3


def losses(trainer: Any) -> float:
    return float([9, 8, 8, 8, 7, 7, 7, 7][trainer.state.epoch - 1])


def library(name: str) -> Any:
    """The module, if there is a release for this Python."""
    package = name.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed, or has no release for this Python")
    if package == "timm" and package not in sys.modules:
        # Its schedulers need nothing but torch; all else of it needs torchvision.
        sys.modules[package] = importlib.util.module_from_spec(spec)
    return importlib.import_module(name)


def timm(name: str, **options: Any) -> Callable[[Any], Any]:
    return lambda optimizer: getattr(library("timm.scheduler"), name)(optimizer, **options)


def greedy(optimizer: Any) -> Any:
    options: dict[str, Any] = {"patience": 0, "factor": 0.5, "min_lr": 0.1, "smooth": True, "window_size": 2}
    return library("transformers.optimization").GreedyLR(optimizer, **options)


PER_EPOCH, PER_UPDATE, METRIC = {"per": "epoch"}, {"per": "update"}, {"monitor": "loss", "mode": "min"}

CASES: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "cosine": (timm("CosineLRScheduler", t_initial=EPOCHS, warmup_t=2, warmup_lr_init=0.01), PER_EPOCH),
    "cosine by update": (timm("CosineLRScheduler", t_initial=20, warmup_t=4, t_in_epochs=False), PER_UPDATE),
    "noisy step": (timm("StepLRScheduler", decay_t=2, decay_rate=0.5, noise_range_t=(1, 6)), PER_EPOCH),
    "tanh": (timm("TanhLRScheduler", t_initial=EPOCHS), PER_EPOCH),
    "plateau": (timm("PlateauLRScheduler", patience_t=1, decay_rate=0.5, mode="min", warmup_t=1), METRIC),
    "greedy": (greedy, METRIC),
}


def training(case: str) -> Training:
    one = Training(sgd(1.0, 0.3), metrics={"loss": losses})
    library("transformers.optimization" if case == "greedy" else "timm.scheduler")
    factory, how = CASES[case]
    delay_lr_scheduler(one.recorder, one.optimizer, factory, **how)
    return one


def theirs(case: str) -> list[list[float]]:
    one, used, updates = Training(sgd(1.0, 0.3)), [], 0
    factory, how = CASES[case]
    scheduler = factory(one.optimizer)
    for epoch in range(1, EPOCHS + 1):
        for _ in range(LENGTH):
            used.append(values(one.optimizer))
            updates += 1
            if how is PER_UPDATE:
                scheduler.step_update(updates)
        one.trainer.state.epoch = epoch
        loss = [losses(one.trainer)] if how is METRIC else []
        if case == "greedy":
            scheduler.step(*loss)
        elif how is not PER_UPDATE:
            scheduler.step(epoch, *loss)
    return used


@pytest.mark.parametrize("case", CASES)
def test_every_batch_is_trained_at_the_rate_of_theirs(case: str) -> None:
    assert training(case).run(EPOCHS, LENGTH) == theirs(case)


# Saved in an epoch's last iteration, the evaluation that follows would be lost with it.
@pytest.mark.parametrize("cut", [cut for cut in range(1, EPOCHS * LENGTH) if cut % LENGTH])
@pytest.mark.parametrize("case", CASES)
def test_resumed_at_every_cut_it_is_the_run_that_was_never_cut(case: str, cut: int) -> None:
    states, expected = saved(training(case), cut, EPOCHS, LENGTH)
    resumed = training(case)
    objects: list[Any] = [resumed.trainer, resumed.optimizer, resumed.recorder]
    for one, state in zip(objects, through_torch(states)[0], strict=True):
        one.load_state_dict(state)
    resumed.attach_evaluator()
    resumed.trainer.run([0] * LENGTH)
    assert resumed.used == expected
