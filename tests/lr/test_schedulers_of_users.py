"""Schedulers that users write resume as torch's do; what no state could bring back is refused, with the reason."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engines import through_json, through_torch
from lr_runs import Factory, Training, saved, sgd, untouched, values
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LRScheduler, SequentialLR, StepLR

from ignite_delayed import After, AttachError, Linear, LRPhases, Phase, StateError, delay_lr_scheduler


class Growing(LRScheduler):
    """Remembers all its rates, of which the next is computed."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.seen: list[float] = []
        self.by_step: Counter[int] = Counter()
        self.recent: deque[tuple[int, float]] = deque(maxlen=2)
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        self.seen.append(1 / (1 + len(self.seen)))
        self.by_step[len(self.seen)] += 1
        self.recent.append((self.last_epoch, self.seen[-1]))
        oldest, rate = self.recent[0]
        assert type(oldest) is int
        return [base * rate * len(self.by_step) / (1 + sum(self.seen)) for base in self.base_lrs]


class WithNumPy(LRScheduler):
    """Computes with arrays; some of them come only later."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.curve = np.linspace(1, 0, 3, dtype=np.float32)
        self.peak: Any = None
        self.places: list[Any] = []
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        self.places.append(np.arange(2) * self.last_epoch)
        self.curve = np.append(self.curve, self.curve[-1] + np.float32(0.1))
        self.peak = self.curve.max()
        return [base * (self.peak - self.curve.mean()) / np.exp(self.places[-1].sum()) for base in self.base_lrs]


class GradualWarmup(LRScheduler):
    """The widespread one: a linear warm-up, then what another scheduler says."""

    def __init__(self, optimizer: Optimizer, total: int, after: LRScheduler) -> None:
        self.total, self.after, self.finished = total, after, False
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        if self.last_epoch <= self.total:
            return [base * self.last_epoch / self.total for base in self.base_lrs]
        self.finished = True
        return list(self.after.get_last_lr())

    def step(self, epoch: int | None = None) -> None:
        if self.finished:
            self.after.step()
            self._last_lr = self.after.get_last_lr()
        else:
            super().step(epoch)


class Noise:
    """An object with a state of its own, that is no scheduler."""

    def __init__(self) -> None:
        self.drawn = 0

    def draw(self) -> float:
        self.drawn += 1
        return 1 / self.drawn


def half(rate: float) -> float:
    return rate / 2


class WithParts(LRScheduler):
    """Holds an object, a function, the optimizer, a tensor, sets and settings by number."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.noise, self.function, self.owner = Noise(), half, optimizer
        self.mean, self.reached, self.factors = torch.tensor([0.5, 0.25]), {0}, {0: 1.0, 3: 0.5}
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        assert self.owner is self.optimizer
        self.reached.add(self.last_epoch)
        self.mean = torch.cat([self.mean, self.mean[-1:] / 2])
        factor = self.factors.get(self.last_epoch, 0.75) * self.noise.draw() * float(self.mean.sum())
        return [self.function(float(base) * factor * len(self.reached)) for base in self.base_lrs]


def warm_then_decay(optimizer: Optimizer) -> LRScheduler:
    return GradualWarmup(optimizer, 3, ExponentialLR(optimizer, 0.5))


def in_sequence(optimizer: Optimizer) -> LRScheduler:
    return SequentialLR(optimizer, [Growing(optimizer), WithNumPy(optimizer)], [3])


THEIRS: dict[str, Factory] = {
    "grows": Growing,
    "NumPy": WithNumPy,
    "warms up": warm_then_decay,
    "parts": WithParts,
    "in sequence": in_sequence,
}


class Scheduled(Training):
    """A training whose rates a torch scheduler steps."""

    phases: Any


def training(factory: Any, until: Any = None) -> Scheduled:
    one = Scheduled(sgd(1.0, 0.3))
    one.phases = delay_lr_scheduler(one.recorder, one.optimizer, factory, until=until, per="iteration")
    return one


