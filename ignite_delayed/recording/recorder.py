"""The recorder: the only thing that watches the engines."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ignite.engine import Engine, Events

from .._utils.checks import check_choice, check_flag, refuse_type
from ..errors import AttachError
from ..history.history import History
from ..history.metrics import reporter, require
from ..history.record import Record
from . import state
from .agreement import Agreement
from .engine_args import check_engines
from .feeding import Feeding
from .rank0 import Courier, Parcel
from .rates import read_rates, watched_rates
from .resuming import Beginning
from .run import Run
from .sources import EvaluatorSource, Source, TrainerSource, refuse_unreported

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from ..gates.gate import Gate
    from ..status import Status

__all__ = ["Recorder", "check_recorder"]

# What an evaluation is found to be, the worse the higher.
_REAL, _AGAIN, _UNFINISHED = range(3)

_recorders: weakref.WeakKeyDictionary[Engine, weakref.WeakSet[Recorder]] = weakref.WeakKeyDictionary()


class Recorder(Feeding):
    """Makes one record of each real evaluation, keeps the history, and moves every gate.

    An evaluation is recorded when the trainer is inside ``run()``, the evaluator finished an epoch in this run of
    its own, and it was not recorded at this ``trainer.state.iteration`` before. Otherwise the log says so, once per
    cause, and no gate moves. When the trainer starts at iteration 0, history and gates start afresh; the history of
    the run before stays what it was for whoever holds it.

    Build it before anything that is to be delayed; metrics may be attached before or after.

    Args:
        trainer: the engine that trains: its clock counts.
        evaluators: the evaluator, whose metrics keep their names (``"loss"``); or several by name, whose metrics are
            named ``"val/loss"``. The trainer itself may be one of the named: its own metrics are read once an epoch.
        optimizer: adds the learning rate to every record: ``"lr"``, or ``"lr/0"``, ``"lr/1"``, ... for several
            groups. Several optimizers by name give ``"lr/name"``, ``"lr/name/0"``, ...
        keep: how many records the history holds at least; ``None`` for all. Gates need none of them.
        sync: with several processes, whose values are recorded on all of them: ``"rank0"``, the ``"mean"`` over the
            ranks, or ``None`` for each its own. One collective an evaluation makes every rank decide alike; the clock
            is rank 0's, and ``After(seconds=)`` then moves at evaluations only.
        evaluate_on: ``"rank0"`` where the evaluator runs on rank 0 alone: its records then reach the gates of all
            ranks at the end of the trainer's epoch.

    Attributes:
        history: the records of this run so far, a :class:`History`.

    Raises:
        TypeError, ValueError: for anything but engines and names, and for the trainer as the unnamed evaluator.
        AttachError: where this trainer already has a recorder of that evaluator.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = 1 / trainer.state.epoch
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> _ = trainer.run([0], max_epochs=4)
        >>> recorder.history["loss"].tolist()
        [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    def __init__(
        self,
        trainer: Engine,
        evaluators: Engine | Mapping[str, Engine],
        *,
        optimizer: Optimizer | Mapping[str, Optimizer] | None = None,
        keep: int | None = None,
        sync: str | None = "rank0",
        evaluate_on: str | None = None,
    ) -> None:
        named = check_engines(trainer, evaluators)
        rates = watched_rates(optimizer)
        agreement = Agreement(sync)
        if evaluate_on is not None:
            check_choice("evaluate_on", evaluate_on, ("rank0",), hint="None, the default, evaluates on every rank.")
        history = History(keep=keep)
        self._refuse_second(trainer, named)
        super().__init__(Run(trainer), agreement, history)  # the run attaches: all was checked
        self._rates = rates
        self._wanted: dict[str, set[str]] = {name: set() for name in named}
        self._on_begin: list[Callable[[bool], None]] = []  # called when a run begins: is it a fresh one?
        self._stateful: dict[str, Any] = {}  # delayed handlers that have a state, by the name of their handle
        self._last_counted = -1
        self._beginning = Beginning()
        self._on_iterations: Any = None
        self._handles: list[Any] = [
            *self._run.handles,
            trainer.add_event_handler(Events.STARTED, self._on_clock),
            trainer.add_event_handler(Events.EPOCH_STARTED, self._on_clock),
        ]
        self._sources: dict[str, Source] = {}
        for name, engine in named.items():
            kind = TrainerSource if engine is trainer else EvaluatorSource
            self._sources[name] = kind(name, engine, self._observe)
            self._handles += self._sources[name].handles
        self._courier = None if evaluate_on is None else Courier(trainer, self._deliver)
        if self._courier is not None:
            self._handles += self._courier.handles
        self._counts_trainer = all(isinstance(source, TrainerSource) for source in self._sources.values())
        _recorders.setdefault(trainer, weakref.WeakSet()).add(self)

    @property
    def trainer(self) -> Engine:
        """The trainer whose clock counts."""
        return self._run.trainer

    @property
    def evaluators(self) -> dict[str, Engine]:
        """The recorded engines by name, ``""`` for the one unnamed evaluator."""
        engines = {name: source.engine for name, source in self._sources.items()}
        return {name: engine for name, engine in engines.items() if engine is not None}

    def status(self) -> Status:
        """Each gate, what it waits for and how near it is, patience, phases and rates, as they are when it is shown.

        ``print(recorder.status())``, ``recorder.status().show()``, or ``with recorder.status().live(): ...``.
        """
        # By name: it stands above the recorder, and is loaded by those alone who look.
        status: Status = import_module("ignite_delayed.status").Status(self)
        return status

    def remove(self) -> None:
        """Take every handler off the engines: its own, and those delayed or stopped through it."""
        while self._handles:
            self._handles.pop().remove()
        for recorders in _recorders.values():  # not by the trainer: it may be gone
            recorders.discard(self)

    def to_save(self) -> dict[str, Recorder]:
        """What belongs into a checkpoint: ``Checkpoint({"trainer": trainer, **recorder.to_save()}, ...)``.

        On COMPLETED of a recorded evaluator the checkpoint may be attached before or after anything of ours, but
        after delayed handlers that have a state of their own. On EPOCH_COMPLETED of the trainer attach it after what
        runs the evaluators there: Ignite goes on with the next epoch, and what had not run yet never will. The
        trainer's own metrics are read at the very end of EPOCH_COMPLETED; where they are recorded, save on
        ``Events.EPOCH_STARTED | Events.COMPLETED``.
        """
        return {"recorder": self}

    def state_dict(self) -> dict[str, Any]:
        """History, gates, stoppers and the states of delayed handlers, as plain values."""
        return state.save(self)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Continue a saved run: the next ``trainer.run()`` keeps what is loaded instead of starting afresh.

        Attach everything first, then load. Load the trainer's state too, before or after.

        Args:
            state_dict: what :meth:`state_dict` returned.
            strict: whether gates, handlers and evaluators must be those that were saved. Otherwise new ones start
                afresh and saved ones that are gone are left out, and one warning lists both.

        Raises:
            StateError: where the state is damaged, or of other gates and rules; nothing was changed.
        """
        state.load(self, state_dict, check_flag("strict", strict))

    def reset(self) -> None:
        """Forget everything, as before the first run: the next run starts afresh, wherever the trainer stands.

        Delayed handlers with a state of their own keep it: reset those by their own means.
        """
        if self._run.begun():
            self._begin(True)
            return
        self._beginning.reset()
        self._reset()
        for gate in self._gates:
            gate._on_run(True)

    @staticmethod
    def _refuse_second(trainer: Engine, named: Mapping[str, Engine]) -> None:
        for other in _recorders.get(trainer, ()):
            if any(engine is mine for engine in other.evaluators.values() for mine in named.values()):
                raise AttachError(
                    "this trainer already has a recorder of that evaluator (a notebook cell that ran twice?): "
                    "use that one, or call its remove() first"
                )

    # --- what gates and handles call -------------------------------------------------------------------------

    def _admit(self, gate: Gate) -> None:
        """Feed ``gate`` from now on, its metrics checked as far as they can be."""
        for name in sorted(gate.condition.reads):
            if reporter(name, self._sources) is None and name not in read_rates(self._rates):
                refuse_unreported(name, gate.condition, self._sources, read_rates(self._rates))
        self._gates.append(gate)
        self._want()
        if gate.condition.ticks and gate.condition.ticks - {"epochs", "evaluations"} and self._on_iterations is None:
            self._on_iterations = self.trainer.add_event_handler(Events.ITERATION_STARTED, self._on_iteration)
            self._handles.append(self._on_iterations)
        self._wake = 0

    def _dismiss(self, gate: Gate) -> None:
        """Feed ``gate`` no longer; its name is free again."""
        if gate in self._gates:
            self._gates.remove(gate)
            self._names.discard(gate.name)
            self._want()

    def _continue(self, iteration: int | None = None) -> None:
        """A state of ``iteration`` was loaded: the run that begins next goes on with it, or the one that we are in."""
        self._wake = 0
        if not self._run.begun():
            self._beginning.load(iteration)

    def _want(self) -> None:
        """Find which metrics each source must report."""
        for wanted in self._wanted.values():
            wanted.clear()
        for name in {name for gate in self._gates for name in gate.condition.reads}:
            source = reporter(name, self._sources)
            if source is not None:
                self._wanted[source].add(name)

    # --- what the engines call -------------------------------------------------------------------------------

    def _on_iteration(self, engine: Engine) -> None:
        if engine.state.iteration >= self._wake:
            self._on_clock(engine)

    def _on_clock(self, engine: Engine) -> None:
        self._enter()
        if not self._beginning.is_repeated(engine):
            self._tick()

    def _enter(self) -> None:
        """Begin with a new run, unless that was done: an evaluation in STARTED may come before our own handler."""
        if not self._run.begins():
            return
        fresh = self._beginning.is_fresh(self.trainer, self._last)
        self._agreement.begin()
        self._begin(fresh)

    def _begin(self, fresh: bool) -> None:
        if fresh:
            self._reset()
        for gate in self._gates:
            gate._on_run(fresh)
        for begin in self._on_begin:
            begin(fresh)

    def _catch_up(self) -> None:
        """Record what is being completed just now: whoever saves a state there must not miss it."""
        for source in self._sources.values():
            source.catch_up()

    def _reset(self) -> None:
        if len(self.history):  # whoever holds the history of the run before keeps it
            self.history = History(keep=self.history.keep)
        self._last, self._evaluations, self._last_counted, self._wake = None, 0, -1, 0
        for source in self._sources.values():
            source.last_iteration = -1
        self._run.set_spent(0.0)
        self._said.clear()

    def _observe(self, source: Source, engine: Engine) -> None:
        """Record what ``source`` shows, if it is a real evaluation; otherwise say why not."""
        who = f"evaluator {source.name!r}" if source.name else "the evaluator"
        if not self._run.inside():
            self._say("outside", f"{who} ran outside of trainer.run(): such an evaluation is not recorded")
            return
        self._enter()
        iteration = self.trainer.state.iteration
        status = _UNFINISHED if not source.finished else _AGAIN if source.last_iteration == iteration else _REAL
        values, unusable = source.read(engine)
        for name, rate in read_rates(self._rates).items():
            values.setdefault(name, rate)
        parcel = Parcel(source.name, values, unusable, self.trainer.state.epoch, iteration, self._run.seconds())
        if self._courier is not None and self._agreement.world > 1 and not isinstance(source, TrainerSource):
            if status == _REAL:
                self._courier.hold(parcel)
                source.last_iteration = iteration
                return
        elif self._agreement.needed:
            status, values, seconds = self._agreement.agree(source.name, status, iteration, values, parcel.seconds)
            parcel = parcel._replace(values=values, seconds=seconds)
        if status == _UNFINISHED:
            self._say("unfinished", f"{who} was stopped before it finished an epoch: its metrics are old, not recorded")
        elif status == _AGAIN:
            self._say("again", f"{who} ran again at trainer iteration {iteration}: the second look is not recorded")
        else:
            self._deliver(parcel)

    def _deliver(self, parcel: Parcel) -> None:
        """Make the record, and move the gates by it; a refusal leaves all as it was."""
        source, iteration = self._sources[parcel.source], parcel.iteration
        counted = source.counts or self._counts_trainer
        evaluations = self._evaluations + (counted and self._last_counted != iteration)
        record = Record.following(
            self._last,
            epoch=parcel.epoch,
            iteration=iteration,
            evaluation=evaluations,
            seconds=parcel.seconds,
            planned=self._run.planned(),
            source=source.name,
            values=parcel.values,
        )
        require(self._wanted[source.name], record.source, record.values, parcel.unusable)
        moves = self._judge(record)
        # Counted before anybody hears of it: whoever saves a state on hearing saves this evaluation too.
        source.last_iteration, self._evaluations = iteration, evaluations
        if counted:
            self._last_counted = iteration
        self._emit(record, moves)

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        raise TypeError("a recorder belongs to its engines and cannot be copied: build a new one on the copied engines")


def check_recorder(recorder: Any) -> None:
    """Refuse whatever is given in place of a recorder."""
    if not isinstance(recorder, Recorder):
        refuse_type("recorder", "a Recorder", recorder, "Build one: Recorder(trainer, evaluator).")
