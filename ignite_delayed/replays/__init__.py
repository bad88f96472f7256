"""What a rule would have done to past runs: the fold, offline, and sweeps of many rules over many runs."""

from .fold import EarlyStopReplay, Replay, replay
from .sweeps import Choice, Evidence, Summary, Sweep, choose, grid, sweep

__all__ = ["Choice", "EarlyStopReplay", "Evidence", "Replay", "Summary", "Sweep", "choose", "grid", "replay", "sweep"]
