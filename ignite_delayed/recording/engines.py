"""Watching the engines: whose evaluation is recorded, when the clock is looked at, when a run begins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import IntEnum
from typing import Any

from ignite.engine import Engine, Events
from torch.optim import Optimizer

from .._utils.saving import checked_count, checked_seconds
from ..history import Record
from ..history.metrics import reporter, require, source_label
from .agreement import Agreement
from .attachment import LiveCondition
from .hub import Hub
from .rank0 import Evaluation, Rank0Relay
from .rates import read_rates
from .registry import enter, refuse_second, strike_out
from .resuming import Resumption
from .run import TrainerRun
from .sources import EvaluatorSource, Source, TrainerSource, refuse_unreported

__all__ = ["Engines"]

logger = logging.getLogger("ignite_delayed.Recorder")


class _Found(IntEnum):
    """What an evaluation is found to be, the worse the higher: of several ranks' findings the worst counts."""

    REAL = 0
    REPEATED = 1
    UNFINISHED = 2


class Engines:
    """Makes a record of each real evaluation, and hands it to the hub; lets the clock move the hub in between.

    Args:
        trainer: whose clock counts.
        named: the engines that are recorded, by name.
        rates: the optimizers whose rates are recorded, by the name of the rate.
        agreement: between processes.
        on_rank0: whether evaluators run on rank 0 alone.
        hub: what the records are for.

    Raises:
        AttachError: where this trainer has a recorder of one of the engines already.
    """

    def __init__(
        self,
        trainer: Engine,
        named: Mapping[str, Engine],
        *,
        rates: dict[str, Optimizer],
        agreement: Agreement,
        on_rank0: bool,
        hub: Hub,
    ) -> None:
        refuse_second(trainer, named)
        self.run = TrainerRun(trainer)
        self.sources: dict[str, Source] = {}
        self._hub, self._rates, self._agreement = hub, rates, agreement
        self._resumption = Resumption()
        self._required: dict[str, set[str]] = {name: set() for name in named}  # metrics that a source must report
        self._last_counted = -1
        self._said: set[str] = set()
        self._attached = ExitStack()
        self._attached.callback(self.run.remove)
        self._on_iterations: Any = None
        for event in (Events.STARTED, Events.EPOCH_STARTED):
            self._attached.callback(trainer.add_event_handler(event, self._on_clock).remove)
        for name, engine in named.items():
            kind = TrainerSource if engine is trainer else EvaluatorSource
            self.sources[name] = kind(name, engine, self.observe)
            self._attached.callback(self.sources[name].remove)
        self._relay = Rank0Relay(trainer, self.deliver) if on_rank0 else None
        if self._relay is not None:
            self._attached.callback(self._relay.remove)
        self._counts_trainer = all(isinstance(source, TrainerSource) for source in self.sources.values())
        enter(trainer, self)

    @property
    def recorded(self) -> dict[str, Engine]:
        """The recorded engines by name, those that still live."""
        engines = {name: source.engine for name, source in self.sources.items()}
        return {name: engine for name, engine in engines.items() if engine is not None}

    def remove(self) -> None:
        """Take every handler off the engines. A second call does nothing."""
        self._attached.close()
        strike_out(self)

    # --- what attachments ask for ------------------------------------------------------------------------------

    def watch(self, live: LiveCondition, label: str) -> str:
        """Feed ``live`` from now on, its metrics checked as far as they can be; the name it gets.

        Raises:
            UnknownMetricError: where no source can report a metric that it reads.
        """
        condition = live.condition
        for name in sorted(condition.reads):
            if reporter(name, self.sources) is None and name not in self.rates():
                refuse_unreported(name, condition, self.sources, self.rates())
        name = self._hub.watch(live, label)
        self._update_required()
        if condition.clock_units and condition.clock_units - {"epochs", "evaluations"} and self._on_iterations is None:
            self._on_iterations = self.run.trainer.add_event_handler(Events.ITERATION_STARTED, self._on_iteration)
            self._attached.callback(self._on_iterations.remove)
        return name

    def unwatch(self, live: LiveCondition) -> None:
        """Feed ``live`` no longer."""
        self._hub.unwatch(live)
        self._update_required()

    def _update_required(self) -> None:
        """Find which metrics each source must report."""
        for required in self._required.values():
            required.clear()
        for name in {name for live in self._hub.live for name in live.condition.reads}:
            source = reporter(name, self.sources)
            if source is not None:
                self._required[source].add(name)

    def begun(self) -> bool:
        """Whether we are inside a run whose beginning the hub was told of."""
        return self.run.begun()

    def seconds(self) -> float:
        """Seconds spent in the run so far."""
        return self.run.seconds()

    def rates(self) -> dict[str, float]:
        """The learning rates that are recorded, as they are now."""
        return read_rates(self._rates)

    def now(self) -> Record:
        """A record of the clock alone."""
        state, last = self.run.trainer.state, self._hub.last
        seconds = self.run.seconds()
        if self._agreement.needed:  # no two processes read one time: that of the last evaluation was agreed on
            seconds = 0.0 if last is None else last.seconds
        return Record.following(
            last,
            epoch=state.epoch,
            iteration=state.iteration,
            evaluation=self._hub.evaluations,
            seconds=seconds,
            planned=self.run.planned(),
            source=None,
            values={},
        )

    def after_trainer_record(self, engine: Engine, handler: Callable[[Engine], None]) -> Callable[[], None] | None:
        """Call ``handler`` at each EPOCH_COMPLETED of ``engine``, once its own metrics were recorded.

        What is returned undoes that; ``None`` where the metrics of ``engine`` are not recorded at that event.
        """
        for source in self.sources.values():
            if isinstance(source, TrainerSource) and source.engine is engine:
                return source.call_after(handler)
        return None

    # --- what the engines call ---------------------------------------------------------------------------------

    def _on_iteration(self, engine: Engine) -> None:
        if engine.state.iteration >= self._hub.wake_at:
            self._on_clock(engine)

    def _on_clock(self, engine: Engine) -> None:
        self._enter()
        if not self._resumption.replays_start(engine):
            self._hub.tick(self.now)

    def _enter(self) -> None:
        """Begin with a new run, unless that was done: an evaluation in STARTED may come before our own handler."""
        if not self.run.begins():
            return
        fresh = self._resumption.is_fresh(self.run.trainer, self._hub.last)
        self._agreement.begin()
        self._begin(fresh)

    def _begin(self, fresh: bool) -> None:
        if fresh:
            self._forget()
        self._hub.begin(fresh)

    def _forget(self) -> None:
        self._last_counted = -1
        for source in self.sources.values():
            source.last_iteration = -1
        self.run.set_spent(0.0)
        self._said.clear()

    def observe(self, source: Source, engine: Engine) -> None:
        """Record what ``source`` shows, if it is a real evaluation; otherwise say why not."""
        who = source_label(source.name)
        if not self.run.inside():
            self._say("outside", f"{who} ran outside of trainer.run(): such an evaluation is not recorded")
            return
        self._enter()
        trainer_state = self.run.trainer.state
        iteration = trainer_state.iteration
        found = _Found.REPEATED if source.last_iteration == iteration else _Found.REAL
        if not source.finished:
            found = _Found.UNFINISHED
        values, unusable = source.read(engine)
        for name, rate in self.rates().items():
            values.setdefault(name, rate)
        seen = Evaluation(source.name, values, unusable, trainer_state.epoch, iteration, self.run.seconds())
        if self._relay is not None and self._agreement.world > 1 and not isinstance(source, TrainerSource):
            if found is _Found.REAL:
                self._relay.hold(seen)
                source.last_iteration = iteration
                return
        elif self._agreement.needed:
            agreed = self._agreement.agree(source.name, found, iteration, values, seen.seconds)
            found, seen = _Found(agreed.status), seen._replace(values=agreed.values, seconds=agreed.seconds)
        if found is _Found.UNFINISHED:
            self._say("unfinished", f"{who} was stopped before it finished an epoch: its metrics are old, not recorded")
        elif found is _Found.REPEATED:
            self._say("again", f"{who} ran again at trainer iteration {iteration}: the second look is not recorded")
        else:
            self.deliver(seen)

    def deliver(self, seen: Evaluation) -> None:
        """Make the record, and hand it to the hub; a refusal leaves all as it was."""
        hub, source, iteration = self._hub, self.sources[seen.source], seen.iteration
        counted = source.counts or self._counts_trainer
        evaluations = hub.evaluations
        if counted and self._last_counted != iteration:
            evaluations += 1
        record = Record.following(
            hub.last,
            epoch=seen.epoch,
            iteration=iteration,
            evaluation=evaluations,
            seconds=seen.seconds,
            planned=self.run.planned(),
            source=source.name,
            values=seen.values,
        )
        require(self._required[source.name], source.name, seen.values, seen.unusable)
        judged = hub.judge(record)

        def count() -> None:
            source.last_iteration, hub.evaluations = iteration, evaluations
            if counted:
                self._last_counted = iteration

        # Counted before anybody hears of it: whoever saves a state on hearing saves this evaluation too.
        hub.move(record, judged, count)

    def _say(self, cause: str, message: str) -> None:
        if cause not in self._said:
            self._said.add(cause)
            logger.warning("%s. (Said once a run.)", message)

    # --- state -------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Record what is being completed just now: whoever saves a state there must not miss it."""
        for source in self.sources.values():
            source.record_pending()

    def loaded(self, iteration: int | None = None) -> None:
        """A state of ``iteration`` was loaded: the run that begins next goes on with it, or the one that we are in."""
        self._hub.look_again()
        if not self.run.begun():
            self._resumption.load(iteration)

    def reset(self) -> None:
        """Forget the run, in the middle of it or before the next."""
        if self.run.begun():
            self._begin(True)
            return
        self._resumption.reset()
        self._forget()
        self._hub.reset()

    def state_dict(self) -> dict[str, Any]:
        """The clocks, and what was recorded last of each source."""
        return {
            "iteration": self.run.trainer.state.iteration,
            "seconds": self.run.seconds(),
            "last_counted": self._last_counted,
            "sources": {name: source.last_iteration for name, source in self.sources.items()},
        }

    def prepare(self, raw: Mapping[str, Any]) -> Callable[[], None]:
        """Check the saved clocks and change nothing; calling what is returned takes them over.

        Raises:
            StateError: where they are none.
        """
        iteration, last_counted = (checked_count(name, raw[name]) for name in ("iteration", "last_counted"))
        seconds = checked_seconds(raw["seconds"])
        sources = {name: checked_count(name, raw["sources"].get(name, -1)) for name in self.sources}

        def commit() -> None:
            self._last_counted = last_counted
            for name, last_iteration in sources.items():
                self.sources[name].last_iteration = last_iteration
            self.run.set_spent(seconds)
            self.loaded(iteration)

        return commit
