"""What the demo shows in a terminal: progress, and one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._utils.extras import require_extra
from .runs import Outcome, Plan
from .settings import Settings
from .study import TOO_EARLY, Cost, shortfall, too_early

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["consoles", "progress", "reason", "results_notes", "results_table", "study_notes", "study_table"]


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
    ended = "ran to the end" if outcome.stopped_in is None else f"{patience} epochs no gain"
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
    return f"saved {full.epochs - outcome.epochs} epochs{verdict}"


def study_table(costs: Sequence[Cost]) -> Table:
    """How often each rule stopped too early, and what it cost."""
    full, plain, *_ = costs
    table = _table("", "too\nearly", "validation\nlost", "test\nlost", "epochs\nspent", "vs.\nplain", "vs.\nfull")
    for cost in costs:
        error = "" if math.isnan(cost.test_error) or cost is full else f" +- {100 * cost.test_error:.1f}"
        table.add_row(
            cost.title,
            "-" if cost is full else f"{cost.too_early} of {cost.seeds}",
            f"{100 * cost.validation_lost:.1f}",
            f"{100 * cost.test_lost:.1f}{error}",
            f"{cost.epochs:.1f}",
            f"{cost.epochs - plain.epochs:+.1f}",
            f"{cost.epochs - full.epochs:+.1f}",
        )
    return table


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
    last = settings.seed + seeds - 1
    return (
        f"Seeds {settings.seed} to {last}; patience {settings.patience}, delay {settings.delay}, at most "
        f"{settings.epochs} epochs.\n"
        f"Too early: stopped, although validation accuracy later rose by more than {100 * TOO_EARLY:g} points.\n"
        "Lost: mean points of accuracy (test: of the weights kept, +- one standard error) below training to the end."
    )