def resume(one: Training, state: Any, length: int = 3) -> list[list[float]]:
    trainer, optimizer, recorder = state
    one.trainer.load_state_dict(trainer)
    one.optimizer.load_state_dict(optimizer)
    one.recorder.load_state_dict(recorder)
    one.attach_evaluator()
    one.trainer.run([0] * length)
    return one.used


@pytest.mark.parametrize("through", [through_torch, through_json])
@pytest.mark.parametrize("cut", [1, 4, 8, 13])
@pytest.mark.parametrize("name", THEIRS)
def test_a_run_that_was_cut_goes_on_as_if_it_was_not(name: str, cut: int, through: Callable[[Any], Any]) -> None:
    ((trainer, optimizer, recorder),), expected = saved(training(THEIRS[name], After(epochs=1)), cut)
    state = trainer, optimizer, through(recorder)
    assert resume(training(THEIRS[name], After(epochs=1)), state) == expected
    assert len({rate for rate, _ in expected}) > 1


def test_the_scheduler_within_is_the_one_that_the_factory_built() -> None:
    (state,), expected = saved(training(warm_then_decay), 8)
    resumed = training(warm_then_decay)
    assert resume(resumed, state) == expected
    scheduler: Any = resumed.phases.scheduler
    assert scheduler.after.optimizer is resumed.optimizer


def test_a_state_that_does_not_fit_leaves_all_as_it_is() -> None:
    def build(gamma: float) -> Factory:
        return lambda optimizer: GradualWarmup(optimizer, 3, ExponentialLR(optimizer, gamma))

    (state,), _ = saved(training(build(0.5)), 8)
    other = training(build(0.1))
    before = untouched(other.optimizer)
    with pytest.raises(StateError, match=r"gamma: 0\.5 was saved, 0\.1 here"):
        other.recorder.load_state_dict(state[2])
    assert untouched(other.optimizer) == before


class TestWhatCannotBeResumed:
    def test_is_refused_where_it_is_attached(self) -> None:
        class FromAStream(LRScheduler):
            def __init__(self, optimizer: Optimizer) -> None:
                self.stream = itertools.count(1)
                super().__init__(optimizer)

            def get_lr(self) -> list[Any]:
                return [base / next(self.stream) for base in self.base_lrs]

        optimizer = sgd()
        before = untouched(optimizer)
        one = Training(optimizer)
        with pytest.raises(AttachError, match=r"FromAStream of the factory .*: stream is count.*let state_dict\(\)"):
            delay_lr_scheduler(one.recorder, optimizer, FromAStream, per="epoch")
        assert untouched(optimizer) == before
        assert not one.recorder.state_dict()["handlers"]

    def test_is_refused_where_it_is_saved_if_it_came_later(self) -> None:
        class BuildsLater(LRScheduler):
            after: Any = None

            def get_lr(self) -> list[Any]:
                if self.last_epoch == 3:
                    self.after = Noise()
                return list(self.base_lrs)

        with pytest.raises(StateError, match=r"of BuildsLater cannot be saved: after holds .*build it in __init__"):
            saved(training(BuildsLater), 5)

    def test_or_became_what_cannot_be_saved(self) -> None:
        class Opens(LRScheduler):
            def get_lr(self) -> list[Any]:
                if self.last_epoch == 2:
                    self.rest = iter([1, 2])
                return list(self.base_lrs)

        with pytest.raises(StateError, match="state of Opens cannot be saved: rest is"):
            saved(training(Opens), 5)


