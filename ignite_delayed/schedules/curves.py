"""From pieces to values: one formula per piece, evaluated by ``math`` for a number and by NumPy for an array.

A piece is ``(length, build)``: it owns ``length`` steps (``None``: all the rest), and ``build(at, xp)`` gives its
formula for steps counted from the schedule's first, the piece beginning at step ``at``. ``xp`` is the module
``math`` or ``numpy``: writing each formula once is what keeps the two paths equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from .._utils.checks import refuse_type, refuse_value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["NOISE", "Build", "Curve", "Piece", "constant", "evaluate", "half_wave", "join", "period", "rounding"]

Curve = Callable[[Any], Any]
Build = Callable[[int, Any], Curve]
Piece = tuple["int | None", Build]

NOISE = 6  # decimals of a step that matter: 0.29 * 100 is 29 steps, not 28.999999999999996

_EXPECTED = "a finite number >= 0 or a NumPy array of them"
_BLOCK = 16_384  # elements whose temporaries stay in the processor's cache


def constant(factor: float) -> Build:
    """The formula of one value for ever."""

    def curve(step: Any) -> float:
        return factor

    return lambda at, xp: curve


def half_wave(start: float, end: float, length: int) -> Build:
    """The falling half of a cosine, from ``start`` to ``end`` over ``length`` steps."""
    middle, reach, turn = (start + end) / 2, (start - end) / 2, math.pi / length

    def build(at: int, xp: Any) -> Curve:
        cos = xp.cos
        return lambda step: middle + reach * cos(turn * (step - at))

    return build


def rounding(xp: Any) -> Curve:
    """The nearest whole number, of two the even one: 15.499999999999998 is halfway."""
    if xp is math:
        return lambda position: round(round(position, NOISE))
    return lambda position: xp.rint(xp.round(position, NOISE))


def period(xp: Any, scale: float) -> Curve:
    """Which period of exactly ``scale`` steps owns a step: period ``k`` begins at ``round(k * scale)``.

    Each beginning is rounded from its exact position, so that a million periods are off by half a step at most.
    """
    if isinstance(scale, int):
        return lambda step: step // scale
    floor, nearest = xp.floor, rounding(xp)

    def number(step: Any) -> Any:
        found = floor((step + 0.5) / scale) + 1
        for _ in range(2):  # that was at most two too many
            found = found - (nearest(found * scale) > step)
        return found

    return number


def join(pieces: Iterable[Piece], xp: Any) -> tuple[list[int], list[Curve]]:
    """The steps at which the pieces begin, and their formulas: piece ``i`` is ``curves[i + 1]``.

    ``curves[0]`` is for what comes before step 0, so that ``curves[bisect_right(starts, step)]`` needs no test.
    """
    starts: list[int] = []
    curves: list[Curve] = [_refuse_negative]
    at = 0
    for length, build in pieces:
        starts.append(at)
        curves.append(build(at, xp))
        at += length or 0
    return starts, curves


def _refuse_negative(step: Any) -> NoReturn:
    refuse_value("step", _EXPECTED, step)


def evaluate(pieces: Iterable[Piece], steps: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The factors at each of ``steps``, in any order and shape."""
    import numpy as np

    if steps.dtype.kind not in "iuf":
        refuse_type("step", _EXPECTED, steps)
    if steps.dtype not in (np.int64, np.float64):
        steps = steps.astype(np.float64)  # small integers would overflow at a large phase's start
    flat = steps.ravel()
    if bool((flat[1:] >= flat[:-1]).all()):
        return _evaluate_sorted(pieces, flat).reshape(steps.shape)
    order = flat.argsort()
    factors = np.empty(flat.shape)
    factors[order] = _evaluate_sorted(pieces, flat[order])
    return factors.reshape(steps.shape)


def _evaluate_sorted(pieces: Iterable[Piece], steps: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    import numpy as np

    if steps.size and not (steps[0] >= 0 and steps[-1] < np.inf):  # NaN is sorted last
        refuse_value("step", _EXPECTED, steps)
    starts, curves = join(pieces, np)
    bounds = [*np.searchsorted(steps, starts).tolist(), steps.size]
    factors = np.empty(steps.shape)
    for low, high, curve in zip(bounds[:-1], bounds[1:], curves[1:], strict=True):
        for begin in range(low, high, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, high))
            factors[block] = curve(steps[block])
    return factors
