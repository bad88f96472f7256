"""Which data an engine ran on."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from torch.utils.data import DataLoader

from ignite_delayed.recording.sources.data import Data, named_data

ONE: Any = list(range(4))
OTHER: Any = list(range(4))


class Unsized(DataLoader[Any]):
    """A loader whose length is not implemented."""

    def __len__(self) -> int:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("now", "is_other"),
    [
        (DataLoader(ONE), False),
        (DataLoader(OTHER), True),
        (DataLoader(ONE, batch_size=2), True),
        (ONE, True),
        (iter(ONE), True),
        (None, True),
        (Unsized(ONE), True),
    ],
)
def test_another_dataset_or_length_is_other_data(now: Any, is_other: bool) -> None:
    assert Data(DataLoader(ONE)).is_other(now) is is_other


def test_no_data_at_all_are_the_same_again() -> None:
    assert not Data(None).is_other(None)


def test_a_dataset_that_is_gone_is_not_taken_for_a_new_one() -> None:
    class Numbers(list[int]):
        """A list that can be referred to weakly."""

    def build() -> Any:
        numbers: Any = Numbers(ONE)
        return DataLoader(numbers)

    data = Data(build())
    gc.collect()
    assert all(data.is_other(build()) for _ in range(9))


@pytest.mark.parametrize(
    ("loader", "text"),
    [(DataLoader(ONE), "DataLoader of length 4"), (ONE, "list of length 4"), (Unsized(ONE), "Unsized")],
)
def test_it_says_what_it_is(loader: Any, text: str) -> None:
    assert str(Data(loader)) == text


def test_two_loaders_of_one_length_over_one_dataset_cannot_be_told_when_built_again() -> None:
    first, second = DataLoader[Any](ONE), DataLoader[Any](ONE)
    named = [("first", first), ("second", second)]
    assert named_data(second, named) == "second"
    assert named_data(DataLoader(ONE), named) is None
