"""Stopping the run: what the stopper does, says and keeps."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from engines import decided, engine, evaluate, inf, loop, nan, reporting, through_json, through_torch
from ignite.engine import Engine, Events

from ignite_delayed import (
    After,
    AttachError,
    EarlyStop,
    Gate,
    Metric,
    MetricValueError,
    Patience,
    Recorder,
    StateError,
    Stopper,
    delay_early_stopping,
    stop_when,
)

_LOSSES = [0.9, 0.2, 0.5, 0.4, 0.6, 0.7, 0.3, 0.8, 0.8, 0.8]


def stopping(losses: list[Any], **options: Any) -> tuple[Engine, Stopper]:
    """A run over ``losses`` and its stopper."""
    trainer, evaluator = loop(loss=losses)
    arguments = {"monitor": "loss", "mode": "min", "patience": 2, **options}
    return trainer, delay_early_stopping(Recorder(trainer, evaluator), **arguments)


class TestStopping:
    @pytest.mark.parametrize(
        ("while_closed", "epoch", "best", "counter"),
        [("ignore", 6, 0.4, 2), ("track", 5, 0.2, 2), ("count", 4, 0.2, 2)],
    )
    def test_the_three_meanings_of_the_delay(self, while_closed: str, epoch: int, best: float, counter: int) -> None:
        trainer, stopper = stopping(_LOSSES, until=After(epochs=3), while_closed=while_closed)
        trainer.run([0], max_epochs=10)
        assert (trainer.state.epoch, stopper.best_score, stopper.counter) == (epoch, best, counter)
        assert stopper.stopped_at == stopper.recorder.history[-1]

    def test_a_metric_may_open_the_gate(self) -> None:
        trainer, _ = stopping(_LOSSES, until=Metric("loss") < 0.45)
        trainer.run([0], max_epochs=10)
        assert trainer.state.epoch == 4  # open in 2 at 0.2, then 0.5 and 0.4

    def test_several_metrics_make_one_observation_an_iteration(self) -> None:
        trainer = engine()
        train, val = reporting(trainer, f1=[0.1, 0.2, 0.2, 0.2]), reporting(trainer, acc=[0.9, 0.8, 0.8, 0.8])
        for evaluator in (train, val):
            evaluate(trainer, evaluator)
        recorder = Recorder(trainer, {"train": train, "val": val})
        score = 0.7 * Metric("val/acc") + 0.3 * Metric("train/f1")
        stopper = delay_early_stopping(recorder, score, mode="max", patience=3)
        trainer.run([0], max_epochs=10)
        assert trainer.state.epoch == 4
        assert stopper.best_score == pytest.approx(0.66)

    @pytest.mark.parametrize(
        ("policy", "losses", "epoch", "reason"),
        [
            ("count", [0.9, nan, nan, nan], 3, "loss did not improve for 2 evaluations in a row"),
            ("count", [nan, nan, 0.5], 2, "no best value"),
            ("stop", [0.9, 0.8, nan, 0.5], 3, "loss is NaN; best 0.8 in epoch 2"),
            ("count", [0.9, -inf, 0.5, 0.5], 4, "best -inf in epoch 2"),
        ],
    )
    def test_what_is_not_finite(self, policy: str, losses: list[float], epoch: int, reason: str) -> None:
        trainer, stopper = stopping(losses, nan=policy)
        trainer.run([0], max_epochs=len(losses))
        assert trainer.state.epoch == epoch
        assert stopper.reason is not None
        assert reason in stopper.reason

    def test_nan_raises_where_asked(self) -> None:
        trainer, _ = stopping([0.9, nan], nan="raise")
        with pytest.raises(MetricValueError, match="'loss' is NaN in epoch 2 and nan='raise' was asked for"):
            trainer.run([0], max_epochs=2)

    @pytest.mark.parametrize(("threshold", "epoch"), [(0.05, 3), (0.2, 3), (0.004, 10)])
    def test_relative_thresholds_of_negative_scores(self, threshold: float, epoch: int) -> None:
        scores = [-1 + 0.005 * i for i in range(10)]  # better by half a per cent each time
        trainer, _ = stopping(scores, mode="max", threshold=threshold, threshold_mode="rel")
        assert trainer.run([0], max_epochs=10).epoch == epoch

    def test_any_condition_stops(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        stoppers = [
            stop_when(recorder, condition) for condition in (Metric("loss") > 5, lambda record: record.epoch > 3)
        ]
        trainer.run([0], max_epochs=10)
        assert trainer.state.epoch == 4
        assert [stopper.stopped_at is not None for stopper in stoppers] == [False, True]
        with pytest.raises(AttributeError, match="it has no best score, counter or patience"):
            _ = stoppers[0].best_score
        assert not hasattr(stoppers[0], "patience")

    def test_the_clock_stops_in_mid_epoch(self) -> None:
        trainer, evaluator = loop()
        stopper = stop_when(Recorder(trainer, evaluator), After(iterations=5), name="enough")
        assert stopper.name == "enough"
        trainer.run([0] * 4, max_epochs=3)
        assert (trainer.state.epoch, trainer.state.iteration) == (2, 6)
        assert stopper.reason == "After(iterations=5) held"

    def test_it_stops_in_the_first_evaluation_at_the_start(self) -> None:
        trainer, evaluator = engine(), engine()
        evaluator.state.metrics["loss"] = 0.1
        evaluate(trainer, evaluator, Events.STARTED)
        stop_when(Recorder(trainer, evaluator), Metric("loss") < 0.5)
        assert trainer.run([0], max_epochs=3).epoch == 0

    def test_a_removed_stopper_stops_nothing(self) -> None:
        trainer, stopper = stopping(_LOSSES)
        stopper.remove()
        assert trainer.run([0], max_epochs=10).epoch == 10


class TestTelling:
    def test_why_is_on_the_handle_in_the_state_in_the_marks_and_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="ignite_delayed")
        trainer, stopper = stopping(_LOSSES, until=After(epochs=3), threshold=0.01)
        assert (stopper.reason, trainer.state.stop_reason) == (None, None)  # type: ignore[attr-defined]
        trainer.run([0, 0], max_epochs=10)
        reason = (
            "loss did not improve by more than 0.01 for 2 evaluations in a row (patience 2); "
            "best 0.4 in epoch 4, iteration 8; After(epochs=3) open since epoch 4"
        )
        assert stopper.reason == trainer.state.stop_reason == reason  # type: ignore[attr-defined]
        assert decided(stopper.recorder.history) == [
            ("opened", "early stopping", 4, 8, 4),
            ("stopped", "early stopping", 6, 12, 6),
        ]
        assert [mark.text for mark in stopper.recorder.history.marks] == ["After(epochs=3)", reason]
        assert caplog.messages == [
            "early stopping may stop the run from epoch 4 on: After(epochs=3) held",
            f"early stopping stopped in epoch 6, iteration 12: {reason}",
        ]
        assert {entry.name for entry in caplog.records} == {"ignite_delayed.Stopper"}
        assert stopper.logger.name == "ignite_delayed.Stopper"

    def test_of_two_that_stop_at_once_the_first_gives_the_reason(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        first = stop_when(recorder, Metric("loss") < 0.5)
        second = stop_when(recorder, After(evaluations=1))
        trainer.run([0], max_epochs=10)
        assert (first.reason, second.reason) == ("Metric('loss') < 0.5 held", "After(evaluations=1) held")
        assert trainer.state.stop_reason == first.reason  # type: ignore[attr-defined]
        first.reset()
        assert trainer.state.stop_reason == second.reason  # type: ignore[attr-defined]

    def test_a_stopper_built_after_the_stop_does_not_hide_the_reason(self) -> None:
        trainer, stopper = stopping(_LOSSES)
        trainer.run([0], max_epochs=10)
        stop_when(stopper.recorder, After(epochs=99))
        assert trainer.state.stop_reason == stopper.reason is not None  # type: ignore[attr-defined]

    def test_the_callback_knows_the_reason(self) -> None:
        trainer, stopper = stopping(_LOSSES)
        reasons: list[str | None] = []
        stopper.on_open(lambda gate: reasons.append(stopper.reason))
        trainer.run([0], max_epochs=10)
        assert reasons == [stopper.reason]

    def test_explain_and_repr(self) -> None:
        trainer, stopper = stopping(_LOSSES, until=After(epochs=3))
        rule = "EarlyStop('loss', mode='min', patience=2, until=After(epochs=3))"
        assert repr(stopper) == f"<Stopper 'early stopping': closed, until {rule}>"
        trainer.run([0], max_epochs=5)
        assert repr(stopper) == f"<Stopper 'early stopping': counting, until {rule}>"
        assert "1 of 2 without improvement, best 0.4 in epoch 4" in str(stopper.explain())

    def test_a_stop_is_called_stopped_wherever_it_is_shown(self) -> None:
        trainer, stopper = stopping(_LOSSES)
        trainer.run([0], max_epochs=10)
        row = stopper.row()
        assert (stopper.stage, row and row.state) == ("stopped", "stopped")
        assert repr(stopper).startswith("<Stopper 'early stopping': stopped, until")
        assert "</b>: stopped since epoch 4<ul>" in stopper._repr_html_()

    def test_what_the_clock_opens_as_an_epoch_begins_is_told_to_be_before_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        trainer, stopper = stopping(_LOSSES, until=After(epochs=2))
        Gate(stopper.recorder, until=After(epochs=2), name="epochs")
        Gate(stopper.recorder, until=After(iterations=2), name="iterations")
        Gate(stopper.recorder, until=After(iterations=5), name="within")
        with caplog.at_level(logging.INFO, "ignite_delayed.Gate"):
            trainer.run([0, 0], max_epochs=3)
        assert [(mark.name, mark.when) for mark in stopper.recorder.history.marks] == [
            ("iterations", "before epoch 2"),
            ("epochs", "before epoch 3"),
            ("within", "in epoch 3, iteration 6"),
            ("early stopping", "in epoch 3, iteration 6"),  # it is decided by evaluations
        ]
        assert "epochs opened before epoch 3: After(epochs=2)" in caplog.messages


SCRIPT = """
import sys
from ignite.engine import Engine, Events
from ignite_delayed import Recorder, stop_when, Metric
trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
evaluator.add_event_handler(
    Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=1 / trainer.state.epoch)
)
trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
recorder = Recorder(trainer, evaluator)
stop_when(recorder, Metric("loss") < 0.4)
"""
TRAIN = "trainer.run([0, 0], max_epochs=9)\n"
TOLD = "stop stopped in epoch 3, iteration 6: Metric('loss') < 0.4 held\n"
AGAIN = "the run was stopped before: Metric('loss') < 0.4 held. Call reset() on the stopper to train on.\n"


class TestWithoutLogging:
    """What a script says on standard error that has set up no logging, or its own."""

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            (TRAIN, TOLD),
            ("from ignite.utils import setup_logger\nsetup_logger('trainer')\n" + TRAIN, TOLD),
            ("import logging\nlogging.basicConfig(format='%(message)s')\n" + TRAIN, TOLD),
            (
                "import logging\nlogging.basicConfig(format='%(levelname)s %(message)s', level='INFO')\n"
                "trainer.logger.disabled = evaluator.logger.disabled = True\n" + TRAIN,
                f"INFO {TOLD}",
            ),
            ("import logging\nlogging.getLogger('ignite_delayed').setLevel('ERROR')\n" + TRAIN, ""),
            ("with recorder.status().live(file=sys.stdout):\n    " + TRAIN, ""),
            (
                TRAIN + TRAIN,
                TOLD + AGAIN,
            ),
        ],
        ids=["none", "Ignite's", "default level", "INFO", "quiet", "live", "resumed"],
    )
    def test_a_stop_is_told_in_a_line(self, script: str, said: str) -> None:
        done = subprocess.run([sys.executable, "-c", SCRIPT + script], capture_output=True, text=True, check=True)
        assert done.stderr == said


class TestRuns:
    def test_a_stopped_run_ends_at_once_until_it_is_reset(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="ignite_delayed")
        trainer, stopper = stopping(_LOSSES)
        trainer.run([0], max_epochs=10)
        assert trainer.state.epoch == 4
        caplog.clear()
        for _ in range(2):
            assert trainer.run([0], max_epochs=10).epoch == 4
        said = f"the run was stopped before: {stopper.reason}. Call reset() on the stopper to train on."
        assert caplog.messages == [said, said]
        stopper.reset()
        assert (stopper.counter, stopper.best_score, stopper.stopped_at) == (0, None, None)
        assert trainer.run([0], max_epochs=10).epoch == 9  # 0.6, 0.7, then 0.3, 0.8, 0.8

    def test_a_run_from_the_beginning_starts_afresh(self) -> None:
        trainer, _ = stopping(_LOSSES)
        trainer.run([0], max_epochs=10)
        trainer.state.max_epochs = None
        seen: list[Any] = []
        trainer.add_event_handler(Events.EPOCH_STARTED(once=1), lambda: seen.append(trainer.state.stop_reason))  # type: ignore[attr-defined]
        assert trainer.run([0], max_epochs=10).epoch == 4
        assert seen == [None]

    def test_whoever_hears_of_the_stop_may_reset_and_it_can_stop_again_at_once(self) -> None:
        trainer, evaluator = loop()
        stopper = stop_when(Recorder(trainer, evaluator), After(iterations=2))
        heard: list[int] = []

        @stopper.on_open
        def go_on(gate: Gate) -> None:
            heard.append(trainer.state.iteration)
            if len(heard) < 3:
                stopper.reset()

        trainer.run([0] * 8, max_epochs=2)
        assert heard == [3, 4, 5]
        assert trainer.state.iteration == 5


class TestState:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    def test_reason_and_all_are_there_after_loading(self, through: Any) -> None:
        trainer, stopper = stopping(_LOSSES, until=After(epochs=3))
        trainer.run([0], max_epochs=10)
        state = stopper.state_dict()
        assert through(state) == state
        loaded_trainer, loaded = stopping(_LOSSES, until=After(epochs=3))
        loaded.load_state_dict(through(state))
        for name in ("reason", "stopped_at", "best_score", "counter", "is_open"):
            assert getattr(loaded, name) == getattr(stopper, name)
        assert loaded_trainer.state.stop_reason == stopper.reason  # type: ignore[attr-defined]
        loaded_trainer.load_state_dict(trainer.state_dict())
        assert loaded_trainer.run([0]).epoch == 6  # stopped it was, stopped it stays

    def test_a_state_that_says_stopped_but_not_why_is_refused(self) -> None:
        trainer, stopper = stopping(_LOSSES)
        trainer.run([0], max_epochs=10)
        state = stopper.state_dict()
        broken = {**state, "state": [entry if i != 3 else None for i, entry in enumerate(state["state"])]}
        with pytest.raises(StateError, match=r"the state of EarlyStop\('loss'"):
            stopper.load_state_dict(broken)
        assert stopper.state_dict() == state


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"mode": ""}, ValueError, "mode must be 'min' or 'max'.*It is never guessed"),
            ({"mode": "minimum"}, ValueError, "mode must be 'min' or 'max', got 'minimum'"),
            ({"patience": 0}, ValueError, "patience must be a whole number >= 1, got 0"),
            ({"patience": 2.5}, ValueError, "patience must be a whole number >= 1, got 2.5"),
            (
                {"while_closed": "wait"},
                ValueError,
                "while_closed must be one of 'ignore', 'track', 'count', got 'wait'",
            ),
            ({"monitor": 3}, TypeError, "monitor must be the name of a metric or a metric expression, got 3"),
            ({"monitor": ""}, TypeError, "monitor must be the name of a metric or a metric expression, got ''"),
            ({"threshold": nan}, ValueError, "threshold must be a finite number >= 0, got nan"),
            ({"threshold": -1}, ValueError, "threshold must be a finite number >= 0, got -1"),
            ({"threshold_mode": "relative"}, ValueError, "threshold_mode must be 'abs' or 'rel'"),
            ({"cumulative": 1}, TypeError, "cumulative must be True or False"),
            ({"nan": "ignore"}, ValueError, "nan must be one of 'count', 'stop', 'raise'"),
            ({"until": 50}, TypeError, r"until must be a condition.*Spell the unit: After\(epochs=50\)"),
            ({"name": ""}, ValueError, "name must be a non-empty string"),
        ],
    )
    def test_arguments(self, options: dict[str, Any], error: type[Exception], message: str) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        with pytest.raises(error, match=message):
            delay_early_stopping(recorder, **{"monitor": "loss", "mode": "min", "patience": 2, **options})
        assert recorder.gates == []

    def test_no_mode(self) -> None:
        engines = loop(loss=_LOSSES)  # held weakly
        with pytest.raises(ValueError, match=r"mode must be 'min' or 'max', got ''.*It is never guessed"):
            delay_early_stopping(Recorder(*engines), "loss", patience=2)  # type: ignore[call-arg]

    def test_no_condition(self) -> None:
        engines = loop()  # held weakly
        recorder = Recorder(*engines)
        with pytest.raises(TypeError, match="condition must be a condition, or a function of one record, got None"):
            stop_when(recorder, None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"This is a number, not a condition: compare it"):
            stop_when(recorder, Metric("loss"))  # type: ignore[arg-type]


class TestTwice:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (lambda r: stop_when(r, Metric("loss") < 0.3), lambda r: stop_when(r, Metric("loss") < 2e-1)),
            (lambda r: stop_when(r, lambda record: record.epoch > 3), lambda r: stop_when(r, lambda record: False)),
            (lambda r: stop_when(r, After(epochs=3)), lambda r: stop_when(r, After(epochs=3))),
            (
                lambda r: delay_early_stopping(r, "loss", mode="min", patience=3),
                lambda r: delay_early_stopping(r, "loss", mode="min", patience=5, until=After(epochs=3)),
            ),
            (
                lambda r: stop_when(r, After(epochs=3), name="mine"),
                lambda r: stop_when(r, Metric("loss") < 0.3, name="mine"),
            ),
        ],
    )
    def test_a_cell_that_ran_twice_is_told_and_leaves_the_first_alone(
        self, first: Callable[[Recorder], Stopper], second: Callable[[Recorder], Stopper]
    ) -> None:
        engines = loop(loss=_LOSSES)  # held weakly
        recorder = Recorder(*engines)
        stopper = first(recorder)
        with pytest.raises(AttachError, match=r"already has a stopper .* \(a notebook cell that ran twice\?\)"):
            second(recorder)
        assert recorder.gates == [stopper]
        stopper.remove()
        again = second(recorder)
        assert recorder.gates == [again]

    def test_two_rules_are_two_stoppers(self) -> None:
        engines = loop(loss=_LOSSES)  # held weakly
        recorder = Recorder(*engines)
        conditions: list[Any] = [
            Metric("loss") < 0.1,
            Metric("loss") > 0.1,
            Metric("top1") < 0.1,
            Metric("top5") < 0.1,
            After(epochs=3),
            After(seconds=3),
        ]
        for condition in conditions:
            stop_when(recorder, condition)
        for monitor in ("top1", "top5"):
            delay_early_stopping(recorder, monitor, mode="max", patience=3)
        delay_early_stopping(recorder, "top5", mode="max", patience=30, name="slow")
        stop_when(recorder, After(epochs=5), name="at last")
        assert len(recorder.gates) == 10


class TestAnAnnouncementThatRaises:
    def test_leaves_the_others_announced_and_the_run_stopped(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        stopper = stop_when(Recorder(trainer, evaluator), After(epochs=1))
        heard: list[str] = []

        @stopper.on_open
        def fail() -> None:
            raise ValueError("no disk")

        stopper.on_open(lambda gate: heard.append(gate.name))
        trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda error: heard.append(str(error)))
        trainer.run([0], max_epochs=5)
        assert heard == ["stop", "no disk"]
        assert trainer.should_terminate
        assert stopper.reason == "After(epochs=1) held"


def test_the_epoch_of_the_best_value_is_told() -> None:
    trainer, evaluator = loop(loss=[0.5, 0.3, 0.4, 0.6])
    stopper = delay_early_stopping(Recorder(trainer, evaluator), "loss", mode="min", patience=2)
    before: list[int | None] = [stopper.best_epoch]
    trainer.run([0], max_epochs=9)
    assert before == [None]
    assert (stopper.best_score, stopper.best_epoch, trainer.state.epoch) == (0.3, 2, 4)
    with pytest.raises(AttributeError, match="it has no best score"):
        _ = stop_when(stopper.recorder, After(epochs=1)).best_epoch


def test_it_is_stop_when_of_the_rule_as_a_condition() -> None:
    arguments: dict[str, Any] = {"mode": "min", "patience": 2, "until": After(epochs=3), "while_closed": "track"}
    trainer, evaluator = loop(loss=_LOSSES)
    recorder = Recorder(trainer, evaluator)
    stoppers = [
        delay_early_stopping(recorder, "loss", **arguments),
        stop_when(recorder, EarlyStop("loss", **arguments)),
    ]
    assert [stopper.name for stopper in stoppers] == ["early stopping", "stop"]
    trainer.run([0], max_epochs=10)
    assert stoppers[0].condition == stoppers[1].condition
    assert stoppers[0].reason == stoppers[1].reason is not None


# --- patience in another unit ------------------------------------------------------------------------------------


def test_patience_in_epochs_is_spent_by_epochs_that_nobody_evaluates() -> None:
    trainer = engine()
    evaluator = reporting(trainer, loss=[1.0] * 30)
    evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=3))
    stopper = delay_early_stopping(Recorder(trainer, evaluator), "loss", mode="min", patience=Patience(epochs=5))
    assert trainer.run([0], max_epochs=30).epoch == 9
    assert (stopper.counter, stopper.patience) == (6, Patience(epochs=5))
    assert stopper.reason == "loss did not improve for 6 epochs (patience 5); best 1 in epoch 3, iteration 3"


def test_patience_in_a_fraction_of_the_run_is_shown() -> None:
    trainer, evaluator = loop(loss=[1.0] * 40)
    recorder = Recorder(trainer, evaluator)
    stopper = delay_early_stopping(recorder, "loss", mode="min", patience=Patience(fraction=0.25), name="stop")
    shown: list[tuple[str, Any, dict[str, float]]] = []

    def look() -> None:
        row = stopper.row()
        assert row is not None
        shown.append((row.text, row.near, stopper.numbers()))

    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=5), look)
    assert trainer.run([0, 0], max_epochs=40).epoch == 11
    assert shown == [
        (
            "loss: patience 0.15 of 0.25 of the run left, best 1 in epoch 1",
            (0.1, 0.25),
            {"stop/open": 0.0, "stop/counter": 0.1, "stop/best": 1.0},
        )
    ]


@pytest.mark.parametrize("cut", [1, 4, 6])
def test_a_resumed_run_spends_the_patience_it_had_left(cut: int) -> None:
    def build() -> tuple[Any, Recorder]:
        trainer, evaluator = loop(loss=[3.0, 2.0] + [4.0] * 30)
        recorder = Recorder(trainer, evaluator)
        delay_early_stopping(recorder, "loss", mode="min", patience=Patience(iterations=9), until=After(epochs=1))
        return trainer, recorder

    trainer, recorder = build()
    trainer.run([0, 0], max_epochs=cut)
    saved = through_torch({"trainer": trainer.state_dict(), "recorder": recorder.state_dict()})
    again, resumed = build()
    again.load_state_dict(saved["trainer"])
    resumed.load_state_dict(saved["recorder"])
    assert again.run([0, 0], max_epochs=30).epoch == 7  # 10 of 9 iterations after epoch 2
