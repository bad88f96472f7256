"""Laws of all conditions, on random trees and random runs."""

from __future__ import annotations

import copy
import pickle
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import NAMESPACE, clock_trees, last_state, runs, through_json, trees, verdicts

from ignite_delayed import After, Always, Condition, History, Metric, Never, Record, replay
from ignite_delayed._utils.saving import plain
from ignite_delayed.conditions import Predicate

fewer = settings(max_examples=50)


# --- Kleene's algebra ------------------------------------------------------------------------------------------------

VERDICTS = {"t": True, "f": False, "u": None}


def true(record: Record) -> bool:
    return True


def false(record: Record) -> bool:
    return False


def unknown(record: Record) -> None:
    return None


CONSTANT = {True: Predicate(true), False: Predicate(false), None: Predicate(unknown)}
ONE = History([Record(epoch=1, iteration=1)])

AND = {"tt": "t", "tf": "f", "tu": "u", "ft": "f", "ff": "f", "fu": "f", "ut": "u", "uf": "f", "uu": "u"}
OR = {"tt": "t", "tf": "t", "tu": "t", "ft": "t", "ff": "f", "fu": "u", "ut": "t", "uf": "u", "uu": "u"}


@pytest.mark.parametrize("operands", sorted(AND))
def test_the_connectives_are_those_of_kleene(operands: str) -> None:
    a, b = (CONSTANT[VERDICTS[letter]] for letter in operands)
    assert verdicts(a & b, ONE) == [VERDICTS[AND[operands]]]
    assert verdicts(a | b, ONE) == [VERDICTS[OR[operands]]]


def test_negation_keeps_unknown() -> None:
    assert [verdicts(~CONSTANT[verdict], ONE)[0] for verdict in (True, False, None)] == [False, True, None]


def test_many_operands_are_the_same_as_pairs() -> None:
    for combination in product([True, False, None], repeat=3):
        a, b, c = (CONSTANT[verdict] for verdict in combination)
        assert verdicts(a & b & c, ONE) == verdicts(a & Predicate(true) & (b & c), ONE)
        nested = ~(~(a | b) & ~c)  # De Morgan keeps it from being flattened
        assert verdicts(a | b | c, ONE) == verdicts(nested, ONE)


@given(trees, trees, runs())
def test_operands_commute(a: Condition, b: Condition, run: History) -> None:
    assert verdicts(a & b, run) == verdicts(b & a, run)
    assert verdicts(a | b, run) == verdicts(b | a, run)


@given(trees, trees, trees, runs())
@fewer
def test_connectives_associate_and_distribute(a: Condition, b: Condition, c: Condition, run: History) -> None:
    assert (a & b) & c == a & (b & c)
    assert (a | b) | c == a | (b | c)
    assert verdicts(~~(a & b) & c, run) == verdicts(a & b & c, run)
    assert verdicts(~~(a | b) | c, run) == verdicts(a | b | c, run)
    assert verdicts(a & (b | c), run) == verdicts((a & b) | (a & c), run)
    assert verdicts(a | (b & c), run) == verdicts((a | b) & (a | c), run)


@given(trees, trees, runs())
def test_de_morgan_and_double_negation(a: Condition, b: Condition, run: History) -> None:
    assert verdicts(~(a & b), run) == verdicts(~a | ~b, run)
    assert verdicts(~(a | b), run) == verdicts(~a & ~b, run)
    assert verdicts(~~a, run) == verdicts(a, run)


@given(trees, runs())
def test_identities_and_absorption(a: Condition, run: History) -> None:
    # A connective with a condition that metrics decide is not moved by the clock alone; where `a` is, compare it so.
    said = verdicts(a, run)
    assert verdicts(a & Always(), run) == said
    assert verdicts(Always() & a, run) == said
    assert verdicts(a | Never(), run) == said
    assert verdicts(a & a, run) == said
    assert verdicts(a | a, run) == said
    records = [record for record in run if not record.is_tick]
    assert verdicts(a & Never(), records) == [False] * len(records)
    assert verdicts(a | Always(), records) == [True] * len(records)


# --- values ----------------------------------------------------------------------------------------------------------


@given(trees)
def test_a_condition_is_the_value_that_its_repr_builds(condition: Condition) -> None:
    again = eval(repr(condition), dict(NAMESPACE))
    assert again == condition
    assert hash(again) == hash(condition)
    assert repr(again) == repr(condition)
    assert again.reads == condition.reads
    assert again.clock_units == condition.clock_units


@given(trees, runs())
@fewer
def test_a_pickled_condition_is_the_same(condition: Condition, run: History) -> None:
    again = pickle.loads(pickle.dumps(condition))
    assert again == condition
    assert hash(again) == hash(condition)
    assert verdicts(again, run) == verdicts(condition, run)
    assert copy.deepcopy(condition) is condition


@given(trees, trees)
@fewer
def test_equality_is_that_of_the_reprs(a: Condition, b: Condition) -> None:
    assert (a == b) is (repr(a) == repr(b)) or "-0.0" in repr(a) + repr(b)


# --- the fold --------------------------------------------------------------------------------------------------------


@given(trees, runs())
def test_a_step_is_pure(condition: Condition, run: History) -> None:
    records = list(run)
    before = repr(condition), repr(records), [(list(r.seen), list(r.fresh), r.first) for r in records]
    state = condition.initial()
    for record in records:
        kept = repr(state)
        first, again = condition.step(state, record), condition.step(state, record)
        assert repr(first) == repr(again)
        assert repr(state) == kept
        hash(state)  # immutable to the bottom
        state, verdict = first
        assert verdict is None or isinstance(verdict, bool)
    assert before == (repr(condition), repr(records), [(list(r.seen), list(r.fresh), r.first) for r in records])


