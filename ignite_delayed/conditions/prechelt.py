"""Prechelt's criteria: stop where generalization is lost, where nothing is gained for it, where the error keeps rising.

L. Prechelt, "Early Stopping - But When?", in *Neural Networks: Tricks of the Trade*, 1998. Errors are numbers >= 0 of
which less is better. ``E_va(t)`` and ``E_tr(t)`` are the validation and the training error at observation ``t = 1, 2,
...``, and a *strip* of length ``k`` is a row of ``k`` observations that ends where ``k`` divides ``t``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .._utils.checks import check_count, check_real
from ..history.record import Record
from .comparison import as_monitor
from .condition import Condition, Verdict
from .expression import Expression, divide
from .node import State
from .parsing import readable
from .windows import Mean, Min

__all__ = ["GeneralizationLoss", "ProgressQuotient", "RisingStrips", "progress"]

_ALPHA = "Prechelt tried 1 to 5 per cent for GL, and 0.5 to 3 for PQ."
_STRIP = "A strip is a row of observations; Prechelt's have 5."


def _lowest(lowest: float | None, error: float) -> float | None:
    """``E_opt``: the lowest error so far; NaN is passed over."""
    if error != error:
        return lowest
    return error if lowest is None else min(lowest, error)


def _loss(lowest: float | None, error: float) -> float:
    """``GL = 100 * (E_va / E_opt - 1)``; NaN where that has no meaning: below 0, and on NaN."""
    return math.nan if lowest is None or lowest < 0 else 100 * (divide(error, lowest) - 1)


def _exceeds(value: float, alpha: float) -> Verdict:
    return None if value != value else value > alpha


class GeneralizationLossState(NamedTuple):
    """The verdict, the generalization loss in per cent, the lowest error so far, and the state of the error."""

    verdict: Verdict
    loss: float | None
    lowest: float | None
    error: State


@readable
class GeneralizationLoss(Condition):
    """``GL(t) = 100 * (E_va(t) / E_opt(t) - 1) > alpha``: the error is that many per cent above its lowest so far.

    ``E_opt(t)`` is the lowest error up to ``t``. Unknown on NaN and while the lowest error is below 0, where a ratio
    says nothing; after an error of 0 any other has lost infinitely much.

    Args:
        error: the validation error: a metric's name, or an expression.
        alpha: per cent, >= 0.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> GeneralizationLoss("val/loss", alpha=5)
        GeneralizationLoss('val/loss', alpha=5.0)
    """

    __slots__ = ("_error", "alpha", "error")
    memory = ("verdict", "value", "value")
    state_type = GeneralizationLossState
    error: str | Expression
    alpha: float
    _error: Expression

    def __init__(self, error: str | Expression, *, alpha: float) -> None:
        self._set(
            error=error, _error=as_monitor("error", error), alpha=check_real("alpha", alpha, least=0, hint=_ALPHA)
        )
        self._set_parts(self._error)

    def advance(self, state: GeneralizationLossState, record: Record) -> GeneralizationLossState:
        verdict, loss, lowest, error = state
        error = self._error.advance(error, record)
        if error[0] is not None and self.observed(record):
            lowest = _lowest(lowest, error[0])
            loss = _loss(lowest, error[0])
            verdict = _exceeds(loss, self.alpha)
        return GeneralizationLossState(verdict, loss, lowest, error)

    def consistent(self, state: GeneralizationLossState) -> bool:
        said = None if state.loss is None else _exceeds(state.loss, self.alpha)
        return state.lowest == state.lowest and state.verdict is said

    def detail(self, state: GeneralizationLossState) -> str:
        if state.loss is None:
            return "no value yet"
        return f"{state.loss:g} % above the lowest, needs > {self.alpha:g} %"


class ProgressQuotientState(NamedTuple):
    """What the quotient remembers.

    Args:
        verdict: that of the last end of a strip.
        quotient: ``GL / P_k`` there.
        lowest: the lowest validation error so far.
        within: observations of the strip that is under way.
        window: the last training errors, as many as a strip has.
        error, training: the states of the two errors.
    """

    verdict: Verdict
    quotient: float | None
    lowest: float | None
    within: int
    window: tuple[float, ...]
    error: State
    training: State


@readable
class ProgressQuotient(Condition):
    """``PQ(t) = GL(t) / P_k(t) > alpha`` at the end of a strip: what is lost is not worth what is still learned.

    ``P_k(t) = 1000 * (sum(E_tr) / (k * min(E_tr)) - 1)`` over the strip that ends at ``t``: by how many per mille the
    training error was above its lowest, on average. ``GL`` is that of :class:`GeneralizationLoss`. Between two ends the
    verdict is that of the last; it is unknown before the first, and where the quotient is no number.

    An observation is of both errors, so both must be recorded at one iteration.

    Args:
        error: the validation error: a metric's name, or an expression.
        training: the training error likewise.
        alpha: per cent of loss per per mille of progress, >= 0.
        strip: ``k``, the observations in a strip, >= 2: of a single one the progress is 0.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> ProgressQuotient("val/loss", "train/loss", alpha=0.75)
        ProgressQuotient('val/loss', 'train/loss', alpha=0.75)
    """

    __slots__ = ("_error", "_training", "alpha", "error", "strip", "training")
    memory = ("verdict", "value", "value", "count", "values")
    state_type = ProgressQuotientState
    error: str | Expression
    training: str | Expression
    alpha: float
    strip: int
    _error: Expression
    _training: Expression

    def __init__(self, error: str | Expression, training: str | Expression, *, alpha: float, strip: int = 5) -> None:
        self._set(
            error=error,
            training=training,
            _error=as_monitor("error", error),
            _training=as_monitor("training", training),
            alpha=check_real("alpha", alpha, least=0, hint=_ALPHA),
            strip=check_count("strip", strip, least=2, hint=_STRIP),
        )
        self._set_parts(self._error, self._training)

    def advance(self, state: ProgressQuotientState, record: Record) -> ProgressQuotientState:
        verdict, quotient, lowest, within, window, error, training = state
        error, training = self._error.advance(error, record), self._training.advance(training, record)
        if error[0] is not None and training[0] is not None and self.observed(record):
            lowest = _lowest(lowest, error[0])
            within, window = (within + 1) % self.strip, (*window, training[0])[-self.strip :]
            if not within:
                quotient = divide(_loss(lowest, error[0]), progress(window))
                verdict = _exceeds(quotient, self.alpha)
        return ProgressQuotientState(verdict, quotient, lowest, within, window, error, training)

    def consistent(self, state: ProgressQuotientState) -> bool:
        said = None if state.quotient is None else _exceeds(state.quotient, self.alpha)
        full = len(state.window) == self.strip
        if state.within >= self.strip or (not full and len(state.window) != state.within):
            return False
        return state.lowest == state.lowest and full is (state.quotient is not None) and state.verdict is said

    def detail(self, state: ProgressQuotientState) -> str:
        under_way = f"{state.within} of {self.strip} observations of the strip"
        if state.quotient is None:
            return f"{under_way}, no quotient yet"
        return f"quotient {state.quotient:g}, needs > {self.alpha:g}; {under_way}"


def progress(strip: Sequence[float]) -> float:
    """``P_k``: by how many per mille the errors of the strip are above its lowest; NaN below 0, and on NaN."""
    if any(not error >= 0 for error in strip):
        return math.nan
    return 1000 * (divide(Mean.compute(strip), Min.compute(strip)) - 1)


class RisingStripsState(NamedTuple):
    """What the rises remember.

    Args:
        verdict: that of the last end of a strip.
        rises: ends in a row that were above the one before.
        last: the error at the last end of a strip that was not NaN.
        within: observations of the strip that is under way.
        error: the state of the error.
    """

    verdict: Verdict
    rises: int
    last: float | None
    within: int
    error: State


@readable
class RisingStrips(Condition):
    """``UP_s``: the error rose in ``s`` strips in a row, ``E_va(t) > E_va(t - k)`` at each of their ends.

    Between two ends the verdict is that of the last; it is unknown before the second. However small a rise is, it
    counts. NaN counts as one, and the next end is compared with the last that was a number.

    Args:
        error: the validation error: a metric's name, or an expression.
        rises: ``s``, >= 1.
        strip: ``k``, the observations in a strip, >= 1.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> RisingStrips("val/loss", rises=3)
        RisingStrips('val/loss', rises=3)
    """

    __slots__ = ("_error", "error", "rises", "strip")
    memory = ("verdict", "count", "value", "count")
    state_type = RisingStripsState
    error: str | Expression
    rises: int
    strip: int
    _error: Expression

    def __init__(self, error: str | Expression, *, rises: int, strip: int = 5) -> None:
        self._set(
            error=error,
            _error=as_monitor("error", error),
            rises=check_count("rises", rises, hint="It counts strips in a row."),
            strip=check_count("strip", strip, hint=_STRIP),
        )
        self._set_parts(self._error)

    def advance(self, state: RisingStripsState, record: Record) -> RisingStripsState:
        verdict, rises, last, within, error = state
        error = self._error.advance(error, record)
        if error[0] is not None and self.observed(record):
            within += 1
            if within == self.strip:
                within, now = 0, error[0]
                if last is not None:
                    rises = 0 if now <= last else rises + 1
                    verdict = rises >= self.rises
                last = now if now == now else last
        return RisingStripsState(verdict, rises, last, within, error)

    def consistent(self, state: RisingStripsState) -> bool:
        if state.last != state.last or state.within >= self.strip:
            return False
        return bool(state.verdict) is (state.rises >= self.rises) and (state.last is not None or state.verdict is None)

    def detail(self, state: RisingStripsState) -> str:
        return f"rose {state.rises} strips in a row, needs {self.rises}; {state.within} of {self.strip} of the next"
