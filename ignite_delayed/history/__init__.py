"""What was seen and decided: records, marks, and the history that holds both."""

from .history import History, Mark
from .record import Record

__all__ = ["History", "Mark", "Record"]
