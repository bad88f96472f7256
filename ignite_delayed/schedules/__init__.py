"""Schedules: immutable values that are pure functions ``step -> factor`` of each group's own base rate.

* ``base``: what all can do, and chains; ``ramps``: from one value to another; ``decays``: most of them without an end.
* ``composed``: made of other schedules; ``joints``: what holds between those in a row; ``functions``: of any function.
* ``curves``: one formula for a number and for arrays; ``lengths``: lengths in any unit; ``parsing``: from text.

>>> schedule = warmup(fraction=0.05).then(Cosine(fraction=0.95))
>>> schedule = schedule.resolve(per="iteration", epochs=10, iterations_per_epoch=100)
>>> [round(schedule(step), 2) for step in (0, 25, 50, 525, 1000)]
[0.0, 0.5, 1.0, 0.5, 0.0]
"""

from .base import Chain, Schedule
from .decays import CosineRestarts, Exponential, InverseSqrt, Step
from .ramps import Constant, Cosine, Linear, Polynomial, Sqrt, warmup

__all__ = [
    "Chain",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseSqrt",
    "Linear",
    "Polynomial",
    "Schedule",
    "Sqrt",
    "Step",
    "warmup",
]
