"""The state of a torch scheduler through JSON, which knows neither tensors, nor tuples, nor keys that are numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from engines import through_json
from lr_runs import SCHEDULERS, sgd

from ignite_delayed.lr.steppers.torch_state import decode, encode


@pytest.mark.parametrize("rate", [1.0, torch.tensor(0.3)], ids=["float", "tensor"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler(name: str, rate: Any) -> None:
    def build() -> Any:
        return SCHEDULERS[name](sgd(rate if isinstance(rate, float) else rate.clone()))

    scheduler = build()
    scheduler.optimizer.step()
    scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    state = scheduler.state_dict()
    decoded = decode(through_json(encode(state)), build().state_dict())
    assert str(decoded) == str(state)
    assert all(type(decoded[key]) is type(value) for key, value in state.items())


def test_keys_that_are_numbers() -> None:
    decoded = decode({"30": 1, "60": 2}, Counter({10: 1}))
    assert decoded == Counter({30: 1, 60: 2})
    assert type(decoded) is Counter


def test_what_was_added_later_is_kept_and_what_is_none_may_be_anything() -> None:
    assert decode({"a": 3.5, "b": [1]}, {"a": None}) == {"a": 3.5, "b": [1]}
    assert decode({"a": None}, {"a": 3.5}) == {"a": None}


@pytest.mark.parametrize(
    ("saved", "like", "message"),
    [
        ({}, {"best": 1.0}, "state lacks best"),
        ([], {"best": 1.0}, "state must be a dict, got"),
        ({"best": "1"}, {"best": 1.0}, "best must be like 1.0"),
        ({"rates": [1.0]}, {"rates": [1.0, 2.0]}, "rates must be a list of 2"),
        ({"rates": 1.0}, {"rates": [1.0, 2.0]}, "rates must be a list of 2"),
        ({"inner": {"rates": ["1"]}}, {"inner": {"rates": [1.0]}}, "rates must be like 1.0"),
        ({"milestones": {"x": 1}}, {"milestones": Counter({1: 1})}, "invalid literal"),
    ],
)
def test_what_cannot_be_is_refused(saved: Any, like: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(saved, like)
