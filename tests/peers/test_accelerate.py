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

from ignite_delayed import (
    Constant,
    Cosine,
    Linear,
    Phase,
    Recorder,
    apply_schedule,
    delay_lr_scheduler,
    preview,
    warmup,
)
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


class TestUpdates:
    """accelerate accumulates gradients, and updates at the end of each epoch too: we count what it does."""

    def train(self, accumulation: int, length: int, attach: Callable[[Recorder, Any], Any]) -> tuple[list[float], Any]:
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulation)
        model = torch.nn.Linear(1, 1)
        data: Any = torch.utils.data.DataLoader([torch.zeros(1)] * length)  # type: ignore[arg-type]
        model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=1.0), data)

        def step(engine: Engine, batch: Any) -> None:
            with accelerator.accumulate(model):
                accelerator.backward(model(batch).square().mean())
                optimizer.step()
                optimizer.zero_grad()

        trainer, used = engine(step), []
        attached = attach(Recorder(trainer, engine()), optimizer)
        optimizer.optimizer.register_step_pre_hook(lambda *given: used.extend(values(optimizer)))
        trainer.run(loader, max_epochs=3)
        return used, attached

    @pytest.mark.parametrize(("accumulation", "length"), [(1, 3), (4, 8), (4, 10), (5, 3)])
    def test_a_share_of_the_run_is_of_the_updates_that_accelerate_makes(self, accumulation: int, length: int) -> None:
        def attach(recorder: Recorder, optimizer: Any) -> Any:
            phases = apply_schedule(recorder, optimizer, Linear(1.0, 0.0, fraction=1.0), per="update")
            seen = preview(phases, epochs=3, iterations_per_epoch=length)
            return [one for (one,) in seen.rates.tolist()]

        used, previewed = self.train(accumulation, length, attach)
        updates = 3 * -(-length // accumulation)
        assert used == pytest.approx([1 - update / updates for update in range(updates)])
        assert list(dict.fromkeys(previewed)) == used

    def test_a_number_that_is_not_that_of_accelerate_is_refused(self) -> None:
        def attach(recorder: Recorder, optimizer: Any) -> Any:
            with pytest.raises(ValueError, match="must be 4, as the Accelerator of this optimizer has it, got 2"):
                apply_schedule(recorder, optimizer, Constant(), per="update", gradient_accumulation_steps=2)
            return apply_schedule(recorder, optimizer, Constant(), per="update", gradient_accumulation_steps=4)

        self.train(4, 4, attach)

    def test_the_cosine_of_transformers_stepped_after_each_update_is_ours(self) -> None:
        optimization = pytest.importorskip("transformers.optimization", reason="no release is for this Python")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = optimization.get_cosine_schedule_with_warmup(optimizer, 3, 9)
        theirs = []
        for _ in range(9):
            theirs += values(optimizer)
            optimizer.step()
            scheduler.step()
        schedule = warmup(steps=3).then(Cosine(rest=True))
        ours, _ = self.train(
            4, 10, lambda recorder, optimizer: apply_schedule(recorder, optimizer, schedule, per="update")
        )
        assert ours == pytest.approx(theirs)
        handed, _ = self.train(
            4,
            10,
            lambda recorder, optimizer: delay_lr_scheduler(
                recorder,
                optimizer,
                lambda one: optimization.get_cosine_schedule_with_warmup(one, 3, 9),
                per="update",
            ),
        )
        assert handed == theirs
