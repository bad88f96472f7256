"""Traps 30-42, engines, order and timing: how the host bites the naive form, and that ours is not bitten."""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engines import engine, epochs_of, evaluate, ignite_early_stopping, loop, nan, reporting, timeless
from ignite.engine import Engine, Events
from ignite.metrics import Average

from ignite_delayed import After, Gate, Metric, MetricValueError, Recorder, delay, delay_early_stopping, stop_when


class Test30_after_an_exception_the_next_run_is_a_silent_no_op:
    @staticmethod
    def _engine() -> tuple[Engine, list[BaseException]]:
        fails: list[BaseException] = [KeyboardInterrupt()]

        def step(engine: Engine, batch: Any) -> None:
            if fails:
                raise fails.pop()

        return engine(step), fails

    def test_host(self) -> None:
        evaluator, _ = self._engine()
        with pytest.raises(KeyboardInterrupt):
            evaluator.run([0])
        assert evaluator.run([0]) is None
        assert evaluator.run([0]) is not None

    def test_ours_counts_what_completed(self) -> None:
        trainer, (evaluator, fails) = engine(), self._engine()
        fails[:] = [ValueError("broken batch")]
        recorder = Recorder(trainer, evaluator)

        @trainer.on(Events.EPOCH_COMPLETED)
        def evaluate_and_survive() -> None:
            with contextlib.suppress(ValueError):
                evaluator.run([0])

        trainer.run([0], max_epochs=4)
        assert [(record.epoch, record.evaluation) for record in recorder.history] == [(3, 1), (4, 2)]

    def test_ours_goes_on_after_the_trainer_raised(self) -> None:
        (trainer, fails), evaluator = self._engine(), engine()
        fails.clear()
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(evaluations=3))
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: fails.append(ValueError("broken batch")))
        with pytest.raises(ValueError, match="broken batch"):
            trainer.run([0], max_epochs=5)
        assert trainer.run([0], max_epochs=5) is None
        evaluator.run([0])  # outside of the run, whatever the generator that was left behind says
        trainer.run([0], max_epochs=5)
        assert [record.evaluation for record in recorder.history] == [1, 2, 3, 4]
        assert gate.opened_at == recorder.history[3]


class Test31_a_terminated_evaluator_shows_the_metrics_of_the_run_before:
    @staticmethod
    def _build() -> tuple[Engine, Engine]:
        trainer = engine()
        evaluator = engine(lambda engine, batch: float(trainer.state.epoch))
        Average().attach(evaluator, "epoch")
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0] * 4))

        @evaluator.on(Events.ITERATION_COMPLETED(once=2))
        def cut() -> None:
            if trainer.state.epoch == 3:
                evaluator.terminate()

        return trainer, evaluator

    def test_host(self) -> None:
        trainer, evaluator = self._build()
        seen = []
        evaluator.add_event_handler(Events.COMPLETED, lambda: seen.append(evaluator.state.metrics["epoch"]))
        trainer.run([0], max_epochs=4)
        assert seen == [1.0, 2.0, 2.0, 4.0]

    def test_ours_leaves_it_out_and_says_so_once(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = self._build()
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=4)
        assert recorder.history["epoch"].tolist() == [1.0, 2.0, 4.0]
        assert caplog.text.count("stopped before it finished an epoch") == 1

    def test_ours_takes_metrics_that_are_fresh_though_terminated(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: float(trainer.state.epoch))
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: engine.terminate())
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert recorder.history["loss"].tolist() == [1.0, 2.0, 3.0]

    def test_ours_leaves_out_part_of_the_data_after_a_handled_exception(self) -> None:
        trainer = engine()

        def step(engine: Engine, batch: int) -> float:
            if batch == 2 and trainer.state.epoch == 2:
                raise ValueError("broken batch")
            return float(batch)

        evaluator = engine(step)
        Average().attach(evaluator, "mean")
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([1, 2, 3]))
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert recorder.history.clock("epoch").tolist() == [1, 3]


