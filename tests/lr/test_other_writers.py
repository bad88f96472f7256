"""Two that write one rate: whoever wins, it is said once."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from ignite.engine import Events
from ignite.handlers import PiecewiseLinear
from lr_runs import Training, sgd
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau

from ignite_delayed import After, Linear, Phase, apply_schedule, delay_lr_scheduler
from ignite_delayed.lr import LRPhases


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "somebody else writes it" in message]


def falling(training: Training, per: Any) -> None:
    apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.5, epochs=4), per=per)


@pytest.mark.parametrize(
    ("event", "per", "first"),
    [
        (Events.ITERATION_STARTED, "iteration", True),  # nothing is trained at theirs, which the user should know
        (Events.ITERATION_STARTED, "iteration", False),
        (Events.ITERATION_STARTED, "epoch", False),
        (Events.ITERATION_STARTED, "epoch", True),
        (Events.ITERATION_COMPLETED, "iteration", False),
        (Events.ITERATION_COMPLETED, "iteration", True),
        (Events.ITERATION_COMPLETED, "epoch", False),
        (Events.EPOCH_STARTED, "iteration", True),
        (Events.EPOCH_STARTED, "iteration", False),
        (Events.EPOCH_STARTED, "epoch", False),
        (Events.EPOCH_STARTED, "epoch", True),
    ],
)
def test_a_scheduler_that_ignite_attached(event: Any, per: Any, first: bool, caplog: pytest.LogCaptureFixture) -> None:
    training = Training(sgd(1.0, 0.5))
    line = PiecewiseLinear(training.optimizer, "lr", [(0, 0.3), (20, 0.2)], param_group_index=1)
    if first:
        training.trainer.add_event_handler(event, line)
    falling(training, per)
    if not first:
        training.trainer.add_event_handler(event, line)
    training.run(epochs=4, length=3)
    (message,) = told(caplog)
    assert message.startswith("lr wrote 0.")
    assert "to group 1, and finds 0." in message
    assert "a scheduler of Ignite's that is attached" in message


def test_a_group_is_called_as_in_the_whole_optimizer(caplog: pytest.LogCaptureFixture) -> None:
    optimizer = sgd(1.0, 0.5, 0.25)
    optimizer.param_groups[2]["name"] = "head"
    training = Training(optimizer)
    schedule = Linear(1.0, 0.0, epochs=4)
    apply_schedule(training.recorder, optimizer, schedule, per="epoch", groups=1, name="one")
    apply_schedule(training.recorder, optimizer, schedule, per="epoch", groups="head", name="two")

    @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
    def write() -> None:
        for group in optimizer.param_groups:
            group["lr"] = 3.0

    training.run(epochs=4)
    assert [message.partition(", and")[0] for message in told(caplog)] == [
        "one wrote 0.375 to group 1",
        "two wrote 0.1875 to head",
    ]


def test_a_ready_scheduler_that_the_user_also_steps(caplog: pytest.LogCaptureFixture) -> None:
    training = Training(sgd())
    ready = ExponentialLR(training.optimizer, 0.5)
    delay_lr_scheduler(training.recorder, training.optimizer, ready, per="epoch")
    training.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: ready.step())  # noqa: PLW0108 - not the engine
    training.run(epochs=4)
    (message,) = told(caplog)
    assert message.startswith("lr wrote 1 to group 0, and finds 0.5 there")
    assert "Likely this ExponentialLR, stepped by hand too" in message


@pytest.mark.parametrize("event", [Events.ITERATION_STARTED, Events.EPOCH_STARTED, Events.ITERATION_COMPLETED])
@pytest.mark.parametrize("per", ["iteration", "epoch", "update"])
@pytest.mark.parametrize("first", [True, False])
def test_a_scheduler_of_torch_beside_one_of_ignite(
    first: bool, per: Any, event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    training = Training(sgd())
    line = PiecewiseLinear(training.optimizer, "lr", [(0, 0.3), (20, 0.2)])
    if first:
        training.trainer.add_event_handler(event, line)
    delay_lr_scheduler(training.recorder, training.optimizer, lambda one: ExponentialLR(one, 0.5), per=per)
    if not first:
        training.trainer.add_event_handler(event, line)
    training.run(epochs=4, length=3)
    (message,) = told(caplog)
    assert message.startswith("lr wrote ")
    assert "to group 0, and finds 0." in message


@pytest.mark.parametrize("rate", [0.1, torch.tensor(0.1)], ids=["float", "tensor"])
def test_nothing_is_said_of_phases_of_all_kinds_that_write_alone(rate: Any, caplog: pytest.LogCaptureFixture) -> None:
    def build() -> Training:
        training = Training(sgd(copy.copy(rate), 0.05), metrics={"loss": lambda trainer: 1.0})
        phases = [
            Phase(Linear(0.0, 1.0, iterations=4), per="iteration"),
            Phase(None, until=After(epochs=1)),
            Phase(lambda o: ExponentialLR(o, 0.5), per="epoch", until=After(epochs=2)),
            Phase(Linear(1.0, 0.5, epochs=2), per="epoch"),
            Phase(lambda o: ReduceLROnPlateau(o, patience=0), monitor="loss", mode="min"),
        ]
        LRPhases(training.recorder, training.optimizer, phases)
        return training

    first = build()
    states: list[Any] = []

    def save() -> None:
        parts: list[Any] = [first.trainer, first.optimizer, first.recorder]
        states.append([copy.deepcopy(part.state_dict()) for part in parts])

    first.trainer.add_event_handler(Events.ITERATION_COMPLETED(every=5), save)
    first.run(epochs=14, length=3)
    first.optimizer.param_groups[0]["lr"] = 0.2  # between two runs is no question
    first.run(epochs=2, length=3)
    for state in states[:8]:
        again = build()
        parts: list[Any] = [again.trainer, again.optimizer, again.recorder]
        for part, its in zip(parts, state, strict=True):
            part.load_state_dict(its)
        again.run(epochs=14, length=3)
    assert not told(caplog)
