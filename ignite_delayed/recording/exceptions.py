"""Hearing of the exceptions of an engine without dealing with them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events

from .host import attached_handlers, detach, drop_if_empty

__all__ = ["ExceptionWatch"]


class ExceptionWatch:
    """Calls ``notice`` when an exception is raised in ``engine``, beside those who deal with it.

    Ignite takes an exception for dealt with where any handler is attached. So this one is attached only where others
    are, as the engine starts; and where those are gone it raises the exception again.

    Args:
        engine: held weakly.
        notice: called without arguments.
    """

    def __init__(self, engine: Engine, notice: Callable[[], None]) -> None:
        self._engine = weakref.ref(engine)
        self._notice = notice
        self._attached: Any = None

    def begin(self) -> None:
        """The engine starts."""
        engine = self._engine()
        if engine is not None and self._attached is None and _others(engine):
            self._attached = engine.add_event_handler(Events.EXCEPTION_RAISED, self.on_exception)

    def on_exception(self, error: BaseException) -> None:  # the engine may be gone, where an interrupted run is dropped
        """Notice it; the last of those that only notice raises it again, where there is nobody else."""
        self._notice()
        engine = self._engine()
        if engine is None or (not _others(engine) and _handlers(engine)[-1] == self.on_exception):
            raise error

    def remove(self) -> None:
        """Notice no more. A second call does nothing."""
        engine = self._engine()
        if self._attached is not None and engine is not None:
            detach(self._attached)
            drop_if_empty(engine, Events.EXCEPTION_RAISED)
        self._attached = None

    @classmethod
    def is_one(cls, handler: Callable[..., Any]) -> bool:
        """Whether ``handler`` belongs to such a watch."""
        return getattr(handler, "__func__", None) is cls.on_exception


def _handlers(engine: Engine) -> list[Callable[..., Any]]:
    return attached_handlers(engine, Events.EXCEPTION_RAISED)


def _others(engine: Engine) -> bool:
    """Whether anybody is attached who may deal with an exception."""
    return not all(map(ExceptionWatch.is_one, _handlers(engine)))
