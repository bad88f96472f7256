"""The updates that an optimizer really made: hooks on the step of the one that does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from torch.optim import Optimizer

from ..._utils.checks import describe
from ...errors import AttachError
from .groups import share_groups

__all__ = ["follow_updates"]


def follow_updates(optimizer: Optimizer, before: Callable[[], None], after: Callable[[], None]) -> Callable[[], None]:
    """Call ``before`` and ``after`` around every update of ``optimizer``; what is returned ends that.

    A step that AMP's ``GradScaler`` or a wrapper skips is none.

    Raises:
        AttachError: for an optimizer that does not say when it makes one.
    """
    working = _wrapped_optimizer(optimizer)

    def on_start(*ignored: Any) -> None:
        before()

    def on_end(stepped: Optimizer, *ignored: Any) -> None:
        # A fused optimizer is called in any case, and skips the update by itself.
        found_inf = getattr(stepped, "found_inf", None)
        if found_inf is None or not float(found_inf):
            after()

    with ExitStack() as undo:
        undo.callback(working.register_step_pre_hook(on_start).remove)
        undo.callback(working.register_step_post_hook(on_end).remove)
        return undo.pop_all().close


def _wrapped_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer that ``optimizer`` wraps, at any depth, whose step it may skip; itself if it wraps none."""
    for held in _attributes_of(optimizer):
        if isinstance(held, Optimizer) and held is not optimizer and share_groups(held, optimizer):
            return _wrapped_optimizer(held)
    if not isinstance(optimizer, Optimizer) or not hasattr(optimizer, "_optimizer_step_post_hooks"):
        raise AttachError(
            f"per='update' counts the steps of a torch optimizer, by its hooks, and {describe(optimizer)} neither is "
            "one nor shows which one it wraps: pass the optimizer that it wraps, or count per='iteration'"
        )
    return optimizer


def _attributes_of(optimizer: Any) -> Iterator[Any]:
    """What the attributes of ``optimizer`` hold, also in slots."""
    yield from list(getattr(optimizer, "__dict__", {}).values())
    for kind in type(optimizer).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            yield getattr(optimizer, f"_{kind.__name__.lstrip('_')}{name}" if private else name, None)
