"""Rates of an optimizer that accelerate has prepared: the model learns what it learns without us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from engines import engine, evaluate
from ignite.engine import Engine, Events
from lr_runs import values
from torch.optim.lr_scheduler import ExponentialLR, OneCycleLR

from ignite_delayed import Cosine, Phase, Recorder, apply_schedule, delay_lr_scheduler, preview, warmup
from ignite_delayed.lr.optimizer.stand_in import contents

EPOCHS, LENGTH = 4, 3
INPUTS = torch.linspace(-1, 1, 8)[:, None]


class Prepared:
    """A regression that accelerate trains."""

    def __init__(self) -> None:
        self.accelerator = Accelerator(cpu=True)
        torch.manual_seed(0)
        model = torch.nn.Linear(1, 1)
        inner = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        self.model, self.optimizer = self.accelerator.prepare(model, inner)
        self.inner = self.optimizer.optimizer
        self.rates: list[float] = []

    def step(self) -> None:
        self.rates += values(self.inner)
        loss = (self.model(INPUTS) - 2 * INPUTS).square().mean()
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.optimizer.step()

    def weights(self) -> list[float]:
        return torch.nn.utils.parameters_to_vector(self.model.parameters()).tolist()


def with_us(attach: Callable[[Recorder, Any], object]) -> Prepared:
    prepared = Prepared()

    def step(engine: Engine, batch: Any) -> None:
        prepared.step()

    trainer, evaluator = engine(step), engine()
    evaluate(trainer, evaluator, Events.EPOCH_COMPLETED)
    members, before = list(prepared.inner.param_groups), contents(prepared.inner)
    attach(Recorder(trainer, evaluator, optimizer=prepared.optimizer), prepared.optimizer)
    assert contents(prepared.inner) == before
    assert all(group is member for group, member in zip(prepared.inner.param_groups, members, strict=True))
    trainer.run([0] * LENGTH, max_epochs=EPOCHS)
    return prepared


def by_hand(build: Callable[[Any], Any]) -> Prepared:
    prepared = Prepared()
    scheduler = build(prepared.inner)
    for _ in range(EPOCHS * LENGTH):
        prepared.step()
        scheduler.step()
    return prepared


@pytest.mark.parametrize(
    "build",
    [lambda o: ExponentialLR(o, 0.9), lambda o: OneCycleLR(o, 0.5, total_steps=EPOCHS * LENGTH + 1)],
    ids=["ExponentialLR", "OneCycleLR"],
)
def test_a_torch_scheduler_trains_as_one_by_hand_does(build: Any) -> None:
    ours = with_us(lambda recorder, optimizer: delay_lr_scheduler(recorder, optimizer, build, per="iteration"))
    hand = by_hand(build)
    assert ours.rates == hand.rates
    assert ours.weights() == hand.weights()


def test_a_schedule_trains_as_the_same_function_by_hand_does() -> None:
    schedule = warmup(0.5, iterations=3).then(Cosine(iterations=EPOCHS * LENGTH - 3))
    ours = with_us(lambda recorder, optimizer: apply_schedule(recorder, optimizer, schedule, per="iteration"))
    hand = by_hand(lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: float(schedule(step))))
    assert ours.rates == pytest.approx(hand.rates, rel=1e-15)
    assert ours.weights() == pytest.approx(hand.weights(), rel=1e-5)


def test_a_preview_leaves_a_prepared_optimizer_alone() -> None:
    prepared = Prepared()
    before = contents(prepared.inner)
    phases = [Phase(lambda o: ExponentialLR(o, 0.5), per="epoch")]
    table = preview(phases, epochs=3, iterations_per_epoch=1, optimizer=prepared.optimizer).rates
    assert table[:, 0].tolist() == [0.5, 0.25, 0.125]
    assert contents(prepared.inner) == before
    weights = prepared.weights()
    prepared.step()
    assert prepared.weights() != weights
