"""Phases one after another: when each begins and ends, what it trains at, and what is told of it."""

from __future__ import annotations

import gc
import inspect
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from engines import engine, evaluate, freed_by_counting, handler_table, reporting, through_torch
from ignite.engine import Engine, Events
from lr_runs import SCHEDULERS, Training, adam, groups, sgd, untouched, values
from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau, StepLR

from ignite_delayed import (
    After,
    AttachError,
    Constant,
    Cosine,
    Exponential,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Recorder,
    Schedule,
    Switched,
    UnknownMetricError,
    apply_schedule,
    delay_lr_scheduler,
    warmup,
)


def phased(training: Training, *phases: Phase, **arguments: Any) -> LRPhases:
    return LRPhases(training.recorder, training.optimizer, phases, **arguments)


def plateau(optimizer: Any) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(optimizer, patience=10, factor=0.25)


class TestWellKnownCases:
    def test_the_50_epochs_of_skorch_as_one_schedule(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 0.1 if trainer.state.epoch < 50 else 1.0})
        phased(training, Phase(Constant(epochs=50), per="epoch"), Phase(plateau, monitor="loss", mode="min"))
        assert training.lr(75) == [1.0] * 62 + [0.25] * 11 + [0.0625] * 2

    @pytest.mark.parametrize("as_phases", [False, True])
    def test_warm_up_and_cosine_as_in_transformers_at_every_step(self, as_phases: bool) -> None:
        warm, total = 30, 300
        training = Training(sgd(0.003))
        if as_phases:
            phased(training, Phase(warmup(fraction=0.1), per="iteration"), Phase(Cosine(fraction=0.9), per="iteration"))
        else:
            schedule = warmup(fraction=0.1).then(Cosine(fraction=0.9))
            apply_schedule(training.recorder, training.optimizer, schedule, per="iteration")
        used = training.lr(10, length=30)
        assert len(used) == total
        for step, rate in enumerate(used):
            # The documented formula of get_cosine_schedule_with_warmup(optimizer, 30, 300).
            factor = step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
            assert rate == pytest.approx(0.003 * factor, rel=1e-12, abs=1e-18)

    def test_a_warm_up_reaches_its_target_exactly_and_the_plateau_sees_nothing_before(self) -> None:
        training = Training(sgd(0.3), metrics={"loss": [0.01, 0.01, 0.01, 5, 5, 5, 5]})
        phases = phased(
            training,
            Phase(warmup(epochs=3), per="iteration"),
            Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=1, factor=0.5), monitor="loss", mode="min"),
        )
        used = training.lr(7, length=2)
        assert used[:6] == [0.3 * factor for factor in (0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6)]
        # Epochs 4, 5, 6: the best of the plateau is 5, and one bad evaluation more than its patience follows.
        assert used[6:] == [0.3] * 6 + [0.15] * 2
        assert isinstance(phases.scheduler, ReduceLROnPlateau)
        assert phases.scheduler.best == 5

    def test_warm_up_then_cosine_until_the_loss_stalls_then_plateau(self) -> None:
        losses = [1 / epoch for epoch in range(1, 21)] + [0.05] * 60
        training = Training(sgd(), metrics={"loss": losses})
        phases = phased(
            training,
            Phase(warmup(fraction=0.05), per="iteration"),
            Phase(Cosine(fraction=0.95), per="iteration", until=Plateau("loss", mode="min", patience=5)),
            Phase(plateau, monitor="loss", mode="min"),
        )
        used = training.lr(80, length=5)
        for step, rate in enumerate(used[:125]):
            factor = step / 20 if step < 20 else 0.5 * (1 + math.cos(math.pi * (step - 20) / 380))
            assert rate == pytest.approx(factor, rel=1e-12)
        # The loss is best in epoch 20; epochs 21 to 25 are the five without improvement. The plateau sees epoch 25
        # first, and loses patience at every eleventh epoch after it.
        stalled = used[124]
        assert used[125:] == [stalled / 4**times for times in range(5) for _ in range(55)]
        first, second = phases.switches
        assert first == Switched(1, 5, 20, "Linear(0.0, 1.0, fraction=0.05) ended", [0.95], [1.0])
        until = "Plateau('loss', mode='min', patience=5) held"
        assert second == Switched(2, 25, 125, until, [stalled], [stalled])


