"""Phases per update count what the optimizer does: under accumulation, where AMP skips steps, in wrappers."""

from __future__ import annotations

import gc
import logging
import math
import weakref
from typing import Any

import pytest
import torch
from engines import engine, through_json, through_torch
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events, create_supervised_trainer
from lr_runs import SCHEDULERS, Training, adam, saved, sgd, values
from torch.optim.lr_scheduler import LambdaLR, StepLR
from wrapped_optimizers import WRAPPERS

from ignite_delayed import (
    After,
    AttachError,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    LRPhases,
    Phase,
    Recorder,
    Schedule,
    StateError,
    apply_schedule,
    delay_lr_scheduler,
    preview,
    warmup,
)

ONE = [(torch.ones(1, 1), torch.ones(1, 1))]


class Supervised:
    """Ignite's own supervised trainer, and the rate of each update that it makes."""

    def __init__(self, accumulation: int) -> None:
        model = torch.nn.Linear(1, 1)
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        self.trainer = create_supervised_trainer(
            model, self.optimizer, torch.nn.functional.mse_loss, gradient_accumulation_steps=accumulation
        )
        self.recorder = Recorder(self.trainer, engine())
        self.accumulation = accumulation
        self.updates: list[float] = []
        self.batches: list[float] = []
        self.trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: self.batches.extend(values(self.optimizer)))

    def run(self, epochs: int, length: int) -> list[float]:
        # The last of the hooks, so it sees the rate that the update is made with.
        self.optimizer.register_step_pre_hook(lambda *given: self.updates.extend(values(self.optimizer)))
        self.trainer.run(ONE * length, max_epochs=epochs)
        return self.updates


SCHEDULES: list[Schedule] = [
    warmup(epochs=1).then(Cosine(rest=True)),
    Linear(1.0, 0.0, fraction=1.0),
    CosineRestarts(fraction=1 / 3),
    InverseSqrt(steps=3),
    Exponential(0.5, epochs=1),
    Constant(0.5, steps=2).then(Linear(0.5, 0.1, steps=3)),
]


