"""Several real processes (gloo) decide alike, on one collective an evaluation."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import pytest
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from ranks import VanishedError, give_up_soon, on_ranks
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from ignite_delayed import (
    After,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    adjust_lr,
    delay_early_stopping,
    warmup,
)


def shard_loss(epoch: int) -> float:
    """Rank 0 improves for ever; the others stagnate."""
    return 1 / epoch if idist.get_rank() == 0 else 0.5


def train(engine: Engine, batch: Any) -> None:
    idist.all_reduce(torch.ones(1))  # as DDP does with the gradients: every rank must come


def build(step: Callable[[Engine, Any], None] = train, **options: Any) -> tuple[Engine, Engine, Recorder]:
    trainer, evaluator = Engine(step), Engine(lambda engine, batch: None)
    evaluator.add_event_handler(
        Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=shard_loss(trainer.state.epoch))
    )
    return trainer, evaluator, Recorder(trainer, evaluator, **options)


def returned(results: list[tuple[Any, ...]]) -> list[Any]:
    assert [result[0] for result in results] == ["returned"] * len(results), results
    return [result[1] for result in results]


def stops(sync: str | None) -> list[Any]:
    trainer, evaluator, recorder = build(sync=sync)
    stopper = delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=2))
    gate = Gate(recorder, until=Metric("loss") < 0.3)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0] * 2, max_epochs=9)
    opened = None if gate.opened_at is None else gate.opened_at.epoch
    history = recorder.history
    return [trainer.state.epoch, stopper.reason, opened, history["loss"].tolist(), history.clock("seconds").tolist()]


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_with_different_metrics_decide_as_rank_0(world: int, tmp_path: Path) -> None:
    answers = returned(on_ranks(world, stops, "rank0", folder=tmp_path))
    assert answers == [answers[0]] * world
    assert answers[0][:4] == [9, None, 4, [1 / epoch for epoch in range(1, 10)]]


def test_ranks_with_different_metrics_decide_on_the_mean(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, stops, "mean", folder=tmp_path))
    assert answers[0] == answers[1]
    assert answers[0][3] == [math.fsum([1 / epoch, 0.5]) / 2 for epoch in range(1, 10)]


def rates(evaluate_on: str | None) -> list[Any]:
    """The rates that every batch trained at, by phases that metrics end and move, and by an adjuster."""
    used: list[list[float]] = []
    optimizers = [torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0) for _ in range(3)]

    def step(engine: Engine, batch: Any) -> None:
        train(engine, batch)
        used.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
        for optimizer in optimizers:
            optimizer.step()

    trainer, evaluator, recorder = build(step, evaluate_on=evaluate_on)
    plateau = Phase(lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=0), monitor="loss", mode="min")
    LRPhases(recorder, optimizers[0], [Phase(warmup(epochs=2), per="iteration"), plateau])
    by_epoch = Phase(lambda optimizer: StepLR(optimizer, 1, 0.5), per="epoch")
    LRPhases(recorder, optimizers[1], [Phase(None, until=Metric("loss") < 0.4), by_epoch], name="delayed")
    adjust_lr(recorder, optimizers[2], {Metric("loss") > 0.4: 0.5})
    alone = evaluate_on is not None and idist.get_rank() > 0
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: None if alone else evaluator.run([0]))
    trainer.run([0] * 2, max_epochs=6)
    return used


@pytest.mark.parametrize("evaluate_on", [None, "rank0"])
def test_ranks_with_different_metrics_train_at_the_rates_of_rank_0(evaluate_on: str | None, tmp_path: Path) -> None:
    answers = returned(on_ranks(2, rates, evaluate_on, folder=tmp_path))
    assert answers[0] == answers[1]
    phased, delayed, adjusted = zip(*answers[0], strict=True)
    assert phased == (0.0, 0.25, 0.5, 0.75, *[1.0] * 8)  # rank 0 improves for ever, so its plateau never reduces
    assert delayed == (*[1.0] * 8, 0.5, 0.5, 0.25, 0.25)
    assert adjusted == (1.0, 1.0, 0.5, 0.5, *[0.25] * 8)


def ticks() -> list[Any]:
    trainer, evaluator, recorder = build()
    for iterations in (0, 4):
        Gate(recorder, until=After(iterations=iterations))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0] * 3, max_epochs=2)
    return [[record.iteration, record.is_tick, record.seconds] for record in recorder.history]


def test_the_clock_between_evaluations_is_that_of_the_last_evaluation(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, ticks, folder=tmp_path))
    assert answers[0] == answers[1]
    assert [row[:2] for row in answers[0]] == [[1, True], [3, False], [5, True], [6, False]]
    seconds = [row[2] for row in answers[0]]
    assert 0.0 == seconds[0] < seconds[1] == seconds[2] < seconds[3]


def naive_stop() -> int:
    trainer, evaluator = Engine(train), Engine(lambda engine, batch: None)
    score = lambda engine: -shard_loss(trainer.state.epoch)  # noqa: E731
    evaluator.add_event_handler(Events.COMPLETED, EarlyStopping(3, score, trainer))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=4), give_up_soon)
    return int(trainer.run([0], max_epochs=9).epoch)


def test_trap_65_without_agreement_one_rank_stops_and_the_other_waits(tmp_path: Path) -> None:
    results = on_ranks(2, naive_stop, folder=tmp_path)
    assert results[1] == ("returned", 4)
    assert results[0][:2] == ("raised", "RuntimeError")


def short_circuit(naive: bool) -> list[bool]:
    """Trap 66: a collective inside an operand that only one rank gets to."""
    trainer, evaluator, recorder = build()
    if naive:
        give_up_soon()
        return [shard_loss(4) < 0.3 and bool(idist.all_reduce(1, "MAX"))]
    gate = Gate(recorder, until=(Metric("loss") < 0.3) & After(epochs=1))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=4)
    return [gate.is_open]


def test_trap_66_a_collective_inside_a_condition_dead_locks_and_ours_is_outside(tmp_path: Path) -> None:
    naive = on_ranks(2, short_circuit, True, folder=tmp_path)
    assert [naive[0][0], naive[1]] == ["raised", ("returned", [False])]
    for file in tmp_path.iterdir():
        file.unlink()
    assert returned(on_ranks(2, short_circuit, False, folder=tmp_path)) == [[True], [True]]


def uneven() -> None:
    trainer, evaluator, _ = build()
    every = 1 if idist.get_rank() == 0 else 2
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), give_up_soon)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=every), lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=4)


def test_ranks_that_evaluate_unequally_often_are_named(tmp_path: Path) -> None:
    rank0 = on_ranks(2, uneven, folder=tmp_path)[0]
    assert rank0[:2] == ("raised", "DesyncError"), rank0
    assert rank0[2].startswith(
        "rank 0 runs the evaluator, its evaluation 1, at trainer iteration 1, and not every rank came to agree on it; "
        "rank 1 has not evaluated at all. Run it equally often on all ranks, or name an evaluation on rank 0 alone: "
        "evaluate_on='rank0' ("
    )


def quiet(engine: Engine, batch: Any) -> None:
    pass


def uneven_later() -> None:
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, {"val": evaluator})
    event = Events.EPOCH_COMPLETED(every=1) if idist.get_rank() == 0 else Events.EPOCH_COMPLETED(once=1)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), give_up_soon)
    trainer.add_event_handler(event, lambda: evaluator.run([0]))
    trainer.run([0] * 3, max_epochs=2)


def test_of_ranks_that_stop_evaluating_the_last_time_is_told(tmp_path: Path) -> None:
    rank0 = on_ranks(2, uneven_later, folder=tmp_path)[0]
    assert rank0[:2] == ("raised", "DesyncError"), rank0
    assert rank0[2].startswith(
        "rank 0 runs evaluator 'val', its evaluation 2, at trainer iteration 6, and not every rank came to agree on "
        "it; rank 1 evaluated 1 times, last at iteration 3. Run it"
    )


class Heard(logging.Handler):
    """What is logged, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        logging.getLogger("ignite_delayed").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def differing(sync: str) -> list[str]:
    heard = Heard()
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, evaluator, sync=sync)  # type: ignore[arg-type]

    @evaluator.on(Events.EPOCH_COMPLETED)
    def report() -> None:
        rank = idist.get_rank()
        evaluator.state.metrics.update(
            loss=0.5 + rank, nan=math.nan, rounded=3 * (1 + 1e-6 * rank), half=math.nan if rank else 0.5, equal=2.0
        )

    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    for _ in range(2):
        trainer.run([0], max_epochs=3)
    return heard.messages


