"""The table in the documentation of what the first batch trains at, held against real runs."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch.optim.lr_scheduler as torch_schedulers
from ignite.handlers import PiecewiseLinear
from lr_runs import Training, sgd
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from ignite_delayed import After, Cosine, Schedule, apply_schedule, delay_lr_scheduler, warmup

BASE = 0.4
ANY = "``epoch``, ``iteration``, ``update`` or ``evaluation``"
OFTEN = "``iteration`` or ``update``"
PAGE = Path(__file__).parents[2] / "docs" / "phases.rst"


class Row(NamedTuple):
    """One row: the names in it, ``per=``, the text, and an example with what it says of the example."""

    names: str
    per: str
    text: str
    example: Any
    expected: float


ROWS = [
    Row(
        "``StepLR``, ``MultiStepLR``, ``ExponentialLR``, ``PolynomialLR``, ``MultiplicativeLR``, "
        "``CosineAnnealingLR``, ``CosineAnnealingWarmRestarts``",
        ANY,
        "the rate it finds",
        [
            lambda o: StepLR(o, 2, 0.1),
            lambda o: MultiStepLR(o, [1, 3], 0.1),
            lambda o: ExponentialLR(o, 0.5),
            lambda o: PolynomialLR(o, 4),
            lambda o: MultiplicativeLR(o, lambda step: 0.9),
            lambda o: CosineAnnealingLR(o, 4),
            lambda o: CosineAnnealingWarmRestarts(o, 4),
        ],
        BASE,
    ),
    Row("``LambdaLR(f)``", ANY, "the rate it finds x ``f(0)``", lambda o: LambdaLR(o, lambda s: 0.7), BASE * 0.7),
    Row("``ConstantLR(factor)``", ANY, "the rate it finds x ``factor``", lambda o: ConstantLR(o, 0.3), BASE * 0.3),
    Row(
        "``LinearLR(start_factor)``",
        ANY,
        "the rate it finds x ``start_factor``",
        lambda o: LinearLR(o, 0.25),
        BASE * 0.25,
    ),
    Row(
        "``SequentialLR``",
        ANY,
        "the first value of its first scheduler",
        lambda o: SequentialLR(o, [ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.5)], [2]),
        BASE * 0.1,
    ),
    Row(
        "``ChainedScheduler``",
        ANY,
        "the rate it finds x all their first factors",
        lambda o: ChainedScheduler([ConstantLR(o, 0.1, 2), LinearLR(o, 0.5)]),
        BASE * 0.1 * 0.5,
    ),
    Row("``CyclicLR(base_lr, ...)``", OFTEN, "``base_lr``", lambda o: CyclicLR(o, 0.05, 1.0, 2), 0.05),
    Row(
        "``OneCycleLR(max_lr)``",
        OFTEN,
        "``max_lr / div_factor``",
        lambda o: OneCycleLR(o, 1.0, total_steps=60, div_factor=20),
        1 / 20,
    ),
    Row(
        "``ReduceLROnPlateau``",
        "left out: ``monitor=``, ``mode=``",
        "the rate it finds",
        lambda o: ReduceLROnPlateau(o, patience=3),
        BASE,
    ),
    Row(
        "a schedule of this library",
        "``iteration``, ``epoch`` or ``update``",
        "the base rate x ``schedule(0)``",
        warmup(0.2, epochs=2).then(Cosine(epochs=3)),
        BASE * 0.2,
    ),
    Row(
        "Ignite's own, for example ``PiecewiseLinear``",
        "``iteration`` or ``epoch``",
        "its own first value",
        lambda o: PiecewiseLinear(o, "lr", [(0, 0.15), (4, 1.0)]),
        0.15,
    ),
]


def table() -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 44 26 30", ""]
    for names, per, text in [("scheduler", "``per=``", "the first batch trains at"), *(row[:3] for row in ROWS)]:
        for mark, cell in (("   * - ", names), ("     - ", per), ("     - ", text)):
            lines += textwrap.wrap(cell, 120, initial_indent=mark, subsequent_indent=" " * len(mark))
    return "\n".join(lines) + "\n"


def examples() -> list[tuple[Row, Any]]:
    return [(row, one) for row in ROWS for one in (row.example if isinstance(row.example, list) else [row.example])]


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize(("row", "example"), examples())
def test_each_row(row: Row, example: Any, delay: int) -> None:
    per: Any
    for per in ("epoch", "iteration", "update", "evaluation"):
        if f"``{per}``" not in row.per and "monitor" not in row.per:
            continue
        training = Training(sgd(BASE), metrics={"loss": lambda trainer: 1.0})
        until = After(epochs=delay) if delay else None
        if isinstance(example, Schedule):
            told: Any = {"gradient_accumulation_steps": 1} if per == "update" else {}
            apply_schedule(training.recorder, training.optimizer, example, per=per, until=until, **told)
        else:
            built = example(training.optimizer) if "Ignite" in row.names else example
            monitor = "loss" if "monitor" in row.per else None
            delay_lr_scheduler(
                training.recorder,
                training.optimizer,
                built,
                until=until,
                per=None if monitor else per,
                monitor=monitor,
                mode="min" if monitor else None,
            )
        used = training.lr(5, length=2)
        assert used[: 2 * delay] == [BASE] * 2 * delay
        assert used[2 * delay] == pytest.approx(row.expected, rel=1e-12)


def test_no_scheduler_of_torch_is_missing() -> None:
    named = " ".join(row.names for row in ROWS)
    for name in set(torch_schedulers.__all__) - {"LRScheduler"}:
        assert f"``{name}" in named


def test_the_page_has_this_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
