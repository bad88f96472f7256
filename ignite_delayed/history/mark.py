"""Marks: what was decided in a run, by whom, and the best value that was known then."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from .._utils.checks import check_real, describe

__all__ = ["Best", "By", "Mark", "decode_mark"]

By = Literal["gate", "stopper", "phases", "adjuster", "handler"]


class Best(NamedTuple):
    """The best value of a metric, and when it was seen.

    Args:
        value: the value.
        epoch, iteration: the trainer's clock of the record that had it.
    """

    value: float
    epoch: int
    iteration: int


class Mark(NamedTuple):
    """Something that was decided: a gate opened or closed, the run was stopped, a rate was changed.

    Args:
        kind: ``"opened"``, ``"closed"``, ``"stopped"``, ``"switched"`` or ``"adjusted"``.
        name: of what decided it.
        epoch, iteration, evaluation, seconds: the clock of the record that decided it.
        text: why, in words.
        by: what decided it: a ``"gate"``, a ``"stopper"``, learning-rate ``"phases"``, an ``"adjuster"``, or a
            ``"handler"`` of the user's own.
        best: the best value known to what stopped the run, ``None`` where there is none.
    """

    kind: str
    name: str
    epoch: int
    iteration: int
    evaluation: int
    seconds: float
    text: str = ""
    by: By = "gate"
    best: Best | None = None


_KINDS: tuple[Any, ...] = (str, str, int, int, int, (int, float), str, str, (list, tuple, type(None)))


def decode_mark(*fields: Any) -> Mark:
    """The mark that was saved as ``fields``; the last ones may be missing.

    Raises:
        TypeError, ValueError: where they are no mark's.
    """
    mark = Mark(*fields)
    for name, value, kinds in zip(Mark._fields, mark, _KINDS, strict=True):
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise TypeError(f"{name} of a mark is {describe(value)}")
        if isinstance(value, (int, float)):
            check_real(f"{name} of a mark", value, least=0)
    if mark.by not in get_args(By):
        raise TypeError(f"by of a mark is {describe(mark.by)}")
    return mark._replace(best=None if mark.best is None else _decode_best(mark.best))


def _decode_best(raw: Any) -> Best:
    value, epoch, iteration = raw
    if type(epoch) is not int or type(iteration) is not int or min(epoch, iteration) < 0:
        raise TypeError(f"best of a mark is {describe(raw)}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise TypeError(f"best of a mark is {describe(raw)}")
    return Best(float(value), epoch, iteration)
