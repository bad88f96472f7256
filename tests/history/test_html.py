from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from engines import loop

from ignite_delayed import After, EarlyStop, Gate, History, Metric, Record, Recorder, replay, stop_when

EVIL = "<script>alert('&')</script>"
BELOW = Metric("loss") < 0.5


class Checked(HTMLParser):
    """Reads HTML as a browser would, and notes what is not closed and every style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.styles += [value or "" for name, value in attrs if name == "style"]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def read(shown: Any) -> Checked:
    """What a notebook shows, which must be sound, escaped, and leave the colours to the theme."""
    html = Checked(shown._repr_html_())
    assert "script" not in html.tags
    styles = "; ".join(html.styles).replace("color: inherit", "")
    assert "color" not in styles
    assert "background" not in styles
    return html


def run(*losses: float, name: str = "loss") -> History:
    return History(
        Record(epoch=e, iteration=10 * e, evaluation=e, values={name: x}) for e, x in enumerate(losses, start=1)
    )


class TestConditions:
    def test_a_leaf_is_its_code(self) -> None:
        html = read(BELOW)
        assert (html.tags, html.texts) == (["code"], ["Metric('loss') < 0.5"])

    def test_parts_are_a_nested_list(self) -> None:
        html = read(After(epochs=5) & BELOW.sustained(evaluations=3))
        assert html.tags == ["code", "ul", "li", "code", "li", "code", "ul", "li", "code"]
        assert html.texts[1:] == ["After(epochs=5)", "(Metric('loss') < 0.5).sustained(evaluations=3)", repr(BELOW)]

    def test_names_are_escaped(self) -> None:
        assert any(EVIL[1:8] in text for text in read(Metric(EVIL) < 1).texts)

    def test_an_explanation_says_verdicts_in_words_and_what_is_missing(self) -> None:
        condition = After(epochs=0) & BELOW & (Metric("loss").mean(2) < 1)
        state, _ = condition.step(condition.initial(), Record(epoch=1, iteration=10, values={"loss": 0.75}))
        html = read(condition.explain(state))
        assert html.tags.count("li") == 4
        said = " ".join(html.texts)
        for words in ("✓ true", "✗ false (last value 0.75, needs < 0.5)", "? unknown"):
            assert words in said


class TestGates:
    @pytest.fixture
    def recorder(self) -> Iterator[Recorder]:
        trainer, evaluator = loop(loss=[0.9, 0.4, 0.3])
        yield Recorder(trainer, evaluator)  # noqa: PT022  # it does not keep its trainer: this frame does

    def test_closed_then_open(self, recorder: Recorder) -> None:
        gate = Gate(recorder, until=BELOW, name=EVIL)
        assert read(gate).texts[:3] == ["Gate", EVIL, ": closed"]
        recorder.trainer.run([0], max_epochs=3)
        html = read(gate)
        assert html.texts[2:5] == [": open since epoch 2", repr(BELOW), ": ✓ true"]

    def test_stoppers_too(self, recorder: Recorder) -> None:
        assert read(stop_when(recorder, BELOW)).texts[:2] == ["Stopper", "stop"]


class TestHistories:
    def test_short_ones_are_shown_whole(self) -> None:
        html = read(run(0.9, 0.123456789))
        head = ["epoch", "iteration", "evaluation", "loss"]
        assert html.texts == [repr(run(0.9, 0.1)), *head, "1", "10", "1", "0.9", "2", "20", "2", "0.123457"]

    def test_long_ones_by_their_ends(self) -> None:
        html = read(run(*(1 / e for e in range(1, 101))))
        assert html.tags.count("tr") == 1 + 5 + 1 + 5
        cells = html.texts[5:]
        assert cells[::4] == ["1", "2", "3", "4", "5", "…", "96", "97", "98", "99", "100"]

    def test_just_short_enough(self) -> None:
        assert "…" not in read(run(*[0.5] * 10)).texts
        assert "…" in read(run(*[0.5] * 11)).texts

    def test_an_empty_one(self) -> None:
        assert read(History()).texts[0] == "<History: no records>"

    def test_several_evaluators_are_named_and_leave_gaps(self) -> None:
        history = History(
            [
                Record(epoch=1, iteration=10, source="train", values={"train/loss": 0.5}),
                Record(epoch=1, iteration=10, source="val", values={"val/loss": 0.75}),
            ]
        )
        html = read(history)
        assert html.texts[1:7] == ["epoch", "iteration", "evaluation", "source", "train/loss", "val/loss"]
        assert html.texts[7:] == ["1", "10", "1", "train", "0.5", "1", "10", "1", "val", "0.75"]
        assert html.tags.count("td") == 12

    def test_marks_are_told_below_the_last_ones_at_least(self) -> None:
        history = run(0.9, 0.4)
        for number in range(13):
            history.mark("opened", f"gate {number}", history[1], EVIL)
        told = read(history).texts[-21:]
        assert told[0] == "3 earlier"
        assert told[1:4] == [
            "gate 3 opened in epoch 2, iteration 20",
            f"({EVIL})",
            "gate 4 opened in epoch 2, iteration 20",
        ]

    def test_names_are_escaped(self) -> None:
        assert EVIL in read(run(0.5, name=EVIL)).texts


class TestReplays:
    def test_of_a_condition(self) -> None:
        answers = read(replay(run(0.9, 0.4, 0.3), BELOW)).texts
        assert answers == [
            repr(BELOW),
            "first held",
            "epoch 2, iteration 20",
            "true at",
            "2 of 3 records (3 known)",
        ]

    def test_of_one_that_never_held(self) -> None:
        assert "never: censored, a longer run might have got there" in read(replay(run(0.9), BELOW)).texts

    def test_of_early_stopping(self) -> None:
        rule = EarlyStop("loss", mode="min", patience=1)
        assert read(replay(run(0.9, 0.5, 0.6, 0.4), rule)).texts[1:] == [
            "would have stopped",
            "epoch 3, iteration 30, epochs saved: 1",
            "best value kept",
            "0.5 in epoch 2",
            "best there was",
            "0.4 in epoch 4",
        ]

    def test_of_early_stopping_that_would_not_have_come(self) -> None:
        texts = read(replay(run(0.9, 0.5), EarlyStop("loss", mode="min", patience=5))).texts
        assert texts[2] == "not at all: censored, the run ended before"
        assert read(replay(History(), EarlyStop("loss", mode="min", patience=5))).texts[4] == "none"
