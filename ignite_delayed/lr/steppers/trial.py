"""Torch schedulers as factories, tried out on a stand-in before anything is attached."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..._utils.checks import refuse_type, refuse_value
from ...errors import AttachError
from ..optimizer.groups import clone, is_note, read, share_groups
from ..optimizer.stand_in import contents, remember, stand_in
from ..phase import Phase
from .adapted import adapt, kind_of, plateau_of
from .torch_state import held_schedulers, load_state, state_of

__all__ = ["Factory", "Trial", "as_factory", "changes_of", "check_monitored", "copy_for", "try_factory"]

Factory = Callable[[Optimizer], LRScheduler]

# Those that change more than the rate as they are built, or hold schedulers that were built.
_CHANGE_MORE = ("ChainedScheduler", "CyclicLR", "OneCycleLR", "SequentialLR")


class Trial(NamedTuple):
    """What building a scheduler on a stand-in has shown."""

    scheduler: LRScheduler
    #: What it writes, as ``parameter=`` names it.
    parameters: frozenset[str]
    #: The entries of a group that it changes or adds.
    entries: frozenset[str]


def try_factory(argument: str, factory: Any, optimizer: Optimizer) -> Trial:
    """Build ``factory``'s scheduler on a stand-in; ``optimizer`` stays as it is, whatever the factory does to it.

    Raises:
        TypeError: where it builds none.
        AttachError: where it builds on another optimizer than the one it is given, or asks that for what only its
            class has; and for an optimizer that torch's schedulers do not take.
    """
    if not isinstance(optimizer, Optimizer):
        raise AttachError(
            f"torch's schedulers take torch.optim.Optimizer alone, and {type(optimizer).__name__} is none: pass the "
            "optimizer that it wraps, whose groups are the same, or a schedule: apply_schedule takes wrappers"
        )
    double, put_back, before = stand_in(optimizer), remember(optimizer), contents(optimizer)
    for group in double.param_groups:
        for note in filter(is_note, list(group)):  # of an earlier scheduler, or loaded with the optimizer
            del group[note]
    try:
        scheduler = factory(double)
    except AttributeError as error:
        if getattr(error, "obj", None) is not double:
            raise
        raise AttachError(
            f"{argument} reads {error.name!r} of its argument, and is tried out on a plain optimizer that has the "
            f"groups and defaults of {type(optimizer).__name__} alone: read it before, and let {argument} use the value"
        ) from error
    finally:
        changed = contents(optimizer) != before
        put_back()
    if not isinstance(scheduler, LRScheduler):
        hint = "Write lambda optimizer: StepLR(optimizer, step_size=10)."
        refuse_type(f"what {argument} returns", "a torch scheduler", scheduler, hint)
    if changed or scheduler.optimizer is not double:
        raise AttachError(
            f"{argument} built its scheduler on another optimizer than its argument, which changes that one at once: "
            "write lambda optimizer: StepLR(optimizer, ...), using the argument"
        )
    _savable(argument, scheduler)
    return changes_of(scheduler, double, optimizer)


def _savable(argument: str, scheduler: LRScheduler) -> dict[str, Any]:
    """The state of ``scheduler``.

    Raises:
        AttachError: where it could not be saved.
    """
    try:
        return state_of(scheduler)
    except TypeError as error:
        kind = kind_of(scheduler)
        raise AttachError(f"a run with the {kind} of {argument} could not be resumed: {error}") from error


def changes_of(scheduler: LRScheduler, built_on: Optimizer, optimizer: Optimizer) -> Trial:
    """What ``scheduler`` changes of ``optimizer``, as far as ``built_on`` shows it."""
    entries = {"lr", "initial_lr"} | _momenta(scheduler)
    for group, original in zip(built_on.param_groups, optimizer.param_groups, strict=True):
        for name in group.keys() - {"params"}:
            noted = is_note(name) and group is not original
            if noted or name not in original or _differ(group[name], original[name]):
                entries.add(name)
    written = {name for name in entries if not is_note(name) and _everywhere(name, optimizer)}
    parameters = frozenset("beta1" if name == "betas" else name for name in written)
    return Trial(scheduler, parameters, frozenset(entries))


def _everywhere(name: str, optimizer: Optimizer) -> bool:
    return all(name in group for group in optimizer.param_groups)


def _differ(value: Any, original: Any) -> bool:
    return bool(type(value) is not type(original) or value != original)


def _momenta(scheduler: Any) -> set[str]:
    """The momentum, where ``scheduler`` or one that it holds cycles it; building it need not have changed it."""
    found: set[str] = set()
    for one in (scheduler, *held_schedulers(scheduler)):
        if getattr(one, "cycle_momentum", False):
            found.add("betas" if "betas" in one.optimizer.param_groups[0] else "momentum")
    return found


def as_factory(argument: str, value: Any, optimizer: Optimizer, per: str) -> Factory:
    """``value`` as a factory: one already, or a ready scheduler whose building left the optimizer unchanged.

    What it builds of another library's class is adapted; one step of it is of the kind ``per``.

    Raises:
        AttachError: for a ready scheduler that changed the optimizer, or belongs to another.
    """
    if not isinstance(value, LRScheduler):
        return lambda optimizer: adapt("the factory", value(optimizer), per)
    kind = type(value).__name__
    write_factory = f"give a function that builds it when it starts: lambda optimizer: {kind}(optimizer, ...)"
    if not share_groups(value.optimizer, optimizer):
        raise AttachError(f"{argument} is a {kind} of another optimizer: {write_factory}")
    groups = optimizer.param_groups
    unchanged = all(read(group, "lr") == float(group.get("initial_lr", group["lr"])) for group in groups)
    plateau = isinstance(value, ReduceLROnPlateau)
    if value.last_epoch != 0 or not (plateau or (unchanged and kind not in _CHANGE_MORE)):
        raise AttachError(f"building or stepping this {kind} has changed the optimizer already: {write_factory}")
    fresh = _savable(argument, value)

    def start_anew(_: Optimizer) -> LRScheduler:
        load_state(value, fresh)  # a second run starts it anew
        return _rebase(value)

    return start_anew


def copy_for(value: LRScheduler, optimizer: Optimizer) -> LRScheduler:
    """A copy of the ready scheduler ``value`` that belongs to ``optimizer``."""
    return _rebase(copy.deepcopy(value, {id(value.optimizer): optimizer}))


def _rebase(scheduler: LRScheduler) -> LRScheduler:
    """Make the rates that its optimizer has now the base rates of ``scheduler``, as if it had just been built."""
    if not isinstance(scheduler, ReduceLROnPlateau):
        for group in scheduler.optimizer.param_groups:
            group["initial_lr"] = clone(group["lr"])
        scheduler.base_lrs = [clone(group["lr"]) for group in scheduler.optimizer.param_groups]
    return scheduler


def check_monitored(argument: str, scheduler: LRScheduler, phase: Phase, asked: str | None) -> None:
    """Refuse a plateau without a metric or with another direction than was said or ``asked``, and a spare metric."""
    kind, plateau = kind_of(scheduler), plateau_of(scheduler)
    if plateau is None:
        if phase.monitor is not None:
            refuse_value("monitor", f"left out for {kind}", phase.monitor, "Only ReduceLROnPlateau takes a metric.")
        return
    if phase.monitor is None:
        raise TypeError(
            f"{argument}: {kind} needs monitor=, the metric to watch, and mode=: monitor='loss', mode='min'."
        )
    if phase.per != "evaluation":
        refuse_value("per", f"'evaluation' for {kind}", phase.per, "It is stepped with each value of its monitor.")
    if asked is not None and phase.mode != asked:
        hint = f"A condition on the same metric says mode={asked!r}: say so here, and to {kind}."
        refuse_value(f"mode of {kind}", repr(asked), phase.mode, hint)
    if getattr(plateau, "mode", phase.mode) != phase.mode:
        hint = (
            f"With monitor={phase.monitor!r} you say mode={phase.mode!r}: write {kind}(optimizer, "
            f"mode={phase.mode!r}, ...), whose default is {plateau.mode!r}."
        )
        refuse_value(f"mode of {kind}", repr(phase.mode), plateau.mode, hint)
