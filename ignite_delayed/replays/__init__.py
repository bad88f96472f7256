"""What a rule would have done to past runs: the fold, offline, and sweeps of many rules over many runs."""

from .fold import EarlyStopReplay, Replay, replay
from .sweeps import Summary, Sweep, grid, sweep

__all__ = ["EarlyStopReplay", "Replay", "Summary", "Sweep", "grid", "replay", "sweep"]
