"""Traps 1-20, events and filters: how the host bites the naive form, and that ours is not bitten."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from engines import engine, epochs_of, evaluate, freed_by_counting, handler_table, ignite_early_stopping, loop, nan
from ignite.engine import Engine, Events

from ignite_delayed import (
    After,
    AttachError,
    Condition,
    Gate,
    Metric,
    MetricValueError,
    Recorder,
    UnknownMetricError,
    delay,
    delay_early_stopping,
    stop_when,
)


class Test01_a_filter_on_an_evaluator_sees_the_evaluators_epoch_which_is_always_1:
    def test_host(self) -> None:
        trainer, evaluator = loop()
        seen, late, after, once = set(), [], [], []

        def seed(_: Engine, epoch: int) -> bool:
            seen.add(epoch)
            return epoch > 5

        evaluator.add_event_handler(Events.COMPLETED(event_filter=seed), lambda: late.append(1))
        evaluator.add_event_handler(Events.COMPLETED(after=5), lambda: after.append(1))
        evaluator.add_event_handler(Events.COMPLETED(once=1), lambda: once.append(1))
        trainer.run([0], max_epochs=10)
        assert (seen, late, after, len(once)) == ({1}, [], [], 10)

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        filtered, note = epochs_of(trainer)
        evaluator.add_event_handler(Events.COMPLETED(event_filter=Gate(recorder, until=After(epochs=5))), note)
        delayed, note = epochs_of(trainer)
        delay(recorder, note, until=After(epochs=5))
        trainer.run([0], max_epochs=10)
        assert filtered == delayed == [6, 7, 8, 9, 10]


class Test02_after_is_exclusive_and_every_is_rebased_by_it:
    def test_host(self) -> None:
        trainer = engine()
        after, note_after = epochs_of(trainer)
        both, note_both = epochs_of(trainer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(after=5), note_after)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(every=5, after=5), note_both)
        trainer.run([0], max_epochs=16)
        assert after[0] == 6
        assert both == [6, 11, 16]

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        after, note_after = epochs_of(trainer)
        both, note_both = epochs_of(trainer)
        delay(recorder, note_after, until=After(epochs=5))
        delay(recorder, note_both, until=After(epochs=5), engine=trainer, event=Events.EPOCH_COMPLETED(every=5))
        trainer.run([0], max_epochs=16)
        assert after[0] == 6
        assert both == [10, 15]


class Test03_a_delay_to_exactly_epoch_n_never_opens_without_an_evaluation_there:
    def test_host(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=3))
        seen, note = epochs_of(trainer)
        evaluator.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: trainer.state.epoch == 50), note)
        trainer.run([0], max_epochs=60)
        assert seen == []

    def test_ours(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=3))
        seen, note = epochs_of(trainer)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=49))
        trainer.run([0], max_epochs=60)
        assert seen == [51, 54, 57, 60]


class Test04_filtering_an_event_again_replaces_its_filter:
    def test_host(self) -> None:
        trainer = engine()
        seen, note = epochs_of(trainer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(after=3)(every=2), note)
        trainer.run([0], max_epochs=6)
        assert seen == [2, 4, 6]

    def test_ours_keeps_both(self) -> None:
        trainer, evaluator = loop()
        seen, note = epochs_of(trainer)
        event = Events.EPOCH_COMPLETED(every=2)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=3), engine=trainer, event=event)
        trainer.run([0], max_epochs=6)
        assert seen == [4, 6]


class Test05_a_filters_answer_is_only_truth_tested:
    @pytest.mark.parametrize("answer", [nan, "False"])
    def test_host_fires(self, answer: Any) -> None:
        trainer, fired = engine(), []
        trainer.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: answer), lambda: fired.append(1))
        trainer.run([0])
        assert fired == [1]

    def test_host_aborts(self) -> None:
        trainer = engine()
        pair = torch.tensor([True, False])
        trainer.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: pair), lambda: None)
        with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
            trainer.run([0])

    def test_ours_takes_nan_for_unknown(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: nan)
        recorder = Recorder(trainer, evaluator)
        gates = [Gate(recorder, until=Metric("loss") < 1), Gate(recorder, until=~(Metric("loss") < 1))]
        trainer.run([0], max_epochs=2)
        assert [gate.is_open for gate in gates] == [False, False]

    @pytest.mark.parametrize("answer", ["False", torch.tensor([True, False]), np.array([])])
    def test_ours_asks_a_predicate_for_a_verdict(self, answer: Any) -> None:
        trainer, evaluator = loop()
        Gate(Recorder(trainer, evaluator), until=lambda record: answer)
        with pytest.raises(MetricValueError, match="must answer True, False or None"):
            trainer.run([0])

    def test_ours_refuses_a_coroutine(self) -> None:
        async def coroutine(record: Any) -> bool:
            return False

        engines = loop()  # held weakly
        with pytest.raises(TypeError, match="always true"):
            Gate(Recorder(*engines), until=coroutine)  # type: ignore[arg-type]


class Test06_what_is_accepted_as_a_filter:
    def test_host_refuses_a_filter_of_one_argument(self) -> None:
        with pytest.raises(ValueError, match="takes parameters"):
            Events.COMPLETED(event_filter=lambda engine: True)

    def test_ours_is_a_filter_and_takes_functions_of_one_record(self) -> None:
        trainer, evaluator = loop()
        gate = Gate(Recorder(trainer, evaluator), until=lambda record: record.epoch > 1)
        seen, note = epochs_of(trainer)
        evaluator.add_event_handler(Events.COMPLETED(event_filter=gate), note)
        trainer.run([0], max_epochs=3)
        assert seen == [2, 3]


class Test07_the_engine_is_pushed_into_a_first_parameter_with_a_default:
    def test_host(self) -> None:
        trainer, seen = engine(), []
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda k="a": seen.append(k))
        trainer.run([0])
        assert seen == [trainer]

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder, seen = Recorder(trainer, evaluator), []
        for k in "ab":
            delay(recorder, lambda k=k: seen.append(k), until=After(epochs=1))
        delay(recorder, lambda engine=None: seen.append(engine), until=After(epochs=1))
        trainer.run([0], max_epochs=2)
        assert seen == ["a", "b", evaluator]


class Test08_filters_on_events_without_a_counter_explode_when_fired:
    @pytest.mark.parametrize("event", [Events.TERMINATE, Events.DATALOADER_STOP_ITERATION, Events.EXCEPTION_RAISED])
    def test_host(self, event: Any) -> None:
        trainer = engine()
        trainer.add_event_handler(event(event_filter=lambda e, _: True), lambda *args: None)
        with pytest.raises(RuntimeError, match="Unknown event name"):
            trainer.fire_event(event)

    def test_host_passes_extras_to_handlers_that_do_not_take_them(self) -> None:
        trainer = engine(lambda engine, batch: engine.terminate_epoch())
        trainer.add_event_handler(Events.TERMINATE_SINGLE_EPOCH, lambda engine: None)
        with pytest.raises(TypeError, match="iter_counter"):
            trainer.run([0])

    def test_ours(self) -> None:
        trainer, evaluator = engine(lambda engine, batch: engine.terminate_epoch()), engine()
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, evaluator)
        cut, note_cut = epochs_of(trainer)
        delay(
            recorder,
            lambda engine: note_cut(),
            until=After(epochs=1),
            engine=trainer,
            event=Events.TERMINATE_SINGLE_EPOCH,
        )
        ended, note_ended = epochs_of(trainer)
        every = Events.TERMINATE(event_filter=lambda engine, count: count == 1)
        delay(recorder, note_ended, until=After(epochs=1), engine=trainer, event=every)
        stop_when(recorder, After(epochs=2))
        trainer.run([0, 0], max_epochs=5)
        assert (cut, ended) == ([2], [3])


class Test09_parent_is_a_reserved_name:
    def test_host(self) -> None:
        class Node:
            _parent = None

            def __call__(self, engine: Engine, event: Any = None) -> bool:
                return True

        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            Events.COMPLETED(event_filter=Node())
        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            engine().add_event_handler(Events.COMPLETED, Node())

    def test_ours_has_no_such_name_and_delays_those_that_have(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=(Metric("x") < 1) & After(epochs=1))
        for one in (gate, gate.condition, *gate.condition.parts, recorder):
            assert not hasattr(one, "_parent")

        class Node:
            _parent = None
            calls = 0

            def __call__(self, engine: Engine) -> None:
                Node.calls += 1

        delay(recorder, Node(), until=After(epochs=1))
        gate.remove()
        trainer.run([0], max_epochs=3)
        assert Node.calls == 2


class Test10_python_and_or_not_drop_operands_and_equality_breaks_attaching:
    def test_host_takes_the_last_operand_of_and(self) -> None:
        class Filter:
            def __init__(self, test: Callable[[int], bool]) -> None:
                self.test = test

            def __call__(self, engine: Engine, epoch: int) -> bool:
                return self.test(epoch)

        trainer = engine()
        seen, note = epochs_of(trainer)
        late, even = Filter(lambda epoch: epoch > 2), Filter(lambda epoch: epoch % 2 == 0)
        both: Any = late and even  # type: ignore[truthy-bool]
        trainer.add_event_handler(Events.EPOCH_COMPLETED(event_filter=both), note)
        trainer.run([0], max_epochs=6)
        assert seen == [2, 4, 6]

    def test_host_takes_equal_handlers_for_one(self) -> None:
        trainer, (one, other) = engine(), (_Equal(), _Equal())
        handles = [trainer.add_event_handler(Events.COMPLETED, handler) for handler in (one, other)]
        handles[0].remove()
        assert not trainer.has_event_handler(other)

    @pytest.mark.parametrize(
        "combine",
        [
            lambda a, b: a and b,
            lambda a, b: a or b,
            lambda a, b: not a,
            lambda a, b: 0.1 < Metric("loss") < 0.5,
        ],
    )
    def test_ours_refuses_them_and_shows_the_operators(self, combine: Callable[[Condition, Condition], Any]) -> None:
        with pytest.raises(TypeError, match=r"& \| ~"):
            combine(After(epochs=2), Metric("loss") < 1)

    def test_ours_tells_equal_handlers_apart(self) -> None:
        trainer, evaluator = loop()
        recorder, (one, other) = Recorder(trainer, evaluator), (_Equal(), _Equal())
        first = delay(recorder, one, until=After(epochs=1))
        delay(recorder, other, until=After(epochs=1))
        first.remove()
        trainer.run([0], max_epochs=3)
        assert (len(one.seen), len(other.seen)) == (0, 2)


@dataclasses.dataclass
class _Equal:
    seen: list[int] = dataclasses.field(default_factory=list, compare=False)

    def __call__(self, engine: Engine) -> None:
        self.seen.append(1)


class Test11_slotted_handlers_are_refused_and_yet_attached:
    def test_host(self) -> None:
        trainer, slotted = engine(), _Slotted()
        with pytest.raises(TypeError, match="cannot create weak reference"):
            trainer.add_event_handler(Events.COMPLETED, slotted)
        assert trainer.has_event_handler(slotted)

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder, slotted = Recorder(trainer, evaluator), _Slotted()
        handle = delay(recorder, slotted, until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        handle.remove()
        trainer.run([0], max_epochs=3)
        assert slotted.calls == 2


class _Slotted:
    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, engine: Engine) -> None:
        self.calls += 1


class Test12_removing_one_attachment_removes_all_and_or_mutates_lists_of_events:
    def test_host(self) -> None:
        trainer, handler = engine(), lambda: None
        trainer.add_event_handler(Events.EPOCH_COMPLETED(every=2), handler)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), handler).remove()
        assert not trainer.has_event_handler(handler)
        events = Events.STARTED | Events.COMPLETED
        _ = events | Events.EPOCH_COMPLETED
        assert len(list(events)) == 3

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        seen, note = epochs_of(trainer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: None)
        before = {event: list(handlers) for event, handlers in handler_table(trainer).items()}
        delay(recorder, note, until=After(epochs=1))
        events = Events.EPOCH_STARTED | Events.EPOCH_COMPLETED
        second = delay(recorder, note, until=After(epochs=1), engine=trainer, event=events)
        assert len(list(events)) == 2
        second.remove()
        assert {event: list(handlers) for event, handlers in handler_table(trainer).items() if handlers} == before
        trainer.run([0], max_epochs=3)
        assert seen == [2, 3]  # the first attachment is still there


class Test13_a_handler_attached_twice_counts_twice:
    def test_host(self) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: 0.0, 4)
        for _ in range(2):
            evaluator.add_event_handler(Events.COMPLETED, stopping)
        assert trainer.run([0], max_epochs=20).epoch == 3

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        stopping = ignite_early_stopping(trainer, lambda engine: 0.0, 4)
        delay(recorder, stopping, until=After(epochs=2))
        with pytest.raises(AttachError, match="delayed on COMPLETED of this engine already"):
            delay(recorder, stopping, until=After(epochs=2))
        assert trainer.run([0], max_epochs=20).epoch == 7
        with pytest.raises(AttachError, match="already has a recorder"):
            Recorder(trainer, evaluator)


class Test14_a_stateful_filter_is_asked_once_for_each_handler:
    def test_host(self) -> None:
        calls: Iterator[int] = iter(range(100))
        trainer = engine()
        seen, note = epochs_of(trainer)
        shared = Events.EPOCH_COMPLETED(event_filter=lambda e, _: next(calls) >= 6)
        trainer.add_event_handler(shared, note)
        trainer.add_event_handler(shared, lambda: None)
        trainer.run([0], max_epochs=8)
        assert seen[0] == 4  # not 7

    def test_ours(self) -> None:
        trainer, evaluator = loop()
        gate = Gate(Recorder(trainer, evaluator), until=After(evaluations=6))
        seen = []
        for _ in range(2):
            epochs, note = epochs_of(trainer)
            evaluator.add_event_handler(Events.COMPLETED(event_filter=gate), note)
            seen.append(epochs)
        trainer.run([0], max_epochs=8)
        assert seen == [[7, 8], [7, 8]]


class Test15_short_circuits_starve_stateful_members:
    def test_host(self) -> None:
        assert _opens(lambda streak, epoch: epoch > 5 and streak()) == 9
        assert _opens(lambda streak, epoch: streak() and epoch > 5) == 6
        assert _opens(lambda streak, epoch: all([streak(), streak()])) == 3

    @pytest.mark.parametrize(
        ("combine", "epoch"),
        [
            (lambda streak, late: late & streak, 6),
            (lambda streak, late: streak & late, 6),
            (lambda streak, late: streak & streak, 4),
        ],
    )
    def test_ours(self, combine: Callable[[Condition, Condition], Condition], epoch: int) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 0.0)
        streak = (Metric("loss") < 1).sustained(evaluations=4)
        gate = Gate(Recorder(trainer, evaluator), until=combine(streak, After(epochs=5)))
        trainer.run([0], max_epochs=9)
        assert gate.opened_at is not None
        assert gate.opened_at.epoch == epoch


def _opens(rule: Callable[[Callable[[], bool], int], bool]) -> int:
    seen: list[int] = []

    def streak() -> bool:  # four in a row, counting its own calls
        seen.append(1)
        return len(seen) >= 4

    return next(epoch for epoch in range(1, 99) if rule(streak, epoch))


_ACCURACY = [0.5, 0.85, 0.7, 0.7, 0.86, 0.7, 0.7, 0.87, 0.7, 0.7, 0.88, 0.7, 0.7]


class Test16_a_threshold_on_the_monitored_metric_hides_every_bad_evaluation:
    def test_host(self) -> None:
        trainer, evaluator = loop(acc=_ACCURACY)
        stopping = ignite_early_stopping(trainer, lambda engine: engine.state.metrics["acc"], 2)
        good = Events.COMPLETED(event_filter=lambda e, _: e.state.metrics["acc"] > 0.8)
        evaluator.add_event_handler(good, stopping)
        assert trainer.run([0], max_epochs=13).epoch == 13

    def test_ours_latches_unless_told_otherwise(self) -> None:
        trainer, evaluator = loop(acc=_ACCURACY)
        stopping = ignite_early_stopping(trainer, lambda engine: engine.state.metrics["acc"], 2)
        delay(Recorder(trainer, evaluator), stopping, until=Metric("acc") > 0.8)
        assert trainer.run([0], max_epochs=13).epoch == 4


class Test17_a_latch_moved_by_its_own_handler_depends_on_the_order_of_attaching:
    @pytest.mark.parametrize(("latch_first", "seen"), [(True, [3, 4, 5]), (False, [4, 5])])
    def test_host(self, latch_first: bool, seen: list[int]) -> None:
        trainer, evaluator = loop()
        latch, used = [False], []

        def move() -> None:
            latch[0] = latch[0] or trainer.state.epoch >= 3

        def use() -> None:
            if latch[0]:
                used.append(trainer.state.epoch)

        for handler in (move, use) if latch_first else (use, move):
            evaluator.add_event_handler(Events.COMPLETED, handler)
        trainer.run([0], max_epochs=5)
        assert used == seen

    def test_ours_shows_the_opening_evaluation_to_every_handler(self) -> None:
        trainer, evaluator = loop(acc=lambda trainer: trainer.state.epoch / 10)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=Metric("acc") >= 0.3)
        first, note_first = epochs_of(trainer)
        second, note_second = epochs_of(trainer)
        evaluator.add_event_handler(Events.COMPLETED(event_filter=gate), note_first)
        delay(recorder, note_second, until=gate)
        trainer.run([0], max_epochs=5)
        assert first == second == [3, 4, 5]


class Test18_a_missing_metric_in_a_filter_is_a_bare_key_error:
    def test_host(self) -> None:
        trainer, evaluator = loop()
        evaluator.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: e.state.metrics["acc"] > 0), print)
        with pytest.raises(KeyError, match=r"^'acc'$"):
            trainer.run([0], max_epochs=9)

    def test_host_ends_the_run_silently_where_exceptions_are_handled(self) -> None:
        trainer, evaluator = loop()
        evaluator.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: e.state.metrics["acc"] > 0), print)
        trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        assert trainer.run([0], max_epochs=9).epoch == 1

    def test_ours_names_metric_evaluator_and_what_is_there(self) -> None:
        trainer, evaluator = loop(top1=lambda trainer: 1.0)
        Gate(Recorder(trainer, {"val": evaluator}), until=Metric("val/top_1") > 0)
        expected = r"'val/top_1' was not reported by evaluator 'val'.*there: 'val/top1'. Did you mean 'val/top1'"
        with pytest.raises(UnknownMetricError, match=expected):
            trainer.run([0], max_epochs=9)

    def test_ours_waits_for_the_first_evaluation(self) -> None:
        trainer, evaluator = engine(), engine()
        gate = Gate(Recorder(trainer, evaluator), until=Metric("acc") > 0)
        trainer.run([0], max_epochs=3)
        assert not gate.is_open


class Test19_filtered_handlers_keep_engines_from_being_freed_by_reference_counting:
    def test_host(self) -> None:
        def build() -> list[Any]:
            trainer = engine()
            trainer.add_event_handler(Events.COMPLETED(event_filter=lambda e, _: True), lambda: None)
            return [trainer]

        assert freed_by_counting(build) == [False]

    def test_ours(self) -> None:
        def build() -> list[Any]:
            trainer, evaluator = engine(), engine()
            recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
            gate = Gate(recorder, until=Metric("val/loss") < 1)
            delays = [
                delay(recorder, lambda: None, until=gate, engine=evaluator),
                delay(recorder, print, until=After(iterations=3), engine=trainer, event=Events.EXCEPTION_RAISED),
                delay(recorder, lambda: None, until=gate, engine=trainer, event=Events.EPOCH_COMPLETED),
            ]
            stoppers = [delay_early_stopping(recorder, "val/loss", mode="min", patience=2, until=After(epochs=3))]
            evaluator.state.metrics["loss"] = 0.5
            trainer.run([0], max_epochs=2)
            return [trainer, evaluator, recorder, gate, delays, stoppers]

        assert freed_by_counting(build) == [True, True]


class Test20_a_handler_added_while_its_event_fires_runs_in_the_same_firing:
    def test_host(self) -> None:
        trainer = engine()
        seen, note = epochs_of(trainer)

        @trainer.on(Events.EPOCH_COMPLETED(once=2))
        def attach_late() -> None:
            trainer.add_event_handler(Events.EPOCH_COMPLETED, note)

        trainer.run([0], max_epochs=3)
        assert seen == [2, 3]

    def test_ours_attaches_at_once_and_gates(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        order: list[str] = []
        delay(recorder, lambda: order.append("delayed"), until=After(epochs=1))
        evaluator.add_event_handler(Events.COMPLETED, lambda: order.append("plain"))
        handlers = len(handler_table(evaluator)[Events.COMPLETED])
        trainer.run([0], max_epochs=2)
        assert order == ["plain", "delayed", "plain"]
        assert len(handler_table(evaluator)[Events.COMPLETED]) == handlers


def test_every_trap_of_this_part_has_a_class() -> None:
    numbers = [int(name[4:6]) for name in globals() if name.startswith("Test")]
    assert numbers == list(range(1, 21))
