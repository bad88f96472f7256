"""Schedulers of other libraries' classes; those libraries' own are in tests/peers/test_foreign_schedulers.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engines import through_json, through_torch
from lr_runs import Training, saved, sgd, untouched, values
from torch.optim import Optimizer

from ignite_delayed import After, AttachError, LRPhases, Phase, StateError, delay_lr_scheduler, preview


class Counted:
    """The interface of timm's ``Scheduler``, as its docstring has it: told how many epochs or updates there were."""

    def __init__(self, optimizer: Optimizer, t_in_epochs: bool, decay: float = 0.5) -> None:
        self.optimizer, self.t_in_epochs, self.decay = optimizer, t_in_epochs, decay
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_values = [group["initial_lr"] for group in optimizer.param_groups]
        self.metric: float | None = None

    def state_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)

    def step(self, epoch: int, metric: float | None = None) -> None:
        if self.t_in_epochs:
            self._set(epoch)

    def step_update(self, num_updates: int, metric: float | None = None) -> None:
        if not self.t_in_epochs:
            self._set(num_updates)

    def _set(self, t: int) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_values, strict=True):
            group["lr"] = base * self.decay**t * group.get("lr_scale", 1.0)


class Greedy:
    """The interface of transformers' ``GreedyLR``: ``step(metrics)``; its own state_dict leaves out what it counts."""

    def __init__(self, optimizer: Optimizer, mode: str = "min") -> None:
        self.optimizer, self.mode = optimizer, mode
        self.best, self.bad = float("inf"), 0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)

    def step(self, metrics: float, epoch: int | None = None) -> None:
        self.bad = 0 if metrics < self.best else self.bad + 1
        self.best = min(self.best, metrics)
        if self.bad > 1:
            self.bad = 0
            for group in self.optimizer.param_groups:
                group["lr"] *= 0.5


def losses(trainer: Any) -> float:
    return 1.0 if trainer.state.epoch > 2 else 2.0 - trainer.state.epoch / 4


KINDS: dict[str, tuple[Callable[[Optimizer], Any], dict[str, Any]]] = {
    "epoch": (lambda optimizer: Counted(optimizer, True), {"per": "epoch"}),
    "update": (lambda optimizer: Counted(optimizer, False), {"per": "update"}),
    "iteration": (lambda optimizer: Counted(optimizer, False), {"per": "iteration"}),
    "metric": (Greedy, {"monitor": "loss", "mode": "min"}),
}


def training(kind: str) -> Training:
    one = Training(sgd(1.0, 0.3), metrics={"loss": losses}, accumulation=2 if kind == "update" else 1)
    factory, how = KINDS[kind]
    delay_lr_scheduler(one.recorder, one.optimizer, factory, until=After(epochs=1), **how)
    return one


def by_hand(kind: str, epochs: int, length: int) -> list[list[float]]:
    """A loop that steps the scheduler as its documentation says, from epoch 2 on, with which the gate opens."""
    one, used = Training(sgd(1.0, 0.3), metrics={"loss": losses}), []
    scheduler, counts = None, {"epoch": 0, "iteration": 0, "update": 0}
    for epoch in range(1, epochs + 1):
        scheduler = KINDS[kind][0](one.optimizer) if epoch == 2 else scheduler
        for batch in range(1, length + 1):
            used.append(values(one.optimizer))
            updated = kind == "iteration" or (kind == "update" and ((epoch - 1) * length + batch) % 2 == 0)
            if scheduler is not None and updated:
                counts[kind] += 1
                scheduler.step_update(counts[kind])
        one.trainer.state.epoch = epoch
        if scheduler is not None and kind == "epoch":
            counts[kind] += 1
            scheduler.step(counts[kind])
        if scheduler is not None and kind == "metric":
            scheduler.step(losses(one.trainer))
    return used


@pytest.mark.parametrize("kind", KINDS)
def test_is_stepped_as_its_documentation_says(kind: str) -> None:
    assert training(kind).run(6, 4) == by_hand(kind, 6, 4)


