from __future__ import annotations

from pathlib import Path

import pytest

from ignite_delayed import Cosine, preview, warmup
from ignite_delayed.cli import main

TEXT = "warmup(epochs=5).then(Cosine(epochs=15))"
RUN = ["--epochs", "20", "--iterations-per-epoch", "4"]


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row, by its first words."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("epoch "):
            found[f"epoch {words[1]}"] = words[2:]
        elif line.startswith("the last batch"):
            found["last"] = words[3:]
    return found


def test_the_rates_are_those_of_preview(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", TEXT, *RUN, "--lr", "0.1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("learning rate\n")
    rates = 0.1 * preview(warmup(epochs=5).then(Cosine(epochs=15)), epochs=20, iterations_per_epoch=4).rates[:, 0]
    found = rows(told)
    assert {"epoch 1", "epoch 20", "last"} <= found.keys()
    assert len(found) == 13
    for name, [cell] in found.items():
        batch = 79 if name == "last" else 4 * (int(name.split()[1]) - 1)
        assert cell == f"{rates[batch]:.4g}"


def test_without_a_base_rate_there_are_factors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "Constant(0.5)", *RUN]) == 0
    told = capsys.readouterr().out
    assert told.startswith("factor of the base rate\n")
    assert set(map(tuple, rows(told).values())) == {("0.5",)}


def test_several_schedules_stand_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "Constant(0.5)", "Linear(1, 0, epochs=20)", *RUN, "--per", "epoch"]) == 0
    assert rows(capsys.readouterr().out)["epoch 1"] == ["0.5", "1"]


def test_a_run_of_few_epochs_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "Constant(0.5)", "--epochs", "1"]) == 0
    assert rows(capsys.readouterr().out).keys() == {"epoch 1", "last"}


def test_it_can_be_drawn_and_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "rates.svg"
    assert main(["preview", TEXT, *RUN, "--picture", str(picture)]) == 0
    assert b"<svg" in picture.read_bytes()
    assert main(["preview", TEXT, *RUN, "--picture", str(picture)]) == 1
    assert "is there already: pass --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Cosine(epoch=3)", *RUN], "^^^"),
        (["__import__('os').system('true')", *RUN], "'__import__'"),
        (["After(epochs=3)", *RUN], "After"),
        ([TEXT], "Missing option '--epochs'"),
        ([TEXT, "--epochs", "0"], "0 is not in the range x>=1"),
        ([TEXT, *RUN, "--lr", "0"], "0.0 is not in the range x>0"),
        (RUN, "Missing argument 'SCHEDULE...'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", *arguments]) == 2
    assert said in capsys.readouterr().err
