"""How each of Ignite's loggers is told numbers and texts: by the calls that Ignite's own handlers of it make."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ignite.handlers.clearml_logger import ClearMLLogger
from ignite.handlers.mlflow_logger import MLflowLogger
from ignite.handlers.neptune_logger import NeptuneLogger
from ignite.handlers.polyaxon_logger import PolyaxonLogger
from ignite.handlers.tensorboard_logger import TensorboardLogger
from ignite.handlers.visdom_logger import OutputHandler as VisdomLines
from ignite.handlers.visdom_logger import VisdomLogger
from ignite.handlers.wandb_logger import WandBLogger

__all__ = ["KNOWN", "Texts", "Write", "writer_of"]

#: Names and what is told under them, in the order of what happened; a name may come twice.
Texts = Sequence[tuple[str, str]]

#: ``write(logger, step, numbers, texts)`` tells a logger.
Write = Callable[[Any, int, Mapping[str, float], Texts], None]

# MLflow refuses other characters in names, and longer values of tags. Its file store takes "lr" and "lr/phase" for a
# file and a folder, so that only one of them can be: Ignite's handlers write spaces there, and so do we.
_REFUSED, _LONGEST = re.compile(r"[^\w\-. ]", re.ASCII), 5000


def _to_tensorboard(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    for name, value in numbers.items():
        logger.writer.add_scalar(name, value, step)
    for name, text in texts:
        logger.writer.add_text(name.rpartition("/")[0], f"`{text}`", step)  # all that one gate did, on one card


def _to_mlflow(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    if numbers:
        logger.log_metrics({_for_mlflow(name): value for name, value in numbers.items()}, step=step)
    for name, text in texts:
        logger.set_tag(_for_mlflow(name), text[:_LONGEST])


def _for_mlflow(name: str) -> str:
    return _REFUSED.sub("_", name.replace("/", " "))


def _to_wandb(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    told: dict[str, Any] = dict(numbers)
    for name, text in texts:
        told[name] = f"{told[name]}\n{text}" if name in told else text
    if told:
        logger.log(told, step=step)


def _to_clearml(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    for name, value in numbers.items():
        title, _, series = name.rpartition("/")
        logger.clearml_logger.report_scalar(title=title, series=series, iteration=step, value=value)
    for name, text in texts:
        logger.clearml_logger.report_text(f"{name}: {text}", print_console=False)


def _to_neptune(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    for name, value in numbers.items():
        # What has a value holds no others there, and "lr" is the rate as well as the phases "lr/phase", "lr/group_0".
        holds_others = any(other.startswith(f"{name}/") for other in numbers)
        logger[f"{name}/value" if holds_others else name].append(value, step=step)
    for name, text in texts:
        logger[name].append(text, step=step)


def _to_polyaxon(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
    if numbers:
        logger.log_metrics(step=step, **numbers)
    for name, text in texts:
        logger.log_text(name=name, text=text, step=step)


def _to_visdom() -> Write:
    """A writer that remembers its windows."""
    lines = VisdomLines("", metric_names="all")
    window: list[Any] = []

    def write(logger: Any, step: int, numbers: Mapping[str, float], texts: Texts) -> None:
        for name, value in numbers.items():
            lines.add_scalar(logger, name, value, "step", step)
        for name, text in texts:
            shown = {"text": f"{name}: {text}", "env": logger.vis.env}
            if window:
                logger.executor.submit(logger.vis.text, **shown, win=window[0], append=True)
            else:
                window.append(logger.executor.submit(logger.vis.text, **shown).result())
        logger.vis.save([logger.vis.env])

    return write


#: The loggers of Ignite, and what makes the writer of each.
KNOWN: dict[type, Callable[[], Write]] = {
    TensorboardLogger: lambda: _to_tensorboard,
    MLflowLogger: lambda: _to_mlflow,
    WandBLogger: lambda: _to_wandb,
    ClearMLLogger: lambda: _to_clearml,
    NeptuneLogger: lambda: _to_neptune,
    PolyaxonLogger: lambda: _to_polyaxon,
    VisdomLogger: _to_visdom,
}


def writer_of(logger: object) -> Write | None:
    """What tells ``logger``, if it is one of Ignite's."""
    return next((make() for kind, make in KNOWN.items() if isinstance(logger, kind)), None)
