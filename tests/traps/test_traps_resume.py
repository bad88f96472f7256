"""Traps 43-48, checkpoints and resuming: how the host bites the naive form, and that ours is not bitten."""

from __future__ import annotations

import collections
import enum
import inspect
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engines import decided, engine, loop, through_json, through_torch, timeless
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver

from ignite_delayed import After, Gate, Metric, Recorder, delay_early_stopping

_LOSSES = [0.9, 0.6, 0.7, 0.4, 0.5, 0.45, 0.38, 0.5, 0.41, 0.39, 0.4, 0.42]


def build(until: Any = None) -> tuple[Engine, Recorder, Gate]:
    trainer, evaluator = loop(loss=_LOSSES)
    trainer.keep = evaluator  # type: ignore[attr-defined] # engines are held weakly
    recorder = Recorder(trainer, evaluator)
    return trainer, recorder, Gate(recorder, until=After(epochs=5) if until is None else until)


class Test43_a_finished_run_starts_again_at_0:
    def test_host(self) -> None:
        trainer = engine()
        starts: list[int] = []
        trainer.add_event_handler(Events.STARTED, lambda: starts.append(trainer.state.epoch))
        for arguments in ({"max_epochs": 2}, {}, {"max_epochs": 4}, {"max_epochs": 4}):
            trainer.run([0], **arguments)
        assert starts == [0, 0, 1, 0]
        loaded = engine()
        loaded.load_state_dict(trainer.state_dict())
        loaded.run([0])
        assert loaded.state.epoch == 1

    def test_ours_starts_afresh_with_it(self) -> None:
        trainer, recorder, _ = build()
        for arguments, length in (({"max_epochs": 2}, 2), ({}, 1), ({"max_epochs": 4}, 4), ({"max_epochs": 4}, 4)):
            trainer.run([0], **arguments)
            assert [record.evaluation for record in recorder.history] == list(range(1, length + 1))

    def test_ours_ends_a_loaded_finished_run_at_once(self) -> None:
        trainer, recorder, _ = build()
        trainer.run([0], max_epochs=4)
        other, its_recorder, _ = build()
        other.load_state_dict(trainer.state_dict())
        its_recorder.load_state_dict(recorder.state_dict())
        other.run([0])
        assert (other.state.iteration, other.state.max_epochs) == (4, 4)
        other.run([0], max_epochs=6)
        assert [record.epoch for record in its_recorder.history if not record.is_tick] == [1, 2, 3, 4, 5, 6]


class Test44_the_loaded_epoch_is_smaller_than_the_one_in_memory:
    @staticmethod
    def _cut(trainer: Engine) -> None:
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=10), trainer.terminate)
        trainer.run([0] * 4, max_epochs=9)

    def test_host(self) -> None:
        trainer, loaded, seen = engine(), engine(), list[bool]()
        self._cut(trainer)
        loaded.load_state_dict(trainer.state_dict())
        assert (trainer.state.epoch, loaded.state.epoch) == (3, 2)
        loaded.add_event_handler(Events.STARTED, lambda: seen.append(loaded.state.epoch > 2))
        loaded.run([0] * 4)
        assert seen == [False]  # a filter on the epoch that had let through closes again

    def test_ours_stays_open(self) -> None:
        trainer, recorder, gate = build(After(epochs=2))
        self._cut(trainer)
        assert gate.is_open
        loaded, its_recorder, its_gate = build(After(epochs=2))
        loaded.load_state_dict(trainer.state_dict())
        its_recorder.load_state_dict(recorder.state_dict())
        seen: list[bool] = []
        loaded.add_event_handler(Events.STARTED, lambda: seen.append(its_gate.is_open))
        loaded.run([0] * 4)
        assert seen == [True]
        assert its_gate.opened_at == gate.opened_at


