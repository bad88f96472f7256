"""How a log counts, where its format does not say: which columns are the clock, and what an empty cell means."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal, get_args

from .._utils.checks import check_choice, check_count, check_flag, check_name, refuse_type, suggestion
from .._utils.values import Value
from ..errors import HistoryError
from ..history.frames import Empty

__all__ = ["Layout", "Repeats"]

#: What is done with a step that was logged twice.
Repeats = Literal["raise", "first", "last"]

_EPOCHS = ("epoch",)
_ITERATIONS = ("iteration", "trainer/global_step", "global_step", "step", "_step")
_SECONDS = ("seconds", "_runtime")


class Layout(Value):
    """Where a table of a log has its clock; readers take these arguments by name.

    The first epoch is epoch 1, and an iteration counts those begun, as in :class:`ignite_delayed.Record`. A log that
    only counts epochs gets iterations equal to them.

    Args:
        epoch: the column that counts epochs: ``"epoch"`` where there is one. ``"row"`` is the row's number, from 1.
        iteration: the column that counts iterations: ``"iteration"``, ``"trainer/global_step"``, ``"global_step"``,
            ``"step"`` or ``"_step"``, whichever comes first.
        seconds: the column of seconds of training, ``"seconds"`` or ``"_runtime"`` where there is one.
        zero_based: whether the first epoch is written as 0, and the first iteration too; must be told where the
            epochs begin at 0.
        epoch_length: iterations in an epoch, >= 1: gives epochs where a log counts iterations, and the reverse.
        empty: what a cell without a number means: ``"missing"``, nothing was recorded there, or ``"nan"``, NaN was;
            must be told where a format writes both alike.
        repeats: what is done with a metric that was logged twice at one iteration, or at an earlier one than the
            rows before it: ``"raise"`` refuses it; ``"first"`` keeps what came first, for an evaluation after
            training; ``"last"`` what came last, for a run that was resumed from an earlier step.
        ignore: columns to leave out.

    Example:
        >>> Layout(iteration="step", epoch_length=100)
        Layout(iteration='step', epoch_length=100)
    """

    __slots__ = ("empty", "epoch", "epoch_length", "ignore", "iteration", "repeats", "seconds", "zero_based")

    epoch: str | None
    iteration: str | None
    seconds: str | None
    zero_based: bool | None
    epoch_length: int | None
    empty: Empty | None
    repeats: Repeats
    ignore: tuple[str, ...]

    def __init__(
        self,
        *,
        epoch: str | None = None,
        iteration: str | None = None,
        seconds: str | None = None,
        zero_based: bool | None = None,
        epoch_length: int | None = None,
        empty: Empty | None = None,
        repeats: Repeats = "raise",
        ignore: Iterable[str] = (),
    ) -> None:
        for name, column in (("epoch", epoch), ("iteration", iteration), ("seconds", seconds)):
            if column is not None:
                check_name(name, column, hint="It names a column of the log.")
        if isinstance(ignore, str):
            refuse_type("ignore", "several names of columns", ignore, f"Write ignore=[{ignore!r}].")
        self._set(
            epoch=epoch,
            iteration=iteration,
            seconds=seconds,
            zero_based=None if zero_based is None else check_flag("zero_based", zero_based),
            epoch_length=None if epoch_length is None else check_count("epoch_length", epoch_length),
            empty=None if empty is None else check_choice("empty", empty, get_args(Empty)),
            repeats=check_choice("repeats", repeats, get_args(Repeats)),
            ignore=tuple(check_name("ignore", name) for name in ignore),
        )

    def named(self, columns: Collection[str], where: str) -> dict[str, str]:
        """The column of each unit of the clock: of ``"epoch"`` or ``"iteration"`` at least, both where possible.

        Raises:
            HistoryError: where a column that was named is not there, or where nothing says what an epoch is.
        """
        found = {}
        for unit, usual in (("epoch", _EPOCHS), ("iteration", _ITERATIONS), ("seconds", _SECONDS)):
            told: str | None = getattr(self, unit)
            if told is not None and told not in columns:
                listed = ", ".join(map(repr, columns))
                hint = suggestion(told, columns)
                raise HistoryError(f"{where}: no column {told!r} ({unit}=); there are: {listed}. {hint}".rstrip())
            taken = {told for told in (self.epoch, self.iteration, self.seconds) if told}
            column = told or next((name for name in usual if name in columns and name not in taken), None)
            if column is not None:
                found[unit] = column
        if "epoch" not in found and not ("iteration" in found and self.epoch_length):
            self._refuse_unknown_epochs(found, columns, where)
        return found

    def _refuse_unknown_epochs(self, found: dict[str, str], columns: Collection[str], where: str) -> Any:
        counted = found.get("iteration")
        if counted is None:
            listed = ", ".join(map(repr, columns))
            raise HistoryError(
                f"{where}: nothing says what an epoch is; name the column that counts epochs, epoch=..., of {listed}; "
                "epoch='row' if each row is one"
            )
        raise HistoryError(
            f"{where}: {counted!r} counts steps, and nothing says whether those are epochs or iterations; pass "
            f"epoch={counted!r} if a step is an epoch; otherwise epoch_length=..., or epoch=..., what has the epoch"
        )
