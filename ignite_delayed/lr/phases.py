"""Phases of a parameter, one after another, across the two engines."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from ignite.engine import Events
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .._utils.checks import check_name
from ..conditions import After, Condition
from ..conditions.comparison import Finite
from ..errors import AttachError
from ..recording.attachment import Attachment
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from .cadence import Cadence, cadence_of
from .course import Course
from .live import EachObservation, PhaseEnd
from .optimizer.groups import check_bases, check_parameter, check_scales, read_all
from .optimizer.selection import Selector, select_groups, selector_label
from .optimizer.takeover import Takeover
from .optimizer.writers import Writer, claim
from .other_writers import OtherWriters
from .phase import Phase, Switched, check_lengths, check_phases, format_rates, writing_span
from .plan import Plan
from .progress import Progress
from .steppers.adapted import Adapted
from .steppers.build import build_steppers
from .steppers.schedule import ScheduleStepper
from .updates import UpdateCount

__all__ = ["LRPhases"]


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
    user has set a rate after the run of that schedule was completed or stopped, or it was removed; a run that an
    exception has cut off is neither. Where the two differ, the log says which was taken.

    The record that ends a phase is the first that the next one sees. When a run starts afresh, the groups get back what
    they had, unless the user has set other rates since.

    Args:
        recorder: what feeds the conditions.
        optimizer: whose groups are written.
        phases: the phases, in order; only the last may go on for ever.
        parameter: what is written: ``"lr"``, or for schedules any number of the groups (``"momentum"``,
            ``"weight_decay"``), or ``"beta1"`` (the momentum of Adam, also called ``"betas"``), ``"beta2"``.
        groups: those that are written: a number, a name (the ``"name"`` of a group), several of these in a list, or a
            function that is given a group. Others are left to others. Groups that are added later count by the same
            choice. All by default.
        name: for logs, marks, errors and the saved state; the parameter (and the groups) by default.
        planned_epochs: the length that shares of the run are of (greater than 0); the trainer's own by default, with
            which they change when a run is made longer.
        gradient_accumulation_steps: for phases per update with lengths in epochs or shares of the run: batches for an
            update, as ``create_supervised_trainer`` takes it; 1 where each makes one. What is left over at the end of
            an epoch is counted on in the next. An optimizer of accelerate says it itself, and that an epoch's last
            batches make an update of their own there.

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

    def __init__(
        self,
        recorder: Recorder,
        optimizer: Optimizer,
        phases: Iterable[Phase],
        *,
        parameter: str = "lr",
        groups: Selector | None = None,
        name: str | None = None,
        planned_epochs: float | None = None,
        gradient_accumulation_steps: int | Cadence | None = None,
    ) -> None:
        check_recorder(recorder)
        self.phases = check_phases(phases)
        self.optimizer = optimizer = select_groups(optimizer, groups)
        self.parameter = check_parameter(optimizer, parameter)
        check_scales(optimizer, self.parameter)
        label = self.parameter if groups is None else f"{self.parameter} of {selector_label(groups)}"
        label = label if name is None else check_name("name", name)
        if groups is not None:
            _refuse_ready(self.phases)
        steppers, parameters, entries = build_steppers(self.phases, optimizer, self.parameter)
        cadence = cadence_of(optimizer, gradient_accumulation_steps)
        check_lengths(self.phases, gradient_accumulation_steps, cadence is not None)
        plan = Plan(planned_epochs, cadence)
        takeover = Takeover(optimizer, self.parameter, entries)
        self.progress = Progress(self.phases, steppers, takeover, plan)
        if isinstance(steppers[0], ScheduleStepper):
            check_bases(self.parameter, takeover.bases()[0])
        self.recorder = recorder
        pairs = zip(self.phases, steppers, strict=True)
        what = " then ".join(stepper.kind or phase.label for phase, stepper in pairs)
        self.name = recorder.hub.reserve(label)
        self.course = Course(recorder, self.progress, self.name, self._to_front)
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
        course, trainer = self.course, recorder.trainer
        for number, phase in enumerate(self.phases, start=1):
            end = None
            if phase.until is not None:
                label = f"{self.name}, end of phase {number}"
                end = PhaseEnd(recorder, phase.until, label, course.switch, self, course.planned)
                undo.callback(end.remove)
            course.ends.append(end)
        for index, phase in enumerate(self.phases):
            if phase.per == "evaluation":
                # Without a metric every evaluation counts; this condition reads none and is moved by all.
                watched: Condition = After(evaluations=0) if phase.monitored is None else Finite(phase.monitored)
                label = f"{self.name}, phase {index + 1}"
                undo.callback(EachObservation(recorder, watched, label, course.on_evaluation(index), self).remove)
        others = OtherWriters(self.progress, self.name, self.logger)
        course.look = others.look
        for handler in others.attach(trainer):
            undo.callback(handler.remove)
        pers = {stepper.per for stepper in self.progress.steppers}
        if "update" in pers:
            UpdateCount(recorder, self.progress, self.progress.plan.cadence, self._warn, course.step_update).attach(
                undo
            )
        if pers & {"iteration", "update"}:
            undo.callback(trainer.add_event_handler(Events.ITERATION_STARTED, course.before_iteration).remove)
        if "epoch" in pers:
            undo.callback(trainer.add_event_handler(Events.EPOCH_STARTED, course.before_epoch).remove)
        for event in (Events.COMPLETED, Events.TERMINATE):
            undo.callback(trainer.add_event_handler(event, self.progress.mark_left).remove)
        undo.callback(self.progress.leave)
        recorder.hub.add(self, saved=self)
        undo.callback(recorder.hub.discard, self)

    @property
    def logger(self) -> logging.Logger:
        """Says what changed."""
        return self.course.logger

    @logger.setter
    def logger(self, logger: logging.Logger) -> None:
        self.course.logger = logger

    @property
    def index(self) -> int:
        """The number of the phase whose turn it is; ``len(phases)`` once the last has ended."""
        return self.progress.index

    @property
    def switches(self) -> list[Switched]:
        """The changes so far."""
        return self.progress.switches

    @property
    def scheduler(self) -> Any:
        """The scheduler of the phase whose turn it is, as its factory built it; ``None`` for a schedule."""
        scheduler = self.progress.stepper.scheduler
        return scheduler.scheduler if isinstance(scheduler, Adapted) else scheduler

    def get_last_lr(self) -> list[float]:
        """The value of each group, as torch's schedulers call it: of :attr:`parameter`, as it is now."""
        return read_all(self.optimizer, self.parameter)

    def remove(self) -> None:
        """Take everything off the engines; the rates stay as they are. A second call does nothing."""
        self._attached.close()

    def _warn(self, text: str, *values: Any) -> None:
        self.logger.warning("%s: %s", self.name, text % values)

    def _to_front(self) -> None:
        self.recorder.hub.to_front(self)

    def _on_run(self, fresh: bool) -> None:
        self.course.begin_run(fresh)

    def _remember(self) -> Callable[[], None]:
        return self.course.remember()

    # --- what is shown -----------------------------------------------------------------------------------------

    def row(self) -> Row | None:
        rates, count = f"{self.parameter} {format_rates(read_all(self.optimizer, self.parameter))}", len(self.phases)
        if self.index >= count:
            done = "1 phase done" if count == 1 else f"all {count} phases done"
            return Row(self.name, "ended", f"{rates}, stays; {done}")
        phase, end = self.phases[self.index], self.course.ends[self.index]
        text = f"{rates}: left alone" if phase.what is None else f"{rates}: {phase.label} per {phase.per}"
        near = None
        if end is not None:
            text += f", until: {end.condition.missing(end.state)}"
            near = end.condition.nearness(end.state)
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
        self.course.look_again()
        self.progress.load(self.name, state_dict)
        if self.recorder.engines.begun():
            self.course.resolve()
        if self.progress.stepper.writes and self.progress.takeover.before is not None:
            self._to_front()

    def __repr__(self) -> str:
        if self.index < len(self.phases):
            turn = f"phase {self.index + 1} of {len(self.phases)}, {self.phases[self.index]!r}"
            return f"<LRPhases {self.name!r}: {turn}>"
        return f"<LRPhases {self.name!r}: all {len(self.phases)} phases have ended>"


def _refuse_ready(phases: list[Phase]) -> None:
    """Refuse torch schedulers that were built for all the groups."""
    for phase in phases:
        if isinstance(phase.what, LRScheduler):
            kind = type(phase.what).__name__
            raise AttachError(
                f"this {kind} was built for all groups of its optimizer: with groups= give a function that builds it "
                f"for the optimizer that it is given, which has those alone: lambda optimizer: {kind}(optimizer, ...)"
            )
