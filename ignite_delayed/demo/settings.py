"""What can be chosen about the demo; known without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from .._utils.checks import check_count, refuse_value

__all__ = ["EPOCHS", "PATIENCE", "SEED", "Settings", "usual_delay"]

EPOCHS, PATIENCE, SEED = 60, 5, 0


def usual_delay(epochs: int) -> int:
    """The delay that goes with ``epochs``: half of them, which is where the learning rate begins to fall."""
    return epochs // 2


@dataclass(frozen=True)
class Settings:
    """What can be chosen about the demo.

    Args:
        epochs: how long to train at most, in epochs, >= 2.
        delay: epochs before early stopping may begin, ``1 <= delay < epochs``.
        patience: evaluations (one an epoch) without improvement before a run is stopped, >= 1.
        seed: of everything random, 0 to 2**32 - 1.

    Raises:
        TypeError, ValueError: for anything else.

    Example:
        >>> Settings(epochs=40, delay=20)
        Settings(epochs=40, delay=20, patience=5, seed=0)
    """

    epochs: int = EPOCHS
    delay: int = usual_delay(EPOCHS)
    patience: int = PATIENCE
    seed: int = SEED

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, least=2)
        check_count("delay", self.delay)
        check_count("patience", self.patience)
        check_count("seed", self.seed, least=0)
        if self.delay >= self.epochs:
            hint = "A gate that opens after the last epoch never opens."
            refuse_value("delay", f"less than epochs={self.epochs}", self.delay, hint)
        if self.seed >= 2**32:
            refuse_value("seed", "less than 2**32", self.seed)
