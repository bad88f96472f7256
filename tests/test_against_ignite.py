"""Random runs of real engines: our stops are those of Ignite's and of Keras's rules, and a replay repeats the run."""

from __future__ import annotations

import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, evaluate, ignite_early_stopping, reporting, through_torch, timeless
from hypothesis import assume, given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from strategies import clock_memories, clock_trees, early_stops, trees

from ignite_delayed import After, Condition, Gate, History, Recorder, Stopper, delay_early_stopping, replay, stop_when
from ignite_delayed.conditions.expression import Mode
from ignite_delayed.replays.fold import fold


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred runs log much that nobody reads."""
    caplog.set_level(logging.CRITICAL)


# Few distinct values, so that ties and steps of just the threshold occur; eighths, so that sums of them are exact.
eighths = st.integers(-16, 16).map(lambda n: n / 8)
positive_eighths = st.integers(1, 32).map(lambda n: n / 8)
delays = st.integers(0, 8)
patiences = st.integers(1, 5)
schedules_of_evaluation = st.sampled_from(
    [
        Events.EPOCH_COMPLETED,
        Events.EPOCH_COMPLETED(every=2),
        Events.ITERATION_COMPLETED(every=2),
        Events.EPOCH_STARTED,
    ]
)


def evaluations(curve: list[float], event: Any) -> tuple[Engine, Engine]:
    """A trainer, and an evaluator that runs at ``event`` and reports a value of ``curve`` for each iteration."""
    trainer = engine()
    evaluator = reporting(trainer, score=lambda trainer: curve[trainer.state.iteration % len(curve)])
    evaluate(trainer, evaluator, event)
    return trainer, evaluator


class TestIgnite:
    """``while_closed="ignore"`` is Ignite's EarlyStopping behind a filter on the trainer's epoch."""

    @staticmethod
    def _stops(
        curve: list[float], event: Any, delay: int, patience: int, rule: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        trainer, evaluator = evaluations(curve, event)
        theirs = ignite_early_stopping(trainer, lambda engine: engine.state.metrics["score"], patience, **rule)
        late = Events.COMPLETED(event_filter=lambda engine, _: trainer.state.epoch > delay)
        evaluator.add_event_handler(late, theirs)
        trainer.run([0] * 3, max_epochs=20)
        stops = [(trainer.state.epoch, trainer.state.iteration, theirs.best_score, theirs.counter)]
        trainer, evaluator = evaluations(curve, event)
        recorder = Recorder(trainer, evaluator)
        ours = delay_early_stopping(recorder, "score", patience=patience, until=After(epochs=delay), **rule)
        trainer.run([0] * 3, max_epochs=20)
        return [*stops, (trainer.state.epoch, trainer.state.iteration, ours.best_score, ours.counter)]

    @given(
        st.lists(eighths, min_size=5, max_size=60),
        schedules_of_evaluation,
        delays,
        patiences,
        st.fixed_dictionaries(
            {
                "mode": st.sampled_from(["min", "max"]),
                "threshold": st.sampled_from([0.0, 0.125, 0.5, 1.0]),
                "cumulative": st.booleans(),
            }
        ),
    )
    def test_absolute_thresholds(
        self, curve: list[float], event: Any, delay: int, patience: int, rule: dict[str, Any]
    ) -> None:
        theirs, ours = self._stops(curve, event, delay, patience, rule)
        assert ours == theirs

    @given(
        st.lists(positive_eighths, min_size=5, max_size=60),
        schedules_of_evaluation,
        delays,
        patiences,
        st.fixed_dictionaries(
            {
                "mode": st.sampled_from(["min", "max"]),
                "threshold": st.sampled_from([0.0, 0.1, 0.5]),
                "threshold_mode": st.just("rel"),
                "cumulative": st.booleans(),
            }
        ),
    )
    def test_relative_thresholds_of_positive_scores(
        self, curve: list[float], event: Any, delay: int, patience: int, rule: dict[str, Any]
    ) -> None:
        theirs, ours = self._stops(curve, event, delay, patience, rule)
        assert ours == theirs


class Keras:
    """``keras.callbacks.EarlyStopping`` after its documentation, epochs counted from 0.

    "min_delta: minimum change in the monitored quantity to qualify as an improvement, i.e. an absolute change of less
    than min_delta, will count as no improvement. patience: number of epochs with no improvement after which training
    will be stopped. start_from_epoch: number of epochs to wait before starting to monitor improvement."
    """

    def __init__(self, mode: str, patience: int, min_delta: float, start_from_epoch: int) -> None:
        self.sign = 1 if mode == "max" else -1
        self.patience, self.min_delta, self.start_from_epoch = patience, min_delta, start_from_epoch
        self.best: float | None = None
        self.wait = 0

    def on_epoch_end(self, epoch: int, value: float) -> bool:
        """Whether to stop training."""
        if epoch < self.start_from_epoch:
            return False
        if self.best is None or self.sign * (value - self.best) - self.min_delta > 0:
            self.best, self.wait = value, 0
            return False
        self.wait += 1
        return self.wait >= self.patience


@given(
    st.lists(eighths, min_size=1, max_size=30),
    st.sampled_from(["min", "max"]),
    patiences,
    st.sampled_from([0.0, 0.125, 0.5]),
    delays,
)
def test_keras(curve: list[float], mode: Mode, patience: int, min_delta: float, start_from_epoch: int) -> None:
    keras = Keras(mode, patience, min_delta, start_from_epoch)
    stop = next((epoch for epoch, value in enumerate(curve) if keras.on_epoch_end(epoch, value)), None)
    trainer = engine()
    evaluator = reporting(trainer, score=curve)
    evaluate(trainer, evaluator)
    stopper = delay_early_stopping(
        Recorder(trainer, evaluator),
        "score",
        mode=mode,
        patience=patience,
        threshold=min_delta,
        cumulative=True,  # Keras's best value moves only when an improvement counts
        until=After(epochs=start_from_epoch),
    )
    trainer.run([0], max_epochs=len(curve))
    assert (stopper.stopped_at.epoch - 1 if stopper.stopped_at else None) == stop
    assert stopper.best_score == keras.best


moments = st.sampled_from(
    [
        Events.EPOCH_COMPLETED,
        Events.EPOCH_STARTED,
        Events.ITERATION_COMPLETED(every=2),
        Events.ITERATION_COMPLETED(every=3),
        Events.STARTED | Events.EPOCH_COMPLETED,
        Events.STARTED | Events.COMPLETED,
        Events.EPOCH_COMPLETED | Events.COMPLETED,
        Events.COMPLETED,
    ]
)
values = st.lists(
    st.sampled_from([-1.5, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, float("nan"), float("inf")]), min_size=1, max_size=12
)


def _at_iteration(curve: list[float], trainer: Engine) -> float:
    return curve[trainer.state.iteration % len(curve)]


class Run:
    """A random run: a trainer, two evaluators, a rate that falls, gates that follow or latch, and a rule that stops."""

    def __init__(
        self, plan: dict[str, tuple[list[float], Any]], conditions: list[tuple[str, Condition]], rule: Condition
    ) -> None:
        self.now = 0.0
        self.trainer = engine(self._step)
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        named = {}
        for name, (curve, moment) in plan.items():
            named[name] = reporting(self.trainer, loss=partial(_at_iteration, curve))
            evaluate(self.trainer, named[name], moment)
        self.named = named  # kept: engines are held weakly
        self.recorder = Recorder(self.trainer, named, optimizer=self.optimizer)
        self.gates = [Gate(self.recorder, **{verb: condition}) for verb, condition in conditions]  # type: ignore[arg-type]
        self.stopper: Stopper = stop_when(self.recorder, rule)

    def _step(self, engine: Engine, batch: Any) -> None:
        self.now += 0.5
        self.optimizer.param_groups[0]["lr"] *= 0.75

    def run(self, iterations: int, epochs: int) -> History:
        """The history of the run, saved and loaded."""
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            patch.setattr("ignite_delayed.recording.runs.run.time.monotonic", lambda: self.now)
            self.trainer.run([0] * iterations, max_epochs=epochs)
            return History.load(self.recorder.history.save(Path(folder, "run.jsonl")))


plans = st.fixed_dictionaries({name: st.tuples(values, moments) for name in ("train", "val")})
gated = st.tuples(st.sampled_from(["until", "when"]), trees | clock_trees | clock_memories)
stopping = st.one_of(early_stops(st.none() | trees), trees, clock_trees, clock_memories)
lengths = {"iterations": st.integers(1, 4), "epochs": st.integers(1, 5)}


@given(plans, st.lists(gated, min_size=1, max_size=4), stopping, st.fixed_dictionaries(lengths))
def test_replaying_the_saved_history_repeats_what_happened_live(
    plan: Any, conditions: list[tuple[str, Condition]], rule: Condition, length: dict[str, int]
) -> None:
    run = Run(plan, conditions, rule)
    history = run.run(**length)
    assert history == run.recorder.history
    records = list(history)
    for gate in [*run.gates, run.stopper]:
        verdicts = [verdict for _, verdict in fold(gate.condition, records)]
        opened = [i for i, verdict in enumerate(verdicts) if verdict is True]
        if gate.latches:
            assert gate.is_open is bool(opened)
            assert gate.opened_at == (records[opened[0]] if opened else None)
        else:
            assert gate.is_open is bool(opened and opened[-1] == len(records) - 1)
            openings = [i for i in opened if i - 1 not in opened]
            assert gate.opened_at == (records[openings[-1]] if openings else None)
        if gate.condition.reads <= set(history.metrics):
            assert replay(history, gate.condition).first == (records[opened[0]] if opened else None)
    if run.stopper.stopped_at is not None:
        assert run.trainer.state.iteration == run.stopper.stopped_at.iteration


# Not at STARTED or EPOCH_STARTED, which a resumed run fires once more.
resumable = st.sampled_from([Events.EPOCH_COMPLETED, *(Events.ITERATION_COMPLETED(every=n) for n in (1, 2, 3))])


class Resumable(Run):
    """A random run that saves itself at each iteration, after whoever evaluates there."""

    def __init__(
        self, plan: dict[str, tuple[list[float], Any]], conditions: list[tuple[str, Condition]], rule: Condition
    ) -> None:
        self.saved: dict[int, Any] = {}
        super().__init__(plan, conditions, rule)
        self.trainer.add_event_handler(Events.ITERATION_COMPLETED | Events.EPOCH_COMPLETED, self.save)

    @property
    def parts(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer, "trainer": self.trainer, **self.recorder.to_save()}

    def save(self) -> None:
        states = {name: part.state_dict() for name, part in self.parts.items()}
        self.saved[self.trainer.state.iteration] = through_torch({**states, "trainer": dict(states["trainer"])})

    @property
    def outcome(self) -> Any:
        """All that the run decided: the history to the last bit, its seconds included, and where the gates are."""
        moved = [(gate.is_open, gate.opened_at) for gate in [*self.gates, self.stopper]]
        rates = self.optimizer.param_groups[0]["lr"]
        return list(self.recorder.history), self.recorder.history.marks, moved, self.stopper.reason, rates


@given(st.data(), st.lists(gated, min_size=1, max_size=4), stopping, st.fixed_dictionaries(lengths))
def test_resumed_from_any_iteration_equals_never_having_stopped(
    data: Any, conditions: list[tuple[str, Condition]], rule: Condition, length: dict[str, int]
) -> None:
    plan = {name: (data.draw(values), data.draw(resumable)) for name in ("train", "val")}
    whole = Resumable(plan, conditions, rule)
    whole.run(**length)
    assume(whole.saved)  # else it was stopped before the first iteration
    cut = data.draw(st.sampled_from(sorted(whole.saved)), label="cut at")
    resumed = Resumable(plan, conditions, rule)
    Checkpoint.load_objects(resumed.parts, whole.saved[cut])
    if resumed.trainer.state.iteration == length["iterations"] * length["epochs"]:
        return  # Ignite takes a finished run for one to be started afresh
    resumed.run(**length)
    assert resumed.outcome == whole.outcome


@given(plans, st.lists(gated, min_size=1, max_size=3), stopping, st.fixed_dictionaries(lengths))
def test_a_condition_shared_by_ten_gates_behaves_as_ten_conditions(
    plan: Any, conditions: list[tuple[str, Condition]], rule: Condition, length: dict[str, int]
) -> None:
    run = Run(plan, [pair for pair in conditions for _ in range(10)], rule)
    run.run(**length)
    for i, (verb, condition) in enumerate(conditions):
        opened = {(gate.is_open, gate.opened_at) for gate in run.gates[10 * i : 10 * i + 10]}
        assert len(opened) == 1, f"{verb} {condition!r}"


def test_two_runs_of_one_recorder_are_equal() -> None:
    trainer, evaluator = evaluations([0.5, 0.25, 0.75], Events.EPOCH_COMPLETED)
    recorder = Recorder(trainer, evaluator)
    delay_early_stopping(recorder, "score", mode="min", patience=2, until=After(epochs=3))
    histories = []
    for _ in range(2):
        trainer.state.max_epochs = None
        trainer.run([0] * 2, max_epochs=9)
        histories.append(timeless(recorder.history))
    assert histories[0] == histories[1]
