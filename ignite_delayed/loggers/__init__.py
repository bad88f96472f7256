"""Gates, stops, phases and rates in the experiment trackers that Ignite's own loggers write to.

* ``handler``: what is logged, when, and what is refused; ``trackers``: how each tracker is told.
"""

from .handler import RecorderHandler

__all__ = ["RecorderHandler"]
