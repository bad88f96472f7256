"""Which columns are the clock."""

from __future__ import annotations

from typing import Any

import pytest

from ignite_delayed import HistoryError
from ignite_delayed.logs import Layout


@pytest.mark.parametrize(
    ("columns", "said", "expected"),
    [
        (["epoch", "loss"], {}, {"epoch": "epoch"}),
        (["epoch", "step", "loss"], {}, {"epoch": "epoch", "iteration": "step"}),
        (["epoch", "step", "iteration"], {}, {"epoch": "epoch", "iteration": "iteration"}),
        (["epoch", "seconds", "_step"], {}, {"epoch": "epoch", "iteration": "_step", "seconds": "seconds"}),
        (["step", "loss"], {"epoch": "step"}, {"epoch": "step"}),
        (["step", "loss"], {"epoch_length": 5}, {"iteration": "step"}),
        (["n", "t"], {"iteration": "n", "epoch_length": 5, "seconds": "t"}, {"iteration": "n", "seconds": "t"}),
        (["loss", "row"], {"epoch": "row"}, {"epoch": "row"}),
    ],
)
def test_the_clock_is_found_by_its_names_or_as_told(
    columns: list[str], said: dict[str, Any], expected: dict[str, str]
) -> None:
    assert Layout(**said).named(columns, "log") == expected


def test_what_is_not_known_is_told_not_guessed() -> None:
    with pytest.raises(HistoryError, match=r"^log: 'step' counts steps, .* epoch='step' if .* epoch_length="):
        Layout().named(["step", "loss"], "log")
    with pytest.raises(HistoryError, match=r"^log: nothing says what an epoch is; .* of 'loss', 'row'; epoch='row'"):
        Layout(epoch_length=3).named(["loss", "row"], "log")
    with pytest.raises(HistoryError, match=r"no column 'epohc' \(epoch=\); .*'epoch', 'loss'\. Did you mean 'epoch'\?"):
        Layout(epoch="epohc").named(["epoch", "loss"], "log")


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"epoch": 3}, TypeError, "epoch must be a non-empty string, got 3"),
        ({"zero_based": 1}, TypeError, "zero_based must be True or False"),
        ({"epoch_length": 0}, ValueError, "epoch_length must be a whole number >= 1"),
        ({"empty": "zero"}, ValueError, "empty must be 'missing' or 'nan'"),
        ({"repeats": "both"}, ValueError, "repeats must be one of 'raise', 'first', 'last'"),
        ({"ignore": "note"}, TypeError, r"ignore must be several names .* Write ignore=\['note'\]"),
        ({"ignore": [3]}, TypeError, "ignore must be a non-empty string"),
    ],
)
def test_bad_arguments_are_refused(said: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Layout(**said)


def test_it_is_a_value() -> None:
    layout = Layout(epoch="step", ignore=["note"])
    assert eval(repr(layout)) == layout
