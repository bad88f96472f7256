"""One evaluator on several loaders: which source an evaluation belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from engines import engine
from ignite.engine import Engine, Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from ignite_delayed import AttachError, Metric, Recorder, delay, delay_early_stopping, stop_when

TWO = (
    r"Name the data to record it: Recorder\(trainer, {'train': \(evaluator, train_loader\), 'val': \(evaluator, val_lo"
)


def dataset(size: int = 8) -> TensorDataset:
    """Numbers from 0 on."""
    return TensorDataset(torch.arange(float(size)))


def loader(data: Any = None, size: int = 8) -> Any:
    """A loader of two in a batch."""
    return DataLoader(dataset(size) if data is None else data, batch_size=2)


def counting() -> tuple[Engine, Engine]:
    """A trainer, and an evaluator whose metric is the number of batches that it saw."""
    evaluator = engine()

    @evaluator.on(Events.EPOCH_COMPLETED)
    def count() -> None:
        evaluator.state.metrics["batches"] = evaluator.state.iteration

    return engine(), evaluator


def on_both(trainer: Engine, evaluator: Engine, *loaders: Any, event: Any = Events.EPOCH_COMPLETED) -> None:
    """Run ``evaluator`` on the loaders, or on what functions return, one after the other."""

    @trainer.on(event)
    def evaluate() -> None:
        for one in loaders:
            evaluator.run(one() if callable(one) else one)


class TestNamed:
    def test_each_loader_has_its_source_in_whatever_order(self) -> None:
        (trainer, evaluator), train, val = counting(), loader(size=8), loader(size=4)
        recorder = Recorder(trainer, {"val": (evaluator, val), "train": (evaluator, train)})
        on_both(trainer, evaluator, train, val)
        trainer.run([0], max_epochs=3)
        assert recorder.history["train/batches"].tolist() == [4, 4, 4]
        assert recorder.history["val/batches"].tolist() == [2, 2, 2]
        assert [(one.source, one.evaluation) for one in recorder.history] == [
            (name, epoch) for epoch in (1, 2, 3) for name in ("train", "val")
        ]
        assert recorder.evaluators == {"val": evaluator, "train": evaluator}

    def test_a_second_look_at_the_same_data_is_none(self, caplog: pytest.LogCaptureFixture) -> None:
        (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
        recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
        on_both(trainer, evaluator, val, train, val)
        trainer.run([0], max_epochs=2)
        assert [one.source for one in recorder.history] == ["val", "train"] * 2
        assert [one.getMessage() for one in caplog.records] == [
            "evaluator 'val' ran again at trainer iteration 1: the second look is not recorded. (Said once a run.)"
        ]

    def test_a_loader_that_is_built_again_over_its_dataset_is_the_same(self) -> None:
        (trainer, evaluator), train, val = counting(), dataset(), dataset(4)
        recorder = Recorder(trainer, {"train": (evaluator, loader(train)), "val": (evaluator, loader(val))})
        on_both(trainer, evaluator, lambda: loader(train), lambda: loader(val))
        trainer.run([0], max_epochs=2)
        assert [one.source for one in recorder.history] == ["train", "val"] * 2

    def test_a_dataset_can_be_named_in_place_of_its_loader(self) -> None:
        (trainer, evaluator), train, val = counting(), dataset(), dataset(4)
        recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
        on_both(trainer, evaluator, lambda: loader(train), lambda: loader(val))
        trainer.run([0])
        assert [one.source for one in recorder.history] == ["train", "val"]

    def test_two_loaders_over_one_dataset_are_told_apart_by_their_length(self) -> None:
        (trainer, evaluator), data = counting(), dataset()
        whole, coarse = DataLoader(data, batch_size=1), DataLoader(data, batch_size=4)
        recorder = Recorder(trainer, {"whole": (evaluator, whole), "coarse": (evaluator, coarse)})
        on_both(trainer, evaluator, lambda: DataLoader(data, batch_size=4), lambda: DataLoader(data, batch_size=1))
        trainer.run([0])
        assert [one.source for one in recorder.history] == ["coarse", "whole"]

    def test_lists_are_told_by_identity(self) -> None:
        (trainer, evaluator), train, val = counting(), [0, 0], [0, 0]
        recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
        on_both(trainer, evaluator, val, train)
        trainer.run([0])
        assert [one.source for one in recorder.history] == ["val", "train"]

    def test_other_data_are_told_once_and_not_recorded(self, caplog: pytest.LogCaptureFixture) -> None:
        (trainer, evaluator), train = counting(), loader()
        recorder = Recorder(trainer, {"train": (evaluator, train)})
        on_both(trainer, evaluator, loader(size=4), train)
        trainer.run([0], max_epochs=2)
        assert [one.source for one in recorder.history] == ["train"] * 2
        assert [one.getMessage() for one in caplog.records] == [
            (
                "an evaluation on other data (a DataLoader of length 2) than that of 'train' is not recorded. "
                "(Said once a run.)"
            )
        ]

    def test_another_evaluator_and_the_trainer_may_stand_beside(self) -> None:
        (trainer, evaluator), test = counting(), engine()
        train, val = loader(), loader(size=4)
        sources: dict[str, Any] = {"train": (evaluator, train), "val": (evaluator, val), "test": test, "self": trainer}
        recorder = Recorder(trainer, sources)
        on_both(trainer, evaluator, train, val)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: test.run([0]))
        trainer.run([0])
        assert [one.source for one in recorder.history] == ["train", "val", "test", "self"]

    def test_early_stopping_watches_the_data_that_it_names(self) -> None:
        (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
        values = {id(train): [5, 4, 3, 2, 1], id(val): [2, 3, 4, 5, 6]}

        @evaluator.on(Events.EPOCH_COMPLETED)
        def loss() -> None:
            evaluator.state.metrics["loss"] = values[id(evaluator.state.dataloader)][trainer.state.epoch - 1]

        recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
        stopper = delay_early_stopping(recorder, "val/loss", mode="min", patience=2)
        on_both(trainer, evaluator, train, val)
        trainer.run([0], max_epochs=5)
        assert stopper.stopped_at is not None
        assert stopper.stopped_at.epoch == 3

    def test_a_resumed_run_takes_no_source_twice(self) -> None:
        def build() -> tuple[Engine, Recorder]:
            (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
            recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
            on_both(trainer, evaluator, train, val)
            trainer.add_event_handler(Events.STARTED, lambda: evaluator.run(val))
            return trainer, recorder

        trainer, recorder = build()
        trainer.run([0, 0], max_epochs=2)
        trainer.state.max_epochs = 4
        again, other = build()
        other.load_state_dict(recorder.state_dict())
        again.load_state_dict(trainer.state_dict())
        again.run([0, 0])
        assert [(one.source, one.iteration) for one in other.history] == [
            ("val", 0),
            *((name, iteration) for iteration in (2, 4, 6, 8) for name in ("train", "val")),
        ]


class TestDelayed:
    def test_by_name_a_handler_runs_at_evaluations_on_that_data(self) -> None:
        (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
        recorder, seen = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)}), list[Any]()
        handle = delay(
            recorder, lambda: seen.append(evaluator.state.dataloader), engine="val", until=Metric("val/batches") > 0
        )
        on_both(trainer, evaluator, train, val)
        trainer.run([0], max_epochs=2)
        assert seen == [val, val]
        handle.remove()
        trainer.run([0])
        assert len(seen) == 2

    def test_without_a_name_it_is_not_guessed(self) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, {"train": (evaluator, loader()), "val": (evaluator, loader(size=4))})
        with pytest.raises(TypeError, match="engine must be given by name, 'train' or 'val', or as an Engine"):
            delay(recorder, print, until=Metric("val/batches") > 0)

    def test_an_unknown_name_is_refused(self) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, {"train": (evaluator, loader()), "val": (evaluator, loader(size=4))})
        with pytest.raises(ValueError, match=r"engine must be 'train' or 'val', got 'vall'.*Did you mean 'val'"):
            delay(recorder, print, engine="vall", until=Metric("val/batches") > 0)

    def test_the_only_one_that_names_its_data_is_meant_on_them_alone(self) -> None:
        (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
        recorder, seen = Recorder(trainer, {"val": (evaluator, val)}), list[Any]()
        delay(recorder, lambda: seen.append(evaluator.state.dataloader), until=Metric("val/batches") > 0)
        on_both(trainer, evaluator, val, train)
        trainer.run([0])
        assert seen == [val]


class Endless(IterableDataset[int]):
    """A dataset without a length."""

    def __iter__(self) -> Iterator[int]:
        return iter([0, 1])


SHARED, SPLIT = dataset(), dataset()
SHARED_LOADER = loader()
TWO_NAMES = "One engine has two names only on two loaders"


class TestUnnamed:
    @pytest.mark.parametrize(
        ("first", "second", "told"),
        [
            (lambda: loader(size=8), lambda: loader(size=8), "on a DataLoader of length 4 and then on a DataLoader of"),
            (
                lambda: loader(SHARED),
                lambda: DataLoader(SHARED, batch_size=4),
                "of length 4 and then on a DataLoader of",
            ),
            (lambda: [0, 0], lambda: [0], "on a list of length 2 and then on a list of length 1"),
            (
                lambda: loader(Subset(SPLIT, [0, 1])),
                lambda: loader(Subset(SPLIT, [2, 3])),
                "of length 1 and then on a DataLoader of length 1",
            ),
            (lambda: DataLoader(Endless()), lambda: DataLoader(Endless()), "on a DataLoader and then on a DataLoader:"),
            (lambda: [0] * 4, lambda: loader(size=8), "on a list of length 4 and then on a DataLoader of length 4"),
        ],
    )
    def test_other_data_raise_at_their_first_run_with_the_fix(
        self, first: Callable[[], Any], second: Callable[[], Any], told: str
    ) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, evaluator)
        on_both(trainer, evaluator, first, second)
        with pytest.raises(AttachError, match=f"the evaluator ran on two sets of data at one .*{told}.*{TWO}"):
            trainer.run([0], max_epochs=3)
        assert (trainer.state.epoch, len(recorder.history)) == (1, 1)

    @pytest.mark.parametrize(
        "built",
        [
            lambda: loader(SHARED),
            lambda: [0, 0],
            lambda: iter([0, 0]),
            lambda: SHARED_LOADER,
        ],
    )
    def test_the_same_data_are_a_second_look(self, built: Any, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, evaluator)
        on_both(trainer, evaluator, built, built)
        trainer.run([0])
        assert len(recorder.history) == 1
        assert [one.getMessage() for one in caplog.records] == [
            "the evaluator ran again at trainer iteration 1: the second look is not recorded. (Said once a run.)"
        ]

    def test_other_data_at_another_iteration_are_recorded(self) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, evaluator)
        on_both(trainer, evaluator, lambda: loader(size=2 * trainer.state.epoch))
        trainer.run([0], max_epochs=3)
        assert recorder.history["batches"].tolist() == [1, 2, 3]

    def test_the_test_set_at_the_end_of_training_is_told_and_no_error(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, evaluator)
        on_both(trainer, evaluator, loader())
        on_both(trainer, evaluator, loader(size=4), event=Events.COMPLETED)
        trainer.run([0], max_epochs=2)
        assert len(recorder.history) == 2
        (told,) = (one.getMessage() for one in caplog.records)
        assert "ran on a DataLoader of length 2 at the end of training, after a DataLoader of length 4" in told

    def test_a_cancelled_evaluation_on_other_data_is_no_error(self) -> None:
        trainer, evaluator = counting()
        recorder = Recorder(trainer, evaluator)
        evaluator.add_event_handler(
            Events.ITERATION_COMPLETED, lambda: evaluator.terminate() if evaluator.state.epoch_length == 2 else None
        )
        on_both(trainer, evaluator, [0] * 4, [0] * 2, [0] * 4)
        trainer.run([0], max_epochs=2)
        assert len(recorder.history) == 2

    def test_the_corrected_run_works(self) -> None:
        (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
        recorder = Recorder(trainer, evaluator)
        on_both(trainer, evaluator, train, val)
        with pytest.raises(AttachError):
            trainer.run([0], max_epochs=3)
        recorder.remove()
        recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
        trainer.run([0], max_epochs=3)
        assert recorder.history["val/batches"].tolist() == [2, 2]


class TestConstruction:
    @pytest.mark.parametrize(
        ("sources", "error", "message"),
        [
            (lambda t, e: (e, [0]), TypeError, r"Name the data: {'train': \(evaluator, train_loader\)"),
            (lambda t, e: {"a": (e, [0], 1)}, ValueError, "must be an engine, or a pair of an engine and its data"),
            (lambda t, e: {"a": (e, 3)}, TypeError, r"evaluators\['a'\]\[1\] must be the loader .* got 3 \(int\)"),
            (
                lambda t, e: {"a": (e, iter([0]))},
                ValueError,
                r"used up by the first, got .*\. Give what it is made from, such as a list or a DataLoader\.$",
            ),
            (lambda t, e: {"a": (e, None)}, TypeError, r"evaluators\['a'\]\[1\] must be the loader"),
            (
                lambda t, e: {"a": (None, [0])},
                TypeError,
                r"must be an ignite Engine, or None for what is recorded by hand",
            ),
            (
                lambda t, e: {"a": (t, [0])},
                ValueError,
                r"alone, without data, got .*\. It has the data that it trains on\.$",
            ),
            (lambda t, e: {"a": (e, [0]), "b": e}, ValueError, TWO_NAMES),
            (lambda t, e: {"a": e, "b": (e, [0])}, ValueError, TWO_NAMES),
            (
                lambda t, e: {"a": (e, SHARED), "b": (e, SHARED)},
                ValueError,
                TWO_NAMES,
            ),
        ],
    )
    def test_what_cannot_be_told_apart_is_refused(self, sources: Any, error: type[Exception], message: str) -> None:
        trainer, evaluator = counting()
        with pytest.raises(error, match=message):
            Recorder(trainer, sources(trainer, evaluator))


def test_ignites_mnist_example_stops_on_the_validation_loss() -> None:
    """Its shape: one evaluator, run on the training set and then on the validation set in one script."""
    torch.manual_seed(0)
    inputs, labels = torch.randn(64, 4), torch.randint(0, 2, (64,))
    train_loader = DataLoader(TensorDataset(inputs, labels), batch_size=16)
    val_loader = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(0, 2, (32,))), batch_size=16)
    model = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    criterion = torch.nn.CrossEntropyLoss()
    trainer = create_supervised_trainer(model, optimizer, criterion)
    evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "loss": Loss(criterion)})

    recorder = Recorder(trainer, {"train": (evaluator, train_loader), "val": (evaluator, val_loader)})
    stopper = delay_early_stopping(recorder, "val/loss", mode="min", patience=3)

    @trainer.on(Events.EPOCH_COMPLETED)
    def log_training_results() -> None:
        evaluator.run(train_loader)

    @trainer.on(Events.EPOCH_COMPLETED)
    def log_validation_results() -> None:
        evaluator.run(val_loader)

    trainer.run(train_loader, max_epochs=40)
    assert stopper.stopped_at is not None  # labels are noise: the validation loss rises while the training loss falls
    assert recorder.history["train/loss"].argmin() == stopper.stopped_at.epoch - 1
    assert recorder.history["val/loss"].argmin() == stopper.stopped_at.epoch - 1 - 3


def test_a_stop_on_the_training_data_ends_the_run_before_the_validation_is_missed() -> None:
    (trainer, evaluator), train, val = counting(), loader(), loader(size=4)
    recorder = Recorder(trainer, {"train": (evaluator, train), "val": (evaluator, val)})
    stop_when(recorder, Metric("train/batches") > 0)
    on_both(trainer, evaluator, train, val)
    trainer.run([0], max_epochs=3)
    assert [(one.epoch, one.source) for one in recorder.history] == [(1, "train"), (1, "val")]
