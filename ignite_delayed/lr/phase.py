"""One phase of a parameter: what steps it, per what, until when; and the change to the next one."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, Literal, NamedTuple

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from .._utils.checks import check_choice, refuse_type, refuse_value
from .._utils.values import Value
from ..conditions import Condition, Expression, as_condition
from ..conditions.comparison import as_monitor
from ..conditions.patience import Patient
from ..schedules import Chain, Schedule
from .limits import check_bound

__all__ = ["Mode", "Per", "Phase", "Switched", "check_lengths", "check_phases", "format_rates", "writing_span"]

Mode = Literal["min", "max"]
Per = Literal["iteration", "epoch", "update", "evaluation"]


class Phase(Value):
    """A schedule or a torch scheduler, for as long as ``until`` does not hold.

    Everything in ``until`` counts from the beginning of the phase: ``After(epochs=5)`` is five epochs of the phase,
    ``After(fraction=0.5)`` half of the run, and a plateau forgets what was before. A fraction, of ``until`` as of a
    schedule, is of the whole run as long as phases end by themselves, so that those of several phases add up to 1; once
    a condition has ended one, it is of what was left of the run then. A phase that begins
    in the middle of an epoch has the rest of that epoch on top.

    Args:
        what: a :class:`~ignite_delayed.schedules.Schedule`, whose factors are of each group's base rate; or a function
            ``optimizer -> torch scheduler``, called when the phase begins; ``None`` leaves the rates alone. Schedulers
            of timm, and those whose ``step`` takes a metric, are stepped as :func:`delay_lr_scheduler` says.
        per: ``"iteration"``, ``"epoch"``, ``"update"``, or for torch schedulers also ``"evaluation"``: what one step
            is. An update is a step of the optimizer, as it happens: under gradient accumulation one in several
            iterations, and none where AMP skips it. ``ReduceLROnPlateau`` is stepped per evaluation, and needs no
            telling.
        until: ends the phase: a condition, or a function of one record. A schedule that ends by itself needs none.
        monitor: the metric that ``ReduceLROnPlateau`` watches: a name or an expression.
        mode: ``"min"`` or ``"max"``, which of its values is better; asked for beside ``monitor``, and the same as that
            of the scheduler, whose own default is ``"min"`` whatever it watches.
        min_lr: of a schedule: no value is lowered past it; one number (>= 0), or one for each group. At step ``s`` of
            the phase a group has ``max(base * f(s), min(min_lr, base * highest))``, where ``highest`` is the highest
            factor up to ``s``: a warm-up from 0 is not lifted, and what never was above stays at its highest. Of
            another parameter it is the least value of that; timm's ``lr_scale`` multiplies what comes out.

    Raises:
        TypeError, ValueError: for any other argument.

    Example:
        >>> from ignite_delayed import Plateau, warmup
        >>> Phase(warmup(fraction=0.05), per="iteration")
        Phase(Linear(0.0, 1.0, fraction=0.05), per='iteration')
    """

    __slots__ = ("min_lr", "mode", "monitor", "monitored", "per", "until", "what")

    what: Any
    per: Per | None
    until: Condition | None
    monitor: str | Expression | None
    mode: Mode | None
    min_lr: float | tuple[float, ...]
    monitored: Expression | None

    def __init__(
        self,
        what: Schedule | Callable[[Optimizer], Any] | LRScheduler | None,
        *,
        per: Per | None = None,
        until: Any = None,
        monitor: str | Expression | None = None,
        mode: Mode | None = None,
        min_lr: float | Sequence[float] = 0.0,
    ) -> None:
        least = check_bound("min_lr", min_lr)
        self._set(
            min_lr=tuple(least) if isinstance(least, list) else least,
            what=what,
            until=None if until is None else as_condition("until", until),
            monitor=monitor,
            mode=mode,
            monitored=None if monitor is None else as_monitor("monitor", monitor),
        )
        self._set(per=self._check_per(per))
        self._check_mode()
        if self.min_lr and not isinstance(what, Schedule):
            hint = "A torch scheduler has its own: ReduceLROnPlateau(min_lr=), CosineAnnealingLR(eta_min=)."
            refuse_value("min_lr", "left out where there is no schedule", min_lr, hint)

    def _check_per(self, per: Any) -> Any:
        hint = "It says what one step is, and is never guessed."
        if self.what is None:
            self._check_pause(per)
            return None
        if isinstance(self.what, Schedule):
            self._refuse_metric("left out for a schedule", "Only ReduceLROnPlateau takes a metric.")
            unit = check_choice("per", per, ("iteration", "epoch", "update"), hint=hint)
            self.what.resolve(
                per=unit, epochs=1, iterations_per_epoch=1, updates_per_epoch=1
            )  # does every length go with per?
            return unit
        if not callable(self.what) and not isinstance(self.what, LRScheduler):
            refuse_type("what", "a schedule, or a function that builds a torch scheduler", self.what)
        if per is None and (self.monitor is not None or isinstance(self.what, ReduceLROnPlateau)):
            return "evaluation"
        hint += " ReduceLROnPlateau takes monitor= instead."
        return check_choice("per", per, ("iteration", "epoch", "update", "evaluation"), hint=hint)

    def _check_pause(self, per: Any) -> None:
        if self.until is None:
            raise TypeError("a phase that leaves the rates alone needs until=, the condition that ends it")
        if per is not None:
            refuse_value("per", "left out where nothing is stepped", per)
        self._refuse_metric("left out where nothing is stepped")

    def _refuse_metric(self, expected: str, hint: str = "") -> None:
        for argument, value in (("monitor", self.monitor), ("mode", self.mode)):
            if value is not None:
                refuse_value(argument, expected, value, hint)

    def _check_mode(self) -> None:
        if self.monitor is not None:
            hint = "Which is better: 'min' for a loss, 'max' for an accuracy? Say the same to ReduceLROnPlateau."
            check_choice("mode", self.mode, ("min", "max"), hint=hint)
        elif self.mode is not None:
            refuse_value("mode", "left out without monitor=", self.mode, "It says which value of a metric is better.")

    @property
    def ends(self) -> bool:
        """Whether another phase can follow."""
        return self.until is not None or (isinstance(self.what, Schedule) and not self.what.endless)

    @property
    def empty(self) -> bool:
        """Whether it is a schedule of no length, so that what follows begins at once."""
        return isinstance(self.what, Schedule) and self.what.empty

    @property
    def takes_share(self) -> bool:
        """Whether a length or a condition is of the length of the run."""
        shared = isinstance(self.what, Schedule) and bool(self.what.shares(self.what))
        return shared or (self.until is not None and "fraction" in (self.until.clock_units or ()))

    @property
    def label(self) -> str:
        """What moves the rates, in a word or two."""
        code = getattr(self.what, "__code__", None)
        return self._name if code is None or self._name != "<lambda>" else _scheduler_in(code)

    @property
    def rule(self) -> str:
        """What saved states name the phase by: its repr, but that a function has the name that Python gave it."""
        return self._text(self._name)

    @property
    def _name(self) -> str:
        if self.what is None or isinstance(self.what, Schedule):
            return repr(self.what)
        if isinstance(self.what, functools.partial):
            return f"partial of {getattr(self.what.func, '__name__', 'a function')}"
        return getattr(self.what, "__name__", None) or f"<{type(self.what).__name__}>"

    def direction(self, conditions: Iterable[Condition]) -> str | None:
        """The direction that one of ``conditions`` asks for of the monitored metric."""
        for condition in conditions:
            for rule in _patience_rules(condition):
                if self.monitored in rule.parts:
                    return rule.mode
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> Phase:
        # A ready scheduler is copied along with its optimizer; all else is immutable or a function.
        what = copy.deepcopy(self.what, memo)
        if what is self.what:
            return self
        return self.of(what)

    def of(self, what: Any) -> Phase:
        """The same phase with ``what`` in place of its schedule or scheduler."""
        _, options = self._arguments()
        return Phase(what, **options)

    def _text(self, label: str) -> str:
        _, options = self._arguments()
        options.pop("mode", None)  # a setting of the scheduler, as others that are not shown, nor in saved rules
        return f"Phase({', '.join([label, *(f'{name}={value!r}' for name, value in options.items())])})"

    def __repr__(self) -> str:
        return self._text(self.label)


def _scheduler_in(code: CodeType) -> str:
    """What the lambda of ``code`` builds, as far as that can be read from the names in it, else where it stands."""
    for name in code.co_names:
        found = getattr(lr_scheduler, name, None)
        if inspect.isclass(found) and issubclass(found, LRScheduler):
            return f"lambda: {name}(...)"
    return f"<lambda in {Path(code.co_filename).name}, line {code.co_firstlineno}>"


def _patience_rules(condition: Condition) -> Iterator[Patient]:
    """The rules of patience in ``condition``, at any depth."""
    if isinstance(condition, Patient):
        yield condition
    for part in condition.parts:
        if isinstance(part, Condition):
            yield from _patience_rules(part)


def check_phases(phases: Any) -> list[Phase]:
    """``phases`` as a list in which only the last may go on for ever, without schedules of no length."""
    checked = list(phases) if isinstance(phases, Iterable) else [phases]
    for phase in checked:
        if not isinstance(phase, Phase):
            refuse_type("an entry of phases", "a Phase", phase, "Write Phase(schedule, per='iteration').")
    if not checked:
        raise ValueError("phases must hold at least one Phase, got none.")
    checked = [phase for phase in checked if not phase.empty] or checked[:1]
    for phase in checked[:-1]:
        if not phase.ends:
            raise ValueError(
                f"{phase!r} never ends, so no phase can follow it: give it until=, or a schedule that ends."
            )
    _check_shares(checked)
    return checked


def _check_shares(phases: list[Phase]) -> None:
    """Refuse schedules that a chain of them would refuse: those of which each but the last ends by itself."""
    joined: list[Schedule] = []
    for phase in phases:
        if not isinstance(phase.what, Schedule):
            joined = []
            continue
        joined.append(phase.what)
        if len(joined) > 1:
            Chain(*joined)
        if phase.until is not None:
            joined = []


def check_lengths(phases: list[Phase], told: Any, known: bool) -> None:
    """Refuse lengths in epochs or shares of the run per update, if it is not ``known`` how many updates an epoch has.

    Also how many batches make one was ``told`` where no phase asks.
    """
    argument, updated = "gradient_accumulation_steps", [phase for phase in phases if phase.per == "update"]
    if told is not None and not updated:
        refuse_value(argument, "left out where no phase is per='update'", told, "Others do not count updates.")
    for phase in () if known else updated:
        try:
            if isinstance(phase.what, Schedule):
                phase.what.resolve(per="update", epochs=1)
        except ValueError:
            hint = "How many batches make an update? 1 if each does; or give lengths in steps, which are updates."
            refuse_value(argument, f"given for {phase!r}", None, hint)


def writing_span(phases: list[Phase]) -> tuple[Condition | None, Condition | None]:
    """The conditions at which ``phases`` begin to write and stop, ``None`` where it is at once or cannot be told."""
    starts = phases[0].until if phases[0].what is None else None
    ends = phases[0].until if len(phases) == 1 else None
    return starts, ends


class Switched(NamedTuple):
    """One change of phase.

    Args:
        phase: the number of the phase that begins, from 0; one past the last when the last ends.
        epoch, iteration: the trainer's clock: so many iterations were finished.
        why: what ended the phase before.
        before, after: each group's value before and after.

    Example:
        >>> from ignite_delayed import Constant, Metric, Phase, preview
        >>> phases = [Phase(Constant(), per="epoch", until=Metric("loss") < 0.5), Phase(Constant(0.1), per="epoch")]
        >>> [switched] = preview(phases, epochs=3, iterations_per_epoch=4, metrics={"loss": [0.9, 0.4, 0.3]}).switches
        >>> switched
        Switched(phase=1, epoch=2, iteration=8, why="Metric('loss') < 0.5 held", before=[1.0], after=[0.1])
    """

    phase: int
    epoch: int
    iteration: int
    why: str
    before: list[float]
    after: list[float]


def format_rates(values: list[float]) -> str:
    """The values of the groups, for a log or a mark."""
    return ", ".join(f"{value:.6g}" for value in values)
