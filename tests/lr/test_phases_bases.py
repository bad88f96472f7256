"""The base rates of phases: never what an earlier schedule has left, always what the user has set."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from ignite.engine import Events
from lr_runs import Training, groups, sgd, values
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR

from ignite_delayed import (
    After,
    Constant,
    Cosine,
    Linear,
    LRPhases,
    Phase,
    apply_schedule,
    delay_lr_scheduler,
    warmup,
)

RATES = [1.0, 0.75, 0.5, 0.25]


def falling(training: Training) -> LRPhases:
    return apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, epochs=4), per="epoch")


def exponential(training: Training, **options: Any) -> Any:
    return delay_lr_scheduler(
        training.recorder, training.optimizer, lambda o: ExponentialLR(o, 0.5), per="epoch", **options
    )


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "which lr is the base" in message]


def interrupt(training: Training, epoch: int) -> None:
    @training.trainer.on(Events.EPOCH_COMPLETED(once=epoch))
    def fail() -> None:
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        training.run(epochs=4)


class TestACellThatIsRunAgain:
    """The optimizer stays, trainer and schedule are new."""

    @pytest.mark.parametrize("removed", [True, False])
    @pytest.mark.parametrize(
        ("attach", "expected"), [(falling, RATES), (exponential, [1.0, 0.5, 0.25, 0.125])], ids=["schedule", "torch"]
    )
    def test_trains_at_the_same_rates(
        self, attach: Any, expected: list[float], removed: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        optimizer = sgd()
        first = Training(optimizer)
        phases = attach(first)
        assert first.lr(epochs=4) == expected
        if removed:
            phases.remove()
        del first, phases
        again = Training(optimizer)
        attach(again)
        assert not told(caplog)
        assert again.lr(epochs=4) == expected
        assert len(told(caplog)) == 1
        assert again.lr(epochs=4) == expected  # a fresh run of the same: nothing is in question any more
        assert len(told(caplog)) == 1

    def test_after_an_error_too(self) -> None:
        optimizer = sgd()
        first = Training(optimizer)
        falling(first)
        interrupt(first, 3)
        del first
        again = Training(optimizer)
        falling(again)
        assert again.lr(epochs=4) == RATES

    def test_a_warm_up_that_was_cut_off_at_0_is_no_end(self) -> None:
        optimizer = sgd()
        for _ in range(2):
            training = Training(optimizer)
            apply_schedule(training.recorder, optimizer, warmup(epochs=2), per="epoch")
            assert training.lr(epochs=1) == [0.0]
            del training
        training = Training(optimizer)
        apply_schedule(training.recorder, optimizer, warmup(epochs=2), per="epoch")
        assert training.lr(epochs=4) == [0.0, 0.5, 1.0, 1.0]

    def test_a_rate_that_the_user_has_set_since_is_the_base(self, caplog: pytest.LogCaptureFixture) -> None:
        optimizer = sgd(1.0, 0.5)
        first = Training(optimizer)
        falling(first)
        first.run(epochs=4)
        del first
        optimizer.param_groups[0]["lr"] = 0.125
        again = Training(optimizer)
        falling(again)
        assert again.run(epochs=2) == [[0.125, 0.5], [0.125 * 0.75, 0.5 * 0.75]]
        assert [
            "group 0 has 0.125, and 1 as its initial_lr: base 0.125; group 1 has" in one for one in told(caplog)
        ] == [True]

    @pytest.mark.parametrize("attach", [falling, exponential])
    def test_a_rate_that_the_user_has_set_after_an_early_stop_is_the_base(self, attach: Any) -> None:
        optimizer = sgd(1.0, 0.5)
        first = Training(optimizer)
        attach(first)
        first.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), first.trainer.terminate)
        first.run(epochs=4)
        del first
        optimizer.param_groups[0]["lr"] = 0.125
        again = Training(optimizer)
        attach(again)
        assert again.run(epochs=1) == [[0.125, 0.5]]

    def test_a_group_is_called_as_in_the_whole_optimizer(self, caplog: pytest.LogCaptureFixture) -> None:
        optimizer = sgd(1.0, 0.5, 0.25)
        optimizer.param_groups[2]["name"] = "head"
        for _ in range(2):
            training = Training(optimizer)
            schedule = Linear(1.0, 0.0, epochs=4)
            phases = apply_schedule(training.recorder, optimizer, schedule, per="epoch", groups=[1, "head"])
            training.run(epochs=3)
            phases.remove()
        (message,) = told(caplog)
        assert "? group 1 has 0.25, and 0.5 as its initial_lr: base 0.5; head has 0.125, and 0.25 as" in message

    def test_a_rate_set_between_two_runs_of_one_is_the_base(self) -> None:
        training = Training(sgd(1.0, 0.5))
        falling(training)
        training.run(epochs=4)
        training.optimizer.param_groups[0]["lr"] = 2.0
        assert training.run(epochs=2) == [[2.0, 0.5], [1.5, 0.375]]

    def test_one_that_waits_starts_from_the_base_when_it_begins(self) -> None:
        optimizer = sgd()
        for _ in range(2):
            training = Training(optimizer)
            phases = exponential(training, until=After(epochs=1))
            assert training.lr(epochs=4)[1:] == [1.0, 0.5, 0.25]
            phases.remove()
            del training, phases

    def test_what_one_cycle_notes_for_itself_is_no_base(self) -> None:
        optimizer = sgd()
        for _ in range(2):
            training = Training(optimizer)
            phases = [
                Phase(Constant(), per="epoch", until=After(epochs=1)),
                Phase(lambda o: OneCycleLR(o, 4.0, total_steps=10), per="epoch"),
            ]
            attached = LRPhases(training.recorder, optimizer, phases)
            assert training.lr(epochs=4)[:2] == pytest.approx([1.0, 4.0 / 25])
            attached.remove()
            del training


@pytest.mark.parametrize("attach", [falling, exponential], ids=["schedule", "torch"])
@pytest.mark.parametrize("completed", [True, False])
def test_an_optimizer_that_was_loaded_before_attaching(
    attach: Any, completed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first = Training(sgd())
    attach(first)
    states: list[Any] = []
    event = Events.COMPLETED if completed else Events.EPOCH_COMPLETED(once=2)
    first.trainer.add_event_handler(event, lambda: states.append(copy.deepcopy(first.optimizer.state_dict())))
    expected = first.lr(epochs=4)
    optimizer = sgd()
    optimizer.load_state_dict(states[0])
    assert values(optimizer) != [1.0]
    again = Training(optimizer)
    attach(again)
    assert again.lr(epochs=4) == expected
    assert len(told(caplog)) == 1


def test_a_schedule_whose_optimizer_and_clock_were_loaded_goes_on() -> None:
    first = Training(sgd())
    falling(first)
    states: list[Any] = []

    def save() -> None:
        states.extend(copy.deepcopy([first.optimizer.state_dict(), first.trainer.state_dict()]))

    first.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), save)
    first.run(epochs=4)
    again = Training(sgd())
    again.optimizer.load_state_dict(states[0])
    falling(again)
    again.trainer.load_state_dict(states[1])
    assert again.lr(epochs=4) == RATES[2:]


def test_nothing_is_told_where_there_is_no_question(caplog: pytest.LogCaptureFixture) -> None:
    training = Training(sgd(torch.tensor(0.1)))
    falling(training)
    training.run(epochs=3)
    training.run(epochs=3)
    assert not told(caplog)


def test_a_torch_scheduler_that_follows_another_goes_on_from_its_rates(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    training = Training(sgd())
    condition = After(epochs=2)
    first = [Phase(Linear(1.0, 0.0, epochs=4), per="epoch", until=condition)]
    LRPhases(training.recorder, training.optimizer, first, name="first")
    exponential(training, until=condition, name="second")
    assert training.lr(epochs=5) == [1.0, 0.75, 0.75, 0.375, 0.1875]
    assert not told(caplog)


@pytest.mark.parametrize("removed", [[], [0, 1], [1, 0]])
@pytest.mark.parametrize("later_first", [False, True])
def test_what_the_second_of_two_has_left_is_no_base(later_first: bool, removed: list[int]) -> None:
    optimizer = sgd()
    training = Training(optimizer)
    condition = After(epochs=2)
    first = [Phase(Constant(0.125), per="epoch", until=condition)]
    second = [Phase(None, until=condition), Phase(Linear(1.0, 0.0, epochs=4), per="epoch")]
    both = [(first, "first"), (second, "second")]
    attached = [
        LRPhases(training.recorder, optimizer, phases, name=name)
        for phases, name in (reversed(both) if later_first else both)
    ]
    assert training.lr(epochs=5) == [0.125, 0.125, 1.0, 0.75, 0.5]
    for index in removed:
        attached[index].remove()
    del training, attached
    again = Training(optimizer)
    falling(again)
    assert again.lr(epochs=4) == RATES


@pytest.mark.parametrize("parameter", ["momentum", "weight_decay"])
def test_other_parameters_have_bases_of_their_own(parameter: str) -> None:
    optimizer = torch.optim.SGD(groups(1.0), momentum=0.5, weight_decay=0.5)
    for _ in range(2):
        training = Training(optimizer, watch=[parameter])
        schedule = Linear(1.0, 0.0, epochs=2)
        apply_schedule(training.recorder, optimizer, schedule, per="epoch", parameter=parameter)
        assert training.lr(epochs=3) == [0.5, 0.25, 0.0]
        del training


class TestZero:
    def test_rates_that_are_all_0_are_refused_with_the_fix(self) -> None:
        training = Training(sgd(0.0, 0.0))
        with pytest.raises(
            ValueError, match=r"all of them are 0: build it with lr > 0, or set optimizer\.param_groups"
        ):
            falling(training)

    def test_a_torch_scheduler_may_bring_its_own(self) -> None:
        training = Training(sgd(0.0))
        delay_lr_scheduler(
            training.recorder, training.optimizer, lambda o: OneCycleLR(o, 1.0, total_steps=10), per="iteration"
        )
        assert training.lr(epochs=2)[0] == pytest.approx(1 / 25)

    @pytest.mark.parametrize("kind", [float, torch.tensor])
    @pytest.mark.parametrize("per", ["iteration", "epoch"])
    def test_a_group_that_is_unfrozen_keeps_the_rate_that_the_user_gives_it(self, kind: Any, per: Any) -> None:
        training = Training(sgd(1.0, kind(0.0), 0.25))
        apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, epochs=4), per=per)

        @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
        def unfreeze() -> None:
            group = training.optimizer.param_groups[1]
            group["lr"] = group["lr"].fill_(0.5) if isinstance(group["lr"], torch.Tensor) else 0.5

        expected = [[1.0, 0.0, 0.25], [0.75, 0.0, 0.1875], [0.5, 0.25, 0.125], [0.25, 0.125, 0.0625]]
        assert training.run(epochs=4) == expected

    def test_weight_decay_of_0_stays(self) -> None:
        training = Training(sgd(), watch=["weight_decay"])
        schedule = Cosine(epochs=2)
        apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", parameter="weight_decay")
        assert training.lr(epochs=2) == [0.0, 0.0]


class TestMomentum:
    @pytest.mark.parametrize(
        "following", [Phase(Constant(), per="epoch"), Phase(lambda o: CosineAnnealingLR(o, 9), per="epoch")]
    )
    def test_is_given_back_when_the_phase_that_cycled_it_ends(self, following: Phase) -> None:
        training = Training(sgd(1.0, momentum=0.9), watch=["momentum"])
        cycle = Phase(lambda o: OneCycleLR(o, 1.0, total_steps=20), per="epoch", until=After(epochs=4))
        phases = LRPhases(training.recorder, training.optimizer, [cycle, following])
        used = training.lr(epochs=6)
        assert used[3] not in (0.9, 0.95)
        assert used[4:] == [0.9, 0.9]
        assert phases.index == 1

    def test_also_when_it_was_the_last(self) -> None:
        training = Training(sgd(1.0, momentum=0.9), watch=["momentum"])
        cycle = Phase(lambda o: OneCycleLR(o, 1.0, total_steps=20), per="epoch", until=After(epochs=4))
        LRPhases(training.recorder, training.optimizer, [cycle])
        assert training.lr(epochs=6)[4:] == [0.9, 0.9]
