"""A range test of the learning rate, next to a recorder, spends neither gates nor patience."""

from __future__ import annotations

from typing import Any

import torch
from engines import decided, engine, evaluate, reporting, timeless
from ignite.engine import Engine
from ignite.handlers import FastaiLRFinder
from lr_runs import values

from ignite_delayed import (
    After,
    Constant,
    Gate,
    Recorder,
    apply_schedule,
    delay,
    delay_early_stopping,
    delay_lr_scheduler,
)


class Regression:
    """A model that learns a line, and diverges at high rates."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        points = torch.randn(64, 4)
        self.data = list(zip(torch.split(points, 8), torch.split(points.sum(1, keepdim=True), 8), strict=True))
        self.rates: list[float] = []
        self.trainer = engine(self.step)
        self.evaluator = reporting(self.trainer, loss=lambda trainer: 1.0)
        evaluate(self.trainer, self.evaluator)
        self.recorder = Recorder(self.trainer, self.evaluator)
        self.stopper = delay_early_stopping(
            self.recorder, "loss", mode="min", patience=3, until=After(epochs=15), while_closed="count"
        )
        self.opened: list[int] = []
        self.gate = Gate(self.recorder, until=After(evaluations=4))
        delay(self.recorder, lambda: self.opened.append(self.trainer.state.epoch), until=self.gate)

    def step(self, engine: Engine, batch: Any) -> float:
        inputs, targets = batch
        self.rates += values(self.optimizer)
        loss = torch.nn.functional.mse_loss(self.model(inputs), targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.detach())

    def find(self, num_iter: int = 100) -> FastaiLRFinder:
        finder = FastaiLRFinder()
        to_save = {"model": self.model, "optimizer": self.optimizer}
        with finder.attach(
            self.trainer, to_save, start_lr=1e-4, end_lr=10.0, num_iter=num_iter, diverge_th=4.0
        ) as finding:
            finding.run(self.data)
        return finder

    def outcome(self) -> Any:
        self.rates.clear()
        self.trainer.run(self.data, max_epochs=20)
        return (
            self.rates,
            self.opened,
            timeless(self.recorder.history),
            decided(self.recorder.history),
            self.stopper.reason,
            [parameter.tolist() for parameter in self.model.parameters()],
        )


def test_the_run_after_it_is_the_run_without_it() -> None:
    found, plain = Regression(), Regression()
    found.find()
    assert found.opened[0] == 5  # it did evaluate, which has opened a gate and spent the patience
    assert found.stopper.counter > 3
    found.opened.clear()
    assert found.trainer.state.epoch == 0
    assert found.outcome() == plain.outcome()


def test_it_stops_when_the_loss_exceeds_a_multiple_of_its_minimum() -> None:
    regression = Regression()
    losses = regression.find().get_results()["loss"]
    assert len(losses) < 100
    assert losses[-1] > 4.0 * min(losses)
    assert all(loss <= 4.0 * min(losses[: index + 1]) for index, loss in enumerate(losses[:-1]))


def test_the_suggested_rate_is_the_base_of_a_schedule_attached_afterwards() -> None:
    regression = Regression()
    finder = regression.find()
    suggested = finder.lr_suggestion()
    assert 1e-4 < suggested < 10.0
    finder.apply_suggested_lr(regression.optimizer)
    apply_schedule(regression.recorder, regression.optimizer, Constant(0.5), per="epoch")
    regression.rates.clear()
    regression.trainer.run(regression.data, max_epochs=1)
    assert regression.rates == [0.5 * suggested] * 8


def test_a_scheduler_that_waits_longer_is_not_spent_either() -> None:
    def build() -> Regression:
        regression = Regression()
        delay_lr_scheduler(
            regression.recorder,
            regression.optimizer,
            lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
            until=After(epochs=14),
            per="epoch",
        )
        return regression

    found, plain = build(), build()
    found.find()
    found.opened.clear()
    assert found.outcome() == plain.outcome()
