"""Gates that records open, and what waits behind them: any handler, or the end of the run.

* ``gate``: the gate; ``early_stopping``: a gate that ends the run.
* ``delays``: ``delay``, and its checks; ``handlers``: how a handler behind a gate is called.
* ``checkpoints``: what a delayed ``Checkpoint`` takes back of its saved list.
"""

from .delays import DelayHandle, delay
from .early_stopping import Stopper, delay_early_stopping, stop_when
from .gate import Gate

__all__ = ["DelayHandle", "Gate", "Stopper", "delay", "delay_early_stopping", "stop_when"]
