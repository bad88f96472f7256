from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from engines import loop
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine
from matplotlib import pyplot as plt
from strategies import run_of

from ignite_delayed import (
    After,
    EarlyStop,
    Gate,
    History,
    Metric,
    Record,
    Recorder,
    UnknownMetricError,
    delay_early_stopping,
    plot_timeline,
    stop_when,
)
from ignite_delayed.plots import Timeline
from ignite_delayed.plots.story import described, epochs_of, told_by_marks, told_by_rule
from ignite_delayed.plots.style import OKABE_ITO

ACCURACIES = [0.5, 0.7, 0.6, 0.65, 0.8, 0.78, 0.79, 0.77]


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def stopped_run(accuracies: list[float] = ACCURACIES, **rule: Any) -> History:
    """A real run, ended by delayed early stopping."""
    trainer, evaluator = loop(accuracy=accuracies)
    recorder = Recorder(trainer, evaluator)
    delay_early_stopping(recorder, "accuracy", mode="max", **rule)
    trainer.run([0, 0, 0], max_epochs=len(accuracies))
    return recorder.history


def two_evaluators(rates: bool = False) -> History:
    """Training metrics once an epoch of 100 iterations, validation metrics four times."""
    history = History()
    for iteration in range(25, 401, 25):
        clock = {"epoch": (iteration - 1) // 100 + 1, "iteration": iteration, "evaluation": iteration // 25}
        loss = {"val/loss": 100 / iteration, "val/accuracy": iteration / 400}
        if rates:
            loss |= {"lr/0": 1.0, "lr/1": 0.1}
        history.append(Record(**clock, source="val", values=loss))
        if iteration % 100 == 0:
            history.append(Record(**clock, source="train", values={"train/loss": 90 / iteration}))
    return history


def zones(drawn: Timeline) -> list[tuple[str, float, float]]:
    return [(zone.kind, zone.start, zone.stop) for zone in drawn.zones]


def texts(drawn: Timeline) -> list[str]:
    return [] if drawn.legend is None else [text.get_text() for text in drawn.legend.get_texts()]


def drawn_curve(drawn: Timeline, name: str) -> tuple[list[float], list[float]]:
    at, values = (np.asarray(data, dtype=float).tolist() for data in drawn.curves[name].get_data())
    return at, values


class TestCurves:
    def test_every_metric_is_drawn_over_the_epochs_in_a_panel_of_its_own(self) -> None:
        run = History(
            Record(epoch=e, iteration=7 * e, evaluation=e, values={"loss": 1 / e, "accuracy": e / 9}) for e in (1, 2, 3)
        )
        drawn = plot_timeline(run)
        assert list(drawn.axes) == ["loss", "accuracy"]
        assert drawn_curve(drawn, "loss") == ([1, 2, 3], [1, 1 / 2, 1 / 3])
        assert drawn_curve(drawn, "accuracy") == ([1, 2, 3], [1 / 9, 2 / 9, 3 / 9])
        assert [panel.get_ylabel() for panel in drawn.axes.values()] == ["loss", "accuracy"]
        assert [panel.get_xlabel() for panel in drawn.axes.values()] == ["", "epoch"]
        assert drawn.legend is None  # the labels say all

    def test_evaluations_within_an_epoch_stand_at_fractions_of_it(self) -> None:
        drawn = plot_timeline(two_evaluators())
        assert drawn_curve(drawn, "val/loss")[0] == [i / 4 for i in range(1, 17)]
        assert drawn_curve(drawn, "train/loss")[0] == [1, 2, 3, 4]

    def test_of_epochs_of_different_lengths_only_whole_ones_are_known(self) -> None:
        run = History(
            Record(epoch=e, iteration=i, evaluation=n, values={"loss": 0.5})
            for n, (e, i) in enumerate([(1, 10), (2, 15), (3, 90), (4, 95)], start=1)
        )
        assert drawn_curve(plot_timeline(run), "loss")[0] == [1, 2, 3, 4]

    def test_metrics_of_one_kind_share_a_panel_and_those_of_one_evaluator_a_look(self) -> None:
        drawn = plot_timeline(two_evaluators())
        assert list(drawn.axes) == ["loss", "accuracy"]
        looks = {name: (line.get_color(), line.get_linestyle()) for name, line in drawn.curves.items()}
        assert looks["val/loss"] == looks["val/accuracy"]
        assert all(mine != other for mine, other in zip(looks["val/loss"], looks["train/loss"], strict=True))
        assert texts(drawn) == ["val", "train"]

    def test_the_learning_rate_stands_below_on_the_same_time_axis(self) -> None:
        drawn = plot_timeline(two_evaluators(rates=True), metrics=["val/accuracy"])
        assert list(drawn.axes) == ["accuracy", "learning rate"]
        above, below = drawn.axes.values()
        assert above.get_shared_x_axes().joined(above, below)
        assert not any(label.get_visible() for label in above.get_xticklabels())
        drawn_at(drawn)
        assert below.get_position().y1 < above.get_position().y0
        assert below.get_position().height < above.get_position().height / 2
        assert texts(drawn) == ["val", "lr/0", "lr/1"]

    def test_metrics_are_chosen_by_name(self) -> None:
        assert list(plot_timeline(two_evaluators(), metrics="val/loss").curves) == ["val/loss"]
        assert list(plot_timeline(two_evaluators(), metrics=["val/accuracy", "train/loss"]).axes) == [
            "accuracy",
            "loss",
        ]

    def test_what_is_no_number_leaves_a_gap(self) -> None:
        _, values = drawn_curve(plot_timeline(run_of([0.5, math.nan, 0.25])), "loss")
        assert [math.isnan(value) for value in values] == [False, True, False]

    def test_a_single_evaluation_is_visible(self) -> None:
        assert plot_timeline(run_of([0.5])).curves["loss"].get_marker() == "."

    def test_the_time_axis_of_a_part_begins_where_the_part_does(self) -> None:
        run = run_of([0.5] * 20)
        assert plot_timeline(run).axes["loss"].get_xlim()[0] == 0
        assert plot_timeline(run[10:]).axes["loss"].get_xlim()[0] == 10


class TestZonesAndMoments:
    def test_a_run_that_was_stopped_shows_closed_open_and_counting(self) -> None:
        drawn = plot_timeline(stopped_run(patience=2, until=After(epochs=3)))
        assert zones(drawn) == [("closed", 0, 4), ("open", 4, 5), ("counting", 5, 7)]
        assert [(moment.kind, moment.epoch) for moment in drawn.moments] == [("opened", 4), ("best", 5), ("stopped", 7)]
        assert texts(drawn) == [
            "opened in epoch 4",
            "best 0.8 in epoch 5",
            "stopped in epoch 7",
            "closed: cannot stop",
            "open: can stop",
            "counting patience",
        ]

    def test_zones_are_shaded_in_every_panel_where_they_are(self) -> None:
        run = stopped_run(patience=2, until=After(epochs=3))
        drawn = plot_timeline(run)
        for panel in drawn.axes.values():
            spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in panel.patches]  # type: ignore[attr-defined]
            assert spans == [(start, stop) for _, start, stop in zones(drawn)]
            looks = {(patch.get_facecolor(), patch.get_hatch()) for patch in panel.patches}
            assert len(looks) == 3, "zones must differ in colour and in hatch"
            assert len({patch.get_hatch() for patch in panel.patches}) == 3

    def test_the_best_value_is_a_star_on_its_curve(self) -> None:
        drawn = plot_timeline(stopped_run(patience=2, until=After(epochs=3)))
        stars = [line for line in drawn.axes["accuracy"].lines if line.get_marker() == "*"]
        assert [(list(star.get_xdata()), list(star.get_ydata())) for star in stars] == [([5.0], [0.8])]  # type: ignore[arg-type]

    def test_the_best_of_an_expression_has_no_curve_to_stand_on(self) -> None:
        rule = EarlyStop(1 - Metric("accuracy"), mode="min", patience=2)
        drawn = plot_timeline(run_of(ACCURACIES, name="accuracy"), rule=rule)
        assert not [line for line in drawn.axes["accuracy"].lines if line.get_marker() == "*"]
        assert [moment.kind for moment in drawn.moments] == ["best", "stopped"]

    def test_a_rule_shows_what_it_would_have_done(self) -> None:
        run = run_of(ACCURACIES, name="accuracy")
        drawn = plot_timeline(run, rule=EarlyStop("accuracy", mode="max", patience=2))
        assert zones(drawn) == [("open", 0, 2), ("counting", 2, 4)]
        assert drawn_curve(drawn, "accuracy")[0] == [1, 2, 3, 4, 5, 6, 7, 8]  # the run itself went on
        late = EarlyStop("accuracy", mode="max", patience=2, until=After(epochs=30))
        assert zones(plot_timeline(run, rule=late)) == [("closed", 0, 8)]
        patient = EarlyStop("accuracy", mode="max", patience=20)
        assert zones(plot_timeline(run, rule=patient)) == [("open", 0, 5), ("counting", 5, 8)]

    @given(
        accuracies=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=15),
        patience=st.integers(1, 4),
        delay=st.integers(0, 8),
        while_closed=st.sampled_from(["ignore", "track", "count"]),
    )
    def test_a_stopped_run_and_its_rule_tell_the_same_story(
        self, accuracies: list[float], patience: int, delay: int, while_closed: str
    ) -> None:
        chosen: Any = {"patience": patience, "until": After(epochs=delay), "while_closed": while_closed}
        run = stopped_run(accuracies, **chosen)
        by_rule = told_by_rule(run, EarlyStop("accuracy", mode="max", **chosen), 0)
        by_marks = told_by_marks(run, None, 0)
        if any(mark.kind == "stopped" for mark in run.marks):
            assert by_marks.zones == by_rule.zones
            assert sorted(by_marks.moments) == sorted(by_rule.moments)
        else:  # unstopped, the marks do not tell since when patience was spent, nor of a gate that never opened
            opened = [moment for moment in by_rule.moments if moment.kind == "opened"]
            assert by_marks.moments == opened

    @given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=15), st.integers(1, 3), st.integers(0, 9))
    def test_zones_follow_each_other_without_gap_or_overlap(
        self, accuracies: list[float], patience: int, delay: int
    ) -> None:
        rule = EarlyStop("loss", mode="max", patience=patience, until=After(epochs=delay))
        found = told_by_rule(run_of(accuracies), rule, 0).zones
        assert found[0].start == 0
        assert all(zone.start < zone.stop for zone in found)
        assert all(one.stop == following.start for one, following in pairwise(found))

    def test_a_gate_that_follows_its_condition_opens_and_closes(self) -> None:
        trainer, evaluator = loop(accuracy=[0.1, 0.9, 0.9, 0.2, 0.8])
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, when=Metric("accuracy") > 0.5)
        trainer.run([0], max_epochs=5)
        drawn = plot_timeline(recorder.history)
        assert zones(drawn) == [("closed", 0, 2), ("open", 2, 4), ("closed", 4, 5)]
        assert texts(drawn)[:2] == ["opened in epochs 2, 5", "closed in epoch 4"]

    def test_of_several_gates_each_is_named_and_one_is_shaded(self) -> None:
        trainer, evaluator = loop(accuracy=ACCURACIES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=After(epochs=1), name="checkpoints")
        stop_when(recorder, Metric("accuracy") > 0.75, name="good enough")
        trainer.run([0], max_epochs=8)
        drawn = plot_timeline(recorder.history)
        assert zones(drawn) == [("open", 0, 5)]  # of what stopped the run
        assert texts(drawn)[:2] == ["checkpoints opened in epoch 2", "good enough stopped in epoch 5"]
        # The clock alone opens it, at the start of epoch 2, which is the end of epoch 1.
        assert zones(plot_timeline(recorder.history, name="checkpoints")) == [("closed", 0, 1), ("open", 1, 5)]

    def test_other_marks_are_shown_and_shade_nothing(self) -> None:
        run = run_of([0.5] * 12)
        for epoch in (2, 4, 5, 9):
            run.mark("adjusted", "rate", run[epoch - 1])
        run.mark("switched", "rate", run[5])
        drawn = plot_timeline(run)
        assert drawn.zones == []
        assert texts(drawn) == ["adjusted in 4 epochs", "switched in epoch 6"]

    def test_a_loaded_history_is_drawn_as_the_live_one(self, tmp_path: Path) -> None:
        live = stopped_run(patience=2, until=After(epochs=3))
        one, other = plot_timeline(live), plot_timeline(History.load(live.save(tmp_path / "run.jsonl")))
        assert (one.moments, one.zones, texts(one)) == (other.moments, other.zones, texts(other))
        assert drawn_curve(one, "accuracy") == drawn_curve(other, "accuracy")

    def test_nothing_decided_nothing_shaded(self) -> None:
        drawn = plot_timeline(run_of([0.5, 0.4]))
        assert (drawn.zones, drawn.moments, drawn.legend) == ([], [], None)


