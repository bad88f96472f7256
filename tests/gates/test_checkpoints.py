"""A delayed Checkpoint that is resumed beside files that were deleted since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, reporting, through_torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver, ModelCheckpoint

from ignite_delayed import After, DelayHandle, Recorder, StateError, delay

_ACCURACY = [0.1, 0.5, 0.6, 0.7, 0.8, 0.9]


class Training:
    """A trainer whose best two models are saved, from its second evaluation on."""

    def __init__(self, saver: Callable[[Training], Any], **passed: Any) -> None:
        self.trainer = engine()
        self.model = torch.nn.Linear(1, 1)
        self.evaluator = reporting(self.trainer, accuracy=_ACCURACY)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: self.evaluator.run([0]))
        self.recorder = Recorder(self.trainer, self.evaluator)
        self.checkpoint = saver(self)
        self.handle: DelayHandle = delay(self.recorder, self.checkpoint, until=After(epochs=1), **passed)

    def epoch(self, engine: Engine, event: Any) -> int:
        return self.trainer.state.epoch

    def score(self, engine: Engine) -> float:
        return float(self.evaluator.state.metrics["accuracy"])

    def states(self) -> Any:
        return through_torch([dict(self.trainer.state_dict()), self.recorder.state_dict()])

    def resume(self, states: Any) -> Training:
        self.trainer.load_state_dict(states[0])
        self.recorder.load_state_dict(states[1])
        return self


def ignites(folder: str) -> Callable[[Training], Any]:
    def build(training: Training) -> Any:
        return Checkpoint(
            {"model": training.model},
            DiskSaver(folder, require_empty=False),
            score_function=training.score,
            n_saved=2,
            global_step_transform=training.epoch,
        )

    return build


def by_its_folder(folder: str) -> Callable[[Training], Any]:
    def build(training: Training) -> Any:
        return ModelCheckpoint(
            folder,
            "best",
            score_function=training.score,
            n_saved=2,
            require_empty=False,
            global_step_transform=training.epoch,
        )

    return build


def models(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed(build: Callable[[], Training], *, saved_after: int, killed_after: int) -> Any:
    """What a run saved after some epochs, that went on and was killed after some more."""
    training, states = build(), []
    training.trainer.add_event_handler(
        Events.EPOCH_COMPLETED(once=saved_after), lambda: states.append(training.states())
    )
    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=killed_after), training.trainer.terminate)
    training.trainer.run([0], max_epochs=6)
    return states[0]


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("kind", ["Checkpoint", "ModelCheckpoint"])
def test_a_killed_run_resumes_beside_files_that_a_later_save_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str, relative: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = "models" if relative else str(tmp_path / "models")

    def build() -> Training:
        if kind == "Checkpoint":
            return Training(ignites(folder))
        return Training(by_its_folder(folder), kwargs={"to_save": {"model": torch.nn.Linear(1, 1)}})

    states = killed(build, saved_after=3, killed_after=5)
    best = "best_" * (kind == "ModelCheckpoint")
    left = [f"{best}model_4_0.7000.pt", f"{best}model_5_0.8000.pt"]
    assert models(tmp_path / "models") == left
    resumed = build().resume(states)
    folder_told = Path(folder)
    assert caplog.messages == [
        (
            f"{kind}: 2 of the files in its saved list are not in {folder_told} any more, and are left out of it: "
            f"'{best}model_2_0.5000.pt', '{best}model_3_0.6000.pt'. The run that was cut deleted them after this state "
            "was saved, or another folder is meant."
        )
    ]
    resumed.trainer.run([0])
    assert models(tmp_path / "models") == [f"{best}model_5_0.8000.pt", f"{best}model_6_0.9000.pt"]
    assert len(caplog.messages) == 1


def test_a_file_that_is_there_stays_in_the_list_and_nothing_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def build() -> Training:
        return Training(ignites(str(tmp_path)))

    resumed = build().resume(killed(build, saved_after=4, killed_after=4))
    assert caplog.messages == []
    assert resumed.checkpoint.last_checkpoint == tmp_path / "model_4_0.7000.pt"
    resumed.trainer.run([0])
    assert models(tmp_path) == ["model_5_0.8000.pt", "model_6_0.9000.pt"]


def test_a_handle_that_is_loaded_by_itself_does_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Training(ignites(str(tmp_path)))
    first.trainer.run([0], max_epochs=3)
    state = through_torch(first.handle.state_dict())
    (tmp_path / "model_2_0.5000.pt").unlink()
    second = Training(ignites(str(tmp_path)))
    second.handle.load_state_dict(state)
    assert [name for _, name in second.checkpoint.state_dict()["_saved"]] == ["model_3_0.6000.pt"]
    assert len(caplog.messages) == 1


def test_a_rank_that_has_no_such_folder_cannot_tell_and_keeps_the_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Training(ignites(str(tmp_path / "there")))
    first.trainer.run([0], max_epochs=3)
    second = Training(ignites(str(tmp_path / "elsewhere")))
    (tmp_path / "elsewhere").rmdir()
    second.recorder.load_state_dict(through_torch(first.recorder.state_dict()))
    assert second.checkpoint.state_dict() == first.checkpoint.state_dict()
    assert caplog.messages == []


@pytest.mark.parametrize("damaged", [3, {}, {"_saved": 3}, {"_saved": [3]}, {"_saved": [[1.0, "a.pt", "b.pt"]]}])
def test_a_damaged_list_is_refused_and_changes_nothing(tmp_path: Path, damaged: Any) -> None:
    training = Training(ignites(str(tmp_path)))
    training.trainer.run([0], max_epochs=3)
    (tmp_path / "model_2_0.5000.pt").unlink()
    before = training.handle.state_dict()
    with pytest.raises(StateError, match="'Checkpoint' refuses its saved state"):
        training.handle.load_state_dict({**before, "handler": damaged})
    assert training.handle.state_dict() == before  # with the file that is gone: nothing was loaded
