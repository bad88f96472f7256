"""How figures look: colours that the colour-blind can tell apart, dashes and hatches that survive printing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.patches import Patch

__all__ = ["LINES", "OKABE_ITO", "TRUTHS", "WARM_UP", "ZONES", "ZoneStyle", "curve_styles", "style_key", "zone_key"]

# M. Okabe, K. Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/, without black, which vanishes on a
# dark background, and yellow, which vanishes on a light one.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":")


class ZoneStyle(NamedTuple):
    """How a zone is filled, and what the key says of it."""

    label: str
    color: str
    opacity: float
    hatch: str

    @property
    def keywords(self) -> dict[str, Any]:
        """For any patch of matplotlib."""
        face, edge = (self.color, self.opacity), (self.color, min(1.0, 1.6 * self.opacity))
        return {"facecolor": face, "edgecolor": edge, "hatch": self.hatch, "linewidth": 0}


ZONES = {
    "closed": ZoneStyle("closed: cannot stop", "0.5", 0.2, "///"),
    "open": ZoneStyle("open: can stop", "#56B4E9", 0.25, ""),
    "counting": ZoneStyle("counting patience", "#E69F00", 0.4, "...."),
}
WARM_UP = ZoneStyle("warm-up", "0.5", 0.2, "")
# Dark, pale and hatched, so that print keeps them apart.
TRUTHS = {
    "true": ZoneStyle("true", "#0072B2", 1.0, ""),
    "false": ZoneStyle("false", "#E69F00", 0.5, ""),
    "unknown": ZoneStyle("unknown", "0.5", 0.2, "////"),
}


def style_key(style: ZoneStyle, detail: str = "") -> Patch:
    """The entry of a legend for what is filled so."""
    from matplotlib.patches import Patch

    return Patch(label=style.label + detail, **style.keywords)


def zone_key(kind: str, *, stops: bool = True) -> Patch:
    """The entry of a legend for zones of that kind; where nothing ``stops``, it says no more than the kind."""
    return style_key(ZONES[kind] if stops else ZONES[kind]._replace(label=kind))


def curve_styles(count: int) -> list[dict[str, Any]]:
    """Keywords for ``count`` curves: the colour cycle that the user has set, else Okabe and Ito's; and dashes."""
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"]
    usual = cycle == mpl.rcParamsDefault["axes.prop_cycle"]
    given: list[dict[str, Any]] = [{"color": color} for color in OKABE_ITO] if usual else list(cycle)
    return [{"linestyle": LINES[i % len(LINES)], **given[i % len(given)]} for i in range(count)]