class TestEndings:
    def test_the_clock_counts_from_the_beginning_of_the_phase(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5), per="epoch", until=After(epochs=2)),
            Phase(Constant(0.25), per="epoch", until=After(iterations=3)),
            Phase(Constant(0.1), per="iteration", until=After(evaluations=1)),
            Phase(Constant(1.0), per="epoch"),
        )
        # Two epochs; three iterations; until the second evaluation after those, at the end of epoch 5.
        assert training.lr(6, length=2) == [0.5] * 4 + [0.25] * 3 + [0.1] * 3 + [1.0] * 2

    def test_a_fraction_is_of_what_is_left_of_the_run(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5), per="iteration", until=After(fraction=0.2)),
            Phase(Constant(0.25), per="iteration", until=After(fraction=0.5)),
            Phase(Constant(0.1), per="iteration"),
        )
        assert training.lr(2, length=5) == [0.5] * 2 + [0.25] * 4 + [0.1] * 4

    def test_seconds(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5), per="iteration", until=After(seconds=3600)),
            Phase(Constant(0.25), per="iteration"),
        )
        assert training.lr(2, length=5) == [0.5] * 10

    def test_a_condition_on_a_metric_at_the_end_of_an_epoch(self) -> None:
        training = Training(sgd(), metrics={"loss": [3, 2, 1, 0]})
        phased(
            training,
            Phase(Exponential(0.5, steps=1), per="epoch", until=Metric("loss") < 2.5),
            Phase(None, until=After(epochs=9)),
        )
        assert training.lr(4) == [1.0, 0.5, 0.5, 0.5]

    def test_a_plateau_forgets_what_was_before_its_phase(self) -> None:
        training = Training(sgd(), metrics={"loss": [1, 9, 9, 9, 9, 9, 9]})
        phased(
            training,
            Phase(Constant(0.5), per="epoch", until=After(epochs=3)),
            Phase(Constant(0.25), per="epoch", until=Plateau("loss", mode="min", patience=2)),
            Phase(Constant(0.1), per="epoch"),
        )
        # In epoch 4 it sees 9 for the first time, which is the best; epochs 5 and 6 do not improve on it.
        assert training.lr(8 - 1) == [0.5] * 3 + [0.25] * 3 + [0.1]

    def test_the_record_that_ends_a_phase_is_the_first_that_the_next_one_sees(self) -> None:
        training = Training(sgd(), metrics={"loss": [5, 1, 1, 1, 1]})
        phased(
            training,
            Phase(Constant(0.5), per="epoch", until=Metric("loss") < 2),
            Phase(Constant(0.25), per="epoch", until=Plateau("loss", mode="min", patience=1)),
            Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, factor=0.1), monitor="loss", mode="min"),
        )
        assert training.lr(5) == [0.5, 0.5, 0.25, 0.25, 0.25 * 0.1]

    def test_one_record_may_end_several_phases(self) -> None:
        training = Training(sgd(), metrics={"loss": [5, 1, 1]})
        phases = phased(
            training,
            Phase(Constant(0.5), per="epoch", until=Metric("loss") < 2),
            Phase(Constant(0.25), per="epoch", until=Metric("loss") < 3),
            Phase(Constant(0.1), per="epoch"),
        )
        assert training.lr(3) == [0.5, 0.5, 0.1]
        assert [(switch.phase, switch.before, switch.after) for switch in phases.switches] == [
            (1, [0.5], [0.1]),
            (2, [0.25], [0.1]),
        ]

    def test_phases_of_no_length_are_passed_before_the_first_batch(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5), per="iteration", until=After(iterations=0)),
            Phase(Constant(0.25), per="iteration", until=After(iterations=0)),
            Phase(Constant(0.1), per="iteration"),
        )
        assert training.lr(1, length=3) == [0.1] * 3

    def test_the_end_of_a_schedule_of_several(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5, steps=2).then(Constant(0.25, steps=2)), per="iteration"),
            Phase(tenfold_drops, per="iteration"),
        )
        assert training.lr(1, length=8) == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.025, 0.025]

    def test_the_last_phase_may_have_an_end(self) -> None:
        training = Training(sgd(), metrics={"loss": [3, 2, 1, 0]})
        phases = phased(
            training,
            Phase(warmup(epochs=1), per="iteration"),
            Phase(SCHEDULERS["ExponentialLR"], per="epoch", until=Metric("loss") < 1.5),
        )
        assert training.lr(5 - 1) == [0.0, 1.0, 0.5, 0.5]
        assert repr(phases) == "<LRPhases 'lr': all 2 phases have ended>"
        assert (phases.index, phases.scheduler) == (2, None)
        assert phases.switches[-1].why == "Metric('loss') < 1.5 held"

    def test_a_schedule_that_is_last_stays_at_its_end(self) -> None:
        training = Training(sgd())
        phases = phased(training, Phase(Linear(1, 0.5, steps=2), per="epoch"))
        assert training.lr(4) == [1.0, 0.75, 0.5, 0.5]
        assert phases.switches == []

    def test_a_function_of_one_record(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5), per="epoch", until=lambda record: record.epoch == 2),
            Phase(Constant(0.1), per="epoch"),
        )
        assert training.lr(4) == [0.5, 0.5, 0.1, 0.1]

    def test_metrics_recorded_before_at_the_same_iteration_are_not_of_the_next_phase(self) -> None:
        optimizer, trainer = sgd(), engine()
        train, val = reporting(trainer, loss=[1, 9, 9, 9]), reporting(trainer, loss=[5, 1, 1, 1])
        recorder = Recorder(trainer, {"train": train, "val": val}, optimizer=optimizer)
        phases = LRPhases(
            recorder,
            optimizer,
            [
                Phase(Constant(0.5), per="epoch", until=Metric("val/loss") < 2),
                Phase(Constant(0.1), per="epoch", until=Metric("val/loss") - Metric("train/loss") < 0),
                Phase(Constant(0.2), per="epoch"),
            ],
        )
        for evaluator in (train, val):
            evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=4)
        # "val/loss" ends the first phase in epoch 2, when "train/loss" was recorded already.
        assert [switch.epoch for switch in phases.switches] == [2, 3]


