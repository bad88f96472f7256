"""Gates: a condition, live, with a memory of having opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from .._utils.checks import check_name, refuse_type, shown
from .._utils.saving import check_version
from ..conditions import Condition, Explanation, State, as_condition
from ..conditions.wakeup import next_wakeup
from ..errors import StateError
from ..history.mark import Best, By
from ..history.record import Record
from ..recording.recorder import Recorder, check_recorder

__all__ = ["Gate"]

OnOpen = TypeVar("OnOpen", bound=Callable[["Gate"], Any])

_VERSION = 1


class Gate:
    """Open from the first record at which ``until`` is true, for ever; or exactly while ``when`` is true.

    A gate is an Ignite event filter, ``Events.COMPLETED(event_filter=gate)``, for events with a counter; asking it
    changes nothing, however many handlers share it. :func:`delay` serves every event, and costs less.

    Args:
        recorder: what feeds it.
        until: a condition, or a function of one record; the gate latches.
        when: the same; the gate follows. Exactly one of the two is given.
        name: for logs, marks and plots; made unique within the recorder.

    Attributes:
        condition: the condition, as given.
        is_open: whether the gate is open now.
        opened_at: the record at which it opened last, ``None`` before.
        logger: says what happened, at level INFO.

    Raises:
        TypeError: without a condition, or with both.
        UnknownMetricError: where no evaluator of the recorder can report a metric that is read.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> gate = Gate(Recorder(trainer, evaluator), until=After(epochs=2))
        >>> @evaluator.on(Events.COMPLETED(event_filter=gate))
        ... def late():
        ...     print("epoch", trainer.state.epoch)
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> _ = trainer.run([0], max_epochs=4)
        epoch 3
        epoch 4
    """

    logger = logging.getLogger("ignite_delayed.Gate")
    _kinds = ("opened", "closed")
    _by: By = "gate"

    def __init__(self, recorder: Recorder, *, until: Any = None, when: Any = None, name: str | None = None) -> None:
        check_recorder(recorder)
        if (until is None) == (when is None):
            both = "both" if until is not None else "neither"
            raise TypeError(f"give exactly one of until (opens once, stays open) and when (follows), got {both}.")
        self.condition: Condition = as_condition("until" if when is None else "when", until if when is None else when)
        self._latches = when is None
        self._callbacks: list[Callable[[Gate], Any]] = []
        label = "gate" if name is None else check_name("name", name)
        self._forget()
        recorder._admit(self)
        self.recorder = recorder
        self.name = recorder._unique(label)

    def _forget(self) -> None:
        """Become as new."""
        self._state: State = self.condition.initial()
        self.is_open = False
        self.opened_at: Record | None = None

    @property
    def _moves(self) -> bool:
        """Whether records can still change this gate."""
        return not (self._latches and self.is_open)

    def __call__(self, engine: Any, event: Any) -> bool:
        """Whether the gate is open: the event filter's signature."""
        return self.is_open

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no truth value by itself: ask gate.is_open")

    def on_open(self, function: OnOpen) -> OnOpen:
        """Call ``function(gate)`` whenever the gate opens, after all gates have moved; usable as a decorator."""
        if not callable(function):
            refuse_type("function", "a function of one gate", function)
        self._callbacks.append(function)
        return function

    def explain(self) -> Explanation:
        """Why the gate is open or closed: ``print(gate.explain())`` draws the condition's tree."""
        return self.condition.explain(self._state)

    def remove(self) -> None:
        """Be fed no longer: the gate stays as it is. A second call does nothing."""
        self.recorder._dismiss(self)

    # --- what the recorder calls -------------------------------------------------------------------------------

    def _on_run(self, fresh: bool) -> None:
        """A run of the trainer begins; ``fresh`` if from its beginning."""
        if fresh:
            self._forget()

    def _judge(self, record: Record) -> tuple[State, bool | None]:
        """What ``record`` makes of the gate; nothing moves yet."""
        return self.condition.step(self._state, record)

    def _wakeup(self, record: Record) -> float:
        """The first iteration after ``record`` at which the clock may move the gate."""
        return next_wakeup(self.condition, record)

    def _move(self, state: State, verdict: bool | None, record: Record) -> bool:
        """Take the new state; whether the gate opened or closed."""
        self._state = state
        was, self.is_open = self.is_open, verdict is True
        if self.is_open and not was:
            self.opened_at = record
        return self.is_open is not was

    def _announce(self, record: Record) -> None:
        """Say that the gate opened or closed at ``record``."""
        kind = self._kinds[not self.is_open]
        text = self._why()
        self.recorder.history.mark(kind, self.name, record, text, by=self._by, best=self._best())
        self.logger.info("%s %s in epoch %d, iteration %d: %s", self.name, kind, record.epoch, record.iteration, text)
        if self.is_open:
            for function in list(self._callbacks):
                function(self)

    def _best(self) -> Best | None:
        """The best value known, for the mark."""
        return None

    def _why(self) -> str:
        return repr(self.condition)

    # --- state -------------------------------------------------------------------------------------------------

    def _rule(self) -> str:
        return f"{'until' if self._latches else 'when'} {self.condition!r}"

    def state_dict(self) -> dict[str, Any]:
        """The gate's state as plain values: what changed, and the rule it belongs to."""
        self.recorder._catch_up()
        opened = self.opened_at
        return {
            "version": _VERSION,
            "rule": self._rule(),
            "is_open": self.is_open,
            "opened_at": None if opened is None else _saved(opened),
            "state": _listed(self._state),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a saved state.

        Raises:
            StateError: where it is of another rule or version, or damaged; nothing was changed.
        """
        self._apply(self._checked(state_dict))
        self.recorder._continue()

    def _checked(self, raw: Any) -> tuple[State, bool, Record | None]:
        """The state in ``raw``, checked whole."""
        check_version(f"the state of {self.name!r}", raw, _VERSION)
        if raw.get("rule") != self._rule():
            raise StateError(
                f"{self.name!r} cannot load the state of another rule:\n  saved: {raw.get('rule')}\n  "
                f"here:  {self._rule()}\nBuild the gate with the saved rule, or start it afresh by not loading it."
            )
        if not isinstance(raw.get("is_open"), bool) or "state" not in raw or "opened_at" not in raw:
            raise StateError(f"the state of {self.name!r} is truncated: it has {sorted(map(str, raw))}")
        state, is_open = self.condition.decode(raw["state"]), raw["is_open"]
        opened = None if raw["opened_at"] is None else _restored(raw["opened_at"])
        if is_open is not (state[0] is True) or (is_open and opened is None):
            raise StateError(f"the state of {self.name!r} contradicts itself about whether the gate is open: damaged")
        return state, is_open, opened

    def _apply(self, checked: tuple[State, bool, Record | None]) -> None:
        self._state, self.is_open, self.opened_at = checked

    def __deepcopy__(self, memo: dict[int, Any]) -> Gate:
        raise TypeError("a gate belongs to its recorder and cannot be copied: build a new one")

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"<{type(self).__name__} {self.name!r}: {state}, {self._rule()}>"

    def _repr_html_(self) -> str:
        from .._utils.html import escape

        state = "closed" if not self.is_open or self.opened_at is None else f"open since epoch {self.opened_at.epoch}"
        return f"{type(self).__name__} <b>{escape(self.name)}</b>: {state}{self.explain()._repr_html_()}"


def _listed(state: Any) -> Any:
    """``state`` with lists for tuples: what JSON and safe unpickling give back."""
    return [_listed(entry) for entry in state] if isinstance(state, tuple) else state


_FIELDS = ("epoch", "iteration", "evaluation", "seconds", "planned", "source", "values")


def _saved(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _FIELDS} | {"values": dict(record.values)}


def _restored(raw: Any) -> Record:
    if not isinstance(raw, Mapping) or raw.keys() != set(_FIELDS) or not isinstance(raw["values"], Mapping):
        raise StateError(f"opened_at must be a saved record, got {shown(raw)}: it is truncated or damaged")
    try:
        return Record(**raw)
    except (TypeError, ValueError) as error:
        raise StateError(f"opened_at must be a saved record: {error}") from error
