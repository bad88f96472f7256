"""Values: immutable, equal by their arguments, printed as the call that builds them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from ignite_delayed._utils.values import Value


class Point(Value):
    __slots__ = ("label", "norm", "x", "y", "z")

    def __init__(self, x: float, y: float = 0.0, z: float = 0.0, *, label: str = "") -> None:
        self._set(x=x, y=y, z=z, label=label, norm=abs(x) + abs(y) + abs(z))


class Path(Value):
    __slots__ = ("closed", "points")

    def __init__(self, *points: Point, closed: bool = False) -> None:
        self._set(points=points, closed=closed)


class Other(Point):
    __slots__ = ()


VALUES = [
    (Point(1), "Point(1)"),
    (Point(1, 2.5), "Point(1, 2.5)"),
    (Point(1, z=3), "Point(1, z=3)"),
    (Point(1, label="a"), "Point(1, label='a')"),
    (Point(x=1, y=2, label="a"), "Point(1, 2, label='a')"),
    (Path(), "Path()"),
    (Path(Point(1), Point(2), closed=True), "Path(Point(1), Point(2), closed=True)"),
]


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[text for _, text in VALUES])
def test_the_repr_is_the_call(value: Value, text: str) -> None:
    assert repr(value) == text
    assert eval(text) == value


@pytest.mark.parametrize("value", [value for value, _ in VALUES], ids=repr)
def test_copies_are_equal(value: Value) -> None:
    again = pickle.loads(pickle.dumps(value))
    assert again == value
    assert hash(again) == hash(value)
    assert copy.copy(value) is copy.deepcopy(value) is value
    assert copy.deepcopy([value])[0] is value


def test_what_is_derived_is_derived_again() -> None:
    assert pickle.loads(pickle.dumps(Point(3, 4))).norm == 7


def test_equality_is_of_class_and_arguments() -> None:
    assert Point(1) == Point(1, 0.0) == Point(y=0, x=1)
    assert Point(1) != Point(2)
    assert Point(1) != Point(1, label="a")
    assert Point(1) != Other(1)
    assert Point(1) != (1,)
    assert hash(Point(1)) != hash(Other(1))
    assert len({Point(1), Point(1, 0.0), Point(2)}) == 2


class EqualToAll:
    """Equality asks the other side before it says no."""

    def __eq__(self, other: object) -> bool:
        return True


def test_the_other_side_may_know_better() -> None:
    assert Point(1) == EqualToAll()


def test_values_are_immutable() -> None:
    point: Any = Point(1)
    for name in ("x", "norm", "new"):
        with pytest.raises(AttributeError, match=f"Point is immutable: build a new one instead of setting '{name}'"):
            setattr(point, name, 3)
    with pytest.raises(AttributeError, match="Point is immutable: 'x' cannot be deleted"):
        del point.x
    assert point == Point(1)
    assert not hasattr(point, "__dict__")


def test_a_pickle_names_the_class_alone() -> None:
    value = Point(1.0, 2.0, z=3.0)
    make, args = value.__reduce__()
    assert (make.func, make(*args)) == (Point, value)
