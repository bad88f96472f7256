"""Marks: what was decided in a run, when, by whom, and the best value that was known then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

from .._utils.checks import check_real, describe

__all__ = ["Best", "By", "Mark", "decode_mark", "encode_mark", "places"]

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
        before: the epoch that it was decided before, ``None`` where that was within one: the clock alone decides
            as an epoch begins, and a rate that is switched at the end of an epoch is so from the next one on.

    Example:
        >>> mark = Mark("switched", "lr", epoch=3, iteration=9, evaluation=3, seconds=0.0, by="phases", before=4)
        >>> mark.when, mark._replace(before=None).when
        ('before epoch 4', 'in epoch 3, iteration 9')
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
    before: int | None = None

    @property
    def when(self) -> str:
        """When it was decided, in words."""
        if self.before is not None:
            return f"before epoch {self.before}"
        return f"in epoch {self.epoch}, iteration {self.iteration}"


_NONE = type(None)
_KINDS: tuple[Any, ...] = (str, str, int, int, int, (int, float), str, str, (list, tuple, _NONE), (int, _NONE))


def places(switches: Iterable[float]) -> str:
    """Where ``switches`` stand on a time axis in epochs, in words: at 3.0 before the fourth, at 3.5 within it.

    Example:
        >>> places([3.0]), places([5, 3, 7.5])
        ('before epoch 4', 'before epochs 4, 6, in epoch 8')
    """
    found: dict[str, list[int]] = {"before": [], "in": []}
    for at in sorted(switches):
        epoch = round(at, 9)  # it is iterations divided by the length of an epoch
        numbers, number = found["before" if epoch == int(epoch) else "in"], int(epoch) + 1
        if number not in numbers:
            numbers.append(number)
    return ", ".join(
        f"{word} {'epoch' if len(numbers) == 1 else 'epochs'} {', '.join(map(str, numbers))}"
        for word, numbers in found.items()
        if numbers
    )


def encode_mark(mark: Mark) -> list[Any]:
    """The fields of ``mark`` as plain values, from which :func:`decode_mark` makes it again."""
    return [list(field) if isinstance(field, Best) else field for field in mark]


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
