"""What came out of a sweep: columns of runs and rules, a table, and a summary over the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._utils.extras import require_extra
from ...conditions import Condition, Expression
from ...conditions.expression import Mode, label_of
from ...history.columns import Floats
from .judging import Judge
from .outcomes import Outcomes
from .summary import Summary, summary_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sweep"]

#: The columns of the table that say something of each run and rule.
COLUMNS = ("stopped_epoch", "kept", "kept_epoch", "best", "best_epoch", "regret", "epochs", "saved")


class Sweep:
    """What each rule would have made of each run: what :func:`sweep` returns, which says what the columns mean.

    Each column is an array with a row for each run and a column for each rule.

    Attributes:
        runs: the names of the runs, in order.
        rules: the rules, in order.
        parameters: those of each run.
        monitor, mode: by what the runs were judged.
        whole: whether these are all the runs; not where the sweep was interrupted.
        stopped_epoch: the epoch at which the rule stops the run, NaN where it does not.
        kept, kept_epoch: the best value kept until then, and its epoch; NaN where there is none.
        best, best_epoch: the best there was in the run, and its epoch, likewise.
        start: the run's first value that is a number.
        end: the epoch of the run's last record.

    Example:
        >>> from ignite_delayed import EarlyStop, History, Record, grid, sweep
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": (e - 9 - n) ** 2 / 99}) for e in range(1, 31))
        ...     for n in range(4)
        ... ]
        >>> swept = sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 20]))
        >>> swept
        <Sweep of 2 rules over 4 runs by loss (min)>
        >>> swept.stopped_epoch.tolist()
        [[11.0, 29.0], [12.0, 30.0], [13.0, nan], [14.0, nan]]
        >>> swept.censored.mean(axis=0).tolist(), swept.saved.mean(axis=0).tolist()
        ([0.0, 0.5], [17.5, 0.25])
    """

    def __init__(
        self,
        runs: list[str],
        parameters: list[dict[str, Any]],
        rules: Sequence[Condition],
        judge: Judge,
        outcomes: Outcomes,
        *,
        whole: bool = True,
    ) -> None:
        self.runs, self.parameters, self.rules, self.whole = runs, parameters, list(rules), whole
        self.monitor: Expression = judge.monitor
        self.mode: Mode = judge.mode
        self.stopped_epoch, self.kept, self.kept_epoch = outcomes.stopped, outcomes.kept, outcomes.kept_epoch
        self.best, self.best_epoch, self.start, self.end = map(self._of_runs, outcomes[3:])

    def _of_runs(self, cells: Floats) -> Floats:
        """What is the same for all rules."""
        return np.broadcast_to(cells[:, None], (len(self.runs), len(self.rules)))

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self.runs)

    @property
    def censored(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether the rule would not have stopped the run, which ended before."""
        return np.isnan(self.stopped_epoch)

    @property
    def regret(self) -> Floats:
        """How much worse what is kept is than the best there was, >= 0; NaN where one of them is unknown."""
        with np.errstate(over="ignore", invalid="ignore"):
            lost = self.kept - self.best if self.mode == "min" else self.best - self.kept
        return np.where(self.kept == self.best, 0.0, lost)

    @property
    def epochs(self) -> Floats:
        """The epochs spent."""
        return np.where(self.censored, self.end, self.stopped_epoch)

    @property
    def saved(self) -> Floats:
        """The epochs that the run went on after the stop."""
        return self.end - self.epochs

    def summary(self) -> Summary:
        """What the rules come to over all runs, with the front of regret against cost."""
        return summary_of(self.rules, self.regret, self.epochs, self.saved, self.stopped_epoch, self.best)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each run and rule, in that order: ``run``, ``rule`` as text, and what came out.

        The columns are ``run, rule, stopped_epoch, kept, kept_epoch, best, best_epoch, regret, epochs, saved``. The
        first two are categorical, with the categories in the order of the sweep.

        Raises:
            ImportError: without pandas (``pip install 'ignite-delayed[pandas]'``).
        """
        pandas = require_extra("pandas", "pandas")
        names, texts = list(self.runs), [repr(rule) for rule in self.rules]
        run, rule = np.divmod(np.arange(len(names) * len(texts)), len(texts))
        cells = {column: np.ravel(getattr(self, column)) for column in COLUMNS}
        keys = {
            "run": pandas.Categorical.from_codes(run, names),
            "rule": pandas.Categorical.from_codes(rule, texts),
        }
        frame: pd.DataFrame = pandas.DataFrame({**keys, **cells})
        return frame

    def __repr__(self) -> str:
        of = "" if self.whole else "the first "
        interrupted = "" if self.whole else ": interrupted, there were more"
        what = f"{len(self.rules)} rules over {of}{len(self)} runs by {label_of(self.monitor)} ({self.mode})"
        return f"<Sweep of {what}{interrupted}>"
