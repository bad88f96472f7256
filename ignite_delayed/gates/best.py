"""Keeping what is best: a checkpoint whenever a metric is better than ever since a delay was over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from ignite.handlers.checkpoint import BaseSaveHandler

from .._utils.checks import check_count, check_flag, check_name, describe, refuse_type
from .._utils.text import logger_of
from ..conditions import ConditionLike, Expression, NewBest, State
from ..conditions.expression import label_of
from ..conditions.patience import ask_for_mode
from ..errors import StateError
from ..history import Record
from ..recording.attachment import Attachment, LiveCondition
from ..recording.host import detach
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from .best_files import BestFiles, restore_file

__all__ = ["BestKeeper", "keep_best"]


class BestKeeper(LiveCondition):
    """What :func:`keep_best` returns.

    Attributes:
        checkpoint: Ignite's ``Checkpoint`` that saves.
        logger: says what was saved and restored, at level INFO.

    Example:
        >>> import tempfile, torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Recorder, keep_best
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> folder, model = tempfile.TemporaryDirectory(), torch.nn.Linear(1, 1)
        >>> keeper = keep_best(
        ...     Recorder(trainer, evaluator), "loss", mode="min", to_save={"model": model}, save_handler=folder.name
        ... )
        >>> _ = trainer.run([0], max_epochs=6)
        >>> keeper
        <BestKeeper 'best': best 0.3 in epoch 3, NewBest('loss', mode='min')>
        >>> _ = model.load_state_dict(torch.load(keeper.last_checkpoint))
        >>> folder.cleanup()
    """

    internal = True  # nobody waits behind it
    logger = logger_of("BestKeeper")
    condition: NewBest

    def __init__(
        self, recorder: Recorder, condition: NewBest, build: Callable[[BestKeeper], Checkpoint], name: str
    ) -> None:
        super().__init__(condition, latches=False)
        self.recorder = recorder
        self._saving: Record | None = None
        self.checkpoint = build(self)
        self._attached = ExitStack()
        self.name = recorder.engines.watch(self, name)
        self._attached.callback(recorder.engines.unwatch, self)

    @property
    def best_score(self) -> float | None:
        """The best value so far, ``None`` before there was one."""
        best = self.condition.found(self.state)
        return None if best is None else best.value

    @property
    def best_epoch(self) -> int | None:
        """The trainer's epoch of the best value, ``None`` before there was one."""
        best = self.condition.found(self.state)
        return None if best is None else best.epoch

    @property
    def last_checkpoint(self) -> str | Path | None:
        """The file of the best value, ``None`` before there was one. The files are on rank 0."""
        found: str | Path | None = self.checkpoint.last_checkpoint
        return found

    def remove(self) -> None:
        """Save and restore no more; the files stay. A second call does nothing."""
        self._attached.close()

    def restore_when_over(self) -> None:
        """Restore what was best whenever a run of the trainer is completed, or stopped."""
        trainer = self.recorder.trainer
        restoring = _Restoring(trainer, self._restore)
        self._attached.callback(restoring.remove)
        self.recorder.hub.add(restoring)
        self._attached.callback(self.recorder.hub.discard, restoring)

    def _restore(self) -> None:
        path = self.last_checkpoint
        if restore_file(path, self.checkpoint.to_save):
            self.logger.info("%s: restored epoch %s, %s", self.name, self.best_epoch, path)

    # --- saving ------------------------------------------------------------------------------------------------

    def _on_run(self, fresh: bool) -> None:
        super()._on_run(fresh)
        if fresh:
            self.checkpoint.reset()  # the files of the run before stay what they are

    def _changes(self, state: State, record: Record) -> bool:
        return state is not self.state and state[0] is True

    def _announce(self, record: Record) -> None:
        trainer = self.recorder.trainer
        event, self._saving = trainer.last_event_name, record
        try:
            self.checkpoint(trainer)
        finally:
            trainer.last_event_name = event  # it fires SAVED_CHECKPOINT inside of the event that goes on
        self.logger.info("%s: %s in epoch %d, %s", self.name, self.best_score, record.epoch, self.last_checkpoint)

    def step(self, *_: Any) -> str:
        """The number in the name of the file: the epoch, told apart where there is such a file."""
        record, checkpoint = self._saving, self.checkpoint
        text = "0" if record is None else str(record.epoch)
        folder = checkpoint.save_handler
        if record is None or not isinstance(folder, BestFiles):
            return text if record is None else f"{text}-{record.iteration}"
        one = next(iter(checkpoint.to_save)) if len(checkpoint.to_save) == 1 else "checkpoint"
        number = 1
        while (folder.dirname / f"{checkpoint.filename_prefix}_{one}_{text}.pt").exists():
            number += 1
            text = f"{record.epoch}-{number}"
        return text

    def priority(self, engine: Engine) -> int:
        """What is saved later is better."""
        return 0 if self._saving is None else self._saving.iteration

    # --- what is shown, and its state --------------------------------------------------------------------------

    def row(self) -> Row:
        waits = self.condition.delay(self.state)
        if waits is not None:
            until, state = waits
            return Row(self.name, "closed", until.missing(state), until.nearness(state))
        file = self.last_checkpoint
        saved = "" if file is None else f", {Path(file).name}"
        return Row(self.name, "open", f"{label_of(self.condition.monitor)}: {self._detail()}{saved}")

    def _detail(self) -> str:
        return self.condition.detail(self.state)

    def numbers(self) -> dict[str, float]:
        return {} if self.best_score is None else {f"{self.name}/best": self.best_score}

    def state_dict(self) -> dict[str, Any]:
        """Its state as plain values: the best value, and the files."""
        return {**super().state_dict(), "files": [list(item) for item in self.checkpoint.state_dict()["_saved"]]}

    def _prepare(self, raw: Any) -> Callable[[], None]:
        commit = super()._prepare(raw)
        files = raw.get("files")
        if not isinstance(files, list) or not all(map(_is_file, files)):
            raise StateError(f"the state of {self.name!r} must list numbers and files, got {describe(files)}")

        def commit_with_files() -> None:
            commit()
            self.checkpoint.load_state_dict({"_saved": files})

        return commit_with_files

    def __repr__(self) -> str:
        return f"<BestKeeper {self.name!r}: {self._detail()}, {self.condition!r}>"


