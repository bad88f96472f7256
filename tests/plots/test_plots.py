from __future__ import annotations

import math
import subprocess
import sys
import types
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from engines import loop
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine
from matplotlib import pyplot as plt
from strategies import run_of
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    EarlyStop,
    Gate,
    History,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Preview,
    Record,
    Recorder,
    UnknownMetricError,
    delay_early_stopping,
    plot_conditions,
    plot_schedule,
    plot_timeline,
    preview,
    replay,
    stop_when,
    warmup,
)
from ignite_delayed._utils.extras import require_extra
from ignite_delayed.plots import RateCurves, Timeline, TruthBands
from ignite_delayed.plots.moments import Moment, described, epochs_of, told_by_marks, told_by_rule
from ignite_delayed.plots.style import OKABE_ITO, TRUTHS

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


def texts(drawn: Timeline | RateCurves | TruthBands) -> list[str]:
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

    def test_rates_are_steps_and_metrics_are_not(self) -> None:
        drawn = plot_timeline(two_evaluators(rates=True))
        styles = {name: line.get_drawstyle() for name, line in drawn.curves.items()}
        assert {name for name, style in styles.items() if style == "steps-pre"} == {"lr/0", "lr/1"}
        assert set(styles.values()) == {"steps-pre", "default"}

    def test_panels_are_labelled_as_one_likes(self) -> None:
        drawn = plot_timeline(two_evaluators(rates=True), labels={"loss": "loss (nats)", "learning rate": "rate"})
        assert [panel.get_ylabel() for panel in drawn.axes.values()] == ["loss (nats)", "accuracy", "rate"]

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
        assert texts(drawn) == ["opened in epochs 2, 5", "closed in epoch 4", "closed", "open"]  # it stops nothing

    def test_of_several_gates_each_is_named_and_one_is_shaded(self) -> None:
        trainer, evaluator = loop(accuracy=ACCURACIES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=After(epochs=1), name="checkpoints")
        stop_when(recorder, Metric("accuracy") > 0.75, name="good enough")
        trainer.run([0], max_epochs=8)
        drawn = plot_timeline(recorder.history)
        assert zones(drawn) == [("open", 0, 5)]  # of what stopped the run
        # The clock alone opens the one, at the start of epoch 2, which is the end of epoch 1.
        assert texts(drawn) == ["checkpoints opened at epoch 1", "good enough stopped in epoch 5", "open: can stop"]
        assert zones(plot_timeline(recorder.history, name="checkpoints")) == [("closed", 0, 1), ("open", 1, 5)]

    def test_a_name_leaves_that_gate_and_the_switches_of_phases(self) -> None:
        run = run_of([0.5] * 9)
        for kind, name, epoch in (
            ("opened", "low", 2),
            ("switched", "rate", 3),
            ("opened", "settled", 4),
            ("stopped", "stop", 8),
        ):
            run.mark(kind, name, run[epoch - 1])
        drawn = plot_timeline(run, name="settled")
        assert texts(drawn) == ["rate switched at epoch 3", "settled opened in epoch 4", "closed", "open"]
        assert [(moment.kind, moment.at) for moment in drawn.moments] == [("switched", 3), ("opened", 4)]
        lines = [line for line in drawn.axes["loss"].lines if len(np.asarray(line.get_xdata())) == 2]
        assert sorted(np.asarray(line.get_xdata())[0] for line in lines) == [3, 4]
        stopper = plot_timeline(run, name="stop")
        assert texts(stopper) == ["rate switched at epoch 3", "stop stopped in epoch 8", "open: can stop"]
        assert zones(plot_timeline(run, name="rate")) == []

    def test_early_stopping_that_only_opened_can_stop_all_the_same(self) -> None:
        drawn = plot_timeline(stopped_run(patience=20, until=After(epochs=3)))
        assert texts(drawn) == ["opened in epoch 4", "closed: cannot stop", "open: can stop"]

    def test_other_marks_are_shown_and_shade_nothing(self) -> None:
        run = run_of([0.5] * 12)
        for epoch in (2, 4, 5, 9):
            run.mark("adjusted", "rate", run[epoch - 1])
        run.mark("switched", "rate", run[5])
        drawn = plot_timeline(run)
        assert drawn.zones == []
        assert texts(drawn) == ["adjusted in 4 epochs", "switched at epoch 6"]

    @pytest.mark.parametrize("per", ["epoch", "iteration"])
    def test_switches_are_named_where_their_lines_stand(self, per: Any) -> None:
        trainer, evaluator = loop(loss=[0.5] * 8)
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.2)
        recorder = Recorder(trainer, evaluator, optimizer=optimizer)
        stalled = Plateau("loss", mode="min", patience=2)
        first, second = Phase(warmup(epochs=2), per=per), Phase(Constant(1), per=per, until=stalled)
        phases = LRPhases(recorder, optimizer, [first, second, Phase(Constant(0.1), per=per)])
        trainer.run([0, 0], max_epochs=8)
        drawn = plot_timeline(recorder.history)
        places = [moment.at for moment in drawn.moments]
        assert places == [switch.iteration / 2 for switch in phases.switches]  # as plot_schedule has them
        # The first at the start of epoch 3, the second at the end of its epoch.
        assert [moment.epoch for moment in drawn.moments] == [3, places[1]]
        assert places[0] == 2
        assert texts(drawn)[0] == f"switched at epochs 2, {places[1]:.0f}"

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

    @pytest.mark.parametrize(
        ("moments", "said"),
        [
            ([Moment("opened", 3, 2.5)], "opened in epoch 3"),
            ([Moment("opened", 3, 2.0)], "opened at epoch 2"),
            ([Moment("opened", 2, 1.0), Moment("opened", 4, 4.0)], "opened at epochs 1, 4"),
            ([Moment("switched", 3, 2.5)], "switched at epoch 2.5"),
            ([Moment("switched", e, float(e)) for e in (1, 2, 3, 4)], "switched 4 times"),
            ([Moment("adjusted", e, float(e)) for e in (1, 2, 3, 4)], "adjusted in 4 epochs"),
        ],
    )
    def test_what_the_clock_decides_between_two_epochs_is_named_where_it_stands(
        self, moments: list[Moment], said: str
    ) -> None:
        assert described(moments) == said

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
            ({"labels": "nats"}, TypeError, "labels must be"),
            ({"labels": {"los": "nats"}}, ValueError, r"labels must be of panels .*'loss'.* Did you mean 'loss'"),
            ({"labels": {"loss": 3}}, TypeError, r"labels\['loss'\] must be"),
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


