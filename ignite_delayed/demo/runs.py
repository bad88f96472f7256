"""The four runs: one training, ended by four rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from ignite.engine import Engine, Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import EarlyStopping
from ignite.metrics import Accuracy, Loss
from torch import nn

from .._utils.text import quantity
from ..conditions import After, Condition, EarlyStop, Metric
from ..gates.early_stopping import delay_early_stopping
from ..history.history import History
from ..recording.recorder import Recorder
from ..replays.fold import replay
from .settings import Settings
from .task import Split, Task, build_network, build_optimizer, load_task, rate_at

__all__ = ["Outcome", "Plan", "plain_plan", "plans", "run_all", "train", "would_be"]


class Plan(NamedTuple):
    """How one of the runs is ended.

    Args:
        name: short, for file names.
        title: for the table and the figure.
        rule: the stopping rule as a condition, ``None`` to train to the end. Without ``until`` it is carried out by
            Ignite's own ``EarlyStopping``, otherwise by :func:`ignite_delayed.delay_early_stopping`.
    """

    name: str
    title: str
    rule: EarlyStop | None = None


class Outcome(NamedTuple):
    """What came of one run.

    Args:
        plan: how it was to be ended.
        history: its validation accuracy, validation loss and learning rate after every epoch.
        stopped_in: the epoch in which it was stopped, ``None`` if it ran to its end.
        opened_in: the epoch in which its gate opened, ``None`` without one, or if it never did.
        best_epoch: the epoch of the best validation accuracy, whose weights were kept.
        best_accuracy: that accuracy, 0 to 1.
        tested: the test accuracies, 0 to 1, of the weights of each epoch that was the best so far: of those that a run
            ended later would keep.
    """

    plan: Plan
    history: History
    stopped_in: int | None
    opened_in: int | None
    best_epoch: int
    best_accuracy: float
    tested: dict[int, float]

    @property
    def test_accuracy(self) -> float:
        """Of the weights kept, on images used for nothing else, 0 to 1."""
        return self.tested[self.best_epoch]

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self.history[-1].epoch


def plans(settings: Settings) -> list[Plan]:
    """The four runs that are compared."""
    steady = Metric("accuracy").std(10) < 0.02
    return [
        Plan("full", "no early stopping"),
        Plan("plain", "early stopping", _rule(settings.patience)),
        Plan(
            "delayed-by-epochs",
            f"delayed by {quantity(settings.delay, 'epoch')}",
            _rule(settings.patience, After(epochs=settings.delay)),
        ),
        Plan("delayed-by-metric", "delayed until steady", _rule(settings.patience, steady)),
    ]


def plain_plan(patience: int) -> Plan:
    """Early stopping without a delay, with another patience."""
    return Plan(f"patience-{patience}", f"patience {patience}, no delay", _rule(patience))


def _rule(patience: int, until: Condition | None = None) -> EarlyStop:
    return EarlyStop("accuracy", mode="max", patience=patience, until=until)


class Tester:
    """Tests the weights of the best validation accuracy, whenever there is a better one.

    Args:
        test: gives the test accuracy of the weights as they are.
        trainer: whose epochs count.
    """

    def __init__(self, test: Callable[[], float], trainer: Engine) -> None:
        self.test, self.trainer = test, trainer
        self.best, self.epoch = -1.0, 0
        self.tested: dict[int, float] = {}

    def __call__(self, evaluator: Engine) -> None:
        accuracy = evaluator.state.metrics["accuracy"]
        if accuracy > self.best:
            self.best, self.epoch = accuracy, self.trainer.state.epoch
            self.tested[self.epoch] = self.test()


def train(task: Task, settings: Settings, plan: Plan, on_epoch: Callable[[int], object] | None = None) -> Outcome:
    """Train once, ended as ``plan`` says; everything random depends on the seed alone.

    Args:
        task: the data, from :func:`load_task`.
        settings: seed, epochs, delay and patience.
        plan: one of :func:`plans`.
        on_epoch: called with the number of every epoch that was completed.
    """
    with _reproducible(settings.seed), _quiet():
        network = build_network()
        trainer, evaluator, recorder = _engines(network, task, settings)
        tester = Tester(partial(_accuracy, network, task.test), trainer)
        evaluator.add_event_handler(Events.COMPLETED, tester)
        _end_by(plan.rule, recorder, evaluator)
        if on_epoch is not None:
            trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: on_epoch(trainer.state.epoch))
        trainer.run(task.batches(settings.seed), max_epochs=settings.epochs)
    return _outcome(plan, recorder.history, tester)


def run_all(settings: Settings, on_epoch: Callable[[Plan, int], object] | None = None) -> list[Outcome]:
    """Train four times from the same weights on the same batches, each time ended by another rule."""
    task = load_task(settings.seed)
    outcomes = []
    for plan in plans(settings):
        report = None if on_epoch is None else partial(on_epoch, plan)
        outcomes.append(train(task, settings, plan, report))
    return outcomes


def would_be(full: Outcome, plan: Plan) -> Outcome:
    """What training would have come to, had ``plan`` ended it: the rule replayed over the run that nothing ended.

    Args:
        full: of the plan without a rule.
        plan: another one, for the same settings.
    """
    if plan.rule is None:
        return full._replace(plan=plan)
    found = replay(full.history, plan.rule)
    opening = None if plan.rule.until is None else replay(full.history, plan.rule.until).first
    end = full.epochs if found.first is None else found.first.epoch
    history = full.history[:end]
    accuracies = history["accuracy"].tolist()
    best = max(accuracies)
    tested = {epoch: accuracy for epoch, accuracy in full.tested.items() if epoch <= end}
    opened = None if opening is None or opening.epoch > end else opening.epoch
    return Outcome(
        plan, history, None if found.first is None else end, opened, accuracies.index(best) + 1, best, tested
    )


def _engines(network: nn.Module, task: Task, settings: Settings) -> tuple[Engine, Engine, Recorder]:
    """Trainer, evaluator and recorder: the rate is set at every iteration, the validation part seen every epoch."""
    optimizer = build_optimizer(network)
    trainer = create_supervised_trainer(network, optimizer, nn.CrossEntropyLoss())
    evaluator = _evaluator(network)
    recorder = Recorder(trainer, evaluator, optimizer=optimizer)

    @trainer.on(Events.ITERATION_STARTED)
    def set_rate() -> None:
        begun, length = trainer.state.iteration - 1, trainer.state.epoch_length or 1
        optimizer.param_groups[0]["lr"] = rate_at(begun / (settings.epochs * length))

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate() -> None:
        evaluator.run([task.validation])

    return trainer, evaluator, recorder


def _evaluator(network: nn.Module) -> Engine:
    return create_supervised_evaluator(network, {"accuracy": Accuracy(), "loss": Loss(nn.CrossEntropyLoss())})


def _end_by(rule: EarlyStop | None, recorder: Recorder, evaluator: Engine) -> None:
    """Attach what ends the run: nothing, Ignite's own early stopping, or the delayed one."""
    if rule is None:
        return
    if rule.until is not None:
        delay_early_stopping(recorder, "accuracy", mode="max", patience=rule.patience, until=rule.until)
        return
    plain = EarlyStopping(int(rule.limit.amount), lambda engine: engine.state.metrics["accuracy"], recorder.trainer)
    plain.logger.setLevel(logging.WARNING)  # it would write into the progress bar
    evaluator.add_event_handler(Events.COMPLETED, plain)

    @recorder.trainer.on(Events.COMPLETED)
    def note() -> None:  # Ignite's handler leaves no mark of its own in the history
        if plain.counter >= plain.patience:
            recorder.history.mark("stopped", "EarlyStopping", recorder.history[-1], by="handler")


def _accuracy(network: nn.Module, part: Split) -> float:
    accuracy: float = _evaluator(network).run([part]).metrics["accuracy"]
    return accuracy


def _outcome(plan: Plan, history: History, tester: Tester) -> Outcome:
    epoch_of = {mark.kind: mark.epoch for mark in history.marks}
    stopped, opened = epoch_of.get("stopped"), epoch_of.get("opened")
    return Outcome(plan, history, stopped, opened, tester.epoch, tester.best, tester.tested)


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Everything random within depends on ``seed`` alone; torch's global generator and threads are put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on several
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave it to the demo's own tables to say what was stopped, and which rules never opened."""
    loggers = [logging.getLogger(f"ignite_delayed.{name}") for name in ("Recorder", "Stopper")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
