"""Rates that are multiplied when a condition holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import Optimizer

from .._checks import check_real, refuse_type, refuse_value
from ..conditions import Condition, State, as_condition
from ..recorder import Recorder
from ..records import Record
from ._gates import Feed
from ._groups import check_optimizer, read, read_all, write
from ._writers import Writer, claim, release

__all__ = ["LRAdjuster", "adjust_lr"]


class LRAdjuster:
    """What :func:`adjust_lr` returns.

    Attributes:
        factors: the conditions and their factors.
    """

    def __init__(
        self,
        recorder: Recorder,
        optimizer: Optimizer,
        factors: dict[Condition, float],
        lowest: Any,
        highest: Any,
        name: str,
    ) -> None:
        self.factors = factors
        self._recorder, self._optimizer = recorder, optimizer
        self._lowest, self._highest = lowest, highest
        self._writer = Writer(name, frozenset({"lr"}), None, None)
        self._feeds: list[Feed] = []
        claim(optimizer, self._writer)
        try:
            for condition, factor in factors.items():
                self._feeds.append(Feed(recorder, condition, name, self._adjust(factor)))
        except BaseException:
            self.remove()
            raise
        recorder._handles.append(self)

    def _adjust(self, factor: float) -> Any:
        def adjust(state: State, record: Record) -> None:
            if state[0] is not True:
                return
            before = read_all(self._optimizer, "lr")
            for index, group in enumerate(self._optimizer.param_groups):
                rate = read(group, "lr")
                lowest, highest = _bound(self._lowest, index), _bound(self._highest, index)
                # A bound stops a change; it does not pull in a rate that was outside before.
                bounded = (
                    max(rate * factor, min(lowest, rate)) if factor < 1 else min(rate * factor, max(highest, rate))
                )
                write(group, "lr", bounded)
            after = read_all(self._optimizer, "lr")
            if after != before:
                text = f"times {factor:g}; lr {before[0]:.6g} -> {after[0]:.6g}"
                self._recorder.history.mark("adjusted", self._writer.name, record, text)

        return adjust

    def remove(self) -> None:
        """Adjust no more; the rates stay as they are. A second call does nothing."""
        while self._feeds:
            self._feeds.pop().remove()
        release(self._optimizer, self._writer)

    def __repr__(self) -> str:
        listed = ", ".join(f"{condition!r}: {factor!r}" for condition, factor in self.factors.items())
        return f"<LRAdjuster {{{listed}}}>"


def _bound(bound: float | list[float], index: int) -> float:
    """The bound of group ``index``; a group that was added later has the last."""
    return bound[min(index, len(bound) - 1)] if isinstance(bound, list) else bound


def adjust_lr(
    recorder: Recorder,
    optimizer: Optimizer,
    factors: Mapping[Any, float],
    *,
    min_lr: float | Sequence[float] = 0.0,
    max_lr: float | Sequence[float] = 1e300,
    name: str = "adjust lr",
) -> LRAdjuster:
    """Multiply every rate by ``factor`` at each evaluation at which its condition holds.

    Where several conditions hold, every factor is applied, in the order given.

    Args:
        recorder: what feeds the conditions.
        optimizer: whose rates are multiplied.
        factors: the factor, > 0, for each condition (or function of one record).
        min_lr: no rate is lowered past it; one number, or one for each group.
        max_lr: no rate is raised past it; one number, or one for each group.
        name: for marks and errors.

    Returns:
        The adjuster, with ``remove()``. It has no state besides that of its conditions.

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
    if not isinstance(recorder, Recorder):
        refuse_type("recorder", "a Recorder", recorder, "Build one: Recorder(trainer, evaluator).")
    check_optimizer(optimizer)
    if not isinstance(factors, Mapping) or not factors:
        refuse_type("factors", "a dict of conditions and factors", factors, "For example {Metric('loss') > 1: 0.9}.")
    checked = {
        as_condition("a key of factors", condition): check_real("a factor", factor, above=0)
        for condition, factor in factors.items()
    }
    lowest, highest = _bounds("min_lr", min_lr, optimizer), _bounds("max_lr", max_lr, optimizer)
    for index in range(len(optimizer.param_groups)):
        if _bound(lowest, index) > _bound(highest, index):
            refuse_value("min_lr", f"<= max_lr={_bound(highest, index):g}", _bound(lowest, index))
    return LRAdjuster(recorder, optimizer, checked, lowest, highest, name)


def _bounds(argument: str, value: Any, optimizer: Optimizer) -> float | list[float]:
    if not isinstance(value, (list, tuple)):
        return check_real(argument, value, least=0)
    if len(value) != len(optimizer.param_groups):
        groups = len(optimizer.param_groups)
        refuse_value(argument, f"one number, or one for each of the {groups} groups", value)
    return [check_real(f"an entry of {argument}", entry, least=0) for entry in value]
