from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from engines import loop
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from plot_runs import ACCURACIES, figure_of, find_overlaps, texts
from strategies import run_of

from ignite_delayed import (
    After,
    Between,
    EarlyStop,
    Finite,
    Gate,
    History,
    Metric,
    Plateau,
    Record,
    Recorder,
    UnknownMetricError,
    plot_conditions,
    replay,
)
from ignite_delayed.plots import TruthBands
from ignite_delayed.plots.style import TRUTHS

LONG = (
    After(epochs=10)
    & ((Metric("val/loss") < 0.5).sustained(evaluations=3) | ~(Metric("val/loss").std(5) > 0.05))
    & (Metric("val/loss") - Metric("train/loss") < 0.2)
)


val, train = Metric("val/loss"), Metric("train/loss")
TWELVE = (
    After(epochs=10)
    & (val < 0.5).sustained(evaluations=3)
    & (val.std(5) < 0.05)
    & (val - train < 0.2)
    & Plateau("val/loss", mode="min", patience=6)
    & Between(val < 0.3, val > 0.4)
    & (
        (train < 0.1).latched()
        | (val.slope(5) > -0.01)
        | Finite("val/loss")
        | (abs(val.change(3)) < 0.02).holds(at_least=2, of=4)
        | (val < 0.2).then(After(epochs=5))
        | ~(train > 0.6)
    )
)


def noisy_run() -> History:
    noise = np.random.default_rng(0).standard_normal(40)
    return History(
        Record(
            epoch=e,
            iteration=10 * e,
            evaluation=e,
            values={"val/loss": 1.2 * math.exp(-e / 12) + 0.08 * noise[e - 1], "train/loss": 1.2 * math.exp(-e / 10)},
        )
        for e in range(1, 41)
    )


def bands(drawn: TruthBands) -> list[list[tuple[str, float, float]]]:
    return [[(zone.kind, zone.start, zone.stop) for zone in band.zones] for band in drawn.bands]