@pytest.mark.parametrize(("sync", "taken"), [("rank0", "that of rank 0"), ("mean", "the mean")])
def test_metrics_that_differ_are_reported_once_a_run(sync: str, taken: str, tmp_path: Path) -> None:
    answers = returned(on_ranks(2, differing, sync, folder=tmp_path))
    said = [
        f"metric {name!r} differs between ranks: {values}; {taken} is recorded. (Said once a run.)"
        for name, values in (("half", "0.5 on rank 0, nan on rank 1"), ("loss", "0.5 on rank 0, 1.5 on rank 1"))
    ]
    assert answers == [said * 2] * 2


def shifted_without_gradients() -> None:
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, evaluator)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=1 + idist.get_rank()), lambda: evaluator.run([0]))
    trainer.run([0] * 3, max_epochs=1)


def test_ranks_that_evaluate_at_other_iterations_are_named(tmp_path: Path) -> None:
    for kind, name, text in (r[:3] for r in on_ranks(2, shifted_without_gradients, folder=tmp_path)):
        assert (kind, name) == ("raised", "DesyncError")
        assert text == (
            "the ranks do not evaluate at the same trainer iterations: rank 0 at iteration 1, rank 1 at iteration 2. "
            "Run the evaluator equally often on all of them; an evaluation on rank 0 alone is named by "
            "Recorder(..., evaluate_on='rank0')"
        )


