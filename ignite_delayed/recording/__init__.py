"""From engines to records, and from records to whatever hangs on the recorder.

* ``recorder``: the public face; it builds an ``Engines`` and a ``Hub``.
* ``engines``: listens to the engines through ``watches`` (when are metrics to be read?), with ``run`` (inside the
  trainer's run? its clock), ``resuming`` (is a run new?) and ``registry`` (who records an engine).
* ``sources``: what is recorded under which name; ``shown`` and ``data``: which of them an engine shows, by the data
  that it ran on; ``aside``: metrics that not every evaluation computes.
* ``making``: from what was read to a record, with ``required`` (which metrics it must have), ``rates`` (learning rates
  as values) and ``telling`` (why something is not recorded).
* ``meeting``, ``agreement``, ``rank0``: the same with several processes: their collective, what they agree on, what
  rank 0 saw alone.
* ``hub``: feeds and keeps what hangs here; ``attachment``: what can hang; ``rows``: what it shows in the status.
* ``matching``: do the names in a saved state fit those that are here?
* ``host``: all that is read of the private parts of Ignite and torch.
"""

from .recorder import Recorder

__all__ = ["Recorder"]
