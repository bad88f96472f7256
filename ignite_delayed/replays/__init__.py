"""What a rule would have done to past runs: the fold, offline, and sweeps of many rules over many runs.

* ``fold``: one condition over one run, a record at a time; ``columns``: its twin, which says the same of all at once.
* ``sweeps``: many rules over many runs, and which of them to choose.
"""

from .fold import EarlyStopReplay, Replay, replay
from .sweeps import Choice, Evidence, Summary, Sweep, choose, grid, sweep

__all__ = ["Choice", "EarlyStopReplay", "Evidence", "Replay", "Summary", "Sweep", "choose", "grid", "replay", "sweep"]
