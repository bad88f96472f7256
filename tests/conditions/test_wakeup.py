"""When the clock may next move a gate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed import After, Always, Between, Condition, Never, Record


def clock(iteration: int, planned: int | None = 100) -> Record:
    return Record(epoch=1, iteration=iteration, planned=planned, source=None)


@pytest.mark.parametrize(
    ("condition", "now", "planned", "wakeup"),
    [
        (After(iterations=10), 3, 100, 11),
        (After(iterations=10), 11, 100, math.inf),
        (After(fraction=0.5), 3, 100, 51),
        (After(fraction=0.333), 3, 100, 34),
        (After(fraction=0.5), 3, None, 4),
        (After(seconds=9), 3, 100, 4),
        (After(epochs=9), 3, 100, math.inf),
        (After(evaluations=9), 3, 100, math.inf),
        (Always() | Never(), 3, 100, math.inf),
        (After(iterations=10) & ~(After(iterations=20) | After(epochs=1)), 3, 100, 11),
        (After(iterations=10) & ~(After(iterations=20) | After(epochs=1)), 11, 100, 21),
        (After(iterations=10).then(After(iterations=20)), 3, 100, 11),
        (Between(After(iterations=10), After(iterations=20)), 11, 100, 21),
    ],
)
def test_the_first_iteration_that_can_matter(
    condition: Condition, now: int, planned: int | None, wakeup: float
) -> None:
    assert condition.wakes_at(condition.initial(), clock(now, planned)) == wakeup


leaves = st.one_of(
    st.integers(0, 40).map(lambda n: After(iterations=n)),
    st.floats(0, 1).map(lambda f: After(fraction=f)),
    st.just(After(epochs=0)),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
        inner.map(lambda a: a.latched()),
        st.builds(Between, inner, inner),
        st.builds(lambda a, b: a.then(b), inner, inner),
    ),
    max_leaves=6,
)


@given(conditions)
def test_sleeping_until_the_wakeup_misses_no_change(condition: Condition) -> None:
    """The verdict is asked at every iteration, and at those only at which it may change: the same."""
    state, verdict, wakeup = condition.initial(), None, 0.0
    asked_state = condition.initial()
    for iteration in range(1, 41):
        record = clock(iteration, planned=40)
        asked_state, asked = condition.step(asked_state, record)
        if iteration >= wakeup:
            state, verdict = condition.step(state, record)
            wakeup = condition.wakes_at(state, record)
        assert verdict is asked


@given(conditions)
def test_what_is_not_remembered_may_be_forgotten(condition: Condition) -> None:
    """Every state is kept, or only those that differ in what they remember: the same verdicts."""
    state, kept = condition.initial(), condition.initial()
    for iteration in range(1, 41):
        record = clock(iteration, planned=40)
        state, verdict = condition.step(state, record)
        now, again = condition.step(kept, record)
        if condition.remembered(now) != condition.remembered(kept):
            kept = now
        assert verdict is again
