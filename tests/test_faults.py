"""What goes wrong around a run: nothing is counted twice, nothing is lost, and the run can go on."""

from __future__ import annotations

import contextlib
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engines import decided, engine, evaluate, handler_table, inf, loop, nan, reporting, timeless, unsealed
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver

from ignite_delayed import After, Gate, History, Metric, Recorder, StateError, delay, delay_early_stopping

_LOSSES = [0.9, 0.6, 0.7, 0.4, 0.5, 0.45, 0.38, 0.5, 0.41, 0.39, 0.4, 0.42]


def epochs(recorder: Recorder) -> list[int]:
    return [record.epoch for record in recorder.history if not record.is_tick]


class TestAHandlerThatRaises:
    def test_behind_a_gate_leaves_the_evaluation_counted_and_the_run_can_go_on(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        broken = [True]
        ran: list[int] = []

        def handler() -> None:
            if broken:
                broken.clear()
                raise OSError("no space left on device")
            ran.append(trainer.state.epoch)

        handle = delay(recorder, handler, until=After(epochs=2))
        with pytest.raises(OSError, match="no space"):
            trainer.run([0], max_epochs=6)
        assert epochs(recorder) == [1, 2, 3]
        assert handle.gate.is_open
        assert trainer.run([0], max_epochs=6) is None  # trap 30
        trainer.run([0], max_epochs=6)
        assert (epochs(recorder), ran) == ([1, 2, 3, 5, 6], [5, 6])  # the fourth is lost by Ignite, trap 30

    def test_on_opening_moves_every_gate_all_the_same(self) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        gates = [Gate(recorder, until=After(epochs=1)) for _ in range(3)]
        gates[0].on_open(lambda gate: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trainer.run([0], max_epochs=6)
        assert [gate.is_open for gate in gates] == [True] * 3


class TestAnEvaluatorThatRaises:
    @staticmethod
    def _loop(step: Callable[[Engine, Any], Any], data: Any = (0, 1, 2)) -> tuple[Engine, Engine, Recorder]:
        trainer, evaluator = engine(), engine(step)
        evaluator.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(loss=trainer.state.epoch)
        )

        def run() -> None:
            with contextlib.suppress(ZeroDivisionError):
                evaluator.run(data() if callable(data) else data)

        trainer.add_event_handler(Events.EPOCH_COMPLETED, run)
        return trainer, evaluator, Recorder(trainer, evaluator)

    @pytest.mark.parametrize("batch", [0, 1, 2])
    def test_half_way(self, batch: int) -> None:
        fails = [True]

        def step(evaluator: Engine, seen: int) -> None:
            if fails and trainer.state.epoch == 2 and seen == batch:
                fails.clear()
                raise ZeroDivisionError

        trainer, _evaluator, recorder = self._loop(step)
        trainer.run([0], max_epochs=5)
        assert epochs(recorder) == [1, 4, 5]  # the third is lost by Ignite, trap 30

    @pytest.mark.parametrize("batch", [0, 1, 2])
    @pytest.mark.parametrize("where", ["step", "handler", "loader"])
    def test_swallowed_by_a_handler(self, batch: int, where: str, caplog: pytest.LogCaptureFixture) -> None:
        def fail(place: str, seen: int) -> None:
            if place == where and trainer.state.epoch == 2 and seen == batch:
                raise ZeroDivisionError

        class Loader:
            def __len__(self) -> int:
                return 3

            def __iter__(self) -> Any:
                for seen in range(3):
                    fail("loader", seen)
                    yield seen

        trainer, evaluator, recorder = self._loop(lambda engine, seen: fail("step", seen), Loader)
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: fail("handler", engine.state.batch))
        trainer.run([0], max_epochs=4)
        assert epochs(recorder) == [1, 3, 4]
        assert "before it finished an epoch" in caplog.text

    def test_an_exception_is_not_swallowed_by_us(self) -> None:
        def step(evaluator: Engine, batch: int) -> None:
            raise ZeroDivisionError

        trainer, evaluator, recorder = self._loop(step)
        swallowing = evaluator.add_event_handler(Events.EXCEPTION_RAISED, lambda error: None)
        evaluator.run([0])
        swallowing.remove()
        with pytest.raises(ZeroDivisionError):
            evaluator.run([0])
        recorder.remove()
        assert Events.EXCEPTION_RAISED not in handler_table(evaluator)
        trainer.run([0], max_epochs=1)

    def test_nor_beside_a_delayed_handler_that_still_waits(self) -> None:
        def step(evaluator: Engine, batch: int) -> None:
            raise ZeroDivisionError

        _trainer, evaluator, recorder = self._loop(step)
        delay(recorder, lambda error: None, until=After(epochs=9), event=Events.EXCEPTION_RAISED)
        for _ in range(2):
            evaluator._internal_run_generator = None  # noqa: SLF001
            with pytest.raises(ZeroDivisionError):
                evaluator.run([0])

    def test_an_empty_loader_makes_no_record(self) -> None:
        trainer, evaluator, recorder = self._loop(lambda engine, batch: None, [])
        with contextlib.suppress(ValueError):  # later releases of Ignite may refuse it
            trainer.run([0], max_epochs=3)
        assert epochs(recorder) == []
        del evaluator


