"""The command line, ``ignite-delayed`` or ``python -m ignite_delayed``; its help comes without torch, Ignite and numpy.

* ``main``: the entry, which misses click politely.
* ``app``: the commands together, and what becomes of errors: exit codes 0, 1 (could not be done), 2 (wrong usage).
* ``demo``, ``replay``, ``choose``, ``explain``, ``preview``: a command each.
* ``options``: what several commands take, and texts that are read safely; ``rules``: those that are to be compared.
* ``report``: tables; ``writing``: files, never over one that is there.
"""

from .main import main

__all__ = ["main"]
