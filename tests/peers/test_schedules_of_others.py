"""What others write for their schedules, and what is written here, train every step at the same rate."""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
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
    alone: bool = False  # for one group: theirs gives every group the same value


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
    Row(
        "torch",
        "ConstantLR(optimizer, 0.1, total_iters=warm)",
        "Constant(0.1, iterations=warm).then(Constant())",
    ),
    Row(
        "torch",
        "CyclicLR(optimizer, lr / 10, lr, warm)",
        "Linear(0.1, 1, iterations=warm).then(Linear(1, 0.1, iterations=warm)).repeat()",
        alone=True,
    ),
    Row(
        "torch",
        "OneCycleLR(optimizer, lr, total, pct_start=(warm + 1) / total)",
        "Cosine(1 / 25, 1, iterations=warm).then(Cosine(1, 1 / 25e4, iterations=total - 1 - warm))",
        alone=True,
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
    Row(
        "transformers",
        "get_wsd_schedule(optimizer, warm, warm, total, decay_type='1-sqrt')",
        "warmup(iterations=warm).then(Constant(iterations=total - 2 * warm)).then(Sqrt(iterations=warm))",
    ),
    Row(
        "timm",
        "CosineLRScheduler(optimizer, t_initial=total, warmup_t=warm)",
        "warmup(iterations=warm).then(Cosine(iterations=total), underway=True)",
    ),
    Row(
        "timm",
        "CosineLRScheduler(optimizer, t_initial=total - warm, warmup_t=warm, warmup_prefix=True)",
        "warmup(iterations=warm).then(Cosine(iterations=total - warm))",
    ),
    Row(
        "timm",
        "CosineLRScheduler(optimizer, t_initial=warm, cycle_limit=3, cycle_decay=0.5)",
        "CosineRestarts(decay=0.5, cycles=3, iterations=warm)",
    ),
    Row(
        "timm",
        "CosineLRScheduler(optimizer, t_initial=warm, cycle_mul=2, cycle_limit=3)",
        "CosineRestarts(growth=2, cycles=3, iterations=warm)",
    ),
    Row(
        "timm",
        "CosineLRScheduler(optimizer, t_initial=total, k_decay=2)",
        "Schedule.of(lambda progress: (1 + math.cos(math.pi * progress**2)) / 2, iterations=total)",
    ),
    Row(
        "timm",
        "TanhLRScheduler(optimizer, t_initial=total - warm, warmup_t=warm, warmup_prefix=True)",
        "warmup(iterations=warm)"
        ".then(Schedule.of(lambda progress: (1 - math.tanh(10 * progress - 7)) / 2, iterations=total - warm))",
    ),
    Row(
        "timm",
        "PolyLRScheduler(optimizer, t_initial=total, power=2, warmup_t=warm)",
        "warmup(iterations=warm).then(Polynomial(2, iterations=total), underway=True)",
    ),
    Row("timm", "StepLRScheduler(optimizer, warm, decay_rate=0.5)", "Step(0.5, iterations=warm, repeat=True)"),
    Row(
        "timm",
        "WSDLRScheduler(optimizer, t_initial=total - warm, decay_t=warm, warmup_t=warm)",
        "warmup(iterations=warm).then(Constant(iterations=total - 2 * warm)).then(Sqrt(iterations=warm))",
    ),
    Row("fvcore", "CosineParamScheduler(1, 0)", "Cosine(iterations=total)"),
    Row("fvcore", "LinearParamScheduler(1, 0.1)", "Linear(1, 0.1, iterations=total)"),
    Row("fvcore", "ExponentialParamScheduler(1, 0.01)", "Exponential(0.01, iterations=total)"),
    Row("fvcore", "PolynomialDecayParamScheduler(1, power=0.9)", "Polynomial(0.9, iterations=total)"),
    Row(
        "fvcore",
        "MultiStepParamScheduler([1, 0.1, 0.01], total, [warm, total // 2])",
        "Step(0.1, iterations=[warm, total // 2])",
    ),
    Row(
        "fvcore",
        "CompositeParamScheduler([LinearParamScheduler(0, 1), CosineParamScheduler(1, 0)], "
        "[warm / total, 1 - warm / total], ['rescaled', 'rescaled'])",
        "warmup(iterations=warm).then(Cosine(iterations=total - warm))",
    ),
    Row(
        "fvcore",
        "CompositeParamScheduler([LinearParamScheduler(0, 1), CosineParamScheduler(1, 0)], "
        "[warm / total, 1 - warm / total], ['rescaled', 'fixed'])",
        "warmup(iterations=warm).then(Cosine(iterations=total), underway=True)",
    ),
    Row("optax", "cosine_decay_schedule(lr, total, alpha=0.1)", "Cosine(end=0.1, iterations=total)"),
    Row("optax", "linear_schedule(lr, 0, total)", "Linear(iterations=total)"),
    Row("optax", "polynomial_schedule(lr, 0, power=2, transition_steps=total)", "Polynomial(2, iterations=total)"),
    Row("optax", "exponential_decay(lr, warm, 0.5)", "Exponential(0.5, iterations=warm)"),
    Row("optax", "exponential_decay(lr, warm, 0.5, staircase=True)", "Step(0.5, iterations=warm, repeat=True)"),
    Row(
        "optax",
        "piecewise_constant_schedule(lr, {warm: 0.1, total // 2: 0.1})",
        "Step(0.1, iterations=[warm, total // 2])",
    ),
    Row(
        "optax",
        "warmup_cosine_decay_schedule(0, lr, warm, total)",
        "warmup(iterations=warm).then(Cosine(iterations=total - warm))",
    ),
    Row(
        "optax",
        "warmup_exponential_decay_schedule(0, lr, warm, transition_steps=warm, decay_rate=0.5)",
        "warmup(iterations=warm).then(Exponential(0.5, iterations=warm))",
    ),
    Row(
        "optax",
        "cosine_onecycle_schedule(total, lr, pct_start=0.3)",
        "Cosine(1 / 25, 1, iterations=3 * total // 10).then(Cosine(1, 1 / 25e4, iterations=total - 3 * total // 10))",
    ),
    Row(
        "optax",
        "sgdr_schedule([dict(init_value=0, peak_value=lr, warmup_steps=warm, decay_steps=3 * warm)] * 2)",
        "warmup(iterations=warm).then(Cosine(iterations=2 * warm)).repeat(2)",
    ),
]