class Test32_metrics_attached_later_are_stale_on_epoch_completed:
    @staticmethod
    def _run(attach_metric_first: bool, event: Any) -> list[Any]:
        trainer, seen = engine(), []
        evaluator = engine(lambda engine, batch: float(trainer.state.epoch))
        evaluate(trainer, evaluator)
        recorder = None
        for metric in (attach_metric_first, not attach_metric_first):
            if metric:
                Average().attach(evaluator, "epoch")
            elif event is None:
                recorder = Recorder(trainer, evaluator)
            else:
                evaluator.add_event_handler(event, lambda engine: seen.append(engine.state.metrics.get("epoch")))
        trainer.run([0], max_epochs=3)
        return seen if recorder is None else recorder.history["epoch"].tolist()

    def test_host(self) -> None:
        assert self._run(True, Events.EPOCH_COMPLETED) == [1.0, 2.0, 3.0]
        assert self._run(False, Events.EPOCH_COMPLETED) == [None, 1.0, 2.0]

    @pytest.mark.parametrize("attach_metric_first", [True, False])
    def test_ours(self, attach_metric_first: bool) -> None:
        assert self._run(attach_metric_first, None) == [1.0, 2.0, 3.0]


class Test33_polling_an_evaluator_before_it_runs_is_an_epoch_late:
    def test_host(self) -> None:
        trainer, seen = engine(), []
        evaluator = reporting(trainer, acc=lambda trainer: trainer.state.epoch / 10)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.append(evaluator.state.metrics.get("acc")))
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert seen == [None, 0.1, 0.2]

    def test_ours_is_pushed(self) -> None:
        trainer = engine()
        evaluator = reporting(trainer, acc=lambda trainer: trainer.state.epoch / 10)
        gate = Gate(Recorder(trainer, evaluator), until=Metric("acc") >= 0.2)
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert gate.opened_at is not None
        assert gate.opened_at.epoch == 2


class Test34_the_epoch_inside_an_evaluation_is_the_running_one:
    @pytest.mark.parametrize(
        ("event", "seen"),
        [
            (Events.STARTED, [(0, 0)]),
            (Events.EPOCH_STARTED, [(1, 0), (2, 4), (3, 8)]),
            (Events.ITERATION_COMPLETED(every=3), [(1, 3), (2, 6), (3, 9), (3, 12)]),
            (Events.EPOCH_COMPLETED, [(1, 4), (2, 8), (3, 12)]),
            (Events.DATALOADER_STOP_ITERATION, [(2, 4), (3, 8)]),
            (Events.COMPLETED, [(3, 12)]),
        ],
    )
    def test_host_and_ours_are_one_clock(self, event: Any, seen: list[tuple[int, int]]) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, event)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=2))
        host: list[tuple[int, int]] = []
        evaluator.add_event_handler(
            Events.COMPLETED, lambda: host.append((trainer.state.epoch, trainer.state.iteration))
        )
        late, note = epochs_of(trainer)
        evaluator.add_event_handler(Events.COMPLETED(event_filter=gate), note)
        trainer.run([0] * 4, max_epochs=3)
        assert host == seen
        assert [record.clock[:2] for record in recorder.history if not record.is_tick] == seen
        assert late == [epoch for epoch, _ in seen if epoch > 2]


class Test35_patience_counts_evaluations_not_epochs:
    def test_host(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluator.add_event_handler(Events.COMPLETED, ignite_early_stopping(trainer, lambda e: 0.0, 3))
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED(every=4))
        ends, note = epochs_of(trainer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
        trainer.run([0] * 10, max_epochs=9)
        assert (trainer.state.epoch, trainer.state.iteration, ends) == (2, 16, [1])

    @pytest.mark.parametrize(
        ("unit", "iteration"), [({"epochs": 1}, 12), ({"iterations": 10}, 12), ({"evaluations": 4}, 20)]
    )
    def test_ours_spells_the_unit_of_the_delay(self, unit: dict[str, int], iteration: int) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED(every=4))
        seen: list[int] = []
        delay(Recorder(trainer, evaluator), lambda: seen.append(trainer.state.iteration), until=After(**unit))
        trainer.run([0] * 10, max_epochs=3)
        assert seen[0] == iteration


_SCORES = [0.1, 0.2, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]


