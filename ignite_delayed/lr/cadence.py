"""Which batches of an epoch end in an update of the optimizer, where gradients are accumulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from torch.optim import Optimizer

from .._utils.checks import check_count, refuse_value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Cadence", "cadence_of"]

N = TypeVar("N", int, "npt.NDArray[np.int64]")


class Cadence(NamedTuple):
    """An update after every ``batches`` batches.

    Args:
        batches: the batches whose gradients are accumulated.
        at_epoch_end: whether the last batches of an epoch make an update too where they are fewer, as with accelerate;
            else they are counted on in the next epoch, as by Ignite's ``create_supervised_trainer``, which goes by
            ``state.iteration``.
    """

    batches: int
    at_epoch_end: bool = False

    def per_epoch(self, length: int) -> float:
        """Updates in an epoch of ``length`` batches, on average."""
        return -(-length // self.batches) if self.at_epoch_end else length / self.batches

    def after(self, iterations: N, length: int) -> N:
        """Updates after so many iterations, which may be an array."""
        if not self.at_epoch_end:
            return iterations // self.batches
        return iterations // length * -(-length // self.batches) + iterations % length // self.batches

    def reached(self, updates: int, length: int) -> int:
        """Iterations after which there are so many updates."""
        if not self.at_epoch_end:
            return updates * self.batches
        epochs, rest = divmod(updates, -(-length // self.batches))
        return epochs * length + rest * self.batches


def cadence_of(optimizer: Optimizer, told: Cadence | int | None) -> Cadence | None:
    """How ``optimizer`` is updated as far as it is ``told``, or as accelerate's wrapper says; ``None`` if unknown."""
    if isinstance(told, Cadence):
        return told
    argument = "gradient_accumulation_steps"
    batches = None if told is None else check_count(argument, told)
    state = getattr(optimizer, "gradient_state", None)  # of accelerate
    known = getattr(state, "num_steps", None)
    if not isinstance(known, int):
        return None if batches is None else Cadence(batches)
    if batches not in (None, known):
        refuse_value(argument, f"{known}, as the Accelerator of this optimizer has it", batches, "Leave it out.")
    return Cadence(known, bool(getattr(state, "sync_with_dataloader", True)))
