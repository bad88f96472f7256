"""From engines to records, and from records to whatever hangs on the recorder.

* ``recorder``: the public face; it builds an ``Engines`` and a ``Hub``.
* ``engines``: listens to the engines, each observed through the parts in ``sources/``, in the run that ``runs/`` knows;
  ``registry``: who records an engine.
* ``records``: from what was read to a record, agreed upon in ``ranks/`` where there are several processes; ``notices``:
  why something is not recorded.
* ``hub``: feeds and keeps what hangs here; ``attachment``: what can hang; ``announcements``: what is still to be told;
  ``rows``: what is shown in the status; ``matching``: does a saved state fit the parts that are here?
* ``host``: all that is read of the private parts of Ignite and torch; ``exceptions``: hearing of those of an engine.
"""

from .recorder import Recorder

__all__ = ["Recorder"]
