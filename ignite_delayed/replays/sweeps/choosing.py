"""choose: the cheapest rule whose regret stays small on runs that it was not chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..._utils.checks import check_count, check_name, check_real, refuse_type, refuse_value, suggestion
from ...history.columns import Floats, Places
from .bounds import least_count, lower, upper
from .choice import Choice, Evidence
from .swept import Sweep

__all__ = ["choose"]

#: The regret of a run is counted as at most so many times what is accepted.
_CAP = 10.0
#: So many tests may fail before they end, where there are runs enough for it.
_FAILURES = 5


class _Means(NamedTuple):
    """What the rules come to in each unit: a row for each run or group of runs, a column for each rule.

    Args:
        lost: the mean regret, in caps; 1 where nothing was kept.
        spent: the mean epochs spent.
        saved: the mean share of the epochs that was saved.
        early: the share of the runs that are stopped before half of their best improvement.
    """

    lost: Floats
    spent: Floats
    saved: Floats
    early: Floats

    def of(self, units: Places) -> _Means:
        """Some of the units."""
        return _Means(*(cells[units] for cells in self))


def choose(
    sweep: Sweep,
    max_regret: float,
    *,
    confidence: float = 0.9,
    cap: float | None = None,
    groups: str | Sequence[object] | None = None,
    seed: int = 0,
) -> Choice:
    """The cheapest rule of which ``E[min(regret, cap)] <= max_regret`` is shown on runs that it was not chosen on.

    The best of many rules on few runs looks better than it is. So a third of the runs, drawn by ``seed``, only puts the
    rules in order: the least mean regret first, of equal ones the dearest, and each cheaper than those before it. The
    others, which are *held out*, then test one rule after the other, until ``k`` of them have failed
    ``upper(mean regret, 1 - (1 - confidence) / k) <= max_regret``. The cheapest of those that passed is named. ``k`` is
    1; up to 5 where that leaves at least twice the runs that a test takes, as a rule that fails by a rare run should
    not end it all. However many rules there are and however they are distributed, the rule that is named breaks its
    promise with a probability of at most ``1 - confidence``, if the runs, or groups, are independent draws of what is
    to come: the first that passes wrongly is one of the first ``k`` that should fail. Where nothing is named,
    ``evidence.bound`` of the safest rule holds with the same confidence.

    That takes runs: with none that lost anything the least that can be shown on ``n`` held out is
    ``cap * (1 - (1 - confidence) ** (1 / n))``. By default it takes 32 runs in all; the report says
    how many it takes.

    Args:
        sweep: what :func:`sweep` returned.
        max_regret: the mean regret to accept, > 0, in the unit of the monitor.
        confidence: how sure, between 0 and 1.
        cap: the regret of a run is counted as at most that much, >= ``max_regret``; by default ten times that. Without
            a cap nothing could be said: one run in a thousand may lose any amount. A regret that is unknown, as the
            rule kept nothing, counts as the cap.
        groups: a parameter of the runs, or a label for each run: runs of one group, such as the seeds of one setting,
            are no independent evidence, so that groups are held out as a whole and count as one each.
        seed: draws the runs that are held out; to try several until one is fine breaks the promise.

    Returns:
        A :class:`Choice`: the rule, or why there is none, with the evidence from the runs that were held out.

    Raises:
        TypeError, ValueError: for any other argument.

    The bound is Hoeffding's (1963), which :mod:`ignite_delayed.replays.sweeps.bounds` spells out. Rules are tested in a
    fixed order, so that no correction for their number is needed: A. N. Angelopoulos, S. Bates, E. J. Candès, M. I.
    Jordan, L. Lei, "Learn then Test: Calibrating Predictive Algorithms to Achieve Risk Control", 2021,
    https://arxiv.org/abs/2110.01052, section 2.3.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n % 3) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(40)
        ... ]
        >>> chosen = choose(sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 5, 10])), max_regret=0.01)
        >>> chosen.rule
        EarlyStop('loss', mode='min', patience=2)
        >>> print(chosen)
        EarlyStop('loss', mode='min', patience=2)
          mean regret 0, at most 0.01 with confidence 0.9; each counted as at most 0.1
          60.1% of the epochs saved, at least 35.4%; 12.0 spent
          0.0% stopped before half of the run's best improvement, at most 11.8%
        3 rules in the order of 13 runs, tested on 27 others
    """
    if not isinstance(sweep, Sweep):
        refuse_type("sweep", "what sweep() returns", sweep, "Write choose(sweep(runs, rules), ...).")
    max_regret = check_real("max_regret", max_regret, above=0, hint="It is in the unit of the monitor.")
    confidence = check_real("confidence", confidence, above=0, most=1 - 1e-9)
    cap = _CAP * max_regret if cap is None else check_real("cap", cap, least=max_regret)
    check_count("seed", seed, least=0)
    judged = np.flatnonzero(~np.isnan(sweep.best[:, 0]))
    labels = _labels(sweep, groups)
    members = [judged[labels[judged] == label] for label in dict.fromkeys(labels[judged].tolist())]
    means = _means(sweep, members, cap)
    order = np.random.default_rng(seed).permutation(len(members))
    first = _ordering(len(members))
    ordering, held = np.sort(order[:first]), np.sort(order[first:])
    called = "runs" if groups is None else "groups of runs"
    notes = [f"{len(sweep.rules)} rules in the order of {len(ordering)} {called}, tested on {len(held)} others"]
    if len(judged) < len(sweep):
        notes.append(f"left out: {len(sweep) - len(judged)} runs without a number to judge")
    if not sweep.whole:
        notes.append("the sweep was interrupted: there were more runs")
    asked = (max_regret, confidence, cap)
    if len(judged) and sweep.censored[judged].all():
        reason = "all censored: no rule stopped any of the runs, so none does better than none"
        return Choice(None, reason, *asked, None, None, tuple(notes))
    return _tested(sweep, means.of(ordering), means.of(held), asked, tuple(notes))


def _labels(sweep: Sweep, groups: str | Sequence[object] | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The number of the group of each run."""
    if groups is None:
        return np.arange(len(sweep))
    given: Sequence[object]
    if isinstance(groups, str):
        name = check_name("groups", groups)
        for run, parameters in zip(sweep.runs, sweep.parameters, strict=True):
            if name not in parameters:
                hint = suggestion(name, [str(known) for known in parameters])
                refuse_value("groups", f"a parameter of every run, as {run!r} lacks it", name, hint)
        given = [parameters[name] for parameters in sweep.parameters]
    else:
        given = list(groups)
        if len(given) != len(sweep):
            refuse_value("groups", f"a label for each of the {len(sweep)} runs", given, f"There are {len(given)}.")
    texts = list(map(repr, given))  # labels need not be hashable
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return np.array([numbers[text] for text in texts], dtype=np.int64)


