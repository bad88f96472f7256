"""A run of phases without its batches: what may change more than a factor is lived through, the rest is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from ignite.engine import Engine, Events

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
        run: phases that have not begun, on a trainer of their own, whose recorder is fed by hand.
        metrics: the value of each metric after an epoch.
        epochs: the length of the run.
        iterations_per_epoch: that of an epoch.
    """
    return _Rehearsal(run, metrics, epochs, iterations_per_epoch).rates()


class _Rehearsal:
    def __init__(
        self, run: LRPhases, metrics: Mapping[str, Callable[[int], float]], epochs: int, iterations_per_epoch: int
    ) -> None:
        self._run, self._metrics = run, metrics
        self._length, self._total = iterations_per_epoch, epochs * iterations_per_epoch
        self._trainer: Engine = run.recorder.trainer
        self._trainer.state.epoch_length, self._trainer.state.max_epochs = iterations_per_epoch, epochs
        self._epoch = 0

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
                run.recorder.record({name: value(epoch) for name, value in self._metrics.items()})
        return values

    def _count_updates(self, iterations: int) -> None:
        cadence = self._run.progress.plan.cadence
        if cadence is not None:
            self._run.progress.updates = cadence.after(iterations, self._length)

    def _ends(self) -> list[Phase]:
        """The phases, from that whose turn it is, that an evaluation or the clock may end or step."""
        phases = self._run.phases[self._run.index :]
        return [phase for phase in phases if phase.until is not None or phase.per == "evaluation"]

    def _next_moment(self, iteration: int) -> int:
        """The next iteration that must be lived through: one whose beginning or end may change more than a factor.

        And the one before, whose values are noted as those before the change.
        """
        if not self._holds_numbers():
            return iteration + 1  # what is written to a tensor is rounded there
        progress, length = self._run.progress, self._length
        stepper, (begun_after, epochs) = progress.stepper, progress.origin
        end_of_epoch = iteration + -iteration % length
        bounds: list[float] = [self._total]
        cadence = progress.plan.cadence
        if stepper.per == "update":
            assert cadence is not None
            due: float = cadence.after(iteration - 1, length) + 1
            if isinstance(stepper, ScheduleStepper):
                due = progress.updates_before + stepper.stop
            bounds.append(due if due == math.inf else cadence.reached(int(due), length))
        elif isinstance(stepper, ScheduleStepper):
            bounds.append((epochs + stepper.stop) * length if stepper.per == "epoch" else begun_after + stepper.stop)
        elif not isinstance(stepper, NoStepper):
            bounds.append(iteration if stepper.per == "iteration" else end_of_epoch)
        ends = self._ends()
        if not all(map(_is_foreseen, ends)):
            bounds.append(end_of_epoch)
        until = self._run.phases[self._run.index].until if ends else None
        if until is not None and _BY_ITERATION.intersection(until.clock_units or ()):
            bounds.append(self._run.recorder.hub.wake_at - 1)
        return max(iteration + 1, int(min(bounds)))

    def _holds_numbers(self) -> bool:
        parameter = self._run.parameter
        groups = self._run.optimizer.param_groups
        held: list[Any] = [g["betas"][BETAS[parameter]] if parameter in BETAS else g[parameter] for g in groups]
        return all(map(is_number, held))

    def _fill(self, table: npt.NDArray[np.float64], last: int, following: int) -> None:
        """The iterations after ``last`` and before ``following``, in which nothing but a factor changes."""
        progress, rows = self._run.progress, slice(last, following - 1)
        stepper, (begun_after, epochs) = progress.stepper, progress.origin
        same_epoch = (following - 2) // self._length == (last - 1) // self._length
        if not isinstance(stepper, ScheduleStepper) or (stepper.per == "epoch" and same_epoch):
            table[rows] = read_all(self._run.optimizer, self._run.parameter)  # an evaluation may have changed them
            return
        steps = np.arange(last, following - 1)
        cadence = progress.plan.cadence
        if stepper.per == "update" and cadence is not None:
            steps = cadence.after(steps, self._length) - progress.updates_before
        else:
            steps = steps - begun_after if stepper.per == "iteration" else np.maximum(steps // self._length - epochs, 0)
        np.multiply(stepper.factors(steps)[:, None], progress.bases, out=table[rows])


def _is_foreseen(phase: Phase) -> bool:
    """Whether it is known at which iteration ``phase`` ends, whatever is recorded before."""
    units = None if phase.until is None else phase.until.clock_units
    return phase.per != "evaluation" and bool(units) and _BY_ITERATION.issuperset(units or ())
