"""Random phases, and the runs they are tried in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from lr_runs import SCHEDULERS, per_of
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ignite_delayed import (
    After,
    Condition,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSqrt,
    Linear,
    Metric,
    Phase,
    Plateau,
    Polynomial,
    Schedule,
    Sqrt,
    Step,
    warmup,
)
from ignite_delayed.lr.phase import check_phases

EPOCHS, LENGTH = 6, 4

#: A few epochs, iterations or a share of the run.
_lengths: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict, steps=st.integers(1, 6)),
    st.builds(dict, epochs=st.sampled_from([0.5, 1, 1.25, 2, 3])),
    st.builds(dict, fraction=st.sampled_from([0.05, 0.1, 0.25, 0.3])),
)

#: Of which two can be repeated within the run.
_short = _lengths.filter(lambda length: length.get("fraction", 0) <= 0.25)


def _k_decay(progress: float) -> float:
    return 1 - progress**3


_ending = st.one_of(
    st.builds(lambda length: warmup(0.1, **length), _lengths),
    st.builds(lambda length: Linear(1.0, 0.5, **length), _lengths),
    st.builds(lambda length: Cosine(0.75, 0.25, **length), _lengths),
    st.builds(lambda length: Polynomial(2, **length), _lengths),
    st.builds(lambda length: Sqrt(1.0, 0.1, **length), _lengths),
    st.builds(lambda length: Constant(0.3, **length), _lengths),
    st.builds(lambda length: Schedule.of(_k_decay, **length), _lengths),
    st.builds(lambda a, b: warmup(**a).then(Cosine(**b)), _lengths, _lengths),
    st.builds(lambda a, b: warmup(**a).then(Cosine(**b), underway=True), _lengths, _lengths),
    st.builds(lambda a, b: warmup(**a).then(Linear(**b).floor(0.2)).repeat(2), _short, _short),
)
_endless = st.one_of(
    st.just(Constant(0.5)),
    st.builds(lambda length: Exponential(0.5, **length), _lengths),
    st.builds(lambda length: Step(0.5, repeat=True, **length), _lengths),
    st.builds(lambda length: CosineRestarts(**length), _lengths),
    st.builds(lambda length: InverseSqrt(**length), _lengths),
    st.builds(lambda length: Linear(**length).repeat().floor(0.2), _lengths),
)

_conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(lambda n: After(epochs=n), st.integers(0, 3)),
    st.builds(lambda n: After(iterations=n), st.integers(0, 9)),
    st.builds(lambda n: After(evaluations=n), st.integers(0, 3)),
    st.builds(lambda f: After(fraction=f), st.sampled_from([0.1, 0.3, 0.6])),
    st.builds(lambda bound: Metric("loss") < bound, st.sampled_from([0.2, 0.5, 0.8])),
    st.builds(lambda n: Plateau("loss", mode="min", patience=n), st.integers(1, 3)),
    st.builds(lambda n: Metric("loss").mean(2) < 0.5, st.just(0)),
    st.builds(lambda a, b: After(epochs=a) & (Metric("loss") < b), st.integers(0, 2), st.sampled_from([0.3, 0.7])),
    st.builds(lambda a, b: After(iterations=a) | After(evaluations=b), st.integers(2, 9), st.integers(1, 3)),
)


def _plateau(patience: int) -> Any:
    return lambda optimizer: ReduceLROnPlateau(optimizer, patience=patience, factor=0.5, cooldown=1)


#: Below which no value is lowered; none at all more often than not.
_least = st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.4])


@st.composite
def _phases(draw: st.DrawFn, last: bool) -> Phase:
    until = draw(st.none() | _conditions) if last else draw(_conditions)
    kind = draw(st.sampled_from(["pause", "ending", "endless", "plateau", "torch", "torch"]))
    if kind == "pause":
        return Phase(None, until=draw(_conditions) if until is None else until)
    if kind in ("ending", "endless"):
        schedule: Schedule = draw(_ending if kind == "ending" else _endless)
        if kind == "ending" and draw(st.booleans()):
            until = None
        per: Any = draw(st.sampled_from(["iteration", "epoch", "update"]))
        return Phase(schedule, per=per, until=until, min_lr=draw(_least))
    if kind == "plateau":
        return Phase(_plateau(draw(st.integers(0, 2))), monitor="loss", mode="min", until=until)
    name = draw(st.sampled_from(sorted(SCHEDULERS.keys() - {"ReduceLROnPlateau"})))
    return Phase(SCHEDULERS[name], per=draw(st.sampled_from([*per_of(name), "update"])), until=until)


@st.composite
def several_phases(draw: st.DrawFn) -> list[Phase]:
    """One to four phases of any kind, of which only the last may go on for ever."""
    count = draw(st.integers(1, 4))
    phases = [draw(_phases(last=index == count - 1)) for index in range(count)]
    assume(_fit_in_the_run(phases))
    return phases


def told(phases: list[Phase], accumulation: int) -> dict[str, Any]:
    """What phases are told of a training that updates after ``accumulation`` iterations, if one of them asks."""
    asks = any(phase.per == "update" for phase in phases)
    return {"gradient_accumulation_steps": accumulation} if asks else {}


#: Batches for an update: in one of them an epoch has a remainder.
accumulations = st.integers(1, LENGTH + 1)


@st.composite
def schedule_phases(draw: st.DrawFn) -> list[Phase]:
    """One to three schedules, for any parameter."""
    ends = draw(st.lists(st.none() | _conditions, min_size=1, max_size=3))
    pers: st.SearchStrategy[Any] = st.sampled_from(["iteration", "epoch"])
    phases = [
        Phase(draw(_ending if end is None else _endless), per=draw(pers), until=end, min_lr=draw(_least))
        for end in ends
    ]
    assume(_fit_in_the_run(phases))
    return phases


def _fit_in_the_run(phases: list[Phase]) -> bool:
    """Whether the fractions of schedules that follow one another by their own ends add up to 1 at most."""
    try:
        check_phases(phases)
    except ValueError as error:
        if "the sum of the phases' fractions" in str(error):
            return False
        raise
    return True


def loss_of(seed: int, nans: bool) -> Callable[[Engine], float]:
    """A loss that falls and jumps, a pure function of the trainer's iteration."""

    def loss(trainer: Engine) -> float:
        iteration = trainer.state.iteration
        noise = math.modf(math.sin(seed + 12.9898 * iteration) * 43758.5453)[0]
        if nans and abs(noise) > 0.8:
            return math.nan
        return 1 / (1 + iteration / 4) + 0.4 * noise

    return loss


class Moments(NamedTuple):
    """When the evaluator runs, and after which events a run may be cut so that nothing is lost with the event."""

    evaluate_at: Any
    in_mid_epoch: bool  # whether the evaluation is made in the event of the cut


#: At the end of an epoch, or in mid-epoch.
moments = st.sampled_from(
    [
        Moments(Events.EPOCH_COMPLETED, False),
        Moments(Events.EPOCH_COMPLETED(every=2), False),
        Moments(Events.ITERATION_COMPLETED(every=3), True),
        Moments(Events.ITERATION_COMPLETED(every=1), True),
    ]
)
