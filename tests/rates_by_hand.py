"""Whole lists of phases worked out by hand, batch by batch, from what the documentation says of them.

Nothing here is of the package: lengths are exact fractions, formulas are written again, torch's own schedulers are
stepped in a plain loop. :class:`Curve`, :class:`End` and :class:`Turn` describe a schedule, a condition and a phase;
``made`` is the package's object for each, which the tests let run beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from lr_runs import values

from ignite_delayed import Condition, Phase, Schedule

__all__ = ["Curve", "End", "Piece", "Plan", "Turn", "by_hand", "exact", "nearest", "rates_of", "seen"]


def exact(amount: float) -> Fraction:
    """``amount`` as it is written: 0.3 is three tenths."""
    return Fraction(repr(amount))


def nearest(position: Fraction | float) -> int:
    """The nearest whole number, of two the even one."""
    return round(Fraction(position).limit_denominator(10**6))


# --- schedules ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """One shape of a schedule.

    Args:
        made: the schedule itself.
        factor: the factor at step ``s`` of a length or scale of ``n``.
        length: unit and amount; an endless shape may have a scale, or ``None``.
        last: the factor from its end on; ``None`` if it has no end, and a scale that is not rounded.
    """

    made: Schedule
    factor: Callable[[int, Fraction], float]
    length: tuple[str, float] | None
    last: float | None


@dataclass(frozen=True)
class Curve:
    """Shapes that follow one another."""

    pieces: tuple[Piece, ...]

    @property
    def made(self) -> Schedule:
        schedule = self.pieces[0].made
        for piece in self.pieces[1:]:
            schedule = schedule.then(piece.made)
        return schedule

    @property
    def ends(self) -> bool:
        return self.pieces[-1].last is not None


@dataclass(frozen=True)
class Plan:
    """A run: how many epochs of how many batches, and how many batches make an update."""

    epochs: int
    length: int
    accumulation: int = 1

    def before(self, per: str, iterations: int) -> int:
        """Units finished after ``iterations``; an epoch that was begun is none of a phase that begins in it."""
        if per == "epoch":
            return -(-iterations // self.length)
        return iterations // self.accumulation if per == "update" else iterations

    def trained(self, per: str, iterations: int) -> int:
        """Units that have been trained after ``iterations``."""
        return iterations // self.length if per == "epoch" else self.before(per, iterations)

    def in_epoch(self, per: str) -> Fraction:
        return {"epoch": Fraction(1), "update": Fraction(self.length, self.accumulation)}.get(
            per, Fraction(self.length)
        )

    def steps(self, length: tuple[str, float], per: str, anchor: int) -> Fraction:
        """A length in exact steps; shares are of what was left ``anchor`` iterations after the beginning."""
        unit, amount = length
        if unit in ("steps", "iterations"):
            return exact(amount)
        if unit == "epochs":
            return exact(amount) * self.in_epoch(per)
        return exact(amount) * self.left(per, anchor)

    def left(self, per: str, after: int) -> int:
        """Units that are left of the run ``after`` so many iterations; one at least."""
        return max(self.before(per, self.epochs * self.length) - self.before(per, after), 1)


def whole_lengths(lengths: Sequence[Fraction], shares: Sequence[bool]) -> list[int]:
    """Whole ones stay as they are; of the others the ends are rounded, and each keeps a step."""
    loose = [
        index for index, (length, share) in enumerate(zip(lengths, shares, strict=True)) if share or length % 1 != 0
    ]
    places = [Fraction(0)]
    for index in loose:
        places.append(places[-1] + lengths[index])
    ends = [0] * len(places)
    for number, place in enumerate(places[1:], start=1):
        ends[number] = max(nearest(place), ends[number - 1] + 1)
    total = max(nearest(places[-1]), len(loose))
    for number in range(len(loose), 0, -1):
        ends[number] = min(ends[number], total - (len(loose) - number))
    found = [int(length) for length in lengths]
    for number, index in enumerate(loose):
        found[index] = ends[number + 1] - ends[number]
    return found


class Laid(NamedTuple):
    """A shape where it stands in a schedule: from which step, how long (``None``: for ever), of what length."""

    start: int
    steps: int | None
    scale: Fraction
    piece: Piece


def lay_out(pieces: Sequence[Piece], plan: Plan, per: str, anchor: int, begins: int) -> list[Laid]:
    """``pieces`` from step 0 on; the first begins after ``begins`` iterations."""
    over, scales = Fraction(0), []
    for piece in pieces:
        length = piece.length
        if length is not None and length[0] == "rest":
            left = plan.before(per, plan.epochs * plan.length) - plan.before(per, begins)
            scales.append(max(left - over, Fraction(1)))
        else:
            scales.append(Fraction(1) if length is None else plan.steps(length, per, anchor))
        over += scales[-1]
    ending = [(scale, piece) for scale, piece in zip(scales, pieces, strict=True) if piece.last is not None]
    shares = [piece.length is not None and piece.length[0] in ("fraction", "rest") for _, piece in ending]
    whole = iter(whole_lengths([scale for scale, _ in ending], shares))
    start, laid = 0, []
    for scale, piece in zip(scales, pieces, strict=True):
        steps = None if piece.last is None else next(whole)
        laid.append(Laid(start, steps, scale if steps is None else Fraction(steps), piece))
        start += steps or 0
    return laid


def factor_at(laid: Sequence[Laid], step: int) -> float:
    """The factor at ``step`` of a schedule."""
    first = laid[0].start
    for start, steps, scale, piece in laid:
        at = step - (start - first)
        if steps is None or at < steps:
            return piece.factor(at, scale)
    last = laid[-1].piece.last
    assert last is not None
    return last


# --- conditions --------------------------------------------------------------------------------------------------


@dataclass
class Look:
    """One look at a run, as a phase sees it: the clock from its beginning on, and a value if it is an evaluation."""

    epoch: int
    iteration: int
    evaluations: int
    planned: int
    value: float | None


@dataclass(frozen=True)
class End:
    """A condition: ``judge(looks)`` of all the looks since the phase began; ``clock`` if it needs no metric."""

    made: Condition
    judge: Callable[[Sequence[Look]], bool]
    clock: bool


def seen(looks: Sequence[Look]) -> list[float]:
    """The values of a metric."""
    return [look.value for look in looks if look.value is not None]


# --- phases ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """A phase: a curve, which lowers no value past ``least`` if that is above 0; a factory of torch's; or ``None``."""

    what: Curve | Callable[[Any], Any] | None
    per: str | None
    end: End | None
    monitored: bool = False
    least: float = 0.0

    @property
    def made(self) -> Phase:
        options: dict[str, Any] = {"monitor": "loss", "mode": "min"} if self.monitored else {"per": self.per}
        options |= {"min_lr": self.least} if self.least else {}
        what = self.what.made if isinstance(self.what, Curve) else self.what
        return Phase(what, until=None if self.end is None else self.end.made, **options)

    @property
    def curve(self) -> Curve | None:
        return self.what if isinstance(self.what, Curve) else None


