"""What Keras, Lightning, skorch, Hugging Face's Trainer and Weights & Biases wrote (tests/fixtures/logs)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from log_files import LOGS, assert_beginning, clocks, column, written

from ignite_delayed import After, EarlyStop, History, HistoryError, Metric, replay
from ignite_delayed.logs import from_skorch, read_keras, read_lightning, read_skorch, read_transformers, read_wandb


class TestKeras:
    def test_epoch_0_is_epoch_1_and_nan_stays(self) -> None:
        history = read_keras(LOGS / "keras.csv")
        assert clocks(history) == [(e, e, e) for e in (1, 2, 3, 4)]
        assert history.metrics == ["loss", "mae", "val_loss", "val_mae"]
        assert history["loss"][0] == 2.0521445274353027
        assert [math.isnan(value) for value in history["val_loss"]] == [False, False, True, False]
        assert history.sources == [""]

    def test_an_epoch_that_was_not_validated_has_no_such_value(self) -> None:
        history = read_keras(LOGS / "keras-validation-freq.csv")
        assert column(history, "val_loss") == [None, 0.22797603905200958, None]
        assert len(history["loss"]) == 3

    def test_another_file_is_refused(self) -> None:
        with pytest.raises(HistoryError, match="line 1: expected 'epoch' as the first column"):
            read_keras(LOGS / "wandb.csv")

    def test_a_second_fit_in_one_file_is_told(self, tmp_path: Path) -> None:
        path = written(tmp_path, "epoch,loss\n0,1\n1,2\n0,3\n")
        with pytest.raises(HistoryError, match=r"line 4: epoch 1, .* after epoch 2"):
            read_keras(path)
        assert read_keras(path, repeats="last")["loss"].tolist() == [3]


class TestLightning:
    def test_sparse_rows_of_a_step_are_one_record(self) -> None:
        history = read_lightning(LOGS / "lightning" / "metrics.csv")
        assert clocks(history)[:5] == [(1, 4, 1), (2, 5, 2), (2, 8, 3), (3, 10, 4), (3, 12, 5)]
        assert history[0].values == {"train_loss_epoch": 0.6598120927810669, "val_loss": 0.17346233129501343}
        assert history[1].values == {"train_loss_step": 0.11996375024318695}
        assert history.sources == ["log"]

    def test_rules_go_by_the_rows_that_have_the_metric(self) -> None:
        history = read_lightning(LOGS / "lightning" / "metrics.csv")
        assert history["val_loss"].tolist()[2:] == [0.07319097220897675, 0.07319097220897675]
        stop = replay(history, EarlyStop("val_loss", mode="min", patience=1))
        assert stop.first is not None
        assert stop.first.epoch == 4  # what validate() logged after fit(), which the file does not tell
        held = replay(history, (Metric("val_loss") < 0.1) & After(epochs=2)).first
        assert held is not None
        assert held.epoch == 3

    def test_another_file_is_refused(self) -> None:
        with pytest.raises(HistoryError, match="line 1: no column 'step'"):
            read_lightning(LOGS / "keras.csv")


class TestSkorch:
    def test_batches_and_durations_are_summed(self) -> None:
        history = read_skorch(LOGS / "skorch.json")
        assert clocks(history) == [(e, 4 * e, e) for e in (1, 2, 3, 4)]
        assert history[0].seconds == 0.0754232406616211
        assert history[1].seconds == pytest.approx(0.0754232406616211 + 0.008288145065307617)
        assert history["valid_loss"][:2].tolist() == [0.695739209651947, 0.5505791902542114]
        assert "batches" not in history.metrics

    def test_the_list_itself_is_taken(self) -> None:
        epochs = json.loads((LOGS / "skorch.json").read_text())
        assert from_skorch(epochs) == read_skorch(LOGS / "skorch.json")

    @pytest.mark.parametrize("kind", [str, Path])
    def test_who_gives_a_path_in_place_of_it_is_told_what_reads_files(self, kind: type) -> None:
        with pytest.raises(HistoryError, match=r"got a \w+; read_skorch\(path\) reads a file"):
            from_skorch(kind(LOGS / "skorch.json"))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"epoch": 1}', "expected skorch's list of epochs, got a dict"),
            ("[3]", "log.json, entry 1: expected a dict with an 'epoch', got 3"),
            ('[{"epoch": 1, "loss": "x"}]', "entry 1, column 'loss': 'x' .* is no number"),
            ('[{"epoch": 1, "loss": 1}, {"epoch": 1, "loss": 1}]', "entry 2: epoch 1 comes after epoch 1: two fits"),
            ("[]", "holds no records"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path: Path, text: str, said: str) -> None:
        path = written(tmp_path, text, "log.json")
        with pytest.raises(HistoryError, match=said):
            read_skorch(path)


class TestTransformers:
    def test_fractions_of_epochs_are_in_the_running_one(self) -> None:
        history = read_transformers(LOGS / "transformers" / "trainer_state.json")
        assert clocks(history) == [(1, 2, 1), (1, 4, 2), (2, 6, 3), (2, 8, 4), (3, 10, 5), (3, 12, 6)]
        assert column(history, "eval_loss")[:4] == [None, 0.705089271068573, None, 0.7048423290252686]
        assert history[1]["loss"] == 0.9256206750869751
        assert history[0].planned == 12
        assert "train_runtime" in history[5]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[]", "expected the state of a Trainer"),
            ('{"log_history": 3}', "expected the state of a Trainer"),
            ('{"log_history": []}', "holds no records"),
            ('{"log_history": [3]}', "log.json, entry 1 of log_history: expected a dict"),
            ('{"log_history": [{"loss": 1, "step": 1}]}', "column 'epoch': expected an epoch >= 0, got None"),
            (
                '{"log_history": [{"loss": 1, "epoch": NaN, "step": 1}]}',
                "column 'epoch': expected an epoch >= 0, got nan",
            ),
            ('{"log_history": [{"loss": 1, "epoch": 1}]}', "column 'step': expected a whole number"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(HistoryError, match=said):
            read_transformers(written(tmp_path, text, "log.json"))


class TestWandb:
    def test_an_exported_history(self) -> None:
        history = read_wandb(LOGS / "wandb.jsonl")
        assert len(history) == 10
        assert history.clock("epoch").tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        assert history.clock("iteration").tolist() == list(range(10))
        assert history[0].seconds == 1.995194329
        assert set(history.metrics) == {"train/loss", "val/loss"}
        assert column(history, "val/loss")[:4] == [None, 1.1, None, 0.55]

    def test_nan_stays_where_the_format_tells_it(self) -> None:
        assert math.isnan(read_wandb(LOGS / "wandb.jsonl")["val/loss"][3])
        with pytest.raises(
            HistoryError, match=r"wandb\.csv, line 9: nothing but the clock, and pandas writes NaN as nothing"
        ):
            read_wandb(LOGS / "wandb.csv")

    def test_through_csv_all_but_nan_survives(self) -> None:
        whole, sheet = read_wandb(LOGS / "wandb.jsonl"), read_wandb(LOGS / "wandb.csv", empty="missing")
        assert clocks(sheet)[:7] == clocks(whole)[:7]
        assert [record.values for record in sheet[:7]] == [record.values for record in whole[:7]]
        assert len(sheet) == 9

    def test_images_are_passed_over_and_words_told(self, tmp_path: Path) -> None:
        line = '{"_step": 0, "epoch": 1, "loss": 1, "picture": {"_type": "image-file"}, "note": "x"}\n'
        path = written(tmp_path, line, "log.jsonl")
        with pytest.raises(HistoryError, match=r"log\.jsonl, line 1, column 'note': 'x' .* ignore=\['note'\]"):
            read_wandb(path)
        assert read_wandb(path, ignore=["note"]).metrics == ["loss"]

    @pytest.mark.parametrize(
        ("text", "name", "said"),
        [
            ("Step,a - loss,a - loss__MIN\n1,2,2\n", "log.csv", "no column '_step', .* the export of a chart"),
            ("epoch,loss\n1,2\n", "log.csv", r"no column '_step', so no history of Weights & Biases\.$"),
            ('{"_step": 0, "loss": 1}\n', "log.jsonl", "'_step' counts steps"),
            (
                '{"_step": 0, "epoch": 1, "loss": 1}\n{"_step": 1, "loss": 1}\n',
                "log.jsonl",
                "line 2, column 'epoch': .* nothing",
            ),
            ("3\n", "log.jsonl", "line 1: expected what one call of log"),
            ("{\n", "log.jsonl", "line 1: no JSON"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path: Path, text: str, name: str, said: str) -> None:
        with pytest.raises(HistoryError, match=said):
            read_wandb(written(tmp_path, text, name))


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (read_keras, "keras.csv"),
        (read_lightning, "lightning/metrics.csv"),
        (read_skorch, "skorch.json"),
        (read_transformers, "transformers/trainer_state.json"),
        (read_wandb, "wandb.jsonl"),
    ],
)
def test_a_file_cut_anywhere_is_refused_or_holds_whole_rows(
    reader: Callable[[Path], History], name: str, tmp_path: Path
) -> None:
    content, whole = (LOGS / name).read_bytes(), reader(LOGS / name)
    path = tmp_path / Path(name).name
    refused = 0
    for size in range(0, len(content), max(1, len(content) // 97)):
        path.write_bytes(content[:size])
        try:
            part = reader(path)
        except HistoryError:
            refused += 1
        else:
            assert content[:size].endswith((b"\n", b"\r")) or content[size:].strip() == b""
            assert_beginning(part, whole)
    assert refused > 10


def test_the_rounding_of_the_trainers_epochs_begins_no_new_one(tmp_path: Path) -> None:
    logged = [{"epoch": epoch, "step": step, "loss": 1} for step, epoch in ((3, 1.0000000001), (4, 1.34))]
    history = read_transformers(written(tmp_path, json.dumps({"log_history": logged}), "log.json"))
    assert clocks(history) == [(1, 3, 1), (2, 4, 2)]
