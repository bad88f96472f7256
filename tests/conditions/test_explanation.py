"""Why a condition says what it says, drawn."""

from __future__ import annotations

from strategies import last_state, run_of

from ignite_delayed import After, Metric
from ignite_delayed.conditions.explanation import Explanation

LOSS = Metric("loss")
LOW = LOSS < 0.5


def test_explain_draws_the_tree() -> None:
    condition = After(epochs=2) & (LOW.latched() | ~(LOSS.mean(3) > 1))
    assert str(condition.explain(last_state(condition, run_of([0.9, 0.4])))) == "\n".join(
        [
            "After(epochs=2) & ((Metric('loss') < 0.5).latched() | ~(Metric('loss').mean(3) > 1.0)): false",
            "├─ After(epochs=2): false (epoch 2, needs > 2)",
            "└─ (Metric('loss') < 0.5).latched() | ~(Metric('loss').mean(3) > 1.0): true",
            "   ├─ (Metric('loss') < 0.5).latched(): true",
            "   │  └─ Metric('loss') < 0.5: true (last value 0.4, needs < 0.5)",
            "   └─ ~(Metric('loss').mean(3) > 1.0): unknown",
            "      └─ Metric('loss').mean(3) > 1.0: unknown (no value yet)",
        ]
    )


def test_a_tree_of_one_is_a_line() -> None:
    assert str(Explanation(LOW, None, "", ())) == "Metric('loss') < 0.5: unknown"
    assert Explanation(LOW, True, "a < b", ())._repr_html_() == (
        "<ul><li><code>Metric(&#x27;loss&#x27;) &lt; 0.5</code>: ✓ true <small>(a &lt; b)</small></li></ul>"
    )


def test_in_a_console_it_is_the_tree() -> None:
    explained = LOW.explain(last_state(LOW, run_of([0.4])))
    assert repr(explained) == str(explained) == "Metric('loss') < 0.5: true (last value 0.4, needs < 0.5)"
