"""The state of a recorder with all that hangs on it."""

from __future__ import annotations

import copy
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from engines import (
    decided,
    engine,
    evaluate,
    ignite_early_stopping,
    loop,
    nan,
    reporting,
    through_json,
    through_torch,
    timeless,
    unsealed,
)
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver, EarlyStopping

from ignite_delayed import After, Gate, Metric, Recorder, StateError, Stopper, delay, delay_early_stopping
from ignite_delayed._utils.saving import load_all_or_none, plain

_LOSSES = [0.9, 0.6, 0.7, 0.4, 0.5, 0.45, 0.38, 0.5, 0.41, 0.39, 0.4, 0.5]


class Everything:
    """A run with one of each: two evaluators, the trainer as a source, gates of every kind, stateful handlers."""

    def __init__(self, *, patience: int = 4) -> None:
        self.trainer = engine()
        self.train = reporting(self.trainer, loss=lambda trainer: _LOSSES[-trainer.state.iteration % 12] / 2)
        self.val = reporting(self.trainer, loss=lambda trainer: _LOSSES[trainer.state.iteration % 12])
        for evaluator in (self.val, self.train):
            evaluate(self.trainer, evaluator, Events.ITERATION_COMPLETED(every=3))
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self.report)
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        evaluators = {"self": self.trainer, "train": self.train, "val": self.val}
        self.recorder = Recorder(self.trainer, evaluators, optimizer=optimizer)
        gap = Metric("val/loss") - Metric("train/loss")
        self.gates = [
            Gate(self.recorder, until=After(iterations=7), name="clock"),
            Gate(self.recorder, when=Metric("val/loss").mean(3) < 0.5, name="follows"),
            Gate(self.recorder, until=(Metric("val/loss") < 0.5).then(After(evaluations=4)), name="then"),
            Gate(self.recorder, until=(gap > 0).sustained(evaluations=2), name="gap"),
            Gate(self.recorder, until=Metric("self/speed") > 1, name="own"),
        ]
        self.stopping: EarlyStopping = ignite_early_stopping(
            self.trainer, lambda engine: -engine.state.metrics["loss"], 30
        )
        delay(self.recorder, self.stopping, until=After(epochs=1), engine=self.val, name="stopping")
        self.stopper: Stopper = delay_early_stopping(
            self.recorder, "val/loss", mode="min", patience=patience, until=After(epochs=2), while_closed="track"
        )

    def report(self) -> None:
        self.trainer.state.metrics["speed"] = self.trainer.state.epoch / 2

    def run(self) -> Everything:
        self.trainer.run([0] * 5, max_epochs=5)
        return self

    @property
    def outcome(self) -> dict[str, Any]:
        """All that a run decided, but for the seconds it took."""
        return {
            "records": timeless(self.recorder.history),
            "marks": decided(self.recorder.history),
            "gates": [
                (gate.name, gate.is_open, gate.opened_at and gate.opened_at.clock[:3]) for gate in self.recorder.gates
            ],
            "stop": (self.stopper.reason, self.stopper.best_score, self.stopper.counter),
            "stopping": dict(self.stopping.state_dict()),
            "clock": (self.trainer.state.epoch, self.trainer.state.iteration),
        }


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, Any]:
    outcome = Everything().run().outcome
    assert outcome["stop"][0] is not None
    assert len(outcome["marks"]) >= 6
    assert all(at is not None for _, _, at in outcome["gates"])
    return outcome


