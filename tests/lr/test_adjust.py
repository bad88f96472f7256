"""Rates that are multiplied whenever a condition holds at an evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engines import engine, evaluate, nan, reporting
from ignite.engine import Events
from lr_runs import SCHEDULERS, Training, sgd, untouched, values

from ignite_delayed import (
    After,
    AttachError,
    Metric,
    Recorder,
    UnknownMetricError,
    adjust_lr,
    delay_lr_scheduler,
)

LOSS = Metric("loss")


def adjusted(training: Training, factors: Any = None, **arguments: Any) -> Any:
    factors = {LOSS > 1: 0.5, LOSS < 1: 2.0} if factors is None else factors
    return adjust_lr(training.recorder, training.optimizer, factors, **arguments)


def test_down_while_above_and_up_while_below() -> None:
    training = Training(sgd(1.0, 0.1), metrics={"loss": [3, 2, 1, 0.5, nan]})
    adjusted(training)
    assert training.run(6 - 1) == [[1.0, 0.1], [0.5, 0.05], [0.25, 0.025], [0.25, 0.025], [0.5, 0.05]]
    assert values(training.optimizer) == [0.5, 0.05]  # NaN says nothing


@pytest.mark.parametrize(
    ("bounds", "losses", "expected"),
    [
        ({"min_lr": 0.3}, [2, 2, 2], [0.3, 0.1]),
        ({"min_lr": [0.3, 0.01]}, [2, 2, 2], [0.3, 0.0125]),
        ({"max_lr": 1.5}, [0, 0, 0], [1.5, 0.8]),
        ({"max_lr": [1.5, 0.15]}, [0, 0, 0], [1.5, 0.15]),
        ({"min_lr": 0.3, "max_lr": 0.3}, [2, 0, 0], [0.5, 0.3]),
        # A bound stops a change; it does not pull in a rate that was outside before.
        ({"min_lr": 2.0}, [2, 2, 2], [1.0, 0.1]),
        ({"max_lr": 0.5}, [0, 0, 0], [1.0, 0.5]),
    ],
)
def test_bounds(bounds: dict[str, Any], losses: list[float], expected: list[float]) -> None:
    training = Training(sgd(1.0, 0.1), metrics={"loss": losses})
    adjusted(training, **bounds)
    training.run(3)
    assert values(training.optimizer) == pytest.approx(expected)


def test_all_that_hold_are_applied_in_order() -> None:
    training = Training(sgd(), metrics={"loss": lambda trainer: 2.0})
    adjusted(training, {LOSS > 1: 0.5, After(epochs=1): 3.0, lambda record: record.epoch == 3: 10.0}, max_lr=1.5)
    # 0.5; then 0.25 and 0.75; then 0.375, 1.125 and the bound.
    assert training.lr(4) == [1.0, 0.5, 0.75, 1.5]


def test_a_small_raise_is_bounded_too() -> None:
    training = Training(sgd(1.0, 0.1), metrics={"loss": lambda trainer: 0.0})
    adjusted(training, {LOSS < 1: 1.1}, max_lr=1.05)
    training.run(1)
    assert values(training.optimizer) == pytest.approx([1.05, 0.11])


def test_once_for_each_observation_of_what_is_read() -> None:
    optimizer, trainer = sgd(), engine()
    first, second = reporting(trainer, loss=lambda trainer: 2.0), reporting(trainer, loss=lambda trainer: 0.0)
    recorder = Recorder(trainer, {"a": first, "b": second})
    adjust_lr(recorder, optimizer, {Metric("a/loss") > 1: 0.5})
    for evaluator in (second, first, second):
        evaluate(trainer, evaluator)
    trainer.run([0], max_epochs=2)
    assert values(optimizer) == [0.25]


def test_the_clock_alone_adjusts_at_evaluations() -> None:
    training = Training(sgd(), at=Events.EPOCH_COMPLETED(every=2))
    adjusted(training, {After(epochs=1): 0.5})
    assert training.lr(5) == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_a_group_that_came_later_is_adjusted_within_the_last_bound() -> None:
    training = Training(sgd(1.0), metrics={"loss": lambda trainer: 2.0})
    adjusted(training, min_lr=[0.2])
    training.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.5})
    training.run(3)
    assert values(training.optimizer) == [0.2, 0.2]


def test_changes_are_marked_in_the_history() -> None:
    training = Training(sgd(1.0, 0.1), metrics={"loss": [2, 1, 2]})
    adjusted(training, {LOSS > 1: 0.5}, min_lr=0.05)
    training.run(3)
    marks = [(mark.kind, mark.name, mark.epoch, mark.text) for mark in training.recorder.history.marks]
    assert marks == [
        ("adjusted", "adjust lr", 1, "times 0.5; lr 1, 0.1 -> 0.5, 0.05"),
        ("adjusted", "adjust lr", 3, "times 0.5; lr 0.5, 0.05 -> 0.25, 0.05"),
    ]


def test_tensors_are_filled_in_place() -> None:
    rate = torch.tensor(1.0)
    training = Training(sgd(rate), metrics={"loss": lambda trainer: 2.0})
    adjusted(training)
    assert training.lr(3) == [1.0, 0.5, 0.25]
    assert training.optimizer.param_groups[0]["lr"] is rate


def test_a_second_run_gives_the_rates_back_unless_the_user_has_set_others() -> None:
    training = Training(sgd(), metrics={"loss": lambda trainer: 2.0})
    adjusted(training)
    assert training.lr(3) == [1.0, 0.5, 0.25]
    assert training.lr(3) == [1.0, 0.5, 0.25]
    training.optimizer.param_groups[0]["lr"] = 3.0
    assert training.lr(2) == [3.0, 1.5]


def test_remove() -> None:
    training = Training(sgd(), metrics={"loss": lambda trainer: 2.0})
    adjuster = adjusted(training)
    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), adjuster.remove)
    assert training.lr(4) == [1.0, 0.5, 0.5, 0.5]
    adjuster.remove()
    assert training.recorder.hub.live == []
    assert not training.recorder.hub.reserved
    assert not training.recorder.hub.stateful
    assert adjuster not in training.recorder.hub.attached
    delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["StepLR"], per="epoch")


def test_repr() -> None:
    shown = repr(adjusted(Training(sgd()), {LOSS > 1: 0.5}, min_lr=0.1, max_lr=[1.0]))
    assert shown == "<LRAdjuster {Metric('loss') > 1.0: 0.5} within 0.1 and [1.0]>"


def test_another_writer_is_refused_with_both_named() -> None:
    training = Training(sgd())
    delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["StepLR"], per="epoch")
    with pytest.raises(AttachError, match=r"'lr' \(.*\) and 'adjust lr' \(<LRAdjuster .*\) would both write 'lr'"):
        adjusted(training)
    assert training.recorder.hub.live == []
    assert training.recorder.hub.reserved == {"lr"}


@pytest.mark.parametrize(
    ("factors", "arguments", "error", "message"),
    [
        ({}, {}, TypeError, r"factors must be a dict of conditions and factors.*\{Metric\('loss'\) > 1: 0.9\}"),
        ([(LOSS > 1, 0.5)], {}, TypeError, "factors must be a dict"),
        ({LOSS: 0.5}, {}, TypeError, "a key of factors must be a condition"),
        ({LOSS > 1: 0.0}, {}, ValueError, "a factor must be a finite number > 0"),
        ({LOSS > 1: nan}, {}, ValueError, "a factor must be a finite number > 0"),
        ({LOSS > 1: "0.5"}, {}, TypeError, "a factor must be a finite number > 0"),
        ({LOSS > 1: 0.5}, {"min_lr": -1}, ValueError, "min_lr must be a finite number >= 0"),
        ({LOSS > 1: 0.5}, {"max_lr": "1"}, TypeError, "max_lr must be a finite number >= 0"),
        ({LOSS > 1: 0.5}, {"min_lr": [1.0]}, ValueError, "min_lr must be one number, or one for each of the 2 groups"),
        ({LOSS > 1: 0.5}, {"max_lr": [1.0, -1.0]}, ValueError, "an entry of max_lr must be a finite number >= 0"),
        ({LOSS > 1: 0.5}, {"min_lr": [0.1, 2.0], "max_lr": 1.0}, ValueError, "min_lr must be <= max_lr=1, got 2.0"),
        ({LOSS > 1: 0.5}, {"name": ""}, ValueError, "name must be a non-empty string"),
    ],
)
def test_bad_input(factors: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    training = Training(sgd(1.0, 0.1))
    before = untouched(training.optimizer)
    with pytest.raises(error, match=message):
        adjusted(training, factors, **arguments)
    assert untouched(training.optimizer) == before
    assert training.recorder.hub.live == []
    adjusted(training)


def test_a_metric_that_no_evaluator_reports() -> None:
    trainer, optimizer = engine(), sgd()
    recorder = Recorder(trainer, {"train": trainer})
    with pytest.raises(UnknownMetricError, match="none of the evaluators 'train' can report"):
        adjust_lr(recorder, optimizer, {Metric("train/loss") > 1: 0.5, Metric("val/loss") > 1: 0.5})
    assert recorder.hub.live == []
    adjust_lr(recorder, optimizer, {Metric("train/loss") > 1: 0.5})


def test_no_recorder_and_no_optimizer() -> None:
    with pytest.raises(TypeError, match="recorder must be a Recorder"):
        adjust_lr(None, sgd(), {LOSS > 1: 0.5})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer must be a torch optimizer"):
        adjust_lr(Training(sgd()).recorder, None, {LOSS > 1: 0.5})  # type: ignore[arg-type]
