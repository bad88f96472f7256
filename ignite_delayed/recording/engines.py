"""Watching the engines: whose evaluation is recorded, when the clock is looked at, when a run begins."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ignite.engine import Engine, Events, State

from .._utils.saving import checked_count, checked_names, checked_seconds
from ..history import Record
from ..history.metrics import reporter, source_label
from .attachment import LiveCondition
from .host import all_or_nothing, attach, call_when_gone, drop_generator, move_to_end
from .hub import Hub
from .notices import Notices
from .ranks.agreement import Agreement
from .ranks.rank0 import Evaluation, Rank0Relay
from .records import RecordMaker
from .registry import enter, inside, last_to_run, refuse_second, strike_out
from .runs.gaps import Gaps
from .runs.resuming import Resumption
from .runs.run import TrainerRun
from .runs.silence import break_silence
from .sources.choice import shown_by
from .sources.data import Data, named_data
from .sources.rates import Watched
from .sources.required import Required
from .sources.source import Source, read, refuse_unreported
from .sources.watches import Watch, check_watchable, refuse_swapped, watch_engine

__all__ = ["Engines"]

_ENDS = (Events.COMPLETED, Events.TERMINATE)
_BY_HAND = "; an engine with a loop of its own is recorded by hand: Recorder(trainer), recorder.record({...})"


class Engines:
    """Makes a record of each real evaluation, and hands it to the hub; lets the clock move the hub in between.

    Args:
        trainer: whose clock counts.
        sources: what is recorded, by name.
        rates: the numbers of optimizers that are recorded, by name.
        optional: the metrics that not every evaluation computes.
        every: iterations from one record of the trainer's own metrics to the next; ``None`` for one an epoch.
        agreement: between processes.
        on_rank0: whether evaluators run on rank 0 alone.
        hub: what the records are for.

    Raises:
        AttachError: where this trainer has a recorder of one of the engines already, or an engine lacks events.
    """

    def __init__(
        self,
        trainer: Engine,
        sources: dict[str, Source],
        *,
        rates: dict[str, Watched],
        optional: tuple[str, ...],
        every: int | None,
        agreement: Agreement,
        on_rank0: bool,
        hub: Hub,
    ) -> None:
        self.sources = sources
        refuse_second(trainer, self.recorded.values())
        check_watchable(trainer, self.recorded.values())
        self._hub, self._agreement = hub, agreement
        self._resumption = Resumption()
        self._on_iterations = False  # whether the clock is looked at there
        self._attached = ExitStack()
        self.run = TrainerRun(trainer)
        self._attached.callback(self.run.remove)
        self._notices = Notices()
        self._gaps = Gaps(self._notices)
        self._required = Required(sources, optional)
        self._watches: list[Watch] = []
        with all_or_nothing(self.remove):
            self._attach(trainer, every)
            self._relay = Rank0Relay(self.run, agreement, self._deliver, self._revivable, self._notices, alone=on_rank0)
            self._attached.callback(self._relay.remove)
        self._maker = RecordMaker(self.run, sources, self._required, rates, agreement, hub, self._notices, self._relay)
        enter(trainer, self)
        # An evaluator that lives on, as through the folds of a cross-validation, is watched no longer then.
        self._gone = call_when_gone(trainer, self.remove)

    def _attach(self, trainer: Engine, every: int | None) -> None:
        for event in (Events.STARTED, Events.EPOCH_STARTED):
            attach(self._attached, trainer, event, self._on_clock)
        attach(self._attached, trainer, Events.COMPLETED, self._on_completed)
        for engine in dict.fromkeys(self.recorded.values()):
            optional = self._required.optional_of([source.name for source in self._of(engine)])
            watch = watch_engine(engine, trainer, self._observer(), optional, every=every)
            self._attached.callback(watch.remove)
            self._watches.append(watch)

    def _observer(self) -> Callable[[Watch, Engine], None]:
        """What an engine that outlives its trainer calls: it does not keep us."""
        alive = weakref.ref(self)

        def observe(watch: Watch, engine: Engine) -> None:
            engines = alive()
            if engines is None:
                watch.remove()
            else:
                engines.observe(watch, engine)

        return observe

    def _of(self, engine: Engine) -> list[Source]:
        return [source for source in self.sources.values() if source.engine is engine]

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
        self._required.update(self._hub.live)
        if condition.clock_units and condition.clock_units - {"epochs", "evaluations"} and not self._on_iterations:
            self._on_iterations = True
            attach(self._attached, self.run.trainer, Events.ITERATION_STARTED, self._on_iteration)
        return name

    def unwatch(self, live: LiveCondition) -> None:
        """Feed ``live`` no longer."""
        self._hub.unwatch(live)
        self._required.update(self._hub.live)

    def shows(self, name: str) -> bool:
        """Whether the engine of source ``name`` runs on the data of that source."""
        source = self.sources[name]
        if source.data is None or source.engine is None:
            return True
        sources = [(one.name, one.data) for one in self._of(source.engine)]
        return named_data(source.engine.state.dataloader, sources) == name

    def begun(self) -> bool:
        """Whether we are inside a run whose beginning the hub was told of."""
        return self.run.begun()

    def seconds(self) -> float:
        """Seconds spent in the run so far."""
        return self.run.seconds()

    def rates(self) -> dict[str, float]:
        """The learning rates that are recorded, as they are now."""
        return self._maker.rates()

    def now(self) -> Record:
        """A record of the clock alone."""
        return self._maker.now()

    def after_trainer_record(self, engine: Engine, handler: Callable[[Engine], None]) -> Callable[[], None] | None:
        """Call ``handler`` at each EPOCH_COMPLETED of ``engine``, once its own metrics were recorded.

        What is returned undoes that; ``None`` where the metrics of ``engine`` are not recorded at that event.
        """
        for watch in self._watches:
            if watch.engine is engine:
                return watch.call_after(handler)
        return None

    # --- what the engines call ---------------------------------------------------------------------------------

    def _on_iteration(self, engine: Engine) -> None:
        if engine.state.iteration >= self._hub.wake_at:
            self._on_clock(engine)

    def _on_clock(self, engine: Engine) -> None:
        with self._revivable():
            if engine.last_event_name == Events.STARTED:
                refuse_swapped(engine, self.recorded.values())
            self.begin()
            if engine.last_event_name == Events.EPOCH_STARTED:
                self._tell_gaps()
            if not self._resumption.replays_start(engine):
                self._hub.tick(self._maker.now, self._relay.meet)

    def _on_completed(self, engine: Engine) -> None:
        self._tell_gaps()  # where the run had come to its end
        break_silence(self.sources, self._hub.live)

    def _tell_gaps(self) -> None:
        if self._agreement.meeting.is_first:
            self._gaps.on_resumed(self.run.trainer, self.sources.values(), self._resumption.resumed_at)

    def _deliver(self, seen: Evaluation) -> None:
        self._maker.deliver(seen)

    @contextmanager
    def _revivable(self) -> Iterator[None]:
        """After an error let the corrected run begin: Ignite keeps what is left of a run that raised."""
        try:
            yield
        except Exception:
            for engine in (self.run.trainer, *self.recorded.values()):
                drop_generator(engine)
            raise

    def begin(self) -> None:
        """Begin with a new run, unless that was done: an evaluation in STARTED may come before our own handler."""
        if not self.run.begins():
            return
        trainer = self.run.trainer
        if trainer.has_event_handler(self._on_completed, Events.COMPLETED):  # what evaluates there comes before
            move_to_end(trainer, Events.COMPLETED, self._on_completed)
        fresh = self._resumption.is_fresh(trainer, self._hub.last)
        self._agreement.begin(f"{self.run.length()} of {', '.join(map(source_label, self.sources))}")
        self._begin(fresh)

    def _begin(self, fresh: bool) -> None:
        if fresh:
            self._forget()
        self._hub.begin(fresh)

    def _forget(self) -> None:
        self._maker.last_counted = -1
        self._relay.forget()
        for source in self.sources.values():
            source.forget()
        self.run.set_spent(0.0)
        self._gaps.forget()
        self._notices.forget()

    def observe(self, watch: Watch, engine: Engine) -> None:
        """Record what ``engine`` shows, if it is a real evaluation of a source; otherwise say why not."""
        with self._revivable():
            innermost = inside(engine)
            if innermost is None and last_to_run(engine) is self:
                self._say_outside(source_label(self._of(engine)[0].name))
            elif innermost is self:
                self._observe(self._of(engine), engine.state, finished=watch.finished)

    def _observe(self, sources: list[Source], state: State, *, finished: bool) -> None:
        source = self._shown(sources, state) if finished and sources[0].counts else sources[0]
        if source is None:
            return
        self._record(source, state.metrics, finished=finished)
        source.last_data = Data(state.dataloader) if finished else source.last_data

    def _shown(self, sources: list[Source], state: State) -> Source | None:
        at, ending = self.run.trainer.state.iteration, self.run.trainer.last_event_name in _ENDS
        return shown_by(sources, state.dataloader, at=at, ending=ending, notices=self._notices)

    def record(self, source: Source, metrics: Mapping[str, Any]) -> None:
        """Record by hand what ``metrics`` are now; who calls it says that this is a moment of the run."""
        with self._revivable():
            self.begin()
            self._record(source, metrics, finished=True)

    def _record(self, source: Source, metrics: Mapping[str, Any], *, finished: bool) -> None:
        trainer = self.run.trainer
        evaluating = self._maker.last_counted == trainer.state.iteration  # the others, when the run was cut
        replayed = self._resumption.replays_evaluation(trainer, source.at_start and not evaluating)
        self._maker.record(source, read(source.name, metrics), finished=finished, replayed=replayed)
        if trainer.last_event_name == Events.STARTED and not trainer.state.iteration and finished:
            source.at_start = True
        self._gaps.on_recorded(trainer, source)

    def _say_outside(self, who: str) -> None:
        hint = _BY_HAND if self.run.has_own_loop() else ""
        self._notices.say("outside", f"{who} ran outside of trainer.run(): such an evaluation is not recorded{hint}")

    # --- state -------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Record what is being completed just now: whoever saves a state there must not miss it.

        Not where the ranks must agree on it first: they may not all be saving. :meth:`state_dict` takes it along then.

        Raises:
            RuntimeError: in another thread than that in which the trainer runs.
        """
        self.run.refuse_other_thread()
        if not self.run.in_own_thread():
            return  # no run goes on, so nothing is pending; of one that begins just now nothing is touched
        if not self._agreement.needed or self._relay.alone:
            for watch in self._watches:
                watch.record_pending()
        self._gaps.on_saved(self.run.trainer)

    def _pending(self) -> list[Evaluation]:
        """What is being completed just now and was not recorded yet, as this rank sees it."""
        engines = [watch.engine for watch in self._watches if watch.is_pending()]
        return [seen for engine in engines if engine is not None and (seen := self._peek(engine)) is not None]

    def _peek(self, engine: Engine) -> Evaluation | None:
        source = self._shown(self._of(engine), engine.state) if inside(engine) is self else None
        if source is None or source.last_iteration == self.run.trainer.state.iteration:
            return None
        return self._maker.seen(source, read(source.name, engine.state.metrics))

    def loaded(self, iteration: int | None = None) -> None:
        """A state of ``iteration`` was loaded: the run that begins next goes on with it, or the one that we are in."""
        self._hub.look_again()
        if self.run.begun():
            self._resumption.load_inside(self.run.trainer, iteration)
            self._hub.go_on()
        else:
            self._resumption.load(iteration, None if iteration is None else self.run.end(iteration))

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
        at_start = [name for name, source in self.sources.items() if source.at_start]
        return {
            "iteration": self.run.trainer.state.iteration,
            "seconds": self.run.seconds(),
            "last_counted": self._maker.last_counted,
            "sources": {name: source.last_iteration for name, source in self.sources.items()},
            **({"at_start": at_start} if at_start else {}),
            **self._relay.state_dict(self._pending()),
            **self._gaps.state_dict(self.run.trainer, self.sources.values()),
        }

    def prepare(self, raw: Mapping[str, Any]) -> Callable[[], None]:
        """Check the saved clocks and change nothing; calling what is returned takes them over.

        Raises:
            StateError: where they are none.
        """
        iteration, last_counted = (checked_count(name, raw[name]) for name in ("iteration", "last_counted"))
        seconds = checked_seconds(raw["seconds"])
        sources = {name: checked_count(name, raw["sources"].get(name, -1)) for name in self.sources}
        held = self._relay.prepare(raw, sources)
        at_start, lacking = (checked_names(name, raw.get(name, [])) for name in ("at_start", "unevaluated"))

        def commit() -> None:
            self._maker.last_counted = last_counted
            for name, last_iteration in sources.items():
                self.sources[name].last_iteration = last_iteration
                self.sources[name].at_start = name in at_start
            held()
            self._gaps.load(lacking)
            self.run.set_spent(seconds)
            self.loaded(iteration)

        return commit
