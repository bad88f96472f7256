"""All that is read of Ignite's private parts, and of torch's, in one place: what its public interface does not tell."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine

__all__ = [
    "attached_handlers",
    "check_event",
    "drop_generator",
    "drop_if_empty",
    "fires",
    "group_store",
    "is_counting",
    "move_to_end",
    "unwrap",
    "working_generator",
]


def working_generator(engine: Engine) -> Any:
    """The generator that ``run()`` works in; ``None`` between runs and where ``interrupt_resume_enabled`` is off."""
    return engine._internal_run_generator


def drop_generator(engine: Engine) -> None:
    """Let the next ``run()`` begin: Ignite keeps the generator of one that raised, and would silently do nothing."""
    engine._internal_run_generator = None


def fires(engine: Engine, event: Any) -> bool:
    """Whether ``engine`` is inside the handlers of ``event``."""
    generator = working_generator(engine)
    return bool(engine.last_event_name == event and (generator is None or generator.gi_running))


def attached_handlers(engine: Engine, event: Any) -> list[Callable[..., Any]]:
    """What is attached to ``event``, in order."""
    return [handler for handler, _, _ in engine._event_handlers.get(event, ())]


def move_to_end(engine: Engine, event: Any, handler: Callable[..., Any]) -> None:
    """Let ``handler`` be the last one of ``event``, from now on and in the firing that goes on; its turn is to come."""
    handlers = engine._event_handlers[event]
    if handlers[-1][0] != handler:
        place = next(place for place, (one, _, _) in enumerate(handlers) if one == handler)
        handlers.append(handlers.pop(place))  # in place: Ignite is going through this very list


def drop_if_empty(engine: Engine, event: Any) -> None:
    """Forget the list of handlers of ``event`` when nothing is left in it.

    Ignite takes an empty list of EXCEPTION_RAISED handlers for one that dealt with the exception.
    """
    if not engine._event_handlers.get(event):
        engine._event_handlers.pop(event, None)


def check_event(engine: Engine, event: Any) -> None:
    """Raise Ignite's own error where ``engine`` does not fire ``event``."""
    engine._assert_allowed_event(event)


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