class TestUnderAccumulation:
    @pytest.mark.parametrize(("accumulation", "length"), [(1, 4), (2, 4), (4, 8), (4, 10), (3, 7), (5, 4)])
    @pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
    def test_a_schedule_is_that_of_a_run_of_so_many_iterations(
        self, schedule: Schedule, accumulation: int, length: int
    ) -> None:
        epochs, run = 6, Supervised(accumulation)
        apply_schedule(run.recorder, run.optimizer, schedule, per="update", gradient_accumulation_steps=accumulation)
        used = run.run(epochs, length)
        assert len(used) == epochs * length // accumulation
        total = len(used) * accumulation / length
        resolved = schedule.resolve(per="update", epochs=total, updates_per_epoch=length / accumulation)
        assert used == pytest.approx([resolved(step) for step in range(len(used))])

    def test_the_first_batch_trains_at_the_first_value_and_those_of_one_update_at_one(self) -> None:
        run = Supervised(4)
        apply_schedule(run.recorder, run.optimizer, Linear(0.25, 1.0, steps=3), per="update")
        run.run(2, 8)
        assert run.batches == [0.25] * 4 + [0.5] * 4 + [0.75] * 4 + [1.0] * 4

    @pytest.mark.parametrize("name", sorted(SCHEDULERS.keys() - {"ReduceLROnPlateau"}))
    def test_a_scheduler_of_torch_is_that_of_a_loop_that_steps_it_after_the_optimizer(self, name: str) -> None:
        optimizer = sgd(1.0)
        scheduler, by_hand = SCHEDULERS[name](optimizer), []
        for iteration in range(1, 25):
            by_hand += values(optimizer)
            if iteration % 3 == 0:
                optimizer.step()
                scheduler.step()
        training = Training(sgd(1.0), accumulation=3)
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS[name], per="update")
        assert training.lr(4, 6) == by_hand

    def test_phases_end_after_so_many_updates(self) -> None:
        training = Training(sgd(1.0), accumulation=4)
        phases = LRPhases(
            training.recorder,
            training.optimizer,
            [Phase(Constant(0.5, steps=2), per="update"), Phase(lambda one: StepLR(one, 1, 0.1), per="update")],
        )
        used = training.lr(2, 8)
        assert used == pytest.approx([0.5] * 8 + [0.5] * 4 + [0.05] * 4)
        assert [switched.iteration for switched in phases.switches] == [8]

    def test_what_begins_between_two_updates_counts_from_the_next(self) -> None:
        training = Training(sgd(1.0), accumulation=4)
        apply_schedule(
            training.recorder,
            training.optimizer,
            Linear(1.0, 0.0, rest=True),
            per="update",
            until=After(iterations=5),
            gradient_accumulation_steps=4,
        )
        # One of four updates is over then: three are left, and the batches that are pending go into the first.
        assert training.lr(2, 8) == pytest.approx([1.0] * 8 + [2 / 3] * 4 + [1 / 3] * 4)

    def test_several_updates_in_one_iteration_have_a_rate_each(self) -> None:
        optimizer, used = sgd(1.0), []

        def inner_loop(trainer: Engine, batch: Any) -> None:
            for _ in range(3):
                optimizer.step()

        trainer = engine(inner_loop)
        apply_schedule(Recorder(trainer, engine()), optimizer, Linear(1.0, 0.0, steps=6), per="update")
        optimizer.register_step_pre_hook(lambda *given: used.extend(values(optimizer)))
        trainer.run([0] * 2, max_epochs=1)
        assert used == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])

    def test_steps_outside_of_the_run_do_not_count(self) -> None:
        training = Training(sgd(1.0))
        apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, steps=4), per="update")
        training.optimizer.step()
        assert training.lr(1, 2) == [1.0, 0.75]
        training.optimizer.step()
        training.trainer.run([0] * 2, max_epochs=2)
        assert [one for (one,) in training.used] == [1.0, 0.75, 0.5, 0.25]

    def test_a_new_run_counts_anew(self) -> None:
        training = Training(sgd(1.0), accumulation=2)
        apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, steps=4), per="update")
        assert training.lr(1, 4) == training.lr(1, 4) == [1.0, 1.0, 0.75, 0.75]

    def test_the_preview_is_the_run(self) -> None:
        schedule = warmup(epochs=1).then(Cosine(rest=True))
        run = Supervised(3)
        phases = apply_schedule(run.recorder, run.optimizer, schedule, per="update", gradient_accumulation_steps=3)
        length: dict[str, Any] = {"epochs": 3, "iterations_per_epoch": 7}
        seen = preview(phases, **length)
        run.run(3, 7)
        assert seen.rates[:, 0].tolist() == run.batches
        alone = preview(schedule, per="update", gradient_accumulation_steps=3, **length)
        assert alone.rates.tolist() == seen.rates.tolist()
        assert alone.quantity == "factor of the base rate"


class TestSkippedByAmp:
    """``GradScaler`` begins with a scale at which gradients are infinite: those steps are none."""

    def run(self, optimizer: Any, parameter: torch.nn.Parameter, infinite: set[int]) -> list[float]:
        scaler, used = torch.amp.GradScaler("cpu"), []

        def step(trainer: Engine, batch: Any) -> None:
            used.extend(values(optimizer))
            optimizer.zero_grad()
            loss = (parameter * (math.inf if trainer.state.iteration in infinite else 1.0)).sum()
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimizer)
            scaler.update()

        trainer = engine(step)
        apply_schedule(Recorder(trainer, engine()), optimizer, Linear(1.0, 0.0, steps=4), per="update")
        trainer.run([0] * 6, max_epochs=1)
        return used

    @pytest.mark.parametrize("fused", [False, True])
    @pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
    def test_do_not_count(self, kind: Any, fused: bool) -> None:
        parameter = torch.nn.Parameter(torch.ones(1))
        used = self.run(kind([parameter], lr=1.0, fused=fused), parameter, infinite={1, 2, 4})
        assert used == [1.0, 1.0, 1.0, 0.75, 0.75, 0.5]


