"""Artists of matplotlib; imported where they are drawn, as matplotlib is."""

from __future__ import annotations

from typing import Any

from matplotlib.artist import Artist
from matplotlib.legend import Legend
from matplotlib.transforms import Bbox

__all__ = ["RoomBelow"]


class RoomBelow(Artist):
    """What a key takes below its panel, for layouts: its height alone.

    A key is not as wide as its panel. Were it in the layout itself, its width would move the panels beside it.
    """

    def __init__(self, key: Legend) -> None:
        super().__init__()
        self._key = key
        self.set_clip_on(False)
        key.set_in_layout(False)

    def get_window_extent(self, renderer: Any = None) -> Bbox:
        """From the panel to the lower edge of its key; nothing where the key was removed."""
        assert self.axes is not None
        panel = self.axes.get_window_extent(renderer)
        below = panel.y0 if self._key.axes is None else min(panel.y0, self._key.get_window_extent(renderer).y0)
        return Bbox.from_extents(panel.x0, below, panel.x1, panel.y1)
