"""The demo over many seeds: how often each rule stopped too early, and what it cost."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from .runs import Outcome, Plan, plain_plan, would_be

__all__ = [
    "TOO_EARLY",
    "Cost",
    "Mean",
    "equal_patience",
    "saved_points",
    "shortfall",
    "study_plans",
    "summarise",
    "too_early",
    "wilson",
]

TOO_EARLY = 0.005  # accuracy gained after the stop, from which on a stop was too early


class Mean(NamedTuple):
    """A mean over seeds and its standard error, NaN of a single seed."""

    value: float
    error: float


class Cost(NamedTuple):
    """What one way to end a run came to, over all seeds; accuracies are fractions, 0 to 1.

    Args:
        plan: the way to end it.
        seeds: how many there were.
        too_early: in how many the run was stopped although a validation accuracy better by more than ``TOO_EARLY``
            came later.
        validation_lost: best validation accuracy missed, compared with training to the end.
        test_lost: test accuracy of the weights kept missed, compared with training to the end; negative if won.
        epochs: epochs trained.
    """

    plan: Plan
    seeds: int
    too_early: int
    validation_lost: Mean
    test_lost: Mean
    epochs: Mean


def shortfall(full: Outcome, outcome: Outcome) -> float:
    """How much validation accuracy training to the end found beyond what ``outcome`` found."""
    return full.best_accuracy - outcome.best_accuracy


def too_early(full: Outcome, outcome: Outcome) -> bool:
    """Whether more than ``TOO_EARLY`` was missed, up to rounding."""
    return round(shortfall(full, outcome), 9) > TOO_EARLY


def equal_patience(fulls: Sequence[Outcome], plan: Plan) -> int:
    """The smallest patience with which early stopping without a delay costs at least as many epochs as ``plan``.

    It depends on nothing but the epochs that were spent.

    Args:
        fulls: for each seed the run that nothing ended.
        plan: what to equal.
    """

    def epochs(plan: Plan) -> int:
        return sum(would_be(full, plan).epochs for full in fulls)

    patiences = range(1, max(full.epochs for full in fulls) + 1)
    return patiences[bisect_left(patiences, epochs(plan), hi=len(patiences) - 1, key=lambda n: epochs(plain_plan(n)))]


def saved_points(fulls: Sequence[Outcome], plan: Plan, other: Plan) -> Mean:
    """How much more test accuracy ``plan`` kept than ``other``, seed by seed."""
    pairs = [(would_be(full, plan), would_be(full, other)) for full in fulls]
    return _mean([one.test_accuracy - two.test_accuracy for one, two in pairs])


def study_plans(fulls: Sequence[Outcome], plans: Sequence[Plan]) -> list[Plan]:
    """``plans``, and after each that has a delay the plan without one that costs as many epochs."""
    found = []
    for plan in plans:
        found.append(plan)
        if plan.rule is not None and plan.rule.until is not None:
            found.append(plain_plan(equal_patience(fulls, plan)))
    return found


def summarise(fulls: Sequence[Outcome], plans: Sequence[Plan]) -> list[Cost]:
    """What each of ``plans`` comes to.

    Args:
        fulls: for each seed the run that nothing ended; the rules are replayed over it.
        plans: ways to end it.
    """
    costs = []
    for plan in plans:
        pairs = [(full, would_be(full, plan)) for full in fulls]
        costs.append(
            Cost(
                plan=plan,
                seeds=len(pairs),
                too_early=sum(too_early(*pair) for pair in pairs),
                validation_lost=_mean([shortfall(*pair) for pair in pairs]),
                test_lost=_mean([full.test_accuracy - one.test_accuracy for full, one in pairs]),
                epochs=_mean([float(one.epochs) for _, one in pairs]),
            )
        )
    return costs


def _mean(values: Sequence[float]) -> Mean:
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Mean(statistics.fmean(values), error)


def wilson(count: int, of: int) -> tuple[float, float]:
    """Between which shares, in 95 of 100 cases, the true one lies, where ``count`` of ``of`` were seen.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927), 209-212: the
    shares ``p`` with ``|count / of - p| <= z sqrt(p (1 - p) / of)``, ``z = 1.96``.

    Example:
        >>> [round(bound, 3) for bound in wilson(19, 20)]
        [0.764, 0.991]
        >>> [round(bound, 3) for bound in wilson(0, 100)]
        [0.0, 0.037]
    """
    z = statistics.NormalDist().inv_cdf(0.975)
    middle = (count + z * z / 2) / (of + z * z)
    half = z * math.sqrt(count * (of - count) / of + z * z / 4) / (of + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)
