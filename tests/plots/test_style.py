"""What is written as PDF and SVG looks as what is written as PNG: the tests read the files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from plot_runs import many_gates, stopped_run
from strategies import run_of

from ignite_delayed import After, Metric, plot_conditions, plot_timeline
from ignite_delayed.plots.style import LANES, TRUTHS, ZONES, ground


def timeline() -> Any:
    return next(iter(plot_timeline(stopped_run(patience=2, until=After(epochs=3))).axes.values()))


def bands() -> Any:
    return plot_conditions(run_of([0.9, 0.4, 0.6]), Metric("loss") < 0.5).axes


def lanes() -> Any:
    return plot_timeline(many_gates(*"abcd", stop=True)).axes["open gates"]


drawings = pytest.mark.parametrize(("draw", "styles"), [(timeline, ZONES), (bands, TRUTHS), (lanes, LANES)])


def written(ax: Any, kind: str) -> str:
    file = io.BytesIO()
    with mpl.rc_context({"pdf.compression": 0, "svg.fonttype": "none"}):
        ax.get_figure(root=True).savefig(file, format=kind)
    return file.getvalue().decode("latin-1")


def pdf_colors(text: str, operator: str) -> list[list[float]]:
    """The colours of fills (``"rg"``) or lines (``"RG"``); greys have an operator and a single number of their own."""
    colors = [list(match) for match in re.findall(rf"([\d.]+) ([\d.]+) ([\d.]+) {operator}\b", text)]
    colors += [[grey] * 3 for grey in re.findall(rf"([\d.]+) {operator[1]}\b", text)]
    return [[round(float(share), 4) for share in color] for color in colors]


def luminance(color: Any) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class TestWrittenFiles:
    @drawings
    def test_an_svg_has_every_fill_and_hatch_in_its_own_colour_and_nothing_transparent(
        self, draw: Callable[[], Any], styles: Any
    ) -> None:
        ax = draw()
        text = written(ax, "svg")
        patterns = " ".join(re.findall(r"<pattern.*?</pattern>", text, flags=re.DOTALL))
        for style in styles.values():
            look = style.keywords(ax)
            face, edge = to_hex(look["facecolor"]), to_hex(look["edgecolor"])
            if style.hatch:
                assert f'fill="{face}"' in patterns
                assert f"stroke: {edge}" in patterns
                assert face != edge
            else:
                assert f"fill: {face}" in text
        assert not re.search(r"opacity: 0?\.\d", text)

    @drawings
    def test_a_pdf_has_every_fill_and_hatch_in_its_own_colour_and_nothing_transparent(
        self, draw: Callable[[], Any], styles: Any
    ) -> None:
        ax = draw()
        text = written(ax, "pdf")
        for style in styles.values():
            look = style.keywords(ax)
            colors = {name: [round(share, 4) for share in to_rgb(look[name])] for name in ("facecolor", "edgecolor")}
            found = {operator: pdf_colors(text, operator) for operator in ("rg", "RG")}
            assert pytest.approx(colors["facecolor"], abs=1e-3) in found["rg"]
            if style.hatch:
                assert pytest.approx(colors["edgecolor"], abs=1e-3) in found["RG"]
        assert not re.search(r"/(?:ca|CA) 0?\.\d", text), "a hatch would not be as transparent as its fill"

    def test_its_greys_tell_all_zones_apart(self) -> None:
        fills = {kind: luminance(style.keywords(timeline())["facecolor"]) for kind, style in ZONES.items()}
        for one, other in combinations(fills, 2):
            assert abs(fills[one] - fills[other]) > 0.05, (one, other, fills)
        hatched = [luminance(style.keywords(timeline())["edgecolor"]) for style in ZONES.values() if style.hatch]
        assert max(hatched) < min(fills.values()) - 0.02


class TestGround:
    def test_colours_are_mixed_with_what_is_behind(self) -> None:
        figure, ax = plt.subplots(facecolor="black")
        assert ground(ax) == (1, 1, 1)
        ax.set_facecolor("red")
        assert ground(ax) == (1, 0, 0)
        ax.set_facecolor((1, 0, 0, 0.5))
        assert ground(ax) == pytest.approx((0.5, 0, 0))
        ax.patch.set_visible(False)
        assert ground(ax) == (0, 0, 0)
        figure.patch.set_alpha(0)
        assert ground(ax) == (1, 1, 1)

    def test_on_a_dark_ground_zones_are_dark(self) -> None:
        with plt.style.context("dark_background"):
            fills = [luminance(style.keywords(timeline())["facecolor"]) for style in ZONES.values()]
        assert max(fills) < 0.4
