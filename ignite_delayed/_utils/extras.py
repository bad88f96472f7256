"""Optional packages, imported where they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["require_extra"]


def require_extra(module: str, extra: str) -> Any:
    """``module``, or an ``ImportError`` that names the extra which installs it.

    Raises:
        ImportError: the package is not installed; or, unchanged, what went wrong in a package that is.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ImportError(
            f"{package} is needed for this and is not installed: pip install 'ignite-delayed[{extra}]'"
        ) from error
