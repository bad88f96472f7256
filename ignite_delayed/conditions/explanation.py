"""Why a condition says what it says: a tree, as text and for notebooks."""

from __future__ import annotations

from collections.abc import Iterator

from .._utils.html import code, escape, nested_list
from .node import Node

__all__ = ["VERDICT_WORDS", "Explanation"]

VERDICT_WORDS = {True: "true", False: "false", None: "unknown"}
_SIGNS = {True: "✓", False: "✗", None: "?"}


class Explanation:
    """One node of an explained condition: what it is, what it says now, and what is missing."""

    __slots__ = ("detail", "node", "parts", "verdict")

    def __init__(self, node: Node, verdict: bool | None, detail: str, parts: tuple[Explanation, ...]) -> None:
        self.node = node
        self.verdict = verdict
        self.detail = detail
        self.parts = parts

    def __str__(self) -> str:
        return "\n".join(_lines(self, "", ""))

    __repr__ = __str__  # the last expression of a console's line shows the tree

    def _repr_html_(self) -> str:
        return nested_list("", [_html_item(self)])


def _lines(explanation: Explanation, head: str, tail: str) -> Iterator[str]:
    """The lines of the drawn tree: the first begins with ``head``, the others with ``tail``."""
    detail = f" ({explanation.detail})" if explanation.detail else ""
    yield f"{head}{explanation.node!r}: {VERDICT_WORDS[explanation.verdict]}{detail}"
    for place, part in enumerate(explanation.parts, start=1):
        if place < len(explanation.parts):
            yield from _lines(part, f"{tail}├─ ", f"{tail}│  ")
        else:
            yield from _lines(part, f"{tail}└─ ", f"{tail}   ")


def _html_item(explanation: Explanation) -> str:
    sign, word = _SIGNS[explanation.verdict], VERDICT_WORDS[explanation.verdict]
    detail = f" <small>({escape(explanation.detail)})</small>" if explanation.detail else ""
    head = f"{code(repr(explanation.node))}: {sign} {word}{detail}"
    return nested_list(head, map(_html_item, explanation.parts))
