"""Many gates, and gates that change often, are in lanes."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from engines import loop
from matplotlib import pyplot as plt
from plot_runs import find_overlaps, many_gates, stopped_run, texts

from ignite_delayed import After, Gate, History, Metric, Recorder, plot_timeline
from ignite_delayed.plots import Timeline

TWELVE = [
    "checkpoints",
    "averaging",
    "unfreeze the backbone",
    "logging of images",
    "mixup off",
    "label smoothing off",
    "validation on test-time crops",
    "augment less",
    "swa",
    "save embeddings",
    "low",
    "settled",
]


def flickering_run(epochs: int) -> History:
    """A real run, in which a gate opens and closes at every other evaluation."""
    trainer, evaluator = loop(loss=[0.1 if epoch % 2 else 0.9 for epoch in range(epochs)])
    recorder = Recorder(trainer, evaluator)
    Gate(recorder, when=Metric("loss") < 0.5, name="low")
    trainer.run([0], max_epochs=epochs)
    return recorder.history


def bars(drawn: Timeline, kind: str) -> list[tuple[float, float, float]]:
    """Where the bars of ``kind`` are drawn: start, stop, and the middle across."""
    found = [
        np.asarray(path.vertices)
        for collection in drawn.axes["open gates"].collections
        if collection.get_label() == kind
        for path in collection.get_paths()
    ]
    return [(at[:, 0].min(), at[:, 0].max(), (at[:, 1].min() + at[:, 1].max()) / 2) for at in found]


def names_beside(drawn: Timeline) -> list[Any]:
    return [text for text in drawn.axes["open gates"].get_yticklabels() if text.get_text()]


class TestLanes:
    def test_a_gate_that_flickers_is_a_lane_and_not_a_wall(self) -> None:
        drawn = plot_timeline(flickering_run(400))
        assert len(drawn.moments) > 390
        assert list(drawn.lanes) == ["low"]
        assert [(start, stop) for start, stop, _ in bars(drawn, "open")] == [
            (zone.start, zone.stop) for zone in drawn.lanes["low"] if zone.kind == "open"
        ]
        assert len(bars(drawn, "open")) == 199
        assert list(drawn.axes["loss"].lines) == [drawn.curves["loss"]], "nothing stands across the curve"
        assert not drawn.axes["loss"].patches
        assert texts(drawn) == ["closed", "open"]

    def test_a_dozen_changes_are_shaded_and_more_are_not(self) -> None:
        few, many = plot_timeline(flickering_run(13)), plot_timeline(flickering_run(14))
        assert (len(few.zones), len(few.lanes)) == (12, 0)
        assert len(few.axes["loss"].patches) == 12
        assert (len(many.zones), len(many.lanes)) == (13, 1)

    def test_three_gates_are_shaded_and_four_are_in_lanes(self) -> None:
        three, four = plot_timeline(many_gates(*"abc")), plot_timeline(many_gates(*"abcd"))
        assert (list(three.axes), three.lanes) == (["loss"], {})
        assert texts(three)[:3] == [
            f"{name} opened before epoch {at + 1}" for name, at in (("a", 1), ("b", 3), ("c", 5))
        ]
        assert list(four.axes) == ["loss", "open gates"]
        assert list(four.lanes) == list("abcd")

    def test_each_gate_has_its_own_lane_beside_its_name(self) -> None:
        drawn = plot_timeline(many_gates(*TWELVE))
        assert [text.get_text().replace("\n", " ") for text in names_beside(drawn)] == TWELVE
        end = drawn.axes["loss"].lines[0].get_xdata()[-1]  # type: ignore[index]
        assert [(start, stop) for start, stop, _ in bars(drawn, "open")] == [(2 * n + 1, end) for n in range(12)]
        assert [(start, stop) for start, stop, _ in bars(drawn, "closed")] == [(0, 2 * n + 1) for n in range(12)]
        places = [text.get_position()[1] for text in names_beside(drawn)]
        for kind in ("open", "closed"):
            assert [across for _, _, across in bars(drawn, kind)] == pytest.approx(places)
        assert drawn.axes["open gates"].yaxis_inverted()
        assert texts(drawn) == ["closed", "open"]

    def test_what_stopped_the_run_counts_in_its_lane(self) -> None:
        drawn = plot_timeline(many_gates(*"abcd", stop=True))
        assert [zone.kind for zone in drawn.lanes["early stopping"]] == ["closed", "open", "counting"]
        assert drawn.lanes["early stopping"] == drawn.zones
        [(start, stop, _)] = bars(drawn, "counting")
        best, stopped = (moment for moment in drawn.moments if moment.kind in ("best", "stopped"))
        assert (start, stop) == (best.at, stopped.at)
        assert texts(drawn) == [
            f"best {best.value:.3g} in epoch {best.epoch}",
            f"early stopping stopped in epoch {stopped.epoch}",
            "closed",
            "open",
            "counting patience",
        ]

    def test_one_of_many_is_shaded_as_if_it_were_alone(self) -> None:
        drawn = plot_timeline(many_gates(*TWELVE), name="swa")
        assert drawn.lanes == {}
        assert [zone.kind for zone in drawn.zones] == ["closed", "open"]

    @pytest.mark.parametrize("width", [3.3, 6.4, 12])
    def test_names_are_legible_and_apart_at_any_width(self, width: float) -> None:
        with mpl.rc_context({"figure.figsize": (width, 3.5), "font.size": 8}):
            drawn = plot_timeline(many_gates(*TWELVE))
            figure: Any = drawn.axes["loss"].get_figure(root=True)
            for dpi in (100, 200):
                figure.savefig(io.BytesIO(), dpi=dpi)
            figure.canvas.draw()
        boxes = {text.get_text(): text.get_window_extent() for text in names_beside(drawn)}
        assert len(boxes) == 12
        assert find_overlaps(**boxes, panel=drawn.axes["open gates"].get_window_extent()) == []
        assert all(figure.bbox.x0 <= box.x0 for box in boxes.values())
        assert min(float(text.get_fontsize()) for text in names_beside(drawn)) > 5.5

    def test_a_name_longer_than_its_place_is_on_several_lines(self) -> None:
        long = "the gate that waits until the validation loss has settled and the learning rate is low"
        drawn = plot_timeline(many_gates(long, "b", "c", "d"))
        figure: Any = drawn.axes["loss"].get_figure(root=True)
        figure.canvas.draw()
        first, *others = names_beside(drawn)
        assert first.get_text().count("\n") > 1
        assert first.get_text().replace("\n", " ") == long
        assert first.get_window_extent().width < figure.bbox.width / 3
        boxes = {text.get_text(): text.get_window_extent() for text in (first, *others)}
        assert find_overlaps(**boxes) == []

    def test_lanes_survive_print_in_grey(self) -> None:
        drawn = plot_timeline(many_gates(*"abcd", stop=True))
        fills = {
            str(one.get_label()): np.dot(one.get_facecolor()[0][:3], (0.2126, 0.7152, 0.0722))  # type: ignore[index]
            for one in drawn.axes["open gates"].collections
        }
        assert fills["open"] + 0.2 < min(fills["counting"], fills["closed"])
        heights = {
            str(one.get_label()): float(np.ptp(np.asarray(one.get_paths()[0].vertices)[:, 1]))
            for one in drawn.axes["open gates"].collections
            if one.get_paths()
        }
        assert heights["closed"] < heights["counting"] / 2, "what greys do not tell apart, heights do"
        assert drawn.legend is not None
        lanes, handles = ("closed", "open", "counting patience"), list[Any](drawn.legend.legend_handles)
        thin, *high = [handle for handle in handles if handle.get_label() in lanes]
        assert isinstance(thin, mpl.lines.Line2D), "and in the key as well"
        assert [handle.get_label() for handle in high] == ["open", "counting patience"]

    def test_few_gates_of_a_rule_have_no_lanes(self) -> None:
        assert plot_timeline(stopped_run(patience=2, until=After(epochs=3))).lanes == {}

    @pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
    def test_they_are_written_without_a_warning_and_with_every_name(self, kind: str) -> None:
        drawn = plot_timeline(many_gates(*TWELVE, stop=True))
        file = io.BytesIO()
        with plt.rc_context({"svg.fonttype": "none"}):
            drawn.axes["loss"].get_figure(root=True).savefig(file, format=kind, bbox_inches="tight")  # type: ignore[union-attr]
        assert len(file.getvalue()) > 5000
        if kind == "svg":
            assert all(
                line in file.getvalue().decode() for name in names_beside(drawn) for line in name.get_text().split("\n")
            )
