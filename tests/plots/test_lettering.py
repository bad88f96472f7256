from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ignite_delayed.plots.lettering import fit_text, text_width, wrap_text


class TestWrap:
    @given(
        st.lists(st.text("abWi.", min_size=1, max_size=8), min_size=1, max_size=8).map(" ".join), st.integers(60, 300)
    )
    def test_lines_are_no_wider_than_their_room_and_nothing_is_lost(self, said: str, room: int) -> None:
        figure = Figure()
        wrapped = wrap_text(said, room, 10, figure)
        assert all(text_width(line, 10, figure) <= room for line in wrapped.split("\n"))
        assert "".join(wrapped.split()) == "".join(said.split())

    def test_a_line_is_as_full_as_it_can_be(self) -> None:
        figure = Figure()
        assert wrap_text("one two three", text_width("one two", 10, figure), 10, figure) == "one two\nthree"
        assert wrap_text("one two three", text_width("one two three", 10, figure), 10, figure) == "one two three"

    def test_a_word_is_broken_only_where_it_alone_is_too_wide(self) -> None:
        figure = Figure()
        room = text_width("MMMM", 10, figure)
        assert wrap_text("MMMMMMMM ii", room, 10, figure) == "MMMM\nMMMM\nii"
        assert "".join(wrap_text("WWW", 1, 10, figure).split("\n")) == "WWW"  # a letter a line at least

    def test_widths_are_those_of_the_renderer(self) -> None:
        assert text_width("iiii", 10, Figure()) < text_width("WWWW", 10, Figure()) / 2
        assert text_width("loss", 10, Figure(dpi=200)) == pytest.approx(2 * text_width("loss", 10, Figure()), rel=0.1)


class TestFit:
    def test_what_fits_is_left_alone(self) -> None:
        text = Figure().text(0, 0, "learning\nrate", fontsize=10)
        fit_text(text, 500, 3)
        assert (text.get_text(), text.get_fontsize()) == ("learning\nrate", 10)

    def test_it_is_broken_before_it_shrinks_and_shrinks_before_a_word_is_broken(self) -> None:
        figure = Figure()
        text = figure.text(0, 0, "mean squared error", fontsize=10)
        fit_text(text, text_width("squared", 10, figure), 3)
        assert (text.get_text(), text.get_fontsize()) == ("mean\nsquared\nerror", 10)
        text = figure.text(0, 0, "mean squared error", fontsize=10)
        fit_text(text, text_width("squared", 8, figure), 3)
        assert (text.get_text(), text.get_fontsize()) == ("mean\nsquared\nerror", 8)

    def test_it_never_becomes_illegible(self) -> None:
        text = Figure().text(0, 0, "accuracy", fontsize=10)
        fit_text(text, 1, 3)
        assert (text.get_text(), text.get_fontsize()) == ("accuracy", 6)
