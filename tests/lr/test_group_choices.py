"""Groups of one optimizer with schedules of their own: live as previewed, resumed at any cut, on wrapped optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engines import engine
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Events
from ignite.handlers import CosineAnnealingScheduler
from lr_runs import SCHEDULERS, Training, groups, saved, sgd, values
from lr_strategies import EPOCHS, LENGTH, accumulations, loss_of, schedule_phases, several_phases, told
from torch.optim.lr_scheduler import ReduceLROnPlateau
from wrapped_optimizers import OF_TORCH, WRAPPERS

from ignite_delayed import (
    After,
    AttachError,
    Constant,
    Cosine,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    adjust_lr,
    apply_schedule,
    delay_lr_scheduler,
    plot_schedule,
    preview,
    warmup,
)

NAMES = ("stem", "body", "body", "head")


def named(*scales: float) -> torch.optim.SGD:
    """Four groups of different rates, with timm's scales where some are given."""
    optimizer = torch.optim.SGD(groups(1.0, 0.5, 0.3, 0.1), lr=1.0, momentum=0.9, weight_decay=0.1)
    for index, (group, name) in enumerate(zip(optimizer.param_groups, NAMES, strict=True)):
        group["name"] = name
        if scales:
            group["lr_scale"] = scales[index]
    return optimizer


def _is_head(group: dict[str, Any]) -> bool:
    return bool(group["name"] == "head")


#: Ways of dividing the groups.
divisions = st.sampled_from(
    [("stem", "body", "head"), (0, (1, 2), 3), (("stem", "body"), _is_head), (None,), ((3, 0), "body")]
)
wraps = st.sampled_from([lambda optimizer: optimizer, *OF_TORCH.values()])
scalings = st.sampled_from([(), (0.25, 0.5, 0.7, 1.0), (1.0, 1.0, 1.0, 0.3)])


class _At:
    def __init__(self, iteration: int) -> None:
        self.state = self
        self.iteration = iteration


def losses_of(seed: int) -> list[float]:
    loss: Callable[[Any], float] = loss_of(seed, False)
    return [loss(_At(epoch * LENGTH)) for epoch in range(1, EPOCHS + 1)]


# torch's schedulers tell of being stepped before the first update, as they are per iteration under accumulation.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@given(data=st.data(), division=divisions, wrap=wraps, scales=scalings, seed=st.integers(0, 100), often=accumulations)
def test_every_division_trains_at_what_is_previewed(
    data: st.DataObject, division: Any, wrap: Callable[[Any], Any], scales: Any, seed: int, often: int
) -> None:
    parameter = data.draw(st.sampled_from(["lr", "lr", "momentum", "weight_decay"]))
    drawn = {choice: data.draw(several_phases() if parameter == "lr" else schedule_phases()) for choice in division}
    plain = named(*scales)
    optimizer = wrap(plain)
    training = Training(optimizer, metrics={"loss": loss_of(seed, False)}, watch=[parameter], accumulation=often)
    run: dict[str, Any] = {"epochs": EPOCHS, "iterations_per_epoch": LENGTH, "metrics": {"loss": losses_of(seed)}}
    every = told([phase for phases in drawn.values() for phase in phases], often)
    seen = preview(drawn, optimizer=optimizer, parameter=parameter, **run, **every)
    attached = [
        LRPhases(training.recorder, optimizer, phases, groups=choice, parameter=parameter, **told(phases, often))
        for choice, phases in drawn.items()
    ]
    each = [preview(phases, **run) for phases in attached]
    used = np.array(training.run(EPOCHS, LENGTH))
    np.testing.assert_array_equal(seen.rates, used)
    assert seen.groups == NAMES
    assert sorted(seen.switches) == sorted(switch for phases in attached for switch in phases.switches)
    assert sum(one.rates.shape[1] for one in each) == 4
    assert all(column.tolist() in used.T.tolist() for one in each for column in one.rates.T)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@given(
    data=st.data(),
    division=divisions,
    scales=scalings,
    seed=st.integers(0, 100),
    # At the last iteration of an epoch what ends it is still to come, and would be lost.
    cut=st.integers(1, EPOCHS * LENGTH - 1).filter(lambda cut: cut % LENGTH != 0),
    often=accumulations,
)
def test_every_division_is_resumed_exactly(
    data: st.DataObject, division: Any, scales: Any, seed: int, cut: int, often: int
) -> None:
    drawn = {choice: data.draw(several_phases()) for choice in division}

    def build() -> Training:
        training = Training(
            named(*scales), metrics={"loss": loss_of(seed, False)}, watch=["lr", "momentum"], accumulation=often
        )
        for choice, phases in drawn.items():
            LRPhases(training.recorder, training.optimizer, phases, groups=choice, **told(phases, often))
        return training

    training = build()
    training.attach_evaluator()
    states, expected = saved(training, cut, EPOCHS, LENGTH)
    [(trainer, optimizer, recorder)] = states
    resumed = build()
    resumed.attach_evaluator()
    resumed.trainer.load_state_dict(trainer)
    resumed.optimizer.load_state_dict(optimizer)
    resumed.recorder.load_state_dict(recorder)
    resumed.trainer.run([0] * LENGTH, max_epochs=EPOCHS)
    assert resumed.used == expected


