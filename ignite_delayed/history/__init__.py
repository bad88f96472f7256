"""What was seen and decided: records, marks, and the history that holds both.

* ``record``: one observation; ``mark``: one decision; ``metrics``: values as floats, and who reports which.
* ``history``: both, in order; ``table``: its records in columns; ``columns``: what each record saw, as arrays.
* ``jsonl``, ``lines``: to a file of JSON Lines and back; ``files``: files that appear whole or not at all.
* ``packing``: to a state dict; ``frames``: to pandas; ``html``: in a notebook.
"""

from .history import History
from .mark import Best, Mark
from .record import Record

__all__ = ["Best", "History", "Mark", "Record"]
