"""From engines to records, and from records to whatever hangs on the recorder.

* ``recorder``: the public face; it builds an ``Engines`` and a ``Hub``.
* ``engines``: makes the records, with ``sources`` (whose metrics), ``run`` (inside the trainer's run? its clock),
  ``resuming`` (is a run new?), ``rates`` (learning rates as values) and ``registry`` (no engine is recorded twice).
* ``agreement``, ``rank0``: the same with several processes.
* ``hub``: feeds and keeps what hangs here; ``attachment``: what can hang; ``rows``: what it shows in the status.
* ``matching``: do the names in a saved state fit those that are here?
* ``host``: all that is read of the private parts of Ignite and torch.
"""

from .recorder import Recorder

__all__ = ["Recorder"]
