"""What many rules would have made of many runs.

* ``grid``: many rules as one call; ``judging``: by what they are judged.
* ``sweep``: runs in blocks, here or on an executor; ``bar``: how far it is.
* ``outcomes``: what came out for a block; ``views``: its runs, as rules read them; ``seen``: where they reached new
  lows; ``passes``: many rules over all of them at once.
* ``swept``: the columns and the table; ``summary``: means over the runs, and which rules no other beats; ``labels``:
  short names for rules.
* ``choosing``: a rule for runs to come; ``bounds``: how sure that is; ``choice``: the answer in words.
"""

from .choice import Choice, Evidence
from .choosing import choose
from .grid import grid
from .summary import Summary
from .sweep import sweep
from .swept import Sweep

__all__ = ["Choice", "Evidence", "Summary", "Sweep", "choose", "grid", "sweep"]