class TestResuming:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    @given(cut=st.data())
    def test_at_any_iteration_equals_never_having_stopped(
        self, uninterrupted: dict[str, Any], through: Callable[[Any], Any], cut: Any
    ) -> None:
        # Cut after the last iteration of an epoch Ignite goes on with the next one: EPOCH_COMPLETED is never fired.
        at = cut.draw(st.sampled_from([i for i in range(1, uninterrupted["clock"][1]) if i % 5]))
        first = Everything()
        saved: list[Any] = []

        @first.trainer.on(Events.ITERATION_COMPLETED(once=at))
        def save() -> None:
            saved.append(through({"trainer": first.trainer.state_dict(), "recorder": first.recorder.state_dict()}))
            first.trainer.terminate()

        first.run()
        resumed = Everything()
        resumed.trainer.load_state_dict(saved[0]["trainer"])
        resumed.recorder.load_state_dict(saved[0]["recorder"])
        resumed.trainer.run([0] * 5)
        assert resumed.outcome == uninterrupted

    @pytest.mark.parametrize("iteration", [4, 8, 12])
    def test_through_ignites_checkpoint(self, uninterrupted: dict[str, Any], tmp_path: Path, iteration: int) -> None:
        first = Everything()
        to_save = {"trainer": first.trainer, **first.recorder.to_save()}
        step = Events.ITERATION_COMPLETED(every=4)
        first.trainer.add_event_handler(step, Checkpoint(to_save, DiskSaver(str(tmp_path)), n_saved=None))
        first.run()
        resumed = Everything()
        to_load = {"trainer": resumed.trainer, **resumed.recorder.to_save()}
        Checkpoint.load_objects(to_load, tmp_path / f"checkpoint_{iteration}.pt")
        resumed.trainer.run([0] * 5)
        assert resumed.outcome == uninterrupted

    def test_a_loaded_state_goes_on_and_the_run_after_starts_afresh(self) -> None:
        run = Everything()
        run.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), lambda engine: engine.terminate())
        run.run()
        resumed = Everything()
        resumed.trainer.load_state_dict(run.trainer.state_dict())
        resumed.recorder.load_state_dict(run.recorder.state_dict())
        resumed.trainer.run([0] * 5)
        outcome = resumed.outcome
        resumed.trainer.state.max_epochs = None
        resumed.stopping.reset()
        resumed.run()
        assert resumed.outcome == outcome

    def test_between_two_evaluators_of_one_iteration(self) -> None:
        """The second completes, after resuming, the observation that the first began."""

        def build() -> tuple[Engine, Engine, Recorder]:
            trainer = engine()
            val = reporting(trainer, loss=lambda trainer: float(trainer.state.epoch))
            train = reporting(trainer, loss=lambda trainer: 1.0)
            for evaluator in (val, train):
                evaluate(trainer, evaluator, Events.STARTED | Events.EPOCH_COMPLETED)
            recorder = Recorder(trainer, {"val": val, "train": train})
            Gate(recorder, until=(Metric("val/loss") - Metric("train/loss") >= 0).sustained(evaluations=3))
            return trainer, val, recorder

        trainer, val, recorder = build()
        saved: list[Any] = []

        @val.on(Events.COMPLETED)
        def save() -> None:
            if trainer.state.epoch == 2:
                saved.extend([trainer.state_dict(), recorder.state_dict()])

        trainer.run([0], max_epochs=4)
        resumed, _, its_recorder = build()
        resumed.load_state_dict(saved[0])
        its_recorder.load_state_dict(saved[1])
        resumed.run([0])
        assert timeless(its_recorder.history) == timeless(recorder.history)
        assert decided(its_recorder.history) == decided(recorder.history) == [("opened", "gate", 3, 3, 4)]

    def test_before_the_first_iteration(self) -> None:
        def build() -> tuple[Engine, Recorder, Gate]:
            trainer = engine()
            evaluator = reporting(trainer, loss=lambda trainer: float(trainer.state.epoch))
            evaluate(trainer, evaluator, Events.STARTED | Events.EPOCH_COMPLETED)
            recorder = Recorder(trainer, evaluator)
            return trainer, recorder, Gate(recorder, until=Metric("loss") < 1)

        trainer, recorder, gate = build()
        trainer.add_event_handler(Events.STARTED, lambda engine: engine.terminate())
        trainer.run([0], max_epochs=2)
        resumed, its_recorder, its_gate = build()
        its_recorder.load_state_dict(recorder.state_dict())
        resumed.run([0], max_epochs=2)
        assert its_gate.opened_at == gate.opened_at == its_recorder.history[0]
        assert [record.evaluation for record in its_recorder.history] == [1, 2, 3]

    def test_seconds_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])

        def build() -> tuple[Engine, Recorder]:
            trainer, evaluator = engine(lambda engine, batch: now.__setitem__(0, now[0] + 1)), engine()
            evaluate(trainer, evaluator)
            return trainer, Recorder(trainer, evaluator)

        trainer, recorder = build()
        trainer.run([0] * 2, max_epochs=2)
        resumed, its_recorder = build()
        now[0] += 1000
        resumed.load_state_dict({**trainer.state_dict(), "max_epochs": 3})
        its_recorder.load_state_dict(recorder.state_dict())
        resumed.run([0] * 2)
        assert its_recorder.history.clock("seconds").tolist() == [2.0, 4.0, 6.0]


