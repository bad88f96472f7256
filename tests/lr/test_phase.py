"""A phase is checked when it is written down."""

from __future__ import annotations

import copy
import functools
import math
import pickle
from typing import Any

import pytest
import torch
from lr_runs import sgd
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau, StepLR

from ignite_delayed import After, Constant, Cosine, Linear, Metric, Phase, Plateau, warmup
from ignite_delayed.lr.phase import check_phases, writing_span


def falls(optimizer: Any) -> ExponentialLR:
    return ExponentialLR(optimizer, 0.5)


@pytest.mark.parametrize(
    ("what", "arguments", "error", "message"),
    [
        (3, {"per": "epoch"}, TypeError, "what must be a schedule, or a function that builds a torch scheduler"),
        (None, {}, TypeError, "a phase that leaves the rates alone needs until="),
        (None, {"until": After(epochs=1), "per": "epoch"}, ValueError, "per must be left out where nothing is stepped"),
        (None, {"until": After(epochs=1), "monitor": "x"}, ValueError, "monitor must be left out where nothing is"),
        (Constant(), {}, TypeError, "per must be one of 'iteration', 'epoch', 'update', got None .* is never guessed"),
        (
            Constant(),
            {"per": "evaluation"},
            ValueError,
            "per must be one of 'iteration', 'epoch', 'update', got 'evaluation'",
        ),
        (Constant(), {"per": "epoch", "monitor": "loss"}, ValueError, "monitor must be left out for a schedule"),
        (Linear(iterations=3), {"per": "epoch"}, ValueError, "per must be 'iteration' for a schedule with iterations"),
        (
            warmup(iterations=3).then(Cosine(fraction=0.5)),
            {"per": "epoch"},
            ValueError,
            "per must be 'iteration' for a schedule with iterations=3",
        ),
        (falls, {}, TypeError, r"per must be one of .* ReduceLROnPlateau takes monitor= instead"),
        (
            falls,
            {"per": "batch"},
            ValueError,
            "per must be one of 'iteration', 'epoch', 'update', 'evaluation', got 'batch'",
        ),
        (falls, {"per": "epoch", "until": 3}, TypeError, r"until must be a condition.*After\(epochs=3\)"),
        (falls, {"monitor": "loss"}, TypeError, "mode must be 'min' or 'max', got None.* 'max' for an accuracy"),
        (falls, {"monitor": "loss", "mode": "up"}, ValueError, "mode must be 'min' or 'max', got 'up'"),
        (falls, {"per": "epoch", "mode": "min"}, ValueError, "mode must be left out without monitor="),
        (Constant(), {"per": "epoch", "mode": "min"}, ValueError, "mode must be left out for a schedule"),
        (None, {"until": After(epochs=1), "mode": "min"}, ValueError, "mode must be left out where nothing is"),
        (Constant(), {"per": "epoch", "min_lr": -0.1}, ValueError, "min_lr must be a finite number >= 0, got -0.1"),
        (Constant(), {"per": "epoch", "min_lr": math.nan}, ValueError, "min_lr must be a finite number >= 0, got nan"),
        (Constant(), {"per": "epoch", "min_lr": "1e-5"}, TypeError, "min_lr must be a finite number >= 0, got '1e-5'"),
        (Constant(), {"per": "epoch", "min_lr": [0.1, -1]}, ValueError, "an entry of min_lr must be a finite number"),
        (Constant(), {"per": "epoch", "min_lr": []}, ValueError, "min_lr must be one number, or one for each group"),
        (
            falls,
            {"per": "epoch", "min_lr": 0.1},
            ValueError,
            r"min_lr must be left out .*CosineAnnealingLR\(eta_min=\)",
        ),
        (
            None,
            {"until": After(epochs=1), "min_lr": 0.1},
            ValueError,
            "min_lr must be left out where there is no sched",
        ),
        (falls, {"monitor": 3}, TypeError, "monitor must be the name of a metric or a metric expression"),
    ],
)
def test_bad_input(what: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Phase(what, **arguments)


def test_a_plateau_needs_no_telling() -> None:
    assert Phase(falls, monitor="loss", mode="min").per == "evaluation"
    assert Phase(ReduceLROnPlateau(sgd()), monitor="loss", mode="min").per == "evaluation"
    assert Phase(ReduceLROnPlateau(sgd())).per == "evaluation"  # that it lacks a monitor is told when it is attached


@pytest.mark.parametrize(
    ("phase", "ends"),
    [
        (Phase(None, until=After(epochs=1)), True),
        (Phase(Constant(), per="epoch"), False),
        (Phase(Constant(), per="epoch", until=After(epochs=1)), True),
        (Phase(Constant(fraction=0.5), per="epoch"), True),
        (Phase(falls, per="epoch"), False),
        (Phase(falls, per="epoch", until=Metric("loss") < 1), True),
    ],
)
def test_whether_it_ends(phase: Phase, ends: bool) -> None:
    assert phase.ends is ends


@pytest.mark.parametrize(
    ("phase", "shown"),
    [
        (Phase(None, until=After(epochs=1)), "Phase(None, until=After(epochs=1))"),
        (
            Phase(Cosine(steps=3), per="epoch", until=Metric("loss") < 1),
            f"Phase({Cosine(steps=3)!r}, per='epoch', until=Metric('loss') < 1.0)",
        ),
        (Phase(Cosine(steps=3), per="epoch", min_lr=1), f"Phase({Cosine(steps=3)!r}, per='epoch', min_lr=1.0)"),
        (Phase(Constant(), per="epoch", min_lr=[0, 1]), "Phase(Constant(), per='epoch', min_lr=(0.0, 1.0))"),
        (Phase(Constant(), per="epoch", min_lr=0), "Phase(Constant(), per='epoch')"),
        (Phase(falls, per="epoch"), "Phase(falls, per='epoch')"),
        (Phase(falls, monitor="loss", mode="min"), "Phase(falls, per='evaluation', monitor='loss')"),
        (Phase(StepLR(sgd(), 3), per="epoch"), "Phase(<StepLR>, per='epoch')"),
        (Phase(functools.partial(StepLR, step_size=3), per="epoch"), "Phase(partial of StepLR, per='epoch')"),
        (Phase(lambda optimizer: StepLR(optimizer, 3), per="epoch"), "Phase(lambda: StepLR(...), per='epoch')"),
        (
            Phase(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 3), per="epoch"),
            "Phase(lambda: StepLR(...), per='epoch')",
        ),
    ],
)
def test_repr(phase: Phase, shown: str) -> None:
    assert repr(phase) == shown


