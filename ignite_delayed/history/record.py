"""Records: one observation of the run each, and what can be said of a metric's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from .._utils.checks import check_count, check_name, check_real, refuse_type, suggestion
from ..errors import MetricValueError, UnknownMetricError
from .metrics import as_float

__all__ = ["CLOCK", "Record", "reporter", "require"]

CLOCK = ("epoch", "iteration", "evaluation", "seconds", "planned")


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
        "planned",
        "seconds",
        "seen",
        "source",
        "values",
    )

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
    ) -> None:
        self.epoch = check_count("epoch", epoch, least=0)
        self.iteration = check_count("iteration", iteration, least=0)
        self.evaluation = check_count("evaluation", evaluation, least=0)
        self.seconds = check_real("seconds", seconds, least=0)
        self.planned = None if planned is None else check_count("planned", planned, least=0)
        self.source = source
        if source is not None and not isinstance(source, str):
            refuse_type("source", "the name of an evaluator or None", source)
        #: What this evaluator reported.
        self.values: dict[str, float] = {}
        for name, value in (values or {}).items():
            self.values[check_name("a metric's name", name)] = _float(name, value)
        #: All that was recorded at this iteration so far, this record included.
        self.seen = self.values
        #: The part of ``values`` that was not recorded at this iteration before.
        self.fresh = self.values
        #: Whether this is the first record of an evaluator at this iteration.
        self.first = source is not None
        #: Whether an evaluator was recorded at this iteration so far.
        self.evaluated = self.first

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
    ) -> Record:
        """The record after ``previous``: trusted values, set in the context of the same trainer iteration."""
        record = cls.__new__(cls)
        record.epoch = epoch
        record.iteration = iteration
        record.evaluation = evaluation
        record.seconds = seconds
        record.planned = planned
        record.source = source
        record.values = record.seen = record.fresh = values
        record.first = record.evaluated = source is not None
        if previous is not None and previous.iteration == iteration:
            record.first = record.first and not previous.evaluated
            record.evaluated = record.evaluated or previous.evaluated
            record.seen = previous.seen | values
            record.fresh = {name: value for name, value in values.items() if name not in previous.seen}
        return record

    def since(self, base: tuple[int, int, int, float], behind: int, begins: bool) -> Record:
        """This record on the clock of a run that began with the record at ``base`` (see :attr:`clock`).

        Args:
            base: the clock of the record that began it.
            behind: how many metrics had been recorded at that iteration before: this run has not seen them.
            begins: whether this is the record that began it.
        """
        epoch, iteration, evaluation, seconds = base
        record = Record.__new__(Record)
        record.epoch = self.epoch - epoch
        record.iteration = self.iteration - iteration
        record.evaluation = self.evaluation - evaluation + 1
        record.seconds = self.seconds - seconds
        record.planned = None if self.planned is None else max(self.planned - iteration, 0)
        record.source, record.first, record.evaluated = self.source, self.first, self.evaluated
        record.values, record.seen, record.fresh = self.values, self.seen, self.fresh
        if behind and self.iteration == iteration:
            record.seen = dict(islice(self.seen.items(), behind, None)) | self.values
        if begins:
            record.first, record.fresh = self.source is not None, self.values
        return record

    @property
    def clock(self) -> tuple[int, int, int, float]:
        """Epoch, iteration, evaluation, seconds."""
        return self.epoch, self.iteration, self.evaluation, self.seconds

    @property
    def is_tick(self) -> bool:
        """Whether this is the clock alone: a gate moved between two evaluations."""
        return self.source is None

    def __getitem__(self, name: str) -> float:
        try:
            return self.seen[name]
        except KeyError:
            raise UnknownMetricError(_unknown(name, self.source, self.seen)) from None

    def __contains__(self, name: object) -> bool:
        return name in self.seen

    def _row(self) -> tuple[Any, ...]:
        return (*self.clock, self.planned, self.source, self.values.keys())

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
        return (
            f"Record(epoch={self.epoch}, iteration={self.iteration}, evaluation={self.evaluation}, "
            f"seconds={self.seconds!r}, {planned}{source}values={self.values!r})"
        )


def _float(name: str, value: object) -> float:
    """``value`` as a float, NaN and the infinities included."""
    number = as_float(value)
    if isinstance(number, str):
        refuse_type(f"the value of {name!r}", "a number", value, f"{number[0].upper()}{number[1:]}.")
    return number


def _unknown(name: str, source: str | None, there: Iterable[str]) -> str:
    who = f"evaluator {source!r}" if source else "the evaluator"
    known = sorted(there)
    listed = ", ".join(map(repr, known)) if known else "none at all"
    hint = suggestion(name, known) or "Attach it to that evaluator, or compute it before COMPLETED fires there."
    return f"metric {name!r} was not reported by {who}; metrics that are there: {listed}. {hint}"


def reporter(name: str, sources: Iterable[str]) -> str | None:
    """The source that should report metric ``name``; ``None`` where any may (``"lr"``) or none can.

    With named sources ``"val/loss"`` belongs to ``"val"``; the one unnamed source reports every name.
    """
    known = tuple(sources)
    if "" in known:
        return ""
    prefix, slash, _ = name.partition("/")
    return prefix if slash and prefix in known else None


def require(reads: Iterable[str], record: Record, unusable: Mapping[str, str]) -> None:
    """Raise where ``record`` lacks one of the metrics ``reads`` that its evaluator should have reported.

    ``unusable`` says of metrics that were reported and left out why they were.
    """
    missing = sorted(name for name in reads if name not in record.values)
    for name in missing:
        if name in unusable:
            raise MetricValueError(f"metric {name!r} cannot be used in a condition: {unusable[name]}")
    if missing:
        raise UnknownMetricError(_unknown(missing[0], record.source, record.values))
