"""Settings shared by all tests; HYPOTHESIS_PROFILE chooses how many examples each property is tried on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Plots are drawn without a display, also in the processes that tests start. Set before anything imports matplotlib.
os.environ.setdefault("MPLBACKEND", "Agg")

# Neither what runs the tests nor its terminal changes what is tested, here and in the processes that tests start:
# ClearML's logger says that it bypasses its client where CI is set, rich colours and folds by the others.
for variable in (
    "CI",
    "GITHUB_ACTIONS",
    "FORCE_COLOR",
    "NO_COLOR",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "COLUMNS",
    "LINES",
):
    os.environ.pop(variable, None)

# Nothing that goes by the clock: the first example pays for imports, and shared machines stall.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", unhurried, max_examples=100)
settings.register_profile("quick", unhurried, max_examples=20)
settings.register_profile("nightly", unhurried, max_examples=1000)
# For mutants, of which it only matters that they fail: the same examples every time, and no search for the shortest.
settings.register_profile(
    "mutants", unhurried, max_examples=20, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Against what others use beside this package: they need the extra of that name, and are collected only when named.
PEERS = Path(__file__).parent / "peers"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = any(PEERS in (path, *path.parents) for path in (Path(arg.split("::")[0]).resolve() for arg in config.args))
    return True if collection_path == PEERS and not asked else None


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """No test finds the figures of another."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
