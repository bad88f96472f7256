"""A schedule sets every batch's rate before the batch is trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Events
from lr_runs import SCHEDULERS, Training, adam, sgd, values

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    Metric,
    Phase,
    Polynomial,
    Schedule,
    Step,
    apply_schedule,
    warmup,
)

SCHEDULES = [
    Constant(0.5),
    Linear(0.2, 1, steps=4),
    Cosine(steps=5),
    Polynomial(2, steps=5),
    Exponential(0.5, steps=3),
    Step(0.5, steps=[2, 5]),
    CosineRestarts(steps=3),
    warmup(0.1, steps=3).then(InverseSqrt(steps=3)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
@pytest.mark.parametrize("per", ["iteration", "epoch"])
@pytest.mark.parametrize("delay", [0, 2])
def test_every_batch_trains_at_base_times_factor(schedule: Schedule, per: Any, delay: int) -> None:
    training = Training(sgd(1.0, 0.3))
    until = After(epochs=delay) if delay else None
    apply_schedule(training.recorder, training.optimizer, schedule, per=per, until=until)
    used = training.run(6, length=3)
    for index, rates in enumerate(used):
        epoch, iteration = index // 3, index
        step = iteration - 3 * delay if per == "iteration" else epoch - delay
        factor = schedule(step) if step >= 0 else 1.0
        assert rates == [1.0 * factor, 0.3 * factor]


@pytest.mark.parametrize(
    ("parameter", "base"), [("momentum", 0.9), ("weight_decay", 0.01), ("beta1", 0.9), ("beta2", 0.999)]
)
def test_other_parameters(parameter: str, base: float) -> None:
    optimizer = adam() if parameter.startswith("beta") else sgd()
    optimizer.param_groups[0]["weight_decay"] = 0.01
    training = Training(optimizer)
    phases = apply_schedule(training.recorder, optimizer, Linear(1, 0.5, steps=2), per="epoch", parameter=parameter)
    seen: list[float] = []

    @training.trainer.on(Events.ITERATION_COMPLETED)
    def see() -> None:
        group = optimizer.param_groups[0]
        seen.append(group["betas"][int(parameter[-1]) - 1] if parameter.startswith("beta") else group[parameter])

    assert training.lr(3) == [1.0] * 3
    assert seen == [base, base * 0.75, base * 0.5]
    assert phases.name == parameter


def test_after_a_metric_counted_from_the_opening() -> None:
    training = Training(sgd(), metrics={"loss": [3, 2, 1, 1, 1]})
    apply_schedule(
        training.recorder, training.optimizer, Linear(0.5, 0.1, steps=2), per="epoch", until=Metric("loss") < 2.5
    )
    assert training.lr(5) == [1.0, 1.0, 0.5, 0.3, 0.1]


def test_the_base_is_what_the_group_has_when_the_schedule_starts() -> None:
    training = Training(sgd())
    apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="epoch", until=After(epochs=2))
    training.trainer.add_event_handler(
        Events.EPOCH_COMPLETED(once=1), lambda: training.optimizer.param_groups[0].update(lr=0.4)
    )
    assert training.lr(4) == [1.0, 0.4, 0.2, 0.2]


def test_rates_set_after_attaching_are_the_bases_too() -> None:
    training = Training(sgd())
    apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="epoch")
    training.optimizer.param_groups[0]["lr"] = 4.0
    assert training.lr(2) == [2.0, 2.0]


def test_tensors_are_filled_in_place() -> None:
    rate = torch.tensor(1.0)
    training = Training(sgd(rate))
    apply_schedule(training.recorder, training.optimizer, Exponential(0.5, steps=1), per="iteration")
    assert training.lr(1, length=3) == [1.0, 0.5, 0.25]
    assert training.optimizer.param_groups[0]["lr"] is rate


def test_until_may_be_a_function() -> None:
    training = Training(sgd())
    apply_schedule(
        training.recorder, training.optimizer, Constant(0.5), per="epoch", until=lambda record: record.epoch >= 2
    )
    assert training.lr(4) == [1.0, 1.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("schedule", "arguments", "error", "message"),
    [
        (SCHEDULERS["StepLR"], {}, TypeError, "schedule must be a Schedule, .* goes to delay_lr_scheduler"),
        (0.5, {}, TypeError, "schedule must be a Schedule"),
        (Cosine, {}, TypeError, r"Build one with a length: Cosine\(epochs=10\)"),
        ("Cosine(rest=True)", {}, TypeError, "Schedule.parse reads a text"),
        (Phase(Constant(0.5), per="epoch"), {}, TypeError, "Phases go to LRPhases"),
        ([Constant(0.5)], {}, TypeError, "joined by .then, or are the phases of LRPhases"),
        (lambda epoch: 0.9**epoch, {}, TypeError, "Schedule.of.function, rest=True. makes one"),
        ({0: 0.5}, {}, TypeError, r"schedule\[0\] must be a Schedule, got 0\.5"),
        (Constant(0.5), {"per": "batch"}, ValueError, "per must be one of 'iteration', 'epoch', 'update'"),
        (Constant(0.5), {"until": 5}, TypeError, r"until must be a condition.*After\(epochs=5\)"),
        (Linear(iterations=5), {}, ValueError, "per must be 'iteration' for a schedule with iterations=5"),
        (Constant(0.5), {"parameter": "learning_rate"}, ValueError, "parameter must be one of 'lr'"),
    ],
)
def test_bad_input(schedule: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    training = Training(sgd())
    with pytest.raises(error, match=message):
        apply_schedule(training.recorder, training.optimizer, schedule, **{"per": "epoch", **arguments})
    assert values(training.optimizer) == [1.0]
    apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="epoch")
