"""One change of phase, as it is recorded and told."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Switched", "listed"]


class Switched(NamedTuple):
    """One change of phase.

    Args:
        phase: the number of the phase that begins, from 0; one past the last when the last ends.
        epoch, iteration: the trainer's clock: so many iterations were finished.
        why: what ended the phase before.
        before, after: each group's value before and after.
    """

    phase: int
    epoch: int
    iteration: int
    why: str
    before: list[float]
    after: list[float]


def listed(values: list[float]) -> str:
    """The values of the groups, for a log or a mark."""
    return ", ".join(f"{value:.6g}" for value in values)
