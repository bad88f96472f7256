"""Of a run without its batches only the moments that may change something are lived through."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from lr_runs import SCHEDULERS, Training, sgd

from ignite_delayed import After, Constant, Cosine, LRPhases, Phase, Recorder, preview, warmup
from ignite_delayed.lr.rehearsal import rehearse


def lived_through(*phases: Phase, epochs: int, length: int) -> int:
    """How many iterations of a rehearsal fire events."""
    trainer = Engine(lambda engine, batch: None)
    optimizer = sgd()
    run = LRPhases(Recorder(trainer, optimizer=optimizer), optimizer, list(phases))
    seen: list[int] = []
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda: seen.append(trainer.state.iteration))
    assert rehearse(run, {}, epochs, length).shape == (epochs * length, 1)
    return len(seen)


def test_the_changes_of_schedules_and_the_iterations_before_them() -> None:
    phases = [
        Phase(warmup(fraction=0.05), per="iteration"),
        Phase(Cosine(fraction=0.9), per="iteration", until=After(fraction=0.5)),
        Phase(Cosine(0.5, 0, rest=True), per="epoch"),
    ]
    assert lived_through(*phases, epochs=100, length=100) < 10


def test_two_iterations_of_an_epoch_where_its_end_may_change_something() -> None:
    assert lived_through(Phase(SCHEDULERS["StepLR"], per="epoch"), epochs=10, length=100) == 20
    assert lived_through(Phase(Constant(), per="epoch", until=After(epochs=99)), epochs=10, length=100) == 20


def test_every_step_of_a_torch_scheduler() -> None:
    assert lived_through(Phase(SCHEDULERS["LinearLR"], per="iteration"), epochs=2, length=100) == 200


def test_every_step_of_a_tensor_since_it_is_rounded_there() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.3))
    training = Training(optimizer)
    run = LRPhases(training.recorder, optimizer, [Phase(Cosine(fraction=1), per="iteration")])
    seen = preview(run, epochs=2, iterations_per_epoch=100)
    assert seen.rates[:, 0].tolist() == training.lr(2, 100)
