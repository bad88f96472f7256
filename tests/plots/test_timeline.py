from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from engines import loop
from ignite.engine import Engine
from matplotlib import pyplot as plt
from plot_runs import ACCURACIES, stopped_run, texts
from strategies import run_of

from ignite_delayed import (
    After,
    Constant,
    EarlyStop,
    Gate,
    History,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Record,
    Recorder,
    UnknownMetricError,
    delay_early_stopping,
    plot_timeline,
    stop_when,
    warmup,
)
from ignite_delayed.plots import Timeline
from ignite_delayed.plots.style import OKABE_ITO


def two_evaluators(rates: bool = False) -> History:
    """Training metrics once an epoch of 100 iterations, validation metrics four times."""
    history = History()
    for iteration in range(25, 401, 25):
        epoch, evaluation = (iteration - 1) // 100 + 1, iteration // 25
        clock: dict[str, Any] = {"epoch": epoch, "iteration": iteration, "evaluation": evaluation}
        loss = {"val/loss": 100 / iteration, "val/accuracy": iteration / 400}
        if rates:
            loss |= {"lr/0": 1.0, "lr/1": 0.1}
        history.append(Record(**clock, source="val", values=loss))
        if iteration % 100 == 0:
            history.append(Record(**clock, source="train", values={"train/loss": 90 / iteration}))
    return history


