"""Text that fits: how wide it is, asked of the renderer, and where its lines are broken."""

from __future__ import annotations

from typing import Any

__all__ = ["cut_text", "em", "fit_text", "text_width", "wrap_text"]


def em(size: Any) -> float:
    """The font size ``size``, as style sheets give it, in inches."""
    import matplotlib as mpl

    return mpl.font_manager.FontProperties(size=size).get_size_in_points() / 72


def text_width(text: str, points: float, figure: Any) -> float:
    """How wide one line of ``text`` is in ``figure``, in pixels."""
    from matplotlib.text import Text

    drawn = Text(text=text, fontsize=points)
    drawn.set_figure(figure)
    return float(drawn.get_window_extent().width)


def wrap_text(text: str, room: float, points: float, figure: Any) -> str:
    """``text`` on lines of at most ``room`` pixels, broken at spaces, within a word only where it alone is wider."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", points, figure) <= room:
            lines[-1] += f" {word}"
            continue
        rest = word
        while (fits := _letters_that_fit(rest, room, points, figure)) < len(rest):
            lines.append(rest[:fits])
            rest = rest[fits:]
        lines.append(rest)
    return "\n".join(lines)


def _letters_that_fit(word: str, room: float, points: float, figure: Any) -> int:
    """How many letters of ``word`` fit, one at least."""
    counts = range(len(word), 1, -1)
    return next((count for count in counts if text_width(word[:count], points, figure) <= room), 1)


def cut_text(text: str, room: float, points: float, figure: Any) -> str:
    """``text``, or as much of its beginning as fits into ``room`` pixels, and an ellipsis."""
    if text_width(text, points, figure) <= room:
        return text
    return text[: _letters_that_fit(text, room - text_width("…", points, figure), points, figure)] + "…"


def fit_text(text: Any, room: float, lines: int) -> None:
    """Break the drawn ``text`` into ``lines`` of no more than ``room`` pixels at most; it shrinks where it must."""
    figure, said, points = text.get_figure(root=True), text.get_text(), float(text.get_fontsize())
    lines = max(lines, said.count("\n") + 1)
    for share in (1.0, 0.9, 0.8, 0.7, 0.6):
        size = points * share
        widest = max((text_width(word, size, figure) for word in said.split()), default=0.0)
        broken = "\n".join(wrap_text(line, max(room, widest), size, figure) for line in said.split("\n"))
        text.set(text=broken, fontsize=size)
        if widest <= room and broken.count("\n") < lines:
            return
