"""The demo over many seeds: how often each rule stopped too early, and what it cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from .runs import Outcome

__all__ = ["TOO_EARLY", "Cost", "shortfall", "summarise", "too_early"]

TOO_EARLY = 0.005  # accuracy gained after the stop, from which on a stop was too early


class Cost(NamedTuple):
    """What one way to end a run came to, over all seeds; accuracies are fractions, 0 to 1.

    Args:
        title: of the way to end it.
        seeds: how many there were.
        too_early: in how many the run was stopped although a validation accuracy better by more than ``TOO_EARLY``
            came later.
        validation_lost: mean best validation accuracy missed, compared with training to the end.
        test_lost: mean test accuracy of the weights kept missed, compared with training to the end; negative if won.
        test_error: the standard error of that mean.
        epochs: mean epochs trained.
    """

    title: str
    seeds: int
    too_early: int
    validation_lost: float
    test_lost: float
    test_error: float
    epochs: float


def shortfall(full: Outcome, outcome: Outcome) -> float:
    """How much validation accuracy training to the end found beyond what ``outcome`` found."""
    return full.best_accuracy - outcome.best_accuracy


def too_early(full: Outcome, outcome: Outcome) -> bool:
    """Whether more than ``TOO_EARLY`` was missed, up to rounding."""
    return round(shortfall(full, outcome), 9) > TOO_EARLY


def summarise(runs: Sequence[Sequence[Outcome]]) -> list[Cost]:
    """What each way to end a run came to.

    Args:
        runs: for each seed the outcomes of :func:`run_all`, the run without early stopping first.
    """
    costs = []
    for outcomes in zip(*runs, strict=True):
        pairs = [(seed[0], one) for seed, one in zip(runs, outcomes, strict=True)]
        lost = [full.test_accuracy - one.test_accuracy for full, one in pairs]
        error = statistics.stdev(lost) / math.sqrt(len(lost)) if len(lost) > 1 else math.nan
        costs.append(
            Cost(
                title=outcomes[0].plan.title,
                seeds=len(outcomes),
                too_early=sum(too_early(full, one) for full, one in pairs),
                validation_lost=statistics.fmean(shortfall(full, one) for full, one in pairs),
                test_lost=statistics.fmean(lost),
                test_error=error,
                epochs=statistics.fmean(outcome.epochs for outcome in outcomes),
            )
        )
    return costs
