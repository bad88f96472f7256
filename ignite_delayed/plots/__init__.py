"""Plots, drawn from histories and previews alone; they need matplotlib (``pip install 'ignite-delayed[plot]'``).

* ``timeline``, ``conditions``: one run, and what conditions said in it; ``schedules``: the rates of a run to come.
* ``sweeps``, ``sweep_grids``, ``run_stops``: rules: cost against loss, by their arguments, in one run.
* ``moments``: what happened when, and the time axis; ``lanes``: that of many gates.
* ``panels``: where is drawn; ``key``: what is what; ``style``: how it looks; ``lettering``: text that fits;
  ``artists``: what matplotlib lacks, imported as late as it.
"""

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
