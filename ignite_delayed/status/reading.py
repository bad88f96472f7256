"""The state of a recorder as rows that people can read: no more than what is shown is read."""

from __future__ import annotations

from typing import NamedTuple

from ..conditions import EarlyStop
from ..conditions.phrases import called, nearness, waiting
from ..gates.early_stopping import Stopper
from ..gates.gate import Gate
from ..lr import LRAdjuster, LRPhases
from ..lr.live import Feed, Switch
from ..lr.optimizer.groups import read_all
from ..lr.phase import format_rates
from ..recording.recorder import Recorder

__all__ = ["Reading", "Row", "gates_of", "phases_of", "read"]


class Row(NamedTuple):
    """A gate, a stopper, or the phases of a parameter.

    Args:
        name: as in logs and marks.
        state: in a word or two: ``"open"``, ``"closed"``, ``"counting"``, ``"stopped"``, ``"phase 2 of 3"``.
        text: what it waits for, or what happened.
        near: how much of what is needed was reached, where that is counted.
    """

    name: str
    state: str
    text: str
    near: tuple[float, float] | None = None


class Reading(NamedTuple):
    """All that is shown at one moment: the clock, the last values, a row for each gate."""

    clock: str
    values: list[tuple[str, float]]
    rows: list[Row]


def gates_of(recorder: Recorder) -> list[Gate]:
    """The gates and stoppers that the user made; those that serve phases are told with the phases."""
    return [gate for gate in recorder.gates if not isinstance(gate, (Feed, Switch))]


def phases_of(recorder: Recorder) -> list[LRPhases]:
    """The phases attached to the recorder."""
    return [handle for handle in recorder._handles if isinstance(handle, LRPhases)]


def read(recorder: Recorder) -> Reading:
    """What ``recorder`` and all that is attached to it say now."""
    rows = [_row(gate) for gate in gates_of(recorder)]
    rows += [_phases(phases) for phases in phases_of(recorder)]
    rows += [_adjuster(handle) for handle in recorder._handles if isinstance(handle, LRAdjuster)]
    columns = recorder.history._table.columns
    return Reading(_clock(recorder), [(name, column.values[-1]) for name, column in columns.items()], rows)


def _clock(recorder: Recorder) -> str:
    state = recorder.trainer.state
    planned = "" if state.max_epochs is None else f" of {state.max_epochs}"
    if not state.iteration:
        return f"epoch {max(state.epoch, 1)}{planned} begins" if recorder._run.begun() else "not started"
    return f"epoch {state.epoch}{planned}, iteration {state.iteration}, evaluation {recorder._evaluations}"


def _row(gate: Gate) -> Row:
    if isinstance(gate, Stopper):
        return _stopper(gate)
    if gate.opened_at is not None and gate.is_open:
        why = repr(gate.condition) if gate._latches else f"while {gate.condition!r}"
        return Row(gate.name, "open", f"since epoch {gate.opened_at.epoch}: {why}")
    text = waiting(gate.condition, gate._state)
    return Row(gate.name, "closed", text, nearness(gate.condition, gate._state))


def _stopper(stopper: Stopper) -> Row:
    if stopper.opened_at is not None:
        return Row(stopper.name, "stopped", f"in epoch {stopper.opened_at.epoch}: {stopper.reason}")
    rule, state = stopper.condition, stopper._state
    if not isinstance(rule, EarlyStop):
        return Row(stopper.name, "watching", waiting(rule, state), nearness(rule, state))
    best, counter = rule.best(state), rule.counter(state)
    found = "no best value yet" if best is None else f"best {best:.6g} in epoch {rule.best_epoch(state)}"
    left = max(rule.patience - counter, 0)
    count = f"{called(rule.monitor)}: patience {left} of {rule.patience} left, {found}"
    if rule.until is None or rule.opened(state) is not None:
        return Row(stopper.name, "counting", count, (min(counter, rule.patience), rule.patience))
    waits = waiting(rule.until, state[-1])
    seen = {"ignore": "", "track": f"; {found}", "count": f"; {count}"}[rule.while_closed]
    return Row(stopper.name, "closed", waits + seen, nearness(rule.until, state[-1]))


def _phases(phases: LRPhases) -> Row:
    rates = f"{phases.parameter} {format_rates(read_all(phases.optimizer, phases.parameter))}"
    count = len(phases.phases)
    if phases.index >= count:
        return Row(phases.name, "ended", f"{rates}, stays; {'all ' * (count > 1)}{count} phase{'s' * (count > 1)} done")
    phase, switch = phases.phases[phases.index], phases._switches[phases.index]
    what = "left alone" if phase.what is None else f"{phase.label} per {phase.per}"
    text, near = f"{rates}: {what}", None
    if phase.until is not None and switch is not None:
        text += f", until: {waiting(phase.until, switch._state)}"
        near = nearness(phase.until, switch._state)
    return Row(phases.name, f"phase {phases.index + 1} of {count}", text, near)


def _adjuster(adjuster: LRAdjuster) -> Row:
    rates = format_rates(read_all(adjuster._optimizer, "lr"))
    factors = ", ".join(f"times {factor:g} when {condition!r}" for condition, factor in adjuster.factors.items())
    return Row(adjuster.name, "adjusting", f"lr {rates}: {factors}")