def test_a_lambda_that_hides_what_it_builds_is_told_by_its_place_and_saved_states_go_by_its_old_name() -> None:
    phase = Phase(lambda optimizer: falls(optimizer), per="epoch")  # noqa: PLW0108 - a lambda is what is told
    line = phase.what.__code__.co_firstlineno
    assert repr(phase) == f"Phase(<lambda in test_phase.py, line {line}>, per='epoch')"
    assert phase.rule == "Phase(<lambda>, per='epoch')"
    named = Phase(falls, per="epoch")
    assert named.rule == repr(named)


class TestValue:
    @staticmethod
    def cosine(**changes: Any) -> Phase:
        arguments: dict[str, Any] = {"per": "epoch", "until": Metric("loss") < 1} | changes
        return Phase(Cosine(steps=3), **arguments)

    def test_is_equal_to_what_was_built_alike(self) -> None:
        assert self.cosine() == self.cosine()
        assert hash(self.cosine()) == hash(self.cosine())
        assert Phase(falls, monitor="loss", mode="min") == Phase(falls, monitor="loss", mode="min", per="evaluation")

    @pytest.mark.parametrize(
        "changes", [{"per": "iteration"}, {"until": None}, {"until": Metric("loss") < 2}, {"min_lr": 0.1}]
    )
    def test_differs_where_an_argument_does(self, changes: dict[str, Any]) -> None:
        assert self.cosine() != self.cosine(**changes)

    def test_is_immutable(self) -> None:
        with pytest.raises(AttributeError, match="Phase is immutable"):
            self.cosine().until = None

    @pytest.mark.parametrize(
        "phase",
        [
            Phase(None, until=After(epochs=1)),
            Phase(Cosine(steps=3), per="epoch", until=Metric("loss") < 1),
            Phase(Cosine(steps=3), per="epoch", min_lr=[0.1, 0.2]),
            Phase(falls, monitor=Metric("loss"), mode="min"),
            Phase(functools.partial(StepLR, step_size=3), per="iteration"),
        ],
    )
    def test_is_pickled(self, phase: Phase) -> None:
        again = pickle.loads(pickle.dumps(phase))
        assert repr(again) == repr(phase)
        assert (again.per, again.until, again.monitored) == (phase.per, phase.until, phase.monitored)

    def test_a_copy_is_the_same(self) -> None:
        phase = self.cosine()
        assert copy.copy(phase) is phase
        assert copy.deepcopy(phase) is phase

    def test_a_ready_scheduler_is_copied_along_with_its_optimizer(self) -> None:
        optimizer = sgd()
        phase = Phase(StepLR(optimizer, 3), per="epoch", until=After(epochs=2))
        of_copy, copied = copy.deepcopy((optimizer, phase))
        assert copied.what.optimizer is of_copy
        assert (copied.per, copied.until) == (phase.per, phase.until)


def test_the_direction_of_the_same_metric_is_found_however_deep() -> None:
    phase = Phase(falls, monitor="loss", mode="min")
    deep = After(epochs=3) & ~(Plateau("accuracy", mode="max", patience=3) | Plateau("loss", mode="min", patience=3))
    assert phase.direction([After(epochs=1), deep]) == "min"
    assert phase.direction([After(epochs=1)]) is None


def test_the_span_in_which_phases_write() -> None:
    until, other = After(epochs=3), Metric("loss") < 1
    writes = Phase(Constant(), per="epoch", until=other)
    assert writing_span([writes]) == (None, other)
    assert writing_span([Phase(None, until=until), writes]) == (until, None)
    assert writing_span([writes, Phase(Constant(), per="epoch")]) == (None, None)


def test_a_lone_phase_is_a_list_of_one() -> None:
    phase = Phase(Constant(), per="epoch")
    assert check_phases(phase) == [phase]