class Test36_evaluating_at_the_start_repeats_the_restored_epoch:
    @staticmethod
    def _loop() -> tuple[Engine, Engine]:
        trainer = engine()
        evaluator = reporting(trainer, score=lambda trainer: _SCORES[trainer.state.epoch])
        evaluate(trainer, evaluator, Events.STARTED | Events.EPOCH_COMPLETED | Events.COMPLETED)
        return trainer, evaluator

    def _stop(self, attach: Callable[[Engine, Engine], Any], *, cut: int | None) -> int:
        """The epoch in which the run stops, cut and resumed after epoch ``cut``."""
        trainer, evaluator = self._loop()
        handler = attach(trainer, evaluator)
        if cut is not None:
            trainer.add_event_handler(Events.EPOCH_COMPLETED(once=cut), lambda engine: engine.terminate())
            trainer.run([0], max_epochs=9)
            saved = trainer.state_dict(), handler.state_dict()
            trainer, evaluator = self._loop()
            handler = attach(trainer, evaluator)
            trainer.load_state_dict(saved[0])
            handler.load_state_dict(saved[1])
        return int(trainer.run([0], max_epochs=9).epoch)

    def test_host(self) -> None:
        def stopping_of(trainer: Engine, evaluator: Engine) -> Any:
            stopping = ignite_early_stopping(trainer, lambda e: e.state.metrics["score"], 4)
            evaluator.add_event_handler(Events.COMPLETED, stopping)
            return stopping

        assert self._stop(stopping_of, cut=None) == 6
        assert self._stop(stopping_of, cut=4) < 6

    def test_ours_looks_once_at_each_iteration(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = self._loop()
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert [record.epoch for record in recorder.history] == [0, 1, 2, 3]
        assert caplog.text.count("the second look is not recorded") == 1

    def test_ours_resumes(self) -> None:
        def recorder_of(trainer: Engine, evaluator: Engine) -> Any:
            recorder = Recorder(trainer, evaluator)
            delay_early_stopping(recorder, "score", mode="max", patience=4)
            recorders.append(recorder)
            return recorder

        recorders: list[Recorder] = []
        assert self._stop(recorder_of, cut=None) == self._stop(recorder_of, cut=4) == 6
        uninterrupted, _, resumed = (timeless(recorder.history) for recorder in recorders)
        assert resumed == uninterrupted


class Test37_evaluations_after_training_pass_the_gate_and_spend_patience:
    def test_host(self) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: 0.0, 3)
        late = Events.COMPLETED(event_filter=lambda e, _: trainer.state.epoch > 2)
        evaluator.add_event_handler(late, stopping)
        trainer.run([0], max_epochs=4)
        for _ in range(2):
            evaluator.run([0])
        assert (stopping.counter, trainer.should_terminate) == (3, True)

    def test_ours(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(score=lambda trainer: 0.0)
        recorder = Recorder(trainer, evaluator)
        stopper = delay_early_stopping(recorder, "score", mode="max", patience=3, until=After(epochs=2))
        evaluator.add_event_handler(Events.COMPLETED, lambda: None)
        trainer.state.epoch = 1  # a notebook may have anything there before the first run
        evaluator.run([0])
        trainer.run([0], max_epochs=4)
        for _ in range(2):
            evaluator.run([0])
        assert (stopper.counter, len(recorder.history), trainer.should_terminate) == (1, 4, False)
        assert caplog.text.count("ran outside of trainer.run()") == 2  # before the run, and once after
        trainer.run([0], max_epochs=10)
        assert trainer.state.epoch == 6


class Test38_one_handler_on_two_evaluators_mixes_their_scores:
    @staticmethod
    def _loop() -> tuple[Engine, Engine, Engine]:
        trainer = engine()
        train = reporting(trainer, acc=lambda trainer: 0.99)
        val = reporting(trainer, acc=lambda trainer: 0.5 + 0.01 * trainer.state.epoch)
        for evaluator in (train, val):
            evaluate(trainer, evaluator)
        return trainer, train, val

    def test_host(self) -> None:
        trainer, train, val = self._loop()
        stopping = ignite_early_stopping(trainer, lambda engine: engine.state.metrics["acc"], 6)
        for evaluator in (train, val):
            evaluator.add_event_handler(Events.COMPLETED, stopping)
        assert trainer.run([0], max_epochs=30).epoch < 30

    def test_ours(self) -> None:
        trainer, train, val = self._loop()
        recorder = Recorder(trainer, {"train": train, "val": val})
        delay_early_stopping(recorder, "val/acc", mode="max", patience=6)
        assert trainer.run([0], max_epochs=30).epoch == 30


class Test39_terminate_is_only_a_flag_and_later_handlers_still_run:
    def test_host_and_ours(self) -> None:
        trainer, evaluator = loop(score=lambda trainer: 0.0)
        stopper = delay_early_stopping(Recorder(trainer, evaluator), "score", mode="max", patience=3)
        seen, note = epochs_of(trainer)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
        trainer.run([0], max_epochs=20)
        assert seen == [1, 2, 3, 4]  # a checkpoint of the stopping epoch is still written
        assert stopper.stopped_at is not None
        assert stopper.stopped_at.epoch == 4

    def test_ours_takes_no_second_decision(self) -> None:
        trainer, evaluator = loop(score=lambda trainer: 0.0)
        evaluate(trainer, evaluator)  # evaluated twice an epoch, by mistake
        recorder = Recorder(trainer, evaluator)
        stopper = stop_when(recorder, Metric("score") < 1)
        trainer.run([0], max_epochs=20)
        assert [mark.kind for mark in recorder.history.marks] == ["stopped"]
        assert stopper.stopped_at == recorder.history[-1]


class Test40_metric_values_are_whatever_was_computed:
    @pytest.mark.parametrize(
        ("value", "number"),
        [
            (torch.tensor(0.5), 0.5),
            (torch.tensor([0.5]), 0.5),
            (torch.tensor(True), 1.0),
            (np.float64(0.5), 0.5),
            (np.array([[2]]), 2.0),
            (None, nan),
        ],
    )
    def test_ours_makes_floats(self, value: Any, number: float) -> None:
        trainer, evaluator = loop(m=lambda trainer: value)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0])
        assert repr(recorder.history[0]["m"]) == repr(number)

    def test_ours_names_the_rest_where_a_condition_asks(self) -> None:
        trainer, evaluator = loop(m=lambda trainer: {"acc": 1.0}, n=lambda trainer: 1.0)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0])
        assert recorder.history.metrics == ["m/acc", "n"]
        Gate(recorder, until=Metric("m") > 0)
        with pytest.raises(MetricValueError, match="metric 'm' cannot be used in a condition: it is of type dict"):
            trainer.run([0])


