"""TensorBoard's event files, written by tensorboard as torch drives it, and by Ignite's logger."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from engines import loop
from ignite.engine import Events
from ignite.handlers.tensorboard_logger import OutputHandler, TensorboardLogger, global_step_from_engine
from log_files import assert_beginning, clocks, column
from torch.utils.tensorboard import SummaryWriter

from ignite_delayed import History, HistoryError, Recorder
from ignite_delayed.logs import read_tensorboard


def logged(folder: Path, *scalars: tuple[str, float, int, float], suffix: str = "") -> Path:
    """An event file with (tag, value, step, seconds since the start)."""
    with SummaryWriter(folder, filename_suffix=suffix) as writer:
        start = time.time()
        for tag, value, step, seconds in scalars:
            writer.add_scalar(tag, value, step, walltime=start + seconds)
    return folder


def losses(folder: Path) -> Path:
    return logged(folder, *(("loss", 1 / e, e, 2.0 * e) for e in range(1, 5)))


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


def test_scalars_are_records_and_steps_are_what_one_says(tmp_path: Path) -> None:
    folder = logged(tmp_path, ("a", 0.5, 10, 1), ("b", math.nan, 10, 1.5), ("a", 0.25, 20, 3), ("b", math.inf, 30, 4))
    by_epoch = read_tensorboard(folder, epoch="step")
    assert clocks(by_epoch) == [(10, 10, 1), (20, 20, 2), (30, 30, 3)]
    assert repr(column(by_epoch, "b")) == "[nan, None, inf]"
    assert by_epoch.sources == ["log"]
    by_iteration = read_tensorboard(only_file(folder), iteration="step", epoch_length=20)
    assert clocks(by_iteration) == [(1, 10, 1), (1, 20, 2), (2, 30, 3)]
    with pytest.raises(HistoryError, match=r"'step' counts steps, .* epoch='step' if a step is an epoch"):
        read_tensorboard(folder)


def test_seconds_are_those_between_the_events(tmp_path: Path) -> None:
    seconds = read_tensorboard(losses(tmp_path), epoch="step").clock("seconds")
    assert np.diff(seconds).tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert 2.0 <= seconds[0] < 60.0


def test_the_seconds_of_a_step_are_those_of_its_last_scalar(tmp_path: Path) -> None:
    folder = logged(tmp_path, ("a", 1, 1, 2), ("b", 1, 1, 7), ("a", 1, 2, 9), ("b", 1, 2, 9))
    first, second = read_tensorboard(folder, epoch="step").clock("seconds")
    assert second - first == pytest.approx(2.0)


def test_a_scalar_may_count_the_epochs(tmp_path: Path) -> None:
    folder = logged(tmp_path, ("epoch", 0, 7, 1), ("x", 3, 7, 1), ("epoch", 1, 15, 2), ("x", 3, 15, 2))
    with pytest.raises(HistoryError, match="the log begins with epoch 0; pass zero_based=True if"):
        read_tensorboard(folder)
    history = read_tensorboard(folder, zero_based=True)
    assert clocks(history) == [(1, 8, 1), (2, 16, 2)]
    assert history.metrics == ["x"]


def test_what_ignite_logged_is_what_was_recorded(tmp_path: Path) -> None:
    trainer, evaluator = loop(loss=[0.75, 0.5, 0.25])
    recorder = Recorder(trainer, evaluator)
    with TensorboardLogger(log_dir=str(tmp_path)) as logger:
        handler = OutputHandler("val", metric_names=["loss"], global_step_transform=global_step_from_engine(trainer))
        logger.attach(evaluator, log_handler=handler, event_name=Events.COMPLETED)
        trainer.run([0] * 2, max_epochs=3)
    history = read_tensorboard(tmp_path, epoch="step", epoch_length=2)
    assert clocks(history) == clocks(recorder.history)
    assert history["val/loss"].tolist() == recorder.history["loss"].tolist()


def test_images_and_texts_are_passed_over(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("note", "words", 1)
        writer.add_image("picture", np.zeros((3, 64, 64), dtype=np.uint8), 1)
        writer.add_histogram("weights", np.arange(100), 1)
        writer.add_scalar("loss", 0.5, 1, new_style=True)
    assert read_tensorboard(tmp_path, epoch="step").metrics == ["loss"]


def test_a_resumed_run_is_told_and_mended_as_told(tmp_path: Path) -> None:
    logged(tmp_path, ("loss", 0.9, 1, 1), ("loss", 0.8, 2, 2), ("loss", 0.7, 3, 3), suffix=".1")
    logged(tmp_path, ("loss", 0.6, 2, 12), ("loss", 0.5, 3, 13), suffix=".2")
    with pytest.raises(HistoryError, match=r"column 'loss': step 2 comes after step 3\. If the run was resumed"):
        read_tensorboard(tmp_path, epoch="step")
    assert read_tensorboard(tmp_path, epoch="step", repeats="last")["loss"].tolist() == pytest.approx([0.9, 0.6, 0.5])
    assert read_tensorboard(tmp_path, epoch="step", repeats="first")["loss"].tolist() == pytest.approx([0.9, 0.8, 0.7])


def test_scalars_that_count_in_different_units_are_told(tmp_path: Path) -> None:
    scalars = []
    for epoch in range(1, 4):
        scalars += [("batch", 0.0, 10 * (epoch - 1) + i, 100.0 * epoch + i) for i in range(1, 11)]
        scalars.append(("loss", 1 / epoch, epoch, 100.0 * epoch + 50))
    folder = logged(tmp_path, *scalars)
    with pytest.raises(HistoryError, match=r"logged step \d+ before .* logged step \d+: they count in different units"):
        read_tensorboard(folder, epoch="step")
    assert clocks(read_tensorboard(folder, epoch="step", ignore=["batch"])) == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_a_file_cut_anywhere_is_refused_or_holds_whole_records(tmp_path: Path) -> None:
    path = only_file(losses(tmp_path))
    content, whole = path.read_bytes(), read_tensorboard(path, epoch="step")
    told = 0
    for size in range(len(content)):
        path.write_bytes(content[:size])
        try:
            assert_beginning(read_tensorboard(path, epoch="step"), whole)
        except HistoryError as error:
            told += "cut short" in str(error)
    assert told > len(content) * 0.9
    path.write_bytes(content[:-3])
    with pytest.raises(HistoryError, match=r"byte \d+: the last record was cut short\. Pass partial=True"):
        read_tensorboard(path, epoch="step")
    assert len(read_tensorboard(path, epoch="step", partial=True)) == len(whole) - 1


def test_a_damaged_byte_is_told(tmp_path: Path) -> None:
    path = only_file(losses(tmp_path))
    content, whole = path.read_bytes(), read_tensorboard(path, epoch="step")
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(HistoryError, match=r"byte \d+: "):
            read_tensorboard(path, epoch="step")
    assert isinstance(whole, History)


def test_a_folder_without_events_and_an_empty_run_are_told(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="no event file"):
        read_tensorboard(tmp_path, epoch="step")
    with pytest.raises(HistoryError, match="holds no records"):
        read_tensorboard(logged(tmp_path / "empty"), epoch="step")
    with pytest.raises(HistoryError, match="holds no records"):
        read_tensorboard(tmp_path / "empty")  # whatever a step is


def test_what_is_said_twice_alike_is_no_conflict(tmp_path: Path) -> None:
    # Lightning's TensorBoardLogger: the epoch by training and by validation, and a metric without one.
    rows = [("hp_metric", -1.0, 0, 0.0)]
    for epoch in range(3):
        rows += [(name, value, 4 * epoch + 3, epoch) for name, value in (("loss", 0.5), ("epoch", epoch)) * 2]
    folder = logged(tmp_path, *rows)
    with pytest.raises(HistoryError, match=r"got nothing, beside 'hp_metric'; pass ignore=\['hp_metric'\]"):
        read_tensorboard(folder, epoch="epoch", zero_based=True)
    history = read_tensorboard(folder, epoch="epoch", zero_based=True, ignore=["hp_metric"])
    assert clocks(history) == [(1, 4, 1), (2, 8, 2), (3, 12, 3)]


def test_a_scalar_named_like_the_clock_keeps_both(tmp_path: Path) -> None:
    history = read_tensorboard(logged(tmp_path, ("step", 7.0, 1, 1)), epoch="step")
    assert history["metrics/step"].tolist() == [7.0]


def test_without_tensorboard_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = losses(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"tensorboard is needed .*: pip install 'ignite-delayed\[logs\]'"):
        read_tensorboard(folder, epoch="step")
