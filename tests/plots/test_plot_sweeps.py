from __future__ import annotations

import io
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from plot_runs import find_overlaps

from ignite_delayed import (
    After,
    EarlyStop,
    GeneralizationLoss,
    History,
    Metric,
    Record,
    Runs,
    Sweep,
    SweepInterrupted,
    choose,
    grid,
    plot_sweep,
    sweep,
)


def run(bottom: int) -> History:
    """A loss that falls until an epoch, and rises from there."""
    return History(
        Record(epoch=e, iteration=e, values={"loss": (e - bottom) ** 2 / 99 + 0.05 * (e % 2)}) for e in range(1, 31)
    )


def swept(count: int = 4, **axes: Any) -> Sweep:
    axes = {"patience": [1, 2, 5, 10], "until": [None, After(epochs=20)]} | axes
    return sweep([run(9 + n % 3) for n in range(count)], grid(EarlyStop, "loss", mode="min", **axes))


def noisily_swept() -> Sweep:
    """A sweep with a long front."""
    generator = np.random.default_rng(0)
    noisy = [
        History(
            Record(epoch=e, iteration=e, values={"loss": x})
            for e, x in enumerate(np.exp(-np.arange(200) / 60) + 0.2 * generator.standard_normal(200), 1)
        )
        for _ in range(20)
    ]
    return sweep(noisy, grid(EarlyStop, "loss", mode="min", patience=range(1, 40)))


def texts(legend: Any) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


class TestFront:
    def test_each_rule_is_a_point_at_its_means(self) -> None:
        these = swept()
        drawn, found = plot_sweep(these), these.summary()
        assert np.array_equal(np.asarray(drawn.rules.get_offsets()), np.column_stack([found.epochs, found.regret]))

    def test_the_front_is_that_of_the_summary_the_cheapest_first(self) -> None:
        these = swept()
        drawn, found = plot_sweep(these), these.summary()
        assert set(drawn.front) == {rule for rule, on in zip(these.rules, found.front, strict=True) if on}
        spent = [found.epochs[these.rules.index(rule)] for rule in drawn.front]
        assert spent == sorted(spent)

    def test_the_key_says_what_tells_a_rule_from_the_others(self) -> None:
        drawn = plot_sweep(swept(patience=[1, 2], until=[None]))
        assert texts(drawn.legend) == ["1: patience=1", "2: patience=2"]

    def test_rules_that_come_to_the_same_have_one_number(self) -> None:
        drawn = plot_sweep(swept(patience=[2], until=[None, After(epochs=1), After(epochs=2)]))
        [named] = texts(drawn.legend)
        assert named.endswith(", and 2 like it")

    def test_of_a_long_front_the_ends_and_some_in_between_are_named(self) -> None:
        drawn = plot_sweep(noisily_swept())
        assert len(drawn.front) > 8
        numbers = [int(text.partition(":")[0]) for text in texts(drawn.legend)]
        assert len(numbers) == 8
        assert numbers[0] == 1
        assert numbers == sorted(set(numbers))

    def test_the_chosen_rule_is_marked(self) -> None:
        these = swept()
        drawn = plot_sweep(these, chosen=these.rules[4])
        assert drawn.chosen == these.rules[4]
        assert texts(drawn.legend)[-1] == "chosen: patience=5"

    def test_a_choice_is_marked_where_there_is_one(self) -> None:
        many = swept(40)
        made = choose(many, max_regret=0.5)
        assert made.rule is not None
        assert plot_sweep(many, chosen=made).chosen == made.rule
        assert plot_sweep(swept(4), chosen=choose(swept(4), max_regret=0.5)).chosen is None

    @pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
    def test_it_can_be_written_and_covers_nothing(self, suffix: str) -> None:
        drawn = plot_sweep(swept(), chosen=swept().rules[0])
        figure: Any = drawn.axes.get_figure(root=True)
        figure.savefig(io.BytesIO(), format=suffix)
        assert drawn.legend is not None
        labels = drawn.axes.xaxis.get_tightbbox()
        assert labels is not None
        assert drawn.legend.get_window_extent().y1 < labels.y0 + 1

    def test_it_is_drawn_where_that_is_asked_for(self) -> None:
        _, ax = plt.subplots(layout="constrained")
        assert plot_sweep(swept(), ax=ax).axes is ax

    @pytest.mark.parametrize("layout", ["constrained", None])
    @pytest.mark.parametrize("long", [True, False])
    def test_in_a_small_figure_of_the_caller_key_and_labels_are_whole(self, layout: Any, long: bool) -> None:
        these = noisily_swept() if long else swept()
        figure, ax = plt.subplots(figsize=(3, 2.4), layout=layout)
        drawn = plot_sweep(these, chosen=these.rules[5], ax=ax)
        figure.canvas.draw()
        assert drawn.legend is not None
        boxes = {"key": drawn.legend, "x": ax.xaxis.label, "y": ax.yaxis.label, "panel": ax}
        placed = {name: part.get_window_extent() for name, part in boxes.items()}
        for name, box in placed.items():
            assert figure.bbox.padded(1).contains(box.x0, box.y0), name
            assert figure.bbox.padded(1).contains(box.x1, box.y1), name
        assert find_overlaps(**placed) == []
        assert placed["panel"].height > 60
        assert placed["panel"].width > 150

    def test_a_layout_that_is_made_later_places_the_axes_still(self) -> None:
        figure, ax = plt.subplots(figsize=(3, 2.4))
        plot_sweep(swept(), ax=ax)
        before = ax.get_position().y1
        figure.set_layout_engine("constrained")
        figure.canvas.draw()
        assert ax.get_position().y1 > before

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"swept": [1, 2]}, "swept must be what sweep"),
            ({"chosen": EarlyStop("loss", mode="min", patience=3)}, "chosen must be a rule of the sweep"),
            ({"chosen": "patience"}, "chosen must be a rule of the sweep"),
            ({"ax": 3}, "ax must be an axes"),
        ],
    )
    def test_what_is_wrong_is_said(self, arguments: dict[str, Any], said: str) -> None:
        with pytest.raises((TypeError, ValueError), match=said):
            plot_sweep(**{"swept": swept(), **arguments})

    def test_a_sweep_without_runs_and_one_without_regrets_are_refused(self) -> None:
        rules = [EarlyStop("loss", mode="min", patience=2, until=Metric("loss") < -1)]

        def interrupted() -> History:
            raise KeyboardInterrupt

        with pytest.raises(SweepInterrupted) as stopped:
            sweep(Runs([interrupted]), rules)
        with pytest.raises(ValueError, match="at least one rule over at least one run"):
            plot_sweep(stopped.value.partial)
        with pytest.raises(ValueError, match="No rule kept a value in every run"):
            plot_sweep(sweep([run(9)], rules))

    def test_rules_of_several_kinds_stand_side_by_side(self) -> None:
        rules = [EarlyStop("loss", mode="min", patience=2), GeneralizationLoss("loss", alpha=5)]
        drawn = plot_sweep(sweep([run(9), run(10)], rules))
        assert all(any(repr(rule) in text for rule in rules) for text in texts(drawn.legend))
