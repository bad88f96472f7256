"""Phases of a parameter, one after another, across the two engines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ignite.engine import Engine, Events
from torch.optim import Optimizer

from .._checks import check_name, refuse_type
from ..conditions import After, Condition, State
from ..conditions.comparison import Finite
from ..recorder import Recorder
from ..records import Record
from . import _saving
from ._drives import Drive, ScheduleDrive, SchedulerDrive
from ._gates import Feed, Switch
from ._groups import check_optimizer, check_parameter, read_all, restore, snapshot
from ._position import position
from ._writers import Writer, claim, release
from .phase import Phase, check_phases, window

__all__ = ["LRPhases", "Switched"]

_BEGINNING = (0, 0, 1, 0.0)


class Switched(NamedTuple):
    """One change of phase.

    Args:
        phase: the number of the phase that begins, from 0; one past the last when the last ends.
        epoch, iteration: the trainer's clock: so many iterations were finished.
        why: what ended the phase before.
        before, after: each group's value before and after.
    """

    phase: int
    epoch: int
    iteration: int
    why: str
    before: list[float]
    after: list[float]


class LRPhases:
    """Schedules and torch schedulers one after another, each until its condition or its own end.

    The phase whose turn it is moves the parameter. Schedules set it before the step, so the first batch already
    trains at their first value; torch schedulers are built when their phase begins and stepped after the optimizer's
    step. A phase that ends by its schedule's end leaves the schedule's end value behind; one that ends by its
    condition leaves the rates as they are. Schedules are factors of the base rates, which each group has when the
    first phase that writes begins; torch schedulers start from the rates they find.

    The record that ends a phase is the first that the next one sees.

    Args:
        recorder: what feeds the conditions.
        optimizer: whose groups are written.
        phases: the phases, in order; only the last may go on for ever.
        parameter: what is written: ``"lr"``, or for schedules any number of the groups (``"momentum"``,
            ``"weight_decay"``), or ``"beta1"``, ``"beta2"``.
        name: for logs, marks and errors.

    Attributes:
        phases: the phases.
        index: the number of the phase whose turn it is; ``len(phases)`` once the last has ended.
        switches: the changes so far, a list of :class:`Switched`.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and for a phase after one that never ends.
        AttachError: where something else writes the same parameter of this optimizer at the same time.
        UnknownMetricError: where no evaluator of the recorder can report a metric that is read.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Cosine, LRPhases, Phase, Plateau, Recorder, warmup
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: optimizer.step()), Engine(lambda engine, batch: None)
        >>> phases = LRPhases(
        ...     Recorder(trainer, evaluator),
        ...     optimizer,
        ...     [
        ...         Phase(warmup(fraction=0.05), per="iteration"),
        ...         Phase(Cosine(fraction=0.95), per="iteration", until=Plateau("loss", mode="min", patience=5)),
        ...         Phase(
        ...             lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(
        ...                 optimizer, factor=0.25, patience=10
        ...             ),
        ...             monitor="loss",
        ...         ),
        ...     ],
        ... )
        >>> phases
        <LRPhases 'lr': phase 1 of 3, Phase(Linear(0.0, 1.0, fraction=0.05), per='iteration')>
    """

    def __init__(
        self,
        recorder: Recorder,
        optimizer: Optimizer,
        phases: Iterable[Phase],
        *,
        parameter: str = "lr",
        name: str | None = None,
    ) -> None:
        if not isinstance(recorder, Recorder):
            refuse_type("recorder", "a Recorder", recorder, "Build one: Recorder(trainer, evaluator).")
        self.phases = check_phases(phases)
        self.optimizer = check_optimizer(optimizer)
        self.parameter = check_parameter(optimizer, parameter)
        conditions = [phase.until for phase in self.phases if phase.until is not None]
        drives = [phase._drive(optimizer, parameter, conditions) for phase in self.phases]
        self.recorder = recorder
        label = parameter if name is None else check_name("name", name)
        self._writer = Writer(label, frozenset({parameter}), *window(self.phases))
        claim(optimizer, self._writer)
        self._drives: list[Drive] = drives
        self._untouched: list[dict[str, Any]] | None = None
        self._forget()
        try:
            self._feed_from(recorder, label)
        except BaseException:
            self.remove()
            raise
        self.name = recorder._unique(f"{label} phases")
        recorder._stateful[self.name] = self
        recorder._on_begin.append(self._on_run)
        recorder._handles.append(self)

    _undo: list[Any]

    def _feed_from(self, recorder: Recorder, label: str) -> None:
        """Attach what moves the phases: gates of the recorder, and handlers of the trainer."""
        self._undo = []
        self._switches: list[Switch | None] = []
        for number, phase in enumerate(self.phases, start=1):
            switch = None
            if phase.until is not None:
                switch = Switch(recorder, phase.until, f"{label} phase {number}", self._on_switch)
                self._undo.append(switch)
            self._switches.append(switch)
        for index, phase in enumerate(self.phases):
            if phase.per == "evaluation":
                # Without a metric every evaluation counts; this condition reads none and is moved by all.
                watched: Condition = After(evaluations=0) if phase._monitored is None else Finite(phase._monitored)
                self._undo.append(Feed(recorder, watched, f"{label} feed {index + 1}", self._on_evaluation(index)))
        trainer, pers = recorder.trainer, {(drive.per, type(drive)) for drive in self._drives}
        handlers = {
            Events.ITERATION_STARTED: (("iteration", ScheduleDrive), self._before_iteration),
            Events.EPOCH_STARTED: (("epoch", ScheduleDrive), self._before_epoch),
            Events.ITERATION_COMPLETED: (("iteration", SchedulerDrive), self._after_iteration),
            Events.EPOCH_COMPLETED: (("epoch", SchedulerDrive), self._after_epoch),
        }
        for event, (needed, handler) in handlers.items():
            if needed in pers:
                self._undo.append(trainer.add_event_handler(event, handler))

    def _forget(self) -> None:
        """Become as new; the optimizer is left alone."""
        self.index = 0
        self.switches: list[Switched] = []
        self._bases: list[float] = []
        self._origin = (0, 0)  # iterations and epochs finished when the phase began
        self._left: list[float] | None = None  # what we wrote last

    @property
    def _drive(self) -> Drive | None:
        return self._drives[self.index] if self.index < len(self._drives) else None

    @property
    def scheduler(self) -> Any:
        """The torch scheduler of the phase whose turn it is, ``None`` for a schedule."""
        return getattr(self._drive, "scheduler", None)

    def remove(self) -> None:
        """Take everything off the engines; the rates stay as they are. A second call does nothing."""
        while self._undo:
            self._undo.pop().remove()
        release(self.optimizer, self._writer)
        if self.recorder._stateful.get(getattr(self, "name", "")) is self:
            del self.recorder._stateful[self.name]
            self.recorder._names.discard(self.name)
            self.recorder._on_begin.remove(self._on_run)

    # --- a run begins ------------------------------------------------------------------------------------------

    def _on_run(self, fresh: bool) -> None:
        for drive in self._drives:
            drive.resolve(self.recorder.trainer)
        if fresh:
            if self._left is not None and self._left == read_all(self.optimizer, self.parameter):
                assert self._untouched is not None  # nobody else has set the rates since: give back what we changed
                restore(self.optimizer, self._untouched)
            self._forget()
        if not self.switches and self._left is None:
            self._begin(0, _BEGINNING, None)

    # --- changes of phase --------------------------------------------------------------------------------------

    def _begin(self, index: int, since: tuple[int, int, int, float], record: Record | None) -> None:
        """Let phase ``index`` begin; ``record`` is the one that ended the phase before."""
        self.index = index
        drive = self._drive
        if drive is None:
            return
        if drive.writes and not self._bases:
            self._untouched = snapshot(self.optimizer)
            self._bases = read_all(self.optimizer, self.parameter)
        drive.begin(self.optimizer, self._bases, self._origin[0])
        if drive.writes:
            self._left = read_all(self.optimizer, self.parameter)
        switch = self._switches[index]
        if switch is not None and switch.arm(since, record):
            assert record is not None
            self._on_switch(record)

    def _change(self, why: str, origin: tuple[int, int], record: Record, before: list[float]) -> None:
        """Go on to the next phase, which begins after ``origin`` iterations and epochs, and note it."""
        self._origin = iterations, epochs = origin
        following, noted = self.index + 1, len(self.switches)
        since = (epochs, iterations, record.evaluation + record.is_tick, record.seconds)
        self._begin(following, since, None if record.is_tick else record)
        after = read_all(self.optimizer, self.parameter)
        self.switches.insert(noted, Switched(following, record.epoch, iterations, why, before, after))
        then = repr(self.phases[following]) if following < len(self.phases) else "no phase"
        text = f"{why}; then {then}; {self.parameter} {_listed(before)} -> {_listed(after)}"
        self.recorder.history.mark("switched", self.name, record, text)

    def _on_switch(self, record: Record) -> None:
        before = read_all(self.optimizer, self.parameter)
        self._change(f"{self.phases[self.index].until!r} held", position(self.recorder.trainer), record, before)

    def _finish(self, engine: Engine, step: int) -> int:
        """Go past schedules that end by themselves; the step in the phase whose turn it is then."""
        drive = self._drive
        while isinstance(drive, ScheduleDrive) and self.index + 1 < len(self._drives):
            length = drive.length()
            if length is None or step < length:
                break
            before = read_all(self.optimizer, self.parameter)
            drive.set(self.optimizer, self._bases, length)  # what follows starts from the end value
            iterations, epochs = position(engine)
            late = step - length  # after a resume from the clock alone the phase may have ended long ago
            origin = (iterations - late, epochs) if drive.per == "iteration" else (iterations, epochs - late)
            switch = self._switches[self.index]
            if switch is not None:
                switch.disarm()
            now = self.recorder._record(None, {}, self.recorder._evaluations)
            self._change(f"{self.phases[self.index].what!r} ended", origin, now, before)
            previous, drive = drive.per, self._drive
            step = late if drive is not None and drive.per == previous else 0
        return step

    # --- what the engines call ---------------------------------------------------------------------------------

    def _before_iteration(self, engine: Engine) -> None:
        drive = self._drive
        if isinstance(drive, ScheduleDrive) and drive.per == "iteration":
            self._write(engine, engine.state.iteration - 1 - self._origin[0])

    def _before_epoch(self, engine: Engine) -> None:
        drive = self._drive
        if isinstance(drive, ScheduleDrive) and drive.per == "epoch":
            self._write(engine, engine.state.epoch - 1 - self._origin[1])

    def _write(self, engine: Engine, step: int) -> None:
        step = self._finish(engine, max(step, 0))
        drive = self._drive
        if isinstance(drive, ScheduleDrive):
            drive.set(self.optimizer, self._bases, step)
        self._left = read_all(self.optimizer, self.parameter)

    def _after_iteration(self, engine: Engine) -> None:
        self._advance("iteration", engine)

    def _after_epoch(self, engine: Engine) -> None:
        self._advance("epoch", engine)

    def _advance(self, per: str, engine: Engine) -> None:
        drive = self._drive
        if isinstance(drive, SchedulerDrive) and drive.per == per:
            drive.advance(engine)
            self._left = read_all(self.optimizer, self.parameter)

    def _on_evaluation(self, index: int) -> Any:
        def evaluated(state: State, record: Record) -> None:
            drive = self._drive
            if drive is None or self.index != index:
                return
            monitored = self.phases[index]._monitored is not None
            drive.advance(self.recorder.trainer, state[1][0] if monitored else None)
            self._left = read_all(self.optimizer, self.parameter)

        return evaluated

    # --- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The phase whose turn it is, the base rates, the scheduler's state and the groups, as plain values."""
        return _saving.save(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the saved run was; the groups get the rates they had.

        Raises:
            StateError: where the state is of other phases, or damaged; nothing was changed.
        """
        _saving.load(self, state_dict)

    def __repr__(self) -> str:
        if self.index < len(self.phases):
            turn = f"phase {self.index + 1} of {len(self.phases)}, {self.phases[self.index]!r}"
            return f"<LRPhases {self.parameter!r}: {turn}>"
        return f"<LRPhases {self.parameter!r}: all {len(self.phases)} phases have ended>"


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