LONG = (
    After(epochs=10)
    & ((Metric("val/loss") < 0.5).sustained(evaluations=3) | ~(Metric("val/loss").std(5) > 0.05))
    & (Metric("val/loss") - Metric("train/loss") < 0.2)
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
            return 1 - style.opacity * (1 - (0.2126 * red + 0.7152 * green + 0.0722 * blue))

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
        figure, (left, _) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
        drawn = plot_conditions(noisy_run(), LONG, ax=left)
        assert drawn.axes is left
        assert len(plt.get_fignums()) == 1
        assert float(drawn.labels[0].get_fontsize()) < 10
        assert figure.get_figheight() == 3

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


def figure_of(drawn: RateCurves | TruthBands) -> Any:
    figure: Any = drawn.axes.get_figure(root=True)
    figure.canvas.draw()
    return figure


def extent(collection: Any) -> Any:
    """Where a collection stands on the canvas; without extent where it is empty."""
    axes = collection.axes
    points = [axes.transData.transform(path.vertices) for path in collection.get_paths()]
    if not points:
        return mpl.transforms.Bbox.null()
    table = np.concatenate(points)
    return mpl.transforms.Bbox([table.min(axis=0), table.max(axis=0)])


def three_phases() -> list[Phase]:
    return [
        Phase(warmup(fraction=0.1), per="iteration"),
        Phase(Cosine(fraction=0.9), per="iteration", until=Plateau("loss", mode="min", patience=2)),
        Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=2, factor=0.5), monitor="loss"),
    ]


PLAN: dict[str, Any] = {"epochs": 20, "iterations_per_epoch": 4}
STALLS: dict[str, Any] = {"metrics": {"loss": lambda epoch: max(0.5, 1 - 0.1 * epoch)}}


def moments(drawn: RateCurves) -> list[tuple[str, float, str]]:
    return [(moment.kind, moment.at, moment.name) for moment in drawn.moments]


