"""Traps 21-29, early stopping: how the host bites the naive form, and that ours is not bitten."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engines import engine, ignite_early_stopping, loop, nan, through_torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, EarlyStopping

from ignite_delayed import (
    After,
    AttachError,
    EarlyStop,
    MetricValueError,
    Recorder,
    StateError,
    Stopper,
    delay,
    delay_early_stopping,
)


def stop_of_ignite(scores: Sequence[Any], patience: int = 3, **options: Any) -> int | None:
    """The evaluation at which Ignite's EarlyStopping stops on ``scores``, ``None`` if it does not."""
    trainer = engine()
    values = iter(scores)
    stopping = ignite_early_stopping(trainer, lambda engine: next(values), patience, **options)
    for count in range(1, len(scores) + 1):
        stopping(trainer)
        if trainer.should_terminate:
            return count
    return None


def stop_of_ours(scores: Sequence[Any], patience: int = 3, **options: Any) -> tuple[int | None, float | None]:
    """The evaluation at which our stopper stops on ``scores``, and the best score that it kept."""
    trainer, evaluator = loop(score=scores)
    options = {"mode": "max"} | options
    stopper = delay_early_stopping(Recorder(trainer, evaluator), "score", patience=patience, **options)
    trainer.run([0], max_epochs=len(scores))
    return stopper.stopped_at.evaluation if stopper.stopped_at else None, stopper.best_score


class Test21_attach_resets_early_stopping_at_every_evaluation:
    def test_host_never_stops(self) -> None:
        trainer, evaluator = loop()
        ignite_early_stopping(trainer, lambda engine: 0.5, 3).attach(evaluator)
        assert trainer.run([0], max_epochs=20).epoch == 20

    def test_ours_stops(self) -> None:
        assert stop_of_ours([0.5] * 20)[0] == 4

    def test_ours_delays_the_handler_itself(self) -> None:
        trainer, evaluator = loop()
        delay(Recorder(trainer, evaluator), ignite_early_stopping(trainer, lambda e: 0.5, 3), until=After(epochs=5))
        assert trainer.run([0], max_epochs=20).epoch == 9

    @pytest.mark.parametrize("event", [Events.COMPLETED, Events.EPOCH_COMPLETED])
    def test_ours_refuses_one_that_was_attached(self, event: Any) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: 0.5, 3)
        stopping.attach(evaluator)
        with pytest.raises(AttachError, match="at every"):
            delay(Recorder(trainer, evaluator), stopping, until=After(epochs=5), event=event)


class Test22_resetting_at_the_trainers_start_wipes_what_was_loaded:
    @staticmethod
    def _resumed(build: Callable[[Engine, Engine], Any]) -> int:
        """Where a run stops that was cut after 3 of its epochs."""
        trainer, evaluator = loop(score=lambda trainer: 0.5)
        handler = build(trainer, evaluator)
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), lambda engine: engine.terminate())
        trainer.run([0], max_epochs=20)
        resumed, evaluator = loop(score=lambda trainer: 0.5)
        its_handler = build(resumed, evaluator)
        resumed.load_state_dict(trainer.state_dict())
        its_handler.load_state_dict(handler.state_dict())
        return int(resumed.run([0]).epoch)

    def test_host(self) -> None:
        def build(trainer: Engine, evaluator: Engine) -> EarlyStopping:
            stopping = ignite_early_stopping(trainer, lambda engine: 0.5, 3)
            stopping.attach(evaluator, reset_engine=trainer)
            return stopping

        assert self._resumed(build) == 7  # uninterrupted: 4

    def test_ours(self) -> None:
        def build(trainer: Engine, evaluator: Engine) -> Recorder:
            recorder = Recorder(trainer, evaluator)
            delay_early_stopping(recorder, "score", mode="max", patience=3)
            return recorder

        assert self._resumed(build) == 4


_DELAYED = [0.1, 0.9, 0.5, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]  # the best lies inside a delay of 3 epochs


class Test23_skipping_the_delay_and_only_suppressing_the_stop_differ:
    @pytest.mark.parametrize(("feed", "stop", "best"), [(False, 9, 0.6), (True, 6, 0.9)])
    def test_host_has_two_meanings_for_one_word(self, feed: bool, stop: int, best: float) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: _DELAYED[trainer.state.epoch - 1], 3)

        @evaluator.on(Events.COMPLETED)
        def delayed(engine: Engine) -> None:
            if trainer.state.epoch > 3:
                stopping(engine)
            elif feed:
                stopping(engine)
                stopping.counter, trainer.should_terminate = 0, False

        assert (trainer.run([0], max_epochs=11).epoch, stopping.best_score) == (stop, best)

    @pytest.mark.parametrize(
        ("while_closed", "stop", "best"), [("ignore", 9, 0.6), ("track", 6, 0.9), ("count", 5, 0.9)]
    )
    def test_ours_names_them(self, while_closed: str, stop: int, best: float) -> None:
        assert stop_of_ours(_DELAYED, until=After(epochs=3), while_closed=while_closed) == (stop, best)


class Test24_nan_counts_as_an_improvement:
    @pytest.mark.parametrize("scores", [[nan] * 9, [0.9] + [nan] * 8, [0.9, 0.8, 0.8, nan, 0.8, 0.8, 0.8]])
    def test_host_never_stops(self, scores: list[float]) -> None:
        assert stop_of_ignite(scores) is None

    def test_ours_counts_nan_and_keeps_the_best(self) -> None:
        assert stop_of_ours([nan] * 9) == (3, None)
        assert stop_of_ours([0.9] + [nan] * 8) == (4, 0.9)
        assert stop_of_ours([0.9, 0.8, 0.8, nan, 0.8, 0.8, 0.8]) == (4, 0.9)

    def test_ours_takes_none_for_nan(self) -> None:
        assert stop_of_ours([0.9, None, None, None, None]) == (4, 0.9)

    def test_ours_stops_or_raises_where_asked(self) -> None:
        assert stop_of_ours([0.9, nan, 0.95], nan="stop") == (2, 0.9)
        with pytest.raises(MetricValueError, match="'score' is NaN in epoch 2"):
            stop_of_ours([0.9, nan, 0.95], nan="raise")


