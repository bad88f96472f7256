from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ignite_delayed import After, EarlyStop, History, Metric, Record, plot_run_stops, replay

RULES = [
    EarlyStop("loss", mode="min", patience=2),
    EarlyStop("loss", mode="min", patience=40),
    EarlyStop("loss", mode="min", patience=2, until=Metric("loss") < -1),
    EarlyStop("loss", mode="min", patience=2, until=After(epochs=20)),
]
RUN = History(Record(epoch=e, iteration=e, values={"loss": (e - 9) ** 2 / 99}) for e in range(1, 31))


def test_each_stop_is_where_replay_says() -> None:
    drawn = plot_run_stops(RUN, RULES)
    stops = [replay(RUN, rule).first for rule in RULES]
    expected = [np.nan if stop is None else stop.epoch for stop in stops]
    assert np.array_equal(drawn.stops, expected, equal_nan=True)
    lines = [line.get_xdata() for line in drawn.axes.lines]
    for epoch in expected:
        assert np.isnan(epoch) or any(list(line) == [epoch, epoch] for line in lines)  # type: ignore[arg-type]


def test_the_curve_is_what_was_monitored() -> None:
    curve = plot_run_stops(RUN, RULES[:1]).axes.lines[0]
    assert np.array_equal(curve.get_xdata(), RUN.clock("epoch"))
    assert np.array_equal(curve.get_ydata(), RUN["loss"])


def test_the_key_says_what_became_of_each_rule() -> None:
    drawn = plot_run_stops(RUN, RULES)
    assert drawn.legend is not None
    assert [text.get_text().replace("\n", " ") for text in drawn.legend.get_texts()] == [
        "loss",
        "patience=2: stopped in epoch 11, keeps 0 of epoch 9",
        "patience=40: not stopped, keeps 0 of epoch 9",
        "patience=2, until=Metric('loss') < -1.0: not stopped, nothing kept",
        "patience=2, until=After(epochs=20): stopped in epoch 23, keeps 1.455 of epoch 21",
    ]


def test_any_condition_can_stop_where_the_monitor_is_told() -> None:
    assert plot_run_stops(RUN, [After(epochs=5)], monitor="loss", mode="min").stops == [6.0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"history": [1.0]}, "history must be a History"),
        ({"rules": [After(epochs=5)]}, "monitor"),
        ({"ax": "here"}, "ax must be an axes"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        plot_run_stops(**{"history": RUN, "rules": RULES, **arguments})
