"""Value classes: immutable, comparable, picklable, and printed as the call that builds them again.

Hand-written rather than frozen dataclasses: those compile their methods at import, fifteen times slower.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any, ClassVar, NoReturn, TypeVar

__all__ = ["Value"]

V = TypeVar("V", bound="Value")


_signatures: dict[type[Value], tuple[inspect.Parameter, ...]] = {}


def _parameters(kind: type[Value]) -> tuple[inspect.Parameter, ...]:
    if kind not in _signatures:
        _signatures[kind] = tuple(inspect.signature(kind).parameters.values())
    return _signatures[kind]


class Value:
    """Base of immutable values: each parameter of ``__init__`` is kept under its own name.

    Two values are equal when they are of one class and were built with equal arguments; what else a class
    derives from its arguments takes no part.
    """

    __slots__ = ()
    #: The methods that build a value from this one, which its repr may call and a text therefore too.
    fluent: ClassVar[frozenset[str]] = frozenset()

    def _set(self, **fields: Any) -> None:
        """Set fields once, from ``__init__``."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call that builds this value: positional and keyword arguments, defaults left out."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        by_name = False
        for parameter in _parameters(type(self)):
            value = self._argument(parameter.name)
            if parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(value)
            elif parameter.default is not parameter.empty and value == parameter.default:
                by_name = True  # an argument was left out, so those after it are named
            elif by_name or parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        return tuple(args), kwargs

    def _argument(self, name: str) -> Any:
        """What the value was built with; a class that has a method of that name keeps it under another."""
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: build a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._arguments() == other._arguments()

    def __hash__(self) -> int:
        args, kwargs = self._arguments()
        return hash((type(self), args, tuple(kwargs.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        args, kwargs = self._arguments()
        return partial(type(self), **kwargs), args

    def __copy__(self: V) -> V:
        return self

    def __deepcopy__(self: V, memo: dict[int, Any]) -> V:
        return self

    def __repr__(self) -> str:
        args, kwargs = self._arguments()
        listed = [repr(arg) for arg in args] + [f"{name}={value!r}" for name, value in kwargs.items()]
        return f"{type(self).__name__}({', '.join(listed)})"
