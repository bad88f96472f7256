"""The kinds of scalars that a state is made of: how each begins, and how a saved one is checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .._utils.checks import describe
from ..errors import StateError
from ..history.record import Clock
from .limit import Spent

__all__ = ["KINDS", "Kind"]


def _identity(raw: Any) -> Any:
    return raw


class Kind(NamedTuple):
    """One kind of scalar in a state.

    Args:
        initial: the scalar before the first record.
        expected: what a saved one must be, in words.
        fits: whether a saved one is that.
        build: makes the scalar of what fits; files have lists for tuples.
    """

    initial: Any
    expected: str
    fits: Callable[[Any], bool]
    build: Callable[[Any], Any] = _identity

    def decode(self, raw: Any, owner: str) -> Any:
        """``raw`` as the state of ``owner`` holds it.

        Raises:
            StateError: where it is of another kind.
        """
        if not self.fits(raw):
            raise StateError(f"in the state of {owner}: expected {self.expected}, got {describe(raw)}")
        return self.build(raw)


def _is_count(raw: Any) -> bool:
    return type(raw) is int and raw >= 0


def _is_real(raw: Any) -> bool:
    return type(raw) is float or (type(raw) is int and abs(raw) < 2**63)


def _is_clock(raw: Any) -> bool:
    if not isinstance(raw, (list, tuple)) or len(raw) != 4:
        return False
    return all(map(_is_count, raw[:3])) and _is_real(raw[3]) and math.isfinite(raw[3])


def _is_spent(raw: Any) -> bool:
    if not isinstance(raw, (list, tuple)):
        return _is_count(raw)
    if len(raw) != 2:
        return False
    amount, since = raw
    known = amount is None or (_is_real(amount) and math.isfinite(amount) and amount >= 0)
    return known and (since is None or _is_clock(since))


def _is_verdicts(raw: Any) -> bool:
    return isinstance(raw, str) and set(raw) <= set("tfu")


def _is_reals(raw: Any) -> bool:
    return isinstance(raw, (list, tuple)) and all(map(_is_real, raw))


def _build_clock(raw: Any) -> Clock | None:
    return None if raw is None else Clock(*raw)


def _build_spent(raw: Any) -> int | Spent:
    return raw if isinstance(raw, int) else Spent(raw[0], _build_clock(raw[1]))


KINDS = {
    "verdict": Kind(None, "true, false or null", lambda raw: raw is None or isinstance(raw, bool)),
    "flag": Kind(False, "true or false", lambda raw: isinstance(raw, bool)),
    "value": Kind(None, "a number or null", lambda raw: raw is None or _is_real(raw)),
    "count": Kind(0, "a whole number >= 0", _is_count),
    "spent": Kind(0, "what was spent and since when, or a whole number >= 0", _is_spent, build=_build_spent),
    "clock": Kind(
        None,
        "epoch, iteration, evaluation, seconds, or null",
        lambda raw: raw is None or _is_clock(raw),
        build=_build_clock,
    ),
    "verdicts": Kind("", "a string of 't', 'f' and 'u'", _is_verdicts),
    "values": Kind((), "a list of numbers", _is_reals, build=tuple),
}