class Test25_relative_thresholds_of_negative_scores_count_worse_as_better:
    @pytest.mark.parametrize("scores", [[-1.0] * 9, [-1 - 0.05 * i for i in range(9)]])
    def test_host_never_stops(self, scores: list[float]) -> None:
        assert stop_of_ignite(scores, threshold=0.1, threshold_mode="rel") is None
        assert stop_of_ours(scores, threshold=0.1, threshold_mode="rel")[0] == 4


class Test26_patience_and_default_modes_differ_between_early_stopping_and_plateau:
    def test_host(self) -> None:
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        plateau, evaluations = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3), 0
        while optimizer.param_groups[0]["lr"] == 1.0:
            plateau.step(1.0)
            evaluations += 1
        assert (stop_of_ignite([1.0] * 9), evaluations) == (4, 5)

    @pytest.mark.parametrize("mode", ["", "auto", "MAX", None])
    def test_ours_has_one_meaning_and_asks_for_the_mode(self, mode: Any) -> None:
        assert stop_of_ours([1.0] * 9)[0] == 4
        with pytest.raises((TypeError, ValueError), match="mode must be 'min' or 'max'"):
            stop_of_ours([1.0], mode=mode)


class Test27_a_stopped_run_goes_on_with_a_spent_counter:
    def test_host(self) -> None:
        trainer, evaluator = loop()
        evaluator.add_event_handler(Events.COMPLETED, ignite_early_stopping(trainer, lambda engine: 0.5, 3))
        assert [trainer.run([0], max_epochs=20).epoch for _ in range(3)] == [4, 5, 6]

    def test_ours_ends_at_once_and_says_how_to_go_on(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        trainer, evaluator = loop(score=lambda trainer: 0.5)
        stopper = delay_early_stopping(Recorder(trainer, evaluator), "score", mode="max", patience=3)
        assert [trainer.run([0], max_epochs=20).epoch for _ in range(3)] == [4, 4, 4]
        assert "Call reset() on the stopper to train on" in caplog.text
        stopper.reset()
        assert (stopper.is_open, stopper.reason, trainer.state.stop_reason) == (False, None, None)  # type: ignore[attr-defined]
        assert trainer.run([0], max_epochs=20).epoch == 8


class Test28_a_state_of_another_rule_is_loaded_silently:
    def test_host(self) -> None:
        saved = ignite_early_stopping(engine(), lambda e: 1.0, 3, mode="min")
        other = ignite_early_stopping(engine(), lambda e: 1.0, 7, mode="max")
        other.load_state_dict(saved.state_dict())
        assert (other.patience, other.mode) == (7, "max")

    def test_ours_is_refused_with_both_rules(self) -> None:
        engines = {patience: loop(score=lambda trainer: 0.5) for patience in (3, 7)}

        def build(patience: int) -> Stopper:
            return delay_early_stopping(Recorder(*engines[patience]), "score", mode="max", patience=patience)

        with pytest.raises(StateError) as error:
            build(7).load_state_dict(build(3).state_dict())
        for patience in (3, 7):
            assert repr(EarlyStop("score", mode="max", patience=patience)) in str(error.value)


class Test29_the_best_score_keeps_whatever_object_it_was_given:
    def test_host_cannot_load_its_checkpoint(self, tmp_path: Path) -> None:
        stopping = ignite_early_stopping(engine(), lambda e: np.float64(0.5), 3)
        stopping(engine())
        torch.save({"stopping": stopping.state_dict()}, tmp_path / "checkpoint.pt")
        with pytest.raises(Exception, match="Weights only load failed"):
            Checkpoint.load_objects({"stopping": stopping}, tmp_path / "checkpoint.pt")

    def test_host_aliases_a_tensor(self) -> None:
        score: Any = torch.tensor(0.5)
        stopping = ignite_early_stopping(engine(), lambda e: score, 3)
        stopping(engine())
        score.fill_(0.9)
        assert stopping.best_score is score

    @pytest.mark.parametrize("make", [float, np.float64, np.float32, lambda x: torch.tensor([x], requires_grad=True)])
    def test_ours_keeps_floats(self, make: Callable[[float], Any]) -> None:
        value = make(0.5)
        trainer, evaluator = loop(score=lambda trainer: value)
        recorder = Recorder(trainer, evaluator)
        stopper = delay_early_stopping(recorder, "score", mode="max", patience=3)
        trainer.run([0])
        assert type(stopper.best_score) is float
        assert through_torch(recorder.state_dict()) == recorder.state_dict()

    def test_ours_saves_plain_values_for_the_delayed_handler_too(self) -> None:
        trainer, evaluator = loop()
        stopping = ignite_early_stopping(trainer, lambda engine: np.float64(0.5), 3)
        handle = delay(Recorder(trainer, evaluator), stopping, until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        assert through_torch(handle.state_dict())["handler"]["best_score"] == 0.5


def test_every_trap_of_this_part_has_a_class() -> None:
    numbers = [int(name[4:6]) for name in globals() if name.startswith("Test")]
    assert numbers == list(range(21, 30))