def _means(sweep: Sweep, members: list[Places], cap: float) -> _Means:
    """What the rules come to in each unit, of which ``members`` are the runs."""
    regret, spent, saved = sweep.regret, sweep.epochs, sweep.saved
    lost = np.where(np.isnan(regret), 1.0, np.minimum(regret, cap) / cap)
    share = saved / np.where(sweep.end > 0, sweep.end, 1)
    with np.errstate(invalid="ignore"):  # a run may begin at infinity
        half = np.abs(sweep.best / 2 - sweep.start / 2)
        early = ~sweep.censored & ~(regret <= half)
    if all(len(runs) == 1 for runs in members):
        places = np.array([runs[0] for runs in members], dtype=np.int64)
        return _Means(lost[places], spent[places], share[places], early[places].astype(float))
    columns = (np.array([cells[runs].mean(axis=0) for runs in members]) for cells in (lost, spent, share, early))
    return _Means(*columns)


def _order(means: _Means) -> list[int]:
    """The rules that save epochs, the least regret first, of equal ones the dearest; each cheaper than those before it.

    One that is dearer than a rule before it would never be named, and might only end the tests.
    """
    lost, spent = means.lost.mean(axis=0), means.spent.mean(axis=0)
    chain: list[int] = []
    for place in np.lexsort((-spent, lost)).tolist():
        if means.saved[:, place].any() and (not chain or spent[place] < spent[chain[-1]]):
            chain.append(place)
    return chain