class TestScheduled:
    def test_one_choice_leaves_the_others_alone(self) -> None:
        training = Training(named())
        curve = Linear(1, 0, epochs=2)
        phases = apply_schedule(training.recorder, training.optimizer, curve, per="epoch", groups="body")
        assert training.run(3) == [[1.0, 0.5, 0.3, 0.1], [1.0, 0.25, 0.15, 0.1], [1.0, 0.0, 0.0, 0.1]]
        assert phases.name == "lr of body"
        assert phases.get_last_lr() == [0.0, 0.0]
        assert training.run(1) == [[1.0, 0.5, 0.3, 0.1]]  # afresh

    def test_a_dict_gives_each_choice_its_own(self) -> None:
        training = Training(named())
        curves = {"body": Linear(1, 0, epochs=2), ("stem", "head"): Constant(0.5)}
        attached = apply_schedule(training.recorder, training.optimizer, curves, per="epoch", name="rates")
        assert {choice: phases.name for choice, phases in attached.items()} == {
            "body": "rates of body",
            ("stem", "head"): "rates of stem, head",
        }
        assert training.run(2) == [[0.5, 0.5, 0.3, 0.05], [0.5, 0.25, 0.15, 0.05]]

    def test_a_dict_is_attached_whole_or_not_at_all(self) -> None:
        training = Training(named())
        apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", groups="head")
        curves = {("stem", "body"): Constant(0.5), "head": Constant(0.5)}
        with pytest.raises(AttachError, match="would both write 'lr'"):
            apply_schedule(training.recorder, training.optimizer, curves, per="epoch")
        assert [part.name for part in training.recorder.hub.attached] == ["lr of head"]

    def test_groups_in_common_have_two_writers(self) -> None:
        training = Training(named())
        apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", groups=[0, 1])
        for choice in ("body", None, 1):
            with pytest.raises(AttachError, match="would both write 'lr'"):
                apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", groups=choice)
        apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", groups=["head", 2])

    def test_torch_schedulers_see_the_chosen_groups_alone(self) -> None:
        training = Training(named(), metrics={"loss": lambda trainer: 1.0})
        delay_lr_scheduler(
            training.recorder,
            training.optimizer,
            lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, factor=0.5, min_lr=[0.2]),
            monitor="loss",
            mode="min",
            groups="stem",
        )
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], per="epoch", groups="head"
        )
        expected = [[1.0, 0.5, 0.3, 0.1], [1.0, 0.5, 0.3, 0.05], [0.5, 0.5, 0.3, 0.025], [0.25, 0.5, 0.3, 0.0125]]
        assert training.run(4) == expected
        assert training.run(4) == expected

    @pytest.mark.parametrize("wrap", WRAPPERS.values())
    def test_wrappers_too_also_those_that_torch_refuses(self, wrap: Callable[[Any], Any]) -> None:
        optimizer = wrap(named())
        training = Training(optimizer)
        per_epoch = SCHEDULERS["ExponentialLR"]
        delay_lr_scheduler(training.recorder, optimizer, per_epoch, per="epoch", groups=["body", "stem"])
        apply_schedule(training.recorder, optimizer, Linear(1, 0, epochs=2), per="epoch", groups="head")
        assert training.run(3) == [[1.0, 0.5, 0.3, 0.1], [0.5, 0.25, 0.15, 0.05], [0.25, 0.125, 0.075, 0.0]]

    def test_updates_are_those_of_the_whole_optimizer(self) -> None:
        optimizer = named()
        used: list[list[float]] = []

        def step(engine: Any, batch: Any) -> None:
            used.append(values(optimizer))
            if engine.state.iteration % 2 == 0:
                optimizer.step()

        trainer = engine(step)
        curves = {("stem", "body"): Constant(), "head": Linear(1, 0, epochs=2)}
        run: dict[str, Any] = {"per": "update", "gradient_accumulation_steps": 2}
        apply_schedule(Recorder(trainer), optimizer, curves, **run)
        seen = preview(curves, optimizer=named(), epochs=2, iterations_per_epoch=4, **run)
        trainer.run([0] * 4, max_epochs=2)
        assert [row[3] for row in used] == [0.1, 0.1, 0.1 * 0.75, 0.1 * 0.75, 0.05, 0.05, 0.025, 0.025]
        assert seen.rates.tolist() == used

    def test_a_group_that_is_added_in_the_run_joins_its_choice(self) -> None:
        training = Training(named())
        curves = {("stem", "body"): Constant(0.5), "head": Linear(1, 0, epochs=4)}
        apply_schedule(training.recorder, training.optimizer, curves, per="epoch")

        @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
        def unfreeze() -> None:
            new = {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.8, "name": "head"}
            training.optimizer.add_param_group(new)

        used = training.run(4)
        assert [row[3:] for row in used] == [[0.1], [0.1 * 0.75], [0.05, 0.4], [0.025, 0.2]]
        assert used[3][:3] == [0.5, 0.25, 0.15]

    def test_adjusted(self) -> None:
        training = Training(named(), metrics={"loss": lambda trainer: 1.0})
        halved = {Metric("loss") > 0: 0.5}
        adjust_lr(training.recorder, training.optimizer, halved, groups=["head", "stem"], min_lr=[0.3, 0])
        assert training.run(3)[-1] == [0.3, 0.5, 0.3, 0.025]
        assert training.recorder.history.marks[0].name == "adjust lr of head, stem"


