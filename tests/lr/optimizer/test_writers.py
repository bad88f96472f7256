"""Who writes what, from when to when."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
from engines import engine
from lr_runs import sgd
from wrapped_optimizers import WRAPPERS

from ignite_delayed import After, AttachError, Metric
from ignite_delayed.lr.optimizer.writers import Writer, claim

TRAINER = engine()
FIRST, SECOND = After(epochs=5), Metric("loss") < 1


def writer(name: str, *parameters: str, **window: Any) -> Writer:
    return Writer(name, weakref.ref(TRAINER), frozenset(parameters or ("lr",)), **window)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ({}, {}, False),
        ({"ends": FIRST}, {"starts": FIRST}, True),
        ({"starts": FIRST}, {"ends": FIRST}, True),
        ({"ends": FIRST}, {"starts": SECOND}, False),
        ({"ends": FIRST}, {"starts": After(epochs=5)}, True),
        ({"ends": FIRST}, {"ends": FIRST}, False),
        ({"starts": FIRST}, {"starts": FIRST}, False),
        ({"starts": FIRST, "ends": SECOND}, {"starts": SECOND}, True),
        ({"groups": frozenset({0})}, {"groups": frozenset({1, 2})}, True),
        ({"groups": frozenset({0, 1})}, {"groups": frozenset({1, 2})}, False),
        ({"groups": frozenset({0})}, {}, False),
    ],
)
def test_two_are_apart_when_they_hand_over_or_write_different_groups(
    first: dict[str, Any], second: dict[str, Any], apart: bool
) -> None:
    one, other = writer("one", **first), writer("other", **second)
    assert one.apart(other) is apart
    assert other.apart(one) is apart
    optimizer = sgd()
    kept = claim(optimizer, one)
    if apart:
        claim(optimizer, other)
    else:
        with pytest.raises(AttachError, match="one and other would both write 'lr' of one optimizer, each undoing"):
            claim(optimizer, other)
    kept()


def test_all_shared_parameters_are_listed() -> None:
    optimizer = sgd()
    kept = [claim(optimizer, writer("one", "momentum", "lr", "weight_decay"))]
    kept.append(claim(optimizer, writer("fine", "dampening")))
    with pytest.raises(AttachError, match="one and other would both write 'lr', 'momentum' of one optimizer"):
        claim(optimizer, writer("other", "lr", "momentum"))
    assert len(kept) == 2


def test_one_that_is_released_is_forgotten_and_an_equal_one_is_not() -> None:
    optimizer = sgd()
    one, equal = writer("one", starts=FIRST, ends=FIRST), writer("one", starts=FIRST, ends=FIRST)
    release, release_equal = claim(optimizer, one), claim(optimizer, equal)
    release()
    release()
    with pytest.raises(AttachError, match="one and other"):
        claim(optimizer, writer("other"))
    release_equal()
    claim(optimizer, writer("other"))


def test_other_optimizers_do_not_matter_and_are_not_kept_alive_longer_than_the_claim() -> None:
    optimizer = sgd()
    kept = claim(optimizer, writer("one"))
    claim(sgd(), writer("other"))
    gone = weakref.ref(optimizer)
    del optimizer
    assert gone() is not None
    del kept
    assert gone() is None


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS.keys())
def test_a_wrapper_and_what_it_wraps_are_one_optimizer(wrapper: Any) -> None:
    optimizer = sgd()
    wrapped = wrapper(optimizer)
    kept = claim(wrapped, writer("one"))
    with pytest.raises(AttachError, match="one and other"):
        claim(optimizer, writer("other"))
    kept()
    kept = claim(optimizer, writer("one"))
    with pytest.raises(AttachError, match="one and other"):
        claim(wrapped, writer("other"))
    kept()
