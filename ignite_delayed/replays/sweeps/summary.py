"""What rules come to over the runs of a sweep, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..._utils.extras import require_extra
from ...conditions import Condition
from ...history.columns import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Summary", "front_of", "summary_of"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Summary(NamedTuple):
    """What each rule comes to over the runs that have a best value: an array each, in the order of the rules.

    Args:
        rules: the rules.
        runs: how many runs these are.
        regret: the mean regret; NaN where the rule kept nothing in one of the runs, so that it cannot be known.
        worst: the largest regret, likewise.
        epochs, saved: the mean epochs that were spent, and that were not.
        stopped: the share of the runs that the rule stopped; the others are censored.
        front: whether no other rule has less regret for no more epochs, or as little for fewer: the Pareto front.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> found = sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 5])).summary()
        >>> found.regret.tolist(), found.epochs.tolist(), found.front.tolist()
        ([0.0, 0.0], [12.5, 15.5], [True, False])
        >>> print(found)
        1 of 2 rules that no other beats, means over 4 runs
            regret   epochs    saved  stopped  rule
                 0     12.5     17.5     100%  EarlyStop('loss', mode='min', patience=2)
    """

    rules: list[Condition]
    runs: int
    regret: Floats
    worst: Floats
    epochs: Floats
    saved: Floats
    stopped: Floats
    front: Bools

    def to_pandas(self) -> pd.DataFrame:
        """A row for each rule, which is there as text.

        Raises:
            ImportError: without pandas (``pip install 'ignite-delayed[pandas]'``).
        """
        cells = self._asdict() | {"rules": list(map(repr, self.rules))}
        cells = {"rule": cells.pop("rules"), **cells}
        frame: pd.DataFrame = require_extra("pandas", "pandas").DataFrame(cells)
        return frame

    def __str__(self) -> str:
        """The front, the cheapest first."""
        places = np.flatnonzero(self.front)
        places = places[np.argsort(self.epochs[places], kind="stable")]
        head = f"{len(places)} of {len(self.rules)} rules that no other beats, means over {self.runs} runs"
        lines = [head, f"{'regret':>10} {'epochs':>8} {'saved':>8} {'stopped':>8}  rule"]
        for at in places:
            numbers = f"{self.regret[at]:10.4g} {self.epochs[at]:8.1f} {self.saved[at]:8.1f} {self.stopped[at]:8.0%}"
            lines.append(f"{numbers}  {self.rules[at]!r}")
        return "\n".join(lines)


def summary_of(
    rules: Sequence[Condition], regret: Floats, epochs: Floats, saved: Floats, stopped: Floats, best: Floats
) -> Summary:
    """The means over the runs that have a best value."""
    judged = ~np.isnan(best[:, 0])
    count = int(judged.sum())

    def mean(cells: np.ndarray[Any, Any]) -> Floats:
        with np.errstate(over="ignore"):  # the sum of huge regrets
            return cells[judged].mean(axis=0) if count else np.full(len(rules), np.nan)

    lost, spent = mean(regret), mean(epochs)
    worst = regret[judged].max(axis=0) if count else lost
    return Summary(
        rules=list(rules),
        runs=count,
        regret=lost,
        worst=worst,
        epochs=spent,
        saved=mean(saved),
        stopped=mean(~np.isnan(stopped)),
        front=front_of(lost, spent),
    )


def front_of(regret: Floats, cost: Floats) -> Bools:
    """Which pairs no other beats: less in one, and no more in the other; NaN is none."""
    on = np.zeros(len(regret), np.bool_)
    order = np.lexsort((regret, cost))
    order = order[~np.isnan(regret[order])]
    least = np.inf
    for at in order:  # the cheapest first, of equal cost the best first
        ties = on & (cost == cost[at]) & (regret == regret[at])
        if regret[at] < least or ties.any() or not on.any():
            on[at], least = True, min(least, regret[at])
    return on