class TestValues:
    @pytest.mark.parametrize("odd", [nan, inf])
    def test_a_metric_that_is_no_number_for_ten_evaluations(self, odd: float) -> None:
        values = [0.5, 0.4, *[odd] * 10, 0.3, *[0.35] * 20]
        trainer, evaluator = loop(loss=values)
        recorder = Recorder(trainer, evaluator)
        stopper = delay_early_stopping(recorder, "loss", mode="min", patience=12)
        below = Gate(recorder, when=Metric("loss") < 0.45)
        seen: list[bool] = []
        evaluator.add_event_handler(Events.COMPLETED, lambda: seen.append(below.is_open))
        trainer.run([0], max_epochs=len(values))
        assert seen == [False, True, *[False] * 10, *[True] * 13]
        assert (stopper.best_score, stopper.stopped_at and stopper.stopped_at.epoch) == (0.3, 25)
        assert sum(map(math.isfinite, recorder.history["loss"])) == 15

    def test_patience_may_run_out_on_nothing_but_nan(self) -> None:
        trainer, evaluator = loop(loss=[0.5, *[nan] * 20])
        stopper = delay_early_stopping(Recorder(trainer, evaluator), "loss", mode="min", patience=5)
        trainer.run([0], max_epochs=20)
        assert (trainer.state.epoch, stopper.best_score) == (6, 0.5)


