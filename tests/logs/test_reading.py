"""read_runs: formats told by looking, folders, patterns, DataFrames."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from log_files import LOGS, clocks, written
from strategies import run_of, several

from ignite_delayed import HistoryError, read_runs
from ignite_delayed.logs import read_keras, read_lightning, read_skorch, read_transformers, read_wandb
from ignite_delayed.logs.formats import FORMATS, look


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("keras.csv", "keras"),
        ("keras-validation-freq.csv", "keras"),
        ("keras-history.json", "json"),
        ("lightning/metrics.csv", "lightning"),
        ("skorch.json", "skorch"),
        ("transformers/trainer_state.json", "transformers"),
        ("wandb.csv", "wandb"),
        ("wandb.jsonl", "wandb"),
        ("pandas.parquet", "parquet"),
        ("mlruns", "mlflow"),
        ("../history-v1.jsonl", "history"),
        ("lightning/hparams.yaml", None),
        ("mlflow.sql", None),
        ("lightning", None),
    ],
)
def test_each_format_is_told_by_looking(name: str, expected: str | None) -> None:
    assert look(LOGS / name) == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("epoch,loss\n0,1\n", "log.csv", "csv"),  # Keras ends lines otherwise: whether 0 is the first is not known
        ("epoch,loss,accuracy\r\n0,1,2\r\n", "log.csv", "csv"),
        ("epoch,loss\r\n1,2\r\n", "log.csv", "csv"),
        ("epoch,step,loss\n1,2,3\n", "metrics.csv", "lightning"),
        ("epoch,step,loss\n1,2,3\n", "log.csv", "csv"),
        ("Step,a - loss,a - loss__MAX\n1,2,3\n", "log.csv", "wandb"),
        ('{"lr": 0.1}', "config.json", None),
        ("[1, 2]", "log.json", None),
        ("[[[[", "log.json", None),
        ('{"loss": [1', "log.json", None),
        ("{}", "log.json", None),
        ('{"other": 1}\n', "log.jsonl", None),
        ("epoch,loss\n1,2\n", "notes.txt", None),
    ],
)
def test_what_only_looks_like_a_format_is_not_taken_for_it(tmp_path: Path, text: str, name: str, expected: str) -> None:
    assert look(written(tmp_path, text, name)) == expected


def test_each_is_read_by_its_reader() -> None:
    names = ["keras.csv", "lightning/metrics.csv", "skorch.json", "transformers/trainer_state.json", "wandb.jsonl"]
    readers: list[Any] = [read_keras, read_lightning, read_skorch, read_transformers, read_wandb]
    runs = read_runs([LOGS / name for name in names])
    for history, reader, name in zip(runs, readers, names, strict=True):
        assert repr(list(history)) == repr(list(reader(LOGS / name)))
    assert runs.parameters[1] == {"lr": 0.1, "width": 4}
    assert runs.names == [str(LOGS / name) for name in names]


def test_a_folder_is_searched_in_order_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for place in (10, 9, 1):
        run_of([1.0 / place]).save((tmp_path / f"run{place}").with_suffix(".jsonl"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.copy(LOGS / "keras.csv", tmp_path / "deep" / "er")
    written(tmp_path, "words", "notes.txt")
    written(tmp_path, '{"lr": 1}', "config.json")
    written(tmp_path, "epoch,loss\n", ".hidden.csv")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    runs = read_runs(tmp_path)
    assert runs.names == ["deep/er/keras.csv", "run1.jsonl", "run9.jsonl", "run10.jsonl"]
    assert runs["run9.jsonl"] == run_of([1 / 9])
    assert len(read_runs(str(tmp_path / "*.jsonl"))) == 3
    assert [Path(name).name for name in read_runs(tmp_path / "**" / "*.csv").names] == ["keras.csv"]


def test_of_a_trainers_checkpoints_the_last_is_taken(tmp_path: Path) -> None:
    shutil.copytree(LOGS / "transformers-checkpoints", tmp_path / "run")
    assert read_runs(tmp_path).names == ["run/checkpoint-12/trainer_state.json"]
    shutil.copy(LOGS / "transformers" / "trainer_state.json", tmp_path / "run")
    assert read_runs(tmp_path).names == ["run/trainer_state.json"]
    assert len(read_runs(tmp_path / "run" / "checkpoint-4")[0]) == 2


def test_options_reach_the_reader_and_unknown_ones_are_refused_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "step,loss\n1,0.5\n2,0.25\n")
    assert clocks(read_runs(path, epoch="step")[0]) == [(1, 1, 1), (2, 2, 2)]
    with pytest.raises(TypeError, match=r"the format 'csv' has no option 'epohc'; it has: .*Did you mean 'epoch'\?"):
        read_runs(path, epohc="step")
    with pytest.raises(TypeError, match="the format 'skorch' has no option 'epoch'; it has: ignore"):
        read_runs(LOGS / "skorch.json", epoch="step")
    with pytest.raises(ValueError, match="repeats must be one of"):
        read_runs(LOGS / "keras.csv", repeats="both")
    with pytest.raises(ValueError, match=r"format must be one of .* got 'kears' .* Did you mean 'keras'"):
        read_runs(path, format="kears")


def test_the_format_may_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,loss\n0,1\n1,2\n", "log.txt")
    with pytest.raises(HistoryError, match=r"log\.txt: none of the formats csv, history, .*; pass format="):
        read_runs(path)
    assert clocks(read_runs(path, format="keras")[0]) == [(1, 1, 1), (2, 2, 2)]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv is not there"):
        read_runs(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="no file matches the pattern"):
        read_runs(tmp_path / "*.csv")
    with pytest.raises(FileNotFoundError, match="no run in this folder"):
        read_runs(tmp_path)
    with pytest.raises(HistoryError, match=r"log\.csv: the file is empty"):
        read_runs(written(tmp_path, ""))
    with pytest.raises(TypeError, match="paths must be files, folders or patterns, got 3"):
        read_runs([3])


def test_the_same_file_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="names must be all different"):
        read_runs([LOGS / "keras.csv", LOGS / "keras.csv"])


def test_a_run_that_two_paths_find_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,loss\n1,0.5\n")
    with pytest.raises(ValueError, match=r"paths must be files that are all different, .* as 'log\.csv' already"):
        read_runs([tmp_path, path])


def test_links_to_runs_that_are_there_are_no_more_runs(tmp_path: Path) -> None:
    for name in ("run1", "run2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        written(tmp_path / "runs" / name, "epoch,loss\n1,0.5\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    written(elsewhere, "epoch,loss\n1,0.25\n")
    (tmp_path / "runs" / "latest").symlink_to("run2")
    (tmp_path / "runs" / "best.csv").symlink_to("run1/log.csv")
    (tmp_path / "runs" / "more").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to("..")  # round and round
    assert read_runs(tmp_path / "runs").names == ["run1/log.csv", "run2/log.csv", "more/log.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "log.csv"
    os.mkfifo(pipe)
    Thread(target=pipe.write_text, args=["epoch,loss\n1,2\n"], daemon=True).start()  # where it is waited for
    assert look(pipe) is None


def test_names_with_commas_and_ends_of_lines_do_not_hide_the_format(tmp_path: Path) -> None:
    keras = written(tmp_path, 'epoch,"a,b","c\nd"\r\n0,1.0,2.0\r\n1,3.0,4.0\r\n', "keras.csv")
    assert look(keras) == "keras"
    assert read_runs(keras)[0]["a,b"].tolist() == [1.0, 3.0]
    lightning = written(tmp_path, '"a\nb",epoch,step,"c,d"\n1.0,0,3,\n,0,3,2.0\n', "metrics.csv")
    assert look(lightning) == "lightning"
    assert clocks(read_runs(lightning)[0]) == [(1, 4, 1)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keras.csv", "epoch,loss,phase\r\n0,1.0,a\r\n1,0.5,b\r\n"),
        ("metrics.csv", "epoch,loss,phase,step\n0,1.0,a,1\n1,0.5,b,2\n"),
        ("skorch.json", '[{"epoch": 1, "loss": 1.0, "phase": "a"}, {"epoch": 2, "loss": 0.5, "phase": "b"}]'),
        (
            "trainer_state.json",
            '{"log_history": [{"epoch": 1, "step": 1, "loss": 1, "phase": "a"}, {"epoch": 2, "step": 2, "loss": 0.5}]}',
        ),
    ],
)
def test_what_is_no_number_is_left_out_as_the_error_says(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, text, name)
    with pytest.raises(HistoryError, match=r"'phase'.* is no number; pass ignore=\['phase'\]"):
        read_runs(path)[0]
    history = read_runs(path, ignore=["phase"])[0]
    assert history["loss"].tolist() == [1.0, 0.5]
    assert set(history.metrics) == {"loss"}


def test_an_epoch_of_skorch_that_was_only_begun_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"epoch": 1, "train_loss": 0.5, "dur": 1.0}, {"epoch": 2, "batches": [{}]}]', "h.json")
    assert clocks(read_runs(path)[0]) == [(1, 1, 1)]


def test_a_dataframe_with_a_column_of_runs() -> None:
    table = pd.DataFrame(
        {"name": ["b", "a", "b"], "lr": [0.1, 0.2, 0.1], "epoch": [1, 1, 2], "loss": [3.0, 2.0, 1.0]}, index=[5, 6, 7]
    )
    runs = read_runs(table, run="name", parameters=["lr"])
    assert runs.names == ["b", "a"]
    assert runs.parameters == [{"lr": 0.1}, {"lr": 0.2}]
    assert [history["loss"].tolist() for history in runs] == [[3.0, 1.0], [2.0]]
    with pytest.raises(HistoryError, match=r"run 'b': the frame, row 7: epoch 1, .* comes after epoch 2|run 'b'"):
        read_runs(table.iloc[::-1].assign(x="y"), run="name")["b"]
    with pytest.raises(HistoryError, match=r"the frame has no column 'names'\. Did you mean 'name'\?"):
        read_runs(table, run="names")
    with pytest.raises(HistoryError, match="run 'b' of the frame: the parameter 'loss' changes within the run"):
        read_runs(table, run="name", parameters=["loss"])
    assert read_runs(several().to_pandas())[0] == several()


def test_every_format_has_its_reader_in_the_documentation() -> None:
    assert all(f'``"{name}"``' in (read_runs.__doc__ or "") for name in FORMATS)


def test_looking_and_reading_import_neither_torch_nor_the_loggers(tmp_path: Path) -> None:
    import subprocess

    code = f"""if True:
        import sys
        from ignite_delayed import read_runs
        for history in read_runs([{str(LOGS / "keras.csv")!r}, {str(LOGS / "skorch.json")!r}]):
            assert len(history) == 4
        for history in read_runs({str(LOGS / "mlruns")!r}, epoch="step"):
            assert len(history) == 4
        print({{"torch", "ignite", "pandas", "tensorboard", "mlflow"}} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "set()", done.stderr
