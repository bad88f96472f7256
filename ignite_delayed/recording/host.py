"""All that is read of Ignite's private parts, and of torch's, in one place: what its public interface does not tell."""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from ignite.engine import Engine
from ignite.engine.events import RemovableEventHandle

__all__ = [
    "all_or_nothing",
    "attach",
    "attached_handlers",
    "call_when_gone",
    "check_event",
    "detach",
    "drop_generator",
    "drop_if_empty",
    "fires",
    "group_ranks",
    "group_store",
    "handler_arguments",
    "handlers_caught",
    "is_counting",
    "is_no_member",
    "is_process_group",
    "is_raised_in",
    "is_running",
    "is_running_in",
    "lacks",
    "move_to_end",
    "unwrap",
    "working_generator",
]


def working_generator(engine: Engine) -> Any:
    """The generator that ``run()`` works in; ``None`` between runs and where ``interrupt_resume_enabled`` is off."""
    return engine._internal_run_generator


def drop_generator(engine: Engine) -> None:
    """Let the next ``run()`` begin: Ignite keeps the generator of one that raised, and would silently do nothing.

    One that is interrupted is kept: it goes on.
    """
    generator = working_generator(engine)
    if generator is not None and (generator.gi_running or generator.gi_frame is None):
        engine._internal_run_generator = None


def is_running(engine: Engine) -> bool:
    """Whether we are inside a ``run()`` of ``engine``.

    Events do not tell: ``interrupt()`` leaves without an end, an exception without any event, and both come back
    without a start. The generator that Ignite runs in does, and without it the stack.
    """
    return _generator_runs(engine) or (not Engine.interrupt_resume_enabled and _runs_below(sys._getframe(), engine))


def is_running_in(thread: int, engine: Engine) -> bool:
    """Whether a ``run()`` of ``engine`` goes on in ``thread``, as ``threading.get_ident()`` named it there.

    Without the generator the stack tells. A frame that returns while it is looked at has none below it any more: only
    several looks can say that none runs.
    """
    looks = (_runs_below(sys._current_frames().get(thread), engine) for _ in range(_LOOKS))
    return _generator_runs(engine) or (not Engine.interrupt_resume_enabled and any(looks))


def _generator_runs(engine: Engine) -> bool:
    """Whether the generator that Ignite runs ``engine`` in is at work, in whatever thread."""
    generator = working_generator(engine)
    return generator is not None and generator.gi_running


def _runs_below(frame: FrameType | None, engine: Engine) -> bool:
    """Whether ``frame`` is called, however deep, by the function in which ``engine`` runs."""
    while frame is not None:
        if frame.f_code in _RUNS and frame.f_locals.get("self") is engine:
            return True
        frame = frame.f_back
    return False


def is_raised_in(engine: Engine) -> bool:
    """Whether the exception that is being dealt with just now came out of a ``run()`` of ``engine``."""
    error = sys.exc_info()[1]
    trace = None if error is None else error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        if frame.f_code in _RUNS and frame.f_locals.get("self") is engine:
            return True
    return False


_LOOKS = 20
_RUNS = (Engine._internal_run_as_gen.__code__, Engine._internal_run_legacy.__code__)


def fires(engine: Engine, event: Any) -> bool:
    """Whether ``engine`` is inside the handlers of ``event``."""
    generator = working_generator(engine)
    return bool(engine.last_event_name == event and (generator is None or generator.gi_running))


def attached_handlers(engine: Engine, event: Any) -> list[Callable[..., Any]]:
    """What is attached to ``event``, in order."""
    return [handler for handler, _, _ in engine._event_handlers.get(event, ())]


def handler_arguments(engine: Engine) -> list[Any]:
    """What the handlers of ``engine``, of all events, are called with besides the engine: Ignite's loggers, for one."""
    attached = itertools.chain.from_iterable(engine._event_handlers.values())
    return [argument for _, args, kwargs in attached for argument in (*args, *kwargs.values())]


def move_to_end(engine: Engine, event: Any, handler: Callable[..., Any]) -> None:
    """Let ``handler`` be the last one of ``event``, from now on and in the firing that goes on; its turn is to come."""
    handlers = engine._event_handlers[event]
    if handlers[-1][0] != handler:
        place = next(place for place, (one, _, _) in enumerate(handlers) if one == handler)
        handlers.append(handlers.pop(place))  # in place: Ignite is going through this very list


def attach(undo: ExitStack, engine: Engine, event: Any, handler: Callable[..., None]) -> None:
    """Attach ``handler`` until ``undo`` is closed; not at all to an engine that does not know ``event``."""
    if event in engine._allowed_events:
        undo.callback(detach, engine.add_event_handler(event, handler))


