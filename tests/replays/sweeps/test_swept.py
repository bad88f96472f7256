"""The columns of a sweep, its table, and its summary."""

from __future__ import annotations

import itertools
import math
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAN, run_of

from ignite_delayed import After, EarlyStop, Runs, Sweep, grid, sweep
from ignite_delayed.replays.sweeps.summary import front_of

CURVES = {"a": [0.9, 0.4, 0.5, 0.6, 0.2], "b": [0.9, 0.8, 0.9, 0.9, 0.9], "c": [NAN]}
RULES = grid(EarlyStop, "loss", mode="min", patience=[2, 3])


def swept(*names: str) -> Sweep:
    return sweep(Runs([run_of(CURVES[name]) for name in names], names=names), RULES)


def test_the_table_has_a_row_for_each_run_and_rule() -> None:
    table = swept("a", "b").to_pandas()
    names = ["run", "rule", "stopped_epoch", "kept", "kept_epoch", "best", "best_epoch", "regret", "epochs", "saved"]
    assert list(table.columns) == names
    assert table["run"].tolist() == ["a", "a", "b", "b"]
    assert table["rule"].tolist() == [repr(rule) for rule in RULES] * 2
    expected = [
        (4.0, 0.4, 2.0, 0.2, 5.0, 0.2, 4.0, 1.0),
        (NAN, 0.2, 5.0, 0.2, 5.0, 0.0, 5.0, 0.0),
        (4.0, 0.8, 2.0, 0.8, 2.0, 0.0, 4.0, 1.0),
        (5.0, 0.8, 2.0, 0.8, 2.0, 0.0, 5.0, 0.0),
    ]
    np.testing.assert_array_equal(table[names[2:]].to_numpy(), np.array(expected))


def test_the_table_can_be_grouped_and_looked_up() -> None:
    table = swept("a", "b").to_pandas()
    assert table.groupby("rule", observed=True)["regret"].mean().tolist() == [0.1, 0.0]
    assert len(table[table["rule"] == repr(RULES[0])]) == 2
    assert isinstance(table["run"].dtype, pd.CategoricalDtype)


def test_the_columns_need_no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    found = swept("a", "b")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert found.censored.tolist() == [[False, True], [False, False]]
    assert found.summary().epochs.tolist() == [4.0, 5.0]
    for call in (found.to_pandas, found.summary().to_pandas):
        with pytest.raises(ImportError, match=r"pip install 'ignite-delayed\[pandas\]'"):
            call()


def test_a_sweep_is_shown_and_pickled() -> None:
    found = swept("a", "b")
    assert repr(found) == "<Sweep of 2 rules over 2 runs by loss (min)>"
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.regret, found.regret)
    assert again.rules == found.rules


def test_the_summary_is_means_over_the_runs_that_have_a_best() -> None:
    summary = swept("a", "b", "c").summary()
    assert summary.runs == 2
    assert (summary.regret.tolist(), summary.worst.tolist()) == ([0.1, 0.0], [0.2, 0.0])
    assert (summary.epochs.tolist(), summary.saved.tolist()) == ([4.0, 5.0], [1.0, 0.0])
    assert (summary.stopped.tolist(), summary.front.tolist()) == ([1.0, 0.5], [True, True])
    table = summary.to_pandas()
    assert table.columns.tolist() == ["rule", "runs", "regret", "worst", "epochs", "saved", "stopped", "front"]
    assert str(summary) == (
        "2 of 2 rules that no other beats, means over 2 runs\n"
        "    regret   epochs    saved  stopped  rule\n"
        "       0.1      4.0      1.0     100%  EarlyStop('loss', mode='min', patience=2)\n"
        "         0      5.0      0.0      50%  EarlyStop('loss', mode='min', patience=3)"
    )


def test_a_rule_that_kept_nothing_somewhere_has_no_mean_regret() -> None:
    rules = [RULES[0], EarlyStop("loss", mode="min", patience=2, until=After(epochs=9))]
    summary = sweep([run_of(CURVES["a"])], rules).summary()
    assert summary.regret[0] == 0.2
    assert math.isnan(summary.regret[1])
    assert summary.front.tolist() == [True, False]


def test_the_summary_of_runs_that_say_nothing() -> None:
    summary = swept("c").summary()
    assert summary.runs == 0
    assert np.isnan(summary.regret).all()
    assert not summary.front.any()


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, NAN, math.inf]), st.integers(0, 3)), max_size=12))
def test_the_front_is_what_no_other_beats(pairs: list[tuple[float, int]]) -> None:
    on = front_of(np.array([regret for regret, _ in pairs]), np.array([float(cost) for _, cost in pairs]))
    beaten = [
        any(other <= regret and cheaper <= cost and (other, cheaper) != (regret, cost) for other, cheaper in pairs)
        for regret, cost in pairs
    ]
    assert on.tolist() == [regret == regret and not lost for (regret, _), lost in zip(pairs, beaten, strict=True)]


def test_the_front_of_many_rules_is_found_at_once() -> None:
    draw = np.random.default_rng(0).integers(0, 20, (2, 400)).astype(float)
    on = front_of(*draw)
    for a, b in itertools.permutations(range(400), 2):
        beats = (draw[:, a] <= draw[:, b]).all() and (draw[:, a] < draw[:, b]).any()
        assert not (beats and on[b])
