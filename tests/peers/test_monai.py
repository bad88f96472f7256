"""MONAI's SupervisedTrainer and SupervisedEvaluator: engines of a kind of their own, recorded as Ignite's are."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from engines import through_torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from ignite.metrics import MeanSquaredError
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import EarlyStopHandler, LrScheduleHandler, StatsHandler, ValidationHandler, from_engine
from torch.utils.data import DataLoader

from ignite_delayed import (
    After,
    AttachError,
    Cosine,
    Metric,
    Recorder,
    apply_schedule,
    delay,
    delay_early_stopping,
    warmup,
)

EPOCHS, LENGTH = 12, 4


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """MONAI's engines log each of their epochs."""
    caplog.set_level(logging.CRITICAL)


class Script:
    """A regression as MONAI's tutorials wire it: a ValidationHandler of the trainer runs the evaluator."""

    def __init__(self, *, interval: int = 1, epoch_level: bool = True, exec_at_start: bool = False) -> None:
        torch.manual_seed(0)
        images = torch.linspace(-1, 1, 8 * LENGTH)[:, None]
        data = [{"image": image, "label": image.square()} for image in images]
        self.model = torch.nn.Linear(1, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.02)
        mse: Any = MeanSquaredError(output_transform=from_engine(["pred", "label"], first=False))
        device = torch.device("cpu")
        self.evaluator = SupervisedEvaluator(
            device=device,
            val_data_loader=DataLoader(data, batch_size=16),  # type: ignore[arg-type]
            network=self.model,
            key_val_metric={"val_mse": mse},
            metric_cmp_fn=lambda current, best: current < best,
            val_handlers=[StatsHandler(iteration_log=False)],
            decollate=False,
        )
        self.validation = ValidationHandler(interval, self.evaluator, epoch_level, exec_at_start)
        self.trainer = SupervisedTrainer(
            device=device,
            max_epochs=EPOCHS,
            train_data_loader=DataLoader(data, batch_size=8),  # type: ignore[arg-type]
            network=self.model,
            optimizer=self.optimizer,
            loss_function=torch.nn.MSELoss(),
            train_handlers=[self.validation, StatsHandler(iteration_log=False)],
            decollate=False,
        )

    @property
    def outcome(self) -> tuple[list[tuple[int, int, str]], list[float]]:
        history = self.recorder.history
        weights = torch.nn.utils.parameters_to_vector(self.model.parameters()).tolist()
        return [(record.epoch, record.iteration, repr(record.values)) for record in history], weights

    recorder: Recorder


def attached(script: Script) -> Script:
    script.recorder = Recorder(script.trainer, script.evaluator, optimizer=script.optimizer)
    return script


def test_one_record_an_evaluation_on_the_clock_of_the_trainer() -> None:
    script = attached(Script(interval=2))
    script.trainer.run()
    history = script.recorder.history
    assert [record.epoch for record in history] == [2, 4, 6, 8, 10, 12]
    assert [record.iteration for record in history] == [8, 16, 24, 32, 40, 48]
    assert min(history["val_mse"]) == script.evaluator.state.best_metric


def test_evaluations_at_the_start_and_within_epochs_are_recorded() -> None:
    script = attached(Script(interval=3, epoch_level=False, exec_at_start=True))
    script.trainer.run()
    assert [record.iteration for record in script.recorder.history] == list(range(0, EPOCHS * LENGTH + 1, 3))


def test_early_stopping_ends_the_run_where_it_should() -> None:
    script = attached(Script())
    late: list[int] = []
    delay(script.recorder, lambda: late.append(script.trainer.state.epoch), until=After(epochs=2))
    stopper = delay_early_stopping(script.recorder, "val_mse", mode="max", patience=2, until=After(epochs=4))
    script.trainer.run()
    assert stopper.stopped_at is not None
    assert script.trainer.state.epoch == stopper.stopped_at.epoch == 7  # of an error that only falls
    assert late == [3, 4, 5, 6, 7]


def test_a_schedule_sets_the_rate_of_each_batch() -> None:
    script = attached(Script())
    rates: list[float] = []
    script.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda: rates.append(script.optimizer.param_groups[0]["lr"])
    )
    schedule = warmup(steps=2).then(Cosine(steps=10))
    apply_schedule(script.recorder, script.optimizer, schedule, per="epoch")
    script.trainer.run()
    assert rates == pytest.approx([0.02 * schedule(i // LENGTH) for i in range(EPOCHS * LENGTH)])


def test_resumed_it_trains_and_records_as_if_it_had_never_been_cut() -> None:
    def script() -> tuple[Script, dict[str, Any]]:
        one = attached(Script())
        delay_early_stopping(one.recorder, Metric("val_mse"), mode="min", patience=3, until=After(epochs=3))
        apply_schedule(one.recorder, one.optimizer, warmup(iterations=6), per="iteration")
        parts = {"model": one.model, "optimizer": one.optimizer, "trainer": one.trainer, **one.recorder.to_save()}
        return one, parts

    whole, parts = script()
    saved: list[Any] = []

    def save(engine: Engine) -> None:
        states = {name: part.state_dict() for name, part in parts.items()}
        saved.append(through_torch({**states, "trainer": dict(states["trainer"])}))

    whole.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=5), save)
    whole.trainer.run()
    resumed, parts = script()
    Checkpoint.load_objects(parts, saved[0])
    assert resumed.trainer.state.epoch == 5
    resumed.trainer.run()
    assert resumed.outcome == whole.outcome


@pytest.mark.filterwarnings("ignore:'(min|cumulative)_delta' is deprecated:DeprecationWarning")
def test_its_own_handlers_are_delayed() -> None:
    script = attached(Script())
    stopping = EarlyStopHandler(2, lambda engine: engine.state.metrics["val_mse"], script.trainer)
    delay(script.recorder, stopping, until=After(epochs=4))
    script.trainer.run()
    assert script.trainer.state.epoch == 7


def test_a_second_recorder_of_the_same_engines_is_refused() -> None:
    script = attached(Script())
    with pytest.raises(AttachError, match="already"):
        Recorder(script.trainer, script.evaluator)


def test_a_scheduler_of_its_own_beside_our_schedule_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="ignite_delayed")
    script = attached(Script())
    LrScheduleHandler(torch.optim.lr_scheduler.ExponentialLR(script.optimizer, 0.5), print_lr=False).attach(
        script.trainer
    )
    apply_schedule(script.recorder, script.optimizer, warmup(iterations=30), per="iteration")
    script.trainer.run()
    assert [record.levelname for record in caplog.records if "writes" in record.message] == ["WARNING"], caplog.text
