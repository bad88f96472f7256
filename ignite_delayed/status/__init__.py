"""Live status: what every gate waits for, how near it is, the phases and their rates.

* ``view``: the status at one moment; ``contents``: what it shows, as text, as HTML, as a panel.
* ``live``: followed through a run; ``displays``: where: a notebook, a terminal, any other file.
* ``pinned``: a table at the bottom of a terminal; ``passing``: what others write there; ``bars``: tqdm's bars.
"""

from __future__ import annotations

from .live import LiveStatus
from .view import Status

__all__ = ["LiveStatus", "Status"]
