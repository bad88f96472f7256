from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import loop, through_torch
from ignite.engine import Engine, Events
from ignite.handlers import EpochOutputStore
from ignite.handlers.mlflow_logger import MLflowLogger
from ignite.handlers.tensorboard_logger import TensorboardLogger

from ignite_delayed import (
    After,
    AttachError,
    Constant,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    RecorderHandler,
    delay_early_stopping,
)

LOSSES = [0.9, 0.62, 0.45, 0.44, 0.43, 0.5, 0.5, 0.5, 0.5, 0.5]


def built() -> tuple[Engine, Recorder]:
    """A trainer whose recorder has a gate, a stopper, and phases of a rate."""
    trainer, evaluator = loop(loss=LOSSES)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    recorder = Recorder(trainer, evaluator, optimizer=optimizer)
    Gate(recorder, until=Metric("loss") < 0.5, name="low")
    delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=3))
    LRPhases(recorder, optimizer, [Phase(Constant(1.0, epochs=2), per="epoch"), Phase(Constant(0.5), per="epoch")])
    return trainer, recorder


def run_logged(logger: Any, epochs: int, state: dict[str, Any] | None = None) -> Any:
    """Run to so many epochs, from ``state`` if there is one, with the recorder logged; the state afterwards."""
    trainer, recorder = built()
    handler = RecorderHandler(recorder)
    logger.attach(trainer, log_handler=handler, event_name=Events.EPOCH_COMPLETED)
    if state is not None:
        recorder.load_state_dict(state["recorder"])
        trainer.load_state_dict(state["trainer"])
    trainer.run([0] * 2, max_epochs=epochs)
    return through_torch({"recorder": recorder.state_dict(), "trainer": dict(trainer.state_dict())})


