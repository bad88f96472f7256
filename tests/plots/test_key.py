"""The key covers nothing, is no wider than its panels, and takes room from none beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from plot_runs import find_overlaps, many_gates, many_metrics, stopped_run
from strategies import run_of

from ignite_delayed import After, Metric, plot_conditions, plot_schedule, plot_timeline, warmup
from ignite_delayed.plots import RateCurves, Timeline, TruthBands


def stopped(ax: Any) -> Timeline:
    return plot_timeline(stopped_run(patience=2, until=After(epochs=3)), ax=ax)


def many(ax: Any) -> Timeline:
    return plot_timeline(many_gates(*(f"a gate called {letter}" for letter in "abcdefghijkl"), stop=True), ax=ax)


def metrics(ax: Any) -> Timeline:
    return plot_timeline(many_metrics("val/loss", "train/loss", "val/accuracy", "lr"), ax=ax)


def one_cell() -> tuple[Any, Any, list[Any]]:
    """A figure, the axes to draw in, and the others."""
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    for ax in axes.flat:
        ax.set(title="a title", xlabel="a label", ylabel="another")
    return figure, axes[0, 0], [axes[0, 1], axes[1, 0], axes[1, 1]]


def last_cell() -> tuple[Any, Any, list[Any]]:
    figure, ax, (right, below, last) = one_cell()
    return figure, last, [ax, right, below]


def subfigures() -> tuple[Any, Any, list[Any]]:
    figure = plt.figure(figsize=(10, 5), layout="constrained")
    halves: Any = figure.subfigures(1, 2)
    return figure, halves[0].subplots(), list(halves[1].subplots(2))


def mosaic() -> tuple[Any, Any, list[Any]]:
    figure, axes = plt.subplot_mosaic([["a", "a", "b"], ["c", "d", "d"]], figsize=(10, 7), layout="constrained")
    return figure, axes["d"], [axes["a"], axes["b"], axes["c"]]


class TestInAGrid:
    @pytest.mark.parametrize(
        ("place", "draw"),
        [
            (one_cell, stopped),
            (one_cell, many),
            (last_cell, metrics),
            (subfigures, many),
            (mosaic, many),
            (mosaic, metrics),
        ],
    )
    def test_it_covers_no_neighbour_and_nothing_collapses(
        self, place: Callable[[], Any], draw: Callable[[Any], Timeline]
    ) -> None:
        figure, ax, others = place()
        drawn = draw(ax)
        figure.canvas.draw()
        assert drawn.legend is not None
        key = drawn.legend.get_window_extent()
        panels = {f"panel {kind}": panel.get_window_extent() for kind, panel in drawn.axes.items()}
        labels = {
            f"label {kind}": panel.yaxis.label.get_window_extent()
            for kind, panel in drawn.axes.items()
            if panel.get_ylabel()
        }
        beside = {f"neighbour {number}": other.get_tightbbox() for number, other in enumerate(others)}
        below = list(drawn.axes.values())[-1].xaxis.get_tightbbox()
        assert find_overlaps(key=key, below=below, **panels, **labels, **beside) == []
        assert figure.bbox.x0 <= key.x0 < key.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= key.y0
        assert min(box.height for box in panels.values()) > 15
        assert min(box.width for box in panels.values()) > 80
        assert min(float(text.get_fontsize()) for text in drawn.legend.get_texts()) >= 6

    @pytest.mark.parametrize("place", [one_cell, subfigures])
    def test_neighbours_are_as_wide_as_without_it(self, place: Callable[[], Any]) -> None:
        widths = []
        for legend in (True, False):
            figure, ax, others = place()
            drawn = stopped(ax)
            if not legend:
                assert drawn.legend is not None
                drawn.legend.remove()
            figure.canvas.draw()
            widths.append([other.get_window_extent().width for other in others])
        assert widths[0] == pytest.approx(widths[1], rel=0.02)


class TestKey:
    def test_its_room_is_given_back_with_it(self) -> None:
        figure, ax, _ = one_cell()
        drawn = stopped(ax)
        figure.canvas.draw()
        before = drawn.axes["accuracy"].get_window_extent().height
        assert drawn.legend is not None
        drawn.legend.remove()
        figure.canvas.draw()
        assert drawn.axes["accuracy"].get_window_extent().height > before + 20

    def test_in_a_small_place_its_text_is_smaller_and_the_panels_keep_most_of_it(self) -> None:
        sizes = []
        for inches in (5, 9):
            figure, axes = plt.subplots(2, 2, figsize=(inches, inches), layout="constrained")
            drawn = stopped(axes[0, 0])
            figure.canvas.draw()
            assert drawn.legend is not None
            sizes.append(drawn.legend.get_texts()[0].get_fontsize())
            assert drawn.legend.get_window_extent().height < drawn.axes["accuracy"].get_window_extent().height / 2
        assert 6 <= float(sizes[0]) < float(sizes[1]) == 10

    def test_a_text_longer_than_the_panels_is_on_several_lines(self) -> None:
        long = "the gate that waits until the validation loss has settled and the learning rate is low"
        drawn = plot_timeline(many_gates(long, "other"))
        figure: Any = drawn.axes["loss"].get_figure(root=True)
        figure.canvas.draw()
        assert drawn.legend is not None
        key = drawn.legend.get_window_extent()
        assert figure.bbox.x0 <= key.x0 < key.x1 <= figure.bbox.x1
        assert [text.get_text().replace("\n", " ") for text in drawn.legend.get_texts()] == [
            f"{long} opened before epoch 2",
            "other opened before epoch 4",
            f"{long} closed",
            f"{long} open",
        ]
        heights = [text.get_window_extent() for text in drawn.legend.get_texts()]
        assert find_overlaps(**{str(number): box for number, box in enumerate(heights)}) == []

    @pytest.mark.parametrize("size", [6, 10, 18])
    @pytest.mark.parametrize("width", [3.3, 6.4])
    def test_it_fits_whatever_the_size_of_text(self, size: int, width: float) -> None:
        with mpl.rc_context({"font.size": size, "figure.figsize": (width, 4)}):
            drawings: list[RateCurves | TruthBands] = [
                plot_conditions(run_of([0.9, 0.4, 0.6]), Metric("loss") < 0.5),
                plot_schedule(warmup(epochs=1).then(warmup(epochs=3)), epochs=4, iterations_per_epoch=10),
            ]
            for drawn in drawings:
                figure: Any = drawn.axes.get_figure(root=True)
                figure.canvas.draw()
                assert drawn.legend is not None
                key = drawn.legend.get_window_extent()
                assert figure.bbox.x0 - 1 <= key.x0 < key.x1 <= figure.bbox.x1 + 1
                assert figure.bbox.y0 <= key.y0
                below = drawn.axes.xaxis.get_tightbbox()
                assert find_overlaps(key=key, below=below) == []
                assert drawn.axes.get_window_extent().height > 30

    def test_entries_stand_beside_each_other_while_there_is_room(self) -> None:
        lines = []
        for width in (3.3, 12):
            with mpl.rc_context({"figure.figsize": (width, 3)}):
                drawn = stopped(None)
                drawn.axes["accuracy"].get_figure(root=True).canvas.draw()  # type: ignore[union-attr]
            assert drawn.legend is not None
            lines.append(len({round(text.get_window_extent().y0) for text in drawn.legend.get_texts()}))
        assert lines[0] > lines[1] == 1
