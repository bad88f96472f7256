"""Random conditions and runs, and short ways to write them down."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

import ignite_delayed.conditions as conditions
from ignite_delayed import (
    After,
    Always,
    Between,
    Condition,
    EarlyStop,
    Finite,
    GeneralizationLoss,
    Metric,
    Never,
    Patience,
    Plateau,
    Predicate,
    ProgressQuotient,
    RisingStrips,
)
from ignite_delayed._utils.saving import plain
from ignite_delayed.conditions import Expression, State
from ignite_delayed.history.history import History
from ignite_delayed.history.record import Record
from ignite_delayed.replays.fold import fold

NAN, INF = math.nan, math.inf
METRICS = ("train/loss", "val/loss", "lr")


# --- runs written down -----------------------------------------------------------------------------------------------


def run_of(values: Iterable[float], name: str = "loss", length: int = 1, **clock: Any) -> History:
    """One evaluation and one second an epoch, which has ``length`` iterations."""
    return History(
        Record(
            **{"epoch": i, "iteration": i * length, "evaluation": i, "seconds": float(i)} | clock, values={name: value}
        )
        for i, value in enumerate(values, start=1)
    )


def rows(*entries: tuple[int, str | None, dict[str, float]]) -> History:
    """A run of several evaluators: (iteration, source, values); epochs are iterations."""
    order = sorted({iteration for iteration, source, _ in entries if source is not None})
    return History(
        Record(
            epoch=iteration,
            iteration=iteration,
            evaluation=sum(earlier <= iteration for earlier in order),
            seconds=float(iteration),
            source=source,
            values=values,
        )
        for iteration, source, values in entries
    )


def verdicts(condition: Condition, run: Iterable[Record] | Sequence[float]) -> list[bool | None]:
    """What ``condition`` says at each record; numbers are values of ``loss``."""
    listed = list(run)
    if not listed or not isinstance(listed[0], Record):
        listed = list(run_of(listed))  # type: ignore[arg-type]
    return [verdict for _, verdict in fold(condition, listed)]  # type: ignore[arg-type]


def seen_values(expression: Expression, run: Iterable[Record] | Sequence[float]) -> list[float | None]:
    """The value of ``expression`` after each record; numbers are values of ``loss``."""
    listed = list(run)
    if not listed or not isinstance(listed[0], Record):
        listed = list(run_of(listed))  # type: ignore[arg-type]
    state, found = expression.initial(), []
    for record in listed:
        state = expression.advance(state, record)  # type: ignore[arg-type]
        found.append(state[0])
    return found


def first_true(found: Sequence[bool | None]) -> int | None:
    """The position of the first ``True``."""
    return found.index(True) if True in found else None


def last_state(condition: Condition, run: Iterable[Record]) -> State:
    """The state after the whole run."""
    state = condition.initial()
    for record in run:
        state, _ = condition.step(state, record)
    return state


def through_json(state: State) -> Any:
    """``state`` as a checkpoint in JSON gives it back."""
    return json.loads(json.dumps(plain(state)))


# --- random runs -----------------------------------------------------------------------------------------------------

tame = st.floats(-2, 2).map(lambda x: round(x, 1))
wild = st.sampled_from([NAN, INF, -INF, 0.0, -0.0])
metric_values = st.one_of(tame, tame, tame, wild)


@st.composite
def runs(
    draw: st.DrawFn,
    most: int = 10,
    values: st.SearchStrategy[float] = metric_values,
    layouts: Sequence[tuple[str | None, ...]] = (("", None), ("train", "val", None)),
) -> History:
    """A run of one evaluator or of two, several rows an iteration, with ticks of the clock in between."""
    layout = draw(st.sampled_from(layouts))
    own = "train" if draw(st.booleans()) else None  # the trainer's own metrics, which are no evaluation
    ticks = draw(st.sampled_from([None, "epoch", "iteration"]))
    planned = draw(st.none() | st.integers(0, 40))
    records, epoch, iteration, evaluation, seconds = [], 0, 0, 0, 0.0
    for _ in range(draw(st.integers(0, most))):
        epoch += draw(st.integers(0, 1))
        iteration += draw(st.integers(1, 4))
        order = draw(st.permutations(layout))[: draw(st.integers(1, len(layout)))]
        evaluation += not {*order} <= {None, own}
        for source in order:
            seconds += draw(st.sampled_from([0.0, 0.5, 2.0]))
            seen: dict[str, float] = {}
            if source is not None:
                names = METRICS if source == "" else (f"{source}/loss", "lr")
                seen = {name: draw(values) for name in names}
            clock: dict[str, Any] = {"epoch": epoch, "iteration": iteration, "seconds": seconds, "planned": planned}
            kind: Any = ticks if source is None else "training" if source == own else None
            records.append(Record(**clock, evaluation=evaluation, source=source, values=seen, kind=kind))
    return History(records)


# --- random conditions -----------------------------------------------------------------------------------------------


def even_epoch(record: Record) -> bool:
    return record.epoch % 2 == 0


def low_validation(record: Record) -> bool | None:
    return None if math.isnan(record["val/loss"]) else record["val/loss"] < 0


NAMESPACE = {**vars(conditions), "even_epoch": even_epoch, "low_validation": low_validation}

modes = st.sampled_from(["min", "max"])
names = st.sampled_from(METRICS)
metrics = names.map(Metric)
numbers = st.floats(-2, 2).map(lambda x: round(x, 1)) | st.integers(-2, 2)


def _grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    windows = st.sampled_from(["mean", "min", "max", "std", "slope", "change"])
    pairs = st.one_of(st.tuples(inner, numbers), st.tuples(numbers, inner), st.tuples(inner, inner))
    operators: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
    ]
    return st.one_of(
        st.builds(lambda op, pair: op(*pair), st.sampled_from(operators), pairs),
        inner.map(lambda a: -a),
        inner.map(abs),
        st.builds(lambda a, name, n: getattr(a, name)(n), inner, windows, st.integers(2, 4)),
        st.builds(lambda a, decay: a.ema(decay), inner, st.sampled_from([0.0, 0.5, 0.9])),
        inner.map(lambda a: a.first()),
        st.builds(lambda a, mode: a.best(mode), inner, modes),
    )


expressions: st.SearchStrategy[Expression] = st.recursive(metrics, _grown, max_leaves=3)
monitors = st.one_of(names, expressions)

clock_points = st.one_of(
    st.integers(0, 6).map(lambda n: After(epochs=n)),
    st.integers(0, 20).map(lambda n: After(iterations=n)),
    st.integers(0, 6).map(lambda n: After(evaluations=n)),
    st.floats(0, 10).map(lambda s: After(seconds=round(s, 1))),
    st.floats(0, 1).map(lambda f: After(fraction=round(f, 2))),
)
comparisons = st.builds(
    lambda left, symbol, right: {
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }[symbol](),
    expressions,
    st.sampled_from(["<", "<=", ">", ">="]),
    st.one_of(numbers, expressions),
)
rules = {
    "mode": modes,
    "patience": st.one_of(
        st.integers(1, 4),
        st.integers(1, 4).map(lambda n: Patience(epochs=n)),
        st.integers(1, 9).map(lambda n: Patience(iterations=n)),
        st.floats(0.5, 6).map(lambda s: Patience(seconds=round(s, 1))),
        st.floats(0.01, 1).map(lambda f: Patience(fraction=round(f, 2))),
    ),
    "threshold": st.sampled_from([0.0, 0.1, 0.5]),
    "threshold_mode": st.sampled_from(["abs", "rel"]),
    "cumulative": st.booleans(),
}
prechelt: st.SearchStrategy[Condition] = st.one_of(
    st.builds(GeneralizationLoss, monitors, alpha=st.sampled_from([0.0, 5.0, 50.0])),
    st.builds(ProgressQuotient, monitors, monitors, alpha=st.sampled_from([0.0, 0.1, 1.0]), strip=st.integers(2, 3)),
    st.builds(RisingStrips, monitors, rises=st.integers(1, 2), strip=st.integers(1, 3)),
)
predicates = st.sampled_from([Predicate(even_epoch), Predicate(low_validation, names=("val/loss",))])
leaves: st.SearchStrategy[Condition] = st.one_of(
    clock_points,
    comparisons,
    comparisons,
    st.sampled_from([Always(), Never()]),
    st.builds(Finite, monitors),
    st.builds(Plateau, monitors, **rules),
    prechelt,
    predicates,
)


def early_stops(until: st.SearchStrategy[Any]) -> st.SearchStrategy[EarlyStop]:
    return st.builds(
        EarlyStop,
        monitors,
        until=until,
        while_closed=st.sampled_from(["ignore", "track", "count"]),
        nan=st.sampled_from(["count", "stop"]),
        **rules,
    )


def _built(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
        st.builds(lambda a, n: a.sustained(evaluations=n), inner, st.integers(1, 3)),
        st.builds(lambda a, k, n: a.holds(at_least=k, of=k + n), inner, st.integers(1, 3), st.integers(0, 2)),
        inner.map(lambda a: a.latched()),
        st.builds(Between, inner, inner),
        st.builds(lambda a, b: a.then(b), inner, inner),
        early_stops(st.none() | inner),
    )


trees: st.SearchStrategy[Condition] = st.recursive(leaves, _built, max_leaves=4)
clock_trees: st.SearchStrategy[Condition] = st.recursive(
    clock_points | st.sampled_from([Always(), Never()]),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=4,
)
#: Decided by the clock too, but with a memory.
clock_memories: st.SearchStrategy[Condition] = st.recursive(
    clock_trees,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        inner.map(lambda a: ~a),
        inner.map(lambda a: a.latched()),
        st.builds(lambda a, n: a.sustained(evaluations=n), inner, st.integers(1, 3)),
        st.builds(Between, inner, inner),
        st.builds(lambda a, b: a.then(b), inner, inner),
    ),
    max_leaves=4,
)


SEVERAL = [
    (1, "train", {"train/loss": 0.9, "lr": 0.1}),
    (1, "val", {"val/loss": NAN, "lr": 0.1}),
    (2, None, {}),
    (2, "train", {"train/loss": -INF, "lr": 0.2}),
    (3, "train", {"train/loss": 0.1 + 0.2, "lr": 0.2}),
    (3, "val", {"val/loss": 5e-324, "lr": 0.2}),
]


def several() -> History:
    history = rows(*SEVERAL)
    history.mark("opened", "gate", history[1], "Metric('val/loss') < 0.5")
    history.mark("stopped", "stopper", history[5], "naïve — «why»")
    return history


def contexts(history: History) -> list[str]:
    """Each record with what it saw of its iteration."""
    return [f"{record!r} {record.seen} {list(record.fresh)} {record.first}" for record in history]
