"""An evaluation on rank 0 alone reaches all ranks, in the order of the clock, and is lost by no checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import ignite.distributed as idist
import pytest
import torch
from engines import handler_table
from ignite.engine import Engine, Events
from ranks import VanishedError, give_up_soon, on_ranks
from torch.optim.lr_scheduler import StepLR

from ignite_delayed import (
    After,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    StateError,
    delay,
    delay_early_stopping,
    warmup,
)

LENGTH = 4  # iterations of an epoch
EVALUATE = {
    "each epoch": Events.EPOCH_COMPLETED,
    "in epochs": Events.ITERATION_COMPLETED(every=3),
}
SAVE = {
    "trainer's epochs": ("trainer", Events.EPOCH_COMPLETED),
    "trainer's iterations": ("trainer", Events.ITERATION_COMPLETED),
    "trainer's end": ("trainer", Events.COMPLETED),
    "evaluations": ("evaluator", Events.COMPLETED),
}


def returned(results: list[tuple[Any, ...]]) -> list[Any]:
    assert [result[0] for result in results] == ["returned"] * len(results), results
    return [result[1] for result in results]


def quiet(engine: Engine, batch: Any) -> None:
    pass


class Training:
    """Rank 0 evaluates alone, and saves alone; what all ranks decide is written down."""

    def __init__(self, evaluate: str = "each epoch", before: Callable[[Training], None] | None = None) -> None:
        self.rates: dict[int, float] = {}
        self.called: list[int] = []
        self.trainer, self.evaluator = Engine(self.step), Engine(lambda engine, batch: None)
        if before is not None:
            before(self)
        self.recorder = Recorder(self.trainer, self.evaluator, evaluate_on="rank0")
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        self.build()
        if idist.get_rank() == 0:
            self.evaluator.add_event_handler(Events.EPOCH_COMPLETED, self.report)
            self.trainer.add_event_handler(EVALUATE[evaluate], lambda: self.evaluator.run([0]))

    def build(self) -> None:
        recorder = self.recorder
        self.stopper = delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=2))
        self.gates = [
            Gate(recorder, when=After(iterations=7)),
            Gate(recorder, until=After(iterations=5) & (Metric("loss") < 0.6)),
            Gate(recorder, when=Metric("loss") < 0.6),
        ]
        LRPhases(
            recorder,
            self.optimizer,
            [
                Phase(warmup(iterations=6), per="iteration", until=Metric("loss") < 0.6),
                Phase(lambda optimizer: StepLR(optimizer, 1, 0.5), per="epoch"),
            ],
        )
        delay(recorder, self.note, until=Metric("loss") < 0.6, engine=self.trainer, event=Events.EPOCH_COMPLETED)

    def step(self, engine: Engine, batch: Any) -> None:
        self.rates[engine.state.iteration] = self.optimizer.param_groups[0]["lr"]

    def note(self) -> None:
        self.called.append(self.trainer.state.epoch)

    def report(self) -> None:
        at = self.trainer.state.iteration
        self.evaluator.state.metrics["loss"] = max(1.0 - 0.05 * at, 0.4 + 0.001 * at)

    def run(self) -> None:
        self.trainer.run([0] * LENGTH, max_epochs=9)

    def state(self) -> dict[str, Any]:
        return {
            "trainer": {"epoch_length": LENGTH, "max_epochs": 9, "iteration": self.trainer.state.iteration},
            "recorder": self.recorder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.recorder.load_state_dict(state["recorder"])

    def outcome(self) -> Any:
        history = self.recorder.history
        records = [[one.epoch, one.iteration, one.evaluation, one.is_tick, one.values] for one in history]
        marks = [[mark.kind, mark.name, mark.epoch, mark.iteration, mark.text] for mark in history.marks]
        state = self.trainer.state
        return [records, marks, state.iteration, self.stopper.reason, [gate.is_open for gate in self.gates]]


def cut_everywhere(evaluate: str, save: str, folder: str) -> list[Any]:
    """What an undisturbed run came to, and each that was resumed from one of the states that rank 0 alone saved."""
    training = Training(evaluate)
    saved = Path(folder)
    if idist.get_rank() == 0:
        name, event = SAVE[save]

        def keep() -> None:
            (saved / f"{len(list(saved.iterdir())):03}.json").write_text(json.dumps(training.state()))

        {"trainer": training.trainer, "evaluator": training.evaluator}[name].add_event_handler(event, keep)
    training.run()
    idist.barrier()
    outcomes = [training.outcome()]
    rates = []
    for file in sorted(saved.iterdir()):
        resumed = Training(evaluate)
        state = json.loads(file.read_text())
        resumed.load(state)
        resumed.run()
        outcomes.append(resumed.outcome())
        rates.append(
            {at: (rate, training.rates[at]) for at, rate in resumed.rates.items() if rate != training.rates[at]}
        )
    return [outcomes, rates]


CUTS = [
    ("each epoch", "trainer's epochs"),
    ("each epoch", "evaluations"),
    ("in epochs", "trainer's iterations"),
    ("in epochs", "evaluations"),
    ("in epochs", "trainer's epochs"),
    ("in epochs", "trainer's end"),
]


def all_cuts(folder: str) -> list[Any]:
    answers = []
    for number, (evaluate, save) in enumerate(CUTS):
        saved = Path(folder) / f"saved-{number}"
        saved.mkdir(exist_ok=True)
        answers.append(cut_everywhere(evaluate, save, str(saved)))
    return answers


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("cuts")
    return returned(on_ranks(2, all_cuts, str(folder), folder=folder))


@pytest.mark.parametrize("number", range(len(CUTS)), ids=[f"{evaluate}, {save}" for evaluate, save in CUTS])
def test_what_resumes_from_a_state_saved_on_rank_0_is_as_if_undisturbed(cuts: list[Any], number: int) -> None:
    answers = [of_rank[number] for of_rank in cuts]
    assert answers[0][0] == answers[1][0]
    undisturbed, *resumed = answers[0][0]
    assert len(resumed) >= (1 if CUTS[number][1] == "trainer's end" else 4)
    for place, outcome in enumerate(resumed):
        assert outcome == undisturbed, place
    assert answers[0][1] == answers[1][1] == [{}] * len(resumed)
    records, marks, iteration, reason, gates = undisturbed
    clock = [record[1] for record in records]
    assert clock == sorted(clock)
    assert reason is not None
    assert iteration < 9 * LENGTH
    assert gates[:2] == [True, True]
    assert [mark[0] for mark in marks if mark[1] == "gate"] == ["opened"]


def across_runs() -> list[Any]:
    """The records of a run after one that died, or was reset, with an evaluation still held."""
    clocks = []
    for way in ("died", "reset", "went on"):
        training = Training("in epochs")

        def die() -> None:
            raise OSError("the disk is full")

        handle = training.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), die)
        with pytest.raises(OSError, match="full"):
            training.run()
        handle.remove()
        training.run()  # Ignite does nothing in the run after one that raised (trap 30)
        if way == "reset":
            training.recorder.reset()
        if way == "died":
            training.trainer.state.iteration = training.trainer.state.epoch = 0
        training.run()
        clocks.append([[one.iteration, one.epoch] for one in training.recorder.history if not one.is_tick][:3])
    return clocks


def test_what_is_held_enters_no_other_run(tmp_path: Path) -> None:
    answers = returned(on_ranks(2, across_runs, folder=tmp_path))
    assert answers[0] == answers[1]
    died, reset, went_on = answers[0]
    assert died == [[3, 1], [6, 2], [9, 3]]
    assert [3, 1] not in reset
    assert went_on[0] == [3, 1]


def deserted(gone: int) -> None:
    training = Training()

    @training.trainer.on(Events.EPOCH_COMPLETED(once=2))
    def leave() -> None:
        if idist.get_rank() == gone:
            raise VanishedError
        give_up_soon()

    training.run()


@pytest.mark.parametrize("gone", [0, 1])
def test_a_rank_that_is_lost_is_named(gone: int, tmp_path: Path) -> None:
    kind, name, text = on_ranks(2, deserted, gone, folder=tmp_path)[1 - gone]
    assert (kind, name) == ("raised", "DesyncError")
    assert text.startswith(
        f"rank {1 - gone} shares the evaluations of rank 0, at trainer iteration 8, and not every rank"
    )
    if gone == 0:
        assert "the store, which rank 0 keeps, does not answer: rank 0 is gone" in text
    else:
        assert "rank 1 shared them 3 times, last at iteration 8" in text
    assert "All ranks must train equally long" in text


def test_a_state_with_a_held_evaluation_is_loaded_by_one_process() -> None:
    held = [{"source": "", "values": {"loss": 0.5}, "unusable": {}, "epoch": 1, "iteration": 4, "seconds": 1.5}]
    training = Training()
    state = training.state()
    state["trainer"]["iteration"] = state["recorder"]["iteration"] = 4
    del state["recorder"]["checksum"]
    state["recorder"]["held"] = held
    training.load(state)
    assert training.recorder.state_dict()["held"] == held
    training.trainer.run([0] * LENGTH, max_epochs=2)
    first = next(one for one in training.recorder.history if not one.is_tick)
    assert (first.iteration, first.seconds, first.values) == (4, 1.5, {"loss": 0.5})
    assert "held" not in training.recorder.state_dict()


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (3, "held must be a list, got 3 (int)"),
        ([3], "a held evaluation is 3 (int)"),
        ([{"source": ""}], "a held evaluation is {'source': ''} (dict)"),
        ([["", {}, {}, 1, -4, 1.5]], "a held evaluation is damaged: iteration must be"),
        ([[None, {}, {}, 1, 4, 1.5]], "a held evaluation is damaged: source is None (NoneType)"),
        ([["", {"loss": "x"}, {}, 1, 4, 1.5]], "a held evaluation is damaged: could not convert"),
        ([["", [], {}, 1, 4, 1.5]], "a held evaluation is damaged: 'list' object"),
        ([["", {}, {"loss": 3}, 1, 4, 1.5]], "a held evaluation is damaged: loss is 3 (int)"),
    ],
)
def test_a_damaged_held_evaluation_is_refused(held: Any, expected: str) -> None:
    training = Training()
    state = training.recorder.state_dict()
    del state["checksum"]
    fields = ("source", "values", "unusable", "epoch", "iteration", "seconds")
    if isinstance(held, list) and isinstance(held[0], list):
        held = [dict(zip(fields, held[0], strict=True))]
    with pytest.raises(StateError, match=f"^recorder state: {re.escape(expected)}"):
        training.recorder.load_state_dict({**state, "held": held})


def test_ranks_that_keep_their_own_values_cannot_take_those_of_rank_0() -> None:
    expected = (
        "sync must be 'rank0' or 'mean' beside evaluate_on='rank0', got None (NoneType). What rank 0 evaluates "
        "alone is recorded on all ranks."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        Recorder(Engine(quiet), Engine(quiet), sync=None, evaluate_on="rank0")


def drawn_cuts(folder: str) -> list[Any]:
    """States saved by rank 0 of four at moments drawn at random, before and after the evaluation of that moment."""
    random = Random(0)
    outcomes: list[Any] = []
    for number in range(4):
        evaluate, save = random.choice(list(EVALUATE)), random.choice(["trainer's iterations", "evaluations"])
        once = random.randrange(1, 5)
        saved = Path(folder) / f"drawn-{number}"
        saved.mkdir(exist_ok=True)
        before = random.random() < 0.5
        training = Training(evaluate, before=keep_one(save, once, saved) if before else None)
        if not before:
            keep_one(save, once, saved)(training)
        training.run()
        idist.barrier()
        resumed = Training(evaluate)
        resumed.load(json.loads((saved / "state.json").read_text()))
        resumed.run()
        outcomes.append([training.outcome(), resumed.outcome()])
    return outcomes


def keep_one(save: str, once: int, folder: Path) -> Callable[[Training], None]:
    """What lets rank 0 alone save the state of a training, the ``once``-th time that the event is fired."""
    name, event = SAVE[save]

    def attach(training: Training) -> None:
        if idist.get_rank() != 0:
            return
        fired = 0

        def keep() -> None:
            nonlocal fired
            fired += 1
            if fired == once:
                (folder / "state.json").write_text(json.dumps(training.state()))

        {"trainer": training.trainer, "evaluator": training.evaluator}[name].add_event_handler(event, keep)

    return attach


def test_four_ranks_resume_from_moments_drawn_at_random_as_if_undisturbed(tmp_path: Path) -> None:
    answers = returned(on_ranks(4, drawn_cuts, str(tmp_path), folder=tmp_path))
    assert answers == [answers[0]] * 4
    for undisturbed, resumed in answers[0]:
        assert resumed == undisturbed
        assert undisturbed[3] is not None


def attached(one: Engine) -> dict[Any, list[Any]]:
    return {event: [handler for handler, *_ in entries] for event, entries in handler_table(one).items() if entries}


def test_removed_before_or_after_a_run_nothing_of_it_stays_attached() -> None:
    for runs in (0, 1):
        trainer, evaluator = Engine(quiet), Engine(quiet)
        before = attached(trainer), attached(evaluator)
        recorder = Recorder(trainer, evaluator, evaluate_on="rank0")
        for _ in range(runs):
            trainer.run([0], max_epochs=2)
        recorder.remove()
        assert (attached(trainer), attached(evaluator)) == before
