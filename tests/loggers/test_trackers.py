"""How each tracker is told: the real loggers of Ignite, above clients that write down what is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from engines import loop
from ignite.engine import Events
from ignite.handlers.base_logger import BaseLogger
from ignite.handlers.clearml_logger import ClearMLLogger
from ignite.handlers.neptune_logger import NeptuneLogger
from ignite.handlers.polyaxon_logger import PolyaxonLogger
from ignite.handlers.visdom_logger import VisdomLogger
from ignite.handlers.wandb_logger import WandBLogger

from ignite_delayed import AttachError, Gate, Metric, Recorder, RecorderHandler, apply_schedule, warmup

LOW = "Metric('loss') < 0.5"
OPENED, CLOSED = f"opened in epoch 2, iteration 2: {LOW}", f"closed in epoch 3, iteration 3: {LOW}"


class Client:
    """Answers every call with itself, and writes down which were made."""

    def __init__(self, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]], name: str = "") -> None:
        self.calls, self.name = calls, name

    def __getattr__(self, name: str) -> Client:
        if name.startswith("__"):
            raise AttributeError(name)
        return Client(self.calls, f"{self.name}.{name}".lstrip("."))

    def __getitem__(self, key: str) -> Client:
        return Client(self.calls, f"{self.name}[{key}]")

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Client:
        self.calls.append((self.name, args, kwargs))
        return self

    def made(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(args, kwargs) for called, args, kwargs in self.calls if called == name]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """What each client library offers where Ignite's loggers look for it."""
    client = Client([])
    offers: dict[str, dict[str, Any]] = {
        "wandb": {"init": client.init, "log": client.log, "finish": client.finish},
        "clearml": {"Task": type("Task", (), {"current_task": client.task, "TaskTypes": client})},
        "clearml.binding.frameworks.tensorflow_bind": {"WeightsGradientHistHelper": client.histograms},
        "neptune": {"init_run": lambda **kwargs: client},
        "polyaxon.tracking": {"Run": lambda **kwargs: client},
        "visdom": {"Visdom": lambda **kwargs: client},
    }
    for name, offered in offers.items():
        parents = [name[:at] for at, letter in enumerate(name) if letter == "."]
        for parent in parents:
            if parent not in offers:
                monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
        module = ModuleType(name)
        vars(module).update(offered)
        monkeypatch.setitem(sys.modules, name, module)
    return client


def run_logged(logger: BaseLogger, loss: list[float] | None = None, **given: Any) -> None:
    """Three epochs, in the second of which alone the loss is low."""
    trainer, evaluator = loop(loss=loss or [0.9, 0.4, 0.6])
    recorder = Recorder(trainer, evaluator)
    Gate(recorder, when=Metric("loss") < 0.5, name="low")
    logger.attach(trainer, log_handler=RecorderHandler(recorder, **given), event_name=Events.EPOCH_COMPLETED)
    trainer.run([0], max_epochs=3)


def test_wandb_gets_a_row_of_numbers_and_texts_for_each_step(client: Client) -> None:
    run_logged(WandBLogger())
    assert client.made("log") == [
        (({"delayed/low/open": 0.0},), {"step": 1}),
        (({"delayed/low/open": 1.0, "delayed/low/opened": OPENED},), {"step": 2}),
        (({"delayed/low/open": 0.0, "delayed/low/closed": CLOSED},), {"step": 3}),
    ]


def test_wandb_gets_texts_of_one_name_together(client: Client) -> None:
    trainer, evaluator = loop(loss=[0.4, 0.6, 0.4, 0.6])
    recorder = Recorder(trainer, evaluator)
    Gate(recorder, when=Metric("loss") < 0.5, name="low")
    WandBLogger().attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.COMPLETED)
    trainer.run([0], max_epochs=4)
    [((told,), _)] = client.made("log")
    assert [line.split(",")[0] for line in told["delayed/low/opened"].splitlines()] == [
        "opened in epoch 1",
        "opened in epoch 3",
    ]


def test_clearml_gets_a_plot_for_each_gate_and_texts_in_its_log(client: Client) -> None:
    run_logged(ClearMLLogger())
    assert client.made("task.get_logger.report_scalar") == [
        ((), {"title": "delayed/low", "series": "open", "iteration": step, "value": value})
        for step, value in enumerate([0.0, 1.0, 0.0], start=1)
    ]
    assert client.made("task.get_logger.report_text") == [
        ((f"delayed/low/opened: {OPENED}",), {"print_console": False}),
        ((f"delayed/low/closed: {CLOSED}",), {"print_console": False}),
    ]


def test_neptune_gets_series_of_numbers_and_texts(client: Client) -> None:
    run_logged(NeptuneLogger())
    assert client.made("[delayed/low/open].append") == [
        ((value,), {"step": step}) for step, value in enumerate([0.0, 1.0, 0.0], start=1)
    ]
    assert client.made("[delayed/low/opened].append") == [((OPENED,), {"step": 2})]
    assert client.made("[delayed/low/closed].append") == [((CLOSED,), {"step": 3})]


def test_polyaxon_gets_metrics_and_texts(client: Client) -> None:
    run_logged(PolyaxonLogger())
    assert client.made("log_metrics") == [
        ((), {"step": step, "delayed/low/open": value}) for step, value in enumerate([0.0, 1.0, 0.0], start=1)
    ]
    assert client.made("log_text") == [
        ((), {"name": "delayed/low/opened", "text": OPENED, "step": 2}),
        ((), {"name": "delayed/low/closed", "text": CLOSED, "step": 3}),
    ]


