"""From engines to records, and from records to whatever hangs on the recorder."""

from .recorder import Recorder

__all__ = ["Recorder"]
