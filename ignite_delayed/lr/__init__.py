"""Learning rates: torch schedulers that start later, schedules, phases of either kind, adjustments, previews."""

from .adjust import LRAdjuster, adjust_lr
from .factories import apply_schedule, delay_lr_scheduler
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