class Test45_a_delay_measured_from_started_is_armed_again_on_resuming:
    def test_host(self) -> None:
        def opens(resume: bool) -> int:
            trainer = engine()
            start: dict[str, int] = {}
            late: list[int] = []
            trainer.add_event_handler(Events.STARTED, lambda: start.update(epoch=trainer.state.epoch))
            trainer.add_event_handler(
                Events.EPOCH_COMPLETED,
                lambda: late.append(trainer.state.epoch) if trainer.state.epoch > start["epoch"] + 5 else None,
            )
            if resume:
                trainer.load_state_dict({"epoch": 4, "max_epochs": 12, "epoch_length": 1})
            trainer.run([0], max_epochs=12)
            return late[0]

        assert (opens(False), opens(True)) == (6, 10)

    def test_ours_opens_at_the_same_epoch(self) -> None:
        trainer, recorder, _ = build()
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=4), trainer.terminate)
        trainer.run([0], max_epochs=12)
        resumed, its_recorder, gate = build()
        resumed.load_state_dict(trainer.state_dict())
        its_recorder.load_state_dict(recorder.state_dict())
        resumed.run([0])
        assert gate.opened_at is not None
        assert gate.opened_at.epoch == 6

    def test_ours_takes_a_state_that_is_loaded_inside_of_started(self) -> None:
        trainer, recorder, _ = build()
        trainer.run([0], max_epochs=4)
        saved = recorder.state_dict()
        resumed, its_recorder, gate = build()

        @resumed.on(Events.STARTED)
        def load() -> None:
            resumed.load_state_dict({"iteration": 4, "max_epochs": 7, "epoch_length": 1})
            its_recorder.load_state_dict(saved)

        resumed.run([0], max_epochs=7)
        assert [record.epoch for record in its_recorder.history if not record.is_tick] == [1, 2, 3, 4, 5, 6, 7]
        assert gate.opened_at is not None
        assert gate.opened_at.epoch == 6