class TestTheClockJumpsBackwards:
    def test_it_is_said_and_the_run_goes_on(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=After(epochs=3))
        trainer.run([0, 0], max_epochs=5)
        trainer.load_state_dict({"iteration": 4, "max_epochs": 6, "epoch_length": 2})
        trainer.run([0, 0])
        assert caplog.messages == [
            (
                "the trainer goes back to iteration 4, but the recorder has records up to iteration 10: it goes on "
                "counting from there. Load the recorder's state of that iteration as well, or call recorder.reset()."
            )
        ]
        assert epochs(recorder) == [1, 2, 3, 4, 5, 3, 4, 5, 6]
        assert [r.evaluation for r in recorder.history if not r.is_tick] == [*range(1, 10)]
        assert gate.opened_at is not None
        assert gate.opened_at.iteration == 6  # the first time: a gate stays open
        History().load_state_dict(recorder.history.state_dict())

    def test_loading_both_goes_back_without_a_word(self, caplog: pytest.LogCaptureFixture) -> None:
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        saved: list[Any] = []
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED(once=2), lambda: saved.extend([dict(trainer.state_dict()), recorder.state_dict()])
        )
        trainer.run([0, 0], max_epochs=5)
        trainer.load_state_dict(saved[0])
        recorder.load_state_dict(saved[1])
        trainer.run([0, 0])
        assert epochs(recorder) == [1, 2, 3, 4, 5]
        assert caplog.messages == []

    @pytest.mark.parametrize("how", ["terminate_epoch", "terminate"])
    def test_an_open_gate_stays_open_though_the_epoch_drifts_back(self, how: str) -> None:
        """Trap 44: a state loaded in mid-epoch has a smaller epoch than the one that was saved."""

        def build() -> tuple[Engine, Recorder, Gate]:
            trainer, evaluator = loop(loss=_LOSSES)
            trainer.keep = evaluator  # type: ignore[attr-defined]
            recorder = Recorder(trainer, evaluator)
            return trainer, recorder, Gate(recorder, until=After(epochs=3))

        trainer, recorder, gate = build()
        if how == "terminate_epoch":
            trainer.add_event_handler(Events.ITERATION_COMPLETED(every=3), trainer.terminate_epoch)
            trainer.run([0] * 4, max_epochs=4)
        else:
            trainer.add_event_handler(Events.ITERATION_COMPLETED(once=13), trainer.terminate)
            trainer.run([0] * 4, max_epochs=6)
        resumed, its_recorder, its_gate = build()
        resumed.load_state_dict({**trainer.state_dict(), "max_epochs": 6})
        its_recorder.load_state_dict(recorder.state_dict())
        assert resumed.state.epoch == 3 < trainer.state.epoch == 4
        resumed.run([0] * 4)
        assert gate.opened_at is not None
        assert its_gate.opened_at == gate.opened_at
        assert [mark.kind for mark in its_recorder.history.marks] == ["opened"]


class TestCutAndResumed:
    """However a run is cut, it goes on from there or from its last checkpoint as if it had not been."""

    @staticmethod
    def _build() -> tuple[Engine, Recorder]:
        trainer = engine()
        evaluator = reporting(trainer, loss=lambda trainer: _LOSSES[trainer.state.iteration // 3 % 12])
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED(every=3))
        recorder = Recorder(trainer, evaluator)
        trainer.keep = evaluator  # type: ignore[attr-defined]
        Gate(recorder, when=Metric("loss").mean(2) < 0.5)
        delay_early_stopping(recorder, "loss", mode="min", patience=5, until=After(epochs=1), while_closed="track")
        return trainer, recorder

    def _whole(self) -> tuple[list[Any], list[Any]]:
        trainer, recorder = self._build()
        trainer.run([0] * 5, max_epochs=8)
        assert recorder.history.marks[-1].kind == "stopped"
        return timeless(recorder.history), decided(recorder.history)

    @pytest.mark.parametrize("at", [1, 3, 7, 9, 14, 16])
    @pytest.mark.parametrize("how", ["interrupt", "terminate"])
    def test_in_the_same_process(self, how: str, at: int) -> None:
        trainer, recorder = self._build()
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=at), getattr(trainer, how))
        trainer.run([0] * 5, max_epochs=8)
        assert trainer.state.iteration == at
        trainer.run([0] * 5, max_epochs=8)
        if how == "interrupt":
            assert (timeless(recorder.history), decided(recorder.history)) == self._whole()
            return
        # After terminate() Ignite begins a new epoch, so that epochs differ, trap 44; and nothing else does.
        whole, ours = self._whole(), (timeless(recorder.history), decided(recorder.history))
        assert [record[1:3] for record in ours[0]] == [record[1:3] for record in whole[0]]
        assert ours[1][-1][3:] == whole[1][-1][3:]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    @pytest.mark.parametrize("at", [5, 8, 12, 17])
    def test_from_the_last_checkpoint(self, tmp_path: Path, at: int, error: type[BaseException]) -> None:
        trainer, recorder = self._build()
        saver = DiskSaver(str(tmp_path), require_empty=False)
        save = Checkpoint({"trainer": trainer, **recorder.to_save()}, saver, n_saved=None)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(every=4), save)

        def stumble(trainer: Engine) -> None:
            if trainer.state.iteration == at:
                raise error

        trainer.add_event_handler(Events.ITERATION_STARTED, stumble)
        with pytest.raises(error):
            trainer.run([0] * 5, max_epochs=8)
        resumed, its_recorder = self._build()
        to_load = {"trainer": resumed, **its_recorder.to_save()}
        Checkpoint.load_objects(to_load, tmp_path / f"checkpoint_{(at - 1) // 4 * 4}.pt")
        resumed.run([0] * 5)
        assert (timeless(its_recorder.history), decided(its_recorder.history)) == self._whole()

    def test_a_truncated_checkpoint_changes_nothing(self) -> None:
        trainer, recorder = self._build()
        trainer.run([0] * 5, max_epochs=2)
        state = recorder.state_dict()
        for name in unsealed(state):
            with pytest.raises(StateError, match=r"truncated"):
                recorder.load_state_dict({key: value for key, value in state.items() if key != name})
        assert recorder.state_dict() == state


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_killed_writer_leaves_the_old_file_and_whole_records(tmp_path: Path) -> None:
    # The system kills it as soon as the file has so many bytes, wherever that is in a line.
    code = """if True:
        import resource, signal, sys
        from ignite_delayed import History, Record
        History([Record(epoch=1, iteration=1, values={"loss": 1.0})]).save(sys.argv[1])
        many = History(Record(epoch=e, iteration=e, values={"loss": 1.0}) for e in range(3000))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        many.save(sys.argv[1], overwrite=True)
    """
    path = tmp_path / "run.jsonl"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGXFSZ, done.stderr
    assert len(History.load(path)) == 1
    [left] = tmp_path.glob(".*.tmp")
    assert left.stat().st_size == 100_000
    assert not left.read_bytes().endswith(b"\n")
    with pytest.warns(UserWarning, match="the last line was cut short and is dropped: '"):
        history = History.load(left)
    assert len(history) == left.read_bytes().count(b"\n") - 1


