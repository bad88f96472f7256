"""Settings shared by all tests; HYPOTHESIS_PROFILE chooses how many examples each property is tried on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

# Plots are drawn without a display, also in the processes that tests start. Set before anything imports matplotlib.
os.environ.setdefault("MPLBACKEND", "Agg")

# No deadline: the first example pays for imports, and shared machines stall.
settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None)
# For mutants, of which it only matters that they fail: the same examples every time, and no search for the shortest.
settings.register_profile(
    "mutants", max_examples=20, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """No test finds the figures of another."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
