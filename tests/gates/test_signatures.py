"""Calling a function of the user with what it takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from engines import engine
from ignite.engine import Engine, Events

from ignite_delayed.gates.signatures import adapt

ERROR = ValueError("broken batch")


class Noting:
    """Methods of each shape that note what they were called with."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def of_engine(self, engine: Engine) -> None:
        self.seen.append(engine)

    def of_nothing(self) -> None:
        self.seen.append("nothing")

    def of_anything(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append((*args, *kwargs))

    def of_default(self, epoch: int = 3) -> None:
        self.seen.append(epoch)

    def of_engine_by_default(self, engine: Engine | None = None) -> None:
        self.seen.append(engine)

    def of_trainer_by_default(self, trainer: Engine | None = None) -> None:
        self.seen.append(trainer)

    def of_evaluator_by_default(self, evaluator: Engine | None = None) -> None:
        self.seen.append(evaluator)

    def of_three(self, engine: Engine, one: int, two: int = 2) -> None:
        self.seen.append((engine, one, two))

    def of_error(self, error: Exception) -> None:
        self.seen.append(error)

    def of_engine_and_error(self, engine: Engine, error: Exception) -> None:
        self.seen.append((engine, error))

    def of_engine_and_count(self, engine: Engine, iter_counter: int) -> None:
        self.seen.append((engine, iter_counter))

    def of_count(self, iter_counter: int) -> None:
        self.seen.append(iter_counter)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda noting: noting.of_engine, "engine"),
        (lambda noting: noting.of_nothing, "nothing"),
        (lambda noting: noting.of_anything, ("engine",)),
        (lambda noting: noting.of_default, 3),
        (lambda noting: noting.of_engine_by_default, "engine"),
        (lambda noting: noting.of_trainer_by_default, "engine"),
        (lambda noting: noting.of_evaluator_by_default, "engine"),
        (lambda noting: functools.partial(noting.of_three, one=1), ("engine", 1, 2)),
        (lambda noting: functools.partial(noting.of_engine, "bound"), "bound"),
        (lambda noting: noting.seen.append, "engine"),
    ],
)
def test_the_engine_is_passed_where_it_is_wanted(handler: Callable[[Noting], Any], expected: Any) -> None:
    one, noting = engine(), Noting()
    adapt(handler(noting), Events.COMPLETED)(one)
    replaced = {"engine": one, ("engine",): (one,), ("engine", 1, 2): (one, 1, 2)}
    assert noting.seen == [replaced.get(expected, expected)]


class Silent:
    """Does not tell its arguments, as some builtins."""

    __signature__ = "none"

    def __call__(self, engine: Engine) -> Engine:
        return engine


def test_a_handler_that_does_not_tell_its_arguments_is_passed_the_engine() -> None:
    one, handler = engine(), Silent()
    with pytest.raises(TypeError):
        inspect.signature(handler)
    assert adapt(handler, Events.COMPLETED)(one) is one


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("of_error", [ERROR]),
        ("of_engine_and_error", [("engine", ERROR)]),
    ],
)
def test_exceptions_are_passed(method: str, expected: list[Any]) -> None:
    noting = Noting()
    adapt(getattr(noting, method), Events.EXCEPTION_RAISED)("engine", ERROR)
    assert noting.seen == expected


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("of_engine", ["engine"]),
        ("of_nothing", ["nothing"]),
        ("of_engine_and_count", [("engine", 7)]),
        ("of_count", [7]),
    ],
)
def test_the_counter_of_a_terminated_epoch_is_passed_where_it_is_asked_for(method: str, expected: list[Any]) -> None:
    noting = Noting()
    adapt(getattr(noting, method), Events.TERMINATE_SINGLE_EPOCH)("engine", iter_counter=7)
    assert noting.seen == expected


async def coroutine(engine: Engine) -> None:
    pass


class CoroutineObject:
    async def __call__(self, engine: Engine) -> None:
        pass


@pytest.mark.parametrize(
    ("handler", "event", "message"),
    [
        (None, Events.COMPLETED, "handler must be a callable, got None"),
        (
            coroutine,
            Events.COMPLETED,
            r"^handler must be a plain callable, got <function coroutine .*\. Ignite would call the coroutine and",
        ),
        (CoroutineObject(), Events.COMPLETED, "never await it"),
        (
            lambda engine, other: None,
            Events.COMPLETED,
            r"^handler must be a callable of the engine, or of nothing, got <function <lambda>.*signature is \(engine",
        ),
        (lambda: None, Events.EXCEPTION_RAISED, "of the engine and the exception, or of the exception"),
        (lambda *, engine: None, Events.COMPLETED, "of the engine, or of nothing"),
    ],
)
def test_what_cannot_be_called_is_refused(handler: Any, event: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        adapt(handler, event)
