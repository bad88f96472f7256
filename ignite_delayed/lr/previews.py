"""The rates that a run would use, without the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from ignite.engine import Engine
from torch.optim.lr_scheduler import LRScheduler

from .._utils.checks import check_count, check_name, refuse_type, refuse_value
from ..conditions import After, Condition
from ..history.mark import places
from ..recording.recorder import Recorder
from ..schedules import Schedule
from .cadence import Cadence, cadence_of
from .optimizer.groups import BETAS, check_optimizer
from .optimizer.selection import check_apart, group_labels, select_groups
from .optimizer.stand_in import stand_in
from .phase import Phase, Switched, check_lengths
from .phases import LRPhases
from .rehearsal import rehearse
from .steppers.trial import copy_for

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch.optim import Optimizer

__all__ = ["Preview", "preview"]

_NAMES = {"lr": ("learning rate", "factor of the base rate")}  # of what is shown, and of its factor

_silent = logging.getLogger(f"{__name__}.silent")
_silent.setLevel(logging.CRITICAL)


class Preview(NamedTuple):
    """The rates of a run, ready to plot.

    Args:
        epochs: when each batch is over, in epochs: ``(iteration + 1) / iterations_per_epoch``, shape ``(n,)``.
        rates: what each batch trains at, shape ``(n, groups)``; factors where no optimizer is known.
        switches: the changes of phase.
        quantity: what the rates are: ``"learning rate"``, ``"factor of the base rate"``, or of another parameter
            ``"momentum"``, ``"factor of momentum"``.
        groups: what each group is called: by its ``"name"`` if it has one, or ``"group 0"``.

    Example:
        >>> from ignite_delayed import Cosine, Phase, preview, warmup
        >>> phases = [Phase(warmup(epochs=1), per="iteration"), Phase(Cosine(epochs=2), per="epoch")]
        >>> made = preview(phases, epochs=3, iterations_per_epoch=4)
        >>> made
        <Preview of 12 batches: 0 to 1, switched before epoch 2>
        >>> made.epochs[:4].tolist(), made.rates[:4, 0].tolist()
        ([0.25, 0.5, 0.75, 1.0], [0.0, 0.25, 0.5, 0.75])
    """

    epochs: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    switches: list[Switched]
    quantity: str = "learning rate"
    groups: tuple[str, ...] = ("group 0",)

    def __repr__(self) -> str:
        batches, groups = self.rates.shape
        shape = f"{batches} batch{'es' if batches > 1 else ''}" + ("" if groups == 1 else f", {groups} groups")
        shown = places(switched.iteration / batches * float(self.epochs[-1]) for switched in self.switches[:4])
        switched = f", switched {shown}" if shown else ""
        return f"<Preview of {shape}: {self.rates.min():.4g} to {self.rates.max():.4g}{switched}>"


def preview(
    what: Schedule | LRPhases | Iterable[Phase] | Mapping[Any, Schedule | Iterable[Phase]],
    *,
    epochs: int,
    iterations_per_epoch: int,
    per: Literal["iteration", "epoch", "update"] | None = None,
    metrics: Mapping[str, Sequence[float] | Callable[[int], float]] | None = None,
    optimizer: Optimizer | None = None,
    parameter: str | None = None,
    gradient_accumulation_steps: int | None = None,
) -> Preview:
    """What each batch of a run would train at.

    A lone schedule is evaluated at once. Phases are really gone through, on a stand-in for the optimizer, with an
    evaluation after each epoch that reports the assumed ``metrics``: torch schedulers are stepped and conditions
    judged, so the phases change as in the run. Many steps of a schedule in between are computed together, which may
    differ from the run in the last place.

    Args:
        what: a schedule, :class:`LRPhases` (untouched), or a list of :class:`Phase`; or a dict of schedules or lists
            for the groups of ``optimizer`` that its keys choose, as :func:`apply_schedule` has it.
        epochs: epochs of the run, >= 1.
        iterations_per_epoch: batches in an epoch, >= 1.
        per: for a lone schedule: what one step is, ``"iteration"`` (the default), ``"epoch"`` or ``"update"``.
        metrics: for phases: the value of each metric after each epoch: a sequence of ``epochs`` numbers, or a function
            of the epoch, counted from 1.
        optimizer: for a schedule or a list of phases: whose groups the rates are for (untouched). Without, a schedule
            gives factors, and phases are tried on one group of rate 1.
        parameter: for a schedule or a list of phases: what they are for, ``"lr"`` by default; ``"momentum"``,
            ``"weight_decay"``, ``"beta1"``, ... as of :class:`LRPhases`.
        gradient_accumulation_steps: per update, batches for an update of the optimizer; AMP skips none here.

    Returns:
        A :class:`Preview`.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, or that ``what`` has no use for.
        UnknownMetricError: where a phase needs a metric that ``metrics`` lacks.

    Example:
        >>> from ignite_delayed import Cosine, preview, warmup
        >>> schedule = warmup(epochs=1).then(Cosine(epochs=1))
        >>> preview(schedule, epochs=2, iterations_per_epoch=4).rates[:, 0].round(3).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146]
    """
    check_count("epochs", epochs)
    check_count("iterations_per_epoch", iterations_per_epoch)
    if isinstance(what, Mapping):
        run: dict[str, Any] = {"epochs": epochs, "iterations_per_epoch": iterations_per_epoch, "metrics": metrics}
        return _preview_each(what, optimizer, gradient_accumulation_steps, **run, per=per, parameter=parameter)
    double = None if optimizer is None else stand_in(check_optimizer(optimizer))
    cadence = None if optimizer is None else cadence_of(optimizer, gradient_accumulation_steps)
    if parameter is not None:
        parameter = "beta1" if check_name("parameter", parameter) == "betas" else parameter
    if isinstance(what, Schedule):
        if metrics is not None:
            hint = "A schedule reads no metrics: phases with until= do."
            refuse_value("metrics", "left out for a schedule", metrics, hint)
        per = "iteration" if per is None else per
        if double is None and per != "update":
            check_lengths([], gradient_accumulation_steps, known=False)
            return _preview_schedule(what, per, epochs, iterations_per_epoch, _quantity(parameter or "lr", False))
        what = [Phase(what, per=per)]
    elif per is not None:
        refuse_value("per", "left out for phases", per, "Each phase has its own.")
    known = _reporters(metrics, epochs)
    trainer = Engine(lambda engine, batch: None)  # a recorder does not keep it
    trainer.logger = _silent
    phases = _phases_on(trainer, what, double, parameter, gradient_accumulation_steps, cadence)
    table = rehearse(phases, known, epochs, iterations_per_epoch)
    whose = what.optimizer if isinstance(what, LRPhases) else optimizer
    quantity = _quantity(phases.parameter, whose is not None)
    groups = tuple(group_labels(phases.optimizer if whose is None else whose))
    return Preview(np.arange(1, len(table) + 1) / iterations_per_epoch, table, phases.switches, quantity, groups)


def _preview_each(
    what: Mapping[Any, Any], optimizer: Optimizer | None, gradient_accumulation_steps: Any, **run: Any
) -> Preview:
    """What is previewed for each choice of groups, together."""
    if optimizer is None:
        refuse_value("optimizer", "given for a dict, whose keys choose its groups", None)
    check_apart(optimizer, what)
    columns: dict[int, npt.NDArray[np.float64]] = {}
    seen: list[Preview] = []
    for choice, one in what.items():
        if isinstance(one, (LRPhases, Mapping)):
            refuse_type(f"what[{choice!r}]", "a schedule, or a list of Phase", one)
        chosen = select_groups(optimizer, choice)
        updates = run["per"] == "update" or (isinstance(one, list) and any(phase.per == "update" for phase in one))
        told = {"gradient_accumulation_steps": gradient_accumulation_steps} if updates else {}
        seen.append(preview(one, optimizer=chosen, **run, **told))
        columns |= {id(group): rates for group, rates in zip(chosen.param_groups, seen[-1].rates.T, strict=True)}
    table = np.stack([columns[id(group)] for group in optimizer.param_groups], axis=1)
    switches = sorted((switch for part in seen for switch in part.switches), key=lambda switch: switch.iteration)
    return Preview(seen[0].epochs, table, switches, seen[0].quantity, tuple(group_labels(optimizer)))


def _quantity(parameter: str, known: bool) -> str:
    """What the values are called: those of an optimizer, where it is ``known``, or factors."""
    value, factor = _NAMES.get(parameter, (parameter, f"factor of {parameter}"))
    return value if known else factor


def _preview_schedule(schedule: Schedule, per: str, epochs: int, iterations_per_epoch: int, quantity: str) -> Preview:
    resolved = schedule.resolve(per=per, epochs=epochs, iterations_per_epoch=iterations_per_epoch)
    iterations = np.arange(epochs * iterations_per_epoch)
    steps = iterations if per == "iteration" else iterations // iterations_per_epoch
    return Preview((iterations + 1) / iterations_per_epoch, resolved(steps)[:, None], [], quantity)


def _phases_on(
    trainer: Engine,
    what: LRPhases | Iterable[Phase],
    double: Optimizer | None,
    parameter: str | None,
    told: int | None,
    cadence: Cadence | None,
) -> LRPhases:
    """Phases like ``what`` on ``trainer`` and an optimizer of their own."""
    planned = None
    if isinstance(what, LRPhases):
        if double is not None:
            hint = "They have their own; a list of Phase is for any."
            refuse_value("optimizer", "left out for LRPhases", double, hint)
        if parameter is not None:
            refuse_value("parameter", "left out for LRPhases", parameter, f"Theirs is {what.parameter!r}.")
        cadence = what.progress.plan.cadence if told is None else None
        phases, parameter, planned = what.phases, what.parameter, what.progress.plan.pinned
        double = what.progress.takeover.stand_in()
    elif isinstance(what, Phase) or not isinstance(what, Iterable):
        hint = "A phase goes in a list, and a function that builds a torch scheduler in a phase: [Phase(..., per=...)]."
        refuse_type("what", "a schedule, LRPhases, or a list of Phase", what, hint)
    else:
        phases = list(what)
    parameter = parameter or "lr"
    if double is None:
        _refuse_rates(phases)
        double = _plain_optimizer(parameter)
    # One unnamed source reports all, whoever reports it in the run.
    recorder = Recorder(trainer, optimizer=double)
    adapted = [_adapt(phase) for phase in phases]
    counts = any(isinstance(phase, Phase) and phase.per == "update" for phase in adapted)
    if counts and told is None and cadence is None:
        hint = "How many batches make an update? 1 if each does."
        refuse_value("gradient_accumulation_steps", "given for a preview per update", None, hint)
    updated = (cadence if counts else None) or told
    run = LRPhases(
        recorder,
        double,
        adapted,
        parameter=parameter,
        planned_epochs=planned,
        gradient_accumulation_steps=updated,
    )
    run.logger = _silent
    return run


def _refuse_rates(phases: Iterable[Phase]) -> None:
    """Refuse least rates where there are only factors."""
    for phase in phases:
        if isinstance(phase, Phase) and phase.min_lr:
            hint = f"Without it these are factors, and min_lr={phase.min_lr!r} is none."
            refuse_value("optimizer", "given where a phase has min_lr", None, hint)


def _plain_optimizer(parameter: str) -> Optimizer:
    """One of rate 1 whose ``parameter`` is 1, so that its values are factors."""
    double = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    [group] = double.param_groups
    group.update({"betas": (1.0, 1.0)} if parameter in BETAS else {parameter: 1.0})
    return double


def _adapt(phase: Phase) -> Phase:
    """``phase`` without what a stand-in cannot have: a ready scheduler of the user's, and real time."""
    if not isinstance(phase, Phase):
        return phase  # refused with the others
    if phase.until is not None and _reads_time(phase.until):
        hint = "Nobody can tell how long an iteration will take."
        refuse_value("until", "free of seconds in a preview", phase.until, hint)
    ready = phase.what
    if not isinstance(ready, LRScheduler):
        return phase
    return phase.of(lambda optimizer: copy_for(ready, optimizer))


def _reads_time(condition: Condition) -> bool:
    if isinstance(condition, After) and condition.unit == "seconds":
        return True
    return any(_reads_time(part) for part in condition.parts if isinstance(part, Condition))


def _reporters(metrics: Any, epochs: int) -> dict[str, Callable[[int], float]]:
    if not isinstance(metrics, (Mapping, type(None))):
        refuse_type("metrics", "a dict of metric names and values", metrics)
    return {name: _reporter(name, values, epochs) for name, values in (metrics or {}).items()}


def _reporter(name: str, values: Any, epochs: int) -> Callable[[int], float]:
    if callable(values):
        reporter: Callable[[int], float] = values
        return reporter
    if not hasattr(values, "__len__") or isinstance(values, str):
        refuse_type(f"metrics[{name!r}]", "a sequence of values or a function of the epoch", values)
    if len(values) != epochs:
        refuse_value(f"metrics[{name!r}]", f"one value for each of the {epochs} epochs", values)
    return lambda epoch: float(values[epoch - 1])
