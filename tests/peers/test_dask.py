"""A sweep over the workers of Dask, through the executor that its client gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from ignite_delayed import After, EarlyStop, History, Record, Runs, Sweep, UnknownMetricError, grid, sweep

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

RULES = grid(EarlyStop, "loss", mode="min", patience=[1, 2, 3], until=[None, After(epochs=2)])


def drawn(seed: int) -> History:
    values = np.random.default_rng(seed).normal(size=30).tolist()
    return History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(values, 1))


def equal(one: Sweep, other: Sweep) -> None:
    for column in ("stopped_epoch", "kept", "kept_epoch", "best", "end"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    assert (one.runs, one.parameters) == (other.runs, other.parameters)


def test_dask_gives_the_same() -> None:
    readers: list[Callable[[], History]] = [partial(drawn, seed) for seed in range(300)]
    lazy = Runs(readers, parameters=[{"seed": seed} for seed in range(300)])
    listed = [drawn(seed) for seed in range(300)]
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        executor = client.get_executor()
        equal(sweep(lazy, RULES, executor=executor), sweep(lazy, RULES))
        equal(sweep(listed, RULES, executor=executor), sweep(listed, RULES))
        with pytest.raises(UnknownMetricError, match=r"run '\d+': .* reads 'los'"):
            sweep(lazy, [EarlyStop("los", mode="min", patience=1)], executor=executor)
