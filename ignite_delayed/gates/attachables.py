"""Delaying what attaches itself: moving averages, progress bars, loggers, timers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ignite.engine import Engine
from ignite.handlers import EarlyStopping
from ignite.metrics import Metric

from .._utils.checks import refuse_type
from ..conditions import ConditionLike
from ..errors import AttachError
from ..recording.host import handlers_caught
from ..recording.recorder import Recorder, check_recorder
from .delays import DelayHandle, behind, hang
from .gate import Gate
from .signatures import name_of

__all__ = ["delay_attach"]


def delay_attach(
    recorder: Recorder,
    attachable: Any,
    engine: Engine,
    *args: Any,
    until: ConditionLike | Gate | None = None,
    when: ConditionLike | None = None,
    **kwargs: Any,
) -> DelayHandle:
    """``attachable.attach(engine, *args, **kwargs)``; each handler which that adds runs only once ``until`` has held.

    For what is no handler but attaches several: ``EMAHandler``, ``ProgressBar``, ``Timer``, loggers. Each handler goes
    by the rules of :func:`delay`; all share one gate, and are removed together.

    Args:
        recorder: what feeds the gate.
        attachable: what has an ``attach(engine, ...)``, or such a method of it: ``logger.attach_output_handler``.
        engine: what it is attached to.
        *args: passed on to ``attach``.
        until: a condition, a function of one record, or a :class:`Gate` to share.
        when: a condition, or a function of one record; the handlers run while it holds.
        **kwargs: passed on to ``attach``.

    Returns:
        A handle: ``remove()``, usable in ``with``; its ``gate``; ``state_dict``.

    Raises:
        TypeError: for what has no ``attach``, and for a metric, which would miss part of the data.
        AttachError: where ``attach`` adds no handler to ``engine``, or one that is there already; nothing is attached.

    Example:
        >>> import torch
        >>> from ignite.engine import Engine, Events
        >>> from ignite.handlers import EMAHandler
        >>> from ignite_delayed import After, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> ema = EMAHandler(torch.nn.Linear(1, 1))
        >>> handle = delay_attach(Recorder(trainer, evaluator), ema, trainer, name="ema", until=After(epochs=5))
        >>> handle.gate
        <Gate 'EMAHandler': closed, until After(epochs=5)>
    """
    check_recorder(recorder)
    attach, owner = _attach_of(attachable)
    if not isinstance(engine, Engine):
        refuse_type("engine", "an ignite Engine", engine)
    with ExitStack() as undo:
        handle = behind(recorder, owner, until, when, name_of(owner))
        undo.callback(handle.remove)
        added = 0

        def add(event: Any, handler: Callable[..., Any], *its: Any, **named: Any) -> None:
            nonlocal added
            hang(handle, engine, event, handler, its, named)
            added += 1

        with handlers_caught(engine, add):
            attach(engine, *args, **kwargs)
        if not added:
            raise AttachError(f"attach of {owner!r} added no handler to the engine: there is nothing to delay")
        undo.pop_all()  # nothing failed: it stays
    recorder.hub.add(handle, saved=handle.saved)
    handle.on_remove(lambda: recorder.hub.discard(handle))
    return handle


def _attach_of(attachable: Any) -> tuple[Callable[..., Any], Any]:
    """What attaches, and whose it is."""
    owner = getattr(attachable, "__self__", attachable)
    attach = getattr(attachable, "attach", attachable)
    if isinstance(owner, Metric):
        hint = "Delay what reads it; a metric that is not asked for at every evaluation goes into optional=."
        refuse_type("attachable", "no metric, which would be computed of part of the data", owner, hint)
    if isinstance(owner, EarlyStopping):
        hint = "Its attach() resets it at every evaluation: delay(recorder, early_stopping, until=...), unattached."
        refuse_type("attachable", "no EarlyStopping", owner, hint)
    if not callable(attach) or isinstance(attachable, type):
        hint = "A handler is delayed by delay(recorder, handler, until=...)."
        refuse_type("attachable", "what has an attach(engine, ...) of its own", attachable, hint)
    return attach, owner