class TestAFactoryThatWasEdited:
    def test_is_another_rule(self) -> None:
        (state,), _ = saved(training(lambda optimizer: StepLR(optimizer, 2)), 4)
        edited = training(lambda optimizer: StepLR(optimizer, 100))
        before = untouched(edited.optimizer)
        with pytest.raises(StateError, match=r"'lr': .*another StepLR.* step_size: 2 was saved, 100 here"):
            edited.recorder.load_state_dict(state[2])
        assert untouched(edited.optimizer) == before

    @pytest.mark.parametrize("edited", [0, 1, 2])
    @pytest.mark.parametrize("cut", [1, 5, 9])
    def test_is_told_of_every_phase_also_of_those_that_wait_or_have_ended(self, cut: int, edited: int) -> None:
        def build(*sizes: int) -> Training:
            one = Training(sgd(1.0, 0.3))
            LRPhases(
                one.recorder,
                one.optimizer,
                [
                    Phase(lambda optimizer: StepLR(optimizer, sizes[0]), per="iteration", until=After(epochs=1)),
                    Phase(lambda optimizer: StepLR(optimizer, sizes[1]), per="iteration", until=After(epochs=1)),
                    Phase(lambda optimizer: StepLR(optimizer, sizes[2]), per="iteration"),
                ],
            )
            return one

        (state,), expected = saved(build(2, 2, 2), cut)
        sizes = [2, 2, 2]
        sizes[edited] = 100
        other = build(*sizes)
        before = untouched(other.optimizer)
        waits_or_ended = f"phase {edited + 1}: " if edited != (cut - 1) // 3 else ""
        message = f"'lr': {waits_or_ended}cannot load the state of another StepLR: .* step_size: 2 was saved, 100 here"
        with pytest.raises(StateError, match=message):
            other.recorder.load_state_dict(state[2])
        assert untouched(other.optimizer) == before
        assert resume(build(2, 2, 2), state) == expected

    def test_of_a_waiting_phase_is_not_one_whose_optimizer_was_loaded_before(self) -> None:
        def build(optimizer: Any) -> Training:
            one = Training(optimizer)
            phases = [Phase(Linear(1.0, 0.1, iterations=9), per="iteration"), Phase(cosine, per="iteration")]
            LRPhases(one.recorder, one.optimizer, phases)
            return one

        def cosine(optimizer: Optimizer) -> LRScheduler:
            return CosineAnnealingLR(optimizer, 10, eta_min=optimizer.param_groups[0]["lr"] / 100)

        (state,), expected = saved(build(sgd(1.0, 0.3)), 5)
        decayed = sgd(1.0, 0.3)
        decayed.load_state_dict(state[1])
        assert resume(build(decayed), state) == expected

    def test_one_that_reads_the_rates_is_not_whatever_they_are_now(self) -> None:
        def build(optimizer: Optimizer) -> LRScheduler:
            return CosineAnnealingLR(optimizer, 10, eta_min=optimizer.param_groups[0]["lr"] / 100)

        (state,), expected = saved(training(build, After(epochs=1)), 8)
        decayed = sgd(1.0, 0.3)
        decayed.load_state_dict(state[1])
        one = Training(decayed)
        delay_lr_scheduler(one.recorder, decayed, build, until=After(epochs=1), per="iteration")
        assert resume(one, state) == expected

    def test_nor_is_one_that_notes_what_differs_each_time(self) -> None:
        hours = itertools.count()

        class Dated(ExponentialLR):
            def __init__(self, optimizer: Optimizer) -> None:
                self.built_at = next(hours)
                super().__init__(optimizer, 0.5)

        (state,), expected = saved(training(Dated), 4)
        assert resume(training(Dated), state) == expected

    def test_a_state_of_an_older_release_does_not_say(self) -> None:
        def build(step_size: int) -> tuple[Training, LRPhases]:
            one = Training(sgd())
            return one, LRPhases(one.recorder, one.optimizer, [Phase(lambda o: StepLR(o, step_size), per="epoch")])

        one, phases = build(2)
        one.run(3)
        state = phases.state_dict()
        del state["drive"][3]
        _, resumed = build(100)
        resumed.load_state_dict(state)
        assert values(resumed.optimizer) == values(one.optimizer)
        assert len(resumed.state_dict()["drive"]) == 4


def test_rates_that_are_computed_by_numpy_are_saved_as_numbers() -> None:
    class Halves(LRScheduler):
        def get_lr(self) -> list[Any]:
            return [np.float32(base) / np.float32(1 + self.last_epoch) for base in self.base_lrs]

    (state,), expected = saved(training(Halves), 5)
    trainer, optimizer, recorder = state
    for group in optimizer["param_groups"]:
        group["lr"] = float(group["lr"])  # what the optimizer saves is its own matter
    assert resume(training(Halves), (trainer, optimizer, through_torch(through_json(recorder)))) == expected
