"""Runs: lazy, ordered, with names and parameters."""

from __future__ import annotations

import pickle
import weakref
from functools import partial
from typing import Any

import pytest
from log_files import LOGS
from strategies import run_of

from ignite_delayed import History, Runs, read_runs
from ignite_delayed.logs import read_keras


def three() -> Runs:
    parameters: list[Any] = [{"lr": 0.1}, lambda: {"lr": 0.2, "depth": 3}, {"lr": 0.1, "depth": 4}]
    return Runs([run_of([0.1]), lambda: run_of([0.2]), run_of([0.3])], names=["a", "b", "c"], parameters=parameters)


def test_it_is_a_sequence_of_histories() -> None:
    runs = three()
    assert [history["loss"].tolist() for history in runs] == [[0.1], [0.2], [0.3]]
    assert len(runs) == 3
    assert runs[-1] == runs["c"] == run_of([0.3])
    assert run_of([0.2]) in runs
    assert [history["loss"][0] for history in reversed(runs)] == [0.3, 0.2, 0.1]
    assert repr(runs) == "<Runs: 3 runs, 'a' to 'c'>"
    assert repr(Runs([])) == "<Runs: no runs>"


def test_a_part_keeps_names_and_parameters() -> None:
    part = three()[1:]
    assert isinstance(part, Runs)
    assert part.names == ["b", "c"]
    assert part.parameters == [{"lr": 0.2, "depth": 3}, {"lr": 0.1, "depth": 4}]
    assert three()[::-1].names == ["c", "b", "a"]


def test_runs_are_chosen_by_their_parameters() -> None:
    assert three().where(lr=0.1).names == ["a", "c"]
    assert three().where(lr=0.1, depth=4).names == ["c"]
    assert three().where(depth=9).names == []
    with pytest.raises(ValueError, match=r"parameters must be one of 'depth', 'lr', got 'l' .* Did you mean 'lr'\?"):
        three().where(l=0.1)


def test_nothing_is_read_before_it_is_asked_for_and_nothing_is_kept() -> None:
    read: list[int] = []
    alive: list[weakref.ref[History]] = []

    def reader(place: int) -> History:
        read.append(place)
        assert sum(there() is not None for there in alive) <= 1  # the one that the loop still holds
        history = run_of([float(place)])
        alive.append(weakref.ref(history))
        return history

    runs = Runs([partial(reader, place) for place in range(20)])
    assert (len(runs), runs.names[3], read) == (20, "3", [])
    runs[2:5]
    runs.where()
    assert read == []
    assert runs[7]["loss"].tolist() == [7.0]
    assert read == [7]
    alive.clear()
    for _ in runs:
        pass
    assert read == [7, *range(20)]


def test_it_is_pickled_where_its_readers_can_be() -> None:
    runs = pickle.loads(pickle.dumps(read_runs(LOGS / "keras.csv")))
    assert runs[0] == read_keras(LOGS / "keras.csv")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"histories": run_of([1.0])}, r"histories must be several histories, .* Write Runs\(\[history\]\)"),
        ({"histories": ["run.csv"]}, "histories must be an iterable of History, or of functions that read one"),
        (
            {"histories": [run_of([1.0])], "names": ["a", "b"]},
            "names must be one for each of the 1 runs, .* There are 2",
        ),
        ({"histories": [run_of([1.0])] * 2, "names": ["a", "a"]}, "names must be all different, got 'a'"),
        ({"histories": [run_of([1.0])], "names": [""]}, "names must be a non-empty string"),
        ({"histories": [run_of([1.0])], "parameters": []}, "parameters must be one for each of the 1 runs"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        Runs(**arguments)


def test_bad_keys_and_readers_are_told() -> None:
    with pytest.raises(KeyError, match=r"no run 'aa'; there are: 'a', 'b', 'c'\. Did you mean 'a'\?"):
        three()["aa"]
    with pytest.raises(IndexError):
        three()[3]
    with pytest.raises(TypeError, match="key must be a position, a slice or a run's name, got True"):
        three()[True]
    with pytest.raises(TypeError, match="what reads run '0' must be a function that returns a History, got 3"):
        Runs([lambda: 3])[0]  # type: ignore[list-item, return-value]
