"""Stopping the run: on any condition, or early, when a metric stops improving."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import ignite.distributed as idist

from .._utils.advice import advise
from .._utils.text import logger_of
from ..conditions import Condition, ConditionLike, EarlyStop, Expression, Patience, State, as_condition
from ..conditions.expression import label_of
from ..conditions.patience import OTHER_NAMES, ask_for_mode
from ..conditions.stages import Stage, stop_stage
from ..errors import AttachError
from ..history import Best, Record
from ..history.mark import By
from ..recording.recorder import Recorder, check_recorder
from ..recording.rows import Row
from .gate import Gate

__all__ = ["Stopper", "delay_early_stopping", "stop_when"]


class Stopper(Gate):
    """A gate that ends the run when it opens; :func:`stop_when` and :func:`delay_early_stopping` build it.

    Attributes:
        reason: why the run was stopped, ``None`` while it was not; also ``trainer.state.stop_reason`` (of several
            that stopped the run at once, the one attached first).
        stopped_at: the record that stopped it.
        logger: says why, at level INFO; as a WARNING where INFO is not shown, which is Python's default, unless a live
            status tells it.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Recorder, delay_early_stopping
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> stopper = delay_early_stopping(Recorder(trainer, evaluator), "loss", mode="min", patience=2)
        >>> _ = trainer.run([0], max_epochs=6)
        >>> stopper.stage, stopper.stopped_at.epoch, stopper.best_score, stopper.best_epoch
        ('stopped', 5, 0.3, 3)
        >>> stopper.reason
        'loss did not improve for 2 evaluations in a row (patience 2); best 0.3 in epoch 3, iteration 3'
    """

    logger = logger_of("Stopper")
    _opening: ClassVar[str] = "stopped"
    _by: ClassVar[By] = "stopper"

    def __init__(self, recorder: Recorder, condition: ConditionLike, *, name: str | None = None) -> None:
        super().__init__(recorder, until=condition, name="stop" if name is None else name)
        self._publish()

    @property
    def reason(self) -> str | None:
        """Why the run was stopped, ``None`` while it was not."""
        return self._why() if self.is_open else None

    @property
    def stopped_at(self) -> Record | None:
        """The record that stopped the run, ``None`` while it was not stopped."""
        return self.opened_at

    @property
    def patience(self) -> int | Patience:
        """Observations without improvement that are accepted, or a :class:`Patience` in another unit."""
        return self._early_stop.patience

    @property
    def counter(self) -> float:
        """What was spent of the patience: observations without improvement, or epochs, ...; NaN if not known."""
        return self._early_stop.counter(self.state)

    @property
    def best_score(self) -> float | None:
        """The best value so far, ``None`` before there was one."""
        return self._early_stop.best(self.state)

    @property
    def best_epoch(self) -> int | None:
        """The trainer's epoch of the best value, ``None`` before there was one."""
        return self._early_stop.best_epoch(self.state)

    @property
    def _early_stop(self) -> EarlyStop:
        if not isinstance(self.condition, EarlyStop):
            raise AttributeError(f"{self!r} stops on a condition: it has no best score, counter or patience")
        return self.condition

    def reset(self) -> None:
        """Forget all that was seen, so that a stopped run can go on."""
        self._forget()
        self._publish()
        self.recorder.hub.look_again()

    def _on_run(self, fresh: bool) -> None:
        super()._on_run(fresh)
        if fresh:
            self._publish()
        elif self.is_open:
            text = "the run was stopped before: %s. Call reset() on the stopper to train on."
            self.logger.warning(text, self.reason)
            self.recorder.trainer.terminate()

    def awaited(self, state: State) -> tuple[Condition, State]:
        """While the stop is delayed that is the delay; then the rule."""
        rule = self.condition
        if isinstance(rule, EarlyStop) and rule.until is not None and rule.opened(state) is None:
            return rule.until, state.until
        return rule, state

    def _changes(self, state: State, record: Record) -> bool:
        rule = self.condition
        began = isinstance(rule, EarlyStop) and rule.opened(state) != rule.opened(self.state)
        return began or super()._changes(state, record)

    def _announce(self, record: Record) -> None:
        rule = self.condition
        if isinstance(rule, EarlyStop) and rule.until is not None and rule.opened(self.state) == record.clock:
            self._mark("opened", record, repr(rule.until))
            self.logger.info("%s may stop the run from epoch %d on: %r held", self.name, record.epoch, rule.until)
        if self.is_open:
            self._publish()
            super()._announce(record)

    def _level(self) -> int:
        told = any(part.tells for part in self.recorder.hub.attached) or idist.get_rank() > 0
        return logging.INFO if told or self.logger.isEnabledFor(logging.INFO) else logging.WARNING

    def _conclude(self) -> None:
        if self.is_open:  # whoever heard of it may have called reset()
            self.recorder.trainer.terminate()

    def _publish(self) -> None:
        state: Any = self.recorder.trainer.state
        reasons = (live.reason for live in self.recorder.hub.live if isinstance(live, Stopper))
        state.stop_reason = next((reason for reason in reasons if reason is not None), None)

    def _why(self) -> str:
        if isinstance(self.condition, EarlyStop):
            return self.condition.reason(self.state)
        return f"{self.condition!r} held"

    def _best(self) -> Best | None:
        return self.condition.found(self.state) if isinstance(self.condition, EarlyStop) else None

    def _prepare(self, raw: Any) -> Callable[[], None]:
        commit = super()._prepare(raw)

        def commit_and_publish() -> None:
            commit()
            self._publish()

        return commit_and_publish

    # --- what is shown -----------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """How far it has come: ``"closed"`` while it cannot stop the run, ``"open"``, ``"counting"``, ``"stopped"``."""
        return stop_stage(self.condition, self.state)

    def row(self) -> Row | None:
        if self.stopped_at is not None:
            return Row(self.name, self.stage, f"in epoch {self.stopped_at.epoch}: {self.reason}")
        rule, state = self.condition, self.state
        if not isinstance(rule, EarlyStop):
            return Row(self.name, self.stage, rule.missing(state), rule.nearness(state))
        best = rule.found(state)
        found = "no best value yet" if best is None else f"best {best.value:.6g} in epoch {best.epoch}"
        count = f"{label_of(rule.monitor)}: patience {rule.limit.left(state.counter)}, {found}"
        if rule.until is None or rule.opened(state) is not None:
            return Row(self.name, self.stage, count, rule.limit.share(state.counter))
        waits = rule.until.missing(state.until)
        seen = {"ignore": "", "track": f"; {found}", "count": f"; {count}"}[rule.while_closed]
        return Row(self.name, self.stage, waits + seen, rule.until.nearness(state.until))

    def numbers(self) -> dict[str, float]:
        told = super().numbers()
        if isinstance(self.condition, EarlyStop):
            if not math.isnan(self.counter):
                told[f"{self.name}/counter"] = float(self.counter)
            if self.best_score is not None:
                told[f"{self.name}/best"] = self.best_score
        return told