def _is_file(raw: Any) -> bool:
    return isinstance(raw, (list, tuple)) and len(raw) == 2 and type(raw[0]) is int and isinstance(raw[1], str)


class _Restoring(Attachment):
    """Calls ``restore`` at COMPLETED of the trainer."""

    def __init__(self, trainer: Engine, restore: Callable[[], None]) -> None:
        self.name = "restoring"
        handle = trainer.add_event_handler(Events.COMPLETED, restore)
        self._attached = ExitStack()
        self._attached.callback(detach, handle)

    def remove(self) -> None:
        self._attached.close()


@ask_for_mode
def keep_best(
    recorder: Recorder,
    monitor: str | Expression,
    *,
    mode: Literal["min", "max"],
    to_save: Mapping[str, Any],
    save_handler: str | Path | BaseSaveHandler | Callable[..., Any],
    until: ConditionLike | None = None,
    n_saved: int | None = 1,
    restore_best: bool = False,
    name: str = "best",
) -> BestKeeper:
    """Save ``to_save`` at each evaluation at which ``monitor`` is strictly better than ever since ``until`` held.

    It is an Ignite ``Checkpoint`` with the notion of best of :func:`delay_early_stopping`: NaN is never the best, nor
    is what was seen before the delay was over. With several processes rank 0 writes. A file is removed once the next
    one is written, and none is written over: where ``best_model_3.pt`` is there already the next is
    ``best_model_3-2.pt``.

    Args:
        recorder: what feeds it, and saves its state.
        monitor: a metric's name, or an expression over several.
        mode: ``"min"`` or ``"max"``: which way is better.
        to_save: what has a ``state_dict``, by name: ``{"model": model}``.
        save_handler: a folder, which is made where there is none, or what Ignite's ``Checkpoint`` takes.
        until: a condition, or a function of one record; ``None`` for no delay.
        n_saved: how many files are kept, the last ones; ``None`` for all.
        restore_best: whether all of ``to_save`` gets the best states back when the trainer's run is completed or
            stopped, at its COMPLETED: what is attached there later sees the best weights. It needs a folder.
        name: for logs and the status, and what the names of the files begin with.

    Returns:
        The keeper: ``best_score``, ``best_epoch``, ``last_checkpoint``, ``remove()``.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, or an engine or recorder to be restored: that would set
            the clock back.
        UnknownMetricError: where no evaluator of the recorder can report the metric.

    Example:
        >>> import tempfile, torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> folder, model = tempfile.TemporaryDirectory(), torch.nn.Linear(1, 1)
        >>> keeper = keep_best(
        ...     Recorder(trainer, evaluator),
        ...     "loss",
        ...     mode="min",
        ...     until=After(epochs=2),
        ...     to_save={"model": model},
        ...     save_handler=folder.name,
        ...     restore_best=True,
        ... )
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.1, 0.2, 0.9, 0.5, 0.7][trainer.state.epoch - 1]
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> _ = trainer.run([0], max_epochs=5)
        >>> keeper.best_score, keeper.best_epoch, keeper.last_checkpoint.name
        (0.5, 4, 'best_model_4.pt')
        >>> folder.cleanup()
    """
    check_recorder(recorder)
    condition = NewBest(monitor, mode=mode, until=until)
    name, restore = check_name("name", name), check_flag("restore_best", restore_best)
    _check_saved(to_save, save_handler, restore)
    kept = None if n_saved is None else check_count("n_saved", n_saved)
    in_folder = isinstance(save_handler, (str, Path))

    def build(keeper: BestKeeper) -> Checkpoint:
        return Checkpoint(
            to_save,
            BestFiles(save_handler) if isinstance(save_handler, (str, Path)) else save_handler,
            filename_prefix=re.sub(r"[^\w.-]+", "_", name),
            filename_pattern="{filename_prefix}_{name}_{global_step}.{ext}",
            score_function=keeper.priority,
            n_saved=kept,
            global_step_transform=keeper.step,
            greater_or_equal=True,
        )

    keeper = BestKeeper(recorder, condition, build, name)
    if restore and in_folder:
        keeper.restore_when_over()
    return keeper


def _check_saved(to_save: Any, save_handler: Any, restore: bool) -> None:
    if not isinstance(to_save, Mapping) or not to_save:
        refuse_type("to_save", "what is to be saved, by name", to_save, "For example to_save={'model': model}.")
    if not restore:
        return
    if not isinstance(save_handler, (str, Path)):
        refuse_type(
            "save_handler", "a folder where restore_best=True", save_handler, "What it writes could not be read."
        )
    for key, one in to_save.items():
        if isinstance(one, (Engine, Recorder)):
            hint = "Restoring it would set the clock back: save it by a checkpoint of its own."
            refuse_type(f"to_save[{key!r}]", "no engine or recorder where restore_best=True", one, hint)
