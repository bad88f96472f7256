"""Gates that records open, and what waits behind them: any handler, or the end of the run.

* ``gate``: the gate; ``early_stopping``: a gate that ends the run.
* ``attachables``: ``delay_attach``, for what attaches itself.
* ``best``: a checkpoint whenever a metric is best; ``best_files``: its files.
* ``delays``: ``delay``, and its checks; ``handlers``: how a handler behind a gate is called; ``turns``: when;
  ``signatures``: with what.
* ``checkpoints``: what a delayed ``Checkpoint`` takes back of its saved list.
"""

from .attachables import delay_attach
from .best import BestKeeper, keep_best
from .delays import DelayHandle, delay
from .early_stopping import Stopper, delay_early_stopping, stop_when
from .gate import Gate

__all__ = [
    "BestKeeper",
    "DelayHandle",
    "Gate",
    "Stopper",
    "delay",
    "delay_attach",
    "delay_early_stopping",
    "keep_best",
    "stop_when",
]
