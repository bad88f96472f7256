"""Saved states: the version they carry, what they may hold, and loading several of them as one."""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import StateError
from .checks import check_count, check_real, describe

__all__ = [
    "check_seal",
    "check_version",
    "checked_count",
    "checked_names",
    "checked_seconds",
    "load_all_or_none",
    "plain",
    "seal",
]


def check_version(what: str, raw: Any, *versions: int) -> None:
    """Refuse ``raw`` unless it is a dict of one of the ``versions`` that this release reads, with the likely cause.

    Raises:
        StateError: naming it.
    """
    if not isinstance(raw, Mapping):
        raise StateError(
            f"{what}: expected a dict of version {versions[-1]}, got {describe(raw)}: it is no saved state"
        )
    got = raw.get("version")
    if type(got) is int and got in versions:
        return
    if type(got) is not int:
        cause = "it was truncated, or is no such state"
    else:
        age = "a newer" if got > versions[-1] else "an older"
        cause = f"it is of {age} release of ignite-delayed: read it with that one"
    raise StateError(f"{what}: expected version {versions[-1]}, got {describe(got)}: {cause}")


def checked_count(name: str, value: Any) -> int:
    """``value`` as a saved count, -1 for none yet.

    Raises:
        StateError: where it is none.
    """
    try:
        return check_count(name, value, least=-1)
    except (TypeError, ValueError) as error:
        raise StateError(f"recorder state: {error} It is damaged.") from error


def checked_seconds(value: Any) -> float:
    """``value`` as saved seconds.

    Raises:
        StateError: where it is none.
    """
    try:
        return check_real("seconds", value, least=0)
    except (TypeError, ValueError) as error:
        raise StateError(f"recorder state: {error} It is damaged.") from error


def checked_names(name: str, value: Any) -> list[str]:
    """``value`` as a saved list of names.

    Raises:
        StateError: where it is none.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise StateError(f"recorder state: {name} must be a list of names, got {describe(value)}: it is damaged")
    return list(value)


def load_all_or_none(handlers: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    """Load the state of each of ``handlers``, all or none: they check it only as they take it.

    Raises:
        StateError: where one of them refuses.
    """
    undo: list[Callable[[], Any]] = []
    for name, handler in handlers.items():
        try:
            undo.append(_way_back(handler))
            handler.load_state_dict(states[name])
        except BaseException as error:
            for put_back in reversed(undo):
                put_back()
            if not isinstance(error, Exception):
                raise
            raise StateError(f"the handler {name!r} refuses its saved state: {error}") from error


def _way_back(handler: Any) -> Callable[[], Any]:
    """What makes ``handler`` as it is now: exactly, where it has a way back of its own."""
    if hasattr(handler, "_remember"):
        put_back: Callable[[], Any] = handler._remember()
        return put_back
    state = copy.deepcopy(handler.state_dict())
    return lambda: handler.load_state_dict(state)


def seal(state: dict[str, Any]) -> dict[str, Any]:
    """``state`` with a checksum of all that is plain in it."""
    return {**state, _SEAL: _checksum(state)}


def check_seal(what: str, state: Mapping[str, Any]) -> None:
    """Refuse ``state`` where it is not what was sealed; one that has no seal, of an older release, is accepted.

    Raises:
        StateError: where something in it has changed.
    """
    if _SEAL in state and state[_SEAL] != _checksum({key: state[key] for key in state.keys() - {_SEAL}}):
        raise StateError(f"{what}: it does not go with its checksum: it was damaged, or changed by hand")


_SEAL = "checksum"


def _checksum(state: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(_canonical(state)).encode())


def _canonical(value: Any) -> Any:
    """``value`` the same before and after JSON; what JSON does not take, such as a tensor of a user's, by its type."""
    if isinstance(value, Mapping):
        return {str(key): _canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_canonical(entry) for entry in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else type(value).__name__


def plain(state: Any) -> Any:
    """A handler's state with plain containers and numbers, so that safe unpickling takes it back."""
    import numpy as np  # histories are read without it

    if isinstance(state, Mapping):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(value) for value in state]
    if isinstance(state, (np.generic, np.ndarray)) and state.ndim == 0:
        return state.item()
    return state
