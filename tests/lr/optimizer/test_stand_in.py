"""Trying things out on an optimizer: what was changed is put back, and a copy shares nothing with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engines import engine
from ignite.engine import Events
from lr_runs import Training, adam, groups, sgd, untouched, values
from torch.optim.lr_scheduler import CyclicLR, ExponentialLR, OneCycleLR, StepLR
from wrapped_optimizers import OF_TORCH, WRAPPERS

from ignite_delayed import (
    AttachError,
    Cosine,
    LRPhases,
    Phase,
    Recorder,
    adjust_lr,
    apply_schedule,
    delay_lr_scheduler,
    preview,
)
from ignite_delayed.lr.optimizer.groups import write
from ignite_delayed.lr.optimizer.stand_in import contents, remember, stand_in


def test_what_is_remembered_is_put_back_whatever_was_done() -> None:
    rate = torch.tensor(0.5)
    optimizer = sgd(rate, 0.25)
    before = [group.copy() for group in untouched(optimizer)]
    put_back = remember(optimizer)
    OneCycleLR(optimizer, 1.0, total_steps=10)
    optimizer.step()
    optimizer.add_param_group(groups(0.1)[0])
    optimizer.param_groups[1]["lr"] = 9.0
    put_back()
    assert untouched(optimizer) == before
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5
    assert not {"step", "_opt_called"} & vars(optimizer).keys()


def test_what_torch_has_put_in_front_of_step_before_is_kept() -> None:
    optimizer = sgd()
    OneCycleLR(optimizer, 1.0, total_steps=10)
    step = vars(optimizer)["step"]
    put_back = remember(optimizer)
    del vars(optimizer)["step"]
    put_back()
    assert vars(optimizer)["step"] is step


@pytest.mark.parametrize(
    "build",
    [
        sgd,
        adam,
        lambda: torch.optim.LBFGS([torch.nn.Parameter(torch.zeros(1))]),
        lambda: torch.optim.AdamW(groups(torch.tensor(0.5), torch.tensor(0.1)), lr=torch.tensor(1.0), foreach=False),
    ],
)
def test_a_stand_in_shares_nothing_that_can_be_written(build: Any) -> None:
    optimizer = build()
    before = str(optimizer.state_dict())
    double = stand_in(optimizer)
    assert untouched(double) == untouched(optimizer)
    for group in double.param_groups:
        write(group, "lr", 7.0)
    double.add_param_group(groups(0.1)[0])
    double.state[double.param_groups[0]["params"][0]]["seen"] = 1
    double.step()
    assert str(optimizer.state_dict()) == before


def test_a_stand_in_is_of_no_class_of_the_users_and_has_parameters_of_the_same_shapes() -> None:
    class Hostile(torch.optim.SGD):
        def __setattr__(self, name: str, value: Any) -> None:
            assert not built, f"set {name}"
            super().__setattr__(name, value)

        def __copy__(self) -> Any:
            raise AssertionError("copied")

    built: list[bool] = []
    weights = [torch.nn.Parameter(torch.ones(3, 2)), torch.nn.Parameter(torch.ones(4), requires_grad=False)]
    optimizer = Hostile(weights, lr=0.1)
    built.append(True)
    double = stand_in(optimizer)
    doubles = double.param_groups[0]["params"]
    assert not isinstance(double, torch.optim.SGD)
    assert [(one.shape, one.requires_grad) for one in doubles] == [((3, 2), True), ((4,), False)]
    assert [one.untyped_storage().nbytes() for one in doubles] == [4, 4]
    assert double.defaults == optimizer.defaults


def test_a_parameter_that_has_no_shape_yet() -> None:
    optimizer = torch.optim.SGD([torch.nn.UninitializedParameter()], lr=0.1)
    assert stand_in(optimizer).param_groups[0]["params"][0].shape == (0,)


def change_rate(optimizer: Any) -> None:
    optimizer.param_groups[0]["lr"] = 0.2


def fill_rate(optimizer: Any) -> None:
    optimizer.param_groups[1]["lr"].fill_(0.5)


def write_state(optimizer: Any) -> None:
    optimizer.state[optimizer.param_groups[0]["params"][0]]["momentum_buffer"].add_(1)


def add_state(optimizer: Any) -> None:
    optimizer.state[optimizer.param_groups[1]["params"][0]]["momentum_buffer"] = torch.zeros(1)


def write_parameter(optimizer: Any) -> None:
    with torch.no_grad():
        optimizer.param_groups[0]["params"][0].add_(1)


def replace_group(optimizer: Any) -> None:
    optimizer.param_groups[0] = dict(optimizer.param_groups[0])


CHANGES = [change_rate, fill_rate, write_state, add_state, write_parameter, replace_group]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(change: Any) -> None:
    optimizer = sgd(1.0, torch.tensor(0.5))
    parameter = optimizer.param_groups[0]["params"][0]
    optimizer.state[parameter]["momentum_buffer"] = torch.zeros(1)
    before = contents(optimizer)
    assert contents(optimizer) == before
    change(optimizer)
    assert contents(optimizer) != before


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS.keys())
class TestWrapped:
    """The groups are those of the optimizer inside, which alone trains."""

    def test_a_stand_in_takes_nothing_from_it(self, wrapper: Any) -> None:
        inner = sgd(1.0, 0.1)
        members, before = list(inner.param_groups), contents(inner)
        wrapped = wrapper(inner)
        double = stand_in(wrapped)
        for group in double.param_groups:
            write(group, "lr", 7.0)
        double.step()
        assert untouched(inner) == [dict(group, lr=rate) for group, rate in zip(untouched(inner), (1.0, 0.1))]  # noqa: B905
        assert all(group is member for group, member in zip(inner.param_groups, members, strict=True))
        assert contents(inner) == before

    def test_what_is_remembered_is_put_back(self, wrapper: Any) -> None:
        inner = sgd(1.0, 0.1)
        before = [group.copy() for group in untouched(inner)]
        put_back = remember(wrapper(inner))
        ExponentialLR(inner, 0.5)
        inner.param_groups[1]["lr"] = 9.0
        put_back()
        assert untouched(inner) == before

    def test_schedules_train_the_model_and_are_previewed(self, wrapper: Any) -> None:
        weight = torch.nn.Parameter(torch.ones(1))
        inner = torch.optim.SGD([weight], lr=0.5)
        training = Training(wrapper(inner))
        training.trainer.add_event_handler(Events.ITERATION_STARTED, lambda: setattr(weight, "grad", torch.ones(1)))
        members = list(inner.param_groups)
        phases = apply_schedule(training.recorder, training.optimizer, Cosine(epochs=2), per="epoch")
        assert preview(phases, epochs=2, iterations_per_epoch=1).rates[:, 0].tolist() == [0.5, 0.25]
        assert training.lr(epochs=2) == [0.5, 0.25]
        assert inner.param_groups[0] is members[0]
        assert weight.item() == pytest.approx(1 - 0.75)

    def test_rates_are_adjusted_and_recorded(self, wrapper: Any) -> None:
        inner = sgd()
        training = Training(wrapper(inner))
        training.recorder.remove()
        recorder = Recorder(training.trainer, training.evaluator, optimizer=training.optimizer)
        adjust_lr(recorder, training.optimizer, {lambda record: True: 0.5})
        assert training.lr(epochs=3) == [1.0, 0.5, 0.25]
        assert recorder.history["lr"].tolist() == [1.0, 0.5, 0.25]


@pytest.mark.parametrize("wrapper", OF_TORCH.values(), ids=OF_TORCH.keys())
def test_a_torch_scheduler_trains_the_model_through_a_wrapper(wrapper: Any) -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    inner = torch.optim.SGD([weight], lr=0.5, momentum=0.0)
    training = Training(wrapper(inner))
    training.trainer.add_event_handler(Events.ITERATION_STARTED, lambda: setattr(weight, "grad", torch.ones(1)))
    before = contents(inner)
    delay_lr_scheduler(training.recorder, training.optimizer, lambda o: ExponentialLR(o, 0.5), per="epoch")
    assert contents(inner) == before
    phases = [Phase(lambda o: ExponentialLR(o, 0.5), per="epoch")]
    table = preview(phases, epochs=3, iterations_per_epoch=1, optimizer=training.optimizer).rates
    assert table[:, 0].tolist() == [0.5, 0.25, 0.125]
    assert contents(inner) == before
    assert training.lr(epochs=3) == [0.5, 0.25, 0.125]
    assert weight.item() == pytest.approx(1 - 0.875)


@pytest.mark.parametrize("build", [sgd, adam])
@pytest.mark.parametrize("cyclic", [lambda o: OneCycleLR(o, 1.0, total_steps=10), lambda o: CyclicLR(o, 0.1, 1.0)])
def test_schedulers_that_look_at_the_defaults_find_those_of_the_wrapped_one(build: Any, cyclic: Any) -> None:
    training = Training(OF_TORCH["writes through"](build()))
    phases = delay_lr_scheduler(training.recorder, training.optimizer, cyclic, per="iteration")
    training.run(epochs=2)
    assert isinstance(phases, LRPhases)
    assert phases.scheduler is not None
    assert values(training.optimizer) == phases.scheduler.get_last_lr()


@pytest.mark.parametrize("name", sorted(WRAPPERS.keys() - OF_TORCH.keys()))
def test_a_torch_scheduler_for_a_wrapper_that_torch_refuses_is_refused_at_once(name: str) -> None:
    wrapped = WRAPPERS[name](sgd())
    recorder = Recorder(engine(), engine())
    with pytest.raises(AttachError, match=r"schedulers take torch\.optim\.Optimizer alone, and .* is none: pass"):
        delay_lr_scheduler(recorder, wrapped, lambda o: StepLR(o, 1), per="epoch")


def test_a_ready_scheduler_may_be_that_of_the_wrapped_optimizer() -> None:
    inner = sgd()
    training = Training(OF_TORCH["writes through"](inner))
    delay_lr_scheduler(training.recorder, training.optimizer, StepLR(inner, 1, 0.5), per="epoch")
    assert training.lr(epochs=3) == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    "value", [None, 0.1, torch.nn.Linear(1, 1), torch.optim.SGD, type("Empty", (), {"param_groups": []})()]
)
def test_what_has_no_groups_is_no_optimizer(value: Any) -> None:
    with pytest.raises(TypeError, match="optimizer must be a torch optimizer, or a wrapper of one"):
        apply_schedule(Recorder(engine(), engine()), value, Cosine(epochs=2), per="epoch")
