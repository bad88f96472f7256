"""Which handlers are one and the same."""

from __future__ import annotations

import types

from engines import engine, handler_table
from ignite.engine import Engine, Events

from ignite_delayed.gates.handlers import identity


class Equal:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    def __call__(self, engine: Engine) -> None:
        pass

    def method(self) -> None:
        pass


def test_identity_is_of_the_object_and_the_method() -> None:
    one, other = Equal(), Equal()
    assert identity(one) == identity(one)
    assert identity(one) != identity(other)
    assert identity(one.method) == identity(one.method)
    assert identity(one.method) != identity(other.method)
    assert identity(one.method) != identity(one.__call__)
    assert identity(types.MethodType(lambda self: 1, one)) != identity(types.MethodType(lambda self: 2, one))
    numbers: list[int] = []
    assert identity(numbers.append) == identity(numbers.append)
    assert identity(numbers.append) != identity(numbers.remove)
    assert identity(numbers.append) != identity(list[int]().append)
    assert identity(print) == identity(print)


class Bound:
    """Belongs to an object, as a method does, but has no function and no name."""

    def __init__(self, owner: object) -> None:
        self.__self__ = owner

    def __call__(self) -> None:
        pass


def test_what_only_belongs_to_an_object_is_identified_by_itself() -> None:
    owner = Equal()
    one, other = Bound(owner), Bound(owner)
    assert identity(one) == identity(one) != identity(other)


def test_identity_looks_through_ignites_wrapper_of_a_filtered_handler() -> None:
    one, handler = engine(), Equal()
    one.add_event_handler(Events.COMPLETED(every=2), handler)
    [(wrapper, _, _)] = handler_table(one)[Events.COMPLETED]
    assert identity(wrapper) == identity(handler)
