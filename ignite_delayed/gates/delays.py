"""Delaying any handler, on any event."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from ignite.engine import Engine, Events
from ignite.engine.events import CallableEventWithFilter, EventsList

from .._utils.advice import advise
from .._utils.checks import check_choice, check_name, refuse_type
from .._utils.saving import check_version, load_all_or_none, plain
from ..conditions import ConditionLike
from ..errors import AttachError, StateError
from ..recording.attachment import Attachment
from ..recording.host import attached_handlers, check_event, detach, drop_if_empty, is_counting
from ..recording.recorder import Recorder, check_recorder
from .checkpoints import saved_part
from .gate import Gate
from .handlers import gate_calls, identity
from .signatures import Handler, adapt, name_of
from .turns import attach_turn, waits_for_record

__all__ = ["DelayHandle", "behind", "delay", "hang"]

# What is delayed on each engine: event name and identity of the handler.
_delayed: weakref.WeakKeyDictionary[Engine, set[tuple[str, tuple[Any, ...]]]] = weakref.WeakKeyDictionary()


class DelayHandle(Attachment):
    """What :func:`delay` returns: removes exactly what it attached, also as a context manager.

    Attributes:
        gate: the gate the handler waits behind.
        handler: the handler.
        name: for logs and marks; the handler's state is saved under it.
        saved: what saves and loads the handler's state, ``None`` where it has none.

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder, delay
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> @trainer.on(Events.EPOCH_COMPLETED)
        ... def evaluate():
        ...     evaluator.run([0])
        >>> @evaluator.on(Events.EPOCH_COMPLETED)
        ... def report():
        ...     evaluator.state.metrics["loss"] = [0.9, 0.4, 0.3, 0.5, 0.6, 0.7][trainer.state.epoch - 1]
        >>> with delay(Recorder(trainer, evaluator), lambda: print("late"), until=After(epochs=4)) as handle:
        ...     _ = trainer.run([0], max_epochs=6)
        late
        late
        >>> handle.name, handle.gate.opened_at.epoch
        ('handler', 5)
    """

    def __init__(self, gate: Gate, handler: Handler, name: str) -> None:
        self.gate = gate
        self.handler = handler
        self.name = name
        self.saved = saved_part(handler, name)
        self._attached, self._removed = ExitStack(), False

    def remove(self) -> None:
        """Take the handler off its events, and its gate off the recorder; a shared gate goes on. Idempotent.

        Where its event goes on just now, as in an ``on_open`` of the same record, it is not called any more.
        """
        self._removed = True
        self._attached.close()

    def on_remove(self, function: Callable[[], object]) -> None:
        """Call ``function`` when the handle is removed, before what is undone then."""
        self._attached.callback(function)

    def guard(self, call: Callable[..., Any]) -> Callable[..., None]:
        """``call``, but where Ignite goes through the handlers of its event as the handle is removed."""

        def call_unless_removed(*args: Any, **kwargs: Any) -> None:
            if not self._removed:
                call(*args, **kwargs)

        return call_unless_removed

    def __enter__(self) -> DelayHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def state_dict(self) -> dict[str, Any]:
        """The states of the gate and, if it has one, of the handler."""
        state: dict[str, Any] = {"version": 1, "gate": self.gate.state_dict()}
        if self.saved is not None:
            state["handler"] = plain(self.saved.state_dict())
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over saved states.

        Raises:
            StateError: where they do not fit; nothing was changed.
        """
        stateful = self.saved is not None
        check_version(f"the state of {self.name!r}", state_dict, 1)
        if "gate" not in state_dict or stateful is not ("handler" in state_dict):
            raise StateError(f"the state of {self.name!r} is of another handler, or truncated")
        commit = self.gate._prepare(state_dict["gate"])
        if stateful:
            load_all_or_none({self.name: self.saved}, {self.name: state_dict["handler"]})
        commit()
        self.gate.recorder.engines.loaded()

    def __repr__(self) -> str:
        return f"<DelayHandle of {self.handler!r} behind {self.gate!r}>"