def alone(evaluate_on: str | None) -> list[Any]:
    trainer, evaluator, recorder = build(evaluate_on=evaluate_on)
    stopper = delay_early_stopping(recorder, "loss", mode="max", patience=3, until=After(epochs=2))
    if evaluate_on is None:
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), give_up_soon)
    if idist.get_rank() == 0:
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0] * 2, max_epochs=9)
    return [trainer.state.epoch, stopper.reason, recorder.history["loss"].tolist()]


def test_an_evaluation_on_rank_0_alone_travels(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, alone, "rank0", folder=tmp_path))
    assert answers[0] == answers[1]
    assert answers[0][0] == 6


def test_an_evaluation_on_rank_0_alone_must_be_named(tmp_path: Path) -> None:
    rank0 = on_ranks(2, alone, None, folder=tmp_path)[0]
    assert rank0[:2] == ("raised", "DesyncError"), rank0
    assert "rank 1 has not evaluated at all" in rank0[2]
    assert "evaluate_on='rank0'" in rank0[2]


def both_though_named() -> None:
    trainer, evaluator, _ = build(evaluate_on="rank0")
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), give_up_soon)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=2)


def test_another_rank_that_evaluates_though_rank_0_was_named_is_told(tmp_path: Path) -> None:
    rank1 = on_ranks(2, both_though_named, folder=tmp_path)[1]
    assert rank1[:2] == ("raised", "DesyncError")
    assert "rank 1 evaluates too" in rank1[2]


def metrics_that_come_and_go() -> list[Any]:
    trainer, evaluator, recorder = build()

    @evaluator.on(Events.EPOCH_COMPLETED)
    def more() -> None:
        epoch, rank = trainer.state.epoch, idist.get_rank()
        if epoch == 2 or (epoch == 3 and rank == 1):
            evaluator.state.metrics["late"] = float(epoch + rank)
        else:
            evaluator.state.metrics.pop("late", None)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=4)
    return [record.values for record in recorder.history]


def test_metrics_that_only_some_ranks_report(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, metrics_that_come_and_go, folder=tmp_path))
    assert answers[0] == answers[1]
    assert [sorted(values) for values in answers[0]] == [["loss"], ["late", "loss"], ["loss"], ["loss"]]
    assert answers[0][1]["late"] == 2.0


