"""The version that saved states carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import StateError
from .checks import shown

__all__ = ["check_version"]


def check_version(what: str, raw: Any, *versions: int) -> None:
    """Refuse ``raw`` unless it is a dict of one of the ``versions`` that this release reads, with the likely cause.

    Raises:
        StateError: naming it.
    """
    if not isinstance(raw, Mapping):
        raise StateError(f"{what}: expected a dict of version {versions[-1]}, got {shown(raw)}: it is no saved state")
    got = raw.get("version")
    if type(got) is int and got in versions:
        return
    if type(got) is not int:
        cause = "it was truncated, or is no such state"
    else:
        age = "a newer" if got > versions[-1] else "an older"
        cause = f"it is of {age} release of ignite-delayed: read it with that one"
    raise StateError(f"{what}: expected version {versions[-1]}, got {shown(got)}: {cause}")
