"""Delaying any handler on any event, and taking it off again."""

from __future__ import annotations

import functools
import logging
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from engines import engine, epochs_of, evaluate, handler_table, ignite_early_stopping, loop, through_json, through_torch
from ignite.engine import Engine, EventEnum, Events
from ignite.handlers import Checkpoint, DiskSaver, EarlyStopping, ModelCheckpoint

from ignite_delayed import After, Always, AttachError, DelayHandle, Gate, Metric, Recorder, StateError, delay


class Custom(EventEnum):
    """Events of the user."""

    UPDATED = "updated"
    COUNTED = "counted"


def attached(*engines: Engine) -> list[dict[str, list[Any]]]:
    """All handlers on ``engines``."""
    return [{str(event): list(found) for event, found in handler_table(one).items() if found} for one in engines]


class TestEvents:
    def test_the_evaluator_is_meant_where_there_is_one(self) -> None:
        trainer, evaluator = loop()
        seen: list[Engine] = []
        delay(Recorder(trainer, evaluator), seen.append, until=After(epochs=1))
        trainer.run([0], max_epochs=2)
        assert seen == [evaluator]

    def test_one_of_several_evaluators_must_be_named(self) -> None:
        (trainer, evaluator), train = loop(), engine()
        recorder = Recorder(trainer, {"train": train, "val": evaluator})
        with pytest.raises(TypeError, match="engine must be given: the recorder has 2 evaluators"):
            delay(recorder, print, until=After(epochs=1))

    def test_the_trainer_as_a_source_is_not_the_evaluator(self) -> None:
        trainer, evaluator = loop()
        recorder, seen = Recorder(trainer, {"train": trainer, "val": evaluator}), list[Engine]()
        delay(recorder, seen.append, until=After(epochs=1))
        trainer.run([0], max_epochs=2)
        assert seen == [evaluator]

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (Events.EPOCH_STARTED, [3, 4]),
            (Events.EPOCH_COMPLETED, [3, 4]),
            (Events.ITERATION_STARTED, [3, 3, 4, 4]),
            (Events.GET_BATCH_COMPLETED, [3, 3, 4, 4]),
            (Events.DATALOADER_STOP_ITERATION, [3, 4]),
            (Events.STARTED, []),
            (Events.COMPLETED, [4]),
        ],
    )
    def test_every_event_of_the_trainer(self, event: Any, expected: list[int]) -> None:
        trainer, evaluator = loop()
        seen, note = epochs_of(trainer)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=2), engine=trainer, event=event)
        trainer.run([0, 0], max_epochs=4)
        assert seen == expected

    def test_a_filtered_event_keeps_its_filter_which_is_asked_each_time(self) -> None:
        trainer, evaluator = loop()
        seen, note = epochs_of(trainer)
        asked: list[int] = []

        def odd(engine: Engine, epoch: int) -> bool:
            asked.append(epoch)
            return len(asked) % 2 == 1

        event = Events.EPOCH_COMPLETED(event_filter=odd)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=2), engine=trainer, event=event)
        trainer.run([0], max_epochs=6)
        assert (asked, seen) == ([1, 2, 3, 4, 5, 6], [3, 5])

    @pytest.mark.parametrize("spelled", ["enum", "string"])
    def test_custom_events(self, spelled: str) -> None:
        trainer, evaluator = loop()
        event: Any = Custom.UPDATED if spelled == "enum" else "updated"
        trainer.register_events(*([Custom.UPDATED] if spelled == "enum" else ["updated"]))
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: trainer.fire_event(event))
        seen, note = epochs_of(trainer)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=2), engine=trainer, event=event)
        trainer.run([0], max_epochs=4)
        assert seen == [3, 4]

    def test_filtered_custom_events_count_their_firings(self) -> None:
        trainer, evaluator = loop()
        trainer.register_events(Custom.UPDATED)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: trainer.fire_event(Custom.UPDATED))
        seen: list[int] = []
        delay(
            Recorder(trainer, evaluator),
            lambda: seen.append(trainer.state.iteration),
            until=After(epochs=1),
            engine=trainer,
            event=Custom.UPDATED(every=3),
        )
        trainer.run([0] * 4, max_epochs=3)
        assert seen == [6, 9, 12]

    @pytest.mark.parametrize("event", [Events.EPOCH_STARTED, Events.EPOCH_COMPLETED])
    def test_filters_of_the_trainers_events_get_the_engine_and_its_own_count(self, event: Any) -> None:
        trainer, evaluator = loop()
        trainer.run([0], max_epochs=2)
        asked: list[Any] = []
        event = event(event_filter=lambda *args: asked.append(args))
        delay(Recorder(trainer, evaluator), print, until=After(epochs=1), engine=trainer, event=event)
        trainer.run([0], max_epochs=4)
        assert asked == [(trainer, 3), (trainer, 4)]

    def test_filters_of_events_without_a_count_get_the_number_of_firings(self) -> None:
        trainer, evaluator = loop()
        asked: list[Any] = []
        event = Events.DATALOADER_STOP_ITERATION(event_filter=lambda *args: asked.append(args))
        delay(Recorder(trainer, evaluator), print, until=After(epochs=1), engine=trainer, event=event)
        trainer.run([0], max_epochs=3, epoch_length=2)
        assert asked == [(trainer, count) for count in range(1, len(asked) + 1)]
        assert len(asked) > 2

    @pytest.mark.parametrize(
        ("event", "times"),
        [
            (Events.TERMINATE_SINGLE_EPOCH, 3),
            (Events.TERMINATE_SINGLE_EPOCH(event_filter=lambda engine, count: count > 1), 2),
        ],
    )
    def test_what_an_event_passes_is_handed_on_through_gate_and_filter(self, event: Any, times: int) -> None:
        trainer, evaluator = loop()
        trainer.add_event_handler(Events.ITERATION_COMPLETED(every=2), lambda engine: engine.terminate_epoch())
        seen: list[Any] = []
        note = lambda engine, iter_counter: seen.append((engine, iter_counter))  # noqa: E731
        delay(Recorder(trainer, evaluator), note, until=After(epochs=0), engine=trainer, event=event)
        trainer.run([0] * 4, max_epochs=3)
        assert seen == [(trainer, 2)] * times

    def test_an_event_that_the_engine_does_not_have_is_refused(self) -> None:
        trainer, evaluator = loop()
        before = attached(trainer, evaluator)
        recorder = Recorder(trainer, evaluator)
        with pytest.raises(ValueError, match="not a valid event"):
            delay(recorder, print, until=After(epochs=1), engine=trainer, event=Custom.COUNTED)
        recorder.remove()
        assert (recorder.gates, attached(trainer, evaluator)) == ([], before)

    def test_a_list_of_events_is_served_and_not_changed(self) -> None:
        trainer, evaluator = loop()
        seen: list[str] = []
        events = Events.EPOCH_STARTED | Events.EPOCH_COMPLETED(every=2)
        delay(
            Recorder(trainer, evaluator),
            lambda engine: seen.append(f"{engine.last_event_name.name} {engine.state.epoch}"),
            until=After(epochs=1),
            engine=trainer,
            event=events,
        )
        trainer.run([0], max_epochs=4)
        assert seen == [
            "EPOCH_STARTED 2",
            "EPOCH_COMPLETED 2",
            "EPOCH_STARTED 3",
            "EPOCH_STARTED 4",
            "EPOCH_COMPLETED 4",
        ]
        assert [str(event.name) for event in events] == ["EPOCH_STARTED", "EPOCH_COMPLETED"]

    def test_an_event_twice_in_a_list_is_refused(self) -> None:
        engines = loop()  # held weakly
        with pytest.raises(AttachError, match="names one event twice"):
            delay(
                Recorder(*engines),
                print,
                until=After(epochs=1),
                event=Events.COMPLETED | Events.COMPLETED(every=2),
            )


