"""Records: one observation of the run each, at one moment of the trainer's clock."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Literal, NamedTuple, get_args

from .._utils.checks import check_choice, check_count, check_name, check_real, refuse_type, refuse_value
from .metrics import as_float, unknown_metric

__all__ = ["CLOCK", "Clock", "Kind", "Record"]

#: What a record that is no evaluation is: the clock as an epoch or an iteration begins, or the trainer's own metrics.
Kind = Literal["epoch", "iteration", "training"]


class Clock(NamedTuple):
    """The trainer's clock at one moment of the run; its fields are those of :class:`Record`."""

    epoch: int
    iteration: int
    evaluation: int
    seconds: float


#: The columns of time that a record has: the clock, and the iterations that the whole run will take.
CLOCK = (*Clock._fields, "planned")


class Record:
    """What was seen at one moment of the run: the trainer's clock and metric values, as plain floats.

    ``record["loss"]`` is the value of a metric recorded at this trainer iteration, by this evaluator or by one
    before it; ``"loss" in record`` asks whether there is one.

    Args:
        epoch: the trainer's epoch, the running one counted: 0 before training, >= 1 from its first epoch on.
        iteration: iterations begun by the trainer, >= 0.
        evaluation: the ordinal of this evaluation, >= 0; several evaluators at one iteration share one.
        seconds: seconds of training so far, >= 0, over all the parts of a resumed run.
        planned: iterations the whole run will take, or ``None`` where that is not known (yet).
        source: the evaluator's name; ``""`` for the one unnamed evaluator, ``None`` for a record of the clock alone.
        values: what this evaluator reported, by metric name.
        kind: of what is no evaluation. A record of the clock alone is looked at as an ``"epoch"`` begins, none of its
            iterations yet, or as an ``"iteration"`` does; the trainer's own metrics beside evaluators are of the
            ``"training"``. ``None`` for evaluations, and for a record of the clock where it is not known.

    Example:
        >>> record = Record(epoch=3, iteration=30, evaluation=3, values={"loss": 0.25})
        >>> record["loss"], "accuracy" in record
        (0.25, False)
    """

    __slots__ = (
        "epoch",
        "evaluated",
        "evaluation",
        "first",
        "fresh",
        "iteration",
        "kind",
        "planned",
        "seconds",
        "seen",
        "source",
        "values",
    )

    epoch: int
    iteration: int
    evaluation: int
    seconds: float
    planned: int | None
    source: str | None
    kind: Kind | None
    #: What this evaluator reported.
    values: dict[str, float]
    #: All that was recorded at this iteration so far, this record included.
    seen: dict[str, float]
    #: The part of ``values`` that was not recorded at this iteration before.
    fresh: dict[str, float]
    #: Whether this is the first evaluation that was recorded at this iteration.
    first: bool
    #: Whether an evaluation was recorded at this iteration so far.
    evaluated: bool

    def __init__(
        self,
        *,
        epoch: int,
        iteration: int,
        evaluation: int = 1,
        seconds: float = 0.0,
        planned: int | None = None,
        source: str | None = "",
        values: Mapping[str, float] | None = None,
        kind: Kind | None = None,
    ) -> None:
        if source is not None and not isinstance(source, str):
            refuse_type("source", "the name of an evaluator or None", source)
        if kind is not None:
            check_choice("kind", kind, get_args(Kind))
            if (kind == "training") is (source is None):
                refuse_value("kind", f"one that fits source={source!r}", kind, "The clock alone is of no source.")
        reported = {
            check_name("a metric's name", name): _as_number(name, value) for name, value in (values or {}).items()
        }
        _fill(
            self,
            check_count("epoch", epoch, least=0),
            check_count("iteration", iteration, least=0),
            check_count("evaluation", evaluation, least=0),
            check_real("seconds", seconds, least=0),
            None if planned is None else check_count("planned", planned, least=0),
            source,
            reported,
            seen=reported,
            fresh=reported,
            first=source is not None and kind is None,
            evaluated=source is not None and kind is None,
            kind=kind,
        )

    @classmethod
    def following(
        cls,
        previous: Record | None,
        *,
        epoch: int,
        iteration: int,
        evaluation: int,
        seconds: float,
        planned: int | None,
        source: str | None,
        values: dict[str, float],
        kind: Kind | None = None,
    ) -> Record:
        """The record after ``previous``: trusted values, set in the context of the same trainer iteration."""
        seen = fresh = values
        first = evaluated = source is not None and kind is None
        if previous is not None and previous.iteration == iteration:
            first = first and not previous.evaluated
            evaluated = evaluated or previous.evaluated
            seen = previous.seen | values
            fresh = {name: value for name, value in values.items() if name not in previous.seen}
        record = cls.__new__(cls)
        return _fill(
            record, epoch, iteration, evaluation, seconds, planned, source, values, seen, fresh, first, evaluated, kind
        )

    def since(self, base: Clock, skip: int, begins: bool, *, counted: int = 0, planned: int | None = None) -> Record:
        """This record on the clock of a run that began with the record at ``base`` (see :attr:`clock`).

        Args:
            base: the clock of the record that began it.
            skip: metrics already recorded at that iteration; the shifted run must not see them.
            begins: whether this is the record that began it.
            counted: 1 where the epoch and the iteration of ``base`` are the first of that run, 0 where they are over
                when it begins.
            planned: iterations that the shifted run is planned for; what is left of this one by default.
        """
        epoch, iteration = max(base.epoch, counted) - counted, max(base.iteration, counted) - counted
        if planned is None and self.planned is not None:
            planned = max(self.planned - iteration, 0)
        seen, fresh, first = self.seen, self.fresh, self.first
        if skip and self.iteration == base.iteration:
            seen = dict(islice(seen.items(), skip, None)) | self.values
        if begins:
            fresh, first = self.values, self.source is not None and self.kind is None
        return _fill(
            Record.__new__(Record),
            self.epoch - epoch,
            self.iteration - iteration,
            self.evaluation - base.evaluation + 1,
            self.seconds - base.seconds,
            planned,
            self.source,
            self.values,
            seen,
            fresh,
            first,
            self.evaluated,
            self.kind,
        )

    @property
    def clock(self) -> Clock:
        """Epoch, iteration, evaluation, seconds."""
        return Clock(self.epoch, self.iteration, self.evaluation, self.seconds)

    @property
    def is_tick(self) -> bool:
        """Whether this is the clock alone: a gate moved between two evaluations."""
        return self.source is None

    def ahead(self, epoch_length: int | None) -> int | None:
        """The epoch that begins when the clock alone is looked at here; ``None`` within one, and for evaluations."""
        if not self.is_tick or epoch_length is None:
            return None
        over = (max(self.epoch, 1) - 1) * epoch_length
        return max(self.epoch, 1) if self.iteration - over in (0, 1) else None  # 1: its first iteration begins

    def __getitem__(self, name: str) -> float:
        try:
            return self.seen[name]
        except KeyError:
            raise unknown_metric(name, self.source, self.seen) from None

    def __contains__(self, name: object) -> bool:
        return name in self.seen

    def _row(self) -> tuple[Any, ...]:
        return (*self.clock, self.planned, self.source, self.kind, self.values.keys())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        pairs = ((value, other.values.get(name)) for name, value in self.values.items())
        return self._row() == other._row() and all(a == b or (a != a and b != b) for a, b in pairs)

    def __hash__(self) -> int:
        return hash((*self.clock, self.source))

    def __repr__(self) -> str:
        planned = "" if self.planned is None else f"planned={self.planned}, "
        source = "" if self.source == "" else f"source={self.source!r}, "
        kind = "" if self.kind is None else f", kind={self.kind!r}"
        return (
            f"Record(epoch={self.epoch}, iteration={self.iteration}, evaluation={self.evaluation}, "
            f"seconds={self.seconds!r}, {planned}{source}values={self.values!r}{kind})"
        )


def _as_number(name: str, value: object) -> float:
    """``value`` as a float, NaN and the infinities included."""
    try:
        return as_float(value)
    except ValueError as error:
        reason = str(error)
    refuse_type(f"the value of {name!r}", "a number", value, f"{reason[0].upper()}{reason[1:]}.")


def _fill(
    record: Record,
    epoch: int,
    iteration: int,
    evaluation: int,
    seconds: float,
    planned: int | None,
    source: str | None,
    values: dict[str, float],
    seen: dict[str, float],
    fresh: dict[str, float],
    first: bool,
    evaluated: bool,
    kind: Kind | None,
) -> Record:
    """``record`` with all that a record holds."""
    record.epoch = epoch
    record.iteration = iteration
    record.evaluation = evaluation
    record.seconds = seconds
    record.planned = planned
    record.source = source
    record.values = values
    record.seen = seen
    record.fresh = fresh
    record.first = first
    record.evaluated = evaluated
    record.kind = kind
    return record