class TestConditions:
    def test_the_whole_is_on_top_and_its_parts_follow_as_explain_lists_them(self) -> None:
        drawn = plot_conditions(noisy_run(), LONG)
        assert [(band.depth, band.label) for band in drawn.bands] == [
            (0, repr(LONG)),
            (1, "After(epochs=10)"),
            (1, "… | …"),
            (2, "(…).sustained(evaluations=3)"),
            (3, "Metric('val/loss') < 0.5"),
            (2, "~(…)"),
            (3, "Metric('val/loss').std(5) > 0.05"),
            (1, "Metric('val/loss') - Metric('train/loss') < 0.2"),
        ]
        assert [" ".join(text.get_text().split()) for text in drawn.labels] == [band.label for band in drawn.bands]
        heights = [text.xy[1] for text in drawn.labels]  # type: ignore[attr-defined]
        assert drawn.axes.yaxis_inverted()
        assert heights == sorted(heights)

    def test_a_verdict_holds_from_its_record_to_the_next(self) -> None:
        drawn = plot_conditions(run_of([0.9, 0.4, math.nan, 0.6, 0.3]), After(epochs=1) & (Metric("loss") < 0.5))
        assert bands(drawn) == [
            [("unknown", 0, 1), ("false", 1, 2), ("true", 2, 3), ("unknown", 3, 4), ("false", 4, 5), ("true", 5, 6)],
            [("unknown", 0, 1), ("false", 1, 2), ("true", 2, 6)],
            [("unknown", 0, 1), ("false", 1, 2), ("true", 2, 3), ("unknown", 3, 4), ("false", 4, 5), ("true", 5, 6)],
        ]
        assert drawn.axes.get_xlim() == (0, 6)
        assert drawn.axes.get_xlabel() == "epoch"
        assert drawn.first is not None
        assert (drawn.first.epoch, drawn.first.at) == (2, 2)
        assert texts(drawn) == ["true", "false", "unknown", "first true in epoch 2"]

    def test_what_is_drawn_is_what_the_bands_say(self) -> None:
        drawn = plot_conditions(run_of([0.9, 0.4, 0.6]), Metric("loss") < 0.5)
        found = {
            str(collection.get_label()): [
                (float(at.min()), float(at.max()))
                for at in (np.asarray(path.vertices)[:, 0] for path in collection.get_paths())
            ]
            for collection in drawn.axes.collections
            if collection.get_label() in TRUTHS
        }
        assert found == {"unknown": [(0, 1)], "false": [(1, 2), (3, 4)], "true": [(2, 3)]}

    @given(st.lists(st.sampled_from([0.1, 0.6, math.nan]), min_size=1, max_size=12))
    def test_the_band_on_top_is_the_replay(self, losses: list[float]) -> None:
        run, condition = run_of(losses), (Metric("loss") < 0.5).sustained(evaluations=2)
        drawn = plot_conditions(run, condition)
        plt.close("all")
        said = {True: "true", False: "false", None: "unknown"}
        for epoch, verdict in enumerate(replay(run, condition).verdicts, start=1):
            [zone] = [zone for zone in drawn.bands[0].zones if zone.start <= epoch < zone.stop]
            assert zone.kind == said[verdict]
        assert all(one.stop == after.start for band in drawn.bands for one, after in pairwise(band.zones))

    def test_verdicts_differ_in_lightness_and_in_height_or_hatch(self) -> None:
        def lightness(kind: str) -> float:
            style = TRUTHS[kind]
            red, green, blue = mpl.colors.to_rgb(style.color)
            return 1 - style.strength * (1 - (0.2126 * red + 0.7152 * green + 0.0722 * blue))

        assert lightness("true") < 0.5 < 0.75 < lightness("false")
        assert TRUTHS["unknown"].hatch
        drawn = plot_conditions(run_of([0.9, 0.4]), Metric("loss") < 0.5)
        high = {
            str(c.get_label()): float(np.ptp(np.asarray(c.get_paths()[0].vertices)[:, 1]))
            for c in drawn.axes.collections
            if c.get_label() in ("true", "false")
        }
        assert high["false"] < high["true"] / 2

    def test_a_function_and_a_rule_are_conditions_too(self) -> None:
        drawn = plot_conditions(run_of([0.5] * 4), lambda record: record.epoch > 2)
        assert bands(drawn) == [[("unknown", 0, 1), ("false", 1, 3), ("true", 3, 5)]]
        rule = EarlyStop("loss", mode="min", patience=2, until=After(epochs=1))
        labels = [band.label for band in plot_conditions(run_of([0.5] * 6), rule).bands]
        assert labels == [repr(rule), "After(epochs=1)"]

    def test_what_never_holds_is_not_marked(self) -> None:
        drawn = plot_conditions(run_of([0.5]), Metric("loss") < 0.1)
        assert drawn.first is None
        assert texts(drawn) == ["false", "unknown"]

    def test_records_of_the_clock_alone_move_what_the_clock_decides(self) -> None:
        trainer, evaluator = loop(accuracy=ACCURACIES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=After(epochs=3))
        trainer.run([0, 0, 0], max_epochs=8)
        drawn = plot_conditions(recorder.history, After(epochs=3))
        assert drawn.bands[0].zones[-1].kind == "true"
        assert drawn.first is not None
        assert drawn.first.epoch == 4

    @pytest.mark.parametrize("width", [4, 6.4, 10])
    def test_nothing_overlaps_at_any_width(self, width: float) -> None:
        with plt.rc_context({"figure.figsize": (width, 3)}):
            drawn = plot_conditions(noisy_run(), LONG)
        figure = figure_of(drawn)
        inside = drawn.axes.get_window_extent()
        boxes = [text.get_window_extent() for text in drawn.labels]
        boxes += [box for box in map(extent, drawn.axes.collections) if box.width and box.height > 2]
        assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 + 1 for box in boxes)
        assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)
        for place, label in enumerate(boxes[: len(drawn.labels)]):
            assert not any(label.overlaps(other) for other in boxes[place + 1 :])
        assert drawn.legend is not None
        key = drawn.legend.get_window_extent()
        assert figure.bbox.x0 <= key.x0 < key.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= key.y0 < key.y1 < drawn.axes.xaxis.label.get_window_extent().y0

    def test_text_shrinks_into_a_low_place(self) -> None:
        figure, (left, _) = plt.subplots(1, 2, figsize=(9, 6.5), layout="constrained")
        drawn = plot_conditions(noisy_run(), LONG, ax=left)
        assert drawn.axes is left
        assert len(plt.get_fignums()) == 1
        assert 6 < float(drawn.labels[0].get_fontsize()) < 10
        assert figure.get_figheight() == 6.5
        assert apart_and_inside(drawn)
        assert [" ".join(text.get_text().split()) for text in drawn.labels] == [band.label for band in drawn.bands]

    @pytest.mark.parametrize(("condition", "height"), [(LONG, 2.6), (TWELVE, 5)])
    def test_in_a_lower_place_it_stands_beside_its_band_and_is_cut_where_it_is_long(
        self, condition: Any, height: float
    ) -> None:
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, height), layout="constrained")
        drawn = plot_conditions(noisy_run(), condition, ax=left)
        figure.canvas.draw()
        panel = left.get_window_extent()
        assert apart_and_inside(drawn)
        assert min(float(text.get_fontsize()) for text in drawn.labels) > 6
        for text, band in zip(drawn.labels, drawn.bands, strict=True):
            said = text.get_text()
            assert said == band.label or (said.endswith("…") and band.label.startswith(said[:-1]) and len(said) > 20)
            assert figure.bbox.x0 <= text.get_window_extent().x0
            assert text.get_window_extent().x1 < panel.x0
        assert panel.width > right.get_window_extent().width / 2
        left_edges = {band.depth: set[int]() for band in drawn.bands}
        for text, band in zip(drawn.labels, drawn.bands, strict=True):
            left_edges[band.depth].add(round(text.get_window_extent().x0 / 3))
        assert all(max(left_edges[depth]) < min(left_edges[depth + 1]) for depth in range(max(left_edges)))

    def test_a_dozen_conditions_are_legible_in_a_figure_of_their_own(self) -> None:
        drawn = plot_conditions(noisy_run(), TWELVE)
        figure_of(drawn)
        assert len(drawn.bands) > 20
        assert {float(text.get_fontsize()) for text in drawn.labels} == {10.0}
        assert apart_and_inside(drawn)
        assert figure_of(drawn).get_figheight() < 14

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"history": [0.5]}, TypeError, "history must be a History"),
            ({"history": History(), "condition": After(epochs=1)}, ValueError, "at least one record"),
            ({"condition": 5}, TypeError, "condition must be a condition"),
            ({"condition": Metric("los") < 1}, UnknownMetricError, "Did you mean 'loss'"),
            ({"ax": "left"}, TypeError, "ax must be an axes of matplotlib"),
        ],
    )
    def test_bad_input_is_refused_without_a_figure(
        self, arguments: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            plot_conditions(**{"history": run_of([0.5]), "condition": Metric("loss") < 1, **arguments})
        assert plt.get_fignums() == []


def apart_and_inside(drawn: TruthBands) -> bool:
    """Whether no label meets another or what is below the panel, or leaves the panel at its upper or lower edge."""
    figure_of(drawn)
    inside = drawn.axes.get_window_extent()
    labels = {str(number): text.get_window_extent() for number, text in enumerate(drawn.labels)}
    assert drawn.legend is not None
    below = {"key": drawn.legend.get_window_extent(), "time": drawn.axes.xaxis.get_tightbbox()}
    within = all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in labels.values())
    return within and find_overlaps(**labels, **below) == []


def extent(collection: Any) -> Any:
    """Where a collection stands on the canvas; without extent where it is empty."""
    axes = collection.axes
    points = [axes.transData.transform(path.vertices) for path in collection.get_paths()]
    if not points:
        return mpl.transforms.Bbox.null()
    table = np.concatenate(points)
    return mpl.transforms.Bbox([table.min(axis=0), table.max(axis=0)])
