"""What a rule would have done to past runs: the fold, offline."""

from .fold import EarlyStopReplay, Replay, replay

__all__ = ["EarlyStopReplay", "Replay", "replay"]