class TestExceptions:
    @staticmethod
    def _failing() -> tuple[Engine, Recorder, list[BaseException]]:
        """A trainer that fails in epochs 2 and 4, and what handlers were told."""

        def step(engine: Engine, batch: Any) -> None:
            if engine.state.epoch % 2 == 0:
                raise ValueError(f"broken batch {engine.state.epoch}")

        trainer, evaluator = engine(step), engine()
        evaluate(trainer, evaluator)
        return trainer, Recorder(trainer, evaluator), []

    def test_a_closed_gate_does_not_swallow_them(self) -> None:
        trainer, recorder, told = self._failing()
        delay(recorder, told.append, until=After(epochs=3), engine=trainer, event=Events.EXCEPTION_RAISED)
        with pytest.raises(ValueError, match="broken batch 2"):
            trainer.run([0], max_epochs=5)
        assert told == []

    def test_an_open_gate_hands_them_over(self) -> None:
        trainer, recorder, told = self._failing()
        delay(recorder, told.append, until=After(epochs=1), engine=trainer, event=Events.EXCEPTION_RAISED)
        assert trainer.run([0], max_epochs=5).epoch == 5
        assert [str(error) for error in told] == ["broken batch 2", "broken batch 4"]

    @pytest.mark.parametrize("first", [True, False])
    def test_another_handler_deals_with_them_meanwhile(self, first: bool) -> None:
        trainer, recorder, told = self._failing()
        others: list[BaseException] = []
        if first:
            trainer.add_event_handler(Events.EXCEPTION_RAISED, others.append)
        delay(recorder, told.append, until=After(epochs=3), engine=trainer, event=Events.EXCEPTION_RAISED)
        if not first:
            trainer.add_event_handler(Events.EXCEPTION_RAISED, others.append)
        assert trainer.run([0], max_epochs=5).epoch == 5
        assert [[str(error)[-1] for error in seen] for seen in (told, others)] == [["4"], ["2", "4"]]

    def test_two_that_wait_swallow_them_no_more_than_one(self) -> None:
        trainer, recorder, told = self._failing()
        for epochs in (3, 4):
            handler = functools.partial(told.append)
            delay(recorder, handler, until=After(epochs=epochs), engine=trainer, event=Events.EXCEPTION_RAISED)
        with pytest.raises(ValueError, match="broken batch 2"):
            trainer.run([0], max_epochs=5)

    def test_a_filter_that_does_not_pass_hands_them_on(self) -> None:
        trainer, recorder, told = self._failing()
        event = Events.EXCEPTION_RAISED(event_filter=lambda engine, count: engine is trainer and count == 1)
        delay(recorder, told.append, until=After(epochs=1), engine=trainer, event=event)
        with pytest.raises(ValueError, match="broken batch 4"):
            trainer.run([0], max_epochs=5)
        assert [str(error) for error in told] == ["broken batch 2"]

    def test_the_engine_is_passed_where_it_is_wanted(self) -> None:
        trainer, recorder, _ = self._failing()
        told: list[Any] = []
        note = lambda engine, error: told.append((engine, str(error)))  # noqa: E731
        delay(recorder, note, until=After(epochs=1), engine=trainer, event=Events.EXCEPTION_RAISED)
        trainer.run([0], max_epochs=3)
        assert told == [(trainer, "broken batch 2")]

    def test_nothing_is_left_that_swallows_them(self) -> None:
        trainer, recorder, told = self._failing()
        with delay(recorder, told.append, until=After(epochs=0), engine=trainer, event=Events.EXCEPTION_RAISED):
            pass
        with pytest.raises(ValueError, match="broken batch 2"):
            trainer.run([0], max_epochs=5)