class TestStateDict:
    def test_it_is_plain(self) -> None:
        state = Everything().run().recorder.state_dict()
        assert through_torch(state) == state
        assert json.loads(json.dumps(state)) == state
        assert state["version"] == 1

    def test_it_is_a_snapshot(self) -> None:
        run = Everything()
        saved: list[Any] = []

        @run.trainer.on(Events.ITERATION_COMPLETED(once=6))
        def save() -> None:
            saved.extend([run.recorder.state_dict(), copy.deepcopy(run.recorder.state_dict())])

        run.run()
        assert {**unsealed(saved[0]), "seconds": 0} == {**unsealed(saved[1]), "seconds": 0}

    def test_loading_what_was_saved_changes_nothing(self) -> None:
        run = Everything().run()
        outcome, state = run.outcome, run.recorder.state_dict()
        run.recorder.load_state_dict(state)
        assert (run.outcome, run.recorder.state_dict()) == (outcome, state)


def without(*names: str) -> Callable[[dict[str, Any]], Any]:
    return lambda state: {key: value for key, value in state.items() if key not in names}


def with_(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda state: {**state, **changes}


class TestRefusing:
    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda state: None, "^recorder state: expected a dict of version 1, got None"),
            (lambda state: [], r"expected a dict of version 1, got \[\] .list.: it is no saved state"),
            (lambda state: {}, "expected version 1, got None .NoneType.: it was truncated, or is no such state$"),
            (with_(version=2), "expected version 1, got 2.*of a newer release"),
            (with_(version=0), "expected version 1, got 0.*of an older release"),
            (with_(version=True), "expected version 1, got True.*no such state"),
            (without("gates", "history"), "gates, history is missing: it was truncated"),
            (with_(gates=[1]), r"gates must be a dict, got \[1\] .list.: it is damaged"),
            (
                with_(gates={}),
                (
                    r"(?s)gates differ:\n  saved: \[\]\n  here:  \['clock', [^\n]*\nAttach the same ones, under the "
                    "same names, before loading; or load with strict=False: then new ones start afresh and those that "
                    "are gone are left out.$"
                ),
            ),
            (with_(handlers={"other": {}}), r"handlers differ:\n  saved: \['other'\]\n  here:  \['stopping'\]"),
            (with_(sources={"val": 3}), "sources differ"),
            (with_(sources={"self": 5, "val": 3, "train": "3"}), "train must be a whole number >= -1, got '3'"),
            (with_(evaluations=2.0), "evaluations must be a whole number >= -1, got 2.0"),
            (with_(last_counted=None), "last_counted must be a whole number >= -1, got None"),
            (with_(seconds="1"), "seconds must be a finite number >= 0, got '1'"),
            (with_(seconds=nan), "seconds must be a finite number >= 0, got nan"),
            (with_(evaluations=-2), "evaluations must be a whole number >= -1, got -2"),
            (with_(history={}), "history state: expected version 2, got None"),
            (with_(handlers={"stopping": {}}), "the handler 'stopping' refuses its saved state"),
            (with_(handlers={"stopping": None}), "the handler 'stopping' refuses its saved state"),
        ],
    )
    def test_what_does_not_fit_changes_nothing(self, damage: Callable[[Any], Any], message: str) -> None:
        run, other = Everything().run(), Everything()
        other.trainer.run([0] * 4, max_epochs=2)
        before, outcome = other.recorder.state_dict(), other.outcome
        with pytest.raises(StateError, match=message):
            other.recorder.load_state_dict(damage(unsealed(run.recorder.state_dict())))
        assert (other.recorder.state_dict(), other.outcome) == (before, outcome)

    def test_another_rule_is_refused_with_both_printed(self) -> None:
        saved, other = Everything().run().recorder.state_dict(), Everything(patience=9)
        before = other.recorder.state_dict()
        with pytest.raises(StateError) as error:
            other.recorder.load_state_dict(saved)
        assert "patience=4" in str(error.value)
        assert "patience=9" in str(error.value)
        assert other.recorder.state_dict() == before

    @given(st.data())
    def test_each_field_retyped_is_refused_or_taken_whole(self, data: Any) -> None:
        state = _finished()
        path: list[Any] = []
        place: Any = state
        while isinstance(place, (dict, list)) and len(place) and (not path or data.draw(st.booleans())):
            path.append(data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))))
            place = place[path[-1]]
        inner: Any = state
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = data.draw(st.sampled_from([None, True, -1, 2.5, "x", [], {}, [1, "x"], {"x": None}]))
        other = Everything()
        before = other.recorder.state_dict()
        try:
            other.recorder.load_state_dict(state)
        except StateError:
            assert other.recorder.state_dict() == before


