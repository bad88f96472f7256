from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plot_runs import stopped_run
from strategies import run_of

from ignite_delayed import After, EarlyStop, History, Record
from ignite_delayed.plots.moments import EpochAxis, Moment, describe, events_by_marks, events_by_rule


class TestAxis:
    def test_epochs_before_training_are_zero(self) -> None:
        run = History([Record(epoch=0, iteration=0, evaluation=1), Record(epoch=1, iteration=5, evaluation=2)])
        axis = EpochAxis(run)
        assert [axis.epochs(record.epoch, record.iteration) for record in run] == [0, 1]

    def test_what_the_clock_decides_before_an_epoch_or_an_iteration_stands_where_the_one_before_ends(self) -> None:
        run = run_of([0.5, 0.4, 0.3], length=4)
        axis = EpochAxis(run)
        assert (axis.start, axis.end) == (0, 3)
        assert [axis.at(record) for record in run] == [1, 2, 3]
        assert axis.at(Record(epoch=3, iteration=8, evaluation=2, source=None)) == 2
        assert axis.at(Record(epoch=3, iteration=10, evaluation=2, source=None)) == 2.25


class TestEvents:
    @given(
        accuracies=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=15),
        patience=st.integers(1, 4),
        delay=st.integers(0, 8),
        while_closed=st.sampled_from(["ignore", "track", "count"]),
    )
    def test_a_stopped_run_and_its_rule_tell_the_same_story(
        self, accuracies: list[float], patience: int, delay: int, while_closed: str
    ) -> None:
        chosen: Any = {"patience": patience, "until": After(epochs=delay), "while_closed": while_closed}
        run = stopped_run(accuracies, **chosen)
        axis = EpochAxis(run)
        by_rule = events_by_rule(run, EarlyStop("accuracy", mode="max", **chosen), axis)
        by_marks = events_by_marks(run, None, axis)
        if any(mark.kind == "stopped" for mark in run.marks):
            assert by_marks.zones == by_rule.zones
            assert sorted(by_marks.moments) == sorted(by_rule.moments)
        else:  # unstopped, the marks do not tell since when patience was spent, nor of a gate that never opened
            opened = [moment for moment in by_rule.moments if moment.kind == "opened"]
            assert by_marks.moments == opened

    @given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=15), st.integers(1, 3), st.integers(0, 9))
    def test_zones_follow_each_other_without_gap_or_overlap(
        self, accuracies: list[float], patience: int, delay: int
    ) -> None:
        rule = EarlyStop("loss", mode="max", patience=patience, until=After(epochs=delay))
        run = run_of(accuracies)
        found = events_by_rule(run, rule, EpochAxis(run)).zones
        assert found[0].start == 0
        assert all(zone.start < zone.stop for zone in found)
        assert all(one.stop == following.start for one, following in pairwise(found))


class TestWords:
    def test_moments_are_described_together(self) -> None:
        run = run_of([0.5] * 9)
        for epoch in (2, 4, 4):
            run.mark("opened", "gate", run[epoch - 1])
        assert describe(events_by_marks(run, None, EpochAxis(run)).moments) == "opened in epochs 2, 4"

    @pytest.mark.parametrize(
        ("moments", "said"),
        [
            ([Moment("opened", 3, 2.5)], "opened in epoch 3"),
            ([Moment("opened", 3, 2.0)], "opened before epoch 3"),
            ([Moment("opened", 2, 1.0), Moment("opened", 4, 4.0)], "opened before epoch 2, in epoch 4"),
            ([Moment("switched", 3, 2.5)], "switched in epoch 3"),
            ([Moment("switched", 3, 3.0)], "switched before epoch 4"),
            ([Moment("switched", 3, 3.0), Moment("switched", 6, 5.0)], "switched before epochs 4, 6"),
            ([Moment("switched", e, float(e)) for e in (1, 2, 3, 4)], "switched 4 times"),
            ([Moment("adjusted", e, float(e)) for e in (1, 2, 3, 4)], "adjusted in 4 epochs"),
        ],
    )
    def test_what_was_decided_between_two_epochs_is_before_the_second(self, moments: list[Moment], said: str) -> None:
        assert describe(moments) == said
