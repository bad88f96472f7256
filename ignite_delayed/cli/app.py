"""The commands together, and what becomes of errors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import click

from .. import __version__
from ..errors import HistoryError, MetricValueError, UnknownMetricError
from .choose import choose
from .demo import demo
from .explain import explain
from .options import NAME
from .preview import preview
from .replay import replay

__all__ = ["app", "run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(version)s")
def app() -> None:
    """Early stopping, learning rates and other handlers of PyTorch-Ignite, later: what a delay would have done."""


for command in (demo, replay, choose, explain, preview):
    app.add_command(command)


def run(argv: Sequence[str]) -> int:
    """Run ``argv`` and give the exit status; errors of usage are 2, what goes wrong otherwise 1, Ctrl-C 130."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            status = app.main(list(argv), prog_name=NAME, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:  # click's word for Ctrl-C
        had = str(error.__cause__ or "").partition(";")[0]  # of a sweep: how many runs were done
        click.echo(f"{NAME}: {had or 'interrupted'}", err=True)
        return 130
    except (ImportError, OSError, HistoryError, MetricValueError, UnknownMetricError) as error:
        click.echo(f"{NAME}: error: {error}", err=True)
        return 1
    return status if isinstance(status, int) else 0


def _tell(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning in a line of its own, without the place in the code."""
    click.echo(f"{NAME}: warning: {message}", err=True)
