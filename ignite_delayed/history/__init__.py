"""What was seen and decided: records, marks, and the history that holds both."""

from .history import History
from .mark import Best, Mark
from .record import Record

__all__ = ["Best", "History", "Mark", "Record"]
