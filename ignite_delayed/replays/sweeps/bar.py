"""A bar for what takes long."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from ..._utils.extras import require_extra

__all__ = ["Bar", "bar_of"]

#: Seconds before a bar that nobody asked for appears.
_PATIENCE = 2.0


class Bar(Protocol):
    """What is told how far the work is."""

    def update(self, count: int) -> Any:
        """``count`` more are done."""


class _Silent:
    def update(self, count: int) -> None:
        """Nobody is told."""


def bar_of(asked: bool | None, count: int | None) -> AbstractContextManager[Bar]:
    """A bar over ``count`` runs: ``None`` shows one in a terminal, where the work takes long and tqdm is installed."""
    if asked is False:
        return nullcontext(_Silent())
    try:
        tqdm = require_extra("tqdm", "progress").tqdm
    except ImportError:
        if asked:
            raise
        return nullcontext(_Silent())
    looks: dict[str, Any] = {} if asked else {"delay": _PATIENCE, "disable": None, "leave": False}
    bar: AbstractContextManager[Bar] = tqdm(total=count, desc="sweep", unit="run", **looks)
    return bar
