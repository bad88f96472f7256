"""What hangs on a recorder."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ignite_delayed import After, Metric, Record, StateError
from ignite_delayed.recording.attachment import Attachment, LiveCondition


class Noting(LiveCondition):
    name = "noting"

    def __init__(self, condition: object, *, latches: bool) -> None:
        super().__init__(condition, latches=latches)  # type: ignore[arg-type]
        self.announced: list[int] = []

    def _announce(self, record: Record) -> None:
        self.announced.append(record.epoch)


def record(epoch: int, loss: float = 0.5) -> Record:
    return Record(epoch=epoch, iteration=10 * epoch, evaluation=epoch, values={"loss": loss})


def fed(live: Noting, *losses: float) -> list[bool]:
    """Whether there was anything to announce at each of ``losses``."""
    changes = []
    for epoch, loss in enumerate(losses, 1):
        state = live._judge(record(epoch, loss))
        changes.append(live._changes(state, record(epoch, loss)))
        live._take(state, record(epoch, loss))
    return changes


def test_an_attachment_that_has_nothing_answers_nothing() -> None:
    plain = Attachment()
    plain._on_run(True)
    plain.remove()
    assert (plain.row(), plain.numbers()) == (None, {})


def test_judging_moves_nothing() -> None:
    live = Noting(Metric("loss") < 1, latches=True)
    before = live.state_dict()
    assert live._judge(record(1))[0] is True
    assert live.state_dict() == before


def test_one_that_latches_stays_open_and_moves_no_more() -> None:
    live = Noting(Metric("loss") < 0.5, latches=True)
    assert fed(live, 0.9, 0.4) == [False, True]
    assert (live.is_open, live.opened_at, live._moves) == (True, record(2, 0.4), False)


def test_one_that_follows_opens_and_closes() -> None:
    live = Noting(Metric("loss") < 0.5, latches=False)
    assert fed(live, 0.9, 0.4, 0.3, 0.8) == [False, True, False, True]
    assert (live.is_open, live.opened_at, live._moves) == (False, record(2, 0.4), True)


def test_a_fresh_run_forgets_and_another_goes_on() -> None:
    live = Noting(Metric("loss") < 0.5, latches=True)
    new = live.state_dict()
    fed(live, 0.4)
    open_one = live.state_dict()
    live._on_run(False)
    assert live.state_dict() == open_one
    live._on_run(True)
    assert live.state_dict() == new


def test_the_clock_wakes_it_at_the_next_iteration_that_may_matter() -> None:
    assert Noting(After(iterations=25), latches=True)._wakes_at(record(1)) == 26
    assert Noting(Metric("loss") < 1, latches=True)._wakes_at(record(1)) == float("inf")


class TestState:
    @pytest.fixture
    def saved(self) -> dict[str, object]:
        live = Noting(Metric("loss") < 0.5, latches=True)
        fed(live, 0.9, 0.4)
        state: dict[str, object] = json.loads(json.dumps(live.state_dict()))
        return state

    def test_preparing_changes_nothing_and_committing_takes_over(self, saved: dict[str, object]) -> None:
        live = Noting(Metric("loss") < 0.5, latches=True)
        before = live.state_dict()
        commit: Callable[[], None] = live._prepare(saved)
        assert live.state_dict() == before
        commit()
        assert live.state_dict() == saved

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"version": 2}, "of a newer release"),
            ({"rule": "until After(epochs=1)"}, "cannot load the state of another rule:\n  saved: until After"),
            ({"is_open": 1}, "is truncated"),
            ({"is_open": False}, "contradicts itself about whether the gate is open"),
            ({"opened_at": None}, "contradicts itself about whether the gate is open"),
            ({"opened_at": {"epoch": 1}}, "opened_at must be a saved record"),
            ({"state": [True]}, "must be a list of 3 entries"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, saved: dict[str, object], change: dict[str, object], message: str
    ) -> None:
        with pytest.raises(StateError, match=message):
            Noting(Metric("loss") < 0.5, latches=True)._prepare(saved | change)