def collectives(gates: int, more: int) -> list[list[int]]:
    """How many collectives each evaluation took, and each of a run that follows; ``more`` names come in the fifth."""
    trainer, evaluator, recorder = build(quiet)
    for _ in range(gates):
        Gate(recorder, until=(Metric("loss") < 0) & After(epochs=1))
    count = 0
    gather = torch.distributed.all_gather

    def counting(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return gather(*args, **options)

    @evaluator.on(Events.EPOCH_COMPLETED)
    def report() -> None:
        if trainer.state.epoch == 5:
            evaluator.state.metrics.update({f"class {number}": 0.1 + number for number in range(more)})

    @trainer.on(Events.EPOCH_COMPLETED)
    def evaluate() -> None:
        before = count
        evaluator.run([0])
        counts[-1].append(count - before)

    torch.distributed.all_gather = counting
    counts: list[list[int]] = []
    try:
        for _ in range(2):
            counts.append([])
            trainer.run([0], max_epochs=7)
    finally:
        torch.distributed.all_gather = gather
    assert more == 0 or recorder.history["class 7"][-1] == 7.1
    assert sum(map(sum, counts)) == count
    return counts


@pytest.mark.parametrize("more", [0, 10])
def test_one_collective_an_evaluation_from_the_first_one_on_however_many_gates(more: int, tmp_path: Path) -> None:
    assert returned(on_ranks(2, collectives, 20, more, folder=tmp_path)) == [[[1] * 7, [1] * 7]] * 2


def test_another_collective_where_more_is_reported_than_ever_before(tmp_path: Path) -> None:
    counts = returned(on_ranks(2, collectives, 1, 1000, folder=tmp_path))
    assert counts == [[[1, 1, 1, 1, 2, 1, 1], [2, 1, 1, 1, 1, 1, 1]]] * 2


@pytest.mark.parametrize(
    ("argument", "value", "expected"),
    [
        ("sync", "rank1", "sync must be 'rank0', 'mean' or None, got 'rank1' (str)."),
        ("sync", True, "sync must be 'rank0', 'mean' or None, got True (bool)."),
        (
            "evaluate_on",
            "rank 0",
            ("evaluate_on must be 'rank0', got 'rank 0' (str). None, the default, evaluates on every rank."),
        ),
    ],
)
def test_other_words_are_refused(argument: str, value: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        Recorder(Engine(quiet), Engine(quiet), **{argument: value})


def in_other_orders() -> None:
    trainer, engines = Engine(quiet), {name: Engine(quiet) for name in ("a", "b", "c")}
    Recorder(trainer, engines)
    order = ("a", "b", "c") if idist.get_rank() == 0 else ("a", "c", "b")

    @trainer.on(Events.EPOCH_COMPLETED)
    def evaluate() -> None:
        for name in order:
            engines[name].run([0])

    trainer.run([0], max_epochs=2)


def test_evaluators_in_another_order_are_told_with_both_orders(tmp_path: Path) -> None:
    for kind, name, text in (r[:3] for r in on_ranks(2, in_other_orders, folder=tmp_path)):
        assert (kind, name) == ("raised", "DesyncError")
        assert text.startswith(
            "the ranks do not evaluate in the same order: evaluator 'a', then evaluator 'b' on rank 0 at iteration 1; "
            "evaluator 'a', then evaluator 'c' on rank 1 at iteration 1. Run it equally often"
        )


def deserted(gone: int) -> None:
    """In the second run, after the second evaluation of it, a rank is gone."""
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, evaluator)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0] * 3, max_epochs=5)

    @trainer.on(Events.EPOCH_STARTED(once=3))
    def leave() -> None:
        if idist.get_rank() == gone:
            raise VanishedError
        give_up_soon()

    trainer.run([0] * 3, max_epochs=5)