def tenfold_drops(optimizer: Any) -> StepLR:
    return StepLR(optimizer, 2, 0.1)


class TestUnits:
    def test_from_iterations_to_epochs_at_the_end_of_an_epoch(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Linear(0.2, 0.4, iterations=4), per="iteration"),
            Phase(Exponential(0.5, steps=1), per="epoch"),
        )
        assert training.lr(5, length=2) == pytest.approx([0.2, 0.25, 0.3, 0.35, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25])

    def test_from_iterations_to_epochs_in_mid_epoch(self) -> None:
        training = Training(sgd())
        phased(
            training, Phase(Constant(0.2, iterations=4), per="iteration"), Phase(Exponential(0.5, steps=1), per="epoch")
        )
        # The rest of epoch 2 is on top of the first whole epoch.
        assert training.lr(4, length=3) == [0.2] * 4 + [1.0] * 2 + [1.0] * 3 + [0.5] * 3

    def test_from_epochs_to_iterations(self) -> None:
        training = Training(sgd())
        phased(training, Phase(Constant(0.2, epochs=2), per="epoch"), Phase(Exponential(0.5, steps=1), per="iteration"))
        assert training.lr(4, length=2) == [0.2] * 4 + [1.0, 0.5, 0.25, 0.125]

    @pytest.mark.parametrize("per", ["iteration", "epoch"])
    def test_from_a_schedule_to_a_torch_scheduler(self, per: Any) -> None:
        training = Training(sgd())
        phased(training, Phase(Linear(0.0, 0.5, epochs=2), per="iteration"), Phase(SCHEDULERS["LinearLR"], per=per))
        used = training.lr(6, length=2)
        ramp = [0.125, 0.25, 0.375, 0.5]  # LinearLR from a quarter of the rate it finds
        steps = [*ramp, 0.5, 0.5, 0.5, 0.5] if per == "iteration" else [rate for rate in ramp for _ in range(2)]
        assert used == [0.0, 0.125, 0.25, 0.375, *steps]

    def test_at_an_evaluation_in_mid_epoch(self) -> None:
        training = Training(
            sgd(), at=Events.ITERATION_COMPLETED(every=3), metrics={"loss": lambda trainer: trainer.state.iteration}
        )
        phases = phased(
            training,
            Phase(Exponential(0.5, steps=4), per="iteration", until=Metric("loss") > 5),
            Phase(Linear(1.0, 0.0, steps=4), per="iteration"),
        )
        used = training.lr(2, length=5)
        assert used == [0.5 ** (step / 4) for step in range(6)] + [1.0, 0.75, 0.5, 0.25]
        assert [(switch.epoch, switch.iteration) for switch in phases.switches] == [(2, 6)]

    def test_at_the_beginning_of_an_epoch(self) -> None:
        training = Training(sgd(), at=Events.EPOCH_STARTED, metrics={"loss": [3, 2, 1, 0]})
        phases = phased(
            training,
            Phase(Constant(0.2), per="epoch", until=Metric("loss") < 2.5),
            Phase(Exponential(0.5, steps=1), per="epoch"),
        )
        assert training.lr(4, length=2) == [0.2] * 2 + [1.0] * 2 + [0.5] * 2 + [0.25] * 2
        assert [(switch.epoch, switch.iteration) for switch in phases.switches] == [(2, 2)]

    @pytest.mark.skipif(
        "max_iters" not in inspect.signature(Engine.run).parameters, reason="run(max_iters=) came with Ignite 0.5.5"
    )
    @pytest.mark.parametrize("schedule", [Linear(1, 0, fraction=1.0), Linear(1, 0, rest=True)], ids=repr)
    @pytest.mark.parametrize(("per", "count"), [("iteration", 10), ("update", 10), ("epoch", 3)])
    def test_max_iters_is_the_length_of_the_run(self, per: Any, count: int, schedule: Schedule) -> None:
        training = Training(sgd())
        told = 1 if per == "update" else None
        apply_schedule(training.recorder, training.optimizer, schedule, per=per, gradient_accumulation_steps=told)
        training.trainer.run([0] * 4, max_iters=10)
        # An epoch that is cut off is a step of its own: its batches are not trained at 0.
        steps = [iteration // (10 // count + 1) if per == "epoch" else iteration for iteration in range(10)]
        assert [rate for (rate,) in training.used] == pytest.approx([1 - step / count for step in steps])

    def test_an_unknown_length_is_told_of_when_the_run_begins(self) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Linear(1, 0, fraction=1.0), per="iteration")
        training.trainer.logger.disabled = True

        def unsized() -> Iterator[int]:
            yield from range(4)

        message = r"the length of Linear\(.*\) cannot be told, since that of the run is not known: call trainer.run\("
        with pytest.raises(ValueError, match=message):
            training.trainer.run(unsized(), max_epochs=1)
        assert values(training.optimizer) == [1.0]

    def test_an_unknown_length_does_no_harm_where_none_is_needed(self) -> None:
        training = Training(sgd())
        schedule = Linear(1, 0, iterations=4)
        apply_schedule(training.recorder, training.optimizer, schedule, per="iteration")
        training.trainer.run(iter(range(4)), max_epochs=1)
        assert [rate for (rate,) in training.used] == [1.0, 0.75, 0.5, 0.25]


