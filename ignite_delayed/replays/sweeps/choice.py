"""What was chosen from a sweep, how sure that is, and why nothing was, in words."""

from __future__ import annotations

from typing import NamedTuple

from ...conditions import Condition

__all__ = ["Choice", "Evidence"]


class Evidence(NamedTuple):
    """How a rule fared on the runs that it was not chosen on; averages over those, or over groups of them.

    Each of the bounds holds with the confidence that was asked for, by itself.

    Args:
        units: how many runs or groups of runs these are.
        regret: the mean regret, each counted as at most the cap.
        bound: what the mean regret of further runs is at most.
        epochs: the mean epochs spent.
        saved: the mean share of the epochs that was saved.
        saved_bound: what that share is at least.
        early: the share of the runs that are stopped before half of their best improvement.
        early_bound: what that share is at most.
    """

    units: int
    regret: float
    bound: float
    epochs: float
    saved: float
    saved_bound: float
    early: float
    early_bound: float


class Choice(NamedTuple):
    """The rule that :func:`choose` names, with what speaks for it. ``print`` gives the report.

    Args:
        rule: the rule, to be passed to ``stop_when`` or pasted; ``None`` where none can be recommended.
        reason: why there is none; empty where there is one.
        max_regret, confidence, cap: what was asked for.
        candidate: the rule that the evidence is about: the one that is named, else the safest there was; ``None``
            where nothing stopped, or nothing could be held out.
        evidence: how it fared, ``None`` without one.
        notes: what else should be known.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, choose, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n % 3) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(40)
        ... ]
        >>> swept = sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10]))
        >>> choose(swept, max_regret=0.01)
        <Choice of EarlyStop('loss', mode='min', patience=2): mean regret <= 0.01 with confidence 0.9>
        >>> refused = choose(swept, max_regret=0.01, confidence=0.99)
        >>> refused.rule is None, refused.reason
        (True, 'too few: 27 held out can at best show a mean regret of 0.0157 with confidence 0.99; for 0.01 it ...')
    """

    rule: Condition | None
    reason: str
    max_regret: float
    confidence: float
    cap: float
    candidate: Condition | None
    evidence: Evidence | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        if self.rule is None:
            return f"<Choice: no rule, {self.reason.partition(':')[0]}>"
        return f"<Choice of {self.rule!r}: mean regret <= {self.max_regret:g} with confidence {self.confidence:g}>"

    def __str__(self) -> str:
        lines = [f"No rule: {self.reason}" if self.rule is None else repr(self.rule)]
        if self.evidence is not None:
            if self.rule is None:
                lines.append(f"The safest was {self.candidate!r}:")
            lines += self._told(self.evidence)
        return "\n".join([*lines, *self.notes])

    def _told(self, found: Evidence) -> list[str]:
        """The evidence, a line for each question."""
        sure = f"with confidence {self.confidence:g}"
        return [
            f"  mean regret {found.regret:.3g}, at most {found.bound:.3g} {sure}; each counted as at most {self.cap:g}",
            f"  {found.saved:.1%} of the epochs saved, at least {found.saved_bound:.1%}; {found.epochs:.1f} spent",
            f"  {found.early:.1%} stopped before half of the run's best improvement, at most {found.early_bound:.1%}",
        ]
