"""Traps 62-64, copies and engines that are shared: how the host bites the naive form, and that ours is not bitten."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from engines import engine, evaluate, ignite_early_stopping, loop, reporting
from ignite.engine import Engine, Events
from ignite.handlers import FastaiLRFinder

from ignite_delayed import After, AttachError, Gate, Metric, Recorder, delay, delay_early_stopping


class Test62_copies_stay_tied_to_the_original:
    def test_host(self) -> None:
        trainer = engine()
        fired: list[int] = []
        late = Events.EPOCH_COMPLETED(event_filter=lambda engine, _: engine.state.epoch > 2)
        trainer.add_event_handler(late, lambda: fired.append(1))
        copied = copy.deepcopy(trainer)
        copied.run([0], max_epochs=5)
        assert fired == []
        stopped, evaluator = loop()
        stopping = copy.deepcopy(ignite_early_stopping(stopped, lambda engine: 0.0, 1))
        evaluator.add_event_handler(Events.COMPLETED, stopping)
        stopped.run([0], max_epochs=9)
        assert stopped.state.epoch == 9

    def test_ours_refuses_to_be_copied(self) -> None:
        trainer, evaluator = loop(loss=[0.5] * 9)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=1))
        stopper = delay_early_stopping(recorder, "loss", mode="min", patience=1)
        for one in (recorder, gate, stopper):
            with pytest.raises(TypeError, match="cannot be copied: build a new one"):
                copy.deepcopy(one)

    def test_ours_gives_its_condition_to_another_run(self) -> None:
        rule = Metric("loss").mean(2) < 0.5
        trainer, evaluator = loop(loss=[0.9, 0.1, 0.1])
        gate = Gate(Recorder(trainer, evaluator), until=rule)
        trainer.run([0], max_epochs=3)
        other, its_evaluator = loop(loss=[0.9, 0.9, 0.1])
        its_gate = Gate(Recorder(other, its_evaluator), until=copy.deepcopy(gate.condition))
        other.run([0], max_epochs=3)
        assert (gate.is_open, its_gate.is_open) == (True, False)


class Test63_a_trigger_shared_by_two_trainers_leaks:
    def test_host(self) -> None:
        class Trigger:
            opened = False

            def __call__(self, engine: Engine, event: int) -> bool:
                self.opened = self.opened or engine.state.metrics["accuracy"] > 0.8
                return self.opened

        def fold(trigger: Any, accuracies: list[float]) -> list[int]:
            trainer, evaluator = loop(accuracy=accuracies)
            late: list[int] = []
            evaluator.add_event_handler(
                Events.COMPLETED(event_filter=trigger), lambda: late.append(trainer.state.epoch)
            )
            trainer.run([0], max_epochs=3)
            return late

        trigger = Trigger()
        assert fold(trigger, [0.5, 0.9, 0.9]) == [2, 3]
        assert fold(trigger, [0.5, 0.5, 0.5]) == [1, 2, 3]

    def test_ours_shares_conditions_which_remember_nothing(self) -> None:
        def fold(condition: Any, accuracies: list[float]) -> list[int]:
            trainer, evaluator = loop(accuracy=accuracies)
            late: list[int] = []
            delay(Recorder(trainer, evaluator), lambda: late.append(trainer.state.epoch), until=condition)
            trainer.run([0], max_epochs=3)
            return late

        condition = (Metric("accuracy") > 0.8).latched()
        assert fold(condition, [0.5, 0.9, 0.9]) == [2, 3]
        assert fold(condition, [0.5, 0.5, 0.5]) == []

    def test_ours_refuses_a_gate_of_another_run(self) -> None:
        (trainer, evaluator), (other, its_evaluator) = loop(), loop()
        gate = Gate(Recorder(trainer, evaluator), until=After(epochs=1))
        with pytest.raises(AttachError, match="gate of another recorder"):
            delay(Recorder(other, its_evaluator), lambda: None, until=gate)

    def test_ours_on_one_evaluator_hears_of_its_own_trainer_alone(self) -> None:
        evaluator = engine()
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=0.5))
        recorders = []
        keep = []
        for _ in range(2):
            trainer = engine()
            evaluate(trainer, evaluator)
            recorders.append(Recorder(trainer, evaluator))
            trainer.run([0], max_epochs=4)
            keep.append(trainer)
        assert [len(recorder.history) for recorder in recorders] == [4, 4]


class Test64_a_rate_finder_spends_patience_before_training:
    @staticmethod
    def _parts() -> tuple[Engine, Engine, dict[str, Any]]:
        torch.manual_seed(0)
        model = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step(engine: Engine, batch: Any) -> float:
            loss = (model(torch.ones(1, 1)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return float(loss)

        trainer = engine(step)
        evaluator = reporting(trainer, loss=lambda trainer: 1.0)
        evaluate(trainer, evaluator)
        return trainer, evaluator, {"model": model, "optimizer": optimizer}

    @staticmethod
    def _find(trainer: Engine, to_save: dict[str, Any]) -> None:
        with FastaiLRFinder().attach(trainer, to_save=to_save, num_iter=20) as finder:
            finder.run([0] * 2)

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_host(self) -> None:
        trainer, evaluator, to_save = self._parts()
        stopping = ignite_early_stopping(trainer, lambda engine: 0.0, 30)
        evaluator.add_event_handler(Events.COMPLETED, stopping)
        self._find(trainer, to_save)
        assert stopping.counter > 0
        assert trainer.state.iteration == 0

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_ours_starts_afresh_with_the_training(self) -> None:
        trainer, evaluator, to_save = self._parts()
        recorder = Recorder(trainer, evaluator)
        stopper = delay_early_stopping(recorder, "loss", mode="min", patience=4)
        self._find(trainer, to_save)
        trainer.run([0] * 2, max_epochs=9)
        assert [record.evaluation for record in recorder.history] == [1, 2, 3, 4, 5]
        assert stopper.stopped_at is not None
        assert stopper.stopped_at.epoch == 5


def test_every_trap_of_this_part_has_a_class() -> None:
    numbers = [int(name[4:6]) for name in globals() if name.startswith("Test")]
    assert numbers == list(range(62, 65))