def zones(drawn: Timeline) -> list[tuple[str, float, float]]:
    return [(zone.kind, zone.start, zone.stop) for zone in drawn.zones]


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

    def test_rates_are_left_out_if_one_likes(self) -> None:
        drawn = plot_timeline(two_evaluators(rates=True), lr=False)
        assert list(drawn.axes) == ["loss", "accuracy"]
        assert not {"lr/0", "lr/1"} & set(drawn.curves)
        assert texts(drawn) == ["val", "train"]

    def test_the_key_is_left_out_if_one_likes(self) -> None:
        drawn = plot_timeline(stopped_run(patience=2, until=After(epochs=3)), legend=False)
        assert drawn.legend is None
        assert drawn.axes["accuracy"].get_legend() is None
        assert [moment.kind for moment in drawn.moments] == ["opened", "best", "stopped"]

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

    def test_a_value_between_two_that_are_no_numbers_is_visible(self) -> None:
        nan = math.nan
        for values, alone in (
            ([0.5, nan, 0.4, nan, 0.3, 0.2], [0, 2]),
            ([nan, 0.4, nan, math.inf, 0.2], [1, 4]),
            ([0.5, 0.4, nan, 0.3], [3]),
        ):
            line = plot_timeline(run_of(values)).curves["loss"]
            assert (line.get_marker(), line.get_markevery()) == (".", alone)
        assert plot_timeline(run_of([0.5, 0.4])).curves["loss"].get_marker() == "None"

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

    def test_the_star_stands_on_the_curve_of_that_very_value(self) -> None:
        trainer, evaluator = loop(nearly=[0.5000001, 0.4], exact=[0.5, 0.4])
        recorder = Recorder(trainer, {"val": evaluator})
        delay_early_stopping(recorder, "val/exact", mode="max", patience=1)
        trainer.run([0], max_epochs=2)
        drawn = plot_timeline(recorder.history)
        stars = {kind: [line for line in panel.lines if line.get_marker() == "*"] for kind, panel in drawn.axes.items()}
        assert {kind: len(found) for kind, found in stars.items()} == {"nearly": 0, "exact": 1}

    def test_a_stop_whose_mark_knows_no_best_value_has_no_star(self) -> None:
        run = run_of([0.5, 0.4, 0.6])
        run.mark("stopped", "early stopping", run[-1], "best 0.4 in epoch 2, iteration 2")
        drawn = plot_timeline(run)
        assert [moment.kind for moment in drawn.moments] == ["stopped"]
        assert zones(drawn) == [("open", 0, 3)]

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
        assert texts(drawn) == [
            "checkpoints opened before epoch 2",
            "good enough stopped in epoch 5",
            "good enough open: can stop",
        ]
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
        assert texts(drawn) == ["rate switched before epoch 4", "settled opened in epoch 4", "closed", "open"]
        assert [(moment.kind, moment.at) for moment in drawn.moments] == [("switched", 3), ("opened", 4)]
        lines = [line for line in drawn.axes["loss"].lines if len(np.asarray(line.get_xdata())) == 2]
        assert sorted(np.asarray(line.get_xdata())[0] for line in lines) == [3, 4]
        stopper = plot_timeline(run, name="stop")
        assert texts(stopper) == ["rate switched before epoch 4", "stop stopped in epoch 8", "open: can stop"]
        assert zones(plot_timeline(run, name="rate")) == []

    def test_early_stopping_that_only_opened_can_stop_all_the_same(self) -> None:
        drawn = plot_timeline(stopped_run(patience=20, until=After(epochs=3)))
        assert texts(drawn) == ["opened in epoch 4", "closed: cannot stop", "open: can stop"]

    def test_it_can_stop_whatever_its_name_and_a_gate_of_that_name_cannot(self) -> None:
        named = plot_timeline(stopped_run(patience=20, until=After(epochs=3), name="enough"))
        assert texts(named) == ["opened in epoch 4", "closed: cannot stop", "open: can stop"]
        trainer, evaluator = loop(accuracy=ACCURACIES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("accuracy") > 0.75, name="early stopping")
        trainer.run([0], max_epochs=8)
        assert texts(plot_timeline(recorder.history)) == ["opened in epoch 5", "closed", "open"]

    def test_other_marks_are_shown_and_shade_nothing(self) -> None:
        run = run_of([0.5] * 12)
        for epoch in (2, 4, 5, 9):
            run.mark("adjusted", "rate", run[epoch - 1])
        run.mark("switched", "rate", run[5])
        drawn = plot_timeline(run)
        assert drawn.zones == []
        assert texts(drawn) == ["adjusted in 4 epochs", "switched before epoch 7"]

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
        assert texts(drawn)[0] == f"switched before epochs 3, {places[1] + 1:.0f}"

    def test_a_loaded_history_is_drawn_as_the_live_one(self, tmp_path: Path) -> None:
        live = stopped_run(patience=2, until=After(epochs=3))
        one, other = plot_timeline(live), plot_timeline(History.load(live.save(tmp_path / "run.jsonl")))
        assert (one.moments, one.zones, texts(one)) == (other.moments, other.zones, texts(other))
        assert drawn_curve(one, "accuracy") == drawn_curve(other, "accuracy")

    @pytest.mark.parametrize("kind", ["switched", "adjusted"])
    def test_what_happens_often_stands_as_ticks_and_not_as_a_wall(self, kind: Any) -> None:
        for count, lines in ((12, 12), (13, 0), (400, 0)):
            run = run_of([0.5] * 400)
            for epoch in range(1, count + 1):
                run.mark(kind, "rate", run[epoch - 1])
            drawn = plot_timeline(run)
            across = [line for line in drawn.axes["loss"].lines if list(line.get_ydata()) == [0, 1]]  # type: ignore[arg-type]
            ticks = [line for line in drawn.axes["loss"].lines if list(line.get_ydata()) == [1] * count]  # type: ignore[arg-type]
            assert (len(across), len(ticks)) == (lines if kind == "switched" else 0, 1)
            assert (ticks[0].get_marker() == "|") is (count > 12 or kind == "adjusted")
            assert texts(drawn) == [f"{kind} {count} times" if kind == "switched" else f"{kind} in {count} epochs"]

    def test_its_repr_tells_what_was_drawn_and_what_happened(self) -> None:
        drawn = plot_timeline(stopped_run(patience=2, until=After(epochs=3)))
        assert repr(drawn) == "<Timeline of accuracy: opened, best, stopped>"
        run = run_of([0.5] * 9)
        assert repr(plot_timeline(run)) == "<Timeline of loss: nothing>"
        for epoch in range(6):
            run.mark("opened", "gate", run[epoch])
        assert repr(plot_timeline(run)).endswith("opened, opened, opened, opened and 2 more>")

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
            ({"legend": "right"}, TypeError, "legend must be"),
            ({"lr": None}, TypeError, "lr must be"),
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