class TestSeveralGroups:
    def test_keep_their_ratios_and_their_bases(self) -> None:
        training = Training(sgd(1.0, 0.1))
        phased(
            training,
            Phase(Linear(0.0, 1.0, steps=2), per="iteration"),
            Phase(Linear(1.0, 0.5, steps=2), per="iteration"),
        )
        assert training.run(1, length=5) == [[f, 0.1 * f] for f in (0.0, 0.5, 1.0, 0.75, 0.5)]

    def test_one_that_is_added_later_brings_its_own_base(self) -> None:
        training = Training(sgd(1.0))
        apply_schedule(training.recorder, training.optimizer, Exponential(0.5, steps=1), per="epoch")
        training.trainer.add_event_handler(
            Events.EPOCH_COMPLETED(once=2), lambda: training.optimizer.add_param_group(groups(0.4)[0])
        )
        assert training.run(4) == [[1.0], [0.5], [0.25, 0.1], [0.125, 0.05]]
        # A second run gives it its own base back, too.
        assert training.run(2) == [[1.0, 0.4], [0.5, 0.2]]


class TestTellings:
    def test_switches_are_marked_in_the_history_and_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        training = Training(sgd(1.0, 0.1), metrics={"loss": [3, 2, 1]})
        phased(
            training,
            Phase(Constant(0.5), per="epoch", until=Metric("loss") < 2.5),
            Phase(Constant(0.25), per="epoch"),
            name="rates",
        )
        with caplog.at_level(logging.INFO, "ignite_delayed"):
            training.run(3, length=2)
        text = "Metric('loss') < 2.5 held; then Phase(Constant(0.25), per='epoch'); lr 0.5, 0.05 -> 0.25, 0.025"
        (mark,) = training.recorder.history.marks
        assert (mark.kind, mark.name, mark.epoch, mark.iteration, mark.text) == ("switched", "rates", 2, 4, text)
        assert mark.before == 3
        messages = [record.getMessage() for record in caplog.records if record.name.startswith("ignite_delayed")]
        assert messages == [f"rates switched before epoch 3: {text}"]

    def test_the_end_of_a_schedule_is_marked_too(self) -> None:
        training = Training(sgd())
        phased(training, Phase(Constant(0.5, epochs=1), per="iteration"), Phase(Constant(0.25), per="epoch"))
        training.run(2, length=2)
        (mark,) = training.recorder.history.marks
        assert (mark.epoch, mark.iteration, mark.text) == (
            2,
            3,
            "Constant(0.5, epochs=1) ended; then Phase(Constant(0.25), per='epoch'); lr 0.5 -> 0.25",
        )

    def test_names_are_unique_and_free_again(self) -> None:
        training = Training(sgd())
        other = adam()
        first = phased(training, Phase(Constant(0.5), per="epoch", until=Metric("loss") < 1))
        second = LRPhases(training.recorder, other, [Phase(plateau, monitor="loss", mode="min")])
        assert (first.name, second.name) == ("lr", "lr 2")
        names = [live.name for live in training.recorder.hub.live]
        assert names == ["lr, end of phase 1", "lr 2, phase 1"]
        second.remove()
        assert LRPhases(training.recorder, other, [Phase(plateau, monitor="loss", mode="min")]).name == "lr 2"

    def test_repr(self) -> None:
        training = Training(sgd())
        phases = phased(training, Phase(None, until=After(epochs=3)), Phase(plateau, monitor="loss", mode="min"))
        assert repr(phases) == "<LRPhases 'lr': phase 1 of 2, Phase(None, until=After(epochs=3))>"
        assert phases.scheduler is None
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        phases = phased(training, Phase(None, until=After(epochs=1)), Phase(plateau, monitor="loss", mode="min"))
        training.run(2)
        shown = "Phase(plateau, per='evaluation', monitor='loss')"
        assert repr(phases) == f"<LRPhases 'lr': phase 2 of 2, {shown}>"


