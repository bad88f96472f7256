"""A delayed handler is never one evaluation late, wherever it is attached."""

from __future__ import annotations

from typing import Any

import pytest
from engines import engine, evaluate, freed_by_counting, handler_table, loop, reporting
from ignite.engine import Engine, Events

from ignite_delayed import After, Condition, Gate, Metric, Recorder, delay
from ignite_delayed.gates.turns import waits_for_record

LOSSES = [0.9, 0.4, 0.9, 0.3, 0.9, 0.9]
LOW = Metric("loss") < 0.5

EVALUATING = [
    (Events.EPOCH_COMPLETED, [1, 2, 3, 4, 5, 6]),
    (Events.EPOCH_STARTED, [1, 2, 3, 4, 5, 6]),
    (Events.ITERATION_COMPLETED(every=2), [1, 2, 3, 4, 5, 6]),
]


def seen_losses(evaluator: Engine) -> tuple[list[float], Any]:
    """A list, and a handler that appends the evaluator's loss to it."""
    seen: list[float] = []
    return seen, lambda: seen.append(evaluator.state.metrics["loss"])


class TestOnTheTrainer:
    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("event", [event for event, _ in EVALUATING], ids=lambda event: event.name)
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"when": LOW}, [0.4, 0.3]),
            ({"until": LOW}, [0.4, 0.9, 0.3, 0.9, 0.9]),
            ({"until": After(evaluations=2)}, [0.9, 0.3, 0.9, 0.9]),
            ({"until": LOW.sustained(evaluations=1) & After(epochs=3)}, [0.3, 0.9, 0.9]),
        ],
        ids=["when", "until", "evaluations", "both"],
    )
    def test_it_sees_the_evaluation_that_moves_its_gate_wherever_that_is_attached(
        self, arguments: dict[str, Any], expected: list[float], event: Any, first: bool
    ) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=LOSSES)
        recorder, (seen, note) = Recorder(trainer, evaluator), seen_losses(evaluator)
        if first:
            delay(recorder, note, engine=trainer, event=event, **arguments)
        evaluate(trainer, evaluator, event)
        if not first:
            delay(recorder, note, engine=trainer, event=event, **arguments)
        trainer.run([0, 0], max_epochs=6)
        if first and event.name == "ITERATION_COMPLETED" and "until" in arguments:
            # Open for good, it keeps its place before what evaluates: it is called at once.
            assert seen[0] == expected[0]
            assert len(seen) == len(expected)
        else:
            assert seen == expected

    @pytest.mark.parametrize("event", [Events.STARTED, Events.COMPLETED])
    def test_evaluations_as_the_run_begins_and_ends(self, event: Any) -> None:
        trainer, seen = engine(), list[int]()
        evaluator = reporting(trainer, loss=lambda trainer: 0.1)
        delay(Recorder(trainer, evaluator), lambda: seen.append(1), until=LOW, engine=trainer, event=event)
        evaluate(trainer, evaluator, event)
        trainer.run([0], max_epochs=2)
        assert seen == [1]

    def test_epochs_without_an_evaluation_go_by_the_last_one(self) -> None:
        trainer, seen = engine(), list[int]()
        evaluator = reporting(trainer, loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        delay(
            recorder, lambda: seen.append(trainer.state.epoch), when=LOW, engine=trainer, event=Events.EPOCH_COMPLETED
        )
        evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=2))
        trainer.run([0], max_epochs=6)
        assert seen == [2, 3, 4, 5]

    def test_it_waits_for_the_evaluator_that_its_condition_reads(self) -> None:
        trainer = engine()
        train, val = reporting(trainer, loss=[0.1] * 6), reporting(trainer, loss=LOSSES)
        recorder, seen = Recorder(trainer, {"train": train, "val": val}), list[int]()
        evaluate(trainer, train)
        delay(
            recorder,
            lambda: seen.append(trainer.state.epoch),
            when=Metric("val/loss") < 0.5,
            engine=trainer,
            event=Events.EPOCH_COMPLETED,
        )
        evaluate(trainer, val)
        trainer.run([0], max_epochs=6)
        assert seen == [2, 4]

    def test_several_are_called_in_the_order_of_attaching_after_what_evaluates(self) -> None:
        trainer, order = engine(), list[str]()
        evaluator = reporting(trainer, loss=[0.1] * 2)
        recorder = Recorder(trainer, evaluator)
        for name in "abc":
            note = lambda name=name: order.append(name)  # noqa: E731
            delay(recorder, note, until=LOW, engine=trainer, event=Events.EPOCH_COMPLETED)
            trainer.add_event_handler(Events.EPOCH_COMPLETED, order.append, name.upper())
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        assert "".join(order) == "ABCabc" * 2

    def test_after_what_evaluates_it_keeps_its_place(self) -> None:
        trainer, evaluator = loop(loss=[0.1] * 2)
        order = list[str]()
        delay(
            Recorder(trainer, evaluator),
            lambda: order.append("delayed"),
            until=LOW,
            engine=trainer,
            event=Events.EPOCH_COMPLETED,
        )
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: order.append("checkpoint"))
        trainer.run([0], max_epochs=2)
        assert order == ["delayed", "checkpoint"] * 2

    def test_what_the_clock_decides_keeps_its_place(self) -> None:
        trainer, order = engine(), list[str]()
        evaluator = reporting(trainer, loss=[0.1] * 3)
        recorder = Recorder(trainer, evaluator)
        note = lambda: order.append("delayed")  # noqa: E731
        delay(recorder, note, until=After(epochs=1), engine=trainer, event=Events.EPOCH_COMPLETED)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: order.append("other"))
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert order == ["other", "delayed", "other", "delayed", "other"]

    def test_an_event_that_was_broken_off_is_not_made_up_for(self) -> None:
        trainer, seen = engine(), list[int]()
        evaluator = reporting(trainer, loss=[0.1] * 4)
        note = lambda: seen.append(trainer.state.epoch)  # noqa: E731
        delay(Recorder(trainer, evaluator), note, until=LOW, engine=trainer, event=Events.EPOCH_COMPLETED)
        evaluate(trainer, evaluator)

        @trainer.on(Events.EPOCH_COMPLETED(once=2))
        def fail() -> None:
            raise ValueError("broken")

        trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        trainer.run([0], max_epochs=4)
        assert seen == [1]
        trainer.run([0], max_epochs=4)
        assert seen == [1, 3, 4]


