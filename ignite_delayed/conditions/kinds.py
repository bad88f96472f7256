"""The kinds of scalars that a state is made of: how each begins, and how a saved one is checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .._utils.checks import shown
from ..errors import StateError

if TYPE_CHECKING:
    from .node import Node

__all__ = ["KINDS", "Kind"]


class Kind(NamedTuple):
    """One kind of scalar in a state."""

    initial: Any
    expected: str
    fits: Callable[[Any], bool]

    def decode(self, raw: Any, node: Node) -> Any:
        """``raw`` as the state holds it; lists become tuples."""
        if not self.fits(raw):
            raise StateError(f"in the state of {node!r}: expected {self.expected}, got {shown(raw)}")
        return tuple(raw) if isinstance(raw, list) else raw


def _is_count(raw: Any) -> bool:
    return type(raw) is int and raw >= 0


def _is_real(raw: Any) -> bool:
    return type(raw) is float or (type(raw) is int and abs(raw) < 2**63)


def _is_clock(raw: Any) -> bool:
    if not isinstance(raw, (list, tuple)) or len(raw) != 4:
        return False
    return all(map(_is_count, raw[:3])) and _is_real(raw[3]) and math.isfinite(raw[3])


def _is_verdicts(raw: Any) -> bool:
    return isinstance(raw, str) and set(raw) <= set("tfu")


def _is_reals(raw: Any) -> bool:
    return isinstance(raw, (list, tuple)) and all(map(_is_real, raw))


KINDS = {
    "verdict": Kind(None, "true, false or null", lambda raw: raw is None or isinstance(raw, bool)),
    "flag": Kind(False, "true or false", lambda raw: isinstance(raw, bool)),
    "value": Kind(None, "a number or null", lambda raw: raw is None or _is_real(raw)),
    "count": Kind(0, "a whole number >= 0", _is_count),
    "clock": Kind(None, "epoch, iteration, evaluation, seconds, or null", lambda raw: raw is None or _is_clock(raw)),
    "verdicts": Kind("", "a string of 't', 'f' and 'u'", _is_verdicts),
    "values": Kind((), "a list of numbers", _is_reals),
    "text": Kind("", "a string", lambda raw: isinstance(raw, str)),
}
