"""Which data an engine ran on, as far as its loader tells: by its dataset and its length."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["Data", "named_data"]

T = TypeVar("T")


class Data:
    """The data of one run; a loader that is built again over the same dataset shows the same data.

    Args:
        loader: what the engine iterated over, ``None`` where it was given a length alone.
    """

    def __init__(self, loader: Any) -> None:
        self._loader, self._dataset = _held(loader), _held(_dataset(loader))
        self._length = _length(loader)
        self._kind = type(loader).__name__

    def is_other(self, loader: Any) -> bool:
        """Whether ``loader`` is over another dataset, or of another length.

        Lists and the like have no dataset: their length decides. Iterables without a length cannot be told apart.
        """
        if loader is self._loader():
            return False
        return _dataset(loader) is not self._dataset() or _length(loader) != self._length

    def __str__(self) -> str:
        return self._kind if self._length is None else f"{self._kind} of length {self._length}"


def named_data(loader: Any, named: Iterable[tuple[T, Any]]) -> T | None:
    """Which of the ``named`` loaders or datasets ``loader`` is, ``None`` where it is none of them or cannot be told.

    The loader itself decides, else its dataset, and of several loaders over one dataset that of the same length.
    """
    pairs = list(named)
    for name, data in pairs:
        if data is loader:
            return name
    dataset = _dataset(loader)
    if dataset is None:
        return None
    over = [(name, data) for name, data in pairs if data is dataset or _dataset(data) is dataset]
    if len(over) > 1:
        over = [(name, data) for name, data in over if _length(data) == _length(loader)]
    return over[0][0] if len(over) == 1 else None


def _dataset(loader: Any) -> Any:
    return getattr(loader, "dataset", None)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except (TypeError, NotImplementedError):  # a loader of an iterable dataset has a __len__ that raises
        return None


def _held(thing: Any) -> Callable[[], Any]:
    """``thing`` held weakly, where it can be: its identity alone would be given to another one."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing
