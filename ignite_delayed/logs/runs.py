"""Runs: past runs in order, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from .._utils.checks import check_name, refuse_type, refuse_value, suggestion
from .._utils.text import quantity
from ..history import History

__all__ = ["Runs"]


class Runs(Sequence[History]):
    """Past runs in order, with their names and parameters; a history is read when it is asked for, and not kept.

    ``runs[3]`` and ``runs["lr=0.1"]`` are histories, ``runs[:10]`` is a ``Runs`` of ten. Iterating reads one after
    the other, so memory holds one at a time. A ``Runs`` can be pickled where what reads its histories can.

    Args:
        histories: a :class:`History`, or a function without arguments that reads one, for each run.
        names: one for each run, all different; ``"0"``, ``"1"``, ... by default.
        parameters: of each run, by name, such as its learning rate; or a function that reads them.

    Example:
        >>> from ignite_delayed import Record
        >>> one = History([Record(epoch=1, iteration=1, values={"loss": 0.5})])
        >>> runs = Runs([one, lambda: one], names=["a", "b"], parameters=[{"lr": 0.1}, {"lr": 0.2}])
        >>> runs, runs["b"], runs.where(lr=0.2).names
        (<Runs: 2 runs, 'a' to 'b'>, <History: 1 record, epoch 1, loss>, ['b'])
    """

    def __init__(
        self,
        histories: Iterable[History | Callable[[], History]],
        *,
        names: Iterable[str] | None = None,
        parameters: Iterable[Mapping[str, Any] | Callable[[], Mapping[str, Any]]] | None = None,
    ) -> None:
        if isinstance(histories, History):
            refuse_type("histories", "several histories", histories, "Write Runs([history]).")
        self._histories = list(histories)
        for history in self._histories:
            if not isinstance(history, History) and not callable(history):
                refuse_type("histories", "an iterable of History, or of functions that read one", history)
        count = len(self._histories)
        self._names = [str(place) for place in range(count)] if names is None else list(names)
        self._parameters = [{} for _ in range(count)] if parameters is None else list(parameters)
        for argument, listed in (("names", self._names), ("parameters", self._parameters)):
            if len(listed) != count:
                refuse_value(argument, f"one for each of the {count} runs", listed, f"There are {len(listed)}.")
        for name in self._names:
            check_name("names", name)
        if len(set(self._names)) < count:
            twice = next(name for name in self._names if self._names.count(name) > 1)
            refuse_value("names", "all different", twice, "It is there twice.")

    @property
    def names(self) -> list[str]:
        """The name of each run, in order."""
        return list(self._names)

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The parameters of each run, in order."""
        return [dict(given() if callable(given) else given) for given in self._parameters]

    def where(self, **parameters: Any) -> Runs:
        """The runs that have these parameters.

        Raises:
            ValueError: where no run has a parameter of that name.
        """
        every = self.parameters
        known = {name for given in every for name in given}
        for name in parameters.keys() - known:
            refuse_value("parameters", f"one of {', '.join(map(repr, sorted(known)))}", name, suggestion(name, known))
        missing = object()
        kept = (all(given.get(name, missing) == value for name, value in parameters.items()) for given in every)
        return self._part([place for place, keep in enumerate(kept) if keep])

    def _part(self, places: Iterable[int]) -> Runs:
        places = list(places)
        return Runs(
            [self._histories[place] for place in places],
            names=[self._names[place] for place in places],
            parameters=[self._parameters[place] for place in places],
        )

    def __len__(self) -> int:
        return len(self._histories)

    @overload
    def __getitem__(self, key: int | str) -> History: ...
    @overload
    def __getitem__(self, key: slice) -> Runs: ...

    def __getitem__(self, key: int | str | slice) -> History | Runs:
        if isinstance(key, slice):
            return self._part(range(len(self))[key])
        if isinstance(key, str):
            if key not in self._names:
                listed = ", ".join(map(repr, self._names[:10])) + ", ..." * (len(self) > 10)
                raise KeyError(f"no run {key!r}; there are: {listed}. {suggestion(key, self._names)}".rstrip())
            key = self._names.index(key)
        if isinstance(key, bool) or not hasattr(key, "__index__"):
            refuse_type("key", "a position, a slice or a run's name", key)
        found = self._histories[key]
        history = found if isinstance(found, History) else found()
        if not isinstance(history, History):
            refuse_type(f"what reads run {self._names[key]!r}", "a function that returns a History", history)
        return history

    def __iter__(self) -> Iterator[History]:
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        if not self._names:
            return "<Runs: no runs>"
        return f"<Runs: {quantity(len(self), 'run')}, {self._names[0]!r} to {self._names[-1]!r}>"
