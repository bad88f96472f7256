"""A bar is shown where it is asked for, and elsewhere only in a terminal and where it takes long."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from strategies import run_of

from ignite_delayed import EarlyStop, sweep

RUNS = [run_of([0.3, 0.2, 0.4])] * 3
RULES = [EarlyStop("loss", mode="min", patience=1)]


@pytest.mark.parametrize(("asked", "shown"), [(True, True), (None, False), (False, False)])
def test_where_it_is_asked_for(asked: bool | None, shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(RUNS, RULES, progress=asked)
    told = capsys.readouterr()
    assert ("sweep: 100%" in told.err, "3/3" in told.err) == (shown, shown)
    assert told.out == ""


def test_it_is_silent_without_tqdm_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    sweep(RUNS, RULES)
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError, match=r"pip install 'ignite-delayed\[progress\]'"):
        sweep(RUNS, RULES, progress=True)


def test_in_a_terminal_it_waits_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Watched:
        def __init__(self, **keywords: Any) -> None:
            given.update(keywords)

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_: object) -> None:
            given["closed"] = True

        def update(self, count: int) -> None:
            given["done"] = given.get("done", 0) + count

    monkeypatch.setattr("tqdm.tqdm", Watched)
    sweep(RUNS, RULES)
    assert (given["delay"], given["disable"], given["total"]) == (2.0, None, 3)  # None: where there is no terminal
    assert (given["done"], given["closed"]) == (3, True)
