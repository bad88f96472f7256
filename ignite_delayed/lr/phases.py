"""Phases of a parameter, one after another, across the two engines."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine, Events
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .._utils.checks import check_name
from ..conditions import After, Condition, State
from ..conditions.comparison import Finite
from ..conditions.phrases import nearness, waiting
from ..history.record import Clock, Record
from ..recording.attachment import Attachment
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from ..recording.run import position, whole_epochs
from .live import EachObservation, PhaseEnd
from .optimizer.groups import check_bases, check_optimizer, check_parameter, read_all
from .optimizer.stand_in import remember
from .optimizer.takeover import Takeover
from .optimizer.writers import Writer, claim
from .other_writers import OtherWriters
from .phase import Phase, Switched, check_phases, format_rates, writing_span
from .plan import Plan
from .progress import Progress
from .steppers.base import NoStepper
from .steppers.build import build_steppers
from .steppers.quick import quick_step
from .steppers.schedule import ScheduleStepper

__all__ = ["LRPhases"]

_BEGINNING = Clock(0, 0, 1, 0.0)


class LRPhases(Attachment):
    """Schedules and torch schedulers one after another, each until its condition or its own end.

    The phase whose turn it is moves the parameter. Schedules set it before the step, so the first batch already
    trains at their first value; torch schedulers are built when their phase begins and stepped once a unit was
    trained, right before the next. A phase that ends by its schedule's end leaves the schedule's end value behind; one
    that ends by its condition leaves the rates as they are. Schedules are factors of the base rates; torch schedulers
    start from the rates they find, and give back the momentum or betas that they moved. A group that is added or
    unfrozen later brings its own base rate to schedules; most torch schedulers take no new groups.

    The base rate is what a group has when the first phase that writes begins. What an earlier schedule has left there
    is none: the group's ``initial_lr``, where torch's schedulers and these phases note it, is taken then, unless the
    user has set a rate after that schedule ended. Where the two differ, the log says which was taken.

    The record that ends a phase is the first that the next one sees. When a run starts afresh, the groups get back what
    they had, unless the user has set other rates since.

    Args:
        recorder: what feeds the conditions.
        optimizer: whose groups are written.
        phases: the phases, in order; only the last may go on for ever.
        parameter: what is written: ``"lr"``, or for schedules any number of the groups (``"momentum"``,
            ``"weight_decay"``), or ``"beta1"``, ``"beta2"``.
        name: for logs, marks, errors and the saved state; the parameter by default.
        planned_epochs: the length that shares of the run are of (greater than 0); the trainer's own by default, with
            which they change when a run is made longer.

    Attributes:
        phases: the phases.
        index: the number of the phase whose turn it is; ``len(phases)`` once the last has ended.
        switches: the changes so far, a list of :class:`Switched`.
        logger: says what changed, at level INFO.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and for a phase after one that never ends, or a schedule
            of rates that are all 0.
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
        ...             mode="min",
        ...         ),
        ...     ],
        ... )
        >>> phases
        <LRPhases 'lr': phase 1 of 3, Phase(Linear(0.0, 1.0, fraction=0.05), per='iteration')>
    """

    logger = logging.getLogger("ignite_delayed.LRPhases")

    def __init__(
        self,
        recorder: Recorder,
        optimizer: Optimizer,
        phases: Iterable[Phase],
        *,
        parameter: str = "lr",
        name: str | None = None,
        planned_epochs: float | None = None,
    ) -> None:
        check_recorder(recorder)
        self.phases = check_phases(phases)
        self.optimizer = check_optimizer(optimizer)
        self.parameter = check_parameter(optimizer, parameter)
        label = self.parameter if name is None else check_name("name", name)
        steppers, parameters, entries = build_steppers(self.phases, optimizer, self.parameter)
        plan = Plan(planned_epochs)
        self.progress = Progress(self.phases, steppers, Takeover(optimizer, self.parameter, entries), plan)
        self._before_iteration, self._bind = quick_step(self._step_iteration)
        self._told = ""
        self._found = self.progress.takeover.bases()
        if isinstance(steppers[0], ScheduleStepper):
            check_bases(self.parameter, self._found[0])
        self.recorder = recorder
        pairs = zip(self.phases, steppers, strict=True)
        what = " then ".join(stepper.kind or phase.label for phase, stepper in pairs)
        self.name = recorder.hub.reserve(label)
        starts, ends = writing_span(self.phases)
        writer = Writer(f"{self.name!r} ({what})", weakref.ref(recorder.trainer), parameters, starts, ends)
        with ExitStack() as undo:
            undo.callback(recorder.hub.release, self.name)
            undo.callback(claim(optimizer, writer))
            self._attach(recorder, undo)
            self._attached = undo.pop_all()  # nothing failed: it stays
        if recorder.engines.begun():
            self._on_run(False)

    def _attach(self, recorder: Recorder, undo: ExitStack) -> None:
        """Attach what moves the phases: live conditions of the recorder, and handlers of the trainer."""
        self._ends: list[PhaseEnd | None] = []
        for number, phase in enumerate(self.phases, start=1):
            end = None
            if phase.until is not None:
                label = f"{self.name}, end of phase {number}"
                end = PhaseEnd(recorder, phase.until, label, self._on_switch, self, self._planned)
                undo.callback(end.remove)
            self._ends.append(end)
        for index, phase in enumerate(self.phases):
            if phase.per == "evaluation":
                # Without a metric every evaluation counts; this condition reads none and is moved by all.
                watched: Condition = After(evaluations=0) if phase.monitored is None else Finite(phase.monitored)
                label = f"{self.name}, phase {index + 1}"
                undo.callback(EachObservation(recorder, watched, label, self._on_evaluation(index), self).remove)
        for handler in OtherWriters(self.progress, self.name, self.logger).attach(recorder.trainer):
            undo.callback(handler.remove)
        pers = {stepper.per for stepper in self.progress.steppers}
        if "iteration" in pers:
            undo.callback(recorder.trainer.add_event_handler(Events.ITERATION_STARTED, self._before_iteration).remove)
        if "epoch" in pers:
            undo.callback(recorder.trainer.add_event_handler(Events.EPOCH_STARTED, self._before_epoch).remove)
        undo.callback(recorder.trainer.add_event_handler(Events.COMPLETED, self.progress.mark_left).remove)
        undo.callback(self.progress.leave)
        recorder.hub.add(self, saved=self)
        undo.callback(recorder.hub.discard, self)

    @property
    def index(self) -> int:
        """The number of the phase whose turn it is; ``len(phases)`` once the last has ended."""
        return self.progress.index

    @property
    def switches(self) -> list[Switched]:
        """The changes so far."""
        return self.progress.switches

    @property
    def scheduler(self) -> LRScheduler | None:
        """The torch scheduler of the phase whose turn it is, ``None`` for a schedule."""
        return self.progress.stepper.scheduler

    def get_last_lr(self) -> list[float]:
        """The value of each group, as torch's schedulers call it: of :attr:`parameter`, as it is now."""
        return read_all(self.optimizer, self.parameter)

    def remove(self) -> None:
        """Take everything off the engines; the rates stay as they are. A second call does nothing."""
        self._attached.close()

    # --- a run begins ------------------------------------------------------------------------------------------

    def _on_run(self, fresh: bool) -> None:
        self._bind(None)
        self.progress.resume_writing()
        if fresh:
            self.progress.start_over()
        self._resolve()
        if not self.progress.begun:
            self._begin_first(fresh)

    def _resolve(self) -> None:
        progress, trainer = self.progress, self.recorder.trainer
        progress.plan.look(self.name, trainer, any(phase.takes_share for phase in self.phases[self.index :]))
        for stepper in progress.steppers:
            stepper.resolve(trainer, progress.plan, progress.origin)

    def _planned(self) -> int | None:
        """Iterations that the run was to take from where its shares are counted."""
        plan = self.progress.plan
        iterations = plan.iterations(self.recorder.trainer)
        return None if iterations is None else max(iterations - plan.anchor[0], 0)

    def _begin_first(self, fresh: bool) -> None:
        """Let the first phase begin: with the run, in the middle of it, or where only its clock was loaded."""
        trainer, first = self.recorder.trainer, self.progress.steppers[0]
        since = _BEGINNING
        if fresh or isinstance(first, NoStepper):
            pass
        elif isinstance(first, ScheduleStepper) and trainer.last_event_name == Events.STARTED:
            self._take()
            # The optimizer may have been loaded: its rates are no bases then.
            self.progress.bases, told = list(self._found[0]), self._found[1]
            self._tell(told)
        else:
            self.progress.origin = self.progress.plan.anchor = iterations, epochs = position(trainer)
            since = Clock(epochs, iterations, self.recorder.hub.evaluations + 1, self.recorder.engines.seconds())
        self._begin(0, since, None, (0, 0))

    def _take(self) -> None:
        """Start writing. Takeovers are undone in reverse order, so each restores what it found."""
        takeover = self.progress.takeover
        if takeover.before is None:
            takeover.take()
            self.recorder.hub.to_front(self)

    # --- changes of phase --------------------------------------------------------------------------------------

    def _begin(self, index: int, since: Clock, record: Record | None, at: tuple[int, int]) -> None:
        """Let phase ``index`` begin; ``record``, after ``at`` iterations and epochs, ended the phase before."""
        if self.progress.stepper_of(index).writes:
            self._take()
        self._bind(None)
        trainer, stepper = self.recorder.trainer, self.progress.stepper_of(index)
        stepper.resolve(trainer, self.progress.plan, self.progress.origin)
        self._tell(self.progress.begin(index))
        shares = stepper.shares(trainer)
        if shares:
            self.logger.info("%s: phase %d begins: %s", self.name, index + 1, shares)
        end = self._ends[index] if index < len(self._ends) else None
        if end is not None and end.arm(since, record, at):
            assert record is not None
            self._on_switch(record)

    def _tell(self, told: str) -> None:
        """Which base rates were taken, where there is a question."""
        if told not in ("", self._told):
            self._told = told
            self.logger.warning("%s: which %s is the base? %s", self.name, self.parameter, told)

    def _change(
        self, why: str, origin: tuple[int, int], record: Record, at: tuple[int, int], before: list[float]
    ) -> None:
        """Go on to the next phase, which begins after ``origin`` iterations and epochs, and note it."""
        progress = self.progress
        progress.origin = iterations, epochs = origin
        following, noted = progress.index + 1, len(progress.switches)
        evaluations = record.evaluation + 1 if record.is_tick else record.evaluation
        self._begin(following, Clock(epochs, iterations, evaluations, record.seconds), record, at)
        after = read_all(self.optimizer, self.parameter)
        # The same record may have ended that phase too: its change is noted already, and comes after this one.
        progress.switches.insert(noted, Switched(following, record.epoch, iterations, why, before, after))
        then = repr(self.phases[following]) if following < len(self.phases) else "no phase"
        text = f"{why}; then {then}; {self.parameter} {format_rates(before)} -> {format_rates(after)}"
        begins = epochs + 1 if whole_epochs(self.recorder.trainer, iterations) else None
        mark = self.recorder.hub.mark("switched", "phases", self.name, record, text, before=begins)
        self.logger.info("%s switched %s: %s", self.name, mark.when, text)

    def _on_switch(self, record: Record) -> None:
        end = self._ends[self.index]
        assert end is not None
        at = end.at
        before = read_all(self.optimizer, self.parameter)
        self.progress.plan.anchor = at
        self._change(f"{self.phases[self.index].until!r} held", at, record, at, before)

    def _remember(self) -> Callable[[], None]:
        undo = [remember(self.optimizer), self.progress.remember()]
        undo += [end.remember() for end in self._ends if end is not None]

        def put_back() -> None:
            for one in undo:
                one()

        return put_back

    def _finish(self, engine: Engine, step: int) -> None:
        """Go past schedules that end by themselves, all or none, then step the phase whose turn it is."""
        if step < self.progress.stepper.stop:
            self.progress.stepper.step(self.optimizer, self.progress.bases, step)
        else:
            self.recorder.hub.whole(self._remember(), lambda: self._pass_ends(engine, step))

    def _pass_ends(self, engine: Engine, step: int) -> None:
        progress = self.progress
        stepper = progress.stepper
        while step >= stepper.stop:
            before = read_all(self.optimizer, self.parameter)
            length = int(stepper.stop)
            stepper.step(self.optimizer, progress.bases, length)  # what follows starts from the end value
            iterations, epochs = position(engine)
            late = step - length  # after a resume from the clock alone the phase may have ended long ago
            origin = (iterations - late, epochs) if stepper.per == "iteration" else (iterations, epochs - late)
            end = self._ends[progress.index]
            if end is not None:
                end.disarm()
            now = self.recorder.engines.now()
            previous = stepper.per
            self._change(f"{self.phases[progress.index].label} ended", origin, now, (iterations, epochs), before)
            stepper = progress.stepper
            stepper.resumed = late > 0
            step = late if stepper.per == previous else 0
        stepper.step(self.optimizer, progress.bases, step)

    # --- what the engines call ---------------------------------------------------------------------------------

    def _step_iteration(self, engine: Engine) -> None:
        """The slow way of an iteration, which binds the quick one for the rest of the epoch."""
        progress = self.progress
        if progress.stepper.per == "iteration":
            iteration = engine.state.iteration
            self._finish(engine, max(iteration - 1 - progress.origin[0], 0))
            stepper, length = progress.stepper, engine.state.epoch_length or 1
            if isinstance(stepper, ScheduleStepper) and stepper.per == "iteration":
                high = iteration + length - (iteration - 1) % length  # the groups are looked at anew in each epoch
                self._bind(stepper.bound(self.optimizer, progress.bases, progress.origin[0], iteration, high))

    def _before_epoch(self, engine: Engine) -> None:
        if self.progress.stepper.per == "epoch":
            # The epoch in whose middle the phase began is no step of it; it is begun twice if a run is resumed there.
            self._finish(engine, max(engine.state.epoch - 1 - self.progress.origin[1], 0))

    def _on_evaluation(self, index: int) -> Callable[[State, Record], None]:
        monitored = self.phases[index].monitored is not None

        def evaluated(state: State, record: Record) -> None:
            value = state[1][0] if monitored else None
            if self.index == index and not (monitored and value is None):
                self.progress.stepper.observe(self.recorder.trainer, record.evaluation, value)

        return evaluated

    # --- what is shown -----------------------------------------------------------------------------------------

    def row(self) -> Row | None:
        rates, count = f"{self.parameter} {format_rates(read_all(self.optimizer, self.parameter))}", len(self.phases)
        if self.index >= count:
            done = "1 phase done" if count == 1 else f"all {count} phases done"
            return Row(self.name, "ended", f"{rates}, stays; {done}")
        phase, end = self.phases[self.index], self._ends[self.index]
        text = f"{rates}: left alone" if phase.what is None else f"{rates}: {phase.label} per {phase.per}"
        near = None
        if end is not None:
            text += f", until: {waiting(end.condition, end.state)}"
            near = nearness(end.condition, end.state)
        return Row(self.name, f"phase {self.index + 1} of {count}", text, near)

    def numbers(self) -> dict[str, float]:
        told = {f"{self.name}/phase": float(self.index + 1)}
        for index, value in enumerate(read_all(self.optimizer, self.parameter)):
            told[f"{self.name}/group_{index}"] = value
        return told

    # --- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The phase whose turn it is, the base rates, the scheduler's state and the groups, as plain values."""
        return self.progress.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the saved run was; the groups get the rates they had.

        Raises:
            StateError: where the state is of other phases, or damaged; nothing was changed.
        """
        self._bind(None)
        self.progress.load(self.name, state_dict)
        if self.recorder.engines.begun():
            self._resolve()
        if self.progress.stepper.writes and self.progress.takeover.before is not None:
            self.recorder.hub.to_front(self)

    def __repr__(self) -> str:
        if self.index < len(self.phases):
            turn = f"phase {self.index + 1} of {len(self.phases)}, {self.phases[self.index]!r}"
            return f"<LRPhases {self.name!r}: {turn}>"
        return f"<LRPhases {self.name!r}: all {len(self.phases)} phases have ended>"