_STATE: list[dict[str, Any]] = []


def _finished() -> dict[str, Any]:
    """A copy of the state of a finished run."""
    if not _STATE:
        _STATE.append(Everything().run().recorder.state_dict())
    return copy.deepcopy(_STATE[0])


class TestHandlersOfTheUser:
    class Takes:
        """Takes any number, but notices only when it has it."""

        def __init__(self) -> None:
            self.state: dict[str, Any] = {"value": 0}

        def state_dict(self) -> dict[str, Any]:
            return self.state  # its own, as those of models and optimizers are

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.state["value"] = state["value"]
            if not isinstance(self.value, int):
                raise ValueError(f"{self.value!r} is no number")

        @property
        def value(self) -> Any:
            return self.state["value"]

    def test_all_or_none_are_loaded(self) -> None:
        handlers = {"a": self.Takes(), "b": self.Takes()}
        load_all_or_none(handlers, {"a": {"value": 1}, "b": {"value": 2}})
        assert [handler.value for handler in handlers.values()] == [1, 2]
        with pytest.raises(StateError, match="the handler 'b' refuses its saved state: 'x' is no number"):
            load_all_or_none(handlers, {"a": {"value": 3}, "b": {"value": "x"}})
        assert [handler.value for handler in handlers.values()] == [1, 2]

    def test_also_where_one_keeps_numbers_deep_inside(self) -> None:
        class Deep(TestHandlersOfTheUser.Takes):
            def __init__(self) -> None:
                self.state = {"inner": {"value": 0}}

            def load_state_dict(self, state: dict[str, Any]) -> None:
                self.state["inner"].update(state["inner"])

        handlers = {"deep": Deep(), "takes": self.Takes()}
        with pytest.raises(StateError, match="the handler 'takes' refuses"):
            load_all_or_none(handlers, {"deep": {"inner": {"value": 3}}, "takes": {"value": "x"}})
        assert handlers["deep"].state == {"inner": {"value": 0}}

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ({"a": (1, 2), "b": [np.float64(0.5), {"c": np.int64(3)}]}, {"a": [1, 2], "b": [0.5, {"c": 3}]}),
            (np.bool_(True), True),
            (np.array(0.5), 0.5),
            ("text", "text"),
            (None, None),
        ],
    )
    def test_their_states_become_plain(self, state: Any, expected: Any) -> None:
        assert plain(state) == expected
        assert type(plain(state)) is type(expected)

    def test_their_tensors_stay(self) -> None:
        for values in (torch.zeros(2), torch.zeros(()), np.zeros(2)):
            assert plain({"weights": values})["weights"] is values


def test_to_save_is_what_a_checkpoint_takes() -> None:
    trainer, evaluator = loop()
    recorder = Recorder(trainer, evaluator)
    assert recorder.to_save() == {"recorder": recorder}


class TestDamage:
    def test_no_damage_to_one_character_of_a_saved_state_passes_for_data(self) -> None:
        run, random = Everything().run(), Random(0)
        state, other = run.recorder.state_dict(), Everything()
        text, before = json.dumps(state), other.recorder.state_dict()
        accepted = 0
        for _ in range(600):
            at = random.randrange(len(text))
            damaged = text[:at] + chr(ord(text[at]) ^ 1 << random.randrange(7)) + text[at + 1 :]
            try:
                loaded = json.loads(damaged)
                if loaded != state:
                    other.recorder.load_state_dict(loaded)
            except (StateError, json.JSONDecodeError):
                assert other.recorder.state_dict() == before
                continue
            accepted += loaded != state
            assert unsealed(loaded) == unsealed(state) or "checksum" not in loaded
            other, before = Everything(), Everything().recorder.state_dict()
        assert accepted <= 5  # the name of the checksum itself: all else is as it was