def drawn_at(drawn: Timeline, width: float | None = None) -> Any:
    figure: Any = next(iter(drawn.axes.values())).get_figure(root=True)
    if width is not None:
        figure.set_figwidth(width)
    figure.canvas.draw()
    return figure


class TestLayout:
    @pytest.mark.parametrize("width", [3.5, 6.4, 12])
    @pytest.mark.parametrize("run", ["stopped", "two evaluators"])
    def test_nothing_overlaps_and_nothing_is_cut_off(self, width: float, run: str) -> None:
        with mpl.rc_context({"figure.figsize": (width, 4.8)}):
            drawn = plot_timeline(
                two_evaluators(rates=True)
                if run == "two evaluators"
                else stopped_run(patience=2, until=After(epochs=3))
            )
        figure = drawn_at(drawn)
        assert drawn.legend is not None
        key = drawn.legend.get_window_extent()
        assert figure.bbox.x0 <= key.x0 < key.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= key.y0
        panels = [panel.get_window_extent() for panel in drawn.axes.values()]
        labels = [panel.yaxis.label.get_window_extent() for panel in drawn.axes.values()]
        labels.append(list(drawn.axes.values())[-1].xaxis.label.get_window_extent())
        for group in (panels, labels, [key, *panels], [key, *labels]):
            for place, one in enumerate(group):
                assert not any(one.overlaps(other) for other in group[place + 1 :])
        assert all(panel.height > 30 for panel in panels)

    def test_it_draws_where_it_is_told_and_stays_in_that_place(self) -> None:
        figure, (left, right) = plt.subplots(1, 2)
        place = left.get_position()
        drawn = plot_timeline(two_evaluators(rates=True), ax=left)
        left.set_title("mine")
        figure.canvas.draw()
        assert drawn.axes["loss"] is left
        assert len(figure.axes) == 4
        for panel in drawn.axes.values():
            box = panel.get_position()
            assert place.x0 - 1e-9 <= box.x0 < box.x1 <= place.x1 + 1e-9
            assert place.y0 - 1e-9 <= box.y0 < box.y1 <= place.y1 + 1e-9
        assert not right.lines

    def test_a_place_chosen_by_hand_is_divided_too(self) -> None:
        figure = plt.figure()
        drawn = plot_timeline(two_evaluators(), ax=figure.add_axes((0.2, 0.3, 0.5, 0.6)))
        boxes = [panel.get_position() for panel in drawn.axes.values()]
        assert (boxes[0].y1, boxes[-1].y0) == (pytest.approx(0.9), pytest.approx(0.3))
        assert boxes[0].y0 > boxes[-1].y1

    def test_without_ax_each_call_makes_a_figure(self) -> None:
        plot_timeline(run_of([0.5, 0.4]))
        plot_timeline(run_of([0.5, 0.4]))
        assert len(plt.get_fignums()) == 2

    def test_colours_are_for_the_colour_blind_unless_the_user_chose_others(self) -> None:
        assert plot_timeline(run_of([0.5, 0.4])).curves["loss"].get_color() == OKABE_ITO[0]
        with mpl.rc_context({"axes.prop_cycle": mpl.rcsetup.cycler(color=["#123456"])}):
            assert plot_timeline(run_of([0.5, 0.4])).curves["loss"].get_color() == "#123456"

    def test_marks_are_in_the_ink_of_the_style(self) -> None:
        with plt.style.context("dark_background"):
            drawn = plot_timeline(stopped_run(patience=2))
        lines = [line for line in drawn.axes["accuracy"].lines if line is not drawn.curves["accuracy"]]
        assert lines
        assert {mpl.colors.to_hex(line.get_color()) for line in lines} == {"#ffffff"}


