"""How figures look: colours that the colour-blind can tell apart, dashes and hatches that survive printing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

__all__ = [
    "LANES",
    "LINES",
    "OKABE_ITO",
    "TRUTHS",
    "WARM_UP",
    "ZONES",
    "ZoneStyle",
    "curve_styles",
    "ground",
    "mix",
    "style_key",
    "zone_key",
]

# M. Okabe, K. Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/, without black, which vanishes on a
# dark background, and yellow, which vanishes on a light one.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":")


class ZoneStyle(NamedTuple):
    """How a zone is filled, and what the key says of it; ``strength`` is how much of the colour is in the fill."""

    label: str
    color: str
    strength: float
    hatch: str

    def keywords(self, ax: Axes) -> dict[str, Any]:
        """For any patch of matplotlib in ``ax``.

        The colours are mixed with what is behind and opaque: hatches have no opacity in PDF and SVG.
        """
        behind = ground(ax)
        face, edge = (mix(self.color, behind, share) for share in (self.strength, min(1.0, self.strength + 0.4)))
        return {"facecolor": face, "edgecolor": edge, "hatch": self.hatch, "linewidth": 0}


# Fills and hatches differ in lightness as well, so that greys keep them apart.
ZONES = {
    "closed": ZoneStyle("closed: cannot stop", "0.5", 0.3, "///"),
    "open": ZoneStyle("open: can stop", "#56B4E9", 0.15, ""),
    "counting": ZoneStyle("counting patience", "#E69F00", 0.6, "...."),
}
# In a lane there is nothing that a strong colour could cover.
LANES = {
    "closed": ZoneStyle("closed", "0.5", 0.45, ""),
    "open": ZoneStyle("open", "#0072B2", 1.0, ""),
    "counting": ZoneStyle("counting patience", "#E69F00", 0.75, "...."),
}
WARM_UP = ZoneStyle("warm-up", "0.5", 0.2, "")
# Dark, pale and hatched.
TRUTHS = {
    "true": ZoneStyle("true", "#0072B2", 1.0, ""),
    "false": ZoneStyle("false", "#E69F00", 0.5, ""),
    "unknown": ZoneStyle("unknown", "0.5", 0.15, "////"),
}


def mix(color: Any, behind: Any, share: float) -> tuple[float, float, float]:
    """The opaque colour that ``color`` makes where it covers ``share`` of ``behind``."""
    from matplotlib.colors import to_rgb

    red, green, blue = (share * one + (1 - share) * two for one, two in zip(to_rgb(color), to_rgb(behind), strict=True))
    return red, green, blue


def ground(ax: Axes) -> tuple[float, float, float]:
    """What is behind that which is drawn in ``ax``: its own colour, the figure's where it is transparent, or paper."""
    from matplotlib.colors import to_rgba

    behind: Any = "white"
    for patch in (ax.get_figure(root=True).patch, ax.patch):  # type: ignore[union-attr]
        color = patch.get_facecolor()
        behind = mix(color, behind, to_rgba(color)[3] if patch.get_visible() else 0)
    return mix(behind, behind, 1)


def style_key(style: ZoneStyle, ax: Axes, detail: str = "") -> Patch:
    """The entry of a legend for what is filled so in ``ax``."""
    from matplotlib.patches import Patch

    return Patch(label=style.label + detail, **style.keywords(ax))


def zone_key(kind: str, ax: Axes, *, stops: bool = True, owner: str = "") -> Patch:
    """The entry of a legend for zones of ``owner`` of that kind; where nothing ``stops``, it says no more than that."""
    style = ZONES[kind] if stops else ZONES[kind]._replace(label=kind)
    return style_key(style._replace(label=f"{owner} {style.label}".lstrip()), ax)


def curve_styles(count: int) -> list[dict[str, Any]]:
    """Keywords for ``count`` curves: the colour cycle that the user has set, else Okabe and Ito's; and dashes."""
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"]
    usual = cycle == mpl.rcParamsDefault["axes.prop_cycle"]
    given: list[dict[str, Any]] = [{"color": color} for color in OKABE_ITO] if usual else list(cycle)
    return [{"linestyle": LINES[i % len(LINES)], **given[i % len(given)]} for i in range(count)]
