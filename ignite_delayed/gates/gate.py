"""Gates: a condition, live, that handlers wait behind."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn, TypeVar

from .._utils.advice import advise
from .._utils.checks import check_name
from .._utils.html import escape
from .._utils.text import logger_of
from ..conditions import ConditionLike, as_condition
from ..conditions.stages import Stage, gate_stage
from ..history import Best, Mark, Record
from ..history.mark import By
from ..recording.attachment import LiveCondition
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from .signatures import Announcement, announcement_of

__all__ = ["Gate"]

OnOpen = TypeVar("OnOpen", bound=Callable[..., Any])


class Gate(LiveCondition):
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

    logger = logger_of("Gate")
    #: How marks, and what is logged, call its opening, and what decided it.
    _opening: ClassVar[str] = "opened"
    _by: ClassVar[By] = "gate"

    @advise("until={0!r}, after which it stays open, or when={0!r}, which it follows")
    def __init__(
        self,
        recorder: Recorder,
        *,
        until: ConditionLike | None = None,
        when: ConditionLike | None = None,
        name: str | None = None,
    ) -> None:
        check_recorder(recorder)
        if (until is None) == (when is None):
            both = "both" if until is not None else "neither"
            raise TypeError(f"give exactly one of until (opens once, stays open) and when (follows), got {both}.")
        condition = as_condition("when", when) if until is None else as_condition("until", until)
        super().__init__(condition, latches=until is not None)
        self._callbacks: list[Announcement] = []
        label = "gate" if name is None else check_name("name", name)
        self.recorder = recorder
        self.name = recorder.engines.watch(self, label)

    def __call__(self, engine: Any, event: Any) -> bool:
        """Whether the gate is open: the event filter's signature."""
        return self.is_open

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no truth value by itself: ask gate.is_open")

    def on_open(self, function: OnOpen) -> OnOpen:
        """Call ``function(gate)`` whenever the gate opens, after all gates have moved; usable as a decorator.

        Args:
            function: takes the gate, or nothing, or (as a parameter called ``engine`` or ``trainer``) the trainer. All
                are called, and a stopper stops the run, though one of them raises.

        Raises:
            TypeError: where its signature fits none of these.
        """
        self._callbacks.append(announcement_of(function))
        return function

    def remove(self) -> None:
        """Be fed no longer: the gate stays as it is. A second call does nothing."""
        self.recorder.engines.unwatch(self)

    def _announce(self, record: Record) -> None:
        kind, text = self._opening if self.is_open else "closed", self._why()
        mark = self._mark(kind, record, text, self._best())
        self.logger.log(self._level(), "%s %s %s: %s", self.name, kind, mark.when, text)

    def _level(self) -> int:
        """At which level it is told that the gate opened or closed."""
        return logging.INFO

    def _mark(self, kind: str, record: Record, text: str, best: Best | None = None) -> Mark:
        before = record.ahead(self.recorder.trainer.state.epoch_length)
        return self.recorder.hub.mark(kind, self._by, self.name, record, text, best=best, before=before)

    def _listeners(self) -> list[Callable[[], Any]]:
        return [functools.partial(function, self) for function in self._callbacks] if self.is_open else []

    def _why(self) -> str:
        """Why it opened or closed, for marks and logs."""
        return repr(self.condition)

    def _best(self) -> Best | None:
        """The best value known, for the mark."""
        return None

    # --- what is shown -----------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """How far it has come: ``"closed"`` or ``"open"``."""
        return gate_stage(self.state)

    def row(self) -> Row | None:
        if self.opened_at is not None and self.is_open:
            why = repr(self.condition) if self.latches else f"while {self.condition!r}"
            return Row(self.name, self.stage, f"since epoch {self.opened_at.epoch}: {why}")
        return Row(self.name, self.stage, self.condition.missing(self.state), self.condition.nearness(self.state))

    def numbers(self) -> dict[str, float]:
        return {f"{self.name}/open": float(self.is_open)}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.stage}, {self.rule}>"

    def _repr_html_(self) -> str:
        since = "" if not self.is_open or self.opened_at is None else f" since epoch {self.opened_at.epoch}"
        return f"{type(self).__name__} <b>{escape(self.name)}</b>: {self.stage}{since}{self.explain()._repr_html_()}"

    # --- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The gate's state as plain values: what changed, and the rule it belongs to."""
        self.recorder.engines.catch_up()
        return super().state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a saved state.

        Raises:
            StateError: where it is of another rule or version, or damaged; nothing was changed.
        """
        self._prepare(state_dict)()
        self.recorder.engines.loaded()

    def __deepcopy__(self, memo: dict[int, Any]) -> Gate:
        raise TypeError("a gate belongs to its recorder and cannot be copied: build a new one")