def stop_when(recorder: Recorder, condition: ConditionLike, *, name: str | None = None) -> Stopper:
    """Stop the run at the first record at which ``condition`` is true.

    Args:
        recorder: what feeds it.
        condition: a condition, or a function of one record.
        name: for logs, marks and plots.

    Returns:
        The stopper: ``reason``, ``stopped_at``, ``explain()``, ``state_dict``.

    Raises:
        TypeError: where ``condition`` is none.
        AttachError: where the recorder has that stopper already, with these numbers or others, and neither is named.
        UnknownMetricError: where no evaluator of the recorder can report a metric that is read.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import Metric, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> stopper = stop_when(Recorder(trainer, evaluator), Metric("loss") < 0.3)
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = 1 / trainer.state.epoch
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> trainer.run([0], max_epochs=20).epoch, stopper.reason
        (4, "Metric('loss') < 0.3 held")
    """
    return _stopper(recorder, as_condition("condition", condition), name, "stop")


@advise(**OTHER_NAMES)
@ask_for_mode
def delay_early_stopping(
    recorder: Recorder,
    monitor: str | Expression,
    *,
    mode: Literal["min", "max"],
    patience: int | Patience,
    until: ConditionLike | None = None,
    while_closed: Literal["ignore", "track", "count"] = "ignore",
    threshold: float = 0.0,
    threshold_mode: Literal["abs", "rel"] = "abs",
    cumulative: bool = False,
    nan: Literal["count", "stop", "raise"] = "count",
    name: str | None = None,
) -> Stopper:
    """Stop once ``until`` has held and ``patience`` evaluations in a row did not improve ``monitor``.

    It is :func:`stop_when` of an :class:`EarlyStop`, whose arguments these are; nothing needs to be attached.
    For a user of Ignite the stopper is an ``EarlyStopping``: ``counter``, ``best_score``, ``patience``, ``reset()``,
    ``state_dict()``.

    Args:
        recorder: what feeds it.
        monitor: a metric's name, or an expression over several.
        mode: ``"min"`` or ``"max"``: which way is better.
        patience: evaluations without improvement, >= 1, or as long as ``Patience(epochs=5)``, in another unit.
        until: a condition, or a function of one record; ``None`` for no delay.
        while_closed: what evaluations before the opening do: ``"ignore"`` (nothing), ``"track"`` (keep the best
            value) or ``"count"`` (also spend patience; only the stop waits).
        threshold: how much better is better, >= 0.
        threshold_mode: ``"abs"``, or ``"rel"`` for a fraction of ``abs(best)``.
        cumulative: whether the best value moves only when an improvement counts.
        nan: ``"count"`` a NaN against patience, ``"stop"`` the run, or ``"raise"``.
        name: for logs, marks and plots.

    Returns:
        The stopper: ``reason``, ``stopped_at``, ``best_score``, ``counter``, ``explain()``.

    Raises:
        TypeError, ValueError: for any other argument.
        AttachError: where the recorder stops early on this metric already, and neither is named.
        UnknownMetricError: where no evaluator of the recorder can report the metric.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> stopper = delay_early_stopping(
        ...     Recorder(trainer, evaluator), "loss", mode="min", patience=3, until=After(epochs=5)
        ... )
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = 0.5
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> trainer.run([0], max_epochs=20).epoch
        9
    """
    rule = EarlyStop(
        monitor,
        mode=mode,
        patience=patience,
        until=until,
        while_closed=while_closed,
        threshold=threshold,
        threshold_mode=threshold_mode,
        cumulative=cumulative,
        nan=nan,
    )
    return _stopper(recorder, rule, name, "early stopping")