def events(folder: Path) -> tuple[dict[str, list[tuple[int, float]]], list[tuple[str, int, str]]]:
    """The scalars and the texts in the event files of ``folder``, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars: dict[str, list[tuple[int, float]]] = {}
    texts: list[tuple[str, int, str]] = []
    for file in sorted(folder.glob("events.*")):
        accumulator = EventAccumulator(str(file), size_guidance={"tensors": 0, "scalars": 0})
        accumulator.Reload()
        tags = accumulator.Tags()
        for tag in tags["scalars"]:
            scalars.setdefault(tag, []).extend((event.step, event.value) for event in accumulator.Scalars(tag))
        for tag in tags["tensors"]:
            found = accumulator.Tensors(tag)
            texts += [(tag, event.step, event.tensor_proto.string_val[0].decode()) for event in found]
    return scalars, texts


class TestTensorBoard:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "runs"

    def test_numbers_are_read_back(self, folder: Path) -> None:
        with TensorboardLogger(log_dir=folder) as logger:
            run_logged(logger, 10)
        scalars, _ = events(folder)
        steps = list(range(1, 9))  # it stopped in epoch 8
        assert scalars["delayed/low/open"] == list(zip(steps, [0, 0, 1, 1, 1, 1, 1, 1], strict=True))
        assert scalars["delayed/early stopping/open"] == list(zip(steps, [0] * 7 + [1], strict=True))
        assert [value for _, value in scalars["delayed/early stopping/counter"]] == [0, 0, 0, 0, 0, 1, 2, 3]
        best = scalars["delayed/early stopping/best"]
        assert [(step, round(value, 4)) for step, value in best] == [(4, 0.44), *((step, 0.43) for step in range(5, 9))]
        assert [value for _, value in scalars["delayed/lr/phase"]] == [1, 1, 2, 2, 2, 2, 2, 2]
        for name in ("delayed/lr/group_0", "delayed/lr"):
            assert scalars[name] == list(zip(steps, [0.5, 0.5, *[0.25] * 6], strict=True))

    def test_each_mark_is_a_text_once(self, folder: Path) -> None:
        with TensorboardLogger(log_dir=folder) as logger:
            run_logged(logger, 10)
        _, texts = events(folder)
        told = [(tag.split("/")[1], step, text.strip("`").split()[0]) for tag, step, text in texts]
        assert sorted(told) == [
            ("early stopping", 4, "opened"),
            ("early stopping", 8, "stopped"),
            ("low", 3, "opened"),
            ("lr", 3, "switched"),
        ]
        [why] = [text for _, step, text in texts if step == 8]
        assert "loss did not improve for 3 evaluations in a row" in why
        assert why.startswith("`stopped in epoch 8, iteration 16: ")

    @pytest.mark.parametrize("cut", range(1, 8))
    def test_a_resumed_run_repeats_none(self, folder: Path, cut: int) -> None:
        with TensorboardLogger(log_dir=folder) as logger:
            run_logged(logger, 10)
        scalars, whole = events(folder)
        with TensorboardLogger(log_dir=folder / "cut") as logger:
            state = run_logged(logger, cut)
        with TensorboardLogger(log_dir=folder / "cut") as logger:
            run_logged(logger, 10, state)
        resumed, texts = events(folder / "cut")
        assert sorted(texts) == sorted(whole)
        assert {tag: sorted(values) for tag, values in resumed.items()} == scalars

    def test_more_epochs_in_the_same_process_repeat_none(self, folder: Path) -> None:
        trainer, recorder = built()
        with TensorboardLogger(log_dir=folder) as logger:
            logger.attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.EPOCH_COMPLETED)
            trainer.run([0] * 2, max_epochs=4)
            trainer.run([0] * 2, max_epochs=10)
        assert len(events(folder)[1]) == 4

    def test_a_second_run_from_the_beginning_is_told_again(self, folder: Path) -> None:
        trainer, recorder = built()
        with TensorboardLogger(log_dir=folder) as logger:
            logger.attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.EPOCH_COMPLETED)
            trainer.run([0] * 2, max_epochs=3)
            trainer.state.iteration = trainer.state.epoch = 0
            trainer.run([0] * 2, max_epochs=3)
        assert len(events(folder)[1]) == 4  # low and lr, twice

    def test_two_events_share_what_was_told_and_two_loggers_do_not(self, folder: Path) -> None:
        trainer, recorder = built()
        handler = RecorderHandler(recorder)
        with TensorboardLogger(log_dir=folder / "a") as one, TensorboardLogger(log_dir=folder / "b") as other:
            one.attach(trainer, log_handler=handler, event_name=Events.EPOCH_COMPLETED)
            one.attach(trainer, log_handler=handler, event_name=Events.COMPLETED)
            other.attach(trainer, log_handler=handler, event_name=Events.EPOCH_COMPLETED)
            trainer.run([0] * 2, max_epochs=10)
        assert len(events(folder / "a")[1]) == len(events(folder / "b")[1]) == 4

    def test_on_an_evaluator_the_step_is_the_trainers(self, folder: Path) -> None:
        trainer, recorder = built()
        [evaluator] = recorder.evaluators.values()
        with TensorboardLogger(log_dir=folder) as logger:
            logger.attach(evaluator, log_handler=RecorderHandler(recorder, tag="x"), event_name=Events.COMPLETED)
            trainer.run([0] * 2, max_epochs=3)
        assert events(folder)[0]["x/low/open"] == [(1, 0), (2, 0), (3, 1)]

    def test_iterations_and_steps_of_ones_own(self, folder: Path) -> None:
        trainer, recorder = built()
        transform = RecorderHandler(recorder, global_step_transform=lambda engine, event: 100 * engine.state.epoch)
        with TensorboardLogger(log_dir=folder) as logger:
            logger.attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.ITERATION_COMPLETED)
            logger.attach(trainer, log_handler=transform, event_name=Events.COMPLETED)
            trainer.run([0] * 2, max_epochs=2)
        assert [step for step, _ in events(folder)[0]["delayed/low/open"]] == [1, 2, 3, 4, 200]


class TestMLflow:
    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        monkeypatch.chdir(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, of its dependencies and of its file store
            yield (tmp_path / "mlruns").as_uri()

    def test_numbers_and_tags_are_read_back(self, store: str) -> None:
        import mlflow

        logger = MLflowLogger(tracking_uri=store)
        run_id = active_run_id()
        with logger:
            run_logged(logger, 10)

        client = mlflow.MlflowClient(store)
        opened = client.get_metric_history(run_id, "delayed low open")
        assert [(metric.step, metric.value) for metric in opened] == [(e, float(e > 2)) for e in range(1, 9)]
        rates = client.get_metric_history(run_id, "delayed lr group_0")
        assert [metric.value for metric in rates] == [0.5, 0.5, *[0.25] * 6]
        tags = {name: value for name, value in client.get_run(run_id).data.tags.items() if name.startswith("delayed ")}
        assert tags.keys() == {
            "delayed low opened",
            "delayed early stopping opened",
            "delayed early stopping stopped",
            "delayed lr switched",
        }
        assert tags["delayed low opened"] == "opened in epoch 3, iteration 6: Metric('loss') < 0.5"

    def test_names_that_mlflow_refuses_are_mended(self, store: str) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("loss") < 0.5, name="loss<0.5, ü")
        import mlflow

        with MLflowLogger(tracking_uri=store) as logger:
            run_id = active_run_id()
            logger.attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.EPOCH_COMPLETED)
            trainer.run([0], max_epochs=3)
        data = mlflow.MlflowClient(store).get_run(run_id).data
        assert data.metrics == {"delayed loss_0.5_ _ open": 1.0}
        assert "delayed loss_0.5_ _ opened" in data.tags


def active_run_id() -> str:
    import mlflow

    run = mlflow.active_run()
    assert run is not None
    return str(run.info.run_id)


class TestArguments:
    def test_other_loggers_are_refused(self) -> None:
        trainer, recorder = built()
        handler = RecorderHandler(recorder)
        with pytest.raises(AttachError, match=r"logger must be one of Ignite's \(TensorboardLogger, MLflowLogger, "):
            handler(trainer, EpochOutputStore(), Events.EPOCH_COMPLETED)

    def test_each_argument_is_checked(self) -> None:
        trainer, recorder = built()
        with pytest.raises(TypeError, match="recorder must be a Recorder"):
            RecorderHandler(trainer)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="tag must be"):
            RecorderHandler(recorder, tag="")
        with pytest.raises(TypeError, match="global_step_transform must be"):
            RecorderHandler(recorder, global_step_transform=3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="write must be a function"):
            RecorderHandler(recorder, write="log")  # type: ignore[arg-type]

    def test_a_step_must_be_a_whole_number(self, tmp_path: Path) -> None:
        trainer, recorder = built()
        half: Any = lambda engine, event: 0.5  # noqa: E731
        handler = RecorderHandler(recorder, global_step_transform=half)
        with TensorboardLogger(log_dir=tmp_path) as logger, pytest.raises(TypeError, match="step must be a whole"):
            handler(trainer, logger, Events.EPOCH_COMPLETED)
