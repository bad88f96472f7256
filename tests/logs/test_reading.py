"""read_runs: formats told by looking, folders, patterns, DataFrames."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
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
    with pytest.raises(TypeError, match="the format 'skorch' has no option 'epoch'; it has: none"):
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