class TestRuns:
    def test_a_second_run_gives_the_base_rates_back(self) -> None:
        training = Training(sgd(1.0, 0.1))
        phased(
            training,
            Phase(None, until=After(epochs=1)),
            Phase(SCHEDULERS["OneCycleLR"], per="epoch", until=After(epochs=2)),
            Phase(Exponential(0.5, steps=1), per="epoch"),
        )
        before = untouched(training.optimizer)
        first = training.run(6)
        assert first[0] == [1.0, 0.1]
        assert training.run(6) == first
        training.trainer.add_event_handler(
            Events.EPOCH_STARTED(once=1), lambda: seen.extend(untouched(training.optimizer))
        )
        seen: list[Any] = []
        training.run(1)
        assert seen == before  # momenta and notes of the scheduler as well

    def test_unless_the_user_has_set_others(self) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Exponential(0.5, steps=1), per="epoch")
        assert training.lr(3) == [1.0, 0.5, 0.25]
        training.optimizer.param_groups[0]["lr"] = 3.0
        assert training.lr(3) == [3.0, 1.5, 0.75]
        assert training.lr(2) == [3.0, 1.5]

    @pytest.mark.parametrize("rate", [1.0, torch.tensor(0.3)], ids=["float", "tensor"])
    def test_of_a_torch_scheduler_and_of_tensors(self, rate: Any) -> None:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        for factory in (SCHEDULERS["ExponentialLR"], SCHEDULERS["LinearLR"], None):
            training = Training(optimizer)
            if factory is None:
                phases: Any = apply_schedule(training.recorder, optimizer, Exponential(0.7, steps=1), per="iteration")
            else:
                phases = delay_lr_scheduler(training.recorder, optimizer, factory, per="iteration")
            first = training.lr(2, length=3)
            assert training.lr(2, length=3) == first
            training.trainer.add_event_handler(Events.STARTED, phases.remove)
            training.run(1)
            optimizer.param_groups[0]["lr"] = rate if isinstance(rate, float) else rate.fill_(0.3)

    def test_the_writers_of_several_parameters_give_back_their_own_only(self) -> None:
        training = Training(sgd(), watch=("lr", "momentum"))
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], until=After(epochs=2), per="epoch"
        )
        apply_schedule(
            training.recorder,
            training.optimizer,
            Constant(0.5),
            per="epoch",
            until=After(epochs=4),
            parameter="momentum",
        )
        first = training.run(6)
        assert first[-1] == [0.125, 0.45]
        assert training.run(6) == first

    def test_lengths_are_resolved_anew(self) -> None:
        training = Training(sgd())
        phased(
            training,
            Phase(Constant(0.5, fraction=0.5), per="iteration"),
            Phase(Linear(1, 0, fraction=0.5), per="iteration"),
        )
        assert training.lr(4) == [0.5, 0.5, 1.0, 0.5]
        assert training.lr(2) == [0.5, 1.0]

    @pytest.mark.parametrize("how", ["terminate", "interrupt"])
    def test_continued_after_it_was_stopped(self, how: str) -> None:
        def run(stop: bool) -> tuple[list[float], list[Switched]]:
            training = Training(sgd())
            phases = phased(
                training,
                Phase(Constant(0.5), per="epoch", until=After(iterations=5)),
                Phase(SCHEDULERS["LinearLR"], per="iteration"),
            )
            if stop:
                for epoch in (2, 4):
                    training.trainer.add_event_handler(
                        Events.EPOCH_COMPLETED(once=epoch), getattr(training.trainer, how)
                    )
            training.run(6, length=2)
            while training.trainer.state.iteration < 12:
                training.trainer.run([0] * 2)
            return [rate for (rate,) in training.used], phases.switches

        assert run(True) == run(False)

    def test_where_ignite_cannot_interrupt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def run() -> list[list[float]]:
            training = Training(sgd(), metrics={"loss": [3, 2, 1, 1]})
            phased(
                training,
                Phase(Linear(0.5, 1.0, steps=3), per="iteration", until=Metric("loss") < 2.5),
                Phase(SCHEDULERS["LinearLR"], per="epoch"),
            )
            return training.run(4, length=2) + training.run(4, length=2)

        expected = run()
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", False)
        assert run() == expected

    def test_continued_for_more_epochs(self) -> None:
        training = Training(sgd())
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], per="epoch")
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), training.trainer.terminate)
        assert training.lr(3) == [1.0, 0.5]
        training.trainer.run([0], max_epochs=5)
        assert [rate for (rate,) in training.used] == [1.0, 0.5, 0.25, 0.125, 0.0625]

    def test_the_evaluator_need_not_run(self) -> None:
        training = Training(sgd(), at=None)
        phased(
            training,
            Phase(warmup(steps=2), per="epoch"),
            Phase(plateau, monitor="loss", mode="min", until=Metric("loss") < 1),
        )
        assert training.lr(4) == [0.0, 0.5, 1.0, 1.0]

    def test_an_epoch_that_is_cut_short(self) -> None:
        training = Training(sgd())
        apply_schedule(training.recorder, training.optimizer, Exponential(0.5, steps=1), per="epoch")

        @training.trainer.on(Events.ITERATION_COMPLETED(once=2))
        def cut() -> None:
            training.trainer.terminate_epoch()

        assert training.lr(3, length=3) == [1.0] * 2 + [0.5] * 3 + [0.25] * 3


