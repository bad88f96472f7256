"""What others write for their schedules, and what is written here, train every step at the same rate."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from lr_runs import Training, groups, sgd

import ignite_delayed

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "coming-from.rst"

SIZES = [{"warm": 3, "total": 21}, {"warm": 10, "total": 40}, {"warm": 1, "total": 7}]
RATE = 0.1


class Row(NamedTuple):
    """One line of the table: a library, what is written there, and here; the code is what the tests run."""

    library: str
    theirs: str
    ours: str


ROWS = [
    Row("torch", "CosineAnnealingLR(optimizer, T_max=total)", "Cosine(iterations=total)"),
    Row("torch", "ExponentialLR(optimizer, gamma=0.9)", "Exponential(0.9, iterations=1)"),
    Row("torch", "LinearLR(optimizer, 0.25, total_iters=warm)", "warmup(0.25, iterations=warm)"),
    Row("torch", "PolynomialLR(optimizer, total, power=2)", "Polynomial(2, iterations=total)"),
    Row("torch", "StepLR(optimizer, warm, gamma=0.5)", "Step(0.5, iterations=warm, repeat=True)"),
    Row(
        "torch",
        "MultiStepLR(optimizer, [warm, total // 2], gamma=0.5)",
        "Step(0.5, iterations=[warm, total // 2])",
    ),
    Row(
        "torch",
        "CosineAnnealingWarmRestarts(optimizer, T_0=warm, T_mult=2)",
        "CosineRestarts(growth=2, iterations=warm)",
    ),
    Row(
        "torch",
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.25, total_iters=warm), "
        "CosineAnnealingLR(optimizer, total - warm)], [warm])",
        "warmup(0.25, iterations=warm).then(Cosine(iterations=total - warm))",
    ),
    Row("transformers", "get_constant_schedule_with_warmup(optimizer, warm)", "warmup(iterations=warm)"),
    Row(
        "transformers",
        "get_linear_schedule_with_warmup(optimizer, warm, total)",
        "warmup(iterations=warm).then(Linear(iterations=total - warm))",
    ),
    Row(
        "transformers",
        "get_cosine_schedule_with_warmup(optimizer, warm, total)",
        "warmup(iterations=warm).then(Cosine(iterations=total - warm))",
    ),
    Row(
        "transformers",
        "get_cosine_with_min_lr_schedule_with_warmup(optimizer, warm, total, min_lr_rate=0.1)",
        "warmup(iterations=warm).then(Cosine(end=0.1, iterations=total - warm))",
    ),
    Row(
        "transformers",
        "get_cosine_with_hard_restarts_schedule_with_warmup(optimizer, warm, total, num_cycles=2)",
        "warmup(iterations=warm).then(CosineRestarts(iterations=(total - warm) // 2))",
    ),
    Row(
        "transformers",
        "get_polynomial_decay_schedule_with_warmup(optimizer, warm, total, lr_end=0.001, power=2)",
        "warmup(iterations=warm).then(Polynomial(2, end=0.001 / lr, iterations=total - warm))",
    ),
    Row(
        "transformers",
        "get_inverse_sqrt_schedule(optimizer, warm)",
        "warmup(iterations=warm).then(InverseSqrt(iterations=warm))",
    ),
    Row(
        "transformers",
        "get_wsd_schedule(optimizer, warm, warm, total, decay_type='linear')",
        "warmup(iterations=warm).then(Constant(iterations=total - 2 * warm)).then(Linear(iterations=warm))",
    ),
]

MODULES = {"torch": "torch.optim.lr_scheduler", "transformers": "transformers.optimization"}


def names(library: str, **values: Any) -> dict[str, Any]:
    return vars(importlib.import_module(MODULES[library])) | {"lr": RATE} | values


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['warm']} of {size['total']}")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.theirs.split("(")[0])
def test_every_step_is_trained_at_the_rate_of_theirs(row: Row, size: dict[str, int]) -> None:
    if importlib.util.find_spec(row.library) is None:
        pytest.skip(f"no release of {row.library} is for this Python")
    optimizer = torch.optim.SGD(groups(RATE, RATE / 10), lr=RATE)
    rates = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The epoch parameter in", UserWarning)  # torch's own call in SequentialLR
        scheduler = eval(row.theirs, names(row.library, optimizer=optimizer, **size))
        for _ in range(size["total"]):
            rates.append([group["lr"] for group in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    training = Training(sgd(RATE, RATE / 10), at=None)
    schedule = eval(row.ours, public() | {"lr": RATE, **size})
    ignite_delayed.apply_schedule(training.recorder, training.optimizer, schedule, per="iteration")
    used = torch.tensor(training.run(1, size["total"]), dtype=torch.float64)
    torch.testing.assert_close(used, torch.tensor(rates, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def public() -> dict[str, Any]:
    """Names are resolved when they are asked for."""
    return {name: getattr(ignite_delayed, name) for name in ignite_delayed.__all__}


def table() -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 12 46 42", ""]
    for row in [("from", "what is written there", "here"), *((one[0], *map("``{}``".format, one[1:])) for one in ROWS)]:
        first, *others = row
        lines += [f"   * - {first}", *(f"     - {other}" for other in others)]
    return "\n".join(lines) + "\n"


def test_the_document_has_this_table() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")
