"""What is observed, and where it comes from.

* ``source``: what is recorded under which name: an engine's metrics, an engine's on certain data, what is by hand.
* ``watches``: an engine, listened to: when are metrics to be read?
* ``choice``, ``data``: which source an engine shows, where it has several: told by the data that it ran on.
* ``required``: which metrics a record must have; ``stale``: values that are left from a run before.
* ``rates``: learning rates as values of records.
"""