class TestRemove:
    def test_takes_everything_off_and_leaves_the_rates(self) -> None:
        training = Training(sgd(), metrics={"loss": lambda trainer: 1.0})
        before = {event: len(found) for event, found in handler_table(training.trainer).items()}
        phases = phased(
            training,
            Phase(warmup(steps=4), per="iteration"),
            Phase(Constant(0.5), per="epoch", until=Metric("loss") < 0),
            Phase(plateau, monitor="loss", mode="min"),
        )
        training.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=2), phases.remove)
        assert training.lr(2, length=3) == [0.0, 0.25, 0.25, 0.25, 0.25, 0.25]
        phases.remove()
        after = {event: len(found) for event, found in handler_table(training.trainer).items() if found}
        assert training.recorder.hub.live == []
        assert not training.recorder.hub.stateful
        assert not training.recorder.hub.parts
        assert not training.recorder.hub.reserved
        assert phases not in training.recorder.hub.attached
        assert all(before.get(event, 0) <= count for event, count in after.items())
        phased(training, Phase(Constant(0.5), per="iteration"))
        assert training.lr(1, length=2) == [0.5] * 2  # of the base rate, not of what the warm-up has left

    def test_with_the_recorder(self) -> None:
        training = Training(sgd())
        phased(training, Phase(Constant(0.5), per="iteration"))
        training.recorder.remove()
        assert training.lr(1) == [1.0]
        recorder = Recorder(training.trainer, training.evaluator)
        LRPhases(recorder, training.optimizer, [Phase(Constant(0.5), per="iteration")])
        assert training.lr(1) == [0.5]

    def test_what_is_attached_in_mid_run_counts_from_there(self) -> None:
        training = Training(sgd())

        @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
        def attach() -> None:
            phased(
                training,
                Phase(Linear(1, 0, steps=2), per="epoch", until=After(epochs=2)),
                Phase(SCHEDULERS["LinearLR"], per="epoch"),
            )

        assert training.lr(5) == [1.0, 1.0, 1.0, 0.5, 0.125]

    def test_a_pause_that_is_attached_in_mid_run_waits_by_the_trainers_clock(self) -> None:
        training = Training(sgd())

        @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
        def attach() -> None:
            delay_lr_scheduler(
                training.recorder, training.optimizer, SCHEDULERS["LinearLR"], until=After(epochs=3), per="epoch"
            )

        assert training.lr(5) == [1.0, 1.0, 1.0, 0.25, 0.5]

    def test_a_torch_scheduler_attached_between_two_parts_of_a_run_begins_there(self) -> None:
        training = Training(sgd())
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), training.trainer.terminate)
        assert training.lr(4) == [1.0, 1.0]
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["LinearLR"], per="epoch")
        training.trainer.run([0], max_epochs=4)
        assert [rate for (rate,) in training.used] == [1.0, 1.0, 0.25, 0.5]