def _tested(
    sweep: Sweep, ordering: _Means, held: _Means, asked: tuple[float, float, float], notes: tuple[str, ...]
) -> Choice:
    """Test the rules on what was held out, in the order that the other runs put them in."""
    max_regret, confidence, cap = asked
    count = len(held.lost)
    if not count:
        return Choice(None, _too_few(count, asked), *asked, None, None, notes)
    chain = _order(ordering)
    if not chain:
        return Choice(None, _NOTHING_SAVED, *asked, None, None, notes)
    passed, each = _passed(chain, held.lost.mean(axis=0).tolist(), count, asked)
    candidate = passed[-1] if passed else chain[0]  # the cheapest
    lost = float(held.lost[:, candidate].mean())
    # The own bound of a rule that passed would hold only if it had not selected the rule.
    bound = max_regret if passed else cap * upper(lost, count, each)
    evidence = _evidence(held, candidate, cap, bound, 1 - (1 - confidence) / len(chain))
    rule = sweep.rules[candidate]
    if passed and evidence.saved > 0:
        return Choice(rule, "", *asked, rule, evidence, notes)
    if passed:
        reason = _NOTHING_SAVED
    elif count < least_count(max_regret / cap, confidence):
        reason = _too_few(count, asked)
    else:
        reason = f"none keeps the mean regret within {max_regret:g} on the runs that were held out"
    return Choice(None, reason, *asked, rule, evidence, notes)


def _passed(
    chain: list[int], averages: list[float], count: int, asked: tuple[float, float, float]
) -> tuple[list[int], float]:
    """The rules that pass until too many have failed, and how sure each test is."""
    max_regret, confidence, cap = asked
    allowed = 1
    while allowed < _FAILURES and 2 * least_count(max_regret / cap, 1 - (1 - confidence) / (allowed + 1)) <= count:
        allowed += 1
    each = 1 - (1 - confidence) / allowed
    passed: list[int] = []
    for tests, place in enumerate(chain, start=1):
        if upper(averages[place], count, each) * cap <= max_regret:
            passed.append(place)
        elif tests - len(passed) == allowed:
            break
    return passed, each


_NOTHING_SAVED = "none does better than none: the rules save no epochs of the runs that they were tried on"


def _too_few(count: int, asked: tuple[float, float, float]) -> str:
    """That more runs are needed, and how many."""
    max_regret, confidence, cap = asked
    needed = least_count(max_regret / cap, confidence)
    whole = needed
    while whole - _ordering(whole) < needed:
        whole += 1
    shown = cap * upper(0.0, count, confidence)
    return (
        f"too few: {count} held out can at best show a mean regret of {shown:.3g} with confidence {confidence:g}; "
        f"for {max_regret:g} it takes {needed} held out, {whole} in all"
    )


def _ordering(count: int) -> int:
    """How many of the units put the rules in order."""
    return max(1, count // 3)


def _evidence(held: _Means, rule: int, cap: float, bound: float, each: float) -> Evidence:
    """How a rule fared, whose mean regret has that bound.

    The shares hold for all rules that are in order (Bonferroni): which of them were tested is seen on these runs only.
    """
    count = len(held.lost)
    lost, spent, saved, early = (float(cells[:, rule].mean()) for cells in held)
    return Evidence(
        units=count,
        regret=cap * lost,
        bound=bound,
        epochs=spent,
        saved=saved,
        saved_bound=lower(saved, count, each),
        early=early,
        early_bound=upper(early, count, each),
    )
