"""What every schedule can do, what a schedule of one rule adds, and several in a row."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, overload

from .._utils.checks import check_flag, check_real, refuse_type, refuse_value
from .._utils.values import Value
from .curves import Curve, Piece, constant, evaluate, join
from .joints import check_joints, resolve_joined
from .lengths import COUNTED, SHARES, UNITS, PlannedRun, check_amount, planned_run, unit_of, whole_steps
from .parsing import read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Chain", "Schedule", "Shape"]

A = TypeVar("A", bound="Schedule")
S = TypeVar("S", bound="Shape")


class Schedule(Value):
    """A pure function ``step -> factor`` of each parameter group's own base rate.

    ``step`` counts from 0: an ``int``, a ``float`` or a NumPy array. A phase of ``n`` steps owns steps
    ``0 <= step < n`` and reaches its end value at ``n``, where the next phase begins with *its* step 0; without a
    next phase it stays at the end value.

    A length is given in exactly one unit:

    * ``steps=n``: calls of the schedule, whatever drives it (a count);
    * ``iterations=n``: batches, so that driving it per epoch is refused (a count);
    * ``epochs=n``: epochs, also ``0.5`` (greater than 0);
    * ``fraction=f``: a share of the planned run (``0 < f <= 1``);
    * ``rest=True``: what is then left of the run, so that nothing can follow.

    A schedule with a length in epochs or a share of the run must be told the run by :meth:`resolve` before it can be
    called.
    It can be given to ``torch.optim.lr_scheduler.LambdaLR`` as it is.

    Example:
        >>> import numpy as np
        >>> from ignite_delayed import Cosine, Schedule, warmup
        >>> schedule = warmup(epochs=1).then(Cosine(epochs=2))
        >>> isinstance(schedule, Schedule)
        True
        >>> factor = schedule.resolve(per="iteration", epochs=3, iterations_per_epoch=4)
        >>> factor(2), factor(np.array([4, 8, 12])).round(3).tolist()
        (0.5, [1.0, 0.5, 0.0])
    """

    # LambdaLR.state_dict() copies the __dict__ of its callable, so there has to be one; it stays empty.
    __slots__ = ("__dict__", "_curves", "_starts")
    fluent: ClassVar[frozenset[str]] = frozenset({"floor", "repeat", "then"})

    _starts: list[int]
    _curves: list[Curve]

    @overload
    def __call__(self, step: float) -> float: ...

    @overload
    def __call__(self, step: npt.NDArray[Any]) -> npt.NDArray[np.float64]: ...

    def __call__(self, step: Any) -> Any:
        """The factor at ``step``.

        Raises:
            TypeError: ``step`` is no number (a bool is none) and no array of numbers.
            ValueError: ``step`` is negative or not finite, or the schedule is not resolved.
        """
        if type(step) is int:
            return self._curves[bisect_right(self._starts, step)](step)
        numpy = sys.modules.get("numpy")  # who has no array has not imported it either
        if numpy is not None and isinstance(step, numpy.ndarray):
            return evaluate(self._known_pieces(), step)
        number = check_real("step", step, least=0)
        return self._curves[bisect_right(self._starts, number)](number)

    def then(self, other: Schedule, *, underway: bool = False) -> Schedule:
        """This schedule until its end, then ``other`` from its step 0; one of no length is left out.

        Args:
            other: what follows.
            underway: joins ``other`` in its middle: it goes on as if it had begun when this schedule did, and ends so
                much sooner. A warm-up stands in place of its beginning instead of pushing it back, as by default
                in timm (``warmup_prefix=False``), and in fvcore where the interval is ``"fixed"``.

        Raises:
            TypeError: ``other`` is no schedule.
            ValueError: this schedule never ends, or the fractions of the run add up to more than 1.

        >>> from ignite_delayed.schedules import Constant, Linear
        >>> schedule = Linear(0, 1, steps=2).then(Constant(0.5))
        >>> [schedule(step) for step in range(4)]
        [0.0, 0.5, 0.5, 0.5]
        >>> schedule = Linear(0, 1, steps=2).then(Linear(steps=4), underway=True)
        >>> [schedule(step) for step in range(6)]
        [0.0, 0.5, 0.5, 0.25, 0.0, 0.0]
        """
        if isinstance(other, Schedule) and (self.empty or other.empty):
            return other if self.empty else self
        if not check_flag("underway", underway):
            return Chain(self, other)
        from .composed import Underway

        return Underway(self, other)

    def repeat(self, times: int | None = None, *, every: float | None = None) -> Schedule:
        """This schedule ``times`` in a row, each from its step 0; for ever without a number.

        Cycles that are no whole number of steps begin at the step nearest to their exact place, so that three of
        ``fraction=1 / 3`` fill the run; one that is a step longer or shorter than the first is stretched to it.

        Args:
            times: how many cycles (a whole number, at least 1); ``None`` goes on for ever.
            every: the exact length of a cycle in steps, for a schedule in steps (at least one for each phase): what
                :meth:`resolve` notes where it is no whole number. Leave it out.

        Raises:
            TypeError, ValueError: this schedule never ends or takes the rest of the run, the fractions of the run add
                up to more than 1, or an argument is of the wrong kind or out of its bounds.

        >>> from ignite_delayed.schedules import Linear
        >>> schedule = Linear(0, 1, steps=2).then(Linear(steps=2)).repeat(2)
        >>> [schedule(step) for step in range(10)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
        """
        from .composed import Repeat

        if self.empty:
            return self
        return Repeat(self, times, every=every)

    def floor(self, factor: float) -> Schedule:
        """This schedule, but nowhere less than ``factor``; warm-ups too, unless they are joined to it afterwards.

        Args:
            factor: the least factor of the base rate (at least 0); of each group's own, so that groups keep their
                ratios.

        Raises:
            TypeError, ValueError: ``factor`` is of the wrong kind or out of its bounds.

        >>> from ignite_delayed.schedules import Linear, warmup
        >>> schedule = warmup(steps=2).then(Linear(steps=4).floor(0.25))
        >>> [schedule(step) for step in range(8)]
        [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.25, 0.25]
        """
        from .composed import Floor

        check_real("factor", factor, least=0)
        return self if self.empty else joined([Floor(phase, factor) for phase in self._phases()])

    @staticmethod
    def of(
        function: Callable[[float], float],
        *,
        name: str | None = None,
        steps: int | None = None,
        iterations: int | None = None,
        epochs: float | None = None,
        fraction: float | None = None,
        rest: bool | None = None,
    ) -> Shape:
        """``function(s / n)`` for step ``s`` of a length of ``n``, then ``function(1.0)``: any shape in one line.

        The function is given the *progress*, a ``float`` from 0.0 to 1.0, one at a time; never the step, since the
        length may be known only when the run begins. It gives the factor of the base rate. It must be pure: it is
        tried out at a thousand places as the schedule is built, and a run is resumed with a function that gives the
        same factors there, whatever it is called, in any process; with another one it is refused. Those factors make
        the eight digits that ``repr`` prints.

        Args:
            function: of one number, which returns a number (finite, at least 0); NumPy's functions are as good.
            name: what ``repr`` prints; by default the name of the function.
            steps: the length ``n`` in steps, or one of the following instead (see :class:`Schedule`).
            iterations: the length in iterations.
            epochs: the length in epochs.
            fraction: the length as a fraction of the run.
            rest: the length that is left of the run, if True.

        Raises:
            TypeError: no function of one number, one of a step, one that returns no number, or not exactly one length.
            ValueError: a factor is negative or not finite, or another one when asked again.

        >>> schedule = Schedule.of(lambda progress: 1 - progress**2, name="k-decay", steps=4)
        >>> [schedule(step) for step in range(6)]
        [1.0, 0.9375, 0.75, 0.4375, 0.0, 0.0]
        >>> schedule
        Schedule.of(<k-decay 3f2971d5>, steps=4)
        """
        from .functions import Function

        return Function(
            function, name=name, steps=steps, iterations=iterations, epochs=epochs, fraction=fraction, rest=rest
        )

    @staticmethod
    def parse(text: str) -> Schedule:
        """``Schedule.parse(repr(schedule)) == schedule``: the schedule that ``text`` writes down.

        For configurations, in YAML and the like. It reads the schedules of this library, ``warmup``, numbers, and
        ``then``, ``repeat`` and ``floor``, as ``repr`` prints them; nothing is evaluated. :meth:`of` calls a function,
        so that none is read.

        Args:
            text: at most 10,000 characters, nested at most 60 deep.

        Raises:
            TypeError: where ``text`` is no string.
            ParseError: a ``ValueError``, where it writes anything else, with a caret below the place.

        >>> Schedule.parse("warmup(epochs=5).then(Cosine(rest=True))")
        Linear(0.0, 1.0, epochs=5).then(Cosine(rest=True))
        >>> Schedule.parse("warmup(epochs=5).then(Cosin(rest=True))")
        Traceback (most recent call last):
            ...
        ignite_delayed.errors.ParseError: no schedule is called 'Cosin'. Did you mean 'Cosine'?
            warmup(epochs=5).then(Cosin(rest=True))
                                  ^^^^^
        """
        found: Schedule = read(text)
        return found

    def resolve(
        self: A,
        *,
        per: str,
        epochs: float | None = None,
        iterations_per_epoch: int | None = None,
        updates_per_epoch: float | None = None,
        begins: float = 0.0,
    ) -> A:
        """The same schedule with every length in whole steps, and every time scale in exact ones.

        Lengths that are whole stay as they are. Of the others the *ends* are rounded to the nearest step, of two the
        even one, so that phases add up to their rounded sum, and each keeps at least one step. The scale of a decay is
        not rounded: ``Exponential(0.5, epochs=2.5)`` halves every 2.5 epochs also where a step is an epoch.

        Args:
            per: what one step is, ``"iteration"``, ``"epoch"``, or ``"update"``, a step of the optimizer.
            epochs: the planned length of the run in epochs (greater than 0, need not be whole); lengths given as a
                fraction or as the rest need it.
            iterations_per_epoch: batches in an epoch (a count); per iteration, lengths in epochs, fractions and
                the rest need it.
            updates_per_epoch: steps of the optimizer in an epoch (greater than 0, need not be whole), which such
                lengths need per update.
            begins: how many epochs of the run are over when the schedule begins (at least 0); no part of the rest.

        Raises:
            ValueError: what a length needs is missing, or a length in iterations meets another ``per``.

        >>> from ignite_delayed.schedules import Cosine, warmup
        >>> schedule = warmup(epochs=5).then(Cosine(fraction=0.95))
        >>> schedule.resolve(per="iteration", epochs=100, iterations_per_epoch=30)
        Linear(0.0, 1.0, steps=150).then(Cosine(steps=2850))
        >>> schedule.resolve(per="epoch", epochs=100)
        Linear(0.0, 1.0, steps=5).then(Cosine(steps=95))
        >>> warmup(epochs=5).then(Cosine(rest=True)).resolve(per="epoch", epochs=100)
        Linear(0.0, 1.0, steps=5).then(Cosine(steps=95))
        """
        return self._resolve(planned_run(per, epochs, iterations_per_epoch, updates_per_epoch, begins))

    @property
    def endless(self) -> bool:
        """Whether the schedule has no end, so that nothing can follow it."""
        raise NotImplementedError

    @property
    def empty(self) -> bool:
        """Whether it has no length, as ``warmup(iterations=0)``: what follows begins at once."""
        return False

    @property
    def resolved(self) -> bool:
        """Whether every length is known in steps, so that the schedule can be called."""
        raise NotImplementedError

    @property
    def length(self) -> int | None:
        """The number of steps until the end value is reached, ``None`` if there is no end.

        Raises:
            ValueError: the schedule is not resolved.
        """
        return self.segments()[-1][1]

    def segments(self) -> tuple[tuple[int, int | None, Shape], ...]:
        """The phases as ``(start, stop, phase)``: each owns ``start <= step < stop``; ``stop`` is ``None`` without end.

        Raises:
            ValueError: the schedule is not resolved.

        >>> from ignite_delayed.schedules import Cosine, warmup
        >>> warmup(steps=5).then(Cosine(steps=95)).segments()
        ((0, 5, Linear(0.0, 1.0, steps=5)), (5, 100, Cosine(steps=95)))
        """
        if not self.resolved:
            self._refuse_unresolved()
        found: list[tuple[int, int | None, Shape]] = []
        start = 0
        for phase in self._phases():
            stop = None if phase.endless else start + phase._steps()
            found.append((start, stop, phase))
            start = stop or 0
        return tuple(found)

    def last_phases(self: Schedule, count: int) -> Schedule:
        """The schedule of the last ``count`` phases of this one."""
        return joined(self._phases()[-count:])

    def __len__(self) -> int:
        """How many phases follow one another."""
        return len(self._phases())

    def __bool__(self) -> bool:
        return True

    @property
    def takes_rest(self) -> bool:
        """Whether a length is what is left of the run."""
        return any("rest" in phase._units() for phase in self._phases())

    def shares(self, resolved: Schedule) -> list[tuple[str, Any]]:
        """Lengths and scales that are shares of the run, and what they are in steps in the ``resolved`` schedule."""
        pairs = zip(self._phases(), resolved._phases(), strict=True)
        return [share for given, found in pairs for share in given._shares(found)]

    def lookup(self) -> tuple[list[int], list[Curve]]:
        """``starts, curves``: the factor at a whole ``step >= 0`` is ``curves[bisect_right(starts, step)](step)``.

        For loops in which calling the schedule costs too much.
        """
        return self._starts, self._curves

    def _phases(self) -> tuple[Shape, ...]:
        """The schedules that this one consists of, in order."""
        raise NotImplementedError

    def _resolve(self: A, run: PlannedRun) -> A:
        raise NotImplementedError

    def _stretch(self, run: PlannedRun, steps: int) -> Schedule:
        """This resolved schedule, ending with step ``steps``, to which its last phase comes as near as it can."""
        *before, last = self._phases()
        length = max(last._steps() + steps - (self.length or 0), 1)
        return self if length == last._steps() else joined([*before, last._fit(run, length)])

    def _known_pieces(self) -> list[Piece]:
        if not self.resolved:
            self._refuse_unresolved()
        pieces = [piece for phase in self._phases() for piece in phase._pieces()]
        if not self.endless:
            pieces.append((None, constant(self._phases()[-1]._final())))
        return pieces

    def _compile(self) -> None:
        """Prepare the scalar path; the last act of ``__init__``."""
        if self.resolved:
            starts, curves = join(self._known_pieces(), math)
        else:
            starts, curves = [], [self._refuse_unresolved]
        self._set(_starts=starts, _curves=curves)

    def _refuse_unresolved(self, step: object = None) -> NoReturn:
        units = sorted({unit for phase in self._phases() for unit in phase._units()} - set(COUNTED))
        epochs = "epochs=..., " if {"fraction", "rest"} & set(units) else ""
        call = f"schedule.resolve(per=..., {epochs}iterations_per_epoch=...)"
        hint = f"Call {call} first: how many steps its {' and '.join(units)} make is not known."
        refuse_value("schedule", "given in steps or iterations, or resolved", self, hint)


class Shape(Schedule):
    """A schedule of one rule, which takes its length, or the scale of its time axis, in one of the four units."""

    __slots__ = ("_unit", "epochs", "fraction", "iterations", "rest", "steps")

    _called: ClassVar[str | None] = None  # in errors, where it is not the class that users call

    _unit: str | None
    steps: Any
    iterations: Any
    epochs: Any
    fraction: Any
    rest: Any

    def _measure(self, *, optional: bool = False, **given: Any) -> None:
        """Keep and check the length, then prepare the calls; the last act of ``__init__``."""
        unit = unit_of(self._called or type(self).__name__, given, optional=optional)
        if unit is not None:
            given[unit] = self._check_amount(unit, given[unit])
        given["rest"] = given.get("rest") or None
        self._set(_unit=unit, **given)
        self._compile()

    def _check_amount(self, unit: str, amount: Any) -> Any:
        return check_amount(unit, amount)

    def _span(self) -> Any:
        """The length or time scale, as it was given."""
        return getattr(self, self._unit) if self._unit else None

    def _keeps_exact(self) -> bool:
        """Whether there is no length whose end is rounded: none at all, or only the scale of a time axis."""
        return self._unit is None

    def _extent(self) -> Any:
        """From the first step to the end, in the unit that was given; ``None`` without end."""
        return None if self.endless else self._span()

    def _units(self) -> set[str]:
        """The units of the lengths and scales."""
        return set() if self._unit is None else {self._unit}

    def _share(self) -> float:
        """The fraction of the run that it takes up, if its length was given as one."""
        return self._extent() if self._unit == "fraction" and not self.endless else 0.0

    def _shares(self, resolved: Any) -> list[tuple[str, Any]]:
        """As :meth:`shares`."""
        return [(f"{self._unit}={self._span()!r}", resolved._span())] if self._unit in SHARES else []

    def _steps(self) -> int:
        """From the first step to the end of a resolved shape that ends, in whole steps."""
        return int(self._span())

    def _with_steps(self: S, span: Any) -> S:
        """This shape with ``span`` steps instead of what was given."""
        args, kwargs = self._arguments()
        kept = {name: value for name, value in kwargs.items() if name not in UNITS}
        kind: Any = type(self)
        shape: S = kind(*args, **kept, steps=span)
        return shape

    def _exact_steps(self, run: PlannedRun) -> float:
        assert self._unit is not None
        return run.steps(self._unit, self._span())

    def _exact_length(self, run: PlannedRun) -> float:
        """From the first step to the end, not rounded."""
        return self._exact_steps(run)

    def _fit(self: S, run: PlannedRun, steps: int) -> S:
        """This shape resolved, ``steps`` steps long."""
        return self._with_steps(steps)

    def _resolve(self: S, run: PlannedRun) -> S:
        return self if self._unit is None else self._with_steps(whole_steps([self._exact_steps(run)])[0])

    @property
    def endless(self) -> bool:
        return False

    @property
    def resolved(self) -> bool:
        return self._unit is None or self._unit in COUNTED

    def _phases(self) -> tuple[Shape, ...]:
        return (self,)

    def _pieces(self) -> list[Piece]:
        """The formulas of this shape; known only when it is resolved."""
        raise NotImplementedError

    def _final(self) -> float:
        """The end value of a shape that ends."""
        raise NotImplementedError


class Chain(Schedule):
    """Several schedules, each beginning where the one before it ends; written ``a.then(b)``.

    ``a.then(b).then(c) == a.then(b.then(c))``.

    Args:
        *phases: two schedules or more, of which only the last may have no end.

    Raises:
        TypeError: a phase is no schedule.
        ValueError: fewer than two phases, a phase after one that never ends, fractions that add up to more than 1.
    """

    __slots__ = ("phases",)

    phases: tuple[Shape, ...]

    def __init__(self, *phases: Schedule) -> None:
        for phase in phases:
            if not isinstance(phase, Schedule):
                refuse_type("a phase", "a schedule", phase)
        if len(phases) < 2:
            refuse_value("phases", "two schedules or more", phases)
        flat = tuple(shape for phase in phases for shape in phase._phases())
        check_joints(flat)
        self._set(phases=flat)
        self._compile()

    @property
    def endless(self) -> bool:
        return self.phases[-1].endless

    @property
    def resolved(self) -> bool:
        return all(phase.resolved for phase in self.phases)

    def _phases(self) -> tuple[Shape, ...]:
        return self.phases

    def _resolve(self, run: PlannedRun) -> Chain:
        return Chain(*resolve_joined(self.phases, run))

    def __repr__(self) -> str:
        first, *others = map(repr, self.phases)
        return first + "".join(f".then({other})" for other in others)


def joined(phases: Sequence[Schedule]) -> Schedule:
    """The schedule of ``phases`` in a row, which may be one."""
    return phases[0] if len(phases) == 1 else Chain(*phases)
