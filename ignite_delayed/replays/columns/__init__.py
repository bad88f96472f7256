"""The twin of the fold in columns: what a condition says at all records of a run at once.

The fold is the truth: tests hold that the twin says what it says at every record. What has no twin, a user's
function above all, is folded.

* ``rows``: the records that a condition sees; ``twins``: which class has which twin.
* ``numbers``, ``windows``: expressions; ``exact``: sums that are rounded once, as the fold rounds them.
* ``verdicts``, ``patience``: conditions; ``parts``: with all their parts; ``stacked``: many runs at
  once, where nothing is remembered.
"""

from .numbers import observed
from .parts import part_columns
from .patience import Course, Found, best_found, course_of
from .rows import Rows, whole
from .stacked import Stacked, is_pointwise
from .twins import evaluations, has_twin, judge, seen_by, value, verdict_column
from .verdicts import first_true
from .windows import best_places

__all__ = [
    "Course",
    "Found",
    "Rows",
    "Stacked",
    "best_found",
    "best_places",
    "course_of",
    "evaluations",
    "first_true",
    "has_twin",
    "is_pointwise",
    "judge",
    "observed",
    "part_columns",
    "seen_by",
    "value",
    "verdict_column",
    "whole",
]
