"""From what was observed to a record: who agrees on it, what it counts as, and how it reaches the hub."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ignite.engine import Events

from ..history import Record
from ..history.metrics import source_label
from .hub import Hub
from .notices import Notices
from .ranks.agreement import Agreement
from .ranks.rank0 import Evaluation, Rank0Relay
from .runs.run import TrainerRun
from .sources.rates import Watched, read_rates
from .sources.required import Required
from .sources.source import Source

__all__ = ["RecordMaker"]


_BEGINNING = (Events.STARTED, Events.EPOCH_STARTED)


class _Found(IntEnum):
    """What an evaluation is found to be, the worse the higher: of several ranks' findings the worst counts."""

    REAL = 0
    REPEATED = 1
    REPLAYED = 2
    UNFINISHED = 3


class RecordMaker:
    """Makes records of what sources show, once an iteration each, and of the clock.

    Args:
        run: the trainer's.
        sources: what is recorded, by name.
        required: which metrics a record must have.
        rates: the numbers of optimizers that are recorded, by name.
        agreement: between processes.
        hub: what the records are for.
        notices: who is told of what is not recorded.
        relay: what carries evaluations of rank 0 to the others.

    Attributes:
        last_counted: the trainer's iteration of the last evaluation, -1 before.
    """

    def __init__(
        self,
        run: TrainerRun,
        sources: Mapping[str, Source],
        required: Required,
        rates: Mapping[str, Watched],
        agreement: Agreement,
        hub: Hub,
        notices: Notices,
        relay: Rank0Relay,
    ) -> None:
        self._run, self._sources, self._required, self._rates = run, sources, required, rates
        self._agreement, self._hub, self._notices = agreement, hub, notices
        self._counts_trainer = not any(source.counts for source in sources.values())
        self._relay = relay
        self.last_counted = -1

    def rates(self) -> dict[str, float]:
        """The learning rates that are recorded, as they are now."""
        return read_rates(self._rates)

    def now(self) -> Record:
        """A record of the clock alone."""
        trainer, last = self._run.trainer, self._hub.last
        state, seconds = trainer.state, self._run.seconds()
        if self._agreement.needed:  # no two processes read one time: that of the last evaluation was agreed on
            seconds = 0.0 if last is None else last.seconds
        return Record.following(
            last,
            epoch=state.epoch,
            iteration=state.iteration,
            evaluation=self._hub.evaluations,
            seconds=seconds,
            planned=self._run.planned(),
            source=None,
            values={},
            kind="epoch" if trainer.last_event_name in _BEGINNING else "iteration",
        )

    def record(
        self, source: Source, shown: tuple[dict[str, float], dict[str, str]], *, finished: bool, replayed: bool
    ) -> None:
        """Record what was read of ``source``, unless it is no observation; several processes agree on that."""
        shared = self._agreement.needed and not self._is_alone(source)
        if shared:
            self._relay.meet()
        found = self._find(source, finished=finished, replayed=replayed)
        seen = self.seen(source, shown)
        if found is _Found.REAL and self._is_alone(source):
            self._relay.hold(seen)
            source.last_iteration = seen.iteration
            return
        if shared:
            agreed = self._agreement.agree(source.name, found, seen.iteration, seen.values, seen.seconds)
            unusable = {**seen.unusable, **agreed.lacking}
            seen = seen._replace(values=agreed.values, unusable=unusable, seconds=agreed.seconds)
            found = _Found(agreed.status)
        if found is _Found.REAL:
            self.deliver(seen)
        else:
            self._say_not_recorded(source, found, seen.iteration)

    def _is_alone(self, source: Source) -> bool:
        """Whether ``source`` is evaluated on rank 0, and the other ranks wait for it."""
        return self._relay.alone and self._agreement.meeting.world > 1 and source.counts and not source.by_hand

    def _find(self, source: Source, *, finished: bool, replayed: bool) -> _Found:
        if not finished:
            return _Found.UNFINISHED
        if replayed:
            return _Found.REPLAYED
        return _Found.REPEATED if source.last_iteration == self._run.trainer.state.iteration else _Found.REAL

    def seen(self, source: Source, shown: tuple[dict[str, float], dict[str, str]]) -> Evaluation:
        """What was read of ``source``, now, on this rank."""
        state, (values, unusable) = self._run.trainer.state, shown
        self._add_rates(source, values)
        seconds = self._run.seconds(by_hand=source.by_hand)
        return Evaluation(source.name, values, unusable, state.epoch, state.iteration, seconds)

    def _add_rates(self, source: Source, values: dict[str, float]) -> None:
        for name, rate in self.rates().items():
            if name in values:
                who = source_label(source.name)
                self._notices.say("rate", f"metric {name!r} of {who} is left out: it is the optimizer's")
            values[name] = rate

    def _say_not_recorded(self, source: Source, found: _Found, iteration: int) -> None:
        who = source_label(source.name)
        if found is _Found.UNFINISHED:
            self._notices.say(
                "unfinished", f"{who} was stopped before it finished an epoch: its metrics are old, not recorded"
            )
        elif found is _Found.REPLAYED:
            self._notices.say(
                "replayed",
                f"{who} ran once more as the run was resumed at iteration {iteration}: it was recorded before the cut",
            )
        elif source.by_hand:
            self._notices.say(
                "again",
                f"record() was called again at trainer iteration {iteration}: the second record is not kept. Give it "
                "all that belongs to one iteration, or name several sources; an engine with a loop of its own sets "
                "trainer.state.iteration and trainer.state.epoch as it goes",
            )
        else:
            self._notices.say(
                "again", f"{who} ran again at trainer iteration {iteration}: the second look is not recorded"
            )

    def deliver(self, seen: Evaluation) -> None:
        """Make the record, and hand it to the hub; a refusal leaves all as it was."""
        hub, source, iteration = self._hub, self._sources[seen.source], seen.iteration
        counted = source.counts or self._counts_trainer
        evaluations = hub.evaluations
        if counted and self.last_counted != iteration:
            evaluations += 1
        record = Record.following(
            hub.last,
            epoch=seen.epoch,
            iteration=iteration,
            evaluation=evaluations,
            seconds=seen.seconds,
            planned=self._run.planned(),
            source=source.name,
            values=seen.values,
            kind=None if counted else "training",
        )
        self._required.check(source.name, seen.values, seen.unusable)
        judged = hub.judge(record)

        def count() -> None:
            source.last_iteration, hub.evaluations = iteration, evaluations
            self._relay.drop(seen)
            if counted:
                self.last_counted = iteration

        # Counted before anybody hears of it: whoever saves a state on hearing saves this evaluation too.
        hub.move(record, judged, count)
