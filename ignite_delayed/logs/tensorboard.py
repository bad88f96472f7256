"""TensorBoard's event files: records with check sums, of which the scalars are read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._utils.checks import check_flag
from .._utils.extras import require_extra
from ..errors import HistoryError
from ..history import History
from .layout import Layout
from .series import Point, series_history

__all__ = ["event_files", "read_tensorboard"]

_LENGTH = struct.Struct("<QI")  # of the record, and the check sum of that length
_SUM = struct.Struct("<I")
# Scalars are small. Larger records are images and the like, whose check sums would take long and which are not read.
_LARGEST = 4096


def event_files(folder: Path) -> list[Path]:
    """The event files in ``folder``, in the order in which they were begun."""
    return sorted(path for path in folder.glob("*.tfevents.*") if path.is_file())


def read_tensorboard(path: str | Path, *, partial: bool = False, **layout: Any) -> History:
    """The scalars in an event file of TensorBoard, or in those of one folder, which are one run.

    Values are those of the file, which mostly has 32 bits for each: 0.9 comes back as 0.8999999761581421.

    An event file has steps and does not say what they count: ``epoch="step"`` if epochs, otherwise ``epoch_length=``
    or ``epoch=``, the tag of a scalar with the epoch.

    Args:
        path: the file or folder.
        partial: whether a file that was cut short may be read up to there, as that of a run that was killed.
        layout: where the clock is, as for :class:`Layout`.

    Raises:
        ImportError: without tensorboard (``pip install 'ignite-delayed[logs]'``).
        HistoryError: where a file is damaged, naming file and byte, or series do not fit together.

    Source: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
    """
    said, path = Layout(**layout), Path(path)
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        raise HistoryError(f"{path}: no event file (events.out.tfevents.*) in this folder")
    check_flag("partial", partial)
    events = [(where, event) for file in files for where, event in _events(file, partial)]
    start = events[0][1].wall_time if events else None
    points = (point for where, event in events for point in _points(where, event))
    return series_history(points, start, str(path), said)


def _events(path: Path, partial: bool) -> Iterator[tuple[str, Any]]:
    """The events in a file, and where each begins."""
    event = require_extra("tensorboard.compat.proto.event_pb2", "logs").Event
    masked = require_extra("tensorboard.compat.tensorflow_stub.pywrap_tensorflow", "logs").masked_crc32c
    with path.open("rb") as file:
        while True:
            where = f"{path}, byte {file.tell()}"
            head = file.read(_LENGTH.size)
            if not head:
                return
            length, expected = _LENGTH.unpack(head.ljust(_LENGTH.size, b"\0"))
            whole = len(head) == _LENGTH.size
            if whole and masked(head[:8]) != expected:
                raise HistoryError(f"{where}: no record of an event file, or a damaged one")
            body = file.read(length + _SUM.size) if whole else b""
            if not whole or len(body) < length + _SUM.size:
                if partial:
                    return
                raise HistoryError(
                    f"{where}: the last record was cut short. Pass partial=True to read the records before it"
                )
            if length <= _LARGEST:
                if masked(body[:length]) != _SUM.unpack(body[length:])[0]:
                    raise HistoryError(f"{where}: the record is damaged: its check sum differs")
                yield where, event.FromString(body[:length])


def _points(where: str, event: Any) -> Iterator[Point]:
    for value in event.summary.value:
        scalar = _scalar(value)
        if scalar is not None:
            yield Point(where, value.tag, event.step, event.wall_time, scalar)


def _scalar(value: Any) -> float | None:
    """The number that a summary holds; ``None`` for images, texts and the like."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor") or value.tensor.tensor_shape.dim:
        return None
    array = require_extra("tensorboard.util.tensor_util", "logs").make_ndarray(value.tensor)
    return float(array) if array.dtype.kind in "fiub" else None