def test_cross_validation_folds_do_not_leak() -> None:
    histories = []
    for _ in range(3):
        trainer, evaluator = loop(loss=_LOSSES)
        recorder = Recorder(trainer, evaluator)
        gate = Gate(recorder, until=Metric("loss") < 0.5)
        trainer.run([0], max_epochs=5)
        assert gate.opened_at is not None
        histories.append((timeless(recorder.history), decided(recorder.history)))
    assert histories[0] == histories[1] == histories[2]


class TestFoldsOverOneEvaluator:
    def fold(self, evaluator: Engine, trainers: list[Engine]) -> tuple[Engine, Recorder]:
        trainer = engine()
        trainers[:] = [trainer]
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=Metric("loss") < 0.5)
        evaluate(trainer, evaluator)
        trainer.run([0], max_epochs=5)
        return trainer, recorder

    def shared(self) -> tuple[Engine, list[Engine]]:
        evaluator, trainers = engine(), list[Engine]()

        @evaluator.on(Events.EPOCH_COMPLETED)
        def report() -> None:
            evaluator.state.metrics["loss"] = _LOSSES[trainers[0].state.epoch - 1]

        return evaluator, trainers

    def test_a_fold_that_is_gone_leaves_nothing_on_the_evaluator(self, caplog: pytest.LogCaptureFixture) -> None:
        evaluator, trainers = self.shared()
        before = {event: list(attached) for event, attached in handler_table(evaluator).items()}
        for _ in range(3):
            self.fold(evaluator, trainers)
            trainers.clear()  # nobody refers to the trainer; its recorder may wait for the garbage collector
            assert {event: attached for event, attached in handler_table(evaluator).items() if attached} == before
        trainers[:] = [engine()]
        trainers[0].state.epoch = 1
        evaluator.run([0])
        assert caplog.messages == []

    def test_of_folds_that_are_kept_the_last_alone_speaks_of_an_evaluation_outside(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        evaluator, trainers = self.shared()
        kept = [self.fold(evaluator, trainers) for _ in range(3)]
        evaluator.run([0])  # on the test set
        assert [message[:41] for message in caplog.messages] == ["the evaluator ran outside of trainer.run()"[:41]]
        assert [len(recorder.history) for _, recorder in kept] == [5, 5, 5]
