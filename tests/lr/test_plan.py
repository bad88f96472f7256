"""Shares of the run: of what is left where a start is open, rounded once, said in epochs, and kept if pinned."""

from __future__ import annotations

import copy
import logging
from typing import Any, ClassVar

import numpy as np
import pytest
from ignite.engine import Events
from lr_runs import Training, saved, sgd

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Schedule,
    apply_schedule,
    preview,
    warmup,
)


def phased(training: Training, *phases: Phase, **options: Any) -> LRPhases:
    return LRPhases(training.recorder, training.optimizer, list(phases), **options)


def falling(epochs: int, opens_in: int) -> dict[str, Any]:
    """A loss that is small from epoch ``opens_in`` on."""
    return {"loss": [1.0] * (opens_in - 1) + [0.01] * (epochs - opens_in + 1)}


@pytest.mark.parametrize(
    "schedule", [Cosine(fraction=1), Cosine(rest=True), warmup(fraction=0.2).then(Cosine(fraction=0.8))]
)
@pytest.mark.parametrize("per", ["iteration", "epoch"])
def test_a_late_start_takes_what_is_left_of_the_run(schedule: Schedule, per: Any) -> None:
    training = Training(sgd(), metrics=falling(20, 10))
    apply_schedule(training.recorder, training.optimizer, schedule, per=per, until=Metric("loss") < 0.02)
    rates = training.lr(20, length=4)
    assert rates[:40] == [1.0] * 40
    expected = schedule.resolve(per=per, epochs=10, iterations_per_epoch=4)
    steps = np.arange(40) if per == "iteration" else np.arange(40) // 4
    assert rates[40:] == pytest.approx(expected(steps).tolist(), abs=1e-12)
    assert rates[-1] < 0.1


def test_the_rest_after_a_phase_that_ends_by_itself() -> None:
    training = Training(sgd())
    phased(training, Phase(warmup(epochs=2), per="epoch"), Phase(Linear(rest=True), per="iteration"))
    rates = training.lr(6, length=4)
    assert rates[8:] == pytest.approx([1 - step / 16 for step in range(16)])


def test_the_rest_per_epoch_after_a_phase_per_iteration() -> None:
    training = Training(sgd())
    phased(training, Phase(warmup(epochs=2), per="iteration"), Phase(Linear(rest=True), per="epoch"))
    assert training.lr(6, length=4)[8::4] == [1.0, 0.75, 0.5, 0.25]


def test_conditions_on_shares_are_of_a_pinned_length_too() -> None:
    training = Training(sgd())
    first = Phase(Constant(), per="epoch", until=After(fraction=0.5))
    phased(training, first, Phase(Constant(0.1), per="epoch"), planned_epochs=4)
    assert training.lr(6) == [1.0] * 2 + [0.1] * 4


def test_phases_in_shares_of_the_run_are_a_chain_in_shares_of_the_run() -> None:
    parts = [Constant(factor, fraction=1 / 3) for factor in (1.0, 0.5, 0.25)]
    training = Training(sgd())
    phased(training, *(Phase(part, per="epoch") for part in parts))
    chain = parts[0].then(parts[1]).then(parts[2]).resolve(per="epoch", epochs=11)
    assert training.lr(11) == [chain(step) for step in range(11)]


def test_a_share_and_a_condition_on_a_share_agree() -> None:
    rates = []
    for second in (
        Phase(Constant(0.5, fraction=0.5), per="iteration"),
        Phase(Constant(0.5), per="iteration", until=After(fraction=0.5)),
    ):
        for first in (
            Phase(Constant(fraction=0.25), per="iteration"),
            Phase(Constant(), per="iteration", until=After(iterations=10)),
        ):
            training = Training(sgd())
            phased(training, first, second, Phase(Constant(0.1), per="iteration"))
            rates.append(training.lr(10, length=4))
    by_itself, by_condition, also_by_itself, also_by_condition = rates
    assert by_itself == also_by_itself == [1.0] * 10 + [0.5] * 20 + [0.1] * 10  # of the run, whose start is known
    assert by_condition == also_by_condition == [1.0] * 10 + [0.5] * 15 + [0.1] * 15  # of the 30 that were left


@pytest.mark.parametrize("cut", [5, 10, 13, 18])
def test_a_late_start_is_resumed(cut: int) -> None:
    def build() -> Training:
        training = Training(sgd(), metrics=falling(8, 3))
        schedule = warmup(fraction=0.25).then(Cosine(rest=True))
        apply_schedule(training.recorder, training.optimizer, schedule, per="iteration", until=Metric("loss") < 0.02)
        return training

    states, expected = saved(build(), cut, epochs=8)
    again = build()
    (states,) = states
    again.trainer.load_state_dict(states[0])
    again.optimizer.load_state_dict(states[1])
    again.recorder.load_state_dict(states[2])
    assert again.run(8, 3) == expected


