"""Plots, drawn from histories and previews alone; they need matplotlib (``pip install 'ignite-delayed[plot]'``)."""

from .bands import Band, TruthBands, plot_conditions
from .rates import RateCurves, plot_schedule
from .story import Moment, Zone
from .timeline import Timeline, plot_timeline

__all__ = [
    "Band",
    "Moment",
    "RateCurves",
    "Timeline",
    "TruthBands",
    "Zone",
    "plot_conditions",
    "plot_schedule",
    "plot_timeline",
]
