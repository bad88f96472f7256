"""A sweep says of each run and rule what the fold says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from importlib import import_module
from itertools import count, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    INF,
    NAN,
    early_stops,
    expressions,
    first_true,
    last_state,
    leaves,
    rows,
    run_of,
    runs,
    verdicts,
)

from ignite_delayed import (
    After,
    Condition,
    EarlyStop,
    EarlyStopReplay,
    GeneralizationLoss,
    History,
    Metric,
    Plateau,
    Runs,
    Score,
    Sweep,
    SweepInterrupted,
    choose,
    grid,
    read_runs,
    replay,
    sweep,
)
from ignite_delayed.conditions import Expression
from ignite_delayed.errors import HistoryError, MetricValueError, UnknownMetricError
from ignite_delayed.history import Record

many = settings(max_examples=150)
LOSSES = [0.9, 0.4, 0.3, 0.5, 0.6, 0.2]
STOP_2 = EarlyStop("loss", mode="min", patience=2)


def nan_of(value: float | None) -> float:
    return NAN if value is None else value


def same(found: float, expected: float | None) -> bool:
    return repr(float(found)) == repr(float(nan_of(expected)))


def as_expression(monitor: str | Expression) -> Expression:
    return Metric(monitor) if isinstance(monitor, str) else monitor


def best_of(monitor: Expression, mode: str, run: list[Record]) -> tuple[float | None, int | None]:
    """The best value and its epoch, by the fold of the monitor."""
    state, best, epoch = monitor.initial(), None, None
    for record in run:
        state = monitor.advance(state, record)
        value = state[0]
        if value is None or value != value or not monitor.observed(record):
            continue
        if best is None or (value < best if mode == "min" else value > best):
            best, epoch = value, record.epoch
    return best, epoch


def check(swept: Sweep, listed: list[History], rules: list[Condition]) -> None:
    """Every cell is what the definitions in the docstring of ``sweep`` say, by the fold."""
    for (row, run), (column, rule) in product(enumerate(listed), enumerate(rules)):
        stop = first_true(verdicts(rule, run)) if len(run) else None
        until = list(run) if stop is None else list(run)[: stop + 1]
        best, best_epoch = best_of(swept.monitor, swept.mode, list(run))
        kept, kept_epoch = best_of(swept.monitor, swept.mode, until)
        if isinstance(rule, EarlyStop) and (as_expression(rule.monitor), rule.mode) == (swept.monitor, swept.mode):
            known = rule.found(last_state(rule, until))
            kept, kept_epoch = (None, None) if known is None else (known.value, known.epoch)
        at = (row, column)
        last = run[-1].epoch if len(run) else 0
        spent = last if stop is None else run[stop].epoch
        assert same(swept.stopped_epoch[at], None if stop is None else spent)
        assert same(swept.kept[at], kept)
        assert same(swept.kept_epoch[at], kept_epoch)
        assert same(swept.best[at], best)
        assert same(swept.best_epoch[at], best_epoch)
        assert (swept.epochs[at], swept.saved[at]) == (spent, last - spent)
        if kept is None or best is None:
            assert math.isnan(swept.regret[at])
        elif kept == best:
            assert swept.regret[at] == 0
        else:
            assert swept.regret[at] == (kept - best if swept.mode == "min" else best - kept) > 0


several_runs = st.lists(runs(most=14), min_size=1, max_size=4)


def readable(listed: list[History], *conditions: Any) -> list[History]:
    """The runs that have what is read."""
    reads = {name for condition in conditions for name in condition.reads}
    return [run for run in listed if reads <= set(run.metrics) or not len(run)]


@many
@given(st.lists(early_stops(st.none() | leaves), min_size=1, max_size=4, unique_by=repr), several_runs)
def test_stopping_rules_judged_by_another_metric(rules: list[EarlyStop], listed: list[History]) -> None:
    monitor = Metric("val/loss")
    listed = readable(listed, monitor, *rules)
    if listed:
        check(sweep(listed, rules, monitor=monitor, mode="max"), listed, [*rules])


@given(early_stops(st.none() | leaves), st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True), several_runs)
def test_stopping_rules_judged_by_what_they_watch(rule: EarlyStop, patience: list[int], listed: list[History]) -> None:
    listed = readable(listed, rule)
    rules = grid(
        EarlyStop,
        rule.monitor,
        mode=rule.mode,
        patience=patience,
        until=[None, rule.until] if rule.until is not None else None,
        while_closed=["ignore", "track", "count"],
        threshold=[0.0, 0.3],
        threshold_mode=rule.threshold_mode,
        cumulative=rule.cumulative,
        nan=["count", "stop"],
    )
    if listed:
        check(sweep(listed, rules), listed, rules)


plain_runs = st.lists(
    st.lists(st.one_of(st.floats(-2, 2).map(lambda x: round(x, 1)), st.just(NAN)), max_size=20).map(run_of),
    min_size=1,
    max_size=6,
)


@many
@given(
    plain_runs,
    st.sampled_from([None, After(epochs=3), Metric("loss") < 0, ~(Metric("loss") + 1 > 0), Metric("loss").mean(2) < 0]),
    st.sampled_from(["ignore", "track", "count"]),
    st.sampled_from(["count", "stop"]),
    st.sampled_from([(0.0, False), (0.3, False), (0.3, True), (1.5, False)]),
    st.sampled_from(["abs", "rel"]),
    st.sampled_from(["min", "max"]),
)
def test_runs_of_one_evaluator_swept_together(
    listed: list[History],
    until: Condition | None,
    closed: Any,
    nan: Any,
    threshold: tuple[float, bool],
    threshold_mode: Any,
    mode: Any,
) -> None:
    how: dict[str, Any] = {"threshold": threshold[0], "cumulative": threshold[1], "threshold_mode": threshold_mode}
    rules = grid(EarlyStop, "loss", mode=mode, patience=[1, 2, 3, 7], until=until, while_closed=closed, nan=nan, **how)
    check(sweep(listed, rules), listed, rules)


@pytest.mark.parametrize("closed", ["ignore", "track", "count"])
def test_many_runs_are_swept_as_each_alone(closed: Any) -> None:
    draw = np.random.default_rng(1)
    listed = []
    for number in range(90):
        losses = draw.normal(1 / np.arange(1, draw.integers(20, 35)), 0.1).round(1)
        losses[draw.random(len(losses)) < 0.05] = NAN
        if number % 40 == 7:
            losses[0] = INF  # swept by itself
        records = list(run_of(losses.tolist()))
        if number % 40 == 3:  # two of its records share an iteration
            records += [Record(epoch=99, iteration=records[-1].iteration, source="test", values={"loss": -1.0})]
        listed.append(History(records))
    until = [None, After(epochs=5), Metric("loss") < 0.2, Metric("loss").mean(3) < 0.3]
    for nan, mode in (("count", "min"), ("stop", "max")):
        how: dict[str, Any] = {"mode": mode, "until": until, "while_closed": closed, "nan": nan}
        rules = grid(EarlyStop, "loss", patience=[1, 3, 8], threshold=[0.0, 0.2], cumulative=[False, True], **how)
        whole = sweep(listed, rules)
        for place in [0, 1, *range(3, 90, 4)]:
            alone = sweep([listed[place]], rules)
            for column in ("stopped_epoch", "kept", "kept_epoch", "best", "best_epoch", "start", "end"):
                np.testing.assert_array_equal(getattr(whole, column)[place], getattr(alone, column)[0])
        some = [listed[place] for place in (0, 3, 7, 43)]
        check(sweep(some, rules[::7]), some, rules[::7])


@given(leaves, expressions, st.sampled_from(["min", "max"]), several_runs)
def test_any_condition_judged_by_any_expression(
    condition: Condition, monitor: Expression, mode: Any, listed: list[History]
) -> None:
    listed = readable(listed, condition, monitor)
    if listed:
        check(sweep(listed, [condition], monitor=monitor, mode=mode), listed, [condition])


def test_it_is_what_replay_answers() -> None:
    listed = [run_of(LOSSES), run_of([0.5, 0.6, 0.7, 0.8, 0.4, 0.1]), run_of([0.9, 0.8])]
    rules = grid(EarlyStop, "loss", mode="min", patience=[1, 2, 3], until=[None, After(epochs=3)])
    swept = sweep(listed, rules)
    check(swept, listed, rules)
    for (row, run), (column, rule) in product(enumerate(listed), enumerate(rules)):
        done = replay(run, rule)
        assert isinstance(done, EarlyStopReplay)
        at = (row, column)
        assert same(swept.kept[at], done.best_score)
        assert same(swept.kept_epoch[at], done.best_epoch)
        assert same(swept.best[at], done.best_there_was)
        assert same(swept.best_epoch[at], done.best_there_was_epoch)
        assert same(swept.stopped_epoch[at], None if done.stopped_at is None else done.stopped_at.epoch)
        assert swept.saved[at] == done.epochs_saved


def test_runs_that_say_little() -> None:
    listed = [History(), run_of([NAN, NAN]), run_of([NAN, 2.0]), run_of([INF, -INF, 1.0]), rows((3, None, {}))]
    rules = [STOP_2, EarlyStop("loss", mode="min", patience=1, until=After(epochs=9))]
    for mode in ("min", "max"):
        listed_rules = [EarlyStop("loss", mode=mode, patience=r.patience, until=r.until) for r in rules]
        check(sweep(listed[:-1], listed_rules), listed[:-1], [*listed_rules])
    with pytest.raises(UnknownMetricError, match=r"run '4': .* reads 'loss', which was not recorded"):
        sweep(listed, rules)
    swept = sweep(listed[:-1], rules)
    assert swept.epochs[0].tolist() == swept.saved[0].tolist() == [0, 0]
    assert np.isnan(swept.regret[1]).all()
    assert np.isnan(swept.kept[2, 1])  # the delay was never over: it knows nothing
    assert swept.summary().runs == 2


def test_the_two_ends_of_infinity_have_no_difference() -> None:
    swept = sweep([run_of([INF, INF]), run_of([INF, 1.0])], [EarlyStop("loss", mode="min", patience=1)])
    assert swept.regret.tolist() == [[0.0], [0.0]]
    late = sweep([run_of([INF, INF, 1.0])], [EarlyStop("loss", mode="min", patience=1)])
    assert late.regret.tolist() == [[INF]]


def test_numbers_whose_difference_is_infinite_are_no_cause_for_warnings() -> None:
    listed = [run_of([1e308, -1e308, 1e308, 1e308]), run_of([-1e308, 1e308, 1e308])]
    how: dict[str, Any] = {"threshold": [0, 1e308], "threshold_mode": ["abs", "rel"], "cumulative": [False, True]}
    for mode in ("min", "max"):
        rules = grid(EarlyStop, "loss", mode=mode, patience=[1, 2], until=[None, After(epochs=2)], **how)
        swept = sweep(listed, rules)
        check(swept, listed, rules)
        assert max(swept.summary().worst) == INF
        assert choose(swept, 0.1).rule is None


def test_a_run_that_was_cut_from_a_longer_one() -> None:
    view = run_of(LOSSES)[2:5]
    check(sweep([view], [STOP_2]), [view], [STOP_2])


def test_several_evaluators_and_ticks_of_the_clock() -> None:
    values = {"train/x": [5, 4, 3, 2, 1, 0], "val/x": [3, 2, 2, 3, 4, 1]}
    entries: list[tuple[int, str | None, dict[str, float]]] = []
    for t in range(6):
        entries += [(t + 1, name, {f"{name}/x": float(values[f"{name}/x"][t])}) for name in ("train", "val")]
        entries.append((t + 1, None, {}))
    run = rows(*entries)
    rules: list[Condition] = [
        *grid(
            EarlyStop, "val/x", mode="min", patience=[1, 2], until=[None, After(iterations=3), Metric("train/x") < 3]
        ),
        GeneralizationLoss("val/x", alpha=40),
        Plateau("val/x", mode="min", patience=2),
        EarlyStop(Metric("val/x").mean(2), mode="min", patience=1),
    ]
    check(sweep([run], rules, monitor="val/x", mode="min"), [run], rules)


def test_a_delay_that_is_over_between_two_observations() -> None:
    odd, even = (1, 3, 5, 7), (2, 4, 6, 8)
    training = [(t, "train", {"train/x": 1 / t}) for t in odd]
    validation = [(t, "val", {"val/x": float(t)}) for t in even]  # it only gets worse
    run = rows(*sorted(training + validation), (9, "train", {"train/x": 0.05}))
    ways: dict[str, Any] = {"until": [Metric("train/x") < 0.18, Metric("train/x") < 0.1]}
    rules = grid(
        EarlyStop, "val/x", mode="min", patience=[1, 2, 3, 4], while_closed=["ignore", "track", "count"], **ways
    )
    swept = sweep([run], rules)
    check(swept, [run], rules)
    stopped = dict(zip(map(repr, rules), swept.stopped_epoch[0].tolist(), strict=True))
    [counted] = grid(EarlyStop, "val/x", mode="min", patience=2, while_closed="count", until=Metric("train/x") < 0.18)
    assert stopped[repr(counted)] == 7  # where the training was looked at, not the validation


# --- what stops looking, and what is told ----------------------------------------------------------------------------


def seen(record: Record) -> bool:
    assert record.epoch < 4
    return record.epoch == 3


def test_nothing_behind_the_stop_is_looked_at_where_a_function_decides() -> None:
    assert sweep([run_of(LOSSES)], [seen], monitor="loss", mode="min").stopped_epoch.tolist() == [[3]]
    raising = EarlyStop("loss", mode="min", patience=1, nan="raise")
    assert sweep([run_of([0.1, 0.2, NAN])], [raising]).stopped_epoch.tolist() == [[2]]
    with pytest.raises(MetricValueError, match=r"run '1': .* is NaN in epoch 1 and nan='raise'"):
        sweep([run_of(LOSSES), run_of([NAN])], [raising])


def halved(record: Record) -> float:
    return record["loss"] / 2


def test_a_score_may_be_the_judge() -> None:
    rules = [EarlyStop(Score(halved, names=("loss",)), mode="min", patience=2)]
    check(sweep([run_of(LOSSES)], rules), [run_of(LOSSES)], [*rules])


def test_rules_of_one_monitor_need_not_be_told_apart_by_how_it_is_written() -> None:
    rules = [STOP_2, EarlyStop(Metric("loss"), mode="min", patience=3), GeneralizationLoss("loss", alpha=5)]
    assert sweep([run_of(LOSSES)], rules).monitor == Metric("loss")


@pytest.mark.parametrize(
    ("rules", "keywords", "message"),
    [
        ([], {}, "rules must be at least one rule"),
        (STOP_2, {}, r"rules must be several rules, .* Write \[rule\]"),
        ([STOP_2, STOP_2], {}, "rules must be all different, .* twice"),
        ([3], {}, "an entry of rules must be a condition"),
        ([After(epochs=3)], {}, "monitor must be given, as a rule watches nothing .* monitor='val/loss', mode='min'"),
        ([STOP_2, EarlyStop("loss", mode="max", patience=1)], {}, "as the rules watch different things"),
        ([STOP_2], {"mode": "min"}, "mode must be given together with monitor="),
        ([STOP_2], {"monitor": "loss"}, "mode must be 'min' or 'max'"),
        ([STOP_2], {"progress": 3}, "progress must be True, False or None"),
        ([STOP_2], {"executor": 4}, "executor must be a concurrent.futures.Executor"),
    ],
)
def test_bad_arguments_are_told(rules: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        sweep([run_of(LOSSES)], rules, **keywords)


@pytest.mark.parametrize("listed", [run_of(LOSSES), {"a": run_of(LOSSES)}, "runs", 3, [3], []])
def test_what_is_no_several_runs_is_refused(listed: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="runs must be"):
        sweep(listed, [STOP_2])


def test_a_metric_that_a_run_lacks_is_told_with_the_name_of_the_run() -> None:
    listed = Runs([run_of(LOSSES), run_of(LOSSES, name="los")], names=["good", "bad"])
    with pytest.raises(UnknownMetricError, match=r"run 'bad': EarlyStop.* reads 'loss', which was not recorded"):
        sweep(listed, [STOP_2])
    with pytest.raises(UnknownMetricError, match=r"run 'good': .* reads 'acc'"):
        sweep(listed, [STOP_2], monitor="acc", mode="max")


def test_a_run_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    run_of(LOSSES).save(tmp_path / "a.jsonl")
    found = read_runs(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text("{}\n")
    with pytest.raises(HistoryError, match=r"run '.*a\.jsonl': "):
        sweep(found, [STOP_2])


# --- blocks, executors, interruptions --------------------------------------------------------------------------------

RULES = grid(EarlyStop, "loss", mode="min", patience=[1, 2, 3], until=[None, After(epochs=2)])


def drawn(seed: int) -> History:
    draw = np.random.default_rng(seed)
    return run_of(draw.normal(size=int(draw.integers(0, 30))).round(1).tolist())


class Reader:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self) -> History:
        return drawn(self.seed)


def equal(one: Sweep, other: Sweep) -> None:
    for column in ("stopped_epoch", "kept", "kept_epoch", "best", "best_epoch", "start", "end"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    assert (one.runs, one.rules, one.parameters) == (other.runs, other.rules, other.parameters)


def test_blocks_are_put_together_in_order() -> None:
    listed = [drawn(seed) for seed in range(2100)]
    lazy = Runs([Reader(seed) for seed in range(2100)])
    whole = sweep(iter(listed), RULES)
    equal(sweep(lazy, RULES), whole)
    assert (len(whole), whole.whole, whole.runs[700]) == (2100, True, "700")
    for place in (0, 2047, 2048, 2099):
        alone = sweep([listed[place]], RULES)
        np.testing.assert_array_equal(whole.stopped_epoch[place], alone.stopped_epoch[0])


def test_no_more_than_a_block_of_runs_is_in_memory() -> None:
    alive, most = 0, 0

    class Counted(History):
        def __init__(self, records: Iterator[Record]) -> None:
            nonlocal alive, most
            super().__init__(records)
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    sweep((Counted(iter(drawn(seed))) for seed in range(5000)), RULES[:1])
    assert most < 4200


def test_parameters_and_names_are_kept() -> None:
    listed = Runs([run_of(LOSSES), run_of(LOSSES)], names=["a", "b"], parameters=[{"lr": 1}, {"lr": 2}])
    swept = sweep(listed, RULES)
    assert (swept.runs, swept.parameters) == (["a", "b"], [{"lr": 1}, {"lr": 2}])


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_gives_the_same(pool: Any) -> None:
    listed = Runs([Reader(seed) for seed in range(300)], parameters=[{"seed": seed} for seed in range(300)])
    with pool(2) as executor:
        equal(sweep(listed, RULES, executor=executor), sweep(listed, RULES))
        histories = [drawn(seed) for seed in range(300)]
        equal(sweep(histories, RULES, executor=executor), sweep(histories, RULES))
        with pytest.raises(UnknownMetricError, match=r"run '\d+': "):
            sweep(listed, [EarlyStop("los", mode="min", patience=1)], executor=executor)


def interrupted(after: int) -> Iterator[History]:
    for seed in range(after):
        yield drawn(seed)
    raise KeyboardInterrupt


class Interrupting(Reader):
    """A file that is being read when Ctrl-C is pressed."""

    def __call__(self) -> History:
        raise KeyboardInterrupt


@pytest.mark.parametrize("before", [1, 5, 2050])
def test_all_that_was_read_before_an_interrupted_reading_is_there(before: int) -> None:
    readers = [*map(Reader, range(before)), Interrupting(before), Reader(before + 1)]
    names, given = [f"run {place}" for place in range(before + 2)], [{"seed": place} for place in range(before + 2)]
    listed = Runs(readers, names=names, parameters=given)
    with pytest.raises(SweepInterrupted, match=rf"interrupted after {before:,} of {before + 2:,} runs") as told:
        sweep(listed, RULES)
    had = told.value.partial
    assert not had.whole
    equal(had, sweep(listed[:before], RULES))


def test_of_what_takes_long_to_read_the_runs_are_swept_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted computation loses little of what was read."""
    told, clock = list[int](), count()
    module = import_module("ignite_delayed.replays.sweeps.sweep")
    monkeypatch.setattr(module, "monotonic", lambda: next(clock) * 0.3)
    monkeypatch.setattr(module, "bar_of", lambda *_: nullcontext(Told(told)))
    listed = Runs(map(Reader, range(10)), parameters=[{"seed": seed} for seed in range(10)])
    swept = sweep(listed, RULES)
    assert told == [3, 4, 3]
    assert swept.parameters == [{"seed": seed} for seed in range(10)]
    equal(swept, sweep(Runs(map(drawn, range(10)), parameters=swept.parameters), RULES))


class Told:
    """A bar that writes down what it is told."""

    def __init__(self, into: list[int]) -> None:
        self.into = into

    def update(self, count: int) -> None:
        self.into.append(count)


@pytest.mark.parametrize("after", [0, 100, 2100])
@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_sweep_says_what_it_had(after: int, workers: int) -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(SweepInterrupted, match=r"interrupted after [\d,]+ runs") as told:
        sweep(interrupted(after), RULES, executor=pool if workers else None)
    had = told.value.partial
    assert isinstance(told.value, KeyboardInterrupt)
    assert not had.whole
    assert "interrupted" in repr(had)
    assert had.stopped_epoch.shape == (len(had), len(RULES))
    assert len(had) <= after
    if not workers:
        assert len(had) == after
    if len(had):
        alone = sweep([drawn(int(name)) for name in had.runs], RULES)
        np.testing.assert_array_equal(had.kept, alone.kept)