class Counting:
    """A handler as an object and as a method, with a state."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, engine: Engine) -> None:
        self.count += 1

    def without_engine(self) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = -1  # before it is checked, as many do
        self.count = state["count"]


class TestHandlers:
    @pytest.mark.parametrize(
        "handler_of",
        [
            lambda counting: counting,
            lambda counting: counting.without_engine,
            functools.partial,
            lambda counting: lambda: counting.without_engine() or None,
            lambda counting: lambda engine: counting(engine) or None,
        ],
    )
    def test_of_any_shape(self, handler_of: Callable[[Counting], Any]) -> None:
        trainer, evaluator = loop()
        counting = Counting()
        handle = delay(Recorder(trainer, evaluator), handler_of(counting), until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        handle.remove()
        trainer.run([0], max_epochs=3)
        assert counting.count == 2

    def test_they_are_named_after_what_they_are(self) -> None:
        engines = loop()  # held weakly
        recorder, counting = Recorder(*engines), Counting()
        handlers: list[Any] = [counting, counting.without_engine, lambda: None, functools.partial(print), print]
        handles = [delay(recorder, handler, until=After(epochs=1)) for handler in handlers]
        names = ["Counting", "Counting.without_engine", "handler", "partial", "print"]
        assert [handle.name for handle in handles] == [handle.gate.name for handle in handles] == names
        assert delay(recorder, lambda: None, until=After(epochs=1), name="mine").name == "mine"
        bound = types.MethodType(functools.partial(print, end=""), Counting())
        assert delay(recorder, bound, until=After(epochs=1)).name == "Counting.handler"
        assert repr(handles[0]).startswith("<DelayHandle of <")

    def test_a_shared_gate_serves_several_and_outlives_them(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=1))
        (seen, note), (removed, other) = epochs_of(trainer), epochs_of(trainer)
        first, handle = delay(recorder, note, until=gate), delay(recorder, other, until=gate)
        assert [(one.gate, one.handler, one.name) for one in (first, handle)] == [
            (gate, note, "handler"),
            (gate, other, "handler 2"),
        ]
        assert recorder.gates == [gate]
        handle.remove()
        trainer.run([0], max_epochs=3)
        assert (seen, removed, gate.is_open) == ([2, 3], [], True)
        assert delay(recorder, other, until=gate).name == handle.name  # which is free again

    def test_when_follows(self) -> None:
        trainer, evaluator = loop(loss=[0.9, 0.4, 0.9, 0.3])
        seen, note = epochs_of(trainer)
        delay(Recorder(trainer, evaluator), note, when=Metric("loss") < 0.5)
        trainer.run([0], max_epochs=4)
        assert seen == [2, 4]


class TestArguments:
    """``args`` and ``kwargs``, as ``add_event_handler`` passes them."""

    @pytest.mark.parametrize("event", [Events.COMPLETED, Events.COMPLETED(event_filter=lambda engine, count: True)])
    def test_come_after_the_engine_where_that_is_taken(self, event: Any) -> None:
        trainer, evaluator = loop()
        recorder, seen = Recorder(trainer, evaluator), list[Any]()

        def with_engine(engine: Engine, one: int, *, two: int) -> None:
            seen.append((engine, one, two))

        def without(one: int, *, two: int) -> None:
            seen.append((one, two))

        for handler in (with_engine, without):
            delay(recorder, handler, until=After(epochs=1), event=event, args=(1,), kwargs={"two": 2})
        trainer.run([0], max_epochs=2)
        assert seen == [(evaluator, 1, 2), (1, 2)]

    def test_come_after_what_the_event_passes(self) -> None:
        def step(engine: Engine, batch: Any) -> None:
            raise ValueError("broken batch")

        trainer, seen = engine(step), list[Any]()
        recorder = Recorder(trainer, engine())
        note = lambda *passed: seen.append([str(one) for one in passed[1:]])  # noqa: E731
        delay(recorder, note, until=Always(), engine=trainer, event=Events.EXCEPTION_RAISED, args=["last"])
        trainer.run([0], max_epochs=1)
        assert seen == [["broken batch", "last"]]

    def test_what_was_passed_may_be_changed_afterwards(self) -> None:
        trainer, evaluator = loop()
        seen, args, kwargs = list[Any](), [1], {"two": 2}
        note = lambda engine, one, two: seen.append((one, two))  # noqa: E731
        delay(Recorder(trainer, evaluator), note, until=After(epochs=1), args=args, kwargs=kwargs)
        args.append(3)
        kwargs.clear()
        trainer.run([0], max_epochs=2)
        assert seen == [(1, 2)]

    def test_ignites_model_checkpoint_takes_what_to_save(self, tmp_path: Any) -> None:
        trainer, evaluator = loop(loss=[0.9, 0.4, 0.3])
        recorder = Recorder(trainer, evaluator)
        saver = ModelCheckpoint(
            str(tmp_path), n_saved=None, global_step_transform=lambda engine, event: trainer.state.epoch
        )
        to_save = {"model": torch.nn.Linear(1, 1)}
        delay(recorder, saver, until=Metric("loss") < 0.5, kwargs={"to_save": to_save})
        trainer.run([0], max_epochs=3)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["model_2.pt", "model_3.pt"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"args": 3}, r"args must be a tuple or a list, got 3 .* written args=\(x,\)"),
            ({"args": "ab"}, "args must be a tuple or a list, got 'ab'"),
            ({"kwargs": [1]}, r"kwargs must be a dict of arguments by name, got \[1\]"),
            ({"kwargs": {1: 1}}, "kwargs must be a dict of arguments by name"),
            ({"args": (1, 2)}, r"handler must be a callable of the engine, or of nothing, and then of args and kwargs"),
            ({"kwargs": {"three": 3}}, "and then of args and kwargs"),
            ({}, "handler must be a callable of the engine, or of nothing, got"),
        ],
    )
    def test_that_the_handler_does_not_take_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        with pytest.raises(TypeError, match=message):
            delay(recorder, lambda engine, one: None, until=After(epochs=1), **arguments)
        assert recorder.gates == []


class TestRemoving:
    def test_exactly_what_was_attached(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        counting = Counting()
        other = delay(recorder, counting, until=After(epochs=1))
        trainer.add_event_handler(Events.EPOCH_COMPLETED, print)
        before, gates, saved = attached(trainer, evaluator), recorder.gates, recorder.state_dict()
        events = Events.TERMINATE | Events.EPOCH_COMPLETED(every=2) | Events.EXCEPTION_RAISED
        handle = delay(recorder, counting.__call__, until=After(epochs=2), engine=trainer, event=events)
        assert attached(trainer, evaluator) != before
        handle.remove()
        handle.remove()
        assert (attached(trainer, evaluator), recorder.gates) == (before, gates)
        assert {**recorder.state_dict(), "seconds": 0} == {**saved, "seconds": 0}
        assert Events.EXCEPTION_RAISED not in handler_table(trainer)
        assert other.gate in recorder.gates

    def test_in_a_with_block(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        seen, note = epochs_of(trainer)
        for _ in range(2):
            with delay(recorder, note, until=After(epochs=1), name="block") as handle:
                assert isinstance(handle, DelayHandle)
                assert handle.name == "block"
                trainer.run([0], max_epochs=2)
        trainer.run([0], max_epochs=2)
        assert seen == [2, 2]
        assert not any(isinstance(kept, DelayHandle) for kept in recorder.hub.attached)

    def test_in_the_middle_of_a_run(self) -> None:
        trainer, evaluator = loop()
        seen, note = epochs_of(trainer)
        handle = delay(Recorder(trainer, evaluator), note, until=After(epochs=1))
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), handle.remove)
        trainer.run([0], max_epochs=5)
        assert seen == [2, 3]


def _always(engine: Engine, count: int) -> bool:
    return True


class TestTwice:
    def test_delayed_twice(self) -> None:
        engines = loop()  # held weakly
        recorder, counting = Recorder(*engines), Counting()
        first = delay(recorder, counting, until=After(epochs=1), event=Events.COMPLETED(event_filter=_always))
        with pytest.raises(AttachError, match=r"delayed on COMPLETED of this .* call remove\(\) on the first handle$"):
            delay(recorder, counting, until=After(epochs=2))
        assert recorder.gates == [first.gate]
        first.remove()
        delay(recorder, counting, until=After(epochs=2))

    def test_methods_and_builtins_are_recognised_though_each_access_makes_a_new_object(self) -> None:
        engines = loop()  # held weakly
        recorder, counting, numbers = Recorder(*engines), Counting(), list[Any]()
        for handler in (lambda: counting.without_engine, lambda: numbers.append):
            delay(recorder, handler(), until=After(epochs=1))
            with pytest.raises(AttachError, match="already"):
                delay(recorder, handler(), until=After(epochs=1))

    @pytest.mark.parametrize("event", [Events.COMPLETED, Events.COMPLETED(every=2)])
    def test_attached_undelayed(self, event: Any) -> None:
        trainer, evaluator = loop()
        recorder, counting = Recorder(trainer, evaluator), Counting()
        evaluator.add_event_handler(event, counting)
        with pytest.raises(AttachError, match="is attached to COMPLETED of this engine already, undelayed"):
            delay(recorder, counting, until=After(epochs=1))
        assert recorder.gates == []

    def test_the_same_handler_on_another_event_or_engine_is_another_attachment(self) -> None:
        trainer, evaluator = loop()
        recorder, counting = Recorder(trainer, evaluator), Counting()
        for one, event in ((evaluator, Events.COMPLETED), (evaluator, Events.STARTED), (trainer, Events.COMPLETED)):
            delay(recorder, counting, until=After(epochs=1), engine=one, event=event)
        trainer.run([0], max_epochs=2)
        assert counting.count == 3

    def test_an_engine_that_nobody_else_uses_may_serve_a_handler_that_resets(self) -> None:
        trainer, evaluator = loop()
        stopping: Any = ignite_early_stopping(trainer, lambda engine: 0.0, 3)
        other = engine()
        handle = delay(Recorder(trainer, evaluator), stopping, until=After(epochs=1), engine=other)
        handle.remove()
        assert not any(handler_table(other).values())

    @pytest.mark.parametrize("reset_engine", ["evaluator", "trainer"])
    def test_an_early_stopping_that_was_attached(self, reset_engine: str) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: 0.0, 3)
        stopping.attach(evaluator, reset_engine=trainer if reset_engine == "trainer" else None)
        recorder = Recorder(trainer, evaluator)
        with pytest.raises(
            AttachError, match=r"alone\. If it is an EarlyStopping, do not call its attach\(\): that also re"
        ):
            delay(recorder, stopping, until=After(epochs=1))
        with (
            pytest.raises(
                AttachError, match=r"resets itself .* stop: build it anew and attach it through delay\(\) alone$"
            )
            if reset_engine == "evaluator"
            else _nothing()
        ):
            delay(recorder, stopping, until=After(epochs=1), event=Events.STARTED)


class _nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


class TestCounts:
    @pytest.mark.parametrize("count", [{"after": 50}, {"every": 5}, {"once": 1}, {"before": 9}])
    def test_counting_an_evaluators_epochs_warns_and_says_what_to_write(self, count: dict[str, Any]) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        with pytest.warns(UserWarning, match="count") as caught:
            delay(recorder, print, until=After(epochs=1), event=Events.COMPLETED(**count))
        assert [str(warning.message) for warning in caught] == [
            (
                "Events.COMPLETED is filtered by its count (after=, every=, once= or before=). On an evaluator that is "
                "the evaluator's own epoch, which is 1 at every run; write until=After(epochs=...) for the trainer's "
                "epoch instead"
            )
        ]

    @pytest.mark.parametrize("event", [Events.STARTED, Events.EPOCH_STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED])
    def test_on_every_event_that_an_evaluator_counts_by_epochs(self, event: Any) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        evaluator.state.max_epochs = 1  # of a run before
        with pytest.warns(UserWarning, match=f"Events.{event.name} is filtered by its count"):
            delay(recorder, print, until=After(epochs=1), event=event(every=5))
        evaluator.state.max_epochs = 2  # one that has epochs to count
        delay(recorder, len, until=After(epochs=1), event=event(every=5))

    def test_the_warning_points_at_the_callers_line(self) -> None:
        engines = loop()
        recorder = Recorder(*engines)
        with pytest.warns(UserWarning, match="filtered by its count") as caught:
            delay(recorder, print, until=After(epochs=1), event=Events.COMPLETED(every=5))
        assert caught[0].filename == __file__

    def test_counting_the_trainers_epochs_or_iterations_does_not(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        delay(recorder, print, until=After(epochs=1), engine=trainer, event=Events.EPOCH_COMPLETED(every=5))
        delay(recorder, print, until=After(epochs=1), event=Events.ITERATION_COMPLETED(every=5))
        delay(recorder, print, until=After(epochs=1), event=Events.COMPLETED(event_filter=lambda engine, epoch: True))


class TestState:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    def test_gate_and_handler_go_on_where_they_were(self, through: Callable[[Any], Any]) -> None:
        trainer, evaluator = loop()
        handle = delay(Recorder(trainer, evaluator), Counting(), until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        state = handle.state_dict()
        assert through(state) == state
        resumed, evaluator = loop()
        counting = Counting()
        its_handle = delay(Recorder(resumed, evaluator), counting, until=After(epochs=1))
        its_handle.load_state_dict(through(state))
        assert (counting.count, its_handle.gate.is_open) == (2, True)
        assert its_handle.state_dict() == state

    @pytest.mark.parametrize("half", ["state_dict", "load_state_dict"])
    def test_a_handler_with_half_a_state_has_none(self, half: str) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        counting: Any = lambda engine: None  # noqa: E731
        setattr(counting, half, dict)
        handle = delay(recorder, counting, until=After(epochs=1))
        assert "handler" not in handle.state_dict()
        handle.load_state_dict(handle.state_dict())
        assert recorder.state_dict()["handlers"] == {}

    def test_a_removed_handler_is_saved_no_longer(self) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        handle = delay(recorder, Counting(), until=After(epochs=1))
        assert list(recorder.state_dict()["handlers"]) == ["Counting"]
        handle.remove()
        assert recorder.state_dict()["handlers"] == {}

    def test_a_handler_without_state_has_none(self) -> None:
        engines = loop()  # held weakly
        handle = delay(Recorder(*engines), print, until=After(epochs=1))
        assert set(handle.state_dict()) == {"version", "gate"}
        handle.load_state_dict(handle.state_dict())

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda state: None, "^the state of 'Counting' *: expected a dict of version 1, got None"),
            (lambda state: {"version": 1, "gate": state["gate"]}, "of another handler, or truncated"),
            (lambda state: {"version": 1, "handler": state["handler"]}, "of another handler, or truncated"),
            (lambda state: {**state, "handler": {}}, "'Counting' refuses its saved state: 'count'"),
            (lambda state: {**state, "gate": {**state["gate"], "rule": "until After(epochs=7)"}}, "of another rule"),
        ],
    )
    def test_a_state_that_does_not_fit_changes_nothing(self, damage: Callable[[Any], Any], message: str) -> None:
        trainer, evaluator = loop()
        handle = delay(Recorder(trainer, evaluator), Counting(), until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        state = handle.state_dict()
        with pytest.raises(StateError, match=message):
            handle.load_state_dict(damage(state))
        assert handle.state_dict() == state

    def test_ignites_own_checkpoint_can_be_delayed_and_keeps_its_state(self, tmp_path: Any) -> None:
        def build() -> tuple[Engine, DelayHandle]:
            trainer, evaluator = loop(loss=lambda trainer: float(trainer.state.epoch))
            checkpoint = Checkpoint(
                {"trainer": trainer},
                DiskSaver(str(tmp_path), require_empty=False),
                n_saved=2,
                global_step_transform=lambda engine, event: trainer.state.epoch,
            )
            return trainer, delay(Recorder(trainer, evaluator), checkpoint, until=Metric("loss") >= 2)

        trainer, handle = build()
        trainer.run([0], max_epochs=3)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["trainer_2.pt", "trainer_3.pt"]
        resumed, its_handle = build()
        its_handle.load_state_dict(through_torch(handle.state_dict()))
        resumed.load_state_dict({**trainer.state_dict(), "max_epochs": 4})
        resumed.run([0])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["trainer_3.pt", "trainer_4.pt"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"until": After(epochs=1), "handler": 3}, TypeError, "handler must be a callable, got 3"),
            ({}, TypeError, "exactly one of until .* and when .*, got neither"),
            ({"until": After(epochs=1), "when": After(epochs=1)}, TypeError, "got both"),
            ({"until": 50}, TypeError, r"Spell the unit: After\(epochs=50\)"),
            ({"until": After(epochs=1), "engine": "val"}, TypeError, "engine must be an ignite Engine, got 'val'"),
            (
                {"until": After(epochs=1), "event": 3},
                TypeError,
                r"event must be an event of the engine, such as Events\.COMPLETED, got 3 \(int\)\.",
            ),
            ({"until": After(epochs=1), "name": ""}, ValueError, "name must be a non-empty string"),
            ({"until": After(epochs=1), "recorder": None}, TypeError, "^recorder must be a Recorder, got None"),
        ],
    )
    def test_arguments(self, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        before = attached(trainer, evaluator)
        with pytest.raises(error, match=message):
            delay(**{"recorder": recorder, "handler": print, **arguments})
        assert (recorder.gates, attached(trainer, evaluator)) == ([], before)

    def test_a_gate_of_another_recorder(self) -> None:
        engines, others = loop(), loop()  # held weakly
        gate = Gate(Recorder(*engines), until=After(epochs=1))
        with pytest.raises(
            AttachError,
            match=r"^until is a gate of another recorder: build one on this recorder, or share its condition$",
        ):
            delay(Recorder(*others), print, until=gate)

    def test_a_gate_as_when(self) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        gate = Gate(recorder, when=After(epochs=1))
        expected = (
            "when must be a condition, or a function of one record, got <Gate 'gate': .*Share a gate by until=gate\\.$"
        )
        with pytest.raises(TypeError, match=f"^{expected}"):
            delay(recorder, print, when=gate)  # type: ignore[arg-type]


def test_a_delayed_early_stopping_sees_the_evaluation_that_opens_its_gate(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    trainer, evaluator = loop(loss=[1.0, 0.4, 0.3, 0.5, 0.6, 0.7, 0.8])
    stopping: EarlyStopping = ignite_early_stopping(trainer, lambda engine: -engine.state.metrics["loss"], 2)
    delay(Recorder(trainer, evaluator), stopping, until=Metric("loss") < 0.5)
    trainer.run([0], max_epochs=7)
    assert (trainer.state.epoch, stopping.best_score) == (5, -0.3)