@pytest.mark.parametrize(
    ("gone", "who"),
    [
        (0, "the store, which rank 0 keeps, does not answer: rank 0 is gone"),
        (1, "rank 1 evaluated 2 times, last at iteration 6"),
    ],
)
def test_who_is_gone_is_named_by_the_evaluations_of_this_run(gone: int, who: str, tmp_path: Path) -> None:
    kind, name, text = on_ranks(2, deserted, gone, folder=tmp_path)[1 - gone]
    assert (kind, name) == ("raised", "DesyncError")
    assert text.startswith(
        f"rank {1 - gone} runs the evaluator, its evaluation 3, at trainer iteration 9, and not every rank came to "
        f"agree on it; {who}. Run it equally often"
    )


def evaluated_before_only() -> None:
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, evaluator)
    handle = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=2)
    if idist.get_rank() == 1:
        handle.remove()
    trainer.add_event_handler(Events.STARTED, give_up_soon)
    trainer.run([0], max_epochs=2)


def test_an_evaluation_of_the_run_before_is_not_taken_for_one_of_this_run(tmp_path: Path) -> None:
    kind, name, text = on_ranks(2, evaluated_before_only, folder=tmp_path)[0]
    assert (kind, name) == ("raised", "DesyncError")
    assert "; rank 1 has not evaluated in this run. Run it" in text


def with_a_metric_missing(lacks: int, sync: str, read: bool) -> list[Any]:
    heard = Heard()
    trainer, evaluator = Engine(quiet), Engine(quiet)
    recorder = Recorder(trainer, evaluator, sync=sync)  # type: ignore[arg-type]
    if read:
        Gate(recorder, until=Metric("loss") < 0.5)

    @evaluator.on(Events.EPOCH_COMPLETED)
    def report() -> None:
        evaluator.state.metrics["accuracy"] = 0.5
        if idist.get_rank() != lacks:
            evaluator.state.metrics["loss"] = 1.0

    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=2)
    return [heard.messages, [one.values for one in recorder.history]]


def test_a_metric_that_a_rank_lacks_is_told_as_that(tmp_path: Path) -> None:
    both = {"accuracy": 0.5, "loss": 1.0}
    for lacks, sync, taken, values in (
        (1, "rank0", "that of rank 0 is recorded", both),
        (0, "rank0", "it is not recorded", {"accuracy": 0.5}),
        (1, "mean", "it is not recorded", {"accuracy": 0.5}),
    ):
        folder = tmp_path / f"{lacks}-{sync}"
        folder.mkdir()
        said = [f"metric 'loss' is missing on rank {lacks}: {taken}. (Said once a run.)"]
        answers = returned(on_ranks(2, with_a_metric_missing, lacks, sync, False, folder=folder))
        assert answers == [[said, [values] * 2]] * 2
        if taken == "it is not recorded":
            for path in folder.iterdir():
                path.unlink()
            for kind, name, text in on_ranks(2, with_a_metric_missing, lacks, sync, True, folder=folder):
                assert (kind, name) == ("raised", "MetricValueError")
                assert text == (
                    f"metric 'loss' cannot be used in a condition: rank {lacks} did not report it as a number; "
                    "report one number instead"
                )


def saved_on_rank_0() -> list[Any]:
    """Rank 0 alone saves in COMPLETED, attached before the recorder, while the others wait for it at a barrier."""
    trainer, evaluator = Engine(quiet), Engine(quiet)
    states: list[Any] = []

    @evaluator.on(Events.COMPLETED)
    def save() -> None:
        if idist.get_rank() == 0:
            states.append(json.dumps(recorder.state_dict()))
        idist.barrier()

    def follow(trainer: Engine, evaluator: Engine) -> tuple[Recorder, Any]:
        @evaluator.on(Events.EPOCH_COMPLETED)
        def report() -> None:
            evaluator.state.metrics["loss"] = max(0.5, 1 / trainer.state.epoch)

        recorder = Recorder(trainer, evaluator)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        return recorder, delay_early_stopping(recorder, "loss", mode="min", patience=2)

    recorder, stopper = follow(trainer, evaluator)
    trainer.run([0] * 2, max_epochs=9)
    outcomes = [[recorder.history["loss"].tolist(), trainer.state.epoch, stopper.reason]]
    gathered: list[Any] = idist.all_gather((states,))  # type: ignore[assignment]
    for state in map(json.loads, gathered[0][0]):
        trainer, evaluator = Engine(quiet), Engine(quiet)
        recorder, stopper = follow(trainer, evaluator)
        trainer.load_state_dict({"epoch_length": 2, "max_epochs": 9, "iteration": state["iteration"]})
        recorder.load_state_dict(state)
        trainer.run([0] * 2, max_epochs=9)
        outcomes.append([recorder.history["loss"].tolist(), trainer.state.epoch, stopper.reason])
    return outcomes