@advise(
    "until={0!r}, after which it always runs, or when={0!r}, while which it does", after="until=After(epochs={0!r})"
)
def delay(
    recorder: Recorder,
    handler: Handler,
    *,
    until: ConditionLike | Gate | None = None,
    when: ConditionLike | None = None,
    engine: Engine | str | None = None,
    event: Any = Events.COMPLETED,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> DelayHandle:
    """Attach ``handler`` so that it runs only once ``until`` has held (or while ``when`` holds).

    The evaluation that opens the gate is the first that the handler sees; from then on it runs whenever its event is
    fired, also by an evaluation outside of training. It works for every event, filtered ones (both must hold), lists
    of events, and events on which Ignite's own filters fail.

    Where the evaluation that may move the gate is recorded later in the same event, the handler waits for it: on
    EPOCH_COMPLETED of the evaluator until its COMPLETED; on the events of the trainer in which evaluators run until the
    end of the event. Attached after what evaluates it keeps its place (there a checkpoint that saves it may follow).
    Events of an evaluation that come before its metrics, such as its STARTED, go by the records so far.

    The state of a ``Checkpoint`` is saved with the recorder's; as it is loaded, files that are gone are left out of it.

    Args:
        recorder: what feeds the gate.
        handler: any callable, with or without an engine argument: early stopping, a checkpoint, logging, a lambda.
        until: a condition, a function of one record, or a :class:`Gate` to share.
        when: a condition, or a function of one record; the handler runs while it holds.
        engine: the engine whose event is meant; by default the evaluator, where there is only one. Of an evaluator
            that is recorded on several data the name of one: ``engine="val"`` runs at evaluations on that data alone.
        event: an event, filtered or not, or several joined by ``|``.
        args: what the handler is passed besides, as by ``add_event_handler``: after the engine.
        kwargs: the same, by name: ``kwargs={"to_save": {"model": model}}`` for a ``ModelCheckpoint``.
        name: for logs, marks and plots.

    Returns:
        A handle: ``remove()``, usable in ``with``; its ``gate``; ``state_dict`` of gate and handler.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind.
        AttachError: where the handler is attached already, delayed or not, or an Ignite ``EarlyStopping`` would reset
            itself at every evaluation (it was attached with its own ``attach``).

    Example:
        >>> from ignite.engine import Engine, Events
        >>> from ignite_delayed import After, Recorder
        >>> trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        >>> recorder = Recorder(trainer, evaluator)
        >>> handle = delay(recorder, lambda: print("epoch", trainer.state.epoch), until=After(epochs=2))
        >>> _ = trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        >>> _ = trainer.run([0], max_epochs=4)
        epoch 3
        epoch 4
    """
    check_recorder(recorder)
    engine, source = _engine(recorder, engine)
    events = _events(event)
    args, kwargs = _check_arguments(args, kwargs)
    calls = [_on_data(recorder, source, adapt(handler, _plain_event(one), args, kwargs)) for one in events]
    _check_attachable(engine, events, handler)
    if engine is not recorder.trainer:
        _warn_of_counts(engine, events)
    name = name_of(handler) if name is None else check_name("name", name)
    handle = behind(recorder, handler, until, when, name)
    with ExitStack() as undo:
        undo.callback(handle.remove)
        for one, call in zip(events, calls, strict=True):
            _attach(handle, engine, one, call, identity(handler))
        undo.pop_all()  # nothing failed: it stays
    recorder.hub.add(handle, saved=handle.saved)
    handle.on_remove(lambda: recorder.hub.discard(handle))
    return handle


def hang(
    handle: DelayHandle, engine: Engine, event: Any, handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Attach ``handler`` to ``event`` of ``engine``, behind the gate of ``handle`` and removed with it."""
    events = _events(event)
    calls = [adapt(handler, _plain_event(one), args, kwargs) for one in events]
    _check_attachable(engine, events, handler)
    for one, call in zip(events, calls, strict=True):
        _attach(handle, engine, one, call, identity(handler))


def behind(recorder: Recorder, handler: Any, until: Any, when: Any, name: str) -> DelayHandle:
    """A handle on a gate of its own, or on the one that is shared."""
    if isinstance(when, Gate):
        refuse_type("when", "a condition, or a function of one record", when, "Share a gate by until=gate.")
    if not isinstance(until, Gate) or when is not None:
        gate = Gate(recorder, until=until, when=when, name=name)
        handle = DelayHandle(gate, handler, gate.name)
        handle.on_remove(gate.remove)
        return handle
    if until.recorder is not recorder:
        raise AttachError("until is a gate of another recorder: build one on this recorder, or share its condition")
    handle = DelayHandle(until, handler, recorder.hub.reserve(name))
    handle.on_remove(lambda: recorder.hub.release(handle.name))
    return handle


def _engine(recorder: Recorder, engine: Any) -> tuple[Engine, str | None]:
    """The engine that is meant, and the source where it is meant by name."""
    named = {name: one for name, one in recorder.evaluators.items() if one is not recorder.trainer}
    if engine is None:
        if len(named) != 1:
            there = f"by name, {' or '.join(map(repr, named))}, or as an Engine" if named else "as an Engine"
            raise TypeError(f"engine must be given {there}: the recorder has {len(named)} evaluators to choose from.")
        engine = next(iter(named))
    if isinstance(engine, str) and (engine in named or "" not in named):
        return named[check_choice("engine", engine, named)], engine
    if not isinstance(engine, Engine):
        refuse_type("engine", "an ignite Engine", engine)
    return engine, None


def _on_data(recorder: Recorder, source: str | None, call: Callable[..., Any]) -> Callable[..., Any]:
    """``call`` while the engine runs on the data of ``source`` alone, if that names any."""
    if source is None or recorder.engines.sources[source].data is None:
        return call

    def on_data(*args: Any, **kwargs: Any) -> None:
        if recorder.engines.shows(source):
            call(*args, **kwargs)

    return on_data


def _events(event: Any) -> list[Any]:
    events = list(event) if isinstance(event, EventsList) else [event]
    for one in events:
        if not isinstance(one, (CallableEventWithFilter, str)):
            refuse_type("event", "an event of the engine, such as Events.COMPLETED", one)
    if len({_label(one) for one in events}) < len(events):
        raise AttachError("event names one event twice: the handler would run twice for it")
    return events


def _check_arguments(args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the handler is passed besides what the event passes."""
    if not isinstance(args, (tuple, list)):
        refuse_type("args", "a tuple or a list", args, "One argument is written args=(x,).")
    if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(name, str) for name in kwargs)):
        refuse_type("kwargs", "a dict of arguments by name", kwargs)
    return tuple(args), dict(kwargs or {})


