"""Keeping what is best: what is saved and when, what is restored, and that no file is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, evaluate, loop, nan, reporting, through_json
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from ignite.handlers import DiskSaver
from ranks import on_ranks
from strategies import last_state, run_of, verdicts

from ignite_delayed import (
    After,
    BestKeeper,
    EarlyStop,
    Recorder,
    StateError,
    UnknownMetricError,
    delay_early_stopping,
    keep_best,
)
from ignite_delayed.conditions import NewBest

curves = st.lists(st.sampled_from([nan, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=15)


class Run:
    """A model whose one weight is the epoch that trained it."""

    def __init__(self, folder: Any, losses: list[float], **options: Any) -> None:
        self.model = torch.nn.Linear(1, 1)
        self.trainer, evaluator = loop(loss=losses)
        self.trainer.add_event_handler(Events.EPOCH_STARTED, self.train)
        self.recorder = Recorder(self.trainer, evaluator)
        options = {"mode": "min", "to_save": {"model": self.model}, "save_handler": folder} | options
        self.keeper: BestKeeper = keep_best(self.recorder, "loss", **options)
        self.epochs = len(losses)

    def train(self) -> None:
        torch.nn.init.constant_(self.model.weight, self.trainer.state.epoch)

    def go(self, epochs: int | None = None) -> Run:
        self.trainer.run([0, 0], max_epochs=epochs or self.epochs)
        return self

    @property
    def weight(self) -> float:
        return self.model.weight.item()


def files(folder: Path) -> dict[str, float]:
    """The files, and the weight in each."""
    return {path.name: torch.load(path)["weight"].item() for path in sorted(folder.iterdir())}


# --- the condition -----------------------------------------------------------------------------------------------


@given(curves, st.integers(0, 6), st.sampled_from(["min", "max"]))
def test_a_new_best_is_strictly_better_than_all_that_counts(values: list[float], delay: int, mode: str) -> None:
    rule = NewBest("loss", mode=mode, until=After(epochs=delay))  # type: ignore[arg-type]
    sign = 1 if mode == "max" else -1
    expected = []
    for place, value in enumerate(values):
        before = [sign * one for one in values[delay:place] if one == one]
        counts = place >= delay and value == value
        expected.append(counts and all(sign * value > one for one in before))
    assert verdicts(rule, values) == expected
    stop = EarlyStop("loss", mode=mode, patience=99, until=After(epochs=delay))  # type: ignore[arg-type]
    run = run_of(values)
    assert rule.found(last_state(rule, run)) == stop.found(last_state(stop, run))


def test_a_new_best_says_what_it_waits_for_and_what_it_found() -> None:
    rule = NewBest("loss", mode="min", until=After(epochs=2))
    said = [str(rule.explain(last_state(rule, run_of(values)))) for values in ([0.5], [0.5, 0.5, 0.25])]
    assert said[0].splitlines() == [
        "NewBest('loss', mode='min', until=After(epochs=2)): false (no best value yet)",
        "└─ After(epochs=2): false (epoch 1, needs > 2)",
    ]
    assert said[1] == "NewBest('loss', mode='min', until=After(epochs=2)): true (best 0.25 in epoch 3)"


# --- what is saved -----------------------------------------------------------------------------------------------


def test_the_best_is_kept_once_the_delay_is_over(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.1, 0.2, nan, 0.9, 0.5, 0.7, 0.5], until=After(epochs=2)).go()
    assert (run.keeper.best_score, run.keeper.best_epoch) == (0.5, 5)
    assert run.keeper.last_checkpoint == tmp_path / "best_model_5.pt"
    assert files(tmp_path) == {"best_model_5.pt": 5}
    assert run.weight == 7  # nothing was asked to be restored


def test_best_is_what_the_stopper_calls_so(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.1, 0.9, 0.5, 0.6, 0.7, 0.1], until=After(epochs=1), restore_best=True)
    stopper = delay_early_stopping(run.recorder, "loss", mode="min", patience=2, until=After(epochs=1))
    run.go()
    assert run.trainer.state.epoch == 5
    assert (run.keeper.best_score, run.keeper.best_epoch) == (stopper.best_score, stopper.best_epoch) == (0.5, 3)
    assert run.weight == 3


def test_what_is_attached_to_completed_later_sees_the_best(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.5, 0.2, 0.7], restore_best=True)
    seen: list[float] = []
    run.trainer.add_event_handler(Events.COMPLETED, lambda: seen.append(run.weight))
    run.go()
    assert seen == [2]


def test_two_bests_of_one_epoch_are_both_saved(tmp_path: Path) -> None:
    trainer, values = engine(), iter([0.9, 0.8, 0.7, 0.6])
    evaluator = reporting(trainer, loss=lambda _: next(values))
    evaluate(trainer, evaluator, Events.ITERATION_COMPLETED)
    model = torch.nn.Linear(1, 1)
    keeper = keep_best(
        Recorder(trainer, evaluator), "loss", mode="min", to_save={"a": model, "b": model}, save_handler=tmp_path
    )
    events: list[Any] = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: events.append(trainer.last_event_name))
    trainer.run([0, 0], max_epochs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["best_checkpoint_2-2.pt"]
    assert keeper.best_score == 0.6
    assert events == [Events.ITERATION_COMPLETED] * 4  # though SAVED_CHECKPOINT was fired in it


def test_as_many_files_are_kept_as_are_asked_for(tmp_path: Path) -> None:
    Run(tmp_path / "a", [5, 4, 3, 2], n_saved=2).go()
    Run(tmp_path / "b", [5, 4, 3, 2], n_saved=None).go()
    assert list(files(tmp_path / "a").values()) == [3, 4]
    assert list(files(tmp_path / "b").values()) == [1, 2, 3, 4]


def test_files_of_other_runs_are_not_written_over(tmp_path: Path) -> None:
    Run(tmp_path, [0.5, 0.7]).go()
    run = Run(tmp_path, [0.6, 0.8]).go()
    assert sorted(files(tmp_path)) == ["best_model_1-2.pt", "best_model_1.pt"]
    run.go()  # and the run that begins anew keeps the file of the one before
    assert len(files(tmp_path)) == 3
    assert run.keeper.last_checkpoint == tmp_path / "best_model_1-3.pt"


def test_the_old_file_is_there_until_the_new_one_is_written(tmp_path: Path) -> None:
    class Unsavable(torch.nn.Linear):
        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            state = super().state_dict(*args, **kwargs)
            return {**state, "bad": lambda: None} if run.trainer.state.epoch == 2 else state

    model = Unsavable(1, 1)
    run = Run(tmp_path, [0.5, 0.3, 0.2], to_save={"model": model})
    with pytest.raises((AttributeError, TypeError, ValueError, RuntimeError), match=r"(?i)pickl|lambda"):
        run.go()
    assert [path.name for path in tmp_path.iterdir()] == ["best_model_1.pt"]


def test_a_save_handler_of_ignite_s_is_taken(tmp_path: Path) -> None:
    run = Run(DiskSaver(tmp_path), [0.5, 0.7, 0.3]).go()
    assert run.keeper.last_checkpoint == tmp_path / "best_model_3-6.pt"
    saved: list[str] = []
    Run(lambda checkpoint, filename: saved.append(filename), [0.5, 0.7, 0.3]).go()
    assert saved == ["best_model_1-2.pt", "best_model_3-6.pt"]


def test_a_removed_keeper_saves_and_restores_no_more(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.5, 0.7, 0.3], restore_best=True).go(2)
    run.keeper.remove()
    run.keeper.remove()
    run.go(3)
    assert (run.weight, files(tmp_path)) == (3, {"best_model_1.pt": 1})


def test_the_recorder_takes_the_restoring_away_too(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.5, 0.7, 0.3], restore_best=True)
    run.recorder.remove()
    assert run.go().weight == 3
    assert not run.trainer.has_event_handler(run.keeper.checkpoint)


# --- resuming ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_resumed_run_knows_the_best_and_its_file(tmp_path: Path, cut: int) -> None:
    losses = [0.5, 0.2, 0.9, 0.3, 0.4]
    first = Run(tmp_path, losses).go(cut)
    saved = through_json({"trainer": first.trainer.state_dict(), "recorder": first.recorder.state_dict()})
    second = Run(tmp_path, losses, restore_best=True)
    second.trainer.load_state_dict(saved["trainer"])
    second.recorder.load_state_dict(saved["recorder"])
    second.go()
    assert (second.keeper.best_score, second.keeper.best_epoch) == (0.2, 2)
    assert (second.weight, files(tmp_path)) == (2, {"best_model_2.pt": 2})


def test_a_best_whose_file_is_gone_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.5, 0.7, 0.8], restore_best=True).go(2)
    (tmp_path / "best_model_1.pt").unlink()
    with pytest.warns(UserWarning, match=r"best_model_1\.pt, which was the best, is gone: nothing is restored"):
        run.go(3)
    assert run.weight == 3


@pytest.mark.parametrize("wrong", [None, "x", [["a", "b"]], [[1, 2]], [[1]]])
def test_a_damaged_list_of_files_is_refused(tmp_path: Path, wrong: Any) -> None:
    run = Run(tmp_path, [0.5, 0.7]).go()
    state = {key: value for key, value in run.recorder.state_dict().items() if key != "checksum"}
    state["gates"]["best"]["files"] = wrong
    with pytest.raises(StateError, match="the state of 'best' must list numbers and files"):
        run.recorder.load_state_dict(state)


# --- what is shown, and refused ----------------------------------------------------------------------------------


def test_what_the_status_shows(tmp_path: Path) -> None:
    run = Run(tmp_path, [0.9, 0.5, 0.25], until=After(epochs=1))
    run.go(1)
    assert run.keeper.row()[1:] == ("closed", "epoch 1, needs > 1", (1, 1))
    assert run.keeper.numbers() == {}
    run.go(3)
    assert run.keeper.row()[1:3] == ("open", "loss: best 0.25 in epoch 3, best_model_3.pt")
    assert run.keeper.numbers() == {"best/best": 0.25}
    assert repr(run.keeper) == f"<BestKeeper 'best': best 0.25 in epoch 3, {run.keeper.condition!r}>"
    assert "best_model_3.pt" in str(run.recorder.status())
    assert run.recorder.gates == []


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"to_save": torch.nn.Linear(1, 1)},
        TypeError,
        r"to_save must be what is to be saved, by name, .*For example",
    ),
    ({"to_save": {}}, TypeError, "to_save must be what is to be saved, by name"),
    ({"mode": "lowest"}, ValueError, "mode must be 'min' or 'max'"),
    ({"n_saved": 0}, ValueError, "n_saved must be a whole number >= 1, got 0"),
    ({"restore_best": 1}, TypeError, "restore_best must be True or False"),
    ({"restore_best": True, "save_handler": print}, TypeError, "save_handler must be a folder where restore_best=True"),
    ({"restore_best": True, "to_save": {"trainer": Engine(lambda *_: None)}}, TypeError, "would set the clock back"),
    ({"name": ""}, ValueError, "name must be a non-empty string"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_arguments_are_refused(tmp_path: Path, wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Run(tmp_path / "none", [1.0], **wrong)
    assert not (tmp_path / "none").exists()


def test_the_way_that_is_better_is_asked_for_and_the_metric_known() -> None:
    trainer, evaluator = loop(loss=[1.0])
    recorder = Recorder(trainer, {"val": evaluator})
    rest: dict[str, Any] = {"to_save": {"model": torch.nn.Linear(1, 1)}, "save_handler": print}
    with pytest.raises(ValueError, match="It is never guessed"):
        keep_best(recorder, "val/loss", **rest)
    with pytest.raises(UnknownMetricError):
        keep_best(recorder, "loss", mode="min", **rest)
    assert recorder.reading().rows == []


def _on_a_rank(folder: str) -> Any:
    import ignite.distributed as idist

    run = Run(Path(folder) / str(idist.get_rank()), [0.5, 0.2, 0.9], restore_best=True).go()
    return run.weight, len(list((Path(folder) / str(idist.get_rank())).glob("*")))


def test_rank_0_writes_and_every_rank_gets_the_best(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    found = on_ranks(2, _on_a_rank, str(tmp_path / "files"), folder=tmp_path)
    assert found == [("returned", (2.0, 1)), ("returned", (2.0, 0))]