class Test41_an_interrupted_run_goes_on_without_a_start:
    def test_host(self) -> None:
        trainer, events = engine(), []
        for event in (Events.STARTED, Events.EPOCH_STARTED, Events.INTERRUPT, Events.COMPLETED):
            trainer.add_event_handler(event, lambda engine, name: events.append(name), event.name)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda engine: engine.interrupt())
        for _ in range(2):
            trainer.run([0] * 2, max_epochs=2)
        assert events == ["STARTED", "EPOCH_STARTED", "EPOCH_STARTED", "INTERRUPT", "COMPLETED"]

    def test_ours_counts_on_and_not_in_between(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        seen, note = epochs_of(trainer)
        delay(recorder, note, until=After(epochs=1))
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda engine: engine.interrupt())
        trainer.run([0] * 2, max_epochs=3)
        evaluator.run([0])  # the run is interrupted: outside
        trainer.run([0] * 2, max_epochs=3)
        assert [record.epoch for record in recorder.history if not record.is_tick] == [1, 2, 3]
        assert seen[0] == 2

    def test_ours_has_no_say_in_a_dropped_engine(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)
        raised: list[BaseException] = []

        def interrupted() -> None:
            trainer, evaluator = loop()
            trainer.logger.disabled = True
            recorder = Recorder(trainer, evaluator)
            delay(recorder, raised.append, until=After(epochs=9), engine=trainer, event=Events.EXCEPTION_RAISED)
            trainer.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda engine: engine.interrupt())
            trainer.run([0, 0])

        interrupted()
        gc.collect()
        assert raised == []

    def test_ours_takes_an_interrupted_evaluation_when_it_is_complete(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda engine: engine.interrupt())
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=4)
        assert [record.epoch for record in recorder.history] == [2, 4]


counts_iterations = pytest.mark.skipif(
    "max_iters" not in inspect.signature(Engine.run).parameters, reason="run(max_iters=) came with Ignite 0.5.5"
)


class Test42_epochs_may_end_without_epoch_completed:
    @counts_iterations
    def test_host(self) -> None:
        trainer, ends = engine(), []
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: ends.append(engine.state.epoch))
        trainer.run([0] * 4, max_iters=10)
        assert (ends, trainer.state.epoch, trainer.state.max_epochs) == ([1, 2], 3, None)

    def test_ours_reads_the_trainers_epoch(self) -> None:
        trainer, evaluator = loop()
        cut = Events.ITERATION_COMPLETED(once=5)
        trainer.add_event_handler(cut, lambda engine: engine.terminate_epoch(skip_epoch_completed=True))
        seen, note = epochs_of(trainer)
        delay(Recorder(trainer, evaluator), note, until=After(epochs=2))
        trainer.run([0] * 4, max_epochs=4)
        assert seen == [3, 4]

    @counts_iterations
    def test_ours_knows_the_length_of_a_run_counted_in_iterations(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(fraction=0.5))
        trainer.run([0] * 4, max_iters=10)
        assert gate.opened_at is not None
        assert (gate.opened_at.iteration, gate.opened_at.planned) == (6, 10)


def test_every_trap_of_this_part_has_a_class() -> None:
    numbers = [int(name[4:6]) for name in globals() if name.startswith("Test")]
    assert numbers == list(range(30, 43))