def test_what_a_share_comes_to_is_said_as_the_phase_begins(caplog: pytest.LogCaptureFixture) -> None:
    training = Training(sgd(), metrics=falling(20, 10))
    with caplog.at_level(logging.INFO, "ignite_delayed.LRPhases"):
        apply_schedule(
            training.recorder, training.optimizer, Cosine(fraction=0.5), per="iteration", until=Metric("loss") < 0.02
        )
        training.lr(20, length=4)
    assert "lr: phase 2 begins: fraction=0.5 is 5 epochs" in caplog.messages


def longer(training: Training, epochs: int) -> list[float]:
    """Train on until ``epochs`` are over, and return the rates of these."""
    before = len(training.used)
    if training.trainer.state.epoch < epochs:
        training.trainer.run([0], max_epochs=epochs)
    return [rate for (rate,) in training.used[before:]]


class TestARunMadeLonger:
    def test_says_so_once_with_both_lengths(self, caplog: pytest.LogCaptureFixture) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Cosine(fraction=1), per="epoch")
        training.lr(5)
        assert caplog.messages == []
        longer(training, 10)
        longer(training, 10)
        told = "lr: the run was planned for 5 epochs and is now for 10"
        assert [message[: len(told)] for message in caplog.messages] == [told]

    def test_is_told_of_a_loaded_state_too(self, caplog: pytest.LogCaptureFixture) -> None:
        states: list[Any] = []
        for epochs in (5, 10):
            training = Training(sgd())
            apply_schedule(training.recorder, training.optimizer, Cosine(fraction=1), per="epoch")
            if states:
                training.trainer.load_state_dict(states[0][0])
                training.recorder.load_state_dict(states[0][1])
            longer(training, epochs)
            states.append(copy.deepcopy((training.trainer.state_dict(), training.recorder.state_dict())))
        assert sum("was planned for 5 epochs and is now for 10" in message for message in caplog.messages) == 1

    def test_does_not_matter_without_shares(self, caplog: pytest.LogCaptureFixture) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Cosine(epochs=5), per="epoch")
        training.lr(5)
        longer(training, 10)
        assert caplog.messages == []

    def test_keeps_a_pinned_length(self, caplog: pytest.LogCaptureFixture) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Cosine(fraction=1), per="epoch", planned_epochs=8)
        rates = training.lr(5) + longer(training, 10)
        assert rates == pytest.approx([Cosine(steps=8)(step) for step in range(10)])
        assert caplog.messages == []

    @pytest.mark.parametrize("epochs", [0, -1, "5"])
    def test_a_pinned_length_is_a_length(self, epochs: Any) -> None:
        training = Training(sgd())
        with pytest.raises((TypeError, ValueError), match="planned_epochs must be a finite number > 0"):
            phased(training, Phase(Cosine(fraction=1), per="epoch"), planned_epochs=epochs)


def test_an_epoch_that_the_run_does_not_finish_is_a_step() -> None:
    schedule = Linear(fraction=1).resolve(per="epoch", epochs=2.5)
    assert schedule == Linear(steps=3)
    assert schedule(2) > 0


class TestSharesOfPhasesInARow:
    CUT: ClassVar = [Phase(Constant(fraction=0.5), per="epoch"), Phase(Cosine(fraction=1), per="epoch")]

    def test_are_refused_as_those_of_a_chain_are(self) -> None:
        with pytest.raises(ValueError, match=r"the sum of the phases' fractions must be at most 1, got 1\.5"):
            phased(Training(sgd()), *self.CUT)
        with pytest.raises(ValueError, match=r"the sum of the phases' fractions must be at most 1, got 1\.5"):
            preview(self.CUT, epochs=2, iterations_per_epoch=1)

    def test_nothing_follows_the_rest_of_the_run(self) -> None:
        with pytest.raises(ValueError, match="Only the last takes the rest of the run"):
            phased(Training(sgd()), Phase(Cosine(rest=True), per="epoch"), Phase(Constant(0.1), per="epoch"))

    @pytest.mark.parametrize("per", ["iteration", "epoch"])
    def test_are_added_up_whatever_their_steps_are(self, per: Any) -> None:
        with pytest.raises(ValueError, match=r"at most 1, got 1\.5"):
            phased(Training(sgd()), self.CUT[0], Phase(Cosine(fraction=1), per=per))

    def test_start_anew_where_a_condition_may_end_one(self) -> None:
        first = Phase(Constant(fraction=0.9), per="epoch", until=Metric("loss") < 0.02)
        training = Training(sgd(), metrics=falling(8, 4))
        phased(training, first, Phase(Linear(fraction=1), per="epoch"))
        assert training.lr(8) == [1.0] * 4 + [1.0, 0.75, 0.5, 0.25]


