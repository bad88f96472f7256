"""Plots, drawn from histories and previews alone; they need matplotlib (``pip install 'ignite-delayed[plot]'``)."""

from .conditions import Band, TruthBands, plot_conditions
from .moments import Moment, Zone
from .run_stops import RunStops, plot_run_stops
from .schedules import RateCurves, plot_schedule
from .sweep_grids import SweepGrid, plot_sweep_grid
from .sweeps import SweepFront, plot_sweep
from .timeline import Timeline, plot_timeline

__all__ = [
    "Band",
    "Moment",
    "RateCurves",
    "RunStops",
    "SweepFront",
    "SweepGrid",
    "Timeline",
    "TruthBands",
    "Zone",
    "plot_conditions",
    "plot_run_stops",
    "plot_schedule",
    "plot_sweep",
    "plot_sweep_grid",
    "plot_timeline",
]
