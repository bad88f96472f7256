"""Conditions and expressions as texts: what they are written with.

Classes put themselves on the list (``readable``), their fluent methods are listed in ``Node.fluent``: so this module
knows none of them, and each of them may know it.
"""

from __future__ import annotations

import ast
import operator

from .._utils import reading
from .node import USE_OPERATORS, Node

__all__ = ["read", "readable"]

_LANGUAGE = reading.Language(
    noun="condition",
    kind=Node,
    readable={"abs": abs},
    operators={
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
    },
    chained=(ast.BitAnd, ast.BitOr),
    refused={
        "Predicate": (
            "a Predicate calls a Python function, and reading a text runs none: build it in Python, and combine it "
            "with what is read by & and |"
        ),
        "Score": ("a Score calls a Python function, and reading a text runs none: build what it is part of in Python"),
    },
    computed="this reads no metric and no clock, and plain values are not computed with",
    connected=USE_OPERATORS,
    named="a metric is Metric({name!r})",
    called="only conditions, expressions and their methods can be called",
    written="conditions are written with: calls, numbers, strings and operators",
)

readable = _LANGUAGE.add


def read(text: str) -> Node:
    """The condition or expression that ``text`` writes down.

    Args:
        text: what ``repr`` prints.

    Raises:
        TypeError: where ``text`` is no string.
        ParseError: where it writes anything else, with the place.
    """
    found: Node = reading.read(text, _LANGUAGE)
    return found
