"""Learning rates: torch schedulers that start later, schedules, phases of either kind, adjustments, previews."""

from .adjust import LRAdjuster, adjust_lr
from .delayed import delay_lr_scheduler
from .factories import apply_schedule
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
    "preview",
]