@dataclass
class _Run:
    """How far the phases have come. ``write`` sets a value of a group; ``read`` gives those of all."""

    turns: Sequence[Turn]
    plan: Plan
    optimizer: Any
    parameter: str
    bases: list[float]
    index: int = -1
    begun: int = 0  # iterations before the phase
    anchor: int = 0  # iterations before the last end by a condition
    group: int = 0  # the first of the schedules that have followed one another by their own ends, in the same steps
    group_begun: int = 0
    steps: int = 0
    scheduler: Any = None
    wrote: bool = False
    looks: list[Look] = field(default_factory=list)
    evaluations: int = 0
    changes: list[tuple[int, int]] = field(default_factory=list)
    momenta: list[dict[str, Any]] = field(default_factory=list)

    @property
    def turn(self) -> Turn | None:
        return self.turns[self.index] if self.index < len(self.turns) else None

    def begin(self, finished: int, by_condition: bool) -> None:
        """The next phase, after so many iterations."""
        before = self.turn if self.index >= 0 else None
        self.index += 1
        turn = self.turn
        self.begun, self.steps, self.looks = finished, 0, []
        self.evaluations = 0
        if self.scheduler is not None:
            for group, held in zip(self.optimizer.param_groups, self.momenta, strict=True):
                group.update(held)
        self.scheduler = None
        if by_condition:
            self.anchor = finished
        follows = before is not None and before.curve and turn is not None and turn.curve and before.per == turn.per
        if not follows or by_condition:
            self.group, self.group_begun = self.index, finished
        if self.index > 0:
            self.changes.append((self.index, finished))
        if turn is None or turn.what is None:
            return
        if turn.curve:
            self.laid = self._lay_out(turn)
            self.set_factor(0)
            self.wrote = True
        else:
            self.momenta = [
                {name: group[name] for name in ("momentum", "betas") if name in group}
                for group in self.optimizer.param_groups
            ]
            for group in self.optimizer.param_groups:
                group.pop("initial_lr", None)
                if not self.wrote:
                    group["lr"] *= group.get("lr_scale", 1.0)
            self.wrote = True
            self.scheduler = turn.what(self.optimizer)  # type: ignore[operator]

    def _lay_out(self, turn: Turn) -> list[Laid]:
        joined = [one.curve.pieces for one in self.turns[self.group : self.index + 1] if one.curve]
        pieces = [piece for curve in joined for piece in curve]
        if sum(exact(piece.length[1]) for piece in pieces if piece.length and piece.length[0] == "fraction") > 1:
            # Only one condition or another would have let them fit into the run.
            self.group, self.group_begun, pieces = self.index, self.begun, list(joined[-1])
        assert turn.per is not None
        laid = lay_out(pieces, self.plan, turn.per, self.anchor, self.group_begun)
        assert turn.curve is not None
        return laid[-len(turn.curve.pieces) :]

    def set_factor(self, step: int) -> None:
        factor, least = factor_at(self.laid, step), self.turns[self.index].least
        highest = max(factor_at(self.laid, before) for before in range(step + 1)) if least else 0.0
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            scale = group.get("lr_scale", 1.0) if self.parameter == "lr" else 1.0
            _write(group, self.parameter, max(base * factor, min(least, base * highest)) * scale)

    def own_end(self) -> int | None:
        turn = self.turn
        if turn is None or not turn.curve or not turn.curve.ends or self.index == len(self.turns) - 1:
            return None
        return sum(laid.steps or 0 for laid in self.laid)

    def look(self, epoch: int, iteration: int, finished: int, value: float | None, evaluated: bool = False) -> None:
        """Let conditions see the run; those that end hand over at once, and the next sees the same."""
        if evaluated:
            self.evaluations += 1
        while True:
            turn = self.turn
            if turn is None or turn.end is None or not (evaluated or turn.end.clock):
                break
            planned = self.plan.epochs * self.plan.length - self.anchor
            relative = Look(
                epoch - self.plan.before("epoch", self.begun),
                iteration - self.begun,
                self.evaluations,
                planned,
                value,
            )
            self.looks.append(relative)
            if not turn.end.judge(self.looks):
                break
            self.begin(finished, by_condition=True)
            self.evaluations = int(evaluated)
        turn = self.turn
        if evaluated and turn is not None and turn.per == "evaluation" and self.scheduler is not None:
            self.step_at_evaluation(turn, finished, value)

    def step_at_evaluation(self, turn: Turn, finished: int, value: float | None) -> None:
        if turn.monitored:
            self.scheduler.step(value)
        elif finished > self.begun:
            self.scheduler.step()

    def move(self, finished: int, epoch: int, iteration: int, pers: Sequence[str]) -> None:
        """Go past schedules that are over, then set what the next batch trains at."""
        turn = self.turn
        while turn is not None and turn.per is not None and turn.per in pers:
            step = max(self.plan.trained(turn.per, finished) - self.plan.before(turn.per, self.begun), 0)
            end = self.own_end()
            if end is None or step < end:
                self._move_to(turn, step)
                return
            self.set_factor(end)
            self.begin(finished, by_condition=False)
            self.look(epoch, iteration, finished, None)
            turn = self.turn

    def _move_to(self, turn: Turn, step: int) -> None:
        if turn.curve:
            self.set_factor(step)
            return
        while self.scheduler is not None and self.steps < step:
            self.scheduler.step()
            self.steps += 1


