"""Which source an engine shows, where one engine has several: told by the data that it ran on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import AttachError
from ...history.metrics import source_label
from ..notices import Notices
from .data import Data, named_data
from .source import Source

__all__ = ["shown_by"]


def shown_by(sources: Sequence[Source], loader: Any, *, at: int, ending: bool, notices: Notices) -> Source | None:
    """Which of an engine's ``sources`` a finished run on ``loader`` is an observation of, ``None`` for none.

    Args:
        sources: either one, of whatever data, or several that name theirs.
        loader: what the engine ran on.
        at: the trainer's iteration.
        ending: whether the training is at its end: no error comes in its way then.
        notices: who is told of a run that is none.

    Raises:
        AttachError: where the engine ran on other data at the same iteration, and the data are not named.
    """
    if sources[0].data is not None:
        named = named_data(loader, [(source, source.data) for source in sources])
        if named is None:
            names = ", ".join(repr(source.name) for source in sources)
            notices.say("data", f"an evaluation on other data (a {Data(loader)}) than that of {names} is not recorded")
        return named
    source = sources[0]
    before = source.last_data if source.last_iteration == at else None
    if before is None or not before.is_other(loader):
        return source
    who, now = source_label(source.name), Data(loader)
    if not ending:
        raise AttachError(_TWO_LOADERS.format(who=who, before=before, now=now))
    notices.say("data", f"{who} ran on a {now} at the end of training, after a {before}: that is not recorded. {_NAME}")
    return None


_NAME = (
    "Name the data to record it: "
    "Recorder(trainer, {'train': (evaluator, train_loader), 'val': (evaluator, val_loader)})"
)
_TWO_LOADERS = (
    "{who} ran on two sets of data at one trainer iteration, on a {before} and then on a {now}: which of them is meant "
    "by a metric cannot be told. " + _NAME.replace("{", "{{").replace("}", "}}")
)
