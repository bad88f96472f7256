"""Confidence bounds for the mean of numbers between 0 and 1, of any distribution and any number of them.

W. Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables", *Journal of the American Statistical
Association* 58, 1963, theorem 1: of ``n`` independent numbers in ``[0, 1]`` with the mean ``m`` the average is at most
``x <= m`` with a probability of at most ``exp(-n * kl(x, m))``, where
``kl(x, m) = x * log(x / m) + (1 - x) * log((1 - x) / (1 - m))``. Turned around, ``m`` is below the largest ``m`` for
which that probability is still ``1 - confidence``. Of ``n`` zeros this says ``m <= 1 - (1 - confidence) ** (1 / n)``,
and nothing can say less.
"""

from __future__ import annotations

import math

__all__ = ["least_count", "lower", "upper"]


def _divergence(x: float, m: float) -> float:
    near = 0.0 if x == 0 else x * math.log(x / m)
    return near + (0.0 if x == 1 else (1 - x) * math.log((1 - x) / (1 - m)))


def upper(average: float, count: int, confidence: float) -> float:
    """What the mean is at most, with that confidence, where ``count`` numbers in ``[0, 1]`` have this average."""
    if not count or average >= 1:
        return 1.0
    enough = -math.log1p(-confidence) / count
    below, above = average, 1.0
    while True:
        middle = (below + above) / 2
        if not below < middle < above:
            return above
        if _divergence(average, middle) < enough:
            below = middle
        else:
            above = middle


def lower(average: float, count: int, confidence: float) -> float:
    """What the mean is at least, likewise."""
    return 1 - upper(1 - average, count, confidence)


def least_count(mean: float, confidence: float) -> int:
    """How many numbers, even if all are 0, it takes to say that the mean is at most ``mean``."""
    return 1 if mean >= 1 else math.ceil(math.log1p(-confidence) / math.log1p(-mean) - 1e-9)
