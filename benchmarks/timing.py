"""Timing two ways of doing the same work side by side."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

__all__ = ["side_by_side"]


def side_by_side(work: dict[str, Callable[[], object]], *, number: int, rounds: int = 15) -> dict[str, float]:
    """Median seconds a call, the ways interleaved so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for function in work.values():
        function()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, function in work.items():
                start = time.perf_counter()
                for _ in range(number):
                    function()
                seconds[name].append((time.perf_counter() - start) / number)
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in seconds.items()}
