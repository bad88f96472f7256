"""Rates, or other numbers of the groups, that are multiplied when a condition holds."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from torch.optim import Optimizer

from .._utils.checks import check_name, check_real, describe, refuse_type, refuse_value
from ..conditions import Condition, State, as_condition
from ..errors import StateError
from ..history.record import Record
from ..recording.attachment import Attachment
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from .limits import bound_of, check_bound, check_each_group
from .live import EachObservation
from .optimizer.groups import BELOW_1, check_parameter, read_all, restore, snapshot, write
from .optimizer.selection import Selector, select_groups, selector_label
from .optimizer.stand_in import remember
from .optimizer.takeover import Takeover
from .optimizer.writers import Writer, claim
from .phase import format_rates

__all__ = ["LRAdjuster", "adjust_lr"]

_VERSION = 1


class LRAdjuster(Attachment):
    """What :func:`adjust_lr` returns.

    Attributes:
        factors: the conditions and their factors.
        parameter: what is multiplied.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Metric, Recorder, adjust_lr
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> adjuster = adjust_lr(Recorder(trainer, evaluator), optimizer, {Metric("loss") > 0.45: 0.5}, min_lr=0.2)
        >>> _ = trainer.run([0], max_epochs=4)
        >>> adjuster
        <LRAdjuster {Metric('loss') > 0.45: 0.5} within 0.2 and 1e+300>
        >>> optimizer.param_groups[0]["lr"]
        0.25
        >>> adjuster.remove()
    """

    row_order = 1  # after the phases

    def __init__(
        self,
        recorder: Recorder,
        optimizer: Optimizer,
        factors: dict[Condition, float],
        bounds: Any,
        name: str,
        parameter: str = "lr",
    ) -> None:
        self.factors, self.parameter = factors, parameter
        self._recorder, self._optimizer = recorder, optimizer
        self._lowest, self._highest = bounds
        self._takeover = Takeover(optimizer, parameter, ())
        self.name = recorder.hub.reserve(name)
        writer = Writer(f"{self.name!r} ({self!r})", weakref.ref(recorder.trainer), frozenset({parameter}))
        with ExitStack() as undo:
            undo.callback(recorder.hub.release, self.name)
            undo.callback(claim(optimizer, writer))
            for number, (condition, factor) in enumerate(factors.items(), start=1):
                label = f"{self.name}, condition {number}"
                undo.callback(EachObservation(recorder, condition, label, self._adjust(factor), self).remove)
            recorder.hub.add(self, saved=self)
            undo.callback(recorder.hub.discard, self)
            self._attached = undo.pop_all()  # nothing failed: it stays

    def _on_run(self, fresh: bool) -> None:
        if fresh:
            self._takeover.give_back(self._takeover.left, [])

    def _remember(self) -> Callable[[], None]:
        groups, taken = remember(self._optimizer), self._takeover.remember()

        def put_back() -> None:
            groups()
            taken()

        return put_back

    def _adjust(self, factor: float) -> Callable[[State, Record], None]:
        def adjust(state: State, record: Record) -> None:
            if state[0] is not True:
                return
            self._takeover.take()
            before = read_all(self._optimizer, self.parameter)
            for index, group in enumerate(self._optimizer.param_groups):
                write(group, self.parameter, self._limit(before[index], factor, index))
            self._takeover.note()
            if self._takeover.left != before:
                change = f"{format_rates(before)} -> {format_rates(self._takeover.left)}"
                text = f"times {factor:g}; {self.parameter} {change}"
                self._recorder.hub.mark("adjusted", "adjuster", self.name, record, text)

        return adjust

    def _limit(self, rate: float, factor: float, index: int) -> float:
        """``rate * factor``, held at the bounds; a rate that was outside of them before is not pulled in."""
        if factor < 1:
            return max(rate * factor, min(bound_of(self._lowest, index), rate))
        return min(rate * factor, max(bound_of(self._highest, index), rate))

    def remove(self) -> None:
        """Adjust no more; the rates stay as they are. A second call does nothing."""
        self._attached.close()

    def row(self) -> Row | None:
        rates = format_rates(read_all(self._optimizer, self.parameter))
        factors = ", ".join(f"times {factor:g} when {condition!r}" for condition, factor in self.factors.items())
        return Row(self.name, "adjusting", f"{self.parameter} {rates}: {factors}")

    def state_dict(self) -> dict[str, Any]:
        """The rates before the first adjustment and now, ``None`` while nothing was adjusted."""
        before = self._takeover.before
        now = None if before is None else snapshot(self._optimizer, self._takeover.names)
        return {"version": _VERSION, "rule": repr(self), "before": before, "groups": now}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the saved run was; the groups get the rates they had.

        Raises:
            StateError: where the state is of another adjuster, or damaged; nothing was changed.
        """
        raw = state_dict
        if not isinstance(raw, Mapping) or raw.get("version") != _VERSION or not {"before", "groups"} <= raw.keys():
            raise StateError(f"the state of {self.name!r} must be a dict of version {_VERSION}, got {describe(raw)}")
        if raw.get("rule") != repr(self):
            raise StateError(f"{self.name!r} cannot load another state:\n  saved: {raw.get('rule')}\n  here:  {self!r}")
        for key in ("before", "groups"):
            if not isinstance(raw[key], (list, type(None))) or (raw[key] is None) != (raw["before"] is None):
                raise StateError(f"the state of {self.name!r} is damaged: {key} is {describe(raw[key])}")
            self._takeover.check_groups(self.name, raw[key] or [])
        restore(self._optimizer, raw["groups"] or self._takeover.before or [], self._takeover.names)
        self._takeover.before = raw["before"]
        self._takeover.note()

    def __repr__(self) -> str:
        factors = ", ".join(f"{condition!r}: {factor!r}" for condition, factor in self.factors.items())
        what = "" if self.parameter == "lr" else f"of {self.parameter!r} "
        return f"<LRAdjuster {what}{{{factors}}} within {self._lowest!r} and {self._highest!r}>"