class TestSchedule:
    def test_each_batch_is_drawn_at_its_rate_over_its_time(self) -> None:
        schedule = warmup(epochs=1).then(Cosine(epochs=2))
        drawn = plot_schedule(schedule, epochs=3, iterations_per_epoch=4)
        [[line]] = drawn.curves.values()
        made = preview(schedule, epochs=3, iterations_per_epoch=4)
        assert np.asarray(line.get_xdata()).tolist() == [0, *made.epochs]
        assert np.asarray(line.get_ydata()).tolist() == [made.rates[0, 0], *made.rates[:, 0]]
        assert line.get_drawstyle() == "steps-pre"
        assert drawn.axes.get_xlim() == (0, 3)
        assert (drawn.axes.get_xlabel(), drawn.axes.get_ylabel()) == ("epoch", "factor of the base rate")
        assert drawn.axes.get_yscale() == "linear"

    def test_warm_up_is_shaded_and_switches_are_marked(self) -> None:
        drawn = plot_schedule(three_phases(), **PLAN, **STALLS)
        made = preview(three_phases(), **PLAN, **STALLS)
        places = [switch.iteration / 4 for switch in made.switches]
        assert moments(drawn) == [("warm-up", 2, ""), *(("switched", at, "") for at in places)]
        assert places[0] == 2
        assert [(zone.kind, zone.start, zone.stop) for zone in drawn.zones] == [("warm-up", 0, 2)]
        assert texts(drawn) == ["warm-up to epoch 2", f"switched at epochs 2, {places[1]:.4g}"]
        marks = [line for line in drawn.axes.lines if line.get_marker() == "D"]
        found = [float(np.asarray(mark.get_xdata())[0]) for mark in marks]
        assert found == places
        assert drawn.axes.get_ylabel() == "learning rate"

    def test_a_preview_is_drawn_as_what_it_was_made_of(self) -> None:
        direct = plot_schedule(three_phases(), **PLAN, **STALLS)
        again = plot_schedule(preview(three_phases(), **PLAN, **STALLS))
        assert moments(direct) == moments(again)
        one, other = direct.curves[""][0], again.curves[""][0]
        assert np.array_equal(one.get_ydata(), other.get_ydata())

    def test_attached_phases_are_drawn_with_their_optimizer(self) -> None:
        trainer, evaluator = loop(loss=[0.5])
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.2, weight_decay=0.1)
        recorder = Recorder(trainer, evaluator)
        phases = LRPhases(recorder, optimizer, [Phase(Constant(0.5), per="epoch")], parameter="weight_decay")
        drawn = plot_schedule(phases, **PLAN)
        assert set(np.asarray(drawn.curves[""][0].get_ydata()).tolist()) == {0.05}
        assert drawn.axes.get_ylabel() == "weight_decay"
        assert drawn.legend is None

    def test_several_are_told_apart_by_name_colour_and_dashes(self) -> None:
        several = {"early": warmup(epochs=2).then(Cosine(epochs=18)), "late": warmup(epochs=8).then(Cosine(epochs=12))}
        drawn = plot_schedule(several, **PLAN)
        assert list(drawn.curves) == ["early", "late"]
        assert texts(drawn) == ["early", "late", "warm-up over"]
        [one], [other] = drawn.curves.values()
        assert one.get_color() != other.get_color()
        assert one.get_linestyle() != other.get_linestyle()
        assert ("warm-up", 2, "early") in moments(drawn)
        assert ("warm-up", 8, "late") in moments(drawn)
        assert drawn.zones == []
        peaks = [line for line in drawn.axes.lines if line.get_marker() == "^"]
        assert [(np.asarray(p.get_xdata())[0], np.asarray(p.get_ydata())[0]) for p in peaks] == [(2, 1), (8, 1)]

    def test_groups_are_told_apart(self) -> None:
        groups = [{"params": [torch.zeros(1)], "lr": lr} for lr in (0.1, 0.01)]
        made = preview(three_phases(), **PLAN, **STALLS, optimizer=torch.optim.SGD(groups, lr=1))
        drawn = plot_schedule(made)
        assert texts(drawn)[:2] == ["group 0", "group 1"]
        both = plot_schedule({"one": made, "two": made})
        assert texts(both)[:4] == ["one, group 0", "one, group 1", "two, group 0", "two, group 1"]
        looks = {(line.get_color(), line.get_linestyle()) for lines in both.curves.values() for line in lines}
        assert len(looks) == 4
        assert len({dashes for _, dashes in looks}) == 4

    def test_on_a_logarithmic_scale_nought_is_left_out(self) -> None:
        drawn = plot_schedule(warmup(epochs=1).then(Constant(1)), **PLAN, log=True)
        figure_of(drawn)
        assert drawn.axes.get_yscale() == "log"
        assert drawn.axes.get_ylim()[0] > 0.01

    @pytest.mark.parametrize("schedule", [Constant(0.5), Cosine(epochs=20), warmup(epochs=20), warmup(epochs=30)])
    def test_without_a_warm_up_none_is_marked(self, schedule: Any) -> None:
        drawn = plot_schedule(schedule, **PLAN)
        assert (drawn.moments, drawn.zones, drawn.legend) == ([], [], None)

    def test_per_epoch_the_joints_are_whole_epochs_within_the_run(self) -> None:
        schedule = warmup(epochs=5).then(Cosine(epochs=10)).then(Cosine(epochs=30))
        drawn = plot_schedule(schedule, **PLAN, per="epoch")
        assert [at for kind, at, _ in moments(drawn) if kind == "switched"] == [5, 15]
        shorter = plot_schedule(schedule, epochs=10, iterations_per_epoch=4, per="epoch")
        assert [at for kind, at, _ in moments(shorter) if kind == "switched"] == [5]

    def test_it_draws_where_it_is_told(self) -> None:
        _, (left, right) = plt.subplots(1, 2, layout="constrained")
        assert plot_schedule(Constant(1), **PLAN, ax=right).axes is right
        assert not left.lines
        assert len(plt.get_fignums()) == 1

    @pytest.mark.parametrize("width", [4, 10])
    @pytest.mark.parametrize("log", [False, True])
    def test_nothing_overlaps_at_any_width(self, width: float, log: bool) -> None:
        several = {name: preview(three_phases(), **PLAN, **STALLS) for name in ("first", "second", "a longer name")}
        with plt.rc_context({"figure.figsize": (width, 3)}):
            drawn = plot_schedule(several, log=log)
        figure = figure_of(drawn)
        assert drawn.legend is not None
        key, axes = drawn.legend.get_window_extent(), drawn.axes.get_window_extent()
        assert figure.bbox.x0 <= key.x0 < key.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= key.y0 < key.y1 < drawn.axes.xaxis.label.get_window_extent().y0
        assert axes.height > 100
        ticks = [label.get_window_extent() for label in drawn.axes.get_xticklabels() if label.get_text()]
        assert not any(one.overlaps(other) for one, other in pairwise(ticks))

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"what": 5}, TypeError, "what must be a schedule, LRPhases, or a list of Phase"),
            ({"what": {}}, ValueError, "at least one schedule"),
            ({"what": {5: Constant(1)}}, TypeError, "a name in what must be"),
            ({"what": [Constant(1), Cosine(epochs=2)]}, TypeError, "what must be a dict where it is several"),
            ({"epochs": None}, TypeError, "epochs must be"),
            ({"per": "batch"}, ValueError, "per must be"),
            ({"log": "yes"}, TypeError, "log must be True or False"),
            ({"what": Constant(0), "log": True}, ValueError, "log must be False where no rate is above 0"),
            ({"what": three_phases()}, UnknownMetricError, "loss"),
            ({"what": preview(Constant(1), **PLAN)}, TypeError, "a Preview is drawn as it is: give epochs, iter"),
            ({"ax": "left"}, TypeError, "ax must be an axes of matplotlib"),
        ],
    )
    def test_bad_input_is_refused_without_a_figure(
        self, arguments: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            plot_schedule(**{"what": Constant(1), **PLAN, **arguments})
        assert plt.get_fignums() == []

    def test_what_is_missing_is_named(self) -> None:
        with pytest.raises(TypeError, match="needs epochs and iterations_per_epoch"):
            plot_schedule(Constant(1))
        with pytest.raises(ValueError, match="a preview as preview"):
            plot_schedule(Preview(np.ones(0), np.ones((0, 1)), []))


class TestExtras:
    def test_only_a_missing_package_is_said_to_be_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ImportError, match=r"surely_not_there is needed .* 'ignite-delayed\[plot\]'"):
            require_extra("surely_not_there.pyplot", "plot")
        with pytest.raises(ModuleNotFoundError, match=r"^No module named 'matplotlib.nothing'$"):
            require_extra("matplotlib.nothing", "plot")
        broken = types.ModuleType("broken")
        monkeypatch.setitem(sys.modules, "broken", broken)
        failure = ImportError("libGL.so.1: cannot open shared object file", name="broken")

        def fail(module: str) -> Any:
            raise failure

        monkeypatch.setattr("ignite_delayed._utils.extras.import_module", fail)
        with pytest.raises(ImportError) as caught:
            require_extra("broken", "plot")
        assert caught.value is failure
