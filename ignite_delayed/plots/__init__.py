"""Plots, drawn from histories and previews alone; they need matplotlib (``pip install 'ignite-delayed[plot]'``)."""

from .conditions import Band, TruthBands, plot_conditions
from .moments import Moment, Zone
from .schedules import RateCurves, plot_schedule
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
