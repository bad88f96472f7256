"""What ``ignite-delayed demo`` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from .._utils.extras import require_extra
from . import figure, report
from .runs import Outcome, plans, run_all, train
from .settings import Settings
from .study import study_plans, summarise
from .task import load_task

__all__ = ["PICTURE", "demo", "files", "study"]

PICTURE = "timeline.png"


def files(settings: Settings) -> list[str]:
    """The names of the files that the demo writes: the picture, and a history for each run."""
    return [PICTURE, *(f"{plan.name}.jsonl" for plan in plans(settings))]


def demo(settings: Settings, output: Path, *, overwrite: bool = False) -> list[Outcome]:
    """Train four times, print the table, and write the picture and the histories.

    Args:
        settings: what was chosen.
        output: the folder to write to; made if it is not there.
        overwrite: whether files of an earlier demo may be replaced.

    Raises:
        FileExistsError: where a file exists and ``overwrite`` is false, before anything is trained.
        NotADirectoryError: where ``output`` is a file.
        ImportError: without the extra (``pip install 'ignite-delayed[demo]'``).
    """
    _require_all()
    if output.is_file():
        raise NotADirectoryError(f"--output {output} is a file, not a folder")
    _refuse_existing(output, settings, overwrite)
    out, err = report.consoles()
    with _all_or_nothing(output, files(settings)):
        with report.progress(err, settings, plans(settings)) as on_epoch:
            outcomes = run_all(settings, on_epoch)
        picture, told = figure.draw(outcomes), figure.tell(outcomes)
        figure.save(picture, output / PICTURE, description=told, overwrite=overwrite)
        for outcome in outcomes:
            outcome.history.save(output / f"{outcome.plan.name}.jsonl", overwrite=overwrite)
    if err.is_terminal:
        out.print()  # below the bars
    out.print(report.results_table(outcomes, settings), "")
    out.print(report.results_notes(outcomes, settings))
    out.print(f"\nWritten to {output}: {', '.join(files(settings))}", soft_wrap=True)
    return outcomes


def study(settings: Settings, seeds: int) -> None:
    """Train to the end for ``seeds`` seeds, counted from ``settings.seed``, and print what the rules come to.

    What a rule would have done is replayed over the whole run, which gives what :func:`demo` gives by training again.
    """
    _require_all()
    out, err = report.consoles()
    bars = require_extra("rich.progress", "demo")
    chosen = plans(settings)
    numbers = range(settings.seed, settings.seed + seeds)
    fulls = [
        train(load_task(seed), replace(settings, seed=seed), chosen[0])
        for seed in bars.track(numbers, "seeds", console=err, disable=not err.is_terminal)
    ]
    compared = study_plans(fulls, chosen)
    out.print(report.study_table(summarise(fulls, compared)), "")
    out.print(report.study_notes(settings, seeds), soft_wrap=True)
    out.print(report.study_comparison(fulls, compared), soft_wrap=True)


def _require_all() -> None:
    """Miss an optional package now rather than after training."""
    for module in ("sklearn.datasets", "matplotlib.figure", "rich.console"):
        require_extra(module, "demo")


@contextmanager
def _all_or_nothing(output: Path, names: list[str]) -> Iterator[None]:
    """Make the folder ``output`` for files of these ``names``; where that is cut off, leave behind what was there."""
    new = [output / name for name in names if not (output / name).exists()]
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise


def _refuse_existing(output: Path, settings: Settings, overwrite: bool) -> None:
    there = [name for name in files(settings) if (output / name).exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{output} already holds {', '.join(there)}: pass --overwrite to replace what an earlier demo wrote, or "
            "choose another --output"
        )
