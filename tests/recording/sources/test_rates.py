"""Learning rates as values of records."""

from __future__ import annotations

import pytest
import torch

from ignite_delayed.recording.sources.rates import read_rates, watched_rates


def sgd(*rates: float) -> torch.optim.SGD:
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates], lr=1.0)


def test_no_optimizer_has_no_rates() -> None:
    assert read_rates(watched_rates(None)) == {}


def test_groups_are_numbered_where_there_are_several() -> None:
    assert read_rates(watched_rates(sgd(0.1))) == {"lr": 0.1}
    assert read_rates(watched_rates(sgd(0.1, 0.2))) == {"lr/0": 0.1, "lr/1": 0.2}
    watched = watched_rates({"one": sgd(0.1), "two": sgd(0.2, 0.3)})
    assert read_rates(watched) == {"lr/one": 0.1, "lr/two/0": 0.2, "lr/two/1": 0.3}


def test_rates_are_read_when_asked_and_tensors_are_floats() -> None:
    optimizer = sgd(0.1)
    watched = watched_rates(optimizer)
    optimizer.param_groups[0]["lr"] = torch.tensor(0.5)
    rates = read_rates(watched)
    assert rates == {"lr": 0.5}
    assert type(rates["lr"]) is float


@pytest.mark.parametrize(
    ("optimizer", "error", "message"),
    [
        (0.1, TypeError, "optimizer must be a torch optimizer, or optimizers by name"),
        ([sgd(0.1)], TypeError, "optimizer must be a torch optimizer, or optimizers by name"),
        ({"one": 0.1}, TypeError, r"optimizer\['one'\] must be a torch optimizer"),
        ({"": sgd(0.1)}, ValueError, "an optimizer's name must be a non-empty string"),
        ({0: sgd(0.1)}, TypeError, "an optimizer's name must be a non-empty string"),
    ],
)
def test_bad_optimizers(optimizer: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        watched_rates(optimizer)
