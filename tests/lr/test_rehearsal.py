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


def test_the_changes_of_torch_schedulers_and_of_conditions_and_not_their_steps() -> None:
    for per in ("iteration", "epoch", "evaluation"):
        assert lived_through(Phase(SCHEDULERS["StepLR"], per=per), epochs=10, length=100) < 5
    for until in (After(epochs=9), After(evaluations=9), After(evaluations=9).sustained(evaluations=3).latched()):
        phases = [Phase(Constant(), per="epoch", until=until), Phase(Constant(0.5), per="epoch")]
        assert lived_through(*phases, epochs=20, length=100) < 8, until


def test_each_end_of_an_epoch_where_a_function_of_the_user_is_asked() -> None:
    waits = Phase(Constant(), per="epoch", until=lambda record: False)
    assert lived_through(waits, Phase(Constant(), per="epoch"), epochs=10, length=100) == 20


def test_every_step_of_a_tensor_since_it_is_rounded_there() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.3))
    training = Training(optimizer)
    run = LRPhases(training.recorder, optimizer, [Phase(Cosine(fraction=1), per="iteration")])
    seen = preview(run, epochs=2, iterations_per_epoch=100)
    assert seen.rates[:, 0].tolist() == training.lr(2, 100)