class TestWrappers:
    @pytest.mark.parametrize("wrap", WRAPPERS)
    def test_the_steps_of_what_they_wrap_are_counted_once(self, wrap: str) -> None:
        training = Training(WRAPPERS[wrap](sgd(1.0)), accumulation=2)
        apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, steps=4), per="update")
        assert training.lr(1, 6) == [1.0, 1.0, 0.75, 0.75, 0.5, 0.5]

    def test_one_that_steps_what_it_wraps_now_and_then_is_not_believed(self) -> None:
        class EveryOther(torch.optim.Optimizer):
            def __init__(self, wrapped: Any) -> None:
                super().__init__(wrapped.param_groups, wrapped.defaults)
                self.wrapped, self.calls = wrapped, 0
                self.param_groups = wrapped.param_groups

            def step(self, closure: Any = None) -> Any:
                self.calls += 1
                if self.calls % 2 == 0:
                    self.wrapped.step()

        training = Training(EveryOther(sgd(1.0)))
        apply_schedule(training.recorder, training.optimizer, Linear(1.0, 0.0, steps=4), per="update")
        assert training.lr(1, 6) == [1.0, 1.0, 0.75, 0.75, 0.5, 0.5]

    def test_one_that_does_not_say_when_it_updates_is_refused_and_nothing_is_half_done(self) -> None:
        class Mine:
            param_groups = sgd(1.0).param_groups

            def step(self) -> None: ...

        training, mine = Training(sgd(1.0)), Mine()
        with pytest.raises(AttachError, match=r"counts the steps of a torch optimizer.*count per='iteration'"):
            apply_schedule(training.recorder, mine, Constant(0.5), per="update")  # type: ignore[call-overload]
        apply_schedule(training.recorder, mine, Constant(0.5), per="iteration")  # type: ignore[call-overload]

    def test_removed_no_hook_is_left(self) -> None:
        training = Training(sgd(1.0))
        hooks = (
            vars(training.optimizer)["_optimizer_step_post_hooks"],
            vars(training.optimizer)["_optimizer_step_pre_hooks"],
        )
        phases = apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="update")
        assert list(map(len, hooks)) == [1, 1]
        phases.remove()
        assert list(map(len, hooks)) == [0, 0]

    def test_an_optimizer_that_is_kept_keeps_no_recorder(self) -> None:
        optimizer = sgd(1.0)
        training = Training(optimizer)
        apply_schedule(training.recorder, optimizer, Constant(0.5), per="update")
        kept = weakref.ref(training.recorder)
        del training
        gc.collect()
        assert kept() is None
        optimizer.step()


class TestResumed:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    @pytest.mark.parametrize("cut", range(1, 18))
    def test_at_every_cut_with_skipped_updates_the_count_goes_on(self, cut: int, through: Any) -> None:
        def build() -> Training:
            training = Training(sgd(1.0), accumulation=4)
            LRPhases(
                training.recorder,
                training.optimizer,
                [
                    Phase(warmup(0.1, steps=1), per="update"),
                    Phase(Cosine(steps=2), per="update"),
                    Phase(lambda optimizer: LambdaLR(optimizer, lambda step: 1 / (2 + step)), per="update"),
                ],
            )

            @training.trainer.on(Events.ITERATION_STARTED(once=6))
            def update_once_more() -> None:
                training.optimizer.step()

            return training

        states, expected = saved(build(), cut)
        resumed = build()
        objects: list[Any] = [resumed.trainer, resumed.optimizer, resumed.recorder]
        for one, state in zip(objects, through(states)[0], strict=True):
            one.load_state_dict(state)
        resumed.attach_evaluator()
        resumed.trainer.run([0] * 3)
        assert resumed.used == expected

    @given(st.integers(1, 3), st.integers(1, 11))
    def test_the_clock_alone_suffices_where_the_accumulation_is_told(self, accumulation: int, cut: int) -> None:
        def build(told: int | None) -> Training:
            training = Training(sgd(1.0), accumulation=accumulation)
            schedule = warmup(0.1, steps=2).then(Cosine(steps=4))
            apply_schedule(
                training.recorder, training.optimizer, schedule, per="update", gradient_accumulation_steps=told
            )
            return training

        (states,), expected = saved(build(accumulation), cut, epochs=4)
        resumed = build(accumulation)
        resumed.trainer.load_state_dict(states[0])
        resumed.trainer.run([0] * 3)
        assert resumed.used == expected
        untold = build(None)
        untold.trainer.load_state_dict(states[0])
        with pytest.raises(StateError, match=f"how many there were in {cut} iterations before is not known"):
            untold.trainer.run([0] * 3)

    def test_a_count_that_is_none_is_refused(self) -> None:
        training = Training(sgd(1.0))
        phases = apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="update")
        training.run(1, 2)
        state = phases.state_dict()
        assert state["updates"] == [2, 0]
        with pytest.raises(StateError, match="damaged"):
            phases.load_state_dict(state | {"updates": [2, -1]})
        del state["updates"]
        phases.load_state_dict(state)
        assert phases.progress.updates == 0