class TestOverlaps:
    def test_two_writers_of_one_parameter_are_refused_with_both_named(self) -> None:
        training = Training(sgd())
        phased(training, Phase(warmup(steps=2), per="epoch"), Phase(plateau, monitor="loss", mode="min"))
        before = untouched(training.optimizer)
        live = list(training.recorder.hub.live)
        message = (
            r"'lr' \(Linear\(.*steps=2\) then ReduceLROnPlateau\) and 'second' \(None then StepLR\) would both write "
            r"'lr' of one optimizer, each undoing the other: put them one after the other in LRPhases"
        )
        with pytest.raises(AttachError, match=message):
            delay_lr_scheduler(
                training.recorder, training.optimizer, tenfold_drops, until=After(epochs=5), per="epoch", name="second"
            )
        assert untouched(training.optimizer) == before
        assert training.recorder.hub.live == live
        assert training.recorder.hub.reserved == {"lr", *(live.name for live in live)}

    def test_unless_one_hands_over_to_the_other(self) -> None:
        training = Training(sgd())
        phased(training, Phase(Constant(0.5), per="epoch", until=After(epochs=2)))
        delay_lr_scheduler(
            training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], until=After(epochs=2), per="epoch"
        )
        assert training.lr(5) == [0.5, 0.5, 0.5, 0.25, 0.125]
        assert training.lr(5) == [0.5, 0.5, 0.5, 0.25, 0.125]

    def test_handing_over_in_the_other_order_of_attaching(self) -> None:
        training = Training(sgd(), metrics={"loss": [3, 2, 1, 1, 1]})
        until = Metric("loss") < 2.5
        delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS["ExponentialLR"], until=until, per="epoch")
        phased(training, Phase(Linear(0.5, 0.1, steps=2), per="iteration", until=until))
        assert training.lr(5) == [0.5, 0.3, 0.3, 0.15, 0.075]
        assert training.lr(5) == [0.5, 0.3, 0.3, 0.15, 0.075]

    @pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
    def test_a_scheduler_that_cycles_momentum_writes_it(self, name: str) -> None:
        training = Training(sgd(momentum=0.95))  # what OneCycleLR sets it to, so building it changes nothing
        schedule = Constant(0.5)
        apply_schedule(training.recorder, training.optimizer, schedule, per="epoch", parameter="momentum")
        with pytest.raises(AttachError, match=rf"'momentum' \(.*\) and 'lr' \({name}\) would both write 'momentum'"):
            delay_lr_scheduler(training.recorder, training.optimizer, SCHEDULERS[name], per="iteration")

    def test_nested_or_of_adam_too(self) -> None:
        training = Training(adam())
        apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="epoch", parameter="beta1")

        def nested(optimizer: Any) -> Any:
            from torch.optim.lr_scheduler import SequentialLR

            first = LinearLR(optimizer, 0.5, total_iters=2)
            return SequentialLR(optimizer, [first, SCHEDULERS["OneCycleLR"](optimizer)], [2])

        with pytest.raises(AttachError, match="would both write 'beta1'"):
            delay_lr_scheduler(training.recorder, training.optimizer, nested, per="iteration")

    def test_different_parameters_and_optimizers_do_not_collide(self) -> None:
        training = Training(sgd(), watch=("lr", "momentum", "weight_decay"))
        for parameter in ("lr", "momentum", "weight_decay"):
            apply_schedule(training.recorder, training.optimizer, Constant(0.5), per="epoch", parameter=parameter)
        LRPhases(training.recorder, adam(), [Phase(Constant(0.5), per="epoch")])
        assert training.run(1) == [[0.5, 0.45, 0.0]]

    @pytest.mark.parametrize("swapped", [False, True])
    def test_what_was_handed_over_is_given_back_after_resuming_too(self, swapped: bool) -> None:
        def build() -> Training:
            training = Training(sgd())
            attach: list[Callable[[], object]] = [
                lambda: phased(training, Phase(Linear(0.5, 0.1, steps=3), per="epoch", until=After(epochs=2))),
                lambda: delay_lr_scheduler(
                    training.recorder, training.optimizer, SCHEDULERS["LinearLR"], until=After(epochs=2), per="epoch"
                ),
            ]
            for one in reversed(attach) if swapped else attach:
                one()
            return training

        training = build()
        training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), training.trainer.terminate)
        whole = training.run(5)
        resumed = build()
        resumed.trainer.load_state_dict(training.trainer.state_dict())
        resumed.recorder.load_state_dict(through_torch(training.recorder.state_dict()))
        resumed.trainer.run([0])
        whole += resumed.used
        assert resumed.run(5) == whole == build().run(5)

    def test_a_trainer_that_is_gone_writes_no_more(self) -> None:
        optimizer = sgd()

        def first() -> None:
            training = Training(optimizer)
            phased(training, Phase(Constant(0.5), per="epoch"))

        gc.disable()
        try:
            first()
            phased(Training(optimizer), Phase(Constant(0.5), per="epoch"))
        finally:
            gc.enable()


def test_the_last_rates_are_asked_for_as_of_torch() -> None:
    training = Training(sgd(1.0, 0.5))
    phases = phased(training, Phase(Linear(1.0, 0.0, steps=4), per="epoch"))
    assert phases.get_last_lr() == [1.0, 0.5]
    training.run(4)
    assert phases.get_last_lr() == values(training.optimizer) == [0.25, 0.125]