def test_saving_on_rank_0_alone_is_no_collective_and_loses_nothing(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, saved_on_rank_0, folder=tmp_path))
    assert answers[0] == answers[1]
    assert answers[0] == [answers[0][0]] * 5
    assert answers[0][0][:2] == [[1.0, 0.5, 0.5, 0.5], 4]


def saved_before_the_mean() -> list[Any]:
    """Each rank saves in COMPLETED before the ranks agreed; resumed from its own state, and from that of rank 0."""
    rank = idist.get_rank()
    heard = Heard()
    states: list[Any] = []

    def follow(save: bool = False) -> tuple[Engine, Recorder]:
        trainer, evaluator = Engine(quiet), Engine(quiet)
        if save:
            evaluator.add_event_handler(Events.COMPLETED, lambda: states.append(json.dumps(recorder.state_dict())))

        @evaluator.on(Events.EPOCH_COMPLETED)
        def report() -> None:
            evaluator.state.metrics["loss"] = shard_loss(trainer.state.epoch)

        recorder = Recorder(trainer, evaluator, sync="mean")
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        trainer.evaluator = evaluator  # type: ignore[attr-defined] # kept: engines are held weakly
        return trainer, recorder

    trainer, recorder = follow(save=True)
    trainer.run([0] * 2, max_epochs=4)
    means, said = recorder.history["loss"].tolist(), [text for text in heard.messages if "agreed on the mean" in text]
    of_rank_0: list[Any] = idist.all_gather((states,))[0][0]  # type: ignore[index,assignment]
    found = []
    for saved in (states, of_rank_0):
        trainer, recorder = follow()
        state = json.loads(saved[2])
        trainer.load_state_dict({"epoch_length": 2, "max_epochs": 4, "iteration": state["iteration"]})
        recorder.load_state_dict(state)
        trainer.run([0] * 2, max_epochs=4)
        found.append(recorder.history["loss"].tolist())
    return [means, said, found, json.loads(states[2])["held"][0]["values"]["loss"] if rank == 0 else None]


def test_the_mean_is_taken_of_what_was_saved_before_the_ranks_agreed_on_it_and_that_is_told(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, saved_before_the_mean, folder=tmp_path))
    means, said, (own, of_rank_0), measured = answers[0]
    assert answers[1][2] == [own, of_rank_0]
    assert own == means
    assert of_rank_0 == [*means[:2], measured, means[3]]
    assert measured != means[2]
    assert len(said) == 1
    assert said[0].startswith(
        "a state is saved at COMPLETED of an evaluator, before the ranks agreed on the mean: it has"
    )


def side_by_side(evaluate_on: str | None) -> list[Any]:
    """Ranks 0 and 1 train something else than 2 and 3, each in a group of their own."""
    rank = idist.get_rank()
    groups = [torch.distributed.new_group([0, 1]), torch.distributed.new_group([2, 3])]
    side = rank // 2
    heard = Heard()
    trainer, evaluator = Engine(quiet), Engine(quiet)
    losses = [[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0.3, 0.35, 0.36, 0.37, 0.38, 0.39]][side]

    @evaluator.on(Events.EPOCH_COMPLETED)
    def report() -> None:
        evaluator.state.metrics["loss"] = losses[trainer.state.epoch - 1] + 0.001 * (rank % 2)

    recorder = Recorder(trainer, evaluator, group=groups[side], evaluate_on=evaluate_on)  # type: ignore[arg-type]
    stopper = delay_early_stopping(recorder, "loss", mode="min", patience=2)
    if evaluate_on is None or rank % 2 == 0:
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0] * (2 + side), max_epochs=6)
    differs = [text for text in heard.messages if "differs" in text]
    return [recorder.history["loss"].tolist(), trainer.state.epoch, stopper.reason is not None, differs]


