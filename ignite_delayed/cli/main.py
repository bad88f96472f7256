"""The entry of the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .._utils.extras import require_extra

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, without the program's name; those of the process by default.

    Returns:
        The exit status: 0; 1 where the command could not do its work; 2 where it was called wrongly. The reason is on
        standard error.
    """
    try:
        require_extra("click", "cli")
    except ImportError as error:
        print(f"ignite-delayed: error: {error}", file=sys.stderr)
        return 1
    from .app import run

    return run(sys.argv[1:] if argv is None else list(argv))
