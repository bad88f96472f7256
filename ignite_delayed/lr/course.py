"""The course of phases: the first begins with the run, each is stepped, and where one ends the next begins."""

from __future__ import annotations

from collections.abc import Callable

from ignite.engine import Engine, Events

from .._utils.text import logger_of
from ..conditions import State
from ..errors import StateError
from ..history.record import Clock, Record
from ..recording.recorder import Recorder
from ..recording.runs.run import position, whole_epochs
from .live import PhaseEnd
from .optimizer.groups import read_all
from .optimizer.stand_in import remember
from .phase import Switched, format_rates
from .progress import Progress
from .steppers.base import NoStepper
from .steppers.quick import quick_step
from .steppers.schedule import ScheduleStepper

__all__ = ["Course"]

_BEGINNING = Clock(0, 0, 1, 0.0)


class Course:
    """Lets phases begin, step and end, as the engines call.

    Args:
        recorder: whose trainer counts, and which is told of changes.
        progress: how far the phases are, which is moved here.
        name: of the phases, for logs and marks.
        to_front: called when they take the groups over.

    Attributes:
        ends: for each phase the live condition that ends it, ``None`` where there is none.
        before_iteration: steps the rate as an iteration begins.
        look: called before that, at the least in the first iteration of an epoch.
        logger: says what changed.
    """

    def __init__(self, recorder: Recorder, progress: Progress, name: str, to_front: Callable[[], None]) -> None:
        self.ends: list[PhaseEnd | None] = []
        self.logger = logger_of("LRPhases")
        self.look: Callable[[Engine], None] = lambda engine: None
        self.before_iteration, self._bind = quick_step(self._step_iteration)
        self._recorder, self._progress, self._name, self._to_front = recorder, progress, name, to_front
        self._phases, self._takeover = progress.phases, progress.takeover
        self._optimizer, self._parameter = self._takeover.optimizer, self._takeover.parameter
        self._found = self._takeover.bases()
        self._told = ""

    # --- a run begins ------------------------------------------------------------------------------------------

    def begin_run(self, fresh: bool) -> None:
        """Go on with the run that begins; where it is ``fresh``, from the first phase."""
        self.look_again()
        self._progress.resume_writing()
        if fresh:
            self._progress.start_over()
        self.resolve()
        if not self._progress.begun:
            self._begin_first(fresh)

    def resolve(self) -> None:
        """Learn the lengths of the phases from that of the run."""
        progress, trainer = self._progress, self._recorder.trainer
        progress.plan.look(self._name, trainer, any(phase.takes_share for phase in self._phases[progress.index :]))
        for stepper in progress.steppers:
            stepper.resolve(trainer, progress.plan, progress.origin)

    def look_again(self) -> None:
        """Look at everything anew at the next iteration."""
        self._bind(None)

    def planned(self) -> int | None:
        """Iterations that the run was to take from where its shares are counted."""
        plan = self._progress.plan
        iterations = plan.iterations(self._recorder.trainer)
        return None if iterations is None else max(iterations - plan.anchor[0], 0)

    def _begin_first(self, fresh: bool) -> None:
        """Let the first phase begin: with the run, in the middle of it, or where only its clock was loaded."""
        trainer, progress = self._recorder.trainer, self._progress
        first, since = progress.steppers[0], _BEGINNING
        if fresh or isinstance(first, NoStepper):
            pass
        elif isinstance(first, ScheduleStepper) and trainer.last_event_name == Events.STARTED:
            progress.updates = self._updates_before(trainer)
            self._take()
            # The optimizer may have been loaded: its rates are no bases then.
            progress.bases, told = list(self._found[0]), self._found[1]
            self._tell(told)
        else:
            progress.origin = progress.plan.anchor = iterations, epochs = position(trainer)
            since = Clock(epochs, iterations, self._recorder.hub.evaluations + 1, self._recorder.engines.seconds())
        self._begin(0, since, None, (0, 0))

    def _updates_before(self, trainer: Engine) -> int:
        """The updates before a run that goes on from the trainer's clock alone.

        Raises:
            StateError: where that does not tell.
        """
        iterations, length, cadence = trainer.state.iteration, trainer.state.epoch_length, self._progress.plan.cadence
        if cadence is not None and length:
            return cadence.after(iterations, length)
        if iterations and any(stepper.per == "update" for stepper in self._progress.steppers):
            raise StateError(
                f"{self._name!r} counts updates of the optimizer, and how many there were in {iterations} iterations "
                "before is not known: load the recorder's state, or say gradient_accumulation_steps="
            )
        return 0

    def _take(self) -> None:
        """Start writing. Takeovers are undone in reverse order, so each restores what it found."""
        if self._takeover.before is None:
            self._takeover.take()
            self._to_front()

    # --- changes of phase --------------------------------------------------------------------------------------

    def _begin(self, index: int, since: Clock, record: Record | None, at: tuple[int, int]) -> None:
        """Let phase ``index`` begin; ``record``, after ``at`` iterations and epochs, ended the phase before."""
        progress, trainer = self._progress, self._recorder.trainer
        stepper = progress.stepper_of(index)
        if stepper.writes:
            self._take()
        progress.plan.origins = (*progress.plan.origins[:index], progress.origin)
        self.look_again()
        stepper.resolve(trainer, progress.plan, progress.origin)
        self._tell(progress.begin(index))
        shares = stepper.shares(trainer, progress.plan)
        if shares:
            self.logger.info("%s: phase %d begins: %s", self._name, index + 1, shares)
        end = self.ends[index] if index < len(self.ends) else None
        if end is not None and end.arm(since, record, at):
            assert record is not None
            self.switch(record)

    def _tell(self, told: str) -> None:
        """Which base rates were taken, where there is a question."""
        if told not in ("", self._told):
            self._told = told
            self.logger.warning("%s: which %s is the base? %s", self._name, self._parameter, told)

    def _change(
        self, why: str, origin: tuple[int, int], record: Record, at: tuple[int, int], before: list[float]
    ) -> None:
        """Go on to the next phase, which begins after ``origin`` iterations and epochs, and note it."""
        progress = self._progress
        progress.origin = iterations, epochs = origin
        following, noted = progress.index + 1, len(progress.switches)
        evaluations = record.evaluation + 1 if record.is_tick else record.evaluation
        self._begin(following, Clock(epochs, iterations, evaluations, record.seconds), record, at)
        after = read_all(self._optimizer, self._parameter)
        # The same record may have ended that phase too: its change is noted already, and comes after this one.
        progress.switches.insert(noted, Switched(following, record.epoch, iterations, why, before, after))
        then = repr(self._phases[following]) if following < len(self._phases) else "no phase"
        text = f"{why}; then {then}; {self._parameter} {format_rates(before)} -> {format_rates(after)}"
        begins = epochs + 1 if whole_epochs(self._recorder.trainer, iterations) else None
        mark = self._recorder.hub.mark("switched", "phases", self._name, record, text, before=begins)
        self.logger.info("%s switched %s: %s", self._name, mark.when, text)

    def switch(self, record: Record) -> None:
        """Go on to the next phase: ``record`` has ended the one whose turn it is, by its condition."""
        progress = self._progress
        end = self.ends[progress.index]
        assert end is not None
        at = end.at
        before = read_all(self._optimizer, self._parameter)
        progress.plan.anchor, progress.updates_before = at, progress.updates
        self._change(f"{self._phases[progress.index].until!r} held", at, record, at, before)

    def remember(self) -> Callable[[], None]:
        """A function that puts all back as it is now, the groups included."""
        undo = [remember(self._optimizer), self._progress.remember()]
        undo += [end.remember() for end in self.ends if end is not None]

        def put_back() -> None:
            for one in undo:
                one()

        return put_back

    def _finish(self, engine: Engine, step: int) -> None:
        """Go past schedules that end by themselves, all or none, then step the phase whose turn it is."""
        stepper = self._progress.stepper
        if step < stepper.stop:
            stepper.step(self._optimizer, self._progress.bases, step)
        else:
            self._recorder.hub.whole(self.remember(), lambda: self._pass_ends(engine, step))

    def _pass_ends(self, engine: Engine, step: int) -> None:
        progress = self._progress
        stepper = progress.stepper
        while step >= stepper.stop:
            before = read_all(self._optimizer, self._parameter)
            length = int(stepper.stop)
            stepper.step(self._optimizer, progress.bases, length)  # what follows starts from the end value
            iterations, epochs = position(engine)
            late = step - length  # after a resume from the clock alone the phase may have ended long ago
            origin = iterations, epochs
            if stepper.per == "update":
                progress.updates_before = progress.updates - late
            else:
                origin = (iterations - late, epochs) if stepper.per == "iteration" else (iterations, epochs - late)
                progress.updates_before = progress.updates
            end = self.ends[progress.index]
            if end is not None:
                end.disarm()
            now = self._recorder.engines.now()
            previous = stepper.per
            self._change(f"{self._phases[progress.index].label} ended", origin, now, (iterations, epochs), before)
            stepper = progress.stepper
            stepper.resumed = late > 0
            step = late if stepper.per == previous else 0
        stepper.step(self._optimizer, progress.bases, step)

    # --- what the engines call ---------------------------------------------------------------------------------

    def _step_iteration(self, engine: Engine) -> None:
        """The slow way of an iteration, which binds the quick one for the rest of the epoch."""
        progress = self._progress
        self.look(engine)
        if progress.stepper.per == "update":
            self.step_update(engine)
        elif progress.stepper.per == "iteration":
            iteration = engine.state.iteration
            self._finish(engine, max(iteration - 1 - progress.origin[0], 0))
            stepper, length = progress.stepper, engine.state.epoch_length or 1
            if isinstance(stepper, ScheduleStepper) and stepper.per == "iteration":
                high = iteration + length - (iteration - 1) % length  # the groups are looked at anew in each epoch
                self._bind(stepper.bound(self._optimizer, progress.bases, progress.origin[0], iteration, high))

    def step_update(self, engine: Engine) -> None:
        """Set the rate for the next update of the optimizer."""
        if self._progress.stepper.per == "update":
            self._finish(engine, self._progress.updates - self._progress.updates_before)

    def before_epoch(self, engine: Engine) -> None:
        """Step the rate as an epoch begins."""
        if self._progress.stepper.per == "epoch":
            # The epoch in whose middle the phase began is no step of it; it is begun twice if a run is resumed there.
            self._finish(engine, max(engine.state.epoch - 1 - self._progress.origin[1], 0))

    def on_evaluation(self, index: int) -> Callable[[State, Record], None]:
        """What tells the stepper of phase ``index`` of evaluations, while it has its turn."""
        progress, monitored = self._progress, self._phases[index].monitored is not None

        def evaluated(state: State, record: Record) -> None:
            value = state[1][0] if monitored else None
            if progress.index == index and not (monitored and value is None):
                progress.stepper.observe(self._recorder.trainer, record.evaluation, value)

        return evaluated