def call_when_gone(engine: Engine, method: Callable[[], None]) -> weakref.ref[Engine]:
    """Call ``method`` of an object that still lives as ``engine`` ceases to, as long as the result is kept."""
    alive = weakref.WeakMethod(method)

    def call(_: weakref.ref[Engine]) -> None:
        bound = alive()
        if bound is not None:
            bound()

    return weakref.ref(engine, call)


@contextmanager
def all_or_nothing(undo: Callable[[], object]) -> Iterator[None]:
    """Call ``undo`` where what is attached in between fails part of the way."""
    try:
        yield
    except BaseException:
        undo()
        raise


def detach(handle: RemovableEventHandle) -> None:
    """Take off what ``handle`` attached to one event, also where a wrapper took its place.

    ``HandlersTimeProfiler`` puts its own in the place of each handler while the engine runs; ``handle.remove()`` finds
    its handler no more then, and does nothing.
    """
    engine, handler, event = handle.engine(), handle.handler(), handle.event_name
    if engine is None or handler is None or engine.has_event_handler(handler, event):
        handle.remove()
    elif event in engine._event_handlers:  # a new list: the old one may be what is gone through just now
        attached = engine._event_handlers[event]
        engine._event_handlers[event] = [entry for entry in attached if handler not in _wrapped_by(entry[0])]


def _wrapped_by(handler: Any) -> list[Any]:
    """What is in ``handler``, the innermost last."""
    inside: list[Any] = []
    while hasattr(handler, "__wrapped__") and len(inside) < 10:
        handler = handler.__wrapped__
        inside.append(handler)
    return inside


def drop_if_empty(engine: Engine, event: Any) -> None:
    """Forget the list of handlers of ``event`` when nothing is left in it.

    Ignite takes an empty list of EXCEPTION_RAISED handlers for one that dealt with the exception.
    """
    if not engine._event_handlers.get(event):
        engine._event_handlers.pop(event, None)


@contextmanager
def handlers_caught(engine: Engine, catch: Callable[..., None]) -> Iterator[None]:
    """Let ``catch`` have what is meant to be attached to ``engine``, with the arguments of ``add_event_handler``."""

    def caught(event_name: Any, handler: Callable[..., Any], *args: Any, **kwargs: Any) -> RemovableEventHandle:
        with _as_ever(engine):
            catch(event_name, handler, *args, **kwargs)
        return RemovableEventHandle(event_name, handler, engine)

    engine.__dict__["add_event_handler"] = caught  # over the method of the class
    try:
        yield
    finally:
        engine.__dict__.pop("add_event_handler", None)


@contextmanager
def _as_ever(engine: Engine) -> Iterator[None]:
    """While we attach ourselves."""
    caught = engine.__dict__.pop("add_event_handler")
    try:
        yield
    finally:
        engine.__dict__["add_event_handler"] = caught


def check_event(engine: Engine, event: Any) -> None:
    """Raise Ignite's own error where ``engine`` does not fire ``event``."""
    engine._assert_allowed_event(event)


def lacks(engine: Engine, event: Any) -> bool:
    """Whether ``engine`` does not know ``event``, so that nothing can be attached to it."""
    return event not in engine._allowed_events


def is_counting(event: Any) -> bool:
    """Whether the filter of ``event`` is one that Ignite made of ``after=``, ``every=``, ``once=`` or ``before=``."""
    made_by: str = getattr(getattr(event, "filter", None), "__qualname__", "")
    return made_by.startswith("CallableEventWithFilter.")


def unwrap(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler itself, where Ignite wrapped it for a filter."""
    parent = getattr(handler, "_parent", None)
    return (parent() or handler) if isinstance(parent, weakref.ref) else handler


def group_store() -> Any:
    """The key-value store of the process group, if it has one: it still answers when a collective does not."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return None
    return dist.distributed_c10d._get_default_store()


def is_process_group(group: Any) -> bool:
    """Whether ``group`` is one of torch's, that this process is in."""
    import torch.distributed as dist

    return dist.is_available() and isinstance(group, dist.ProcessGroup)


def is_no_member(group: Any) -> bool:
    """Whether ``group`` is what torch gives a process that is not in the group which it made."""
    import torch.distributed as dist

    return dist.is_available() and group is dist.GroupMember.NON_GROUP_MEMBER


def group_ranks(group: Any) -> list[int]:
    """The ranks of ``group``, as the world counts them, in its own order."""
    import torch.distributed as dist

    return list(dist.get_process_group_ranks(group))
