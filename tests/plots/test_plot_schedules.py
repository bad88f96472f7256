from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from engines import loop
from lr_runs import adam
from matplotlib import pyplot as plt
from plot_runs import figure_of, texts
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    Constant,
    Cosine,
    LRPhases,
    Phase,
    Plateau,
    Preview,
    Recorder,
    UnknownMetricError,
    plot_schedule,
    preview,
    warmup,
)
from ignite_delayed.plots import RateCurves


def three_phases() -> list[Phase]:
    return [
        Phase(warmup(fraction=0.1), per="iteration"),
        Phase(Cosine(fraction=0.9), per="iteration", until=Plateau("loss", mode="min", patience=2)),
        Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=2, factor=0.5), monitor="loss", mode="min"),
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
        assert texts(drawn) == ["warm-up to epoch 2", f"switched before epochs 3, {places[1] + 1:.4g}"]
        marks = [line for line in drawn.axes.lines if line.get_marker() == "D"]
        found = [float(np.asarray(mark.get_xdata())[0]) for mark in marks]
        assert found == places
        assert drawn.axes.get_ylabel() == "factor of the base rate"

    def test_a_preview_is_drawn_as_what_it_was_made_of(self) -> None:
        direct = plot_schedule(three_phases(), **PLAN, **STALLS)
        again = plot_schedule(preview(three_phases(), **PLAN, **STALLS))
        assert moments(direct) == moments(again)
        one, other = direct.curves[""][0], again.curves[""][0]
        assert np.array_equal(one.get_ydata(), other.get_ydata())

    def test_the_axis_says_what_is_drawn(self) -> None:
        schedule = warmup(epochs=1).then(Cosine(epochs=2))
        factors, rates = preview(schedule, **PLAN), preview(schedule, optimizer=adam(), **PLAN)
        assert plot_schedule(factors).axes.get_ylabel() == "factor of the base rate"
        assert plot_schedule(rates).axes.get_ylabel() == "learning rate"
        assert plot_schedule(schedule, optimizer=adam(), **PLAN).axes.get_ylabel() == "learning rate"
        both = plot_schedule({"factors": factors, "rates": rates})
        assert both.axes.get_ylabel() == "factor of the base rate, learning rate"

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
        clock_units = [label.get_window_extent() for label in drawn.axes.get_xticklabels() if label.get_text()]
        assert not any(one.overlaps(other) for one, other in pairwise(clock_units))

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