class Test46_a_checkpoint_before_the_stateful_handler_is_one_step_behind:
    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def __call__(self) -> None:
            self.count += 1

        def state_dict(self) -> dict[str, int]:
            return {"count": self.count}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.count = state["count"]

    @pytest.mark.parametrize(("first", "count"), [(True, 3), (False, 4)])
    def test_host(self, tmp_path: Path, first: bool, count: int) -> None:
        def attached() -> tuple[Engine, Any]:
            trainer, counting = engine(), self.Counting()
            saver = DiskSaver(str(tmp_path), require_empty=False)
            checkpoint = Checkpoint({"trainer": trainer, "counting": counting}, saver, n_saved=None)
            for handler in (checkpoint, counting) if first else (counting, checkpoint):
                trainer.add_event_handler(Events.EPOCH_COMPLETED, handler)
            return trainer, counting

        trainer, _ = attached()
        trainer.run([0], max_epochs=4)
        resumed, counting = attached()
        Checkpoint.load_objects({"trainer": resumed, "counting": counting}, tmp_path / "checkpoint_2.pt")
        resumed.run([0])
        assert counting.count == count

    @pytest.mark.parametrize("first", [True, False])
    def test_ours(self, tmp_path: Path, first: bool) -> None:
        def attached(folder: Path) -> tuple[Engine, Recorder]:
            trainer, evaluator = loop(loss=_LOSSES)
            trainer.keep = evaluator  # type: ignore[attr-defined]
            to_save: dict[str, Any] = {"trainer": trainer}
            saver = DiskSaver(str(folder), require_empty=False)

            def checkpoint(engine: Engine) -> None:
                Checkpoint(to_save, saver, filename_pattern=f"{trainer.state.epoch}.pt")(engine)

            if first:
                evaluator.add_event_handler(Events.COMPLETED, checkpoint)
            recorder = Recorder(trainer, evaluator)
            delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=2))
            to_save |= recorder.to_save()
            if not first:
                evaluator.add_event_handler(Events.COMPLETED, checkpoint)
            return trainer, recorder

        trainer, recorder = attached(tmp_path)
        trainer.run([0, 0], max_epochs=12)
        assert trainer.state.epoch == 10
        for epoch in range(1, 10):
            (tmp_path / f"from {epoch}").mkdir()
            resumed, its_recorder = attached(tmp_path / f"from {epoch}")
            Checkpoint.load_objects({"trainer": resumed, **its_recorder.to_save()}, tmp_path / f"{epoch}.pt")
            resumed.run([0, 0])
            assert timeless(its_recorder.history) == timeless(recorder.history)
            assert decided(its_recorder.history) == decided(recorder.history)

    def test_ours_says_so_when_the_states_are_of_two_moments(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, recorder, _ = build()
        trainer.run([0], max_epochs=3)
        saved = recorder.state_dict()
        trainer.run([0], max_epochs=4)
        resumed, its_recorder, _ = build()
        resumed.load_state_dict({**trainer.state_dict(), "max_epochs": 6})
        its_recorder.load_state_dict(saved)
        resumed.run([0])
        assert "the recorder's state is behind: it was saved at iteration 3" in caplog.text


class Test47_not_every_type_survives_safe_unpickling:
    @pytest.mark.parametrize(
        "value", [np.float64(1), np.ones(1), collections.deque([1]), frozenset(), Path("x"), enum.Enum("Kind", "A")]
    )
    def test_host(self, value: Any) -> None:
        buffer = io.BytesIO()
        with pytest.raises(Exception, match=r"Weights only load failed|[Pp]ickle"):
            through_torch({"value": value}) if not isinstance(value, type) else torch.save(value, buffer)

    def test_ours_holds_plain_values(self) -> None:
        def plain(value: Any) -> bool:
            if type(value) is dict:
                return all(type(key) is str and plain(entry) for key, entry in value.items())
            if type(value) is list:
                return all(map(plain, value))
            return value is None or type(value) in (bool, int, float, str)

        trainer, evaluator = loop(
            loss=[np.float64(0.5), torch.tensor(0.25), np.float32(1.0), np.int64(2)],
            late=lambda trainer: np.bool_(True),
        )
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("loss").mean(2) < 0.5)
        delay_early_stopping(recorder, "loss", mode="min", patience=3)
        trainer.run([0], max_epochs=4)
        state = recorder.state_dict()
        assert plain(state)
        assert through_torch(state) == through_json(state) == state


class Test48_an_unknown_epoch_length:
    class Unsized:
        def __iter__(self) -> Iterator[int]:
            return iter(range(4))

    @pytest.mark.skipif(
        "max_iters" not in inspect.signature(Engine.run).parameters, reason="Ignite refuses it since 0.5.5"
    )
    def test_host(self) -> None:
        trainer = engine()
        states: list[Any] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda: states.append(dict(trainer.state_dict())))
        trainer.run(self.Unsized(), max_epochs=2)
        with pytest.raises(ValueError, match="epoch_length must be a positive integer"):
            engine().load_state_dict(states[0])

    def test_ours_saves_and_loads_without_it(self) -> None:
        trainer, recorder, _ = build(After(iterations=5))
        states: list[Any] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda: states.append(recorder.state_dict()))
        trainer.run(self.Unsized(), max_epochs=3)
        resumed, its_recorder, gate = build(After(iterations=5))
        its_recorder.load_state_dict(states[0])
        # What Ignite needs and did not save is what the user knows.
        resumed.load_state_dict({"iteration": 3, "epoch_length": 4, "max_epochs": 3})
        resumed.run(self.Unsized())
        assert [record.iteration for record in its_recorder.history if not record.is_tick] == [4, 8, 12]
        assert gate.opened_at is not None
        assert gate.opened_at.iteration == 6


def test_every_trap_of_this_part_has_a_class() -> None:
    numbers = [int(name[4:6]) for name in globals() if name.startswith("Test")]
    assert numbers == list(range(43, 49))