@given(trees, runs(), st.integers(0, 30))
def test_resuming_at_any_cut_is_not_having_stopped(condition: Condition, run: History, cut: int) -> None:
    records = list(run)
    state = last_state(condition, records[:cut])
    resumed = condition.decode(through_json(state))
    assert repr(resumed) == repr(state)
    for record in records[cut:]:
        state, verdict = condition.step(state, record)
        resumed, again = condition.step(resumed, record)
        assert again is verdict
    assert repr(resumed) == repr(state)


@given(trees, trees, runs())
@fewer
def test_replay_says_what_the_fold_says_and_sharing_changes_nothing(a: Condition, b: Condition, run: History) -> None:
    alone = verdicts(a, run)
    verdicts(b & a, run)
    assert verdicts(a, run) == alone
    if a.reads <= set(run.metrics):
        done = replay(run, a)
        assert done.verdicts == alone
        assert done.held is (True in alone)
        assert done.first is None or run[alone.index(True)] == done.first


@given(trees, runs())
@fewer
def test_every_state_can_be_explained(condition: Condition, run: History) -> None:
    state = condition.initial()
    assert str(condition.explain(state)).startswith(repr(condition))
    for record in run:
        state, verdict = condition.step(state, record)
        said = condition.explain(state)
        assert said.verdict is verdict
        assert {True: ": true", False: ": false", None: ": unknown"}[verdict] in str(said).split("\n")[0]


@given(trees, runs())
def test_a_record_of_the_clock_alone_moves_only_what_the_clock_decides(condition: Condition, run: History) -> None:
    state = condition.initial()
    for record in run:
        moved, _ = condition.step(state, record)
        if record.is_tick and condition.clock_units is None:
            assert moved is state
        state = moved


@given(clock_trees, runs(most=4))
def test_what_the_clock_decides_has_no_memory(condition: Condition, run: History) -> None:
    assert condition.clock_units is not None
    assert verdicts(condition, run) == [condition.step(condition.initial(), record)[1] for record in run]


@given(trees)
@settings(max_examples=25)
def test_the_state_does_not_grow_with_the_run(condition: Condition) -> None:
    def size(count: int) -> int:
        state = condition.initial()
        for i in range(1, count + 1):
            values = {"train/loss": 1.0, "val/loss": 0.5 if i % 3 else -0.5, "lr": 0.25}
            record = Record(epoch=i % 9, iteration=i, evaluation=i % 9, seconds=i % 9, planned=9, values=values)
            state, _ = condition.step(state, record)
        return leaves_of(state)

    assert size(40) == size(80)


def leaves_of(state: object) -> int:
    """How many scalars and letters a state holds."""
    if isinstance(state, tuple):
        return sum(map(leaves_of, state))
    return len(state) if isinstance(state, str) else 1


def follows(a: Condition, b: Condition, run: History) -> None:
    """Check ``a.then(b)`` against ``b`` over the run that begins where ``a`` first holds."""
    records = [record for record in run if not record.is_tick]  # a tick neither begins nor moves it
    said = verdicts(a, records)
    begin = said.index(True) if True in said else len(records)
    began = History()
    for record in records[begin:]:
        base = records[begin]
        began._take(
            Record(
                epoch=record.epoch - max(base.epoch, 1) + 1,  # the first record is of the first epoch,
                iteration=record.iteration - base.iteration + 1,  # of the first iteration,
                evaluation=record.evaluation
                - base.evaluation
                + base.evaluated,  # and the first evaluation if it is one
                seconds=record.seconds - base.seconds,
                planned=None if record.planned is None else max(record.planned - base.iteration + 1, 0),
                source=record.source,
                values=record.values,
                kind=record.kind,
            )
        )
    following = verdicts(b, began) if began else []
    assert verdicts(a.then(b), records) == [None] * begin + following


@given(trees, trees, runs())
def test_then_is_the_second_over_the_run_that_begins_where_the_first_holds(
    a: Condition, b: Condition, run: History
) -> None:
    follows(a, b, run)


@given(trees, runs())
def test_what_follows_at_once_is_as_if_nothing_came_first(a: Condition, run: History) -> None:
    records = [record for record in run if not record.is_tick]
    if records and (records[0].epoch, records[0].iteration) == (1, 1):
        base = records[0].seconds
        began = [_at(record, seconds=record.seconds - base) for record in records]
        assert verdicts(Always().then(a), began) == verdicts(a, began)


def _at(record: Record, seconds: float) -> Record:
    fields = ("epoch", "iteration", "evaluation", "planned", "source", "values", "kind")
    return Record(**{name: getattr(record, name) for name in fields}, seconds=seconds)


VAL, TRAIN, LR = Metric("val/loss"), Metric("train/loss"), Metric("lr")
counting = [
    (LR > -9).sustained(evaluations=2),
    After(epochs=0).holds(at_least=1, of=2),
    ((TRAIN - VAL).mean(2) < 9).sustained(evaluations=1),
    Predicate(true, names=("train/loss", "val/loss")),
]


@given(st.sampled_from([VAL > 0, TRAIN > 0]), st.sampled_from(counting), runs(layouts=[("train", "val")]))
@settings(max_examples=200)
def test_then_begins_in_the_middle_of_an_iteration(a: Condition, b: Condition, run: History) -> None:
    follows(a, b, run)


def test_the_state_in_json_holds_plain_scalars_only() -> None:
    condition = (Metric("loss").mean(2) < 1).then(After(epochs=1)).sustained(evaluations=2)
    state = last_state(condition, [Record(epoch=i, iteration=i, values={"loss": 0.5}) for i in (1, 2, 3)])
    assert plain(state) == through_json(state)
