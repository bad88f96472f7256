"""What is trained: a small network on handwritten digits, many of whose training labels are wrong.

In double precision, from the first random weight on: in single precision the order in which a processor adds up a dot
product, which differs from one kind of vector unit to the next, is soon seen in the accuracies and in epochs of stops.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from .._utils.extras import require_extra

__all__ = ["BATCH_SIZE", "PEAK_RATE", "Split", "Task", "build_network", "build_optimizer", "load_task", "rate_at"]

BATCH_SIZE = 32
PEAK_RATE = 0.5
_TRAINING, _VALIDATION = 900, 300  # the remaining 597 images are the test set
_WRONG_LABELS = 0.3
_WARM_UP, _HOLD = 0.1, 0.5  # as fractions of the run: where the rate has risen to its peak, and where it begins to fall


class Split(NamedTuple):
    """Images and their labels."""

    images: Tensor
    labels: Tensor


class Task(NamedTuple):
    """The three parts of the data; only the labels of the training part are partly wrong."""

    training: Split
    validation: Split
    test: Split

    def batches(self, seed: int) -> DataLoader[Any]:
        """The training batches, in an order that depends on ``seed`` alone."""
        images: Any = TensorDataset(*self.training)
        order = RandomSampler(images, generator=torch.Generator().manual_seed(seed))
        # Whole batches are indexed at once: ten times faster than collecting single images.
        return DataLoader(images, sampler=BatchSampler(order, BATCH_SIZE, drop_last=True), batch_size=None)


def load_task(seed: int) -> Task:
    """Scikit-learn's 1797 handwritten digits, divided and mislabelled as ``seed`` says.

    Args:
        seed: 0 to 2**32 - 1.

    Raises:
        ImportError: without scikit-learn (``pip install 'ignite-delayed[demo]'``).
    """
    load_digits = require_extra("sklearn.datasets", "demo").load_digits
    divide = require_extra("sklearn.model_selection", "demo").train_test_split
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    parts = []
    for size in (_TRAINING, _VALIDATION):
        mine, images, my_labels, labels = divide(images, labels, train_size=size, stratify=labels, random_state=seed)
        parts.append(Split(torch.from_numpy(mine), torch.from_numpy(my_labels)))
    training, validation = parts
    noisy = Split(training.images, _mislabel(training.labels, seed))
    return Task(noisy, validation, Split(torch.from_numpy(images), torch.from_numpy(labels)))


def _mislabel(labels: Tensor, seed: int) -> Tensor:
    """``labels``, of which a fraction is replaced by any of the other nine digits."""
    generator = torch.Generator().manual_seed(seed)
    wrong = torch.rand(len(labels), generator=generator) < _WRONG_LABELS
    others = (labels + torch.randint(1, 10, labels.shape, generator=generator)) % 10
    return torch.where(wrong, others, labels)


def build_network() -> nn.Module:
    """Two hidden layers with dropout, in double precision, initialised from torch's global generator."""
    linear = partial(nn.Linear, dtype=torch.float64)  # converting later would keep the rounding of the first weights
    return nn.Sequential(
        linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        linear(128, 10),
    )


def build_optimizer(network: nn.Module) -> torch.optim.Optimizer:
    """Plain gradient descent with weight decay."""
    return torch.optim.SGD(network.parameters(), lr=PEAK_RATE, weight_decay=5e-3)


def rate_at(progress: float) -> float:
    """The learning rate when ``progress`` of the run, 0 <= progress < 1, is over.

    It rises for a tenth of the run, stays at its peak until half of it, and falls to zero at its end.
    """
    if progress < _HOLD:
        return PEAK_RATE * min(1.0, progress / _WARM_UP)
    return PEAK_RATE * (1 - progress) / (1 - _HOLD)