class TestOnTheEvaluator:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"when": LOW}, [0.4, 0.3]),
            ({"until": LOW}, [0.4, 0.9, 0.3, 0.9, 0.9]),
            ({"until": After(evaluations=2)}, [0.9, 0.3, 0.9, 0.9]),
            ({"until": After(epochs=2)}, [0.9, 0.3, 0.9, 0.9]),
        ],
    )
    def test_at_the_end_of_its_epoch_it_goes_by_this_evaluation(
        self, arguments: dict[str, Any], expected: list[float]
    ) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        seen, note = seen_losses(evaluator)
        delay(Recorder(trainer, evaluator), note, event=Events.EPOCH_COMPLETED, **arguments)
        trainer.run([0], max_epochs=6)
        assert seen == expected

    def test_a_filter_is_asked_once_an_evaluation(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        asked: list[int] = []
        seen, note = seen_losses(evaluator)
        event = Events.EPOCH_COMPLETED(event_filter=lambda engine, epoch: not asked.append(epoch))  # type: ignore[func-returns-value]
        delay(Recorder(trainer, evaluator), note, when=LOW, event=event)
        trainer.run([0], max_epochs=6)
        assert (asked, seen) == ([1] * 6, [0.4, 0.3])

    def test_an_evaluation_outside_of_training_runs_it_by_the_last_verdict(self) -> None:
        trainer, evaluator = loop(loss=[0.1, 0.1])
        seen, note = seen_losses(evaluator)
        delay(Recorder(trainer, evaluator), note, until=LOW, event=Events.EPOCH_COMPLETED)
        trainer.run([0], max_epochs=1)
        evaluator.run([0])
        assert seen == [0.1, 0.1]

    def test_a_terminated_evaluation_runs_nothing(self) -> None:
        trainer, evaluator = loop(loss=[0.1] * 4)
        seen, note = seen_losses(evaluator)

        def stop() -> None:
            if trainer.state.epoch in (2, 3):
                evaluator.terminate()

        evaluator.add_event_handler(Events.ITERATION_STARTED, stop)
        delay(Recorder(trainer, evaluator), note, until=LOW, event=Events.EPOCH_COMPLETED)
        trainer.run([0], max_epochs=4)
        assert len(seen) == 2

    def test_an_evaluation_that_was_broken_off_is_not_made_up_for(self) -> None:
        trainer, evaluator = loop(loss=[0.1] * 3)
        seen, note = seen_losses(evaluator)
        delay(Recorder(trainer, evaluator), note, until=LOW, event=Events.EPOCH_COMPLETED)

        def fail() -> None:
            if trainer.state.epoch == 2:
                raise ValueError("broken")

        def stop() -> None:
            if trainer.state.epoch == 3:
                evaluator.terminate()

        evaluator.add_event_handler(Events.EPOCH_COMPLETED, fail)
        evaluator.add_event_handler(Events.ITERATION_STARTED, stop)
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        trainer.run([0], max_epochs=3)
        assert len(seen) == 1

    def test_in_the_earlier_epochs_of_a_longer_evaluation_it_goes_by_the_verdict_so_far(self) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=LOSSES)
        seen: list[tuple[int, int]] = []
        delay(
            Recorder(trainer, evaluator),
            lambda: seen.append((trainer.state.epoch, evaluator.state.epoch)),
            when=LOW,
            event=Events.EPOCH_COMPLETED,
        )
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0], max_epochs=2))
        trainer.run([0], max_epochs=4)
        assert seen == [(2, 2), (3, 1), (4, 2)]

    def test_removed_it_leaves_nothing(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        before = {event: list(found) for event, found in handler_table(evaluator).items()}
        with delay(recorder, lambda: None, until=LOW, event=Events.EPOCH_COMPLETED):
            assert {event: list(found) for event, found in handler_table(evaluator).items()} != before
        assert {event: list(found) for event, found in handler_table(evaluator).items()} == before


@pytest.mark.parametrize(
    ("condition", "waits"),
    [
        (After(epochs=1), False),
        (After(iterations=1) | After(fraction=0.5), False),
        (After(evaluations=1), True),
        (After(seconds=1), True),
        (After(epochs=1).sustained(evaluations=2), True),
        (LOW & After(epochs=1), True),
    ],
)
def test_what_a_record_may_move_is_waited_for(condition: Condition, waits: bool) -> None:
    assert waits_for_record(condition) is waits


def test_a_shared_gate_serves_both_engines() -> None:
    trainer = engine()
    evaluator = reporting(trainer, loss=LOSSES)
    recorder, seen = Recorder(trainer, evaluator), list[str]()
    gate = Gate(recorder, until=LOW)
    for one, name in ((trainer, "trainer"), (evaluator, "evaluator")):
        note = lambda name=name: seen.append(f"{name} {trainer.state.epoch}")  # noqa: E731
        delay(recorder, note, until=gate, engine=one, event=Events.EPOCH_COMPLETED)
    evaluate(trainer, evaluator)
    trainer.run([0], max_epochs=3)
    assert seen == ["evaluator 2", "trainer 2", "evaluator 3", "trainer 3"]


def test_waiting_keeps_no_engine_alive() -> None:
    def build() -> list[Any]:
        trainer, evaluator = engine(), engine()
        recorder = Recorder(trainer, evaluator)
        for one in (trainer, evaluator):
            delay(recorder, lambda: None, until=LOW, engine=one, event=Events.EPOCH_COMPLETED)
        return [trainer, evaluator]

    assert freed_by_counting(build) == [True, True]