def _write(group: dict[str, Any], parameter: str, value: float) -> None:
    if parameter == "beta1":
        group["betas"] = (value, group["betas"][1])
    elif isinstance(group[parameter], torch.Tensor):
        group[parameter].fill_(value)
    else:
        group[parameter] = value


def rates_of(optimizer: Any, parameter: str) -> list[float]:
    """What batches train at: the parameter that is moved, the rate, and the momenta."""
    group = optimizer.param_groups[0]
    others = [name for name in ("lr", "momentum", "weight_decay") if name in group]
    others += ["beta1"] if "betas" in group else []
    return [value for name in [parameter, *(o for o in others if o != parameter)] for value in values(optimizer, name)]


def by_hand(
    turns: Sequence[Turn],
    plan: Plan,
    optimizer: Any,
    train: Callable[[int], None],
    *,
    loss: Callable[[int], float],
    every: int | None = None,
    parameter: str = "lr",
) -> tuple[list[list[float]], list[tuple[int, int]]]:
    """What each batch of a run is trained at, and which phase began after how many iterations.

    ``train(iteration)`` trains a batch. An evaluation is made after each epoch, or ``every`` so many iterations, and
    gives ``loss(iteration)``.
    """
    run = _Run(turns, plan, optimizer, parameter, values(optimizer, parameter))
    run.begin(0, by_condition=False)
    used: list[list[float]] = []
    for finished in range(plan.epochs * plan.length):
        epoch, iteration = finished // plan.length + 1, finished + 1
        if finished % plan.length == 0:
            run.look(epoch, finished, finished, None)
            run.move(finished, epoch, finished, ["epoch"])
        run.look(epoch, iteration, finished, None)
        run.move(finished, epoch, iteration, ["iteration", "update"])
        used.append(rates_of(optimizer, parameter))
        train(iteration)
        if iteration % (every or plan.length) == 0:
            run.look(epoch, iteration, iteration, loss(iteration), evaluated=True)
    return used, run.changes
