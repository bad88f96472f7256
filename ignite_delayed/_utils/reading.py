"""Values from text: a walk over Python's syntax tree that calls what is on a list, and evaluates nothing.

What is on the list is the affair of a :class:`Language`: that of conditions, that of schedules.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple, NoReturn, TypeVar

from ..errors import ParseError
from .checks import describe, refuse_type, suggestion
from .values import Value

__all__ = ["Language", "read"]

F = TypeVar("F", bound=Callable[..., Any])

# More than anybody writes, and little enough for Python's own parser and for the call stack.
_LONGEST, _DEEPEST = 10_000, 60
# How much of a long line an error shows on either side.
_SHOWN = 50


class Language(NamedTuple):
    """What texts of one kind are written with, and what is said of the others.

    Args:
        noun: what a text writes down.
        kind: its class, whose attribute ``fluent`` names the methods that may be called.
        readable: what else may be called, by name.
        operators: what the operators of Python's syntax tree compute, where one operand is of the ``kind``.
        chained: those operators of which many may stand side by side.
        refused: names that are not read, with the reason.
        computed: why plain values are not computed with.
        connected: how to write what is written with ``and``, ``or``, ``not`` or several comparisons.
        named: what is meant by a ``{name}`` alone.
        called: what can be called.
        written: what there is.
        lists: whether an argument may be a list or a tuple.
    """

    noun: str
    kind: type[Value]
    readable: dict[str, Callable[..., Any]]
    operators: Mapping[type[ast.AST], Callable[..., Any]]
    chained: tuple[type[ast.operator], ...]
    refused: Mapping[str, str]
    computed: str
    connected: str
    named: str
    called: str
    written: str
    lists: bool = False

    def add(self, function: F) -> F:
        """``function``, whose name can be called in texts from now on; a decorator."""
        self.readable[function.__name__] = function
        return function


def read(text: str, language: Language) -> Any:
    """The value that ``text`` writes down.

    Args:
        text: what ``repr`` prints.
        language: what it is written with.

    Raises:
        TypeError: where ``text`` is no string.
        ParseError: where it writes anything else, with the place.
    """
    if not isinstance(text, str):
        refuse_type("text", f"a {language.noun} as repr prints it, as a string", text)
    return _Reader(text.strip(), language).whole()


class _Reader:
    """Reads one text."""

    def __init__(self, text: str, language: Language) -> None:
        self._text, self._language = text, language
        self._lines = re.split(r"\r\n|\r|\n", text)  # as Python counts them

    def whole(self) -> Any:
        if len(self._text) > _LONGEST:
            raise ParseError(f"the text is {len(self._text)} characters long, and at most {_LONGEST} are read.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of Python's parser: '1or 2', an escape that is none
                tree = ast.parse(self._text, mode="eval").body
            value = self._value(tree, 0)
        except SyntaxError as error:
            self._refuse_syntax(error)
        except ParseError:
            raise
        except (ValueError, MemoryError, RecursionError) as error:  # no text for Python, or too deep for its parser
            why = str(error) or "it is nested too deeply"
            raise ParseError(f"this is no expression: {why}.") from error
        if not isinstance(value, self._language.kind):
            self._refuse(tree, f"this is {describe(value)}, no {self._language.noun}")
        return value

    def _value(self, tree: ast.expr, depth: int) -> Any:
        """What ``tree`` writes down: a value of the language, or a plain argument of one."""
        operators = self._language.operators
        if depth > _DEEPEST:
            self._refuse(tree, f"this is nested more than {_DEEPEST} deep")
        if isinstance(tree, ast.Constant):
            return self._plain(tree)
        if isinstance(tree, ast.Call):
            return self._call(tree, depth)
        if isinstance(tree, ast.BinOp) and type(tree.op) in operators:
            return self._combine(tree, depth)
        if isinstance(tree, ast.UnaryOp) and type(tree.op) in operators:
            operand = self._value(tree.operand, depth + 1)
            if isinstance(tree.op, ast.USub) and isinstance(tree.operand, ast.Constant) and _is_number(operand):
                return -operand
            return self._compute(tree, operators[type(tree.op)], operand)
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in operators:
            sides = [self._value(side, depth + 1) for side in (tree.left, tree.comparators[0])]
            return self._compute(tree, operators[type(tree.ops[0])], *sides)
        if self._language.lists and isinstance(tree, (ast.List, ast.Tuple)):
            return tuple(self._value(entry, depth + 1) for entry in tree.elts)
        return self._refuse_tree(tree)

    def _plain(self, tree: ast.Constant) -> Any:
        if tree.value is None or isinstance(tree.value, (bool, int, float, str)):
            return tree.value
        return self._refuse(tree, f"{describe(tree.value)} is no argument of a {self._language.noun}")

    def _combine(self, tree: ast.BinOp, depth: int) -> Any:
        """Two operands; of those operators that may be many in a row, all that stand side by side."""
        chain, right = tree.left, [tree.right]
        if isinstance(tree.op, self._language.chained):
            while isinstance(chain, ast.BinOp) and type(chain.op) is type(tree.op):
                right.append(chain.right)
                chain = chain.left
        operands = [self._value(operand, depth + 1) for operand in (chain, *reversed(right))]
        return self._compute(tree, lambda *given: reduce(self._language.operators[type(tree.op)], given), *operands)

    def _call(self, tree: ast.Call, depth: int) -> Any:
        function = self._function(tree.func, depth)
        args = [self._value(arg, depth + 1) for arg in tree.args]
        kwargs: dict[str, Any] = {}
        for keyword in tree.keywords:
            if keyword.arg is None or keyword.arg in kwargs:
                self._refuse(keyword.value, f"{keyword.arg} is given twice" if keyword.arg else "** is not read")
            kwargs[keyword.arg] = self._value(keyword.value, depth + 1)
        if function is abs and not kwargs:
            return self._compute(tree, function, *args)
        return self._make(tree, function, *args, **kwargs)

    def _function(self, tree: ast.expr, depth: int) -> Callable[..., Any]:
        """What is called: a class on the list, or a fluent method of what was read before its dot."""
        readable = self._language.readable
        if isinstance(tree, ast.Name):
            self._refuse_name(tree)
            if tree.id not in readable:
                self._refuse(tree, f"no {self._language.noun} is called {tree.id!r}. {_or_list(tree.id, readable)}")
            return readable[tree.id]
        if isinstance(tree, ast.Attribute):
            owner = self._value(tree.value, depth + 1)
            if not isinstance(owner, self._language.kind):
                self._refuse(tree, f"{describe(owner)} has no methods here")
            if tree.attr not in owner.fluent:
                self._refuse(tree, f"{owner!r} has no method {tree.attr!r}. {_or_list(tree.attr, owner.fluent)}")
            method: Callable[..., Any] = getattr(owner, tree.attr)
            return method
        return self._refuse(tree, self._language.called)

    def _compute(self, tree: ast.expr, function: Callable[..., Any], *operands: Any) -> Any:
        """What an operator makes of values of the language; with plain ones alone nothing is computed."""
        if not any(isinstance(operand, self._language.kind) for operand in operands):
            self._refuse(tree, self._language.computed)
        return self._make(tree, function, *operands)

    def _make(self, tree: ast.expr, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What ``function`` makes, whose errors are told with the place."""
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            return self._refuse(tree, str(error), error)

    def _refuse_tree(self, tree: ast.expr) -> NoReturn:
        if isinstance(tree, (ast.BoolOp, ast.Compare, ast.UnaryOp)):
            self._refuse(tree, self._language.connected)
        if isinstance(tree, ast.Name):
            self._refuse_name(tree)
            known = tree.id in self._language.readable
            call = f"write {tree.id}(...)" if known else self._language.named.format(name=tree.id)
            self._refuse(tree, f"names stand for nothing here: {call}")
        self._refuse(tree, f"this is not among what {self._language.written}")

    def _refuse_name(self, tree: ast.Name) -> None:
        """Refuse what is not read, though Python has it."""
        if tree.id in self._language.refused:
            self._refuse(tree, self._language.refused[tree.id])

    def _refuse_syntax(self, error: SyntaxError) -> NoReturn:
        for name, why in self._language.refused.items():
            if re.search(rf"\b{name}[.(]", self._text):  # its repr need not be Python
                raise ParseError(f"{why}.") from error
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
