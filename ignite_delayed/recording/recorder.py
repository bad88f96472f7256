"""The recorder: what users build, attach to and save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ignite.engine import Engine
from torch.optim import Optimizer

from .._utils.checks import check_choice, check_count, check_flag, check_name, refuse_type, refuse_value
from .._utils.saving import check_seal, check_version, seal
from .._utils.text import printable
from ..errors import StateError
from ..history import History
from .engines import Engines
from .hub import Hub
from .matching import check_names, tell_differences
from .ranks.agreement import Agreement
from .rows import Reading
from .sources.rates import watched_rates
from .sources.required import check_optional
from .sources.source import check_sources

if TYPE_CHECKING:
    from ..gates import Gate
    from ..status import Status

__all__ = ["Recorder", "check_recorder"]

#: One evaluator, or sources by name: an engine, an engine with its data, or ``None`` for what is recorded by hand.
Evaluators: TypeAlias = "Engine | Mapping[str, Engine | tuple[Engine, Any] | None] | None"

_VERSION = 1
_FIELDS = {"iteration", "seconds", "evaluations", "last_counted", "sources", "history", "gates", "handlers"}


class Recorder:
    """Makes one record of each real evaluation, keeps the history, and moves every gate.

    An evaluation is recorded when the trainer is inside ``run()``, the evaluator finished an epoch in this run of
    its own, and it was not recorded at this ``trainer.state.iteration`` before. Otherwise the log says so, once per
    cause, and no gate moves. Where one evaluator runs on several sets of data, as in Ignite's own examples, name them:
    a second evaluation at one iteration on other data is another evaluation, and without names an error. When the
    trainer starts at iteration 0, history and gates start afresh; the history of the run before stays what it was for
    whoever holds it. Where trainers are nested, the innermost one's recorder records an evaluator that they share.

    Build it before anything that is to be delayed; metrics may be attached before or after.

    Args:
        trainer: the engine that trains: its clock counts.
        evaluators: the evaluator, whose metrics keep their names (``"loss"``); or several by name, whose metrics are
            named ``"val/loss"``: ``{"train": train_evaluator, "val": evaluator}``. One evaluator that runs on several
            loaders is named with each: ``{"train": (evaluator, train_loader), "val": (evaluator, val_loader)}``; a
            loader that is built again over the same dataset is the same. The trainer itself may be one of the named:
            its own metrics are read once an epoch. ``None``, alone or by name, is recorded by hand: :meth:`record`.
        optimizer: adds the learning rate to every record: ``"lr"``, or ``"lr/0"``, ``"lr/1"``, ... for several
            groups. Several optimizers by name give ``"lr/name"``, ``"lr/name/0"``, ...
        parameters: what of ``optimizer`` is added instead of the rate alone, for example ``("lr", "momentum")``; any
            number of the groups, and ``"beta1"``, ``"beta2"``. It is named as the rate is: ``"momentum/0"``.
        optional: metrics that not every evaluation computes, such as ``("fid",)``, by the names they have in records.
            What an evaluator did not compute in this run is then no observation: their old values are put aside as it
            starts and come back when it was recorded. A value set anew counts, however it compares; one that is set
            before the evaluator starts, or in its COMPLETED by a handler attached after the recorder, cannot be told.
        every: iterations from one record of the trainer's own metrics to the next, >= 1, for who evaluates nothing:
            ``Recorder(trainer, {"train": trainer}, every=100)``; ``None`` for one at the end of each epoch.
        keep: how many records the history holds at least; ``None`` for all, which takes 128 bytes an evaluation of
            three metrics in every checkpoint. Gates need none of them.
        sync: with several processes, whose values are recorded on all of them: ``"rank0"``, the ``"mean"`` over the
            ranks, or ``None`` for each its own. One collective an evaluation makes every rank decide alike; the clock
            is rank 0's, and ``After(seconds=)`` then moves at evaluations only. All of this is tested with gloo, on two
            and four ranks; with nccl the same collective runs on the process's device, untested. A rank that does not
            come is named by a ``DesyncError`` where the backend raises at its time-out, as gloo does; of nccl torch's
            documentation says that the process crashes then, unless ``TORCH_NCCL_BLOCKING_WAIT`` is set.
        evaluate_on: ``"rank0"`` where the evaluator runs on rank 0 alone: its records then reach the gates of all
            ranks at the end of the trainer's epoch, and are in a state that rank 0 saves before; load it on all ranks.
        group: the process group that trains together, where several trainings go on side by side in one world: what
            ``torch.distributed.new_group(ranks)`` gave. Rank 0 is then the first of the group, in ``sync`` and
            ``evaluate_on``; without it each training would get the values of the others. Files are another matter:
            ``keep_best`` and Ignite's savers go by the ranks of the world.

    Attributes:
        history: the records of this run so far, a :class:`History`.

    Raises:
        TypeError, ValueError: for anything but engines and names, and for the trainer as the unnamed evaluator.
        AttachError: where this trainer already has a recorder of that evaluator, or an engine does not fire the events
            of Ignite's loop.

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
        evaluators: Evaluators = None,
        *,
        optimizer: Optimizer | Mapping[str, Optimizer] | None = None,
        parameters: Iterable[str] = ("lr",),
        optional: Iterable[str] = (),
        every: int | None = None,
        keep: int | None = None,
        sync: Literal["rank0", "mean"] | None = "rank0",
        evaluate_on: Literal["rank0"] | None = None,
        group: Any = None,
    ) -> None:
        sources, rates = check_sources(trainer, evaluators), watched_rates(optimizer, parameters)
        agreement = Agreement(sync, group)
        if every is not None:
            every = check_count("every", every)
            if all(source.engine is not trainer for source in sources.values()):
                hint = "For example Recorder(trainer, {'train': trainer}, every=100)."
                refuse_value("every", "None where the trainer's own metrics are not recorded", every, hint)
        if evaluate_on is not None:
            check_choice("evaluate_on", evaluate_on, ("rank0",), hint="None, the default, evaluates on every rank.")
            if sync is None:
                hint = "What rank 0 evaluates alone is recorded on all ranks."
                refuse_value("sync", "'rank0' or 'mean' beside evaluate_on='rank0'", sync, hint)
        self.hub = Hub(History(keep=keep))
        self.engines = Engines(
            trainer,
            sources,
            rates=rates,
            optional=check_optional(optional, sources),
            every=every,
            agreement=agreement,
            on_rank0=evaluate_on is not None,
            hub=self.hub,
        )

    def record(self, metrics: Mapping[str, Any], *, source: str | None = None) -> None:
        """Record ``metrics`` now, by hand: what no evaluator of Ignite's kind measures.

        For engines with a loop of their own, reinforcement learning, GANs. The record is made at the trainer's
        ``state.epoch`` and ``state.iteration``, once an iteration; gates move, and stops call ``trainer.terminate()``.
        With several processes every rank calls it.

        Args:
            metrics: the values by name.
            source: the source that was named with ``None``; by default the only one.

        Raises:
            TypeError, ValueError: for anything but values by name, or a source that is no such.
            UnknownMetricError: where a condition reads a metric that is not among them.

        Example:
            >>> from ignite.engine import Engine, Events
            >>> trainer = Engine(lambda engine, batch: batch)
            >>> recorder = Recorder(trainer)
            >>> @trainer.on(Events.EPOCH_COMPLETED)
            ... def episode_ended():
            ...     recorder.record({"reward": 10.0 * trainer.state.epoch})
            >>> _ = trainer.run([0], max_epochs=3)
            >>> recorder.history["reward"].tolist()
            [10.0, 20.0, 30.0]
        """
        if not isinstance(metrics, Mapping):
            refuse_type("metrics", "values by name, such as {'reward': 3.2}", metrics)
        for name in metrics:
            check_name("a metric's name", name)
        by_hand = [name for name, one in self.engines.sources.items() if one.by_hand]
        if not by_hand:
            raise ValueError(
                "no source of this recorder is recorded by hand: build it without evaluators, Recorder(trainer), or "
                "name one with None: Recorder(trainer, {'val': evaluator, 'episode': None})."
            )
        if source is None and len(by_hand) == 1:
            source = by_hand[0]
        name = check_choice("source", source, by_hand)
        self.engines.record(self.engines.sources[name], metrics)

    @property
    def history(self) -> History:
        """The records of this run so far, and the marks of what was decided."""
        return self.hub.history

    @property
    def gates(self) -> list[Gate]:
        """The gates (and stoppers) fed by this recorder, in the order they move."""
        gates: list[Any] = [live for live in self.hub.live if not live.internal]
        return gates

    @property
    def trainer(self) -> Engine:
        """The trainer whose clock counts."""
        return self.engines.run.trainer

    @property
    def evaluators(self) -> dict[str, Engine]:
        """The recorded engines by name, ``""`` for the one unnamed evaluator; one on several data has several names."""
        return self.engines.recorded

    def status(self) -> Status:
        """Each gate, what it waits for and how near it is, patience, phases and rates, as they are when it is shown.

        ``print(recorder.status())``, ``recorder.status().show()``, or ``with recorder.status().live(): ...``.
        """
        from ..status import Status  # it stands above the recorder, and is loaded by those alone who look

        return Status(self)

    def reading(self) -> Reading:
        """What the recorder, and all that is attached to it, say now."""
        parts = [*self.hub.live, *sorted(self.hub.attached, key=lambda part: part.row_order)]
        rows = [row for part in parts if (row := part.row()) is not None]
        values = [(printable(name), value) for name, value in self.history.latest.items()]
        return Reading(
            self._clock(), values, [row._replace(name=printable(row.name), text=printable(row.text)) for row in rows]
        )

    def _clock(self) -> str:
        state = self.trainer.state
        planned = "" if state.max_epochs is None else f" of {state.max_epochs}"
        if not state.iteration:
            return f"epoch {max(state.epoch, 1)}{planned} begins" if self.engines.begun() else "not started"
        return f"epoch {state.epoch}{planned}, iteration {state.iteration}, evaluation {self.hub.evaluations}"

    def remove(self) -> None:
        """Take every handler off the engines: its own, and those delayed or stopped through it."""
        self.hub.remove_all()
        self.engines.remove()

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
        """History, gates, stoppers and the states of delayed handlers, as plain values.

        No collective: any rank may save alone. Before the ranks agreed on an evaluation it is that of this rank. What
        is returned is a snapshot, which another thread may write while training goes on.

        Raises:
            RuntimeError: in another thread than that in which the trainer runs just now.
        """
        self.engines.catch_up()
        state = seal({"version": _VERSION, **self.engines.state_dict(), **self.hub.state_dict()})
        self.engines.run.refuse_other_thread()  # a run may have begun there meanwhile
        return state

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
        strict = check_flag("strict", strict)
        check_version("recorder state", state_dict, _VERSION)
        lacking = sorted(_FIELDS - state_dict.keys())
        if lacking:
            raise StateError(f"recorder state: {', '.join(lacking)} is missing: it was truncated")
        names = self.hub.names() | {"sources": set(self.engines.sources)}
        check_names(state_dict, names, strict)
        commit_engines, commit_hub = self.engines.prepare(state_dict), self.hub.prepare(state_dict)
        check_seal("recorder state", state_dict)
        self.hub.load_handlers(state_dict["handlers"])
        tell_differences(state_dict, names)
        commit_hub()
        commit_engines()

    def reset(self) -> None:
        """Forget everything, as before the first run: the next run starts afresh, wherever the trainer stands.

        Delayed handlers with a state of their own keep it: reset those by their own means.
        """
        self.engines.reset()

    def __repr__(self) -> str:
        sources = ", ".join(map(repr, filter(None, self.evaluators)))
        what = f"Recorder of {sources}" if sources else "Recorder"
        return f"<{what}: {self._clock()}; records {len(self.history)}, gates {len(self.gates)}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        raise TypeError("a recorder belongs to its engines and cannot be copied: build a new one on the copied engines")


def check_recorder(recorder: Any) -> None:
    """Refuse whatever is given in place of a recorder."""
    if not isinstance(recorder, Recorder):
        refuse_type("recorder", "a Recorder", recorder, "Build one: Recorder(trainer, evaluator).")
