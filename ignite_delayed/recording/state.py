"""The state of a recorder with all that hangs on it: checked whole, then applied whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._utils.checks import check_count, check_real, shown
from .._utils.saving import check_version, load_all_or_none, plain
from ..errors import StateError
from ..history.packing import unpack

if TYPE_CHECKING:
    from ..gates.gate import Gate
    from .recorder import Recorder

__all__ = ["load", "save"]

logger = logging.getLogger("ignite_delayed.Recorder")

_VERSION = 1
_FIELDS = {"iteration", "seconds", "evaluations", "last_counted", "sources", "history", "gates", "handlers"}


def save(recorder: Recorder) -> dict[str, Any]:
    """Everything about ``recorder`` that a run changes."""
    recorder._catch_up()
    return {
        "version": _VERSION,
        "iteration": recorder.trainer.state.iteration,
        "seconds": recorder._run.seconds(),
        "evaluations": recorder._evaluations,
        "last_counted": recorder._last_counted,
        "sources": {name: source.last_iteration for name, source in recorder._sources.items()},
        "history": recorder.history.state_dict(),
        "gates": {gate.name: gate.state_dict() for gate in recorder._gates},
        "handlers": {name: plain(handler.state_dict()) for name, handler in recorder._stateful.items()},
    }


def load(recorder: Recorder, raw: Mapping[str, Any], strict: bool) -> None:
    """Put ``recorder`` into the saved state.

    Raises:
        StateError: where the state does not fit; nothing was changed.
    """
    check_version("recorder state", raw, _VERSION)
    lacking = sorted(_FIELDS - raw.keys())
    if lacking:
        raise StateError(f"recorder state: {', '.join(lacking)} is missing: it was truncated")
    here: dict[str, Iterable[str]] = {
        "gates": [gate.name for gate in recorder._gates],
        "handlers": recorder._stateful,
        "sources": recorder._sources,
    }
    new = {what: _check_names(what, raw[what], set(names), strict) for what, names in here.items()}
    counts = {name: _count(name, raw[name]) for name in ("iteration", "evaluations", "last_counted")}
    seconds = _seconds(raw["seconds"])
    sources = {name: _count(name, raw["sources"].get(name, -1)) for name in here["sources"]}
    table, marks = unpack(raw["history"])
    checked = {
        gate: gate._checked(raw["gates"][gate.name]) for gate in recorder._gates if gate.name not in new["gates"]
    }
    known = {name: handler for name, handler in recorder._stateful.items() if name not in new["handlers"]}
    load_all_or_none(known, raw["handlers"])
    if not strict:
        _tell(raw, here, new)
    _apply(recorder, checked)
    recorder.history._table, recorder.history._marks = table, marks
    recorder._last = table.last
    recorder._evaluations, recorder._last_counted = counts["evaluations"], counts["last_counted"]
    for name, iteration in sources.items():
        recorder._sources[name].last_iteration = iteration
    recorder._run.set_spent(seconds)
    recorder._continue(counts["iteration"])


def _apply(recorder: Recorder, checked: Mapping[Gate, Any]) -> None:
    for gate in recorder._gates:
        if gate in checked:
            gate._apply(checked[gate])
        else:
            gate._on_run(True)


def _check_names(what: str, saved: Any, here: set[str], strict: bool) -> set[str]:
    """The names that are here and were not saved; none if ``strict``."""
    if not isinstance(saved, Mapping):
        raise StateError(f"recorder state: {what} must be a dict, got {shown(saved)}: it is damaged")
    if strict and saved.keys() != here:
        raise StateError(
            f"recorder state: {what} differ:\n  saved: {sorted(map(str, saved))}\n  here:  {sorted(here)}\n"
            "Attach the same ones, under the same names, before loading; or load with strict=False: then new ones "
            "start afresh and those that are gone are left out."
        )
    return here - saved.keys()


def _tell(raw: Mapping[str, Any], here: Mapping[str, Iterable[str]], new: Mapping[str, set[str]]) -> None:
    """Warn of what was not in the saved state, and of what was there alone."""
    lines = []
    for what, names in here.items():
        gone = raw[what].keys() - set(names)
        if new[what]:
            lines.append(f"{what} that start afresh: {', '.join(sorted(new[what]))}")
        if gone:
            lines.append(f"saved {what} that are left out: {', '.join(sorted(map(str, gone)))}")
    if lines:
        logger.warning("the recorder's state is of other parts:\n  %s", "\n  ".join(lines))


def _count(name: str, value: Any) -> int:
    try:
        return check_count(name, value, least=-1)
    except (TypeError, ValueError) as error:
        raise StateError(f"recorder state: {error} It is damaged.") from error


def _seconds(value: Any) -> float:
    try:
        return check_real("seconds", value, least=0)
    except (TypeError, ValueError) as error:
        raise StateError(f"recorder state: {error} It is damaged.") from error
