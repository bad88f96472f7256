"""Plots, drawn from histories alone; they need matplotlib (``pip install 'ignite-delayed[plot]'``)."""

from .story import Moment, Zone
from .timeline import Timeline, plot_timeline

__all__ = ["Moment", "Timeline", "Zone", "plot_timeline"]