class TestBadInput:
    @pytest.mark.parametrize(
        "schedule", [Cosine(epochs=3), Cosine(fraction=0.5), warmup(steps=2).then(Cosine(rest=True))]
    )
    def test_lengths_in_epochs_need_to_know_how_many_updates_an_epoch_has(self, schedule: Schedule) -> None:
        training = Training(sgd(1.0))
        message = "gradient_accumulation_steps must be given .* 1 if each does; or give lengths in steps"
        with pytest.raises(ValueError, match=message):
            apply_schedule(training.recorder, training.optimizer, schedule, per="update")
        with pytest.raises(ValueError, match="gradient_accumulation_steps must be given for a preview"):
            preview(schedule, per="update", epochs=2, iterations_per_epoch=2, optimizer=sgd(1.0))

    def test_lengths_in_iterations_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"'iteration' for a schedule with iterations=3, got 'update'.*in steps"):
            Phase(Cosine(iterations=3), per="update")

    @pytest.mark.parametrize(
        ("told", "error"), [(0, ValueError), (2.5, ValueError), (True, TypeError), ("4", TypeError)]
    )
    def test_accumulation_is_a_count(self, told: Any, error: type[Exception]) -> None:
        training = Training(sgd(1.0))
        with pytest.raises(error, match="gradient_accumulation_steps must be"):
            apply_schedule(
                training.recorder, training.optimizer, Constant(), per="update", gradient_accumulation_steps=told
            )

    def test_told_where_nothing_counts_updates(self) -> None:
        training = Training(sgd(1.0))
        message = "gradient_accumulation_steps must be left out where no phase is per='update', got 4"
        with pytest.raises(ValueError, match=message):
            apply_schedule(
                training.recorder, training.optimizer, Constant(), per="epoch", gradient_accumulation_steps=4
            )
        with pytest.raises(ValueError, match=message):
            preview(Constant(), epochs=1, iterations_per_epoch=1, gradient_accumulation_steps=4)

    def test_a_preview_per_update_asks_for_it(self) -> None:
        with pytest.raises(ValueError, match="given for a preview per update"):
            preview([Phase(Cosine(steps=3), per="update")], epochs=1, iterations_per_epoch=1)


class TestToldOtherwise:
    def warnings(
        self, caplog: pytest.LogCaptureFixture, accumulation: int, told: int | None, epochs: int = 3
    ) -> list[str]:
        training = Training(sgd(1.0), accumulation=accumulation)
        apply_schedule(
            training.recorder, training.optimizer, Cosine(steps=9), per="update", gradient_accumulation_steps=told
        )
        with caplog.at_level(logging.WARNING):
            training.run(epochs, 10)
        return [record.getMessage() for record in caplog.records]

    @pytest.mark.parametrize(("accumulation", "told"), [(4, 1), (1, 4), (4, 2), (99, None), (99, 5)])
    def test_is_said_once(self, caplog: pytest.LogCaptureFixture, accumulation: int, told: int | None) -> None:
        (message,) = self.warnings(caplog, accumulation, told)
        every = "unknown" if told is None else f"every {told} batches"
        made = 10 // accumulation
        assert f"10 batches of epoch 1 made {made} updates of the optimizer, and what was told is: {every}" in message

    @pytest.mark.parametrize(("accumulation", "told"), [(4, 4), (3, 3), (1, 1), (4, None), (10, 10), (15, 15)])
    def test_nothing_is_said_where_it_is_so(
        self, caplog: pytest.LogCaptureFixture, accumulation: int, told: int | None
    ) -> None:
        assert self.warnings(caplog, accumulation, told) == []

    def test_adam_counts_too(self) -> None:
        training = Training(adam(1.0), accumulation=2, watch=("beta1",))
        apply_schedule(
            training.recorder, training.optimizer, Linear(1.0, 0.5, steps=2), per="update", parameter="beta1"
        )
        assert training.lr(1, 6) == pytest.approx([0.9, 0.9, 0.675, 0.675, 0.45, 0.45])