class TestWhatFollowsByItself:
    """Phases that end by themselves are laid out as one schedule: from where the first began, rounded once."""

    OTHER = Phase(Constant(epochs=1), per="epoch")

    @pytest.mark.parametrize("cut", [None, 5, 9, 13])
    def test_takes_the_rest_from_where_it_begins_whatever_was_before(self, cut: int | None) -> None:
        held, falls = Constant(0.5, steps=4), Linear(rest=True)

        def build(*phases: Phase) -> Training:
            training = Training(sgd())
            phased(training, self.OTHER, *phases)
            return training

        apart = (Phase(held, per="iteration"), Phase(falls, per="iteration"))
        joined = build(Phase(held.then(falls), per="iteration")).lr(4, 4)
        assert joined[8:] == [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
        if cut is None:
            assert build(*apart).lr(4, 4) == joined
            return
        [states], after = saved(build(*apart), cut, 4, 4)
        resumed = build(*apart)
        trainer, optimizer, recorder = states
        resumed.trainer.load_state_dict(trainer)
        resumed.optimizer.load_state_dict(optimizer)
        resumed.recorder.load_state_dict(recorder)
        resumed.trainer.run([0] * 4)
        assert resumed.used == after
        assert [rate for [rate] in after] == joined[cut:]

    @pytest.mark.parametrize("until", [None, Metric("loss") < 0.02])
    def test_is_rounded_from_its_exact_place_also_where_a_condition_could_have_ended_it(self, until: Any) -> None:
        quarters = [Phase(Constant(factor, fraction=0.25), per="epoch", until=until) for factor in (0.4, 0.3, 0.2)]
        training = Training(sgd(), metrics={"loss": [1.0] * 6})
        phased(training, *quarters, Phase(Constant(0.1), per="epoch"))
        assert training.lr(6) == [0.4, 0.4, 0.3, 0.2, 0.1, 0.1]  # ends at 1.5, 3 and 4.5 epochs

    def test_is_laid_out_anew_after_a_condition_has_ended_what_was_before(self) -> None:
        first = Phase(Constant(0.4, fraction=0.25), per="epoch", until=Metric("loss") < 0.02)
        second = Phase(Linear(1, 0.5, fraction=0.5), per="epoch")
        training = Training(sgd(), metrics=falling(6, 1))
        phased(training, first, second, Phase(Constant(0.1), per="epoch"))
        assert training.lr(6) == [0.4, 1.0, 0.75, 0.1, 0.1, 0.1]  # a half of the 5 that are left, of two the even one

    def test_of_which_one_alone_fits_in_the_run_is_laid_out_alone(self) -> None:
        first = Phase(Constant(0.4, fraction=0.5), per="epoch", until=Metric("loss") < 0.02)
        training = Training(sgd(), metrics={"loss": [1.0] * 6})
        phased(training, first, Phase(Linear(fraction=1), per="epoch"))
        assert training.lr(6) == pytest.approx([0.4, 0.4, 0.4, 1.0, 5 / 6, 4 / 6])

    def test_goes_on_from_the_state_of_a_release_that_did_not_save_where_phases_began(self) -> None:
        def build() -> tuple[Training, LRPhases]:
            training = Training(sgd())
            held = (Phase(Constant(0.5, epochs=1), per="epoch"), Phase(Constant(0.7, epochs=1), per="epoch"))
            return training, phased(training, *held, Phase(Linear(rest=True), per="epoch"))

        training, phases = build()
        states: list[Any] = []
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), lambda: states.append(phases.state_dict()))
        used = training.lr(6)
        assert states[0].pop("origins") == [[0, 0], [1, 1], [2, 2]]
        resumed, phases = build()
        resumed.trainer.load_state_dict({"epoch_length": 1, "max_epochs": 6, "iteration": 3})
        phases.load_state_dict(states[0])
        resumed.trainer.run([0])
        assert [rate for [rate] in resumed.used] == used[3:]


@pytest.mark.parametrize("per", ["iteration", "epoch"])
def test_a_phase_of_no_length_is_left_out(per: Any) -> None:
    none, rates = warmup(epochs=0), []
    for phases in (
        [Phase(Linear(1, 0.5, epochs=2), per=per)],
        [Phase(none, per=per), Phase(Linear(1, 0.5, epochs=2), per=per)],
        [Phase(Linear(1, 0.5, epochs=2), per=per), Phase(none, per=per)],
    ):
        training = Training(sgd())
        run = phased(training, *phases)
        rates.append(training.lr(4, 2))
        assert (len(run.phases), run.switches) == (1, [])
    assert rates[0] == rates[1] == rates[2]


def test_a_warm_up_of_no_length_is_applied_as_the_base_rate() -> None:
    training = Training(sgd(0.3))
    apply_schedule(training.recorder, training.optimizer, warmup(iterations=0), per="epoch", until=After(epochs=1))
    assert training.lr(3) == [0.3, 0.3, 0.3]