class TestBadInput:
    @pytest.mark.parametrize(
        ("phases", "arguments", "error", "message"),
        [
            ([], {}, ValueError, "phases must hold at least one Phase"),
            (None, {}, TypeError, "an entry of phases must be a Phase, got None"),
            ([Constant(1.0)], {}, TypeError, r"an entry of phases must be a Phase, .* Write Phase\(schedule"),
            (
                [Phase(Constant(1.0), per="epoch"), Phase(Constant(1.0), per="epoch")],
                {},
                ValueError,
                r"Phase\(Constant\(.*\), per='epoch'\) never ends, so no phase can follow it: give it until=",
            ),
            (
                [Phase(SCHEDULERS["ExponentialLR"], per="epoch"), Phase(Constant(1.0), per="epoch")],
                {},
                ValueError,
                "never ends, so no phase can follow it",
            ),
            ([Phase(Constant(1.0), per="epoch")], {"parameter": "rate"}, ValueError, "parameter must be one of 'lr'"),
            ([Phase(Constant(1.0), per="epoch")], {"parameter": "nesterov"}, ValueError, "parameter must be one of"),
            ([Phase(Constant(1.0), per="epoch")], {"parameter": "beta1"}, ValueError, "parameter must be one of 'lr'"),
            ([Phase(Constant(1.0), per="epoch")], {"parameter": 1}, TypeError, "parameter must be a non-empty string"),
            ([Phase(Constant(1.0), per="epoch")], {"name": 1}, TypeError, "name must be a non-empty string"),
            (
                [Phase(tenfold_drops, per="epoch")],
                {"parameter": "momentum"},
                ValueError,
                "parameter must be 'lr' for a torch scheduler",
            ),
            ([Phase(plateau, per="evaluation")], {}, TypeError, "ReduceLROnPlateau needs monitor="),
            (
                [
                    Phase(Constant(1.0), per="epoch", until=Plateau("loss", mode="max", patience=3)),
                    Phase(plateau, monitor="loss", mode="min"),
                ],
                {},
                ValueError,
                "mode of ReduceLROnPlateau must be 'max', got 'min'",
            ),
        ],
    )
    def test_is_refused_at_once_and_nothing_is_half_done(
        self, phases: Any, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        training = Training(sgd())
        before = untouched(training.optimizer)
        handlers = [len(found) for found in handler_table(training.trainer).values()]
        with pytest.raises(error, match=message):
            LRPhases(training.recorder, training.optimizer, phases, **arguments)
        assert untouched(training.optimizer) == before
        assert [len(found) for found in handler_table(training.trainer).values()] == handlers
        assert training.recorder.hub.live == []
        assert not training.recorder.hub.reserved
        phased(training, Phase(Constant(1.0), per="epoch"))  # nothing is claimed

    @pytest.mark.parametrize(
        "phase",
        [
            Phase(Constant(1.0), per="epoch", until=Metric("val/accuracy") > 0.5),
            Phase(plateau, monitor="test/loss", mode="min"),
        ],
        ids=["until", "monitor"],
    )
    def test_a_metric_that_no_evaluator_reports(self, phase: Phase) -> None:
        trainer, optimizer = engine(), sgd()
        recorder = Recorder(trainer, {"train": trainer})
        pause = Phase(None, until=Metric("train/loss") < 1)
        with pytest.raises(UnknownMetricError, match="which none of the evaluators 'train' can report"):
            LRPhases(recorder, optimizer, [pause, phase])
        assert recorder.hub.live == []
        assert not recorder.hub.reserved
        assert not recorder.hub.stateful
        LRPhases(recorder, optimizer, [Phase(Constant(1.0), per="epoch")])

    def test_a_metric_that_is_missing_when_it_should_be_there(self) -> None:
        training = Training(sgd(), metrics={"accuracy": lambda trainer: 1.0})
        training.trainer.logger.disabled = training.evaluator.logger.disabled = True
        phased(training, Phase(Constant(1.0), per="epoch", until=Metric("acuracy") > 0.5))
        with pytest.raises(UnknownMetricError, match="Did you mean 'accuracy'"):
            training.run(1)

    def test_no_recorder_and_no_optimizer(self) -> None:
        with pytest.raises(TypeError, match=r"recorder must be a Recorder, .* Build one: Recorder\("):
            LRPhases(Engine(lambda engine, batch: None), sgd(), [])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="optimizer must be a torch optimizer"):
            LRPhases(Training(sgd()).recorder, None, [Phase(Constant(1.0), per="epoch")])  # type: ignore[arg-type]


def test_engines_are_freed_as_soon_as_nobody_refers_to_them() -> None:
    def build() -> list[Any]:
        trainer, evaluator, optimizer = engine(), engine(), sgd()
        phases = [
            Phase(warmup(steps=1), per="iteration"),
            Phase(SCHEDULERS["ExponentialLR"], per="epoch", until=After(evaluations=1)),
            Phase(plateau, monitor="loss", mode="min"),
        ]
        LRPhases(Recorder(trainer, evaluator), optimizer, phases)
        trainer.run([0], max_epochs=2)
        return [trainer, evaluator]

    assert freed_by_counting(build) == [True, True]


def test_the_users_list_of_phases_is_not_kept() -> None:
    training = Training(sgd())
    given = [Phase(Constant(1.0), per="epoch")]
    phases = LRPhases(training.recorder, training.optimizer, given)
    given.clear()
    assert len(phases.phases) == 1
