"""Calls that nearly fit are answered with the fix, and the fix works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engines import loop

from ignite_delayed import (
    After,
    EarlyStop,
    Gate,
    Metric,
    Patience,
    Plateau,
    Recorder,
    delay,
    delay_early_stopping,
    stop_when,
)
from ignite_delayed._utils.advice import advise

LOW = Metric("loss") < 0.5
RULE: dict[str, Any] = {"mode": "min", "patience": 3}
loose: Any = lambda one: one  # noqa: E731 - mypy would refuse these calls


@pytest.fixture
def recorder() -> Recorder:
    trainer, evaluator = loop(loss=[0.5])
    recorder = Recorder(trainer, evaluator)
    KEPT.append(trainer)
    return recorder


KEPT: list[Any] = []  # a recorder does not keep its trainer


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda r: loose(Gate)(r, LOW), "Write until=Metric('loss') < 0.5, after which it stays open, or when="),
        (
            lambda r: loose(delay)(r, print, LOW),
            "Write until=Metric('loss') < 0.5, after which it always runs, or when=",
        ),
        (lambda r: loose(delay)(r, print, after=5), "delay takes no after, got 5 (int). Write until=After(epochs=5)."),
        (lambda r: loose(LOW.sustained)(3), "got 3 (int). Write .sustained(evaluations=3)."),
        (lambda r: loose(LOW.holds)(2, 3), "Write .holds(at_least=2, of=3)."),
        (lambda r: loose(LOW.holds)(2), "Write .holds(at_least=2, of=...)."),
        (lambda r: loose(After)(epoch=50), "After takes no epoch, got 50 (int). Write After(epochs=50)."),
        (lambda r: loose(After)(minutes=30), "Write After(seconds=30 * 60)."),
        (lambda r: loose(After)(hours=2), "Write After(seconds=2 * 3600)."),
        (lambda r: loose(After)(steps=100), "Write After(iterations=100)."),
        (lambda r: loose(Patience)(epoch=5), "Write Patience(epochs=5)."),
        (lambda r: loose(Patience)(minutes=5), "Write Patience(seconds=5 * 60)."),
        (
            lambda r: loose(delay_early_stopping)(r, "loss", **RULE, min_delta=0.1),
            "delay_early_stopping takes no min_delta, got 0.1 (float). Write threshold=0.1.",
        ),
        (
            lambda r: loose(delay_early_stopping)(r, "loss", **RULE, start_from_epoch=10),
            "Write until=After(epochs=10).",
        ),
        (
            lambda r: loose(delay_early_stopping)(r, "loss", **RULE, restore_best_weights=True),
            "Write keep_best(recorder, ..., restore_best=True).",
        ),
        (lambda r: loose(EarlyStop)("loss", **RULE, start_from_epoch=10), "Write until=After(epochs=10)."),
        (lambda r: loose(EarlyStop)("loss", **RULE, min_delta=0.1), "Write threshold=0.1."),
        (
            lambda r: loose(Plateau)("loss", **RULE, min_delta=0.1),
            "Plateau takes no min_delta, got 0.1 (float). Write thr",
        ),
        (lambda r: loose(Gate)(r, until="epoch > 50"), "Write After(epochs=50)."),
        (lambda r: loose(Gate)(r, until="epochs >= 50"), "Write After(epochs=49)."),
        (lambda r: loose(stop_when)(r, "val/loss < 0.3"), "Write Metric('val/loss') < 0.3."),
        (lambda r: loose(stop_when)(r, "Metric('loss') < 0.3"), "Condition.parse reads a text: Condition.parse("),
        (lambda r: loose(stop_when)(r, "loss"), "Compare the metric: Metric('loss') < 0.5."),
        (lambda r: Metric("loss") < loose("0.5"), "Write 0.5, without quotes."),
        (lambda r: Metric("loss") < loose("best"), "Write Metric('best')."),
    ],
)
def test_a_call_that_nearly_fits_is_answered_with_the_fix(
    call: Callable[[Any], Any], fix: str, recorder: Recorder
) -> None:
    with pytest.raises(TypeError) as caught:
        call(recorder)
    assert fix in str(caught.value)
    assert recorder.gates == []


def test_what_fits_passes_and_other_mistakes_are_pythons_own() -> None:
    @advise("area(width=..., height={0!r})", size="width={0!r}")
    def area(width: int, *, height: int = 1) -> int:
        return width * height

    assert (area(2), area(2, height=3), area(width=4)) == (2, 6, 4)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        loose(area)(2, depth=3)
    with pytest.raises(TypeError, match=r"area takes no size, got 2 \(int\)\. Write width=2\."):
        loose(area)(size=2)
    with pytest.raises(TypeError, match=r"Write area\(width=\.\.\., height=3\)\."):
        loose(area)(2, 3)
