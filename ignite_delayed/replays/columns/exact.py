"""Column by column what the fold computes number by number, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...conditions.windows import total
from ...history.columns import Floats

__all__ = ["largest", "smallest", "totals"]


def smallest(columns: Sequence[Floats]) -> Floats:
    """Python's ``min``: of equal ones the first, which matters between 0.0 and -0.0."""
    least = columns[0]
    for column in columns[1:]:
        least = np.where(column < least, column, least)
    return least


def largest(columns: Sequence[Floats]) -> Floats:
    """Python's ``max``: of equal ones the first."""
    most = columns[0]
    for column in columns[1:]:
        most = np.where(column > most, column, most)
    return most


def totals(columns: Sequence[Floats]) -> Floats:
    """The exactly rounded sums, as :func:`math.fsum` has them.

    The error of plain addition is summed too (T. Ogita, S. M. Rump, S. Oishi, "Accurate Sum and Dot Product", 2005);
    where what remains unknown could still change the rounding, that one sum is left to ``fsum``.
    """
    plain, error, size = columns[0], np.zeros_like(columns[0]), np.abs(columns[0])
    for column in columns[1:]:
        plain, lost = _two_sum(plain, column)
        error += lost
        size = size + np.abs(column)
    rounded, rest = _two_sum(plain, error)
    unknown = 2 * (len(columns) * 2.0**-53) ** 2 * size
    gap = np.spacing(np.nextafter(np.abs(rounded), 0))
    for place in np.flatnonzero(~(np.abs(rest) + unknown < gap / 2)):
        rounded[place] = total([float(column[place]) for column in columns])
    return rounded


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """``a + b`` rounded, and what the rounding lost."""
    added = a + b
    part = added - a
    return added, (a - (added - part)) + (b - part)
