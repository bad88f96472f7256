"""How far phases have come is saved as plain values; a state that does not fit is refused, and nothing is changed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from engines import nan, through_torch, unsealed
from lr_runs import SCHEDULERS, Training, adam, saved, sgd, untouched, values
from torch.optim.lr_scheduler import MultiplicativeLR

from ignite_delayed import (
    After,
    Constant,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    StateError,
    adjust_lr,
    delay_lr_scheduler,
)
from ignite_delayed.lr.optimizer.takeover import Takeover
from ignite_delayed.lr.plan import Plan
from ignite_delayed.lr.progress import Progress
from ignite_delayed.lr.steppers.build import build_steppers


def retyped(value: Any) -> list[Any]:
    """Values that have no business where ``value`` is."""
    wrong: list[Any] = ["x", {}, [3, "x"], nan if isinstance(value, (list, dict, str)) else [1.0]]
    return [other for other in wrong if type(other) is not type(value) or other == [3, "x"]]


class TestDamage:
    @staticmethod
    def build() -> tuple[Training, LRPhases]:
        training = Training(sgd(1.0, 0.3), metrics={"loss": lambda trainer: 1.0})
        phases = [
            Phase(Linear(1.0, 0.5, steps=2), per="epoch", until=Plateau("loss", mode="min", patience=1)),
            Phase(SCHEDULERS["MultiStepLR"], per="iteration"),
        ]
        return training, LRPhases(training.recorder, training.optimizer, phases)

    def state(self) -> dict[str, Any]:
        training, _ = self.build()
        (states,), _ = saved(training, 8)
        return dict(through_torch(states[2]["handlers"]["lr"]))

    def refused(self, raw: Any, match: str = "'lr'") -> None:
        training, phases = self.build()
        training.run(1)  # a state that is not the initial one
        before = copy.deepcopy((untouched(training.optimizer), phases.state_dict(), phases.index, phases.scheduler))
        with pytest.raises(StateError, match=match):
            phases.load_state_dict(raw)
        assert (untouched(training.optimizer), phases.state_dict(), phases.index, phases.scheduler) == before

    @pytest.mark.parametrize("raw", [None, 3, [], {}, {"version": 0}])
    def test_no_state_at_all(self, raw: Any) -> None:
        self.refused(raw, "must be a dict of version 1")

    def test_each_field_removed(self) -> None:
        state = self.state()
        for field in state.keys() - {"anchor", "planned", "tried"}:  # earlier states have none
            self.refused({name: value for name, value in state.items() if name != field})

    def test_a_state_from_before_shares_had_an_anchor(self) -> None:
        _, phases = self.build()
        state = {name: value for name, value in self.state().items() if name not in ("anchor", "planned")}
        phases.load_state_dict(state)
        assert phases.state_dict() == state

    def test_a_state_from_before_factories_were_compared(self) -> None:
        _, phases = self.build()
        state = self.state()
        tried = state.pop("tried")
        phases.load_state_dict(state)
        assert phases.state_dict() == state | {"tried": tried}

    def test_each_field_retyped(self) -> None:
        state = self.state()
        for field, value in state.items():
            for wrong in retyped(value):
                self.refused(state | {field: wrong})

    def test_each_field_of_the_scheduler_removed_or_retyped(self) -> None:
        state = self.state()
        *counts, scheduler = state["drive"]
        for index in range(3):
            for wrong in retyped(0):
                self.refused(state | {"drive": [*counts[:index], wrong, *counts[index + 1 :], scheduler]}, "damaged")
        for field, value in scheduler.items():
            without = {name: entry for name, entry in scheduler.items() if name != field}
            self.refused(state | {"drive": [*counts, without]}, f"damaged: .*lacks {field}")
            if value is not None:
                for wrong in [wrong for wrong in retyped(value) if not (field == "milestones" and wrong == {})]:
                    self.refused(state | {"drive": [*counts, scheduler | {field: wrong}]}, "damaged")

    @pytest.mark.parametrize(
        "damage",
        [
            {"index": 3},
            {"index": -1},
            {"index": True},
            {"origin": [1]},
            {"origin": [1, -1]},
            {"origin": [1, 1.5]},
            {"bases": ["1", 1.0]},
            {"bases": [True, 1.0]},
            {"before": None},
            {"groups": None},
            {"before": None, "groups": None},
            {"groups": [{"lr": "1"}, {"lr": 1.0}]},
            {"groups": [{"lr": True}, {"lr": 1.0}]},
            {"groups": [{"weight_decay": 1.0}, {"lr": 1.0}]},
            {"groups": [1.0, 1.0]},
            {"switches": [[1]]},
            {"switches": [[1, 2, 3, 4, [1.0], [1.0]]]},
            {"switches": [[1, 2, -3, "why", [1.0], [1.0]]]},
            {"switches": [[1, 2, 3, "why", [1.0], ["1"]]]},
            {"drive": []},
            {"drive": None},
        ],
    )
    def test_what_cannot_be(self, damage: dict[str, Any]) -> None:
        self.refused(self.state() | damage, "damaged")

    def test_the_state_of_other_phases_is_refused_with_both_rules_printed(self) -> None:
        training = Training(sgd(1.0, 0.3))
        other = LRPhases(
            training.recorder, training.optimizer, [Phase(None, until=After(epochs=2)), Phase(Constant(1), per="epoch")]
        )
        message = (
            r"'lr' cannot load the state of other phases:\n  saved: \[.*MultiStepLR.\]\n  here:  \['Phase\(None, unt"
        )
        with pytest.raises(StateError, match=message):
            other.load_state_dict(self.state())

    def test_of_another_scheduler_behind_an_equal_factory(self) -> None:
        def build(name: str) -> LRPhases:
            training = Training(sgd())
            factory = lambda optimizer: SCHEDULERS[name](optimizer)  # noqa: E731, PLW0108 - of one name
            phases = delay_lr_scheduler(training.recorder, training.optimizer, factory, per="epoch")
            assert isinstance(phases, LRPhases)
            return phases

        with pytest.raises(StateError, match=r"saved: .*StepLR.\]\n  here:  .*ExponentialLR.\]"):
            build("ExponentialLR").load_state_dict(build("StepLR").state_dict())

    def test_a_ready_scheduler_stays_as_it_is(self) -> None:
        training = Training(sgd())
        ready = MultiplicativeLR(training.optimizer, lambda step: 0.5)
        phases = delay_lr_scheduler(training.recorder, training.optimizer, ready, per="epoch")
        assert isinstance(phases, LRPhases)
        training.run(3)
        before = copy.deepcopy((ready.state_dict(), untouched(training.optimizer), phases.state_dict()))
        raw = phases.state_dict()
        raw["drive"][-1].pop("last_epoch")
        with pytest.raises(StateError, match="lacks last_epoch"):
            phases.load_state_dict(raw)
        assert (ready.state_dict(), untouched(training.optimizer), phases.state_dict()) == before

    def test_a_later_handler_that_refuses_puts_the_rates_back(self) -> None:
        def build() -> tuple[Training, LRPhases]:
            training, phases = self.build()
            adjust_lr(training.recorder, adam(), {Metric("loss") > 0.5: 0.9})
            return training, phases

        (states,), _ = saved(build()[0], 8)
        recorder = unsealed(states[2])
        recorder["handlers"]["adjust lr"]["version"] = 0
        training, phases = build()
        before = copy.deepcopy((untouched(training.optimizer), phases.state_dict()))
        with pytest.raises(StateError, match="the handler 'adjust lr' refuses its saved state"):
            training.recorder.load_state_dict(recorder)
        assert (values(training.optimizer), phases.state_dict()) == ([1.0, 0.3], before[1])


def progress_of(optimizer: Any, *phases: Phase) -> Progress:
    steppers, _, entries = build_steppers(list(phases), optimizer, "lr")
    return Progress(phases, steppers, Takeover(optimizer, "lr", entries), Plan(None))


PAUSE = Phase(None, until=After(epochs=1))
HALVES = Phase(SCHEDULERS["ExponentialLR"], per="epoch")


class TestSteps:
    def test_of_a_fresh_one_are_none(self) -> None:
        progress = progress_of(sgd(), PAUSE, HALVES)
        assert (progress.index, progress.begun, progress.origin, progress.bases) == (0, False, (0, 0), [])
        assert progress.switches == []
        assert not progress.stepper.writes

    def test_a_phase_that_writes_finds_the_base_rates_and_notes_what_it_leaves(self) -> None:
        progress = progress_of(sgd(1.0, 0.5), PAUSE, Phase(SCHEDULERS["LinearLR"], per="epoch"))
        progress.begin(0)
        assert progress.bases == []
        progress.takeover.take()
        progress.begin(1)
        assert progress.bases == [1.0, 0.5]
        assert progress.last_values() == progress.takeover.left == [0.25, 0.125]

    def test_after_the_last_phase_nothing_is_written(self) -> None:
        progress = progress_of(sgd(), HALVES)
        progress.begin(1)
        assert progress.index == 1
        assert not progress.stepper.writes

    def test_to_start_over_gives_everything_back(self) -> None:
        optimizer = sgd(1.0, 0.5)
        before = copy.deepcopy(untouched(optimizer))
        progress = progress_of(optimizer, Phase(SCHEDULERS["LinearLR"], per="epoch"))
        fresh = progress.state_dict()
        progress.takeover.take()
        progress.begin(0)
        assert values(optimizer) != [1.0, 0.5]
        progress.start_over()
        assert untouched(optimizer) == before
        assert progress.state_dict() | {"left": []} == fresh


def test_what_is_saved() -> None:
    training = Training(sgd(1.0, 0.3), metrics={"loss": lambda trainer: 1.0})
    phases = LRPhases(
        training.recorder,
        training.optimizer,
        [Phase(Linear(1.0, 0.5, steps=2), per="epoch"), Phase(Constant(1.0), per="epoch")],
    )
    training.run(3, 2)
    assert phases.state_dict() == {
        "version": 1,
        "rule": ["Phase(Linear(end=0.5, steps=2), per='epoch')", "Phase(Constant(), per='epoch')"],
        "index": 1,
        "origin": [4, 2],
        "bases": [1.0, 0.3],
        "begun": True,
        "switches": [[1, 3, 4, "Linear(end=0.5, steps=2) ended", [0.75, 0.3 * 0.75], [1.0, 0.3]]],
        "before": [{"lr": 1.0}, {"lr": 0.3}],
        "left": [1.0, 0.3],
        "groups": [
            {"lr": 1.0, "initial_lr": 1.0, "left_lr": 1.0},
            {"lr": 0.3, "initial_lr": 0.3, "left_lr": 0.3},
        ],
        "drive": None,
        "planned": 3.0,
    }