class TestWords:
    def test_moments_are_described_together(self) -> None:
        run = run_of([0.5] * 9)
        for epoch in (2, 4, 4):
            run.mark("opened", "gate", run[epoch - 1])
        assert described(told_by_marks(run, None, 0).moments) == "opened in epochs 2, 4"

    def test_epochs_before_training_are_zero(self) -> None:
        run = History([Record(epoch=0, iteration=0, evaluation=1), Record(epoch=1, iteration=5, evaluation=2)])
        assert [epochs_of(run)(record.epoch, record.iteration) for record in run] == [0, 1]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"history": [0.5]}, TypeError, r"history must be a History, got \[0.5\]"),
            ({"history": History()}, ValueError, "at least one evaluation"),
            ({"metrics": ["los"]}, UnknownMetricError, "Did you mean 'loss'"),
            ({"metrics": 5}, TypeError, "metrics must be the names of metrics"),
            ({"metrics": [5]}, TypeError, "metrics must be a non-empty string"),
            ({"metrics": []}, ValueError, "metrics must be"),
            ({"rule": After(epochs=3)}, TypeError, "rule must be an EarlyStop"),
            ({"rule": EarlyStop("accuracy", mode="max", patience=1)}, UnknownMetricError, "'accuracy'"),
            ({"rule": EarlyStop("loss", mode="min", patience=1), "name": "gate"}, TypeError, "rule or name"),
            ({"name": "early stop"}, ValueError, "name must be one that is marked in the history"),
            ({"name": 3}, TypeError, "name must be"),
            ({"ax": "left"}, TypeError, "ax must be an axes of matplotlib"),
        ],
    )
    def test_is_refused_with_the_reason_and_without_a_figure(
        self, arguments: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            plot_timeline(**{"history": run_of([0.5, 0.4]), **arguments})
        assert plt.get_fignums() == []

    def test_without_matplotlib_the_error_names_the_extra(self) -> None:
        code = (
            "import sys; sys.modules['matplotlib'] = None\n"  # Python's way to say: not installed
            "from ignite_delayed import History, Record, plot_timeline\n"
            "plot_timeline(History([Record(epoch=1, iteration=1, values={'loss': 1})]))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "pip install 'ignite-delayed[plot]'" in done.stderr.splitlines()[-1]


def test_plotting_needs_neither_torch_nor_ignite() -> None:
    code = (
        "import sys\n"
        "from ignite_delayed import History, Record, plot_timeline\n"
        "plot_timeline(History([Record(epoch=1, iteration=1, values={'loss': 1})]))\n"
        "assert not {'torch', 'ignite'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_a_live_history_changes_nothing() -> None:
    trainer, evaluator = loop(accuracy=ACCURACIES)
    recorder = Recorder(trainer, evaluator)
    stopper = delay_early_stopping(recorder, "accuracy", mode="max", patience=3)
    seen: list[int] = []

    @evaluator.on("COMPLETED")
    def draw(engine: Engine) -> None:
        seen.append(len(drawn_curve(plot_timeline(recorder.history), "accuracy")[0]))
        plt.close("all")

    trainer.run([0], max_epochs=8)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
    assert stopper.stopped_at is not None
    assert stopper.stopped_at.epoch == 8
