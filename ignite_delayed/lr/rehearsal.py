"""A run of phases without its batches: what may change more than a factor is lived through, the rest is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from ignite.engine import Engine, Events

from ..conditions import Condition, Metric, Predicate
from .forecast import Reports, first_epoch
from .optimizer.groups import BETAS, is_number, read_all
from .phase import Phase
from .phases import LRPhases
from .steppers.base import NoStepper
from .steppers.schedule import ScheduleStepper

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["rehearse"]

_BY_ITERATION = {"iterations", "fraction"}  # units of the clock of which it is known at which iteration they turn


def rehearse(
    run: LRPhases, metrics: Mapping[str, Callable[[int], float]], epochs: int, iterations_per_epoch: int
) -> npt.NDArray[np.float64]:
    """What each batch would train at, and each group; ``run`` has gone through its phases then.

    Args:
        run: phases that have not begun, on a trainer of their own, whose recorder is fed by hand. What ends them is
            replaced by the moment at which it will.
        metrics: the value of each metric after an epoch.
        epochs: the length of the run.
        iterations_per_epoch: that of an epoch.
    """
    return _Rehearsal(run, metrics, epochs, iterations_per_epoch).rates()


class _Rehearsal:
    def __init__(
        self, run: LRPhases, metrics: Mapping[str, Callable[[int], float]], epochs: int, iterations_per_epoch: int
    ) -> None:
        self._run, self._reports = run, Reports(metrics, epochs)
        self._length, self._epochs, self._total = iterations_per_epoch, epochs, epochs * iterations_per_epoch
        self._trainer: Engine = run.recorder.trainer
        self._trainer.state.epoch_length, self._trainer.state.max_epochs = iterations_per_epoch, epochs
        self._epoch = 0
        self._foreseen = -1  # the phase of which it was looked up when it ends
        self._end: int | None = None

    def rates(self) -> npt.NDArray[np.float64]:
        groups = self._run.optimizer.param_groups
        table = np.empty((self._total, len(groups)))
        self._trainer.fire_event(Events.STARTED)
        iteration = 1
        while iteration <= self._total:
            table[iteration - 1] = self._train(iteration)
            following = self._next_moment(iteration)
            if following > iteration + 1:
                self._fill(table, iteration, following)
            iteration = following
        return table

    def _train(self, iteration: int) -> list[float]:
        """Live through ``iteration``; the values that it trains at."""
        trainer, run, length = self._trainer, self._run, self._length
        epoch = (iteration - 1) // length + 1
        trainer.state.epoch = epoch
        if epoch != self._epoch:
            self._epoch = epoch
            trainer.state.iteration = (epoch - 1) * length
            trainer.fire_event(Events.EPOCH_STARTED)
        self._count_updates(iteration - 1)
        trainer.state.iteration = iteration
        trainer.fire_event(Events.ITERATION_STARTED)
        values = read_all(run.optimizer, run.parameter)
        run.optimizer.step()
        self._count_updates(iteration)
        if iteration % length == 0:
            trainer.fire_event(Events.EPOCH_COMPLETED)
            if self._ends():
                run.recorder.record(self._reports.after(epoch))
        return values

    def _count_updates(self, iterations: int) -> None:
        if self._run.progress.plan.cadence is not None:
            self._run.progress.updates = self._updates(iterations)

    def _updates(self, iterations: Any) -> Any:
        """The updates of the optimizer after so many iterations, which may be an array."""
        cadence = self._run.progress.plan.cadence
        assert cadence is not None
        return cadence.after(iterations, self._length)

    def _ends(self) -> list[Phase]:
        """The phases, from that whose turn it is, that an evaluation or the clock may end or step."""
        phases = self._run.phases[self._run.index :]
        return [phase for phase in phases if phase.until is not None or phase.per == "evaluation"]

    # --- what must be lived through ----------------------------------------------------------------------------

    def _next_moment(self, iteration: int) -> int:
        """The next iteration that must be lived through: one whose beginning or end may change more than a factor.

        And the one before, whose values are noted as those before the change.
        """
        if not self._holds_numbers():
            return iteration + 1  # what is written to a tensor is rounded there
        run, length = self._run, self._length
        stepper = run.progress.stepper
        if self._foreseen != run.index:
            self._foreseen, self._end = run.index, self._foresee(iteration)
        bounds: list[float] = [self._total, iteration + -iteration % length if self._end is None else self._end]
        if isinstance(stepper, ScheduleStepper) and stepper.stop < math.inf:
            bounds.append(self._last_iteration(stepper))
        until = self._until()
        if until is not None and _BY_ITERATION.intersection(until.clock_units or ()):
            bounds.append(run.recorder.hub.wake_at - 1)
        return max(iteration + 1, int(min(bounds)))

    def _last_iteration(self, stepper: ScheduleStepper) -> float:
        """That of a schedule which ends by itself."""
        progress, (begun_after, epochs) = self._run.progress, self._run.progress.origin
        if stepper.per == "update":
            assert progress.plan.cadence is not None
            return progress.plan.cadence.reached(progress.updates_before + int(stepper.stop), self._length)
        return (epochs + stepper.stop) * self._length if stepper.per == "epoch" else begun_after + stepper.stop

    def _holds_numbers(self) -> bool:
        parameter = self._run.parameter
        groups = self._run.optimizer.param_groups
        held: list[Any] = [g["betas"][BETAS[parameter]] if parameter in BETAS else g[parameter] for g in groups]
        return all(map(is_number, held))

    def _until(self) -> Condition | None:
        """What ends the phase whose turn it is."""
        return self._run.phases[self._run.index].until if self._run.index < len(self._run.phases) else None

    def _foresee(self, iteration: int) -> int | None:
        """The last iteration before an evaluation, or the beginning of an epoch, ends the phase that has just begun.

        ``None`` where that is not known, so that each end of an epoch is lived through.
        """
        until, run = self._until(), self._run
        units: Collection[str] | None = None if until is None else until.clock_units
        if not all(self._is_last_value(phase) for phase in self._ends()):
            return None
        if until is None or (units and _BY_ITERATION.issuperset(units)):
            return self._total
        if units is not None and len(units) != 1:
            return None  # the clock may end it, at an evaluation or between two
        origin, planned = run.progress.origin, run.course.planned()
        at_record = origin[0] == iteration
        epoch = first_epoch(until, self._reports, origin, at_record, self._length, self._epochs, planned)
        if epoch is None:
            return None
        if units is not None and "epochs" in units:
            return (epoch - 1) * self._length
        self._let_end(epoch * self._length - origin[0])
        return epoch * self._length

    def _is_last_value(self, phase: Phase) -> bool:
        """Whether what ``phase`` monitors, if anything, is known, and nothing but the last evaluation counts for it."""
        metric = phase.monitored
        return metric is None or (isinstance(metric, Metric) and self._reports.of(metric.name) is not None)

    def _let_end(self, iterations: int) -> None:
        """Let the phase end at the evaluation after ``iterations``: of those before its condition will not hear."""
        end = self._run.course.ends[self._run.index]
        assert end is not None
        end.condition = Predicate(lambda record: record.iteration >= iterations)
        end.state = end.condition.initial()

    # --- what is computed --------------------------------------------------------------------------------------

    def _fill(self, table: npt.NDArray[np.float64], last: int, following: int) -> None:
        """The iterations after ``last`` and before ``following``, in which nothing but a factor changes."""
        progress, rows = self._run.progress, slice(last, following - 1)
        stepper, (begun_after, epochs) = progress.stepper, progress.origin
        if isinstance(stepper, NoStepper):
            table[rows] = read_all(self._run.optimizer, self._run.parameter)
        elif isinstance(stepper, ScheduleStepper):
            iterations = np.arange(last, following - 1)
            steps = iterations - begun_after
            if stepper.per == "epoch":
                steps = np.maximum(iterations // self._length - epochs, 0)
            elif stepper.per == "update":
                steps = self._updates(iterations) - progress.updates_before
            stepper.fill(table[rows], steps)
        else:
            for epoch in range(last // self._length + 1, (following - 2) // self._length + 2):
                begin = (epoch - 1) * self._length
                self._step_epoch(table, epoch, max(last, begin), min(following - 1, begin + self._length))
            return
        self._run.recorder.hub.evaluations += (following - 1) // self._length - last // self._length

    def _step_epoch(self, table: npt.NDArray[np.float64], epoch: int, last: int, stop: int) -> None:
        """The iterations of ``epoch`` after ``last`` and up to ``stop``, stepped by a torch scheduler."""
        run, progress, hub = self._run, self._run.progress, self._run.recorder.hub
        stepper, bases = progress.stepper, progress.bases
        if stepper.per in ("iteration", "update"):
            for iteration in range(last, stop):
                step = iteration - progress.origin[0]
                if stepper.per == "update":
                    step = self._updates(iteration) - progress.updates_before
                stepper.step(run.optimizer, bases, step)
                table[iteration] = read_all(run.optimizer, run.parameter)
        else:
            if stepper.per == "epoch":
                stepper.step(run.optimizer, bases, max(epoch - 1 - progress.origin[1], 0))
            table[last:stop] = read_all(run.optimizer, run.parameter)
        if stop % self._length == 0:
            hub.evaluations += 1
        if stop % self._length == 0 and stepper.per == "evaluation":
            self._trainer.state.epoch, self._trainer.state.iteration = epoch, stop
            metric = run.phases[run.index].monitored
            values = self._reports.of(metric.name) if isinstance(metric, Metric) else None
            stepper.observe(self._trainer, hub.evaluations, None if values is None else float(values[epoch - 1]))
