"""The flat part of a YAML file, without a package: ``name: value`` lines, as loggers write their settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .text import number_of

__all__ = ["flat_yaml"]

_LINE = re.compile(r"([\w./-]+): +(\S.*)")
_WORDS = {"true": True, "false": False, "null": None, "~": None, ".nan": float("nan"), ".inf": float("inf")}


def flat_yaml(path: Path) -> dict[str, Any]:
    """The numbers, words and flags at the top of the file; what is nested is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.fullmatch(line.rstrip())
        if match is not None and match[2][0] not in "[{&*!|>":
            found[match[1]] = _value(match[2])
    return found


def _value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] != '"':
        return number_of(text)
    try:
        return json.loads(text)
    except ValueError:
        return text
