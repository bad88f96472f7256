"""The gate that counts from the beginning of a phase, and the one that fires at each observation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from engines import engine, evaluate, loop, reporting, through_torch
from ignite.engine import Events

from ignite_delayed import After, Condition, Metric, Plateau, Record, Recorder, StateError
from ignite_delayed.history.record import Clock
from ignite_delayed.lr.live import EachObservation, PhaseEnd


def switch_after(condition: Condition, since: Clock, epochs: int = 8, length: int = 4, **metrics: Any) -> list[Any]:
    """Where a switch that was armed at the end of epoch 2 opens, as epoch and iteration."""
    trainer, evaluator = loop(**metrics)
    opened: list[Any] = []
    switch = PhaseEnd(
        Recorder(trainer, evaluator),
        condition,
        "switch",
        lambda record: opened.append((record.epoch, record.iteration)),
    )
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: switch.arm(since, None) and None)
    trainer.run([0] * length, max_epochs=epochs)
    return opened


AT_THE_END_OF_EPOCH_2 = Clock(2, 8, 3, 0.0)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (After(epochs=0), (3, 8)),
        (After(epochs=2), (5, 16)),
        (After(iterations=0), (3, 9)),
        (After(iterations=5), (4, 14)),
        (After(evaluations=2), (5, 20)),
        (After(fraction=0.5), (6, 21)),
        (Metric("loss") < 0.21, (5, 20)),
        (Plateau("loss", mode="max", patience=2), (5, 20)),
        (Metric("loss").max(2) < 0.3, (4 + 1, 20)),
    ],
    ids=repr,
)
def test_counts_from_where_it_was_armed(condition: Condition, expected: tuple[int, int]) -> None:
    opened = switch_after(condition, AT_THE_END_OF_EPOCH_2, loss=lambda trainer: 1 / trainer.state.epoch)
    assert opened == [expected]


def test_a_switch_that_is_not_armed_sees_nothing() -> None:
    trainer, evaluator = loop(loss=lambda trainer: 0.0)
    recorder = Recorder(trainer, evaluator)
    switch = PhaseEnd(recorder, Metric("loss") < 1, "switch", lambda record: pytest.fail("it opened"))
    trainer.run([0], max_epochs=2)
    assert switch.explain().verdict is None
    switch.arm(Clock(0, 0, 1, 0.0), None)
    switch.disarm()
    trainer.run([0], max_epochs=2)


def test_a_run_from_the_beginning_disarms_it() -> None:
    trainer, evaluator = loop(loss=lambda trainer: 0.0)
    switch = PhaseEnd(Recorder(trainer, evaluator), After(epochs=3), "switch", lambda record: pytest.fail("it opened"))
    switch.arm(Clock(0, 0, 1, 0.0), None)
    trainer.run([0], max_epochs=5)


def test_the_record_it_is_armed_with_may_open_it_at_once() -> None:
    trainer, evaluator = loop()
    switch = PhaseEnd(Recorder(trainer, evaluator), Metric("loss") < 1, "switch", lambda record: None)
    record = Record(epoch=2, iteration=8, evaluation=3, values={"loss": 0.5})
    assert switch.arm(Clock(2, 8, 3, 0.0), record)
    assert switch.opened_at is record


def test_the_record_it_is_armed_with_is_the_first_of_its_evaluation() -> None:
    trainer, evaluator = loop()
    condition = After(evaluations=0).sustained(evaluations=1)
    switch = PhaseEnd(Recorder(trainer, evaluator), condition, "switch", lambda record: None)
    first = Record(epoch=2, iteration=8, evaluation=3, source="a", values={"lr": 0.5})
    second = Record.following(
        first, epoch=2, iteration=8, evaluation=3, seconds=0.0, planned=None, source="b", values={"lr": 0.5}
    )
    assert not second.first
    assert switch.arm(Clock(2, 8, 3, 0.0), second)


def test_metrics_recorded_before_at_the_same_iteration_are_not_seen() -> None:
    trainer = engine()
    first, second = reporting(trainer, loss=[9, 9, 1]), reporting(trainer, loss=[0, 2, 2])
    recorder = Recorder(trainer, {"a": first, "b": second})
    opened: list[int] = []
    armed = PhaseEnd(recorder, Metric("a/loss") > Metric("b/loss"), "armed", lambda record: opened.append(record.epoch))

    def arm(record: Record) -> None:
        armed.arm(Clock(record.epoch, record.iteration, record.evaluation, record.seconds), record)

    arming = PhaseEnd(recorder, Metric("b/loss") < 1, "arming", arm)
    trainer.add_event_handler(Events.STARTED, lambda: arming.arm(Clock(0, 0, 1, 0.0), None) and None)
    for evaluator in (first, second):
        evaluate(trainer, evaluator)
    trainer.run([0], max_epochs=3)
    # In epoch 1 "a/loss" was recorded before the switch was armed by "b/loss"; in epoch 2 both are new.
    assert opened == [2]


def test_most_iterations_cost_one_comparison() -> None:
    trainer, evaluator = loop()
    recorder = Recorder(trainer, evaluator)
    switch = PhaseEnd(recorder, After(iterations=5), "switch", lambda record: None)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: switch.arm(Clock(2, 8, 3, 0.0), None) and None)
    wakes: list[float] = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: wakes.append(recorder.hub.wake_at))
    trainer.run([0] * 4, max_epochs=4)
    assert wakes[8:13] == [14] * 5
    assert wakes[13] == float("inf")


class TestState:
    @staticmethod
    def build() -> PhaseEnd:
        trainer, evaluator = loop(loss=lambda trainer: 1.0)
        return PhaseEnd(Recorder(trainer, evaluator), After(epochs=3), "switch", lambda record: None)

    def test_goes_through_torch(self) -> None:
        switch, loaded = self.build(), self.build()
        switch.arm(Clock(2, 8, 3, 1.5), Record(epoch=2, iteration=8, evaluation=3, values={"loss": 0.5}))
        loaded._prepare(through_torch(switch.state_dict()))()
        assert loaded.state_dict() == switch.state_dict()
        assert loaded._since == (2, 8, 3, 1.5)  # noqa: SLF001

    @pytest.mark.parametrize(
        "damage",
        [
            {"since": 3},
            {"since": [1, 2, 3]},
            {"since": [1, 2, 3, "4"]},
            {"since": [1, 2.5, 3, 4]},
            {"since": [True, 2, 3, 4]},
            {"behind": None},
            {"behind": -1},
            {"behind": True},
            {"is_open": True},
        ],
    )
    def test_refuses_what_is_damaged(self, damage: dict[str, Any]) -> None:
        switch = self.build()
        switch.arm(Clock(2, 8, 3, 1.5), None)
        before = copy.deepcopy(switch.state_dict())
        with pytest.raises(StateError, match="the state of 'switch'"):
            switch._prepare(switch.state_dict() | damage)
        assert switch.state_dict() == before


def test_a_feed_fires_at_each_observation_and_marks_nothing() -> None:
    trainer = engine()
    first, second = reporting(trainer, loss=lambda trainer: 1.0), reporting(trainer, loss=lambda trainer: 2.0)
    recorder = Recorder(trainer, {"a": first, "b": second})
    seen: list[Any] = []
    EachObservation(
        recorder,
        Metric("a/loss") < 5,
        "feed",
        lambda state, record: seen.append((record.epoch, record.source, state[0])),
    )
    for evaluator in (second, first):
        evaluate(trainer, evaluator)
    trainer.run([0], max_epochs=2)
    assert seen == [(1, "a", True), (2, "a", True)]
    assert recorder.history.marks == []