MODULES = {
    "torch": "torch.optim.lr_scheduler",
    "transformers": "transformers.optimization",
    "timm": "timm.scheduler",
    "fvcore": "fvcore.common.param_scheduler",
    "optax": "optax",
}


@functools.cache
def module_of(library: str) -> ModuleType:
    """The schedules of ``library``; those of timm are imported without the rest of it.

    That needs torchvision, whose wheel on an index goes with one build of torch, CUDA's, and cannot be imported beside
    another. The schedules need neither.
    """
    if library != "timm" or library in sys.modules:
        return importlib.import_module(MODULES[library])
    spec = importlib.util.find_spec(library)
    assert spec is not None
    sys.modules[library] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(MODULES[library])
    finally:
        del sys.modules[library]


def rates_of(row: Row, optimizer: torch.optim.Optimizer, size: dict[str, int]) -> Iterator[list[float]]:
    """What theirs trains each iteration at, driven as its own documentation says."""
    theirs = eval(row.theirs, vars(module_of(row.library)) | {"lr": RATE, "optimizer": optimizer, **size})
    bases = [group["lr"] for group in optimizer.param_groups]
    for step in range(size["total"]):
        if row.library == "fvcore":  # a factor at the part of the run that is over
            yield [base * theirs(step / size["total"]) for base in bases]
        elif row.library == "optax":  # the value of the one rate there is
            yield [base * float(theirs(step)) / RATE for base in bases]
        else:
            yield [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
            theirs.step(*([step + 1] if row.library == "timm" else []))  # timm is told the time that has come


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    """Optax computes in float32 unless it is told otherwise."""
    if importlib.util.find_spec("jax") is None:
        yield
        return
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['warm']} of {size['total']}")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.library} {row.theirs.split('(')[0]}")
def test_every_step_is_trained_at_the_rate_of_theirs(row: Row, size: dict[str, int]) -> None:
    if importlib.util.find_spec(row.library) is None:
        pytest.skip(f"no release of {row.library} is for this Python")
    bases = [RATE] if row.alone else [RATE, RATE / 10]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The epoch parameter in", UserWarning)  # torch's own call in SequentialLR
        rates = list(rates_of(row, torch.optim.SGD(groups(*bases), lr=RATE, momentum=0.9), size))
    training = Training(sgd(*bases), at=None)
    schedule = eval(row.ours, public() | {"lr": RATE, "math": math, **size})
    ignite_delayed.apply_schedule(training.recorder, training.optimizer, schedule, per="iteration")
    used = torch.tensor(training.run(1, size["total"]), dtype=torch.float64)
    torch.testing.assert_close(used, torch.tensor(rates, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def public() -> dict[str, Any]:
    """Names are resolved when they are asked for."""
    return {name: getattr(ignite_delayed, name) for name in ignite_delayed.__all__}


def table() -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 12 46 42", ""]
    for row in [
        ("from", "what is written there", "here"),
        *((one[0], *map("``{}``".format, one[1:3])) for one in ROWS),
    ]:
        first, *others = row
        lines += [f"   * - {first}", *(f"     - {other}" for other in others)]
    return "\n".join(lines) + "\n"


def test_the_document_has_this_table() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")
