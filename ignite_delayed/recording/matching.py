"""Whether a saved state is of the parts that are here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._utils.checks import describe
from .._utils.text import logger_of
from ..errors import StateError

__all__ = ["check_names", "tell_differences"]

logger = logger_of("Recorder")


def check_names(raw: Mapping[str, Any], here: Mapping[str, set[str]], strict: bool) -> None:
    """Refuse a state whose gates, handlers or sources have other names than those ``here``, if ``strict``.

    Raises:
        StateError: with the names on both sides.
    """
    for what, names in here.items():
        saved = raw[what]
        if not isinstance(saved, Mapping):
            raise StateError(f"recorder state: {what} must be a dict, got {describe(saved)}: it is damaged")
        if strict and saved.keys() != names:
            raise StateError(
                f"recorder state: {what} differ:\n  saved: {sorted(map(str, saved))}\n  here:  {sorted(names)}\n"
                "Attach the same ones, under the same names, before loading; or load with strict=False: then new ones "
                "start afresh and those that are gone are left out."
            )


def tell_differences(raw: Mapping[str, Any], here: Mapping[str, set[str]]) -> None:
    """Warn of what is not in the saved state, and of what is there alone."""
    lines = []
    for what, names in here.items():
        new, gone = names - raw[what].keys(), raw[what].keys() - names
        if new:
            lines.append(f"{what} that start afresh: {', '.join(sorted(new))}")
        if gone:
            lines.append(f"saved {what} that are left out: {', '.join(sorted(map(str, gone)))}")
    if lines:
        logger.warning("the recorder's state is of other parts: %s", "; ".join(lines))
