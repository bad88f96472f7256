from __future__ import annotations

from ignite_delayed import After, EarlyStop, GeneralizationLoss, Patience, Plateau, grid
from ignite_delayed.replays.sweeps.labels import labels_of


def test_what_all_have_in_common_and_what_is_usual_is_left_out() -> None:
    axes = {"patience": [2, Patience(epochs=3)], "until": [None, After(epochs=5)], "while_closed": ["ignore", "track"]}
    labels = labels_of(grid(EarlyStop, "loss", mode="min", threshold=0.1, **axes)[3:6])
    assert labels == [
        "patience=2, until=After(epochs=5), while_closed='track'",
        "patience=Patience(epochs=3)",
        "patience=Patience(epochs=3), while_closed='track'",
    ]


def test_rules_of_several_kinds_and_one_alone_are_written_out() -> None:
    rules = [EarlyStop("loss", mode="min", patience=3), GeneralizationLoss("loss", alpha=5)]
    assert labels_of(rules) == list(map(repr, rules))
    assert labels_of(rules[:1]) == [repr(rules[0])]
    assert labels_of([]) == []


def test_a_rule_is_never_without_a_name() -> None:
    rules = [Plateau("loss", mode="min", patience=3), Plateau("loss", mode="min", patience=3, threshold=0.1)]
    assert labels_of(rules) == list(map(repr, rules))


def test_conditions_that_share_their_arguments_are_written_out() -> None:
    rules = [After(epochs=3) & After(epochs=4), After(epochs=5) & After(epochs=4)]
    assert labels_of(rules) == list(map(repr, rules))
