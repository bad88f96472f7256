"""What is recorded under which name."""

from __future__ import annotations

import gc

import pytest
import torch
from engines import engine, evaluate

from ignite_delayed import Metric, UnknownMetricError
from ignite_delayed.recording.sources.source import Source, read, refuse_unreported


def test_metrics_are_read_under_their_name_and_the_rest_with_the_reason() -> None:
    for name, prefix in (("", ""), ("val", "val/")):
        values, unusable = read(name, {"loss": torch.tensor([0.5]), "vector": torch.zeros(2, 2)})
        assert values == {f"{prefix}loss": 0.5}
        assert list(unusable) == [f"{prefix}vector"]


def test_the_engine_is_held_weakly() -> None:
    trainer, evaluator = engine(), engine()
    evaluate(trainer, evaluator)
    source = Source("val", evaluator)
    assert source.engine is evaluator
    del trainer, evaluator
    gc.collect()
    assert source.engine is None


def test_a_rate_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnknownMetricError, match=r"learning rates recorded: none: give the recorder optimizer=$"):
        refuse_unreported("lr", Metric("lr") < 1, ["val"], [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loss", r"none of the evaluators 'val', 'test' can report: .* named like val/loss"),
        ("train/loss", r"none of the evaluators 'val', 'test' can report: .* named like val/loss"),
        ("lr/7", r"reads 'lr/7'; learning rates recorded: 'lr'"),
    ],
)
def test_what_nobody_can_report_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        refuse_unreported(name, Metric(name) < 1, ["val", "test"], ["lr"])
