"""Which metrics a record must have: those that conditions read of its source, but for the optional ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..._utils.checks import check_name, refuse_type, refuse_value
from ...history.metrics import reporter, require
from ..attachment import LiveCondition

__all__ = ["Required", "check_optional"]


class Required:
    """Keeps what live conditions read, by the source that must report it.

    Args:
        sources: their names.
        optional: the metrics that need not be in every record, with their parts.
    """

    def __init__(self, sources: Iterable[str], optional: Collection[str]) -> None:
        self._by_source: dict[str, set[str]] = {name: set() for name in sources}
        self.optional = tuple(optional)

    def update(self, live: Iterable[LiveCondition]) -> None:
        """The live conditions are those in ``live`` from now on."""
        for required in self._by_source.values():
            required.clear()
        for name in {name for one in live for name in one.condition.reads}:
            source = reporter(name, self._by_source)
            if source is not None and not any(name == one or name.startswith(f"{one}/") for one in self.optional):
                self._by_source[source].add(name)

    def check(self, source: str, values: Mapping[str, float], unusable: Mapping[str, str]) -> None:
        """Raise where ``values`` of ``source`` lack a metric.

        Raises:
            MetricValueError: for one that was reported and is no number.
            UnknownMetricError: for one that was not reported.
        """
        require(self._by_source[source], source, values, unusable)

    def optional_of(self, sources: Collection[str]) -> list[str]:
        """The optional metrics of ``sources``, as their engine names them."""
        owned = [(reporter(name, self._by_source), name) for name in self.optional]
        return [name.removeprefix(f"{source}/") if source else name for source, name in owned if source in sources]


def check_optional(optional: Any, sources: Collection[str]) -> tuple[str, ...]:
    """The names in ``optional``, each of a metric that one of ``sources`` can report."""
    if isinstance(optional, str) or not isinstance(optional, Iterable):
        refuse_type("optional", "names of metrics", optional, f"For example optional=({optional!r},).")
    names = tuple(check_name("optional", name) for name in optional)
    for name in names:
        if reporter(name, sources) is None:
            first = next(iter(sources))
            refuse_value(
                "optional", f"names like '{first}/{name}'", name, "With named evaluators metrics have their name."
            )
    return names
