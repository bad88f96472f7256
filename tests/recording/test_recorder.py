"""The recorder: one record of each real evaluation, and only of those."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from engines import engine, epochs_of, evaluate, handler_table, loop, reporting, timeless, unsealed
from ignite.engine import Engine, Events
from ignite.metrics import Average, RunningAverage

from ignite_delayed import (
    After,
    AttachError,
    Gate,
    Metric,
    MetricValueError,
    Never,
    Recorder,
    UnknownMetricError,
    delay,
    delay_early_stopping,
    stop_when,
)


def loss_of_epoch(trainer: Engine) -> float:
    return float(trainer.state.epoch)


def sgd(*rates: float) -> torch.optim.SGD:
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates], lr=1.0)


class TestRulesOfRecording:
    def test_an_evaluation_outside_of_run_is_not_recorded_and_the_log_says_so_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(evaluations=2))
        trainer.run([0], max_epochs=2)
        for _ in range(3):
            evaluator.run([0])
        assert (len(recorder.history), gate.is_open) == (2, False)
        said = "the evaluator ran outside of trainer.run(): such an evaluation is not recorded. (Said once a run.)"
        assert caplog.record_tuples == [("ignite_delayed.Recorder", logging.WARNING, said)]

    def test_an_evaluation_that_was_cut_short_is_not_recorded(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda engine: engine.terminate())
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert len(recorder.history) == 0
        assert caplog.text.count("stopped before it finished an epoch") == 1

    def test_an_evaluation_of_part_of_the_data_on_purpose_is_recorded(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED(once=1), lambda engine: engine.terminate_epoch())
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert recorder.history["loss"].tolist() == [1.0, 2.0, 3.0]

    def test_a_loader_of_unknown_length_counts_as_whole(self) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=loss_of_epoch)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(iter([0, 0, 0])))
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        assert recorder.history["loss"].tolist() == [1.0, 2.0]

    def test_a_second_look_at_the_same_iteration_is_not_recorded(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        evaluate(trainer, evaluator, Events.EPOCH_STARTED)  # looks at the weights that the epoch before left
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        assert [record.clock[:3] for record in recorder.history] == [(1, 0, 1), (1, 1, 2), (2, 2, 3), (3, 3, 4)]
        assert caplog.text.count("the second look is not recorded") == 1

    def test_each_cause_is_said_again_in_the_next_run(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop()
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"val": evaluator})
        for _ in range(2):
            trainer.run([0], max_epochs=3)
        again = "evaluator 'val' ran again at trainer iteration 1: the second look is not recorded. (Said once a run.)"
        assert caplog.messages == [again, again]
        assert len(recorder.history) == 3

    def test_the_evaluation_at_the_start_belongs_to_the_run_though_its_handler_is_older(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.STARTED | Events.EPOCH_COMPLETED)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(evaluations=1))
        histories = []
        for _ in range(2):
            trainer.run([0], max_epochs=2)
            histories.append(recorder.history)
            assert [record.clock[:3] for record in recorder.history] == [(0, 0, 1), (1, 1, 2), (2, 2, 3)]
            assert gate.opened_at == recorder.history[1]
        assert histories[0] is not histories[1]

    def test_without_resumable_interruptions_the_rules_are_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", False)
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        for _ in range(2):
            trainer.run([0], max_epochs=3)
            evaluator.run([0])
            assert recorder.history["loss"].tolist() == [1.0, 2.0, 3.0]


class TestRuns:
    def test_a_second_run_starts_afresh_and_the_first_history_survives(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=2))
        trainer.run([0], max_epochs=3)
        first, opened = recorder.history, gate.opened_at
        trainer.state.max_epochs = None
        trainer.run([0], max_epochs=2)
        assert (len(first), len(first.marks)) == (4, 1)  # three evaluations, and the tick that opened
        assert first["loss"].tolist() == [1.0, 2.0, 3.0]
        assert len(recorder.history) == 2
        assert opened is not None
        assert (gate.is_open, gate.opened_at) == (False, None)

    def test_a_longer_run_goes_on(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        history = recorder.history
        trainer.run([0], max_epochs=4)
        assert recorder.history is history
        assert [record.evaluation for record in history] == [1, 2, 3, 4]
        assert [record.planned for record in history] == [2, 2, 4, 4]

    def test_a_state_loaded_while_the_trainer_starts_does_not_outlive_the_run(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        saved, at = recorder.state_dict(), trainer.state_dict()
        resumed, its_evaluator = loop(loss=loss_of_epoch)
        its_recorder = Recorder(resumed, its_evaluator)

        def load() -> None:
            resumed.load_state_dict({**at, "max_epochs": 4})
            its_recorder.load_state_dict(saved)
            handle.remove()

        handle = resumed.add_event_handler(Events.STARTED, load)

        resumed.run([0])
        assert its_recorder.history["loss"].tolist() == [1.0, 2.0, 3.0, 4.0]
        finished = its_recorder.history
        resumed.run([0])
        assert finished is not its_recorder.history
        assert its_recorder.history["loss"].tolist() == [1.0]

    def test_seconds_are_those_inside_of_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        trainer = engine(lambda engine, batch: now.__setitem__(0, now[0] + 1.0))
        evaluator = engine()
        evaluate(trainer, evaluator)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0] * 2, max_epochs=2)
        now[0] += 1000
        trainer.run([0] * 2, max_epochs=3)
        assert recorder.history.clock("seconds").tolist() == [2.0, 4.0, 6.0]


class TestSeveralEvaluators:
    def test_metrics_are_named_after_their_evaluator(self) -> None:
        trainer = engine()
        train, val = reporting(trainer, loss=loss_of_epoch), reporting(trainer, loss=lambda t: -loss_of_epoch(t))
        for evaluator in (train, val):
            evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"train": train, "val": val})
        gate = Gate(recorder, until=Metric("train/loss") - Metric("val/loss") > 3)
        trainer.run([0], max_epochs=3)
        assert recorder.history.metrics == ["train/loss", "val/loss"]
        assert [(record.source, record.evaluation) for record in recorder.history][:3] == [
            ("train", 1),
            ("val", 1),
            ("train", 2),
        ]
        assert gate.opened_at == recorder.history[3]
        assert recorder.evaluators == {"train": train, "val": val}

    @pytest.mark.parametrize("order", [0, 1])
    def test_the_trainers_own_metrics_are_read_after_they_were_computed(self, order: int) -> None:
        trainer, evaluator = engine(lambda engine, batch: float(engine.state.epoch)), engine()
        recorder: list[Recorder] = []
        attach: list[Callable[[], Any]] = [
            lambda: Average().attach(trainer, "epoch"),
            lambda: recorder.append(Recorder(trainer, {"train": trainer, "val": evaluator})),
        ]
        for step in attach if order else attach[::-1]:
            step()
        trainer.run([0, 0], max_epochs=3)
        assert recorder[0].history["train/epoch"].tolist() == [1.0, 2.0, 3.0]

    @pytest.mark.parametrize("evaluate_first", [True, False])
    def test_the_trainer_makes_no_evaluation_beside_an_evaluator(self, evaluate_first: bool) -> None:
        trainer = engine()
        evaluator = reporting(trainer, loss=loss_of_epoch)
        if evaluate_first:
            evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
        if not evaluate_first:
            evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=2)
        assert [(record.source, record.evaluation) for record in recorder.history] == [
            ("val", 1),
            ("train", 1),
            ("val", 2),
            ("train", 2),
        ]

    def test_the_trainer_makes_none_in_between_either(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=2))
        recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
        trainer.run([0], max_epochs=4)
        assert [record.evaluation for record in recorder.history if record.source == "train"] == [0, 1, 1, 2]

    def test_the_trainer_alone_makes_evaluations(self) -> None:
        trainer = engine(lambda engine, batch: 1.0)
        RunningAverage(output_transform=lambda output: output).attach(trainer, "loss")
        recorder = Recorder(trainer, {"train": trainer})
        gate = Gate(recorder, until=After(evaluations=2))
        trainer.run([0], max_epochs=3)
        assert recorder.history["train/loss"].tolist() == [1.0, 1.0, 1.0]
        assert gate.opened_at == recorder.history[2]

    @pytest.mark.parametrize("read", ["metric", "predicate"])
    def test_handlers_of_the_trainers_epoch_see_the_record_that_opens_their_gate(self, read: str) -> None:
        trainer, evaluator = engine(lambda engine, batch: float(engine.state.epoch)), engine()
        recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
        until: Any = Metric("train/epoch") >= 2
        if read == "predicate":
            until = lambda record: "train/epoch" in record and record["train/epoch"] >= 2  # noqa: E731
        seen, note = epochs_of(trainer)
        handle = delay(recorder, note, until=until, engine=trainer, event=Events.EPOCH_COMPLETED)
        Average().attach(trainer, "epoch")
        trainer.run([0], max_epochs=4)
        assert seen == [2, 3, 4]
        handle.remove()
        trainer.run([0], max_epochs=4)
        assert seen == [2, 3, 4]

    @pytest.mark.parametrize("of_trainer", [True, False])
    def test_handlers_of_other_events_stay_there(self, of_trainer: bool) -> None:
        trainer = engine(lambda engine, batch: float(engine.state.epoch))
        evaluator = engine()
        evaluate(trainer, evaluator, Events.EPOCH_STARTED)
        recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
        seen: list[Any] = []
        delay(
            recorder,
            lambda engine: seen.append((engine, trainer.last_event_name)),
            until=Metric("train/epoch") >= 2,
            engine=trainer if of_trainer else evaluator,
            event=Events.EPOCH_STARTED if of_trainer else Events.EPOCH_COMPLETED,
        )
        Average().attach(trainer, "epoch")
        trainer.run([0], max_epochs=4)
        assert seen == [(trainer if of_trainer else evaluator, Events.EPOCH_STARTED)] * 2


class TestValues:
    def test_the_optimizers_rates_are_in_every_record(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        optimizer = sgd(0.1)
        recorder = Recorder(trainer, evaluator, optimizer=optimizer)
        gate = Gate(recorder, until=Metric("lr") < 0.05)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

        def step() -> None:
            optimizer.step()
            scheduler.step()

        trainer.add_event_handler(Events.EPOCH_COMPLETED, step)
        trainer.run([0], max_epochs=3)
        assert recorder.history["lr"].tolist() == [0.1, 0.05, 0.025]
        assert gate.opened_at == recorder.history[2]

    @pytest.mark.parametrize(
        ("optimizer", "rates"),
        [
            (sgd(0.1, 0.2), {"lr/0": 0.1, "lr/1": 0.2}),
            ({"g": sgd(0.1), "d": sgd(0.2, 0.3)}, {"lr/g": 0.1, "lr/d/0": 0.2, "lr/d/1": 0.3}),
        ],
    )
    def test_several_groups_and_several_optimizers(self, optimizer: Any, rates: dict[str, float]) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, {"val": evaluator}, optimizer=optimizer)
        trainer.run([0])
        assert recorder.history[0].values == rates

    def test_a_rate_that_is_not_recorded_is_refused_at_once(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, {"val": evaluator}, optimizer=sgd(0.1, 0.2))
        with pytest.raises(UnknownMetricError, match="learning rates recorded: 'lr/0', 'lr/1'"):
            Gate(recorder, until=Metric("lr") < 1)
        recorder.remove()
        with pytest.raises(UnknownMetricError, match="none: give the recorder optimizer="):
            Gate(Recorder(trainer, {"val": evaluator}), until=Metric("lr") < 1)

    def test_keep_bounds_the_history_and_gates_need_none_of_it(self) -> None:
        trainer, evaluator = loop(loss=lambda trainer: 1 / trainer.state.epoch)
        recorder = Recorder(trainer, evaluator, keep=3)
        gate = Gate(recorder, until=(Metric("loss") < 1).sustained(evaluations=20))
        trainer.run([0], max_epochs=50)
        assert 3 <= len(recorder.history) < 6
        assert recorder.history[-1].epoch == 50
        assert gate.opened_at is not None
        assert gate.opened_at.epoch == 21
        trainer.run([0], max_epochs=50)
        assert recorder.history.keep == 3

    def test_an_unknown_metric_names_the_evaluator_what_is_there_and_the_likely_name(self) -> None:
        trainer, evaluator = loop(top1=loss_of_epoch, loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("top_1") > 0)
        with pytest.raises(UnknownMetricError) as error:
            trainer.run([0], max_epochs=2)
        for part in ("'top_1'", "the evaluator", "'loss', 'top1'", "Did you mean 'top1'?"):
            assert part in str(error.value)
        assert len(recorder.history) == 0

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (torch.zeros(3), r"it has 3 elements \(shape \(3,\)\)"),
            (1 + 2j, "it is the complex number"),
            ("0.5", "it is of type str"),
        ],
    )
    def test_a_value_that_is_no_number_is_named_when_a_condition_asks(self, value: Any, why: str) -> None:
        trainer, evaluator = loop(loss=lambda trainer: value)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0])
        assert recorder.history.metrics == []
        stop_when(recorder, Metric("loss") > 0)
        with pytest.raises(MetricValueError, match=f"metric 'loss' cannot be used in a condition: {why}"):
            trainer.run([0])

    def test_a_metric_of_the_wrong_evaluator_is_refused_at_once(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, {"val": evaluator})
        for attach in (
            lambda: Gate(recorder, until=Metric("loss") < 1),
            lambda: delay(recorder, print, until=Metric("train/loss") < 1),
            lambda: delay_early_stopping(recorder, "loss", mode="min", patience=1),
        ):
            with pytest.raises(UnknownMetricError, match=r"none of the evaluators 'val' can report.*val/loss"):
                attach()
        assert recorder.gates == []
        assert recorder.state_dict()["gates"] == {}

    def test_a_gate_that_was_removed_asks_for_nothing(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("gone") < 1).remove()
        assert trainer.run([0], max_epochs=2).epoch == 2


class TestMovingGates:
    def test_an_error_of_one_condition_moves_no_gate(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(evaluations=0))

        def broken(record: Any) -> bool:
            raise ZeroDivisionError

        Gate(recorder, until=broken)
        with pytest.raises(ZeroDivisionError):
            trainer.run([0])
        assert (gate.is_open, len(recorder.history), recorder.history.marks) == (False, 0, [])

    def test_who_saves_on_opening_saves_the_evaluation_that_opened(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=Metric("loss") >= 2)
        saved: list[dict[str, Any]] = []
        gate.on_open(lambda gate: saved.append(recorder.state_dict()))
        trainer.run([0], max_epochs=2)
        after = recorder.state_dict()
        assert {**unsealed(saved[0]), "seconds": 0} == {**unsealed(after), "seconds": 0}

    def test_an_error_on_opening_leaves_the_evaluation_counted(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=Metric("loss") >= 2)

        @gate.on_open
        def broken(gate: Gate) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            trainer.run([0], max_epochs=4)
        assert trainer.run([0], max_epochs=4) is None  # trap 30
        trainer.run([0], max_epochs=4)
        counted = [(record.epoch, record.evaluation) for record in recorder.history]
        assert counted == [(1, 1), (2, 2), (4, 3)]  # the evaluator too loses the run after the one that raised

    @pytest.mark.parametrize(
        ("condition", "clock"),
        [
            (After(epochs=1), (2, 4)),
            (After(iterations=5), (2, 6)),
            (After(fraction=0.5), (2, 7)),
            (After(iterations=2) & After(epochs=1), (2, 4)),
            (After(iterations=9) | After(iterations=2), (1, 3)),
            (~After(iterations=5), (0, 0)),
        ],
    )
    def test_the_clock_moves_gates_between_evaluations(self, condition: Any, clock: tuple[int, int]) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=condition)
        trainer.run([0] * 4, max_epochs=3)
        assert gate.opened_at is not None
        opened = gate.opened_at
        assert (opened.epoch, opened.iteration, opened.is_tick) == (*clock, True)

    def test_a_tick_between_two_evaluators_of_one_iteration_forgets_nothing(self) -> None:
        trainer = engine()
        first, second = reporting(trainer, loss=lambda trainer: 1.0), reporting(trainer, loss=lambda trainer: 0.5)
        evaluate(trainer, first)
        recorder = Recorder(trainer, {"first": first, "second": second})
        evaluate(trainer, second, Events.EPOCH_STARTED)
        Gate(recorder, until=After(epochs=1))
        gap = Gate(recorder, until=Metric("first/loss") > Metric("second/loss"))
        trainer.run([0, 0], max_epochs=2)
        order = [(0, "second"), (2, "first"), (2, None), (2, "second"), (4, "first")]
        assert [(record.iteration, record.source) for record in recorder.history] == order
        assert gap.opened_at == recorder.history[3]

    def test_the_clock_is_recorded_only_where_it_moved_a_gate(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=After(iterations=6))
        trainer.run([0] * 4, max_epochs=3)
        assert [(record.iteration, record.is_tick) for record in recorder.history] == [
            (4, False),
            (7, True),
            (8, False),
            (12, False),
        ]

    def test_iterations_are_watched_only_for_gates_that_count_them(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        for until in (Metric("loss") < 0.5, After(epochs=3), After(evaluations=2), Never()):
            Gate(recorder, until=until)
        assert not handler_table(trainer)[Events.ITERATION_STARTED]
        for _ in range(2):
            Gate(recorder, until=After(seconds=3))
        assert len(handler_table(trainer)[Events.ITERATION_STARTED]) == 1

    def test_a_gate_built_in_mid_epoch_is_moved_by_the_next_iteration(self) -> None:
        trainer, evaluator = loop()
        recorder = Recorder(trainer, evaluator)
        gates: list[Gate] = []
        build = Events.ITERATION_COMPLETED(once=2)
        trainer.add_event_handler(build, lambda: gates.append(Gate(recorder, until=After(iterations=1))))
        trainer.run([0] * 4, max_epochs=2)
        assert gates[0].opened_at is not None
        assert gates[0].opened_at.iteration == 3


_ENGINE = "<Engine>"


class TestAttaching:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (lambda t, e: (3, e), TypeError, "trainer must be an ignite Engine, got 3 (int)."),
            (
                lambda t, e: ([3], e),
                TypeError,
                (
                    "trainer must be an ignite Engine, got [3] (list). "
                    "A recorder belongs to one trainer: build one for each."
                ),
            ),
            (
                lambda t, e: (t, t),
                ValueError,
                (
                    f"evaluators must be another engine than the trainer, got {_ENGINE} (Engine). To record the "
                    "trainer's own metrics name it: Recorder(trainer, {'train': trainer, 'val': evaluator})."
                ),
            ),
            (
                lambda t, e: (t, [e]),
                TypeError,
                (
                    f"evaluators must be an ignite Engine, or engines by name, got [{_ENGINE}] (list). "
                    "For example {'val': evaluator}."
                ),
            ),
            (
                lambda t, e: (t, {}),
                TypeError,
                (
                    "evaluators must be an ignite Engine, or engines by name, got {} (dict). "
                    "For example {'val': evaluator}."
                ),
            ),
            (lambda t, e: (t, {"v": 3}), TypeError, "evaluators['v'] must be an ignite Engine, got 3 (int)."),
            (lambda t, e: (t, {"": e}), ValueError, "an evaluator's name must be a non-empty string, got '' (str)."),
            (lambda t, e: (t, {1: e}), TypeError, "an evaluator's name must be a non-empty string, got 1 (int)."),
            *(
                (
                    lambda t, e, name=name: (t, {name: e}),
                    ValueError,
                    (
                        f"an evaluator's name must be a word without '/', and not 'lr', got {name!r} (str). "
                        "Metrics are then named like 'val/loss'."
                    ),
                )
                for name in ("a/b", "lr")
            ),
            (
                lambda t, e: (t, {"a": e, "b": e}),
                ValueError,
                "evaluators must be different engines, got 'b' (str). One engine cannot have two names.",
            ),
        ],
    )
    def test_bad_engines(self, arguments: Callable[..., Any], error: type[Exception], message: str) -> None:
        trainer, evaluator = loop()
        before = _handlers(trainer), _handlers(evaluator)
        with pytest.raises(error) as refused:
            Recorder(*arguments(trainer, evaluator))
        assert re.sub("<[^>]*Engine object[^>]*>", _ENGINE, str(refused.value)) == message
        assert (_handlers(trainer), _handlers(evaluator)) == before

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"keep": 0}, ValueError, "keep must be a whole number >= 1"),
            ({"keep": 2.5}, ValueError, "keep must be a whole number >= 1"),
            ({"optimizer": 0.1}, TypeError, "optimizer must be a torch optimizer, or optimizers by name"),
            ({"optimizer": {"g": None}}, TypeError, r"optimizer\['g'\] must be a torch optimizer"),
        ],
    )
    def test_bad_options(self, options: dict[str, Any], error: type[Exception], message: str) -> None:
        trainer, evaluator = loop()
        before = _handlers(trainer), _handlers(evaluator)
        with pytest.raises(error, match=message):
            Recorder(trainer, evaluator, **options)
        assert (_handlers(trainer), _handlers(evaluator)) == before

    def test_a_second_recorder_of_the_same_evaluator_is_refused_until_the_first_is_removed(self) -> None:
        trainer, evaluator = loop()
        first = Recorder(trainer, evaluator)
        with pytest.raises(
            AttachError,
            match=r"^this trainer already has a recorder .* ran twice\?\): use that one, or call its remove\(\) first$",
        ):
            Recorder(trainer, {"val": evaluator})
        Recorder(trainer, {"other": engine()})
        first.remove()
        Recorder(trainer, evaluator)

    def test_an_evaluator_may_serve_two_trainers(self) -> None:
        evaluator = engine()
        recorders = []
        for _ in range(2):
            trainer = engine()
            trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
            recorders.append(Recorder(trainer, evaluator))
            trainer.run([0], max_epochs=2)  # the second after the first trainer is gone
        assert [len(recorder.history) for recorder in recorders] == [2, 2]

    def test_remove_takes_everything_off_the_engines(self) -> None:
        trainer, evaluator = loop(loss=loss_of_epoch)
        before = _handlers(trainer), _handlers(evaluator)
        recorder = Recorder(trainer, {"train": trainer, "val": evaluator})
        Gate(recorder, until=After(iterations=3))
        delay(recorder, print, until=Metric("val/loss") < 1, engine=trainer, event=Events.EXCEPTION_RAISED)
        stop_when(recorder, After(epochs=1))
        trainer.run([0], max_epochs=1)
        recorder.remove()
        recorder.remove()
        assert (_handlers(trainer), _handlers(evaluator)) == before
        assert trainer.run([0], max_epochs=3).epoch == 3

    def test_remove_works_when_the_engines_are_gone(self) -> None:
        recorder = Recorder(engine(), engine())
        recorder.remove()
        with pytest.raises(RuntimeError, match="build a new recorder"):
            _ = recorder.trainer

    def test_it_cannot_be_copied(self) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        with pytest.raises(
            TypeError, match=r"^a recorder belongs to its engines .* build a new one on the copied engines$"
        ):
            copy.deepcopy(recorder)

    def test_it_lists_its_gates_in_order(self) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        gates = [Gate(recorder, until=After(epochs=1)), stop_when(recorder, After(epochs=2))]
        assert recorder.gates == gates


def _handlers(one: Engine) -> dict[Any, list[Any]]:
    return {event: list(handlers) for event, handlers in handler_table(one).items() if handlers}


def test_two_equal_runs_make_equal_histories() -> None:
    histories = []
    for _ in range(2):
        trainer, evaluator = loop(loss=loss_of_epoch)
        recorder = Recorder(trainer, evaluator)
        trainer.run([0], max_epochs=3)
        histories.append(timeless(recorder.history))
    assert histories[0] == histories[1]
