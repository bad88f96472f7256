from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_delayed._utils.text import logger_of, printable


class TestShown:
    @pytest.mark.parametrize(
        ("text", "seen"),
        [
            ("val/loss", "val/loss"),
            ("Verlust für Übung 验证", "Verlust für Übung 验证"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
            ("\x9b2J", r"\x9b2J"),  # the escape and its bracket in one character
            ("evil\u202etxt", r"evil\u202etxt"),
            ("\udc80", r"\udc80"),
            ("back\\slash", "back\\slash"),
            ("", ""),
        ],
    )
    def test_what_cannot_be_printed_is_escaped_and_nothing_else(self, text: str, seen: str) -> None:
        assert printable(text) == seen

    @given(st.text())
    def test_it_is_one_printable_line_that_any_file_takes(self, text: str) -> None:
        seen = printable(text)
        assert seen.isprintable()
        assert len(seen.splitlines()) <= 1
        assert seen.encode("utf-8").decode() == printable(seen)


class TestLogger:
    def test_what_it_writes_is_one_harmless_line(self, caplog: pytest.LogCaptureFixture) -> None:
        logger_of("Gate").warning("%s opened, %d of %d", "lo\nss \x1b[2J", 1, 2)
        assert caplog.messages == [r"lo\nss \x1b[2J opened, 1 of 2"]

    def test_what_is_harmless_is_left_as_it_was_given(self, caplog: pytest.LogCaptureFixture) -> None:
        logger_of("Gate").warning("%s opened", "loss")
        assert [(entry.msg, entry.args) for entry in caplog.records] == [("%s opened", ("loss",))]

    def test_asked_for_again_it_is_the_same(self) -> None:
        logger = logger_of("Gate")
        filters = list(logger.filters)
        assert logger is logger_of("Gate") is logging.getLogger("ignite_delayed.Gate")
        assert logger.filters == filters
