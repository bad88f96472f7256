"""Learning rates: torch schedulers that start later, schedules, phases of either kind, adjustments, previews.

* ``phase``, ``phases``: one phase as a value, and several as users have them; ``course``: what lets them begin, step
  and end; ``progress``: how far they are, saved and loaded; ``plan``: the run that their lengths are shares of.
* ``updates``, ``cadence``: updates of the optimizer, as they are counted and as they are planned.
* ``live``: the conditions that end phases and drive adjustments; ``other_writers``: who else writes.
* ``adjust``: rates times a factor; ``limits``: of one group or all, past which no value is lowered or raised;
  ``highest``: how high schedules raise a momentum, which must stay below 1.
* ``factories``: the functions for one schedule or scheduler; ``ignite_schedulers``: Ignite's own.
* ``previews``: the rates without the run; ``rehearsal``: phases gone through from one change to the next;
  ``forecast``: when conditions will hold.
* ``layerwise``: groups of a model whose rates fall from layer to layer.
* ``steppers``: what steps a rate; ``optimizer``: who reads and writes the groups.
"""

from .adjust import LRAdjuster, adjust_lr
from .factories import apply_schedule, delay_lr_scheduler
from .layerwise import layerwise_decay
from .phase import Phase, Switched
from .phases import LRPhases
from .previews import Preview, preview

__all__ = [
    "LRAdjuster",
    "LRPhases",
    "Phase",
    "Preview",
    "Switched",
    "adjust_lr",
    "apply_schedule",
    "delay_lr_scheduler",
    "layerwise_decay",
    "preview",
]
