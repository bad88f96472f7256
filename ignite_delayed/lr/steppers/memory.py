"""A way back to what a stepper, and the torch scheduler that it steps, were."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from torch.optim.lr_scheduler import LRScheduler

from .adapted import Adapted
from .base import Stepper
from .torch_state import held_schedulers

__all__ = ["remember_stepper"]


def remember_stepper(stepper: Stepper, what: Any) -> Callable[[], None]:
    """A function that makes ``stepper`` what it is now, and its scheduler, which stays the same object.

    Args:
        stepper: the stepper.
        what: what its phase was given: where that is a ready scheduler, it is put back too.
    """
    held = [(one, {name: _copy(value) for name, value in vars(one).items()}) for one in _objects(stepper, what)]

    def put_back() -> None:
        for one, attributes in held:
            vars(one).clear()
            vars(one).update(attributes)

    return put_back


def _objects(stepper: Stepper, what: Any) -> Iterator[Any]:
    """The stepper, its scheduler, built or ready, and the schedulers within that."""
    found: list[Any] = [stepper]
    if stepper.scheduler is not None:
        found.append(stepper.scheduler)
    elif isinstance(what, LRScheduler):
        found.append(what)
    if isinstance(found[-1], Adapted):
        found.append(found[-1].scheduler)
    yield from found
    yield from held_schedulers(found[-1])


def _copy(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, (list, dict)) else value
