"""By which metric the rules of a sweep are judged."""

from __future__ import annotations

from typing import NamedTuple

from ..._utils.checks import refuse_value
from ...conditions import (
    Condition,
    EarlyStop,
    Expression,
    GeneralizationLoss,
    Plateau,
    ProgressQuotient,
    RisingStrips,
)
from ...conditions.comparison import as_monitor
from ...conditions.expression import Mode

__all__ = ["Judge", "judge_of"]


class Judge(NamedTuple):
    """What runs are judged by: a monitor, and which way is better.

    Args:
        monitor: a number of each record.
        mode: ``"min"`` or ``"max"``.
    """

    monitor: Expression
    mode: Mode

    def is_of(self, rule: Condition) -> bool:
        """Whether ``rule`` stops by this very monitor, so that what it keeps is the best that it knows."""
        return isinstance(rule, EarlyStop) and _own(rule) == self


def _own(rule: Condition) -> Judge | None:
    """What ``rule`` itself watches; nothing where it says nothing of better and worse."""
    if isinstance(rule, EarlyStop):
        return Judge(as_monitor("monitor", rule.monitor), rule.mode)
    if isinstance(rule, Plateau):
        return Judge(as_monitor("metric", rule.metric), rule.mode)
    if isinstance(rule, (GeneralizationLoss, ProgressQuotient, RisingStrips)):
        return Judge(as_monitor("error", rule.error), "min")
    return None


def judge_of(rules: list[Condition], monitor: str | Expression | None, mode: Mode | None) -> Judge:
    """What all of ``rules`` are judged by: what was asked for, or what they all watch."""
    if monitor is not None:
        given = EarlyStop(monitor, mode=mode if mode is not None else "", patience=1)  # type: ignore[arg-type]
        return Judge(as_monitor("monitor", given.monitor), given.mode)
    if mode is not None:
        refuse_value("mode", "given together with monitor=", mode, "Rules know the mode of what they watch.")
    found: Judge | None = None
    for rule in rules:
        its = _own(rule)
        hint = "Say by what all rules are judged: monitor='val/loss', mode='min'."
        if its is None:
            refuse_value("monitor", "given, as a rule watches nothing of which one value is better", rule, hint)
        if found is not None and its != found:
            refuse_value("monitor", "given, as the rules watch different things", [found.monitor, its.monitor], hint)
        found = its
    assert found is not None
    return found
