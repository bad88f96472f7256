"""MLflow's local stores: folders and SQLite files that MLflow wrote, and what its client writes here."""

from __future__ import annotations

import math
import shutil
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from log_files import LOGS, clocks, column

from ignite_delayed import HistoryError, read_runs
from ignite_delayed.logs import read_mlflow

RUNS = LOGS / "mlruns"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as store:
        store.executescript((LOGS / "mlflow.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS, tmp_path / "mlruns"))


def metric_file(folder: Path) -> Path:
    return min(folder.glob("*/*/metrics/val/loss"))


@pytest.mark.parametrize("kind", ["folder", "database"])
def test_both_kinds_of_store_hold_the_same(kind: str, request: pytest.FixtureRequest) -> None:
    runs = read_runs(request.getfixturevalue(kind), epoch="step")
    assert [name.rpartition("/")[2] for name in runs.names] == ["lr 0.1", "lr 0.01"]
    assert runs.parameters == [{"lr": 0.1, "optimizer": "sgd"}, {"lr": 0.01, "optimizer": "sgd"}]
    for history, loss in zip(runs, ([0.9, math.nan, math.inf, 0.3], [1.8, math.nan, math.inf, 0.6]), strict=True):
        assert clocks(history) == [(e, e, e) for e in (1, 2, 3, 4)]
        assert repr(column(history, "val/loss")) == repr(loss)
        assert column(history, "accuracy") == [0.1, 0.2, 0.3, 0.4]
        assert 0 <= history[0].seconds < history[3].seconds < 1


def test_one_run_is_read_by_its_folder_id_or_name(folder: Path, database: Path) -> None:
    one = metric_file(folder).parents[2]
    assert len(read_mlflow(one, epoch="step")) == 4
    assert len(read_mlflow(database, run="lr 0.1", epoch="step")) == 4
    assert read_mlflow(folder, run=one.name, epoch="step") == read_mlflow(one, epoch="step")
    with pytest.raises(HistoryError, match=r"mlflow\.db: 2 runs there; pass run="):
        read_mlflow(database, epoch="step")
    with pytest.raises(HistoryError, match="0 runs 'other' there"):
        read_mlflow(database, run="other", epoch="step")


def test_an_experiment_and_a_run_are_found_by_looking(folder: Path) -> None:
    experiment = metric_file(folder).parents[3]
    assert len(read_runs(experiment, epoch="step")) == 2
    assert len(read_runs(metric_file(folder).parents[2], epoch="step")) == 1
    assert len(read_runs(folder.parent, epoch="step")) == 2


def test_deleted_runs_are_left_out(folder: Path, database: Path) -> None:
    meta = metric_file(folder).parents[2] / "meta.yaml"
    meta.write_text(meta.read_text(encoding="utf-8").replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    assert len(read_runs(folder, epoch="step")) == 1
    with closing(sqlite3.connect(database)) as store:
        store.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'lr 0.1'")
        store.commit()
    assert read_runs(database, epoch="step").parameters == [{"lr": 0.01, "optimizer": "sgd"}]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ((-2, None), r"loss: the last line has no end|loss, line 4: expected a time"),
        ((-1, None), r"loss: the last line has no end: the file was cut short"),
        ((None, "17952 x 5\n"), r"loss, line 5: expected a time, a value and a step, got '17952 x 5'"),
        ((None, "1795266735811 0.1 4\n"), r"loss, line 5, column 'val/loss': step 4 comes again"),
        ((None, "1795266735811 0.1 2\n"), r"loss, line 5, column 'val/loss': step 2 comes after step 4"),
    ],
)
def test_a_damaged_file_is_told_by_line(folder: Path, damage: tuple[int | None, str | None], said: str) -> None:
    path = metric_file(folder)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: damage[0]] + (damage[1] or ""), encoding="utf-8")
    with pytest.raises(HistoryError, match=said):
        read_mlflow(path.parents[2], epoch="step")


def test_a_damaged_database_is_told(database: Path) -> None:
    runs = read_runs(database, epoch="step")
    database.write_bytes(database.read_bytes()[:5000] + b"x" * 9000)
    with pytest.raises(HistoryError, match=r"mlflow\.db: no SQLite file of MLflow, or a damaged one"):
        runs[0]


def test_what_mlflows_client_writes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, of its dependencies and of its file store
        import mlflow

        client: Any = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
        run = client.create_run(client.create_experiment("study"), run_name="first: 'one'").info.run_id
        client.log_param(run, "depth", 3)
        for step, value in enumerate([0.5, math.nan, -math.inf], start=1):
            client.log_metric(run, "val/loss", value, step=step, timestamp=10_000 + step)
    runs = read_runs(tmp_path / "mlruns", epoch="step")
    assert runs.parameters == [{"depth": 3}]
    assert repr(column(runs[0], "val/loss")) == "[0.5, nan, -inf]"
    assert runs.names == [f"{tmp_path / 'mlruns'}/first: 'one'"]