def _plain_event(event: Any) -> Any:
    if not isinstance(event, CallableEventWithFilter) or event.filter is None:
        return event
    return CallableEventWithFilter(event.value, None, event.name)


def _label(event: Any) -> str:
    return event if isinstance(event, str) else str(event.name)


def _check_attachable(engine: Engine, events: list[Any], handler: Handler) -> None:
    taken = _delayed.get(engine, set())
    for event in events:
        check_event(engine, event)
        if (_label(event), identity(handler)) in taken:
            raise AttachError(
                f"{handler!r} is delayed on {_label(event)} of this engine already (a notebook cell that ran twice?): "
                "call remove() on the first handle"
            )
        if any(identity(attached) == identity(handler) for attached in attached_handlers(engine, event)):
            raise AttachError(
                f"{handler!r} is attached to {_label(event)} of this engine already, undelayed, and would run twice: "
                "attach it through delay() alone. If it is an EarlyStopping, do not call its attach(): that also "
                "resets it at every evaluation, so that it never stops"
            )
    _check_reset(engine, handler)


def _check_reset(engine: Engine, handler: Handler) -> None:
    reset = getattr(handler, "reset", None)
    if reset is None:
        return
    for attached in attached_handlers(engine, Events.STARTED):
        if identity(attached) == identity(reset):
            raise AttachError(
                f"{handler!r} resets itself at every STARTED of this engine (its attach() did that) and would never "
                "stop: build it anew and attach it through delay() alone"
            )


def _warn_of_counts(engine: Engine, events: list[Any]) -> None:
    """An evaluator's epoch is 1 at every run: Ignite's counting filters see nothing else."""
    for event in events:
        counted = _label(event) in ("COMPLETED", "EPOCH_COMPLETED", "EPOCH_STARTED", "STARTED")
        if counted and is_counting(event) and engine.state.max_epochs in (None, 1):
            warnings.warn(
                f"Events.{_label(event)} is filtered by its count (after=, every=, once= or before=). On an evaluator "
                "that is the evaluator's own epoch, which is 1 at every run; write until=After(epochs=...) for the "
                "trainer's epoch instead",
                stacklevel=4,  # past advise()
            )


def _attach(handle: DelayHandle, engine: Engine, event: Any, call: Callable[..., Any], who: tuple[Any, ...]) -> None:
    gate, key = handle.gate, (_label(event), who)
    taken = _delayed.setdefault(engine, set())
    handler, undo = gate_calls(gate, engine, event, handle.guard(call)), None
    if event == Events.EPOCH_COMPLETED and waits_for_record(gate.condition):
        # The trainer's own record may move the gate in this very event.
        undo = gate.recorder.engines.after_trainer_record(engine, handler)
    if undo is None:
        undo = attach_turn(gate, engine, _plain_event(event), handler)
    if undo is None:
        attached = engine.add_event_handler(_plain_event(event), handler)
        undo = functools.partial(_detach, attached, event)
    handle.on_remove(undo)
    taken.add(key)
    handle.on_remove(lambda: taken.discard(key))


def _detach(attached: Any, event: Any) -> None:
    detach(attached)
    engine = attached.engine()  # weakly held: a handle must not keep the engine, its model and its data
    if engine is not None:
        drop_if_empty(engine, event)
