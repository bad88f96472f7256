"""Live status: what every gate waits for, how near it is, the phases and their rates."""

from __future__ import annotations

from .live import LiveStatus
from .view import Status

__all__ = ["LiveStatus", "Status"]
