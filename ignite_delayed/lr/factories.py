"""Phases of the two usual kinds: a schedule that is applied, and a torch scheduler that starts later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .._utils.checks import refuse_type, refuse_value
from ..conditions import Condition, Expression, as_condition
from ..gates.delays import DelayHandle
from ..recording.host import all_or_nothing
from ..recording.recorder import Recorder, check_recorder
from ..schedules import Schedule
from .ignite_schedulers import delay_ignite, is_ignite
from .optimizer.groups import check_optimizer
from .optimizer.selection import Selector, check_apart, selector_label
from .phase import Mode, Per, Phase
from .phases import LRPhases

__all__ = ["apply_schedule", "delay_lr_scheduler"]


@overload
def apply_schedule(
    recorder: Recorder,
    optimizer: Optimizer,
    schedule: Schedule,
    *,
    per: Literal["iteration", "epoch", "update"],
    until: Any = None,
    min_lr: float | Sequence[float] = 0.0,
    parameter: str = "lr",
    groups: Selector | None = None,
    name: str | None = None,
    planned_epochs: float | None = None,
    gradient_accumulation_steps: int | None = None,
) -> LRPhases: ...


@overload
def apply_schedule(
    recorder: Recorder,
    optimizer: Optimizer,
    schedule: Mapping[Any, Schedule],
    *,
    per: Literal["iteration", "epoch", "update"],
    until: Any = None,
    min_lr: float | Sequence[float] = 0.0,
    parameter: str = "lr",
    name: str | None = None,
    planned_epochs: float | None = None,
    gradient_accumulation_steps: int | None = None,
) -> dict[Any, LRPhases]: ...


def apply_schedule(
    recorder: Recorder,
    optimizer: Optimizer,
    schedule: Schedule | Mapping[Any, Schedule],
    *,
    per: Literal["iteration", "epoch", "update"],
    until: Any = None,
    min_lr: float | Sequence[float] = 0.0,
    parameter: str = "lr",
    groups: Selector | None = None,
    name: str | None = None,
    planned_epochs: float | None = None,
    gradient_accumulation_steps: int | None = None,
) -> LRPhases | dict[Any, LRPhases]:
    """Set ``base * schedule(step)`` at the start of every step, so that the first batch trains at ``schedule(0)``.

    ``base`` is each group's own value when the schedule starts, or its ``initial_lr`` where that value is what an
    earlier schedule has left, so groups keep their ratios; a group that is added or unfrozen later brings its own.
    Steps are counted from the start of training, or from when ``until`` first held. Without ``until`` a run can be
    resumed from the trainer's clock alone: load the optimizer after attaching, or the recorder.

    Args:
        recorder: knows the trainer, and feeds ``until``.
        optimizer: whose groups are written; a tensor is filled in place.
        schedule: the factors; lengths in epochs and fractions are resolved when the run begins. Fractions are of the
            run, after ``until`` of what is then left of it. Or a dict of schedules, one for each choice of ``groups``:
            ``{"backbone": ..., "head": ...}``; together they are all groups.
        per: ``"iteration"``, ``"epoch"`` or ``"update"``: what one step is. An update is a step that the optimizer
            makes, so that a schedule is right under gradient accumulation, and where AMP skips steps.
        until: delays the start: a condition, or a function of one record; ``None`` starts at once.
        min_lr: no value is lowered past it; one number (>= 0), or one for each group that is written. A warm-up from
            below it is not lifted: see :class:`Phase`. Of a dict of schedules one number for all.
        parameter: ``"lr"``, or any other number of the groups: ``"momentum"``, ``"weight_decay"``, ``"beta1"``,
            ``"beta2"``.
        groups: those that are written, others are left alone: a number, a name (the ``"name"`` of a group), several of
            these in a list, or a function that is given a group; all by default.
        name: for logs, marks and errors.
        planned_epochs: the length that shares of the run are of (greater than 0); the trainer's own by default, with
            which they change when a run is made longer.
        gradient_accumulation_steps: per update, batches for an update, for lengths in epochs and fractions; what is
            left over at the end of an epoch is counted on in the next, as ``create_supervised_trainer`` does. An
            optimizer of accelerate says it itself.

    Returns:
        The phases: ``remove()``, ``state_dict()``; of a dict, those of each of its keys.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and when the run begins for a length that cannot be
            resolved.
        AttachError: where something else writes the parameter at the same time.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Cosine, Recorder, warmup
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: optimizer.step()), Engine(lambda engine, batch: None)
        >>> schedule = warmup(0.25, iterations=3).then(Cosine(iterations=4))
        >>> _ = apply_schedule(Recorder(trainer, evaluator), optimizer, schedule, per="iteration")
        >>> rates = []
        >>> _ = trainer.add_event_handler(
        ...     Events.ITERATION_COMPLETED, lambda: rates.append(round(optimizer.param_groups[0]["lr"], 3))
        ... )
        >>> _ = trainer.run([0] * 8, max_epochs=1)
        >>> rates
        [0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]

        Gradients of four batches are accumulated here, so the eight batches of a run make two updates:

        >>> from ignite.engine import create_supervised_trainer
        >>> from ignite_delayed import Linear
        >>> model, loss = torch.nn.Linear(1, 1), torch.nn.functional.mse_loss
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        >>> trainer = create_supervised_trainer(model, optimizer, loss, gradient_accumulation_steps=4)
        >>> _ = apply_schedule(
        ...     Recorder(trainer, evaluator),
        ...     optimizer,
        ...     Linear(1.0, 0.0, fraction=1.0),
        ...     per="update",
        ...     gradient_accumulation_steps=4,
        ... )
        >>> _ = trainer.add_event_handler(
        ...     Events.ITERATION_COMPLETED, lambda: rates.append(optimizer.param_groups[0]["lr"])
        ... )
        >>> rates.clear()
        >>> _ = trainer.run([(torch.ones(1, 1), torch.ones(1, 1))] * 8, max_epochs=1)
        >>> rates
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    """
    condition = None if until is None else as_condition("until", until)
    named: dict[str, Any] = {"parameter": parameter, "planned_epochs": planned_epochs}
    named["gradient_accumulation_steps"] = gradient_accumulation_steps
    if not isinstance(schedule, Mapping):
        phases = [*_pause(condition), _scheduled(schedule, per, min_lr)]
        return LRPhases(recorder, optimizer, phases, groups=groups, name=name, **named)
    if groups is not None:
        refuse_value("groups", "left out for a dict of schedules", groups, "Its keys are the groups.")
    if isinstance(min_lr, (list, tuple)):
        hint = "Call this with groups= where they differ, once for each."
        refuse_value("min_lr", "one number for a dict of schedules", min_lr, hint)
    check_apart(optimizer, schedule)
    several = {
        choice: [*_pause(condition), _scheduled(one, per, min_lr, f"schedule[{choice!r}]")]
        for choice, one in schedule.items()
    }
    attached: dict[Any, LRPhases] = {}
    with all_or_nothing(lambda: _remove_all(attached.values())):
        for choice, phases in several.items():
            label = None if name is None else f"{name} of {selector_label(choice)}"
            attached[choice] = LRPhases(recorder, optimizer, phases, groups=choice, name=label, **named)
    return attached


def _scheduled(schedule: Any, per: Any, min_lr: Any, argument: str = "schedule") -> Phase:
    if not isinstance(schedule, Schedule):
        refuse_type(argument, "a Schedule", schedule, _way_out(schedule))
    return Phase(schedule, per=per, min_lr=min_lr)


def _way_out(given: Any) -> str:
    """What to do with what is no schedule."""
    if isinstance(given, type) and issubclass(given, Schedule):
        return f"Build one with a length: {given.__name__}(epochs=10)."
    if isinstance(given, str):
        return "Schedule.parse reads a text: Schedule.parse('Cosine(rest=True)')."
    if isinstance(given, Phase):
        return "Phases go to LRPhases."
    if isinstance(given, Iterable):
        return "Several are joined by .then, or are the phases of LRPhases."
    if callable(given):
        return (
            "Schedule.of(function, rest=True) makes one of a function of the progress; a function that builds a torch "
            "scheduler goes to delay_lr_scheduler."
        )
    return "A torch scheduler goes to delay_lr_scheduler."


def delay_lr_scheduler(
    recorder: Recorder,
    optimizer: Optimizer,
    factory: Callable[[Optimizer], Any] | LRScheduler | Any,
    *,
    until: Any = None,
    per: Per | None = None,
    monitor: str | Expression | None = None,
    mode: Mode | None = None,
    groups: Selector | None = None,
    name: str | None = None,
) -> LRPhases | DelayHandle:
    """Build ``factory(optimizer)`` when ``until`` first holds, and step it from then on.

    Building a torch scheduler changes the optimizer at once, so it is not built before: until then rates, momenta
    and ``initial_lr`` are untouched, and the rates at the opening are the base rates. It is stepped natively, after
    the optimizer's step and right before the next unit begins: while an epoch's end is handled, the rates are still
    those that the epoch was trained at. The factory is tried out once on a stand-in, so that a mistake in it shows now.

    Args:
        recorder: what feeds the condition.
        optimizer: whose rates are scheduled.
        factory: a function ``optimizer -> scheduler`` from ``torch.optim.lr_scheduler``; a ready scheduler, if
            building it left the optimizer unchanged; or one of Ignite's own parameter schedulers, which is run
            before the step and keeps its own count, as Ignite has it. A factory may also build one of timm's, which
            is stepped ``per="epoch"``, or ``"update"`` if it was built with ``t_in_epochs=False``, with the count that
            it asks for; or one whose ``step`` takes a metric, as ``GreedyLR`` of transformers, which needs ``monitor``.
        until: a condition, or a function of one record; ``None`` to start at once.
        per: ``"epoch"``, ``"iteration"``, ``"update"`` (a step that the optimizer makes, as in a loop that calls
            ``scheduler.step()`` after ``optimizer.step()``) or ``"evaluation"``: what one step is.
            ``ReduceLROnPlateau`` is stepped per evaluation and needs no telling.
        monitor: the metric that ``ReduceLROnPlateau`` watches: a name or an expression. NaN is a bad evaluation.
        mode: ``"min"`` or ``"max"``, which of its values is better; asked for beside ``monitor``, and the same as that
            of the scheduler, whose own default is ``"min"`` whatever it watches.
        groups: those that are scheduled, as :func:`apply_schedule` has them: the optimizer that ``factory`` is given
            has these alone. Ignite's schedulers have ``param_group_index=`` instead.
        name: for logs, marks and errors.

    Returns:
        The phases of the rate (a pause, then the scheduler), or for one of Ignite's a handle; both have ``remove()``.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind.
        AttachError: where a ready scheduler has changed the optimizer, or another writer of the rate is in the way.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: optimizer.step()), Engine(lambda engine, batch: None)
        >>> _ = delay_lr_scheduler(
        ...     Recorder(trainer, evaluator),
        ...     optimizer,
        ...     lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        ...     until=After(epochs=2),
        ...     per="epoch",
        ... )
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: print(optimizer.param_groups[0]["lr"]))
        >>> _ = trainer.run([0], max_epochs=5)
        1.0
        1.0
        1.0
        0.5
        0.25
    """
    check_recorder(recorder)
    check_optimizer(optimizer)
    condition = None if until is None else as_condition("until", until)
    if is_ignite(factory):
        if groups is not None:
            hint = "Build it with param_group_index=."
            refuse_value("groups", "left out for Ignite's schedulers", groups, hint)
        return delay_ignite(recorder, optimizer, factory, condition, per, monitor, mode, name)
    if factory is None or isinstance(factory, Schedule):
        hint = "A schedule goes to apply_schedule."
        refuse_type("factory", "a function that builds a torch scheduler for an optimizer", factory, hint)
    phases = [*_pause(condition), Phase(factory, per=per, monitor=monitor, mode=mode)]
    return LRPhases(recorder, optimizer, phases, groups=groups, name=name)


def _remove_all(attached: Iterable[LRPhases]) -> None:
    for phases in attached:
        phases.remove()


def _pause(until: Condition | None) -> list[Phase]:
    """The phase before one that waits for ``until``, if it does."""
    return [] if until is None else [Phase(None, until=until)]