def test_visdom_gets_one_window_for_each_number_and_one_for_texts(client: Client) -> None:
    logger = VisdomLogger()
    run_logged(logger)
    logger.executor.shutdown()
    lines = [kwargs for _, kwargs in client.made("line")]
    assert [(line["X"], line["Y"], line["update"]) for line in lines] == [
        ([1], [0.0], None),
        ([2], [1.0], "append"),
        ([3], [0.0], "append"),
    ]
    assert {line["opts"]["title"] for line in lines} == {"delayed/low/open"}
    opened, closed = (kwargs for _, kwargs in client.made("text"))
    assert opened["text"] == f"delayed/low/opened: {OPENED}"
    assert "append" not in opened
    assert closed["append"] is True
    assert len(client.made("save")) == 3


class Own(BaseLogger):
    """A logger of one's own."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float], list[tuple[str, str]]]] = []

    def _create_output_handler(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        raise NotImplementedError

    _create_opt_params_handler = _create_output_handler


class TestLoggersOfOnesOwn:
    def test_they_are_told_by_the_function_that_was_given(self) -> None:
        logger = Own()
        run_logged(logger, write=lambda own, step, numbers, texts: own.told.append((step, numbers, texts)))
        assert logger.told == [
            (1, {"delayed/low/open": 0.0}, []),
            (2, {"delayed/low/open": 1.0}, [("delayed/low/opened", OPENED)]),
            (3, {"delayed/low/open": 0.0}, [("delayed/low/closed", CLOSED)]),
        ]

    def test_a_function_may_be_given_for_ignites_too(self, client: Client) -> None:
        run_logged(WandBLogger(), write=lambda logger, step, numbers, texts: logger.log({"only": step}))
        assert [args for args, _ in client.made("log")] == [({"only": 1},), ({"only": 2},), ({"only": 3},)]


class TestAttaching:
    def test_a_logger_that_nobody_can_tell_is_refused_before_the_run(self) -> None:
        trainer, evaluator = loop(loss=[1.0])
        recorder = Recorder(trainer, evaluator)
        handler, told = RecorderHandler(recorder), RecorderHandler(recorder, write=lambda *told: None)
        with pytest.raises(AttachError, match=r"must be one of Ignite's \(TensorboardLogger, .*write=\.\.\."):
            Own().attach(trainer, log_handler=handler, event_name=Events.EPOCH_COMPLETED)
        with pytest.raises(AttachError, match="got 5"):
            trainer.add_event_handler(Events.EPOCH_COMPLETED, handler, 5, Events.EPOCH_COMPLETED)
        with pytest.raises(AttachError, match="must be hashable: cannot create weak reference to 'list'"):
            trainer.add_event_handler(Events.EPOCH_COMPLETED, told, [], Events.EPOCH_COMPLETED)
        assert not trainer.has_event_handler(handler)
        assert not trainer.has_event_handler(told)

    def test_so_is_an_event_without_steps(self, client: Client) -> None:
        trainer, evaluator = loop(loss=[1.0])
        recorder = Recorder(trainer, evaluator)
        logger = WandBLogger()
        with pytest.raises(AttachError, match=r"counts no steps of .*: give global_step_transform="):
            trainer.add_event_handler(
                Events.EPOCH_COMPLETED, RecorderHandler(recorder), logger, Events.EXCEPTION_RAISED
            )
        steps = RecorderHandler(recorder, global_step_transform=lambda engine, event: 7)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, steps, logger, Events.EXCEPTION_RAISED)
        trainer.run([0], max_epochs=1)
        assert [kwargs for _, kwargs in client.made("log")] == []

    @pytest.mark.parametrize("event", [Events.EPOCH_COMPLETED(every=2), Events.ITERATION_COMPLETED | Events.COMPLETED])
    def test_filtered_events_and_lists_of_events_are_taken(self, client: Client, event: Any) -> None:
        trainer, evaluator = loop(loss=[0.9, 0.4])
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, when=Metric("loss") < 0.5, name="low")
        WandBLogger().attach(trainer, log_handler=RecorderHandler(recorder), event_name=event)
        trainer.run([0], max_epochs=2)
        assert client.made("log")[-1][1] == {"step": 2}

    def test_what_is_told_twice_by_two_names_is_kept_apart_in_neptune(self, client: Client) -> None:
        """A path that has a value holds no others, and ``lr`` is the rate as well as the phases."""
        import torch

        trainer, evaluator = loop(loss=[0.9, 0.4])
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        recorder = Recorder(trainer, evaluator, optimizer=optimizer)
        apply_schedule(recorder, optimizer, warmup(steps=3), per="iteration")
        NeptuneLogger().attach(trainer, log_handler=RecorderHandler(recorder), event_name=Events.EPOCH_COMPLETED)
        trainer.run([0], max_epochs=2)
        paths = {name[1:].partition("]")[0] for name, _, _ in client.calls if name.startswith("[")}
        assert {"delayed/lr/value", "delayed/lr/group_0"} <= paths
        assert not [path for path in paths for other in paths if other.startswith(f"{path}/")]