class TestAnotherThread:
    """A state is that of one moment: it is taken where the trainer runs, and written anywhere."""

    EPOCHS = 150

    def build(self) -> tuple[Engine, Recorder, Gate]:
        trainer, evaluator = loop(loss=lambda trainer: 1 / trainer.state.epoch)
        trainer.evaluator = evaluator  # type: ignore[attr-defined] # kept: engines are held weakly
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=After(iterations=100))
        return trainer, recorder, Gate(recorder, when=Metric("loss").mean(3) < 0.02)

    def run_and_ask(self, trainer: Engine, recorder: Recorder) -> tuple[list[Any], list[str]]:
        """What another thread is given, or told, that asks for a state before, while and after ``trainer`` runs."""
        states, errors = list[Any](), list[str]()
        asked, over = threading.Event(), threading.Event()

        def ask() -> None:
            while not over.is_set():
                try:
                    states.append(recorder.state_dict())
                except RuntimeError as error:
                    errors.append(str(error))
                asked.set()
            states.append(recorder.state_dict())

        thread = threading.Thread(target=ask)
        thread.start()
        asked.wait()
        try:
            trainer.run([0, 0], max_epochs=self.EPOCHS)
        finally:
            over.set()
            thread.join()
        return states, errors

    @pytest.mark.parametrize("resumable", [True, False])
    def test_is_refused_while_the_trainer_runs_and_disturbs_nothing(
        self, monkeypatch: pytest.MonkeyPatch, resumable: bool
    ) -> None:
        monkeypatch.setattr(Engine, "interrupt_resume_enabled", resumable)
        trainer, recorder, gate = self.build()
        trainer.run([0, 0], max_epochs=self.EPOCHS)
        undisturbed = [timeless(recorder.history), decided(recorder.history), gate.is_open]
        trainer, recorder, gate = self.build()
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # the threads take turns in the middle of everything
        try:
            states, errors = self.run_and_ask(trainer, recorder)
        finally:
            sys.setswitchinterval(interval)
        assert [timeless(recorder.history), decided(recorder.history), gate.is_open] == undisturbed
        assert len(errors) > 20
        assert set(errors) == {
            (
                "a state was asked for in another thread than that in which the trainer runs, while it does: model, "
                "optimizer and records move on meanwhile, and the parts would be of different moments. Take the states "
                "in a handler of the trainer, and write them elsewhere: what state_dict() of the recorder returns does "
                "not change any more"
            )
        }
        assert {state["evaluations"] for state in states} == {0, self.EPOCHS}  # before the run, and after it

    def test_writes_what_was_taken_where_the_trainer_runs(self) -> None:
        trainer, recorder, _ = self.build()
        written: list[tuple[str, Future[str]]] = []
        with ThreadPoolExecutor(4) as pool:

            def save() -> None:
                state = recorder.state_dict()
                written.append((json.dumps(state), pool.submit(json.dumps, state)))

            trainer.add_event_handler(Events.EPOCH_COMPLETED, save)
            trainer.run([0, 0], max_epochs=self.EPOCHS)
        assert len(written) == self.EPOCHS
        assert [later.result() for _, later in written] == [now for now, _ in written]

    def test_may_go_on_with_a_run_that_was_interrupted_in_this_one(self) -> None:
        trainer, evaluator = loop(loss=[0.5] * 4)
        recorder = Recorder(trainer, evaluator)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda engine: engine.interrupt())
        taken: list[int] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: taken.append(recorder.state_dict()["iteration"]))
        trainer.run([0, 0], max_epochs=4)
        waits, asked = threading.Event(), threading.Event()

        def wait() -> None:
            waits.set()
            asked.wait()

        trainer.add_event_handler(Events.ITERATION_STARTED(once=4), wait)
        thread = threading.Thread(target=lambda: trainer.run([0, 0], max_epochs=4))
        thread.start()
        waits.wait()
        try:
            with pytest.raises(RuntimeError, match="in another thread"):
                recorder.state_dict()
        finally:
            asked.set()
            thread.join()
        assert taken == [1, 2, 3, 4, 5, 6, 7, 8]
