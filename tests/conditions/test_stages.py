from __future__ import annotations

import pytest

from ignite_delayed import After, Condition, EarlyStop, Metric, Record
from ignite_delayed.conditions.stages import gate_stage, stop_stage

LOSSES = [0.9, 0.5, 0.6, 0.4, 0.5, 0.6]


def stages(condition: Condition) -> list[str]:
    """What is said of a stop on ``condition`` after each loss."""
    state, said = condition.initial(), list[str]()
    for epoch, loss in enumerate(LOSSES, start=1):
        state, _ = condition.step(state, Record(epoch=epoch, iteration=epoch, values={"loss": loss}))
        said.append(stop_stage(condition, state))
    return said


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (EarlyStop("loss", mode="min", patience=2), "open open counting open counting stopped"),
        (
            EarlyStop("loss", mode="min", patience=2, until=After(epochs=2)),
            "closed closed open open counting stopped",
        ),
        (
            EarlyStop("loss", mode="min", patience=1, until=After(epochs=5), while_closed="count"),
            "closed closed closed closed closed stopped",
        ),
        (Metric("loss") < 0.5, "open open open stopped open open"),
    ],
)
def test_a_stop_is_closed_while_it_is_delayed_then_open_and_counting_while_patience_is_spent(
    condition: Condition, said: str
) -> None:
    assert stages(condition) == said.split()


def test_before_anything_was_seen_a_stop_without_delay_is_open() -> None:
    rule = EarlyStop("loss", mode="min", patience=2)
    assert stop_stage(rule, rule.initial()) == "open"


def test_a_gate_is_closed_until_its_condition_is_known_to_hold() -> None:
    assert [gate_stage((verdict,)) for verdict in (None, False, True)] == ["closed", "closed", "open"]