class TestRefused:
    def test_a_ready_scheduler_which_has_all_groups(self) -> None:
        training = Training(named())
        ready = ReduceLROnPlateau(training.optimizer)
        with pytest.raises(AttachError, match="built for all groups of its optimizer: with groups= give a function"):
            delay_lr_scheduler(training.recorder, training.optimizer, ready, monitor="loss", mode="min", groups="head")

    def test_ignites_schedulers_have_an_option_of_their_own(self) -> None:
        training = Training(named())
        theirs = CosineAnnealingScheduler(training.optimizer, "lr", 1.0, 0.0, 10)
        with pytest.raises(ValueError, match=r"groups must be left out for Ignite's.*param_group_index="):
            delay_lr_scheduler(training.recorder, training.optimizer, theirs, per="epoch", groups="head")

    @pytest.mark.parametrize(
        ("groups", "error", "message"),
        [
            ("haed", ValueError, r"'head', got 'haed' \(str\)\. Did you mean 'head'\?"),
            ((name for name in ["head"]), TypeError, r"numbers or names of groups, got .*Several are given in a list"),
            ({"name": "head"}, TypeError, r"numbers or names of groups, got .*Several are given in a list"),
        ],
    )
    def test_what_is_no_choice_with_the_fix(self, groups: Any, error: type[Exception], message: str) -> None:
        training = Training(named())
        with pytest.raises(error, match=message):
            apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch", groups=groups)
        apply_schedule(training.recorder, training.optimizer, Constant(), per="epoch")  # nothing was left

    def test_a_dict_with_other_groups_beside_it(self) -> None:
        training = Training(named())
        curves: Any = {"head": Constant()}
        call: Any = apply_schedule
        with pytest.raises(ValueError, match=r"groups must be left out for a dict.*Its keys are the groups"):
            call(training.recorder, training.optimizer, curves, per="epoch", groups="head")
        with pytest.raises(ValueError, match="no schedule is given for 'stem', 'body', 'body'"):
            call(training.recorder, training.optimizer, curves, per="epoch")
        with pytest.raises(TypeError, match=r"schedule\[None\] must be a Schedule, got 0\.5"):
            call(training.recorder, training.optimizer, {None: 0.5}, per="epoch")

    @pytest.mark.parametrize(
        ("what", "arguments", "error", "message"),
        [
            ({"head": Constant()}, {}, ValueError, "no schedule is given for 'stem'"),
            ({None: Constant()}, {"optimizer": None}, ValueError, "optimizer must be given for a dict"),
            ({None: {None: Constant()}}, {}, TypeError, "a schedule, or a list of Phase"),
            ({"hat": Constant()}, {}, ValueError, "groups must be among"),
        ],
    )
    def test_previews_of_no_run(
        self, what: Any, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            preview(what, **{"epochs": 1, "iterations_per_epoch": 1, "optimizer": named(), **arguments})


class TestScalesOfTimm:
    """A rate is base times factor times ``lr_scale``, as ``Scheduler.update_groups`` of timm has it."""

    SCALES = (0.125, 0.25, 0.5, 1.0)
    CURVE = warmup(epochs=1).then(Cosine(rest=True))

    def timms(self, epochs: int, length: int) -> list[list[float]]:
        factors = preview(self.CURVE, epochs=epochs, iterations_per_epoch=length).rates[:, 0]
        bases = values(named())
        return [[base * factor * scale for base, scale in zip(bases, self.SCALES, strict=True)] for factor in factors]

    def attached(self, optimizer: Any) -> Training:
        training = Training(optimizer)
        apply_schedule(training.recorder, optimizer, self.CURVE, per="iteration")
        return training

    def test_are_honoured(self) -> None:
        training = self.attached(named(*self.SCALES))
        np.testing.assert_allclose(training.run(4, 5), self.timms(4, 5), rtol=1e-14, atol=1e-17)

    @pytest.mark.parametrize("cut", [1, 4, 5, 11])
    @pytest.mark.parametrize("with_recorder", [False, True])
    def test_are_never_counted_twice_on_resuming(self, cut: int, with_recorder: bool) -> None:
        states, expected = saved(self.attached(named(*self.SCALES)), cut, 4, 5)
        [(trainer, optimizer, recorder)] = states
        resumed = self.attached(named(*self.SCALES))
        resumed.trainer.load_state_dict(trainer)
        resumed.optimizer.load_state_dict(optimizer)
        if with_recorder:
            resumed.recorder.load_state_dict(recorder)
        resumed.trainer.run([0] * 5, max_epochs=4)
        assert resumed.used == expected

    def test_nor_in_the_next_run_nor_by_the_next_schedule(self) -> None:
        optimizer = named(*self.SCALES)
        first = self.attached(optimizer)
        expected = first.run(4, 5)
        assert first.run(4, 5) == expected
        first.recorder.remove()
        assert self.attached(optimizer).run(4, 5) == expected

    def test_go_through_torchs_schedulers_too(self) -> None:
        for phases in (
            [Phase(warmup(epochs=2), per="epoch"), Phase(SCHEDULERS["ExponentialLR"], per="epoch")],
            [Phase(SCHEDULERS["ExponentialLR"], per="epoch")],
        ):
            optimizer = named(*self.SCALES)
            training = Training(optimizer)
            LRPhases(training.recorder, optimizer, phases)
            used = training.run(4)
            at = len(phases) * 2 - 2
            whole = [base * scale for base, scale in zip(values(named()), self.SCALES, strict=True)]
            assert used[at] == whole
            assert used[at + 1] == [rate / 2 for rate in whole]
            training.recorder.remove()
            again = Training(optimizer)
            apply_schedule(again.recorder, optimizer, Constant(), per="epoch")
            assert again.run(1) == [whole]

    @pytest.mark.parametrize("name", ["ExponentialLR", "ReduceLROnPlateau"])
    def test_are_of_a_torch_scheduler_that_begins_after_a_pause_as_of_one_that_begins_at_once(self, name: str) -> None:
        options: Any = {"monitor": "loss", "mode": "min"} if name == "ReduceLROnPlateau" else {"per": "epoch"}
        phases = [Phase(SCHEDULERS[name], until=After(epochs=1), **options), Phase(Constant(), per="epoch")]
        runs = []
        for before in ([], [Phase(None, until=After(epochs=1))]):
            optimizer = named(*self.SCALES)
            training = Training(optimizer, metrics={"loss": [1.0] * 3})
            LRPhases(training.recorder, optimizer, [*before, *phases])
            runs.append(training.run(3)[len(before) :])
        whole = [base * scale for base, scale in zip(values(named()), self.SCALES, strict=True)]
        assert runs == [[whole] * 3, [whole] * 2]

    def test_are_of_rates_alone(self) -> None:
        optimizer = named(*self.SCALES)
        training = Training(optimizer, watch=["momentum"])
        apply_schedule(training.recorder, optimizer, Constant(0.5), per="epoch", parameter="momentum")
        assert training.run(1) == [[0.45] * 4]

    def test_must_be_numbers(self) -> None:
        optimizer = named(*self.SCALES)
        optimizer.param_groups[1]["lr_scale"] = "half"
        with pytest.raises(TypeError, match=r"lr_scale of a group must be a number, got 'half'"):
            self.attached(optimizer)


def test_lines_of_a_plot_are_called_as_the_groups() -> None:
    curves = {("stem", "body"): warmup(epochs=2).then(Cosine(rest=True)), "head": Cosine(rest=True)}
    optimizer = named()
    made = preview(curves, optimizer=optimizer, epochs=6, iterations_per_epoch=4)
    drawn = plot_schedule(made)
    assert [line.get_label() for line in drawn.curves[""]] == list(NAMES)
    training = Training(optimizer)
    head = apply_schedule(training.recorder, optimizer, Cosine(rest=True), per="iteration", groups="head")
    [line] = plot_schedule(head, epochs=6, iterations_per_epoch=4).curves[""]
    assert line.get_label() == "head"
    [line] = plot_schedule(preview(Cosine(rest=True), epochs=6, iterations_per_epoch=4)).curves[""]
    assert str(line.get_label()).startswith("_")
    [_, second] = plot_schedule(Constant(), optimizer=sgd(1.0, 2.0), epochs=1, iterations_per_epoch=1).curves[""]
    assert second.get_label() == "group 1"
