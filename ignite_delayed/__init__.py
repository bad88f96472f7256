"""ignite-delayed: let PyTorch-Ignite handlers start later, on the clock or on a metric.

The rooms of the house, from the ground up; each imports only from those named before it:

* ``errors``, ``_utils``: exceptions; checks of arguments, value classes, saving.
* ``history``: what was seen and decided: a ``Record`` of each evaluation, a ``Mark`` of each decision.
* ``schedules``: learning rates as pure functions of the step.
* ``conditions``: moments in training as values, folded over the records.
* ``logs``: past runs from the files of other loggers.
* ``replays``: the same fold over past runs; many rules over many runs, and which of them to choose.
* ``recording``: watches the engines. Here a record is made, fed to whatever hangs on the recorder, and a state saved.
* ``gates``: here a gate opens, a delayed handler is called, and a run is stopped.
* ``lr``: phases, schedulers and adjustments. Here a rate is written.
* ``status``, ``loggers``, ``plots``: show all that; nothing below knows them.
* ``demo``, ``cli``: the command line.

``docs/how-it-is-built.rst`` tells how they work together, and where to add what.
"""

import lazy_loader

__version__ = "0.1.0"

# Resolved on first use: past runs can be studied, and the command line starts, without importing torch and ignite.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
