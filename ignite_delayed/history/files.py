"""Files that appear whole or not at all, also after a power cut, and where several write at once."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, lines: Iterable[str], overwrite: bool) -> None:
    """Write ``lines`` to ``path`` by way of a neighbouring file; a link is followed, and the file's mode kept.

    Raises:
        FileExistsError: where the file exists and ``overwrite`` is false; of several who write at once one succeeds.
        OSError: where there is something else than a file: a folder, a pipe, a device.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target, path)
    if mode is not None and not overwrite:
        raise FileExistsError(_EXISTS.format(path=path))
    unfinished = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.tmp")
    # Exclusively: nobody can have put a link of that name there.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            unfinished.chmod(mode)
        _publish(unfinished, target, path, overwrite)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(target.parent)


_EXISTS = "{path} exists; pass overwrite=True to replace it"


def _mode_of(target: Path, path: Path) -> int | None:
    """The permissions of the file that is there, ``None`` where there is none."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is no regular file but a folder, a pipe or a device: it is not replaced")
    return stat.S_IMODE(found.st_mode)


def _publish(unfinished: Path, target: Path, path: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(unfinished, target)  # fails where the name is taken, in one step
            return
        except FileExistsError:
            raise FileExistsError(_EXISTS.format(path=path)) from None
        except OSError:  # a file system without links: the name is taken first, by whoever comes first
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    unfinished.replace(target)


def _sync_folder(folder: Path) -> None:
    """Let the new name outlast a power cut, where the system can do that for folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
