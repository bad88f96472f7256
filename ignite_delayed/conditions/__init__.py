"""Conditions: immutable descriptions of a moment in training, folded over the records of a run.

* ``node``: what conditions and expressions share: parts, and the state that is folded; ``kinds``: what it may hold.
* ``condition``: the base class, ``& | ~``, always and never; ``temporal``: sustained, holds, latched, between, then.
* ``expression``, ``windows``: numbers made of metrics; ``comparison``: conditions on them.
* ``clock``: ``After``; ``units``: its units; ``predicate``, ``score``: a user's function.
* ``patience``, ``early_stop``: no improvement for too long; ``limit``: how long that is; ``new_best``.
* ``prechelt``: the criteria of "Early Stopping - But When?"; ``parsing``: conditions from text.
* ``explanation``: why, as a tree; ``stages``: how far a gate or a stop has come, in a word.
"""

from .clock import After
from .comparison import Compare, Finite
from .condition import Always, And, Condition, ConditionLike, Never, Not, Or, as_condition
from .early_stop import EarlyStop
from .explanation import Explanation
from .expression import Expression, Metric
from .limit import Patience
from .new_best import NewBest
from .node import State
from .patience import Plateau
from .prechelt import GeneralizationLoss, ProgressQuotient, RisingStrips
from .predicate import Predicate
from .score import Score
from .temporal import Between, Holds, Latched, Sustained, Then

__all__ = [
    "After",
    "Always",
    "And",
    "Between",
    "Compare",
    "Condition",
    "ConditionLike",
    "EarlyStop",
    "Explanation",
    "Expression",
    "Finite",
    "GeneralizationLoss",
    "Holds",
    "Latched",
    "Metric",
    "Never",
    "NewBest",
    "Not",
    "Or",
    "Patience",
    "Plateau",
    "Predicate",
    "ProgressQuotient",
    "RisingStrips",
    "Score",
    "State",
    "Sustained",
    "Then",
    "as_condition",
]