@pytest.mark.parametrize("through", [through_torch, through_json])
@pytest.mark.parametrize("cut", [3, 7, 8, 10, 13, 17])
@pytest.mark.parametrize("kind", KINDS)
def test_resumes_at_every_cut(kind: str, cut: int, through: Any) -> None:
    states, expected = saved(training(kind), cut)
    resumed = training(kind)
    objects: list[Any] = [resumed.trainer, resumed.optimizer, resumed.recorder]
    for one, state in zip(objects, through(states)[0], strict=True):
        one.load_state_dict(state)
    resumed.attach_evaluator()
    resumed.trainer.run([0] * 3)
    assert resumed.used == expected


def test_a_second_run_is_the_first_again() -> None:
    one = training("epoch")
    assert one.run(5, 2) == one.run(5, 2)


def test_the_preview_steps_it_too() -> None:
    one = training("metric")
    phases = LRPhases(one.recorder, sgd(1.0), [Phase(KINDS["epoch"][0], per="epoch")], name="other")
    seen = preview(phases, epochs=3, iterations_per_epoch=2)
    assert seen.rates[:, 0].tolist() == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_what_was_built_is_shown() -> None:
    one = Training(sgd(1.0))
    phases = delay_lr_scheduler(one.recorder, one.optimizer, KINDS["epoch"][0], per="epoch")
    one.run(1)
    assert isinstance(phases, LRPhases)
    assert type(phases.scheduler) is Counted
    assert phases.state_dict()["rule"][0].endswith("Counted")


@pytest.mark.parametrize("cut", [2, 10], ids=["waiting", "running"])
def test_an_edited_factory_is_told(cut: int) -> None:
    def build(decay: float) -> Training:
        one = Training(sgd(1.0, 0.3), metrics={"loss": losses})
        delay_lr_scheduler(
            one.recorder,
            one.optimizer,
            lambda optimizer: Counted(optimizer, t_in_epochs=True, decay=decay),
            until=After(epochs=1),
            per="epoch",
        )
        return one

    (state,), _ = saved(build(0.5), cut)
    with pytest.raises(StateError, match=r"another Counted.*decay: 0\.5 was saved, 0\.9 here"):
        build(0.9).recorder.load_state_dict(state[2])


class Holds(Counted):
    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer, t_in_epochs=True)
        self.values = iter([1.0, 0.5])


class Unknown:
    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def step(self, loss: float, accuracy: float) -> None: ...


@pytest.mark.parametrize(
    ("factory", "how", "error", "message"),
    [
        (Holds, {"per": "epoch"}, AttachError, "a run with the Holds of the factory could not be resumed: .*values is"),
        (Unknown, {"per": "epoch"}, AttachError, r"Unknown, no torch scheduler, and step\(loss, accuracy\) is neither"),
        (
            KINDS["epoch"][0],
            {"per": "update"},
            ValueError,
            "per must be 'epoch' for this Counted, .*not move",
        ),
        (KINDS["update"][0], {"per": "epoch"}, ValueError, "per must be 'update' or 'iteration' for this Counted"),
        (KINDS["epoch"][0], {"per": "epoch", "monitor": "loss", "mode": "min"}, ValueError, "monitor must be left out"),
        (Greedy, {"per": "epoch"}, TypeError, "Greedy needs monitor="),
        (Greedy, {"monitor": "loss", "mode": "max"}, ValueError, "mode of Greedy must be 'max', got 'min'"),
        (Greedy, {"per": "epoch", "monitor": "loss", "mode": "min"}, ValueError, "per must be 'evaluation' for Greedy"),
    ],
)
def test_what_cannot_be_is_refused_when_attached(
    factory: Any, how: dict[str, Any], error: type[Exception], message: str
) -> None:
    one = Training(sgd(1.0), metrics={"loss": losses})
    before = untouched(one.optimizer)
    with pytest.raises(error, match=message):
        delay_lr_scheduler(one.recorder, one.optimizer, factory, **how)
    assert untouched(one.optimizer) == before
    delay_lr_scheduler(one.recorder, one.optimizer, KINDS["epoch"][0], per="epoch")
