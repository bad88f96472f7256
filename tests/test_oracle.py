"""Live == replay == an oracle that is written here from the documentation.

The oracle keeps no state and folds nothing: what a condition says at a moment is computed from all moments up to it.
"""

from __future__ import annotations

import logging
import math
import statistics
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
import torch
from engines import engine
from hypothesis import example, given
from hypothesis import strategies as st
from ignite.engine import Engine, Events
from strategies import clock_memories, clock_trees, early_stops, trees

from ignite_delayed import After, Always, Condition, Gate, Metric, Recorder, stop_when
from ignite_delayed.conditions.expression import Absolute, Arithmetic, Expression, Negative, Number
from ignite_delayed.conditions.prechelt import GeneralizationLoss, ProgressQuotient, RisingStrips
from ignite_delayed.replays.fold import fold

NAN = math.nan


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred runs log much that nobody reads."""
    caplog.set_level(logging.CRITICAL)


# --- moments: what a run is ------------------------------------------------------------------------------------------


class Moment(NamedTuple):
    """A moment of the run as the documentation has it; ``source`` is ``None`` where the clock alone moved."""

    epoch: int
    iteration: int
    evaluation: int
    seconds: float
    planned: int | None
    source: str | None
    at_epoch: bool  # where the clock moved: at the start of an epoch, which none of its iterations has begun yet
    counts: bool  # as an evaluation: the trainer's own metrics do not
    values: dict[str, float]
    seen: dict[str, float] = {}  # noqa: RUF012 - filled below

    def __getitem__(self, name: Any) -> Any:
        return self.seen[name]


Moments = Sequence[Moment]


def in_context(moments: Moments) -> list[Moment]:
    """The moments, each with what was recorded at its iteration so far: of one name the first counts."""
    found: list[Moment] = []
    for moment in moments:
        before = found[-1].seen if found and found[-1].iteration == moment.iteration else {}
        found.append(moment._replace(seen={**moment.values, **before}))
    return found


def newly(moments: Moments, at: int, name: str) -> bool:
    """Whether ``name`` was recorded at this moment, and at this iteration not before."""
    before = moments[at - 1].seen if at and moments[at - 1].iteration == moments[at].iteration else {}
    return name in moments[at].values and name not in before


def observed(moments: Moments, at: int, reads: frozenset[str]) -> bool:
    """Once an iteration: where the last of what is read was recorded; where nothing is read, at an evaluation."""
    if moments[at].source is None:
        return False
    if not reads:
        earlier = [moment for moment in moments[:at] if moment.iteration == moments[at].iteration]
        return moments[at].counts and not any(moment.counts for moment in earlier)
    return reads <= moments[at].seen.keys() and any(newly(moments, at, name) for name in reads)


def observations(moments: Moments, reads: frozenset[str]) -> list[int]:
    return [at for at in range(len(moments)) if observed(moments, at, reads)]


# --- numbers ---------------------------------------------------------------------------------------------------------


def value(node: Expression, moments: Moments) -> float | None:
    """The value of ``node`` after all of ``moments``."""
    kind = type(node).__name__
    one: Any = node
    if isinstance(node, Number):
        return node.value
    at = observations(moments, node.reads)
    if not at:
        return None
    if isinstance(node, Metric):
        return moments[at[-1]].values[node.name]
    if isinstance(node, Arithmetic):
        left, right = (value(side, moments[: at[-1] + 1]) for side in (node.left, node.right))
        return None if left is None or right is None else arithmetic(left, node.symbol, right)
    if isinstance(node, (Negative, Absolute)):
        inner = value(node.operand, moments)
        return None if inner is None else -inner if isinstance(node, Negative) else abs(inner)
    seen = [value(one.expression, moments[: i + 1]) for i in at]
    known = [number for number in seen if number is not None]
    if kind in ("First", "Best", "Ema"):
        return remembered(kind, one, [number for number in known if number == number])
    n = one.n + (kind == "Change")
    return statistic(kind, known[-n:]) if len(known) >= n else None


def arithmetic(left: float, symbol: str, right: float) -> float:
    if symbol == "/" and right == 0:
        return NAN if left == 0 or left != left else math.copysign(math.inf, left) * math.copysign(1, right)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[symbol]()


def remembered(kind: str, node: Any, known: list[float]) -> float | None:
    if kind == "Ema":
        known = [number for number in known if math.isfinite(number)]
    if not known:
        return None
    if kind == "First":
        return known[0]
    if kind == "Best":
        return min(known) if node.mode == "min" else max(known)
    total = known[0]
    for number in known[1:]:
        lowest, highest = min(total, number), max(total, number)
        total = min(max(node.decay * total + (1 - node.decay) * number, lowest), highest)
    return total


def statistic(kind: str, window: list[float]) -> float:
    if any(number != number for number in window):
        return NAN
    if kind in ("Min", "Max"):
        return min(window) if kind == "Min" else max(window)
    if kind == "Change":
        return window[-1] - window[0]
    if not all(map(math.isfinite, window)):
        return infinite(kind, window)
    exact = [Fraction(number) for number in window]
    if kind == "Mean":
        return float(sum(exact) / len(exact))
    if kind == "Std":
        return statistics.stdev(window)
    middle = Fraction(len(exact) - 1, 2)
    rise = sum((i - middle) * number for i, number in enumerate(exact))
    return float(rise / sum((i - middle) ** 2 for i in range(len(exact))))


def infinite(kind: str, window: list[float]) -> float:
    """Statistics of infinities as plain arithmetic has them."""
    if kind == "Mean":
        return sum(window) / len(window)
    if kind == "Std":
        return NAN
    middle = (len(window) - 1) / 2
    return sum((i - middle) * number for i, number in enumerate(window))


# --- verdicts --------------------------------------------------------------------------------------------------------


def verdict(node: Any, moments: Moments) -> bool | None:
    """What the condition ``node`` says after all of ``moments``."""
    return VERDICTS[type(node).__name__](node, moments) if moments else None


def after(node: Any, moments: Moments) -> bool | None:
    now = moments[-1]
    if node.fraction is not None:
        return None if now.planned is None else now.iteration > Fraction(repr(node.fraction)) * now.planned
    clock = {"epochs": now.epoch, "iterations": now.iteration, "evaluations": now.evaluation, "seconds": now.seconds}
    return bool(clock[node.unit] > getattr(node, node.unit))


def compare(node: Any, moments: Moments) -> bool | None:
    at = observations(moments, node.reads)
    if not at:
        return None
    left, right = (value(side, moments[: at[-1] + 1]) for side in (node.left, node.right))
    if left is None or right is None or left != left or right != right:
        return None
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[node.symbol]


def both(node: Any, moments: Moments) -> bool | None:
    said = [verdict(part, moments) for part in node.parts]
    return False if False in said else None if None in said else True


def either(node: Any, moments: Moments) -> bool | None:
    said = [verdict(part, moments) for part in node.parts]
    return True if True in said else None if None in said else False


def negation(node: Any, moments: Moments) -> bool | None:
    said = verdict(node.parts[0], moments)
    return None if said is None else not said


def counted(condition: Any, at_least: int, of: int, moments: Moments) -> bool | None:
    """Held at ``at_least`` of the last ``of``: where some are unknown, or still to come, as far as it is certain."""
    at = observations(moments, condition.reads)[-of:]
    said = [verdict(condition, moments[: i + 1]) for i in at]
    if said.count(True) >= at_least:
        return True
    if len(said) < of or said.count(True) + said.count(None) >= at_least:
        return None
    return False


def latched(node: Any, moments: Moments) -> bool | None:
    said = [verdict(node.condition, moments[: i + 1]) for i in range(len(moments))]
    return True if True in said else said[-1]


def between(node: Any, moments: Moments) -> bool | None:
    said: bool | None = None
    for i in range(len(moments)):
        start, stop = verdict(node.start, moments[: i + 1]), verdict(node.stop, moments[: i + 1])
        opened = (said is True or start is True) and stop is not True
        said = True if opened else None if start is None else False
    return said


def then(node: Any, moments: Moments) -> bool | None:
    for i in range(len(moments)):
        if verdict(node.first, moments[: i + 1]) is True:
            return verdict(node.second, begun(moments[:i], moments[i:]))
    return None


def at_iteration(moments: Moments, iteration: int) -> list[Moment]:
    return [one for one in moments if one.iteration == iteration]


def begun(earlier: Moments, moments: Moments) -> list[Moment]:
    """The moments as if the run had begun with the first of them: its epoch, iteration and evaluation are the first.

    Where none was made there, the next evaluation is the first; and where an epoch began, the next iteration.
    """
    base = moments[0]
    made = base.counts or (base.source is not None and any(one.counts for one in at_iteration(earlier, base.iteration)))
    iteration = base.iteration + base.at_epoch
    evaluation = base.evaluation + (not made)
    return in_context(
        [
            moment._replace(
                epoch=moment.epoch - max(base.epoch, 1) + 1,
                iteration=moment.iteration - iteration + 1,
                evaluation=moment.evaluation - evaluation + 1,
                seconds=moment.seconds - base.seconds,
                planned=None if moment.planned is None else max(moment.planned - iteration + 1, 0),
            )
            for moment in moments
        ]
    )


def patient(node: Any, metric: Expression, moments: Moments, at: list[int]) -> tuple[float | None, int]:
    """The best value, and the observations without improvement since, of those at ``at``."""
    best, without = None, 0
    for i in at:
        number = value(metric, moments[: i + 1])
        if number is None:
            continue
        if number == number and (best is None or improves(node, number, best)):
            best, without = number, 0
            continue
        without += 1
        if number == number and not node.cumulative:
            best = max(best, number) if node.mode == "max" else min(best, number)  # type: ignore[type-var]
    return best, without


def improves(node: Any, number: float, best: float) -> bool:
    step = node.threshold * (abs(best) if node.threshold_mode == "rel" and math.isfinite(best) else 1)
    if node.threshold_mode == "rel" and math.isfinite(best):  # as it is written, to the last bit
        bound = best * (1 + math.copysign(1, best) * (node.threshold if node.mode == "max" else -node.threshold))
    else:
        bound = best + step if node.mode == "max" else best - step
    return bool(number > bound if node.mode == "max" else number < bound)


def monitored(metric: str | Expression) -> Expression:
    return Metric(metric) if isinstance(metric, str) else metric


def plateau(node: Any, moments: Moments) -> Any:
    metric = monitored(node.metric)
    at = observations(moments, metric.reads)
    if all(value(metric, moments[: i + 1]) is None for i in at):
        return None
    return patient(node, metric, moments, at)[1] >= node.patience


def early_stop(node: Any, moments: Moments) -> Any:
    """Whether the run should stop."""
    metric = monitored(node.monitor)
    if value(metric, moments) is None and not any(
        value(metric, moments[: i + 1]) is not None for i in range(len(moments))
    ):
        return None
    opened = next(
        (i for i in range(len(moments)) if node.until is None or verdict(node.until, moments[: i + 1]) is True), None
    )
    if opened is None:
        return False
    at = observations(moments, metric.reads)
    late = [i for i in at if i >= opened]
    numbers = [value(metric, moments[: i + 1]) for i in late]
    if node.nan == "stop" and any(number != number for number in numbers if number is not None):
        return True
    if node.while_closed != "track":
        return patient(node, metric, moments, late if node.while_closed == "ignore" else at)[1] >= node.patience
    return tracked(node, metric, moments, at, opened) >= node.patience


def tracked(node: Any, metric: Expression, moments: Moments, at: list[int], opened: int) -> int:
    """Observations without improvement since the opening, on the best value of all."""
    late = sum(value(metric, moments[: i + 1]) is not None for i in at if i >= opened)
    return min(patient(node, metric, moments, at)[1], late)


def predicate(node: Any, moments: Moments) -> Any:
    if not node.names:
        asked = [moment for moment in moments if moment.source is not None]
        return node.fn(asked[-1]) if asked else None
    at = observations(moments, node.reads)
    return node.fn(moments[at[-1]]) if at else None


def finite(node: Any, moments: Moments) -> bool | None:
    number = value(monitored(node.metric), moments)
    return None if number is None else math.isfinite(number)


VERDICTS = {
    "After": after,
    "Always": lambda node, moments: True,
    "Never": lambda node, moments: False,
    "Compare": compare,
    "Finite": finite,
    "And": both,
    "Or": either,
    "Not": negation,
    "Sustained": lambda node, moments: counted(node.condition, node.evaluations, node.evaluations, moments),
    "Holds": lambda node, moments: counted(node.condition, node.at_least, node.of, moments),
    "Latched": latched,
    "Between": between,
    "Then": then,
    "Plateau": plateau,
    "EarlyStop": early_stop,
    "Predicate": predicate,
}


# --- live runs -------------------------------------------------------------------------------------------------------

eighths = st.integers(-16, 16).map(lambda n: n / 8)
curves = st.lists(st.one_of(eighths, eighths, st.just(NAN), st.none()), min_size=1, max_size=9)
moments_of_evaluation = st.sampled_from(
    [
        Events.EPOCH_COMPLETED,
        Events.EPOCH_STARTED,
        Events.ITERATION_COMPLETED(every=2),
        Events.ITERATION_COMPLETED(every=3),
        Events.STARTED | Events.EPOCH_COMPLETED,
        Events.EPOCH_COMPLETED | Events.COMPLETED,
    ]
)
layouts = st.sampled_from(["two evaluators", "one evaluator on two sets of data", "the trainer and an evaluator"])
plans = st.fixed_dictionaries({name: st.tuples(curves, moments_of_evaluation) for name in ("train", "val")})


class Live:
    """A run, and beside it what the documentation says is recorded: written down by handlers of our own."""

    def __init__(
        self, layout: str, plan: dict[str, tuple[list[Any], Any]], conditions: list[Condition], rule: Condition
    ) -> None:
        self.now, self.expected, self.layout = 0.0, list[Moment](), layout
        self.trainer = engine(self._step)
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        self.plan, self.running = plan, ""
        self.loaders = {"train": [0, 0], "val": [0, 0, 0]}
        sources = self._sources()
        self.recorder = Recorder(self.trainer, sources, optimizer=self.optimizer, optional=("train/loss", "val/loss"))
        self.gates = [Gate(self.recorder, when=condition) for condition in conditions]
        self.stopper = stop_when(self.recorder, rule)
        self.trainer.add_event_handler(Events.STARTED, self._clock, True)
        self.trainer.add_event_handler(Events.EPOCH_STARTED, self._clock, True)
        self.trainer.add_event_handler(Events.ITERATION_STARTED, self._clock, False)
        self.shown: list[list[bool]] = [[] for _ in conditions]
        for name, (_, event) in plan.items():
            if name in self.evaluators or "" in self.evaluators:
                self.trainer.add_event_handler(event, self._evaluate, name)
        if self.layout == "the trainer and an evaluator":
            self.trainer.add_event_handler(Events.EPOCH_STARTED, self._move_to_end)
            self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._report, self.trainer)
            self.last = self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._write_own)

    def _sources(self) -> dict[str, Any]:
        if self.layout == "the trainer and an evaluator":
            self.evaluators = {"val": self._evaluator()}
            return {"train": self.trainer, **self.evaluators}
        if self.layout == "one evaluator on two sets of data":
            one = self.evaluators = {"": self._evaluator()}
            return {name: (one[""], loader) for name, loader in self.loaders.items()}
        self.evaluators = {name: self._evaluator() for name in ("train", "val")}
        return dict(self.evaluators)

    def _evaluator(self) -> Engine:
        one = engine()
        one.add_event_handler(Events.EPOCH_COMPLETED, self._report, one)
        return one

    def _step(self, engine: Engine, batch: Any) -> None:
        self.now += 0.5
        self.optimizer.param_groups[0]["lr"] *= 0.75

    def _loss(self, name: str) -> float | None:
        curve = self.plan[name][0]
        return curve[self.trainer.state.iteration % len(curve)]  # type: ignore[no-any-return]

    def _report(self, evaluator: Engine) -> None:
        """Compute the loss, or leave that of an evaluation before."""
        loss = self._loss("train" if evaluator is self.trainer else self.running)
        if loss is not None:
            evaluator.state.metrics["loss"] = loss

    def _evaluate(self, name: str) -> None:
        self.running = name
        evaluator = self.evaluators.get(name) or self.evaluators[""]
        evaluator.run(self.loaders[name])
        if any(one.source == name and one.iteration == self.trainer.state.iteration for one in self.expected):
            return  # a second look at the same weights
        loss = self._loss(name)
        self._write(name, {} if loss is None else {f"{name}/loss": loss})

    def _move_to_end(self) -> None:
        """The trainer's own metrics are recorded at the end of the event, and this is to come behind."""
        self.last.remove()
        self.last = self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._write_own)

    def _write_own(self) -> None:
        loss = self._loss("train")
        self._write("train", {} if loss is None else {"train/loss": loss}, counts=False)

    def _clock(self, at_epoch: bool) -> None:
        self._write(None, {}, at_epoch)

    def _write(self, source: str | None, values: dict[str, float], at_epoch: bool = False, counts: bool = True) -> None:
        state = self.trainer.state
        evaluated = {one.iteration for one in self.expected if one.counts}
        counts = counts and source is not None
        if counts:
            evaluated.add(state.iteration)
        if source is not None:
            values = {**values, "lr": self.optimizer.param_groups[0]["lr"]}
        planned = state.max_epochs * state.epoch_length if state.max_epochs and state.epoch_length else None
        self.expected.append(
            Moment(state.epoch, state.iteration, len(evaluated), self.now, planned, source, at_epoch, counts, values)
        )
        if source is not None:
            for gate, shown in zip(self.gates, self.shown, strict=True):
                shown.append(gate.is_open)

    def run(self, iterations: int, epochs: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ignite_delayed.recording.runs.run.time.monotonic", lambda: self.now)
            self.trainer.run([0] * iterations, max_epochs=epochs)


points = st.sampled_from(
    [After(epochs=1), After(epochs=2), After(iterations=3), After(seconds=2), After(evaluations=1)]
)
followed = st.builds(lambda first, second: first.then(second), points, points)
delayed = early_stops(points | followed)
rules = st.one_of(trees, clock_trees, clock_memories, followed, delayed)


def counts_observations(condition: Any) -> bool:
    """Whether patience is a number of observations; its other units have an oracle of their own, in test_limit."""
    limit = getattr(condition, "patience", 0)
    return isinstance(limit, int) and all(map(counts_observations, condition.parts))


def is_known(condition: Any) -> bool:
    """Whether it holds none of Prechelt's criteria, which have an oracle of their own, in test_prechelt."""
    own = isinstance(condition, (GeneralizationLoss, ProgressQuotient, RisingStrips))
    return not own and all(map(is_known, condition.parts))


def is_told(condition: Any) -> bool:
    """Whether the oracle has a word for it."""
    return counts_observations(condition) and is_known(condition)


gated = rules.filter(is_told)
stopping = st.one_of(followed, delayed, rules, early_stops(st.none() | trees)).filter(is_told)


def moments_for(condition: Condition, expected: list[Moment]) -> list[Moment]:
    """What moves ``condition``: records, and the clock between them where it alone decides."""
    alone = condition.clock_units is not None
    return in_context([one for one in expected if alone or one.source is not None])


PLAIN: Any = {name: ([0.5, 0.25], Events.EPOCH_COMPLETED) for name in ("train", "val")}


@example(
    "the trainer and an evaluator",
    {"train": PLAIN["train"], "val": ([0.5], Events.ITERATION_COMPLETED(every=3))},
    [Always().sustained(evaluations=2), (Metric("train/loss") > 0).then(After(evaluations=1))],
    After(evaluations=4),
    2,
    5,
)
@example("two evaluators", PLAIN, [Always()], After(epochs=1).then(After(iterations=2)), 4, 4)
@given(layouts, plans, st.lists(gated, min_size=1, max_size=3), stopping, st.integers(1, 4), st.integers(1, 5))
def test_live_is_replay_is_the_oracle(
    layout: str, plan: Any, conditions: list[Condition], rule: Condition, iterations: int, epochs: int
) -> None:
    live = Live(layout, plan, conditions, rule)
    live.run(iterations, epochs)
    history = list(live.recorder.history)
    recorded = [record for record in history if not record.is_tick]
    expected = [one for one in live.expected if one.source is not None]
    assert [_as_seen(record) for record in recorded] == [_as_seen(one) for one in expected]
    for condition in [*conditions, rule]:
        replayed = [
            found for record, (_, found) in zip(history, fold(condition, history), strict=True) if record.source
        ]
        moments = moments_for(condition, live.expected)
        oracle = [verdict(condition, moments[: i + 1]) for i, one in enumerate(moments) if one.source]
        assert replayed == oracle, condition
        if condition in conditions:
            shown = live.shown[conditions.index(condition)]
            assert shown == [said is True for said in oracle], condition
    moments = moments_for(rule, live.expected)
    first = next((one for i, one in enumerate(moments) if verdict(rule, moments[: i + 1]) is True), None)
    at = live.stopper.stopped_at
    assert (at and (at.epoch, at.iteration, at.source)) == (first and (first.epoch, first.iteration, first.source))
    assert first is None or live.trainer.state.iteration == first.iteration


def _as_seen(one: Any) -> tuple[Any, ...]:
    return one.epoch, one.iteration, one.evaluation, one.planned, one.source, repr(sorted(one.values.items()))


def test_what_follows_a_mixture_of_units_counts_from_the_epoch_too() -> None:
    trainer = engine()
    recorder = Recorder(trainer)
    plain, mixed = (
        Gate(recorder, until=first.then(After(iterations=2)))
        for first in (After(epochs=1), After(epochs=1) | After(iterations=99))
    )
    trainer.run([0] * 4, max_epochs=4)
    assert plain.opened_at
    assert mixed.opened_at
    assert mixed.opened_at.iteration == plain.opened_at.iteration == 7
