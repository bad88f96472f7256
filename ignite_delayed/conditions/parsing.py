"""Conditions from text: a walk over Python's syntax tree that calls what is on a list, and evaluates nothing.

Classes put themselves on the list (``readable``), their fluent methods are listed in ``Node.fluent``: so this module
knows none of them, and each of them may know it.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from functools import reduce
from typing import Any, NoReturn, TypeVar

from .._utils.checks import describe, refuse_type, suggestion
from .._utils.values import Value
from ..errors import ParseError
from .node import USE_OPERATORS, Node

__all__ = ["read", "readable"]

K = TypeVar("K", bound=type[Value])

# More than anybody writes, and little enough for Python's own parser and for the call stack.
_LONGEST, _DEEPEST = 10_000, 60
# How much of a long line an error shows on either side.
_SHOWN = 50

_READABLE: dict[str, Callable[..., Any]] = {"abs": abs}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Invert: operator.invert,
    ast.USub: operator.neg,
}
_PREDICATE = (
    "a Predicate calls a Python function, and reading a text runs none: build it in Python, and combine it with what "
    "is read by & and |"
)
_SCORE = "a Score calls a Python function, and reading a text runs none: build what it is part of in Python"


def readable(kind: K) -> K:
    """``kind``, whose name can be called in texts from now on; a decorator."""
    _READABLE[kind.__name__] = kind
    return kind


def read(text: str) -> Node:
    """The condition or expression that ``text`` writes down.

    Args:
        text: what ``repr`` prints.

    Raises:
        TypeError: where ``text`` is no string.
        ParseError: where it writes anything else, with the place.
    """
    if not isinstance(text, str):
        refuse_type("text", "a condition as repr prints it, as a string", text)
    return _Reader(text.strip()).whole()


class _Reader:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = re.split(r"\r\n|\r|\n", text)  # as Python counts them

    def whole(self) -> Node:
        if len(self._text) > _LONGEST:
            raise ParseError(f"the text is {len(self._text)} characters long, and at most {_LONGEST} are read.")
        try:
            tree = ast.parse(self._text, mode="eval").body
            value = self._value(tree, 0)
        except SyntaxError as error:
            self._refuse_syntax(error)
        except ParseError:
            raise
        except (ValueError, MemoryError, RecursionError) as error:  # no text for Python, or too deep for its parser
            why = str(error) or "it is nested too deeply"
            raise ParseError(f"this is no expression: {why}.") from error
        if not isinstance(value, Node):
            self._refuse(tree, f"this is {describe(value)}, no condition")
        return value

    def _value(self, tree: ast.expr, depth: int) -> Any:
        """What ``tree`` writes down: a condition, an expression, or a plain argument of one."""
        if depth > _DEEPEST:
            self._refuse(tree, f"this is nested more than {_DEEPEST} deep")
        if isinstance(tree, ast.Constant):
            return self._plain(tree)
        if isinstance(tree, ast.Call):
            return self._called(tree, depth)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
            return self._combined(tree, depth)
        if isinstance(tree, ast.UnaryOp) and type(tree.op) in _OPERATORS:
            operand = self._value(tree.operand, depth + 1)
            if isinstance(tree.op, ast.USub) and isinstance(tree.operand, ast.Constant) and _is_number(operand):
                return -operand
            return self._computed(tree, _OPERATORS[type(tree.op)], operand)
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in _OPERATORS:
            sides = [self._value(side, depth + 1) for side in (tree.left, tree.comparators[0])]
            return self._computed(tree, _OPERATORS[type(tree.ops[0])], *sides)
        return self._refuse_tree(tree)

    def _plain(self, tree: ast.Constant) -> Any:
        if tree.value is None or isinstance(tree.value, (bool, int, float, str)):
            return tree.value
        return self._refuse(tree, f"{describe(tree.value)} is no argument of a condition")

    def _combined(self, tree: ast.BinOp, depth: int) -> Any:
        """Two operands; of & and |, which may be many in a row, all that stand side by side."""
        chain, right = tree.left, [tree.right]
        if isinstance(tree.op, (ast.BitAnd, ast.BitOr)):
            while isinstance(chain, ast.BinOp) and type(chain.op) is type(tree.op):
                right.append(chain.right)
                chain = chain.left
        operands = [self._value(operand, depth + 1) for operand in (chain, *reversed(right))]
        return self._computed(tree, lambda *given: reduce(_OPERATORS[type(tree.op)], given), *operands)

    def _called(self, tree: ast.Call, depth: int) -> Any:
        function = self._function(tree.func, depth)
        args = [self._value(arg, depth + 1) for arg in tree.args]
        kwargs: dict[str, Any] = {}
        for keyword in tree.keywords:
            if keyword.arg is None or keyword.arg in kwargs:
                self._refuse(keyword.value, f"{keyword.arg} is given twice" if keyword.arg else "** is not read")
            kwargs[keyword.arg] = self._value(keyword.value, depth + 1)
        if function is abs and not kwargs:
            return self._computed(tree, function, *args)
        return self._made(tree, function, *args, **kwargs)

    def _function(self, tree: ast.expr, depth: int) -> Callable[..., Any]:
        """What is called: a class on the list, or a fluent method of what was read before its dot."""
        if isinstance(tree, ast.Name):
            if tree.id == "Predicate":
                self._refuse(tree, _PREDICATE)
            if tree.id == "Score":
                self._refuse(tree, _SCORE)
            if tree.id not in _READABLE:
                self._refuse(tree, f"no condition is called {tree.id!r}. {_or_list(tree.id, _READABLE)}")
            return _READABLE[tree.id]
        if isinstance(tree, ast.Attribute):
            owner = self._value(tree.value, depth + 1)
            if not isinstance(owner, Node):
                self._refuse(tree, f"{describe(owner)} has no methods here")
            if tree.attr not in owner.fluent:
                self._refuse(tree, f"{owner!r} has no method {tree.attr!r}. {_or_list(tree.attr, owner.fluent)}")
            method: Callable[..., Any] = getattr(owner, tree.attr)
            return method
        return self._refuse(tree, "only conditions, expressions and their methods can be called")

    def _computed(self, tree: ast.expr, function: Callable[..., Any], *operands: Any) -> Any:
        """What an operator makes of conditions and expressions; with plain values alone nothing is computed."""
        if not any(isinstance(operand, Node) for operand in operands):
            self._refuse(tree, "this reads no metric and no clock, and plain values are not computed with")
        return self._made(tree, function, *operands)

    def _made(self, tree: ast.expr, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What ``function`` makes, whose errors are told with the place."""
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            return self._refuse(tree, str(error), error)

    def _refuse_tree(self, tree: ast.expr) -> NoReturn:
        if isinstance(tree, (ast.BoolOp, ast.Compare, ast.UnaryOp)):
            self._refuse(tree, USE_OPERATORS)
        if isinstance(tree, ast.Name):
            call = f"write {tree.id}(...)" if tree.id in _READABLE else f"a metric is Metric({tree.id!r})"
            self._refuse(tree, f"names stand for nothing here: {call}")
        self._refuse(tree, "this is not among what conditions are written with: calls, numbers, strings and operators")

    def _refuse_syntax(self, error: SyntaxError) -> NoReturn:
        if re.search(r"\bPredicate\(", self._text):
            raise ParseError(f"{_PREDICATE}.") from error
        line = error.lineno or 1
        self._point(f"{error.msg}", line, (error.offset or 1) - 1, 1, error)

    def _refuse(self, tree: ast.expr, why: str, cause: BaseException | None = None) -> NoReturn:
        line = self._lines[tree.lineno - 1].encode()
        begin = len(line[: tree.col_offset].decode())  # the tree counts bytes
        last = tree.end_col_offset if tree.end_lineno == tree.lineno else None
        self._point(why, tree.lineno, begin, len(line[tree.col_offset : last].decode()), cause)

    def _point(self, why: str, number: int, begin: int, width: int, cause: BaseException | None) -> NoReturn:
        """Raise the error, with the line and carets below the place."""
        line = self._lines[min(number, len(self._lines)) - 1]
        shown = "".join(letter if letter.isprintable() else " " for letter in line)
        first = max(0, begin - _SHOWN)
        shown, begin = shown[first : begin + _SHOWN], begin - first
        carets = "^" * max(1, min(width, len(shown) - begin))
        raise ParseError(
            f"{why if why.endswith(('.', '?')) else f'{why}.'}\n    {shown}\n    {' ' * begin}{carets}"
        ) from cause


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _or_list(word: str, known: Any) -> str:
    """The known word that was meant, or all of them."""
    return suggestion(word, known) or f"There are {', '.join(sorted(known))}."