def _stopper(recorder: Recorder, condition: Condition, name: str | None, label: str) -> Stopper:
    """A stopper of its own name, or called ``label``; not the one that is there already, with other numbers.

    Raises:
        AttachError: where a cell that was run twice would leave the rule of before in force.
    """
    check_recorder(recorder)
    for other in recorder.gates:
        if not isinstance(other, Stopper):
            continue
        unnamed = name is None and other.name.rstrip(" 0123456789") == label
        if other.name == name or (unnamed and _is_again(other.condition, condition)):
            raise AttachError(
                f"this recorder already has a stopper {other.name!r}, of {other.condition!r} (a notebook cell that ran "
                "twice?), which would stop the run as well: call remove() on the first, or give this one another name="
            )
    return Stopper(recorder, condition, name=label if name is None else name)


def _is_again(first: Condition, second: Condition) -> bool:
    """Whether the two are one rule but for its numbers: stopping early on one metric, or one condition."""
    if isinstance(first, EarlyStop) and isinstance(second, EarlyStop):
        return first.monitor == second.monitor
    return _without_numbers(first) == _without_numbers(second)


def _without_numbers(condition: Condition) -> str:
    """The repr of ``condition``, whose numbers are all one; those in names stay."""
    return re.sub(r"""('[^']*'|"[^"]*")|0x\w+|[\d.]+(e[+-]?\d+)?""", lambda found: found[1] or "0", repr(condition))