def adjust_lr(
    recorder: Recorder,
    optimizer: Optimizer,
    factors: Mapping[Any, float],
    *,
    min_lr: float | Sequence[float] = 0.0,
    max_lr: float | Sequence[float] = 1e300,
    parameter: str = "lr",
    groups: Selector | None = None,
    name: str | None = None,
) -> LRAdjuster:
    """Multiply every rate by ``factor`` at each evaluation at which its condition holds.

    Where several conditions hold, every factor is applied, in the order given. When a run starts afresh, the groups get
    back the rates they had, unless the user has set others since.

    Args:
        recorder: what feeds the conditions.
        optimizer: whose rates are multiplied.
        factors: the factor, > 0, for each condition (or function of one record).
        min_lr: no value is lowered past it; one number, or one for each group.
        max_lr: no value is raised past it; one number, or one for each group. For a momentum it must be < 1.
        parameter: what is multiplied: ``"lr"``, or any other number of the groups: ``"momentum"``, ``"weight_decay"``,
            ``"beta1"``, ``"beta2"``.
        groups: those whose value is multiplied: a number, a name (the ``"name"`` of a group), several of these in a
            list, or a function that is given a group; all by default.
        name: for marks and errors; ``"adjust lr"`` by default.

    Returns:
        The adjuster, with ``remove()``; the recorder saves its state.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and for bounds that exclude each other.
        AttachError: where something else writes the rates at the same time.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Metric, Recorder
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> loss = Metric("loss")
        >>> _ = adjust_lr(Recorder(trainer, evaluator), optimizer, {loss > 0.5: 0.5, loss < 0.5: 1.5}, max_lr=1.0)
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = 1 / trainer.state.epoch
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        ...     print(optimizer.param_groups[0]["lr"])
        >>> _ = trainer.run([0], max_epochs=4)
        0.5
        0.5
        0.75
        1.0
    """
    check_recorder(recorder)
    optimizer = select_groups(optimizer, groups)
    parameter = check_parameter(optimizer, parameter)
    if not isinstance(factors, Mapping) or not factors:
        refuse_type("factors", "a dict of conditions and factors", factors, "For example {Metric('loss') > 1: 0.9}.")
    checked = {
        as_condition("a key of factors", condition): check_real("a factor", factor, above=0)
        for condition, factor in factors.items()
    }
    lowest, highest = _bounds("min_lr", min_lr, optimizer), _bounds("max_lr", max_lr, optimizer)
    for index in range(len(optimizer.param_groups)):
        if bound_of(lowest, index) > bound_of(highest, index):
            refuse_value("min_lr", f"<= max_lr={bound_of(highest, index):g}", bound_of(lowest, index))
        if parameter in BELOW_1 and max(checked.values()) > 1 and bound_of(highest, index) >= 1:
            hint = "An average that never forgets never learns."
            refuse_value("max_lr", f"< 1 where {parameter} is raised", bound_of(highest, index), hint)
    label = f"adjust {parameter}" if groups is None else f"adjust {parameter} of {selector_label(groups)}"
    name = label if name is None else check_name("name", name)
    return LRAdjuster(recorder, optimizer, checked, (lowest, highest), name, parameter)


def _bounds(argument: str, value: Any, optimizer: Optimizer) -> float | list[float]:
    check_each_group(argument, value, optimizer)
    return check_bound(argument, value)
