"""Panels: in columns where they are many, labelled where something is below them, none covers another."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from plot_runs import find_overlaps, many_metrics

from ignite_delayed import plot_timeline

TEN = [
    f"val/{name}"
    for name in ("loss", "accuracy", "f1", "precision", "recall", "auc", "top5", "mse", "kappa", "perplexity")
]


def figure_of(drawn: Any) -> Any:
    figure = next(iter(drawn.axes.values())).get_figure(root=True)
    figure.canvas.draw()
    return figure


class TestColumns:
    @pytest.mark.parametrize("width", [3.3, 6.4, 12])
    @pytest.mark.parametrize("rates", [[], ["lr"]])
    def test_ten_metrics_fit_a_page_and_none_covers_another(self, width: float, rates: list[str]) -> None:
        with mpl.rc_context({"figure.figsize": (width, 0.75 * width), "font.size": 8 if width < 4 else 10}):
            drawn = plot_timeline(many_metrics(*TEN, *rates))
        figure = figure_of(drawn)
        assert figure.get_figwidth() == width
        assert figure.get_figheight() < 13
        boxes = {kind: panel.get_tightbbox() for kind, panel in drawn.axes.items()}
        assert len(boxes) == 10 + len(rates)
        assert find_overlaps(**boxes) == []
        panels = [panel.get_window_extent() for panel in drawn.axes.values()]
        assert min(min(box.width, box.height) for box in panels) > 40
        assert len({round(box.x0) for box in panels}) == {3.3: 2, 6.4: 3, 12: 4}[width]

    def test_few_metrics_are_stacked(self) -> None:
        drawn = plot_timeline(many_metrics("loss", "accuracy", "f1", "lr"))
        figure = figure_of(drawn)
        panels = [panel.get_window_extent() for panel in drawn.axes.values()]
        assert len({round(box.x0) for box in panels}) == 1
        assert [box.y0 for box in panels] == sorted((box.y0 for box in panels), reverse=True)
        assert figure.get_figheight() < 10

    def test_epochs_stand_below_the_lowest_of_each_column_alone(self) -> None:
        drawn = plot_timeline(many_metrics(*TEN))
        figure_of(drawn)
        labelled = [kind for kind, panel in drawn.axes.items() if panel.get_xlabel() == "epoch"]
        numbered = [
            kind for kind, panel in drawn.axes.items() if any(tick.get_visible() for tick in panel.get_xticklabels())
        ]
        assert labelled == numbered == ["mse", "kappa", "perplexity"]  # the last of three columns of four, three, three

    def test_all_share_the_time_axis(self) -> None:
        drawn = plot_timeline(many_metrics(*TEN, "lr"))
        first, *others = drawn.axes.values()
        assert all(first.get_shared_x_axes().joined(first, other) for other in others)

    def test_lanes_are_as_wide_as_all_columns(self) -> None:
        run = many_metrics(*TEN)
        for number, name in enumerate("abcd"):
            run.mark("opened", name, run[number + 2])
        drawn = plot_timeline(run)
        figure_of(drawn)
        lanes, *panels = (drawn.axes[kind].get_window_extent() for kind in ("open gates", *list(drawn.axes)[:-1]))
        assert lanes.x0 == pytest.approx(min(box.x0 for box in panels))
        assert lanes.x1 == pytest.approx(max(box.x1 for box in panels))
        assert lanes.y1 < min(box.y0 for box in panels)
        assert find_overlaps(**{kind: panel.get_tightbbox() for kind, panel in drawn.axes.items()}) == []

    def test_a_wide_place_is_divided_into_columns(self) -> None:
        figure, ax = plt.subplots(figsize=(12, 4), layout="constrained")
        drawn = plot_timeline(many_metrics(*TEN[:6]), ax=ax)
        figure.canvas.draw()
        assert len({round(panel.get_window_extent().x0) for panel in drawn.axes.values()}) > 2
        assert find_overlaps(**{kind: panel.get_tightbbox() for kind, panel in drawn.axes.items()}) == []


class TestLabels:
    def test_a_long_label_is_no_longer_than_its_panel(self) -> None:
        said = "cross-entropy per token of the validation split after label smoothing (nats)"
        drawn = plot_timeline(many_metrics("loss", "accuracy"), labels={"loss": said})
        figure_of(drawn)
        label = drawn.axes["loss"].yaxis.label
        assert label.get_text().replace("\n", " ") == said
        assert label.get_window_extent().height <= drawn.axes["loss"].get_window_extent().height + 1
        assert (
            find_overlaps(**{kind: panel.yaxis.label.get_window_extent() for kind, panel in drawn.axes.items()}) == []
        )

    @pytest.mark.parametrize(("height", "fewest"), [(1.4, 1), (2, 1), (3, 1), (5, 2)])
    def test_a_low_panel_has_few_numbers_and_they_do_not_meet(self, height: float, fewest: int) -> None:
        figure, ax = plt.subplots(figsize=(3, height), layout="constrained")
        drawn = plot_timeline(many_metrics("loss", "accuracy", "lr"), ax=ax)
        figure.canvas.draw()
        boxes: dict[str, Any] = {}
        for kind, panel in drawn.axes.items():
            low, high = panel.get_ylim()
            shown = [tick for tick in panel.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
            assert len(shown) >= fewest
            boxes |= {f"{kind} {tick.get_loc()}": tick.label1.get_window_extent() for tick in shown}
        assert find_overlaps(**boxes) == []