@pytest.mark.parametrize("evaluate_on", [None, "rank0"])
def test_trainings_side_by_side_agree_each_in_its_group(evaluate_on: str | None, tmp_path: Path) -> None:
    answers = returned(on_ranks(4, side_by_side, evaluate_on, folder=tmp_path))
    assert [answer[:3] for answer in answers] == [
        *[[[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 6, False]] * 2,
        *[[[0.3, 0.35, 0.36], 3, True]] * 2,
    ]
    if evaluate_on is None:
        assert "on rank 2, 0.301 on rank 3; that of rank 2 is recorded" in answers[2][3][0]


def uneven_in_a_group() -> None:
    rank = idist.get_rank()
    groups = [torch.distributed.new_group([0, 1]), torch.distributed.new_group([2, 3])]
    trainer, evaluator, _ = build(quiet, group=groups[rank // 2])
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2 if rank == 3 else 1), lambda: evaluator.run([0]))
    trainer.run([0], max_epochs=3)


def test_ranks_of_a_group_are_named_as_the_world_counts_them(tmp_path: Path) -> None:
    answers = on_ranks(4, uneven_in_a_group, folder=tmp_path)
    assert [answer[0] for answer in answers] == ["returned"] * 2 + ["raised"] * 2
    assert "rank 2 at iteration 1, rank 3 at iteration 2" in answers[2][2]


def outside_of_the_group() -> Any:
    group = torch.distributed.new_group([1])
    return Recorder(Engine(quiet), Engine(quiet), group=group) is not None


def test_a_process_that_is_not_in_the_group_is_refused(tmp_path: Path) -> None:
    outside, inside = on_ranks(2, outside_of_the_group, folder=tmp_path)
    assert outside[:2] == ("raised", "ValueError")
    assert outside[2].startswith("group must be a group that this process is in, got ")
    assert "torch.distributed.new_group(ranks), which all processes call" in outside[2]
    assert inside == ("returned", True)


def test_what_is_no_group_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^group must be a torch.distributed process group, got \[0, 1\] \(list\)"):
        Recorder(Engine(quiet), Engine(quiet), group=[0, 1])


SIDE_BY_SIDE = (
    "Trainings that go on side by side agree each in a process group of its own: "
    "Recorder(..., group=torch.distributed.new_group(ranks))"
)


def without_groups(epochs: list[int], names: list[str]) -> None:
    side = idist.get_rank() // 2
    trainer, evaluator = Engine(quiet), Engine(quiet)
    Recorder(trainer, {names[side]: evaluator})
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    trainer.run([0, 0], max_epochs=epochs[side])


@pytest.mark.parametrize(
    ("epochs", "names", "told"),
    [
        (
            [2, 3],
            ["val", "val"],
            "2 epochs of evaluator 'val' on ranks 0, 1; 3 epochs of evaluator 'val' on ranks 2, 3",
        ),
        (
            [2, 2],
            ["val", "fid"],
            "2 epochs of evaluator 'val' on ranks 0, 1; 2 epochs of evaluator 'fid' on ranks 2, 3",
        ),
    ],
)
def test_different_trainings_side_by_side_without_groups_are_refused_with_both_named(
    epochs: list[int], names: list[str], told: str, tmp_path: Path
) -> None:
    for answer in on_ranks(4, without_groups, epochs, names, folder=tmp_path):
        assert answer == (
            "raised",
            "DesyncError",
            f"the ranks do not train alike: {told}. {SIDE_BY_SIDE}",
        )


def each_its_own() -> list[float]:
    trainer, evaluator, recorder = build(quiet, sync=None)
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda: evaluator.run([0]) if trainer.state.epoch > idist.get_rank() else None
    )
    trainer.run([0], max_epochs=3)
    values: list[float] = recorder.history["loss"].tolist()
    return values


def test_without_sync_each_rank_keeps_its_own_values_and_waits_for_nobody(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, each_its_own, folder=tmp_path))
    assert answers == [[1.0, 1 / 2, 1 / 3], [0.5, 0.5]]
