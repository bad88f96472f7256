from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from strategies import run_of

from ignite_delayed import After, EarlyStop, History, Metric, Record, Sweep, grid, plot_sweep_grid, sweep

PATIENCES, DELAYS = [1, 2, 5], [None, After(epochs=20), Metric("loss") < -1]


def swept(**axes: Any) -> Sweep:
    runs = [
        History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        for n in range(3)
    ]
    axes = {"patience": PATIENCES, "until": DELAYS, "while_closed": ["ignore"]} | axes
    return sweep(runs, grid(EarlyStop, "loss", mode="min", **axes))


@pytest.mark.parametrize("cells", ["regret", "worst", "epochs", "saved", "stopped"])
def test_each_cell_is_the_number_of_its_rule(cells: Any) -> None:
    these = swept()
    drawn = plot_sweep_grid(these, cells=cells)
    assert (drawn.columns, drawn.rows) == (PATIENCES, DELAYS)
    numbers = getattr(these.summary(), cells).reshape(len(PATIENCES), len(DELAYS)).T
    table: Any = np.ma.filled(np.ma.asarray(drawn.image.get_array()), np.nan)
    assert np.array_equal(table, numbers, equal_nan=True)


def test_each_cell_says_its_number_and_what_is_unknown_says_so() -> None:
    drawn = plot_sweep_grid(swept())
    written = [text.get_text() for text in drawn.axes.texts]
    assert len(written) == 9
    assert written[6:] == ["?"] * 3  # what never starts keeps nothing
    assert drawn.axes.get_yticklabels()[0].get_text() == "no delay"


def test_numbers_are_legible_on_dark_and_on_pale_cells() -> None:
    drawn = plot_sweep_grid(swept(), cells="epochs")
    assert {text.get_color() for text in drawn.axes.texts} == {"black", "white"}


def test_what_else_differs_is_chosen() -> None:
    these = swept(until=[After(epochs=20)], while_closed=["ignore", "track"])
    with pytest.raises(ValueError, match=r"Choose with where=\{\.\.\.\} what else differs"):
        plot_sweep_grid(these)
    drawn = plot_sweep_grid(these, where={"while_closed": "track"})
    numbers = these.summary().regret[1::2]
    assert np.array_equal(np.asarray(drawn.image.get_array())[0], numbers)
    by_word = plot_sweep_grid(these, rows="while_closed", columns="patience")
    assert by_word.rows == ["ignore", "track"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rows": "unti"}, "rows must be an argument of every rule.*Did you mean 'until'"),
        ({"rows": "patience"}, "columns must be another argument than rows"),
        ({"cells": "loss"}, "cells must be one of"),
        ({"where": {"patience": 77}}, "where must be values that a rule of the sweep has"),
        ({"where": {"patienze": 7}}, "where must be an argument of every rule"),
        ({"swept": None}, "swept must be what sweep"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        plot_sweep_grid(**{"swept": swept(), **arguments})


def test_numbers_and_names_are_left_out_where_there_is_no_room() -> None:
    rules = grid(EarlyStop, "loss", mode="min", patience=range(1, 31), until=[After(epochs=e) for e in range(30)])
    drawn = plot_sweep_grid(sweep([run_of([3.0, 2.0, 1.0])], rules))
    figure = drawn.axes.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    assert len(drawn.axes.texts) == 0
    for axis in (drawn.axes.xaxis, drawn.axes.yaxis):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        assert len(boxes) > 5
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_infinite_means_can_be_read_and_long_names_have_several_lines() -> None:
    gate = (Metric("loss").mean(5) < 0.5) & (After(epochs=20) | (Metric("loss").slope(4) > 0.001))
    runs = [run_of([3.0, 4.0, -math.inf]), run_of([3.0, 4.0, 1.0])]
    drawn = plot_sweep_grid(sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[1, 5], until=[None, gate])))
    assert [text.get_color() for text in drawn.axes.texts if text.get_text() == "inf"] == ["black"]
    assert "\n" in drawn.axes.get_yticklabels()[1].get_text()
