"""What the demo shows in a terminal: progress, and one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from .._utils.extras import require_extra
from .._utils.text import quantity
from .runs import Outcome, Plan
from .settings import Settings
from .study import TOO_EARLY, Cost, Mean, saved_points, shortfall, too_early, wilson

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "consoles",
    "progress",
    "reason",
    "results_notes",
    "results_table",
    "study_comparison",
    "study_notes",
    "study_table",
]


def consoles() -> tuple[Console, Console]:
    """For results and for progress: standard output and standard error.

    Raises:
        ImportError: without rich (``pip install 'ignite-delayed[demo]'``).
    """
    console = require_extra("rich.console", "demo").Console
    return console(highlight=False), console(stderr=True, highlight=False)


@contextmanager
def progress(console: Console, settings: Settings, plans: Sequence[Plan]) -> Iterator[Callable[[Plan, int], None]]:
    """A bar for each run, which stays where the run was stopped; nothing where ``console`` is no terminal.

    Yields:
        A function to call with the plan and the number of every epoch that was completed.
    """
    rich: Any = require_extra("rich.progress", "demo")
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.TextColumn("epoch {task.completed:>3.0f}"))
    with rich.Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {plan.name: bars.add_task(plan.title, total=settings.epochs) for plan in plans}
        yield lambda plan, epoch: bars.update(tasks[plan.name], completed=epoch)


def reason(outcome: Outcome, patience: int) -> str:
    """Why a run ended, in a few words; where it was delayed, a second line says when its gate opened."""
    rule = outcome.plan.rule
    ended = "ran to the end" if outcome.stopped_in is None else f"{quantity(patience, 'epoch')} no gain"
    if rule is None or rule.until is None:
        return ended
    opened = "never open" if outcome.opened_in is None else f"open since {outcome.opened_in}"
    return f"{ended}\n{opened}"


def results_table(outcomes: Sequence[Outcome], settings: Settings) -> Table:
    """Where each run stopped and why, and what came of it."""
    table = _table("", "stopped\nin epoch", "why", "best\nvalidation\naccuracy", "test\naccuracy", "epochs\nspent")
    for outcome in outcomes:
        table.add_row(
            outcome.plan.title,
            "-" if outcome.stopped_in is None else str(outcome.stopped_in),
            reason(outcome, settings.patience),
            _percent(outcome.best_accuracy),
            _percent(outcome.test_accuracy),
            str(outcome.epochs),
        )
    return table


def results_notes(outcomes: Sequence[Outcome], settings: Settings) -> str:
    """The table in a sentence for each rule that may have stopped the run."""
    full, *others = outcomes
    sentences = [
        f"Seed {settings.seed}. Test accuracy is of the weights kept: those of the best validation accuracy.",
        *(f"{_rule(outcome)}: {_judgement(full, outcome)}." for outcome in others),
    ]
    return "\n".join(sentences)


def _rule(outcome: Outcome) -> str:
    """The title of a run and, in code, the rule that may end it."""
    rule = outcome.plan.rule
    until = None if rule is None else rule.until
    code = "Ignite's EarlyStopping" if until is None else f"until={until!r}"
    return f"{outcome.plan.title[0].upper()}{outcome.plan.title[1:]} ({code})"


def _judgement(full: Outcome, outcome: Outcome) -> str:
    """What stopping did, compared with training to the end."""
    if outcome.stopped_in is None:
        return "did not stop the run"
    points = 100 * shortfall(full, outcome)
    came = f"{points:.1f} points of validation accuracy came later" if points else "nothing better came later"
    verdict = f", but too early, {came}" if too_early(full, outcome) else f"; {came}"
    return f"saved {quantity(full.epochs - outcome.epochs, 'epoch')}{verdict}"


def study_table(costs: Sequence[Cost]) -> Table:
    """How often each rule stopped too early, and what it cost."""
    table = _table("", "too early", "95 %\ninterval", "validation\nlost", "test\nlost", "epochs\nspent")
    for cost in costs:
        ends = cost.plan.rule is not None
        low, high = (100 * share for share in wilson(cost.too_early, cost.seeds))
        table.add_row(
            cost.plan.title,
            f"{cost.too_early} of {cost.seeds}" if ends else "-",
            f"{low:.0f}-{high:.0f} %" if ends else "-",
            _spread(cost.validation_lost, 100) if ends else "-",
            _spread(cost.test_lost, 100) if ends else "-",
            _spread(cost.epochs),
        )
    return table


def _spread(mean: Mean, unit: float = 1.0, sign: Literal["+", "-"] = "-") -> str:
    """A mean and its standard error, where there is one and it is not nothing."""
    error = f" +- {unit * mean.error:.1f}" if mean.error > 0 else ""
    return f"{unit * mean.value:{sign}.1f}{error}"


def _table(*heads: str) -> Table:
    """An empty table with names on the left and numbers on the right."""
    rule = require_extra("rich.box", "demo").SIMPLE_HEAD
    table: Table = require_extra("rich.table", "demo").Table(
        box=rule, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for head in heads:
        table.add_column(head, justify="left" if head in ("", "why") else "right")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def study_notes(settings: Settings, seeds: int) -> str:
    """What the columns of :func:`study_table` mean."""
    first, last = settings.seed, settings.seed + seeds - 1
    return (
        f"Seeds {first} to {last}, patience {settings.patience}, at most {settings.epochs} epochs. "
        "Means +- one standard error.\n"
        f"Too early: stopped, although validation accuracy later rose by more than {100 * TOO_EARLY:g}\n"
        "points; with Wilson's interval. Lost: points of accuracy (test: of the weights\n"
        "kept) below training to the end. Below each delay stands the smallest patience\n"
        "that costs at least as many epochs without one."
    )


def study_comparison(fulls: Sequence[Outcome], plans: Sequence[Plan]) -> str:
    """Each delay against the patience that costs as much, of :func:`study_plans`, in a line."""
    lines = []
    for plan, other in pairwise(plans):
        if plan.rule is not None and plan.rule.until is not None:
            kept = _spread(saved_points(fulls, plan, other), 100, sign="+")
            lines.append(f"{plan.title}, against {other.title}: {kept} points of test accuracy.")
    return "\n".join(line[0].upper() + line[1:] for line in lines)
