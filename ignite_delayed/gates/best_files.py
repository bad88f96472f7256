"""Files of what was best: written before older ones are removed, read on rank 0 and given to all."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.handlers import Checkpoint, DiskSaver

__all__ = ["BestFiles", "restore_file"]


class BestFiles(DiskSaver):
    """Files in ``folder``. Ignite's ``Checkpoint`` asks for an old one to be removed before it saves the new one."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder, create_dir=True, require_empty=False)
        self._outdated: list[str] = []

    def __call__(self, checkpoint: Mapping[str, Any], filename: str, metadata: Mapping[str, Any] | None = None) -> None:
        super().__call__(checkpoint, filename, metadata)
        while self._outdated:
            if idist.get_rank() == self.save_on_rank:
                # It may be gone: a run that went on after the state was saved has removed it.
                (self.dirname / self._outdated[-1]).unlink(missing_ok=True)
            self._outdated.pop()

    def remove(self, filename: str) -> None:
        """Remove it once the next one is written."""
        self._outdated.append(filename)


def restore_file(path: str | Path | None, objects: Mapping[str, Any]) -> bool:
    """Load what is in the file of rank 0 into ``objects``, on all ranks; whether there was one."""
    data = b""
    if idist.get_rank() == 0 and path is not None:
        if Path(path).exists():
            data = Path(path).read_bytes()
        else:
            warnings.warn(f"{path}, which was the best, is gone: nothing is restored", stacklevel=2)
    data = _of_rank0(data)
    if not data:
        return False
    # The file is our own, of whatever the objects' states are made of.
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
    Checkpoint.load_objects(to_load=dict(objects), checkpoint=state)
    return True


def _of_rank0(data: bytes) -> bytes:
    """``data`` of rank 0, on every rank: the others may not see its files."""
    if idist.get_world_size() == 1:
        return data
    if idist.broadcast(float(len(data)), src=0) == 0:
        return b""
    sent = None
    if idist.get_rank() == 0:
        sent = torch.frombuffer(bytearray(data), dtype=torch.uint8).to(idist.device())
    received: Any = idist.broadcast(sent, src=0, safe_mode=True)
    return bytes(received.cpu().numpy())
