"""Runs a function on several real gloo processes and gathers what each returns, or how it ended."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.multiprocessing.spawn import start_processes

__all__ = ["VanishedError", "give_up_soon", "on_ranks"]

# Ranks are forked off a process that has imported all this and done nothing else, which takes no seconds each.
multiprocessing.set_forkserver_preload(["ignite.distributed", "ignite.handlers", "ignite_delayed.lr", "pytest"])

# A busy machine starts processes seconds apart, and stalls each of them at any time. What is waited for comes: it is
# only after give_up_soon() that something does not.
PATIENT, SOON = timedelta(seconds=300), timedelta(seconds=2)


class VanishedError(Exception):
    """Raised by a rank that dies at once, with all that it serves."""


def give_up_soon() -> None:
    """From now on this rank waits for the others as long as SOON: one of them will not come."""
    torch.distributed.distributed_c10d._set_pg_timeout(SOON)  # noqa: SLF001


def _wait_for(folder: Path, names: Iterable[str]) -> None:
    paths = [folder / name for name in names]
    deadline = time.monotonic() + PATIENT.total_seconds()
    while time.monotonic() < deadline and not all(path.exists() for path in paths):
        time.sleep(0.01)


def _store(rank: int, world: int, folder: Path) -> TCPStore:
    """The store that rank 0 serves, on a port that the system chooses: one that was free before may be taken by now."""
    port = folder / "port"
    if rank > 0:
        _wait_for(folder, [port.name])
        return TCPStore("127.0.0.1", int(port.read_text()), world, False, timeout=PATIENT)
    store = TCPStore("127.0.0.1", 0, world, True, timeout=PATIENT, wait_for_workers=False)
    unfinished = port.with_suffix(".unfinished")
    unfinished.write_text(str(store.port))
    unfinished.rename(port)
    return store


def _rank(rank: int, world: int, function: Callable[..., Any], args: Any, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", store=_store(rank, world, folder), timeout=PATIENT, rank=rank, world_size=world
    )
    idist.sync()
    try:
        result: tuple[Any, ...] = ("returned", function(*args))
    except Exception as error:
        result = ("raised", type(error).__name__, str(error))
    unfinished = folder / f"{rank}.unfinished"
    torch.save(result, unfinished)
    unfinished.rename(folder / str(rank))
    if result[:2] == ("raised", VanishedError.__name__):
        os._exit(0)
    # Leave together: rank 0 serves the store, which the others may still be asking who is missing.
    _wait_for(folder, map(str, range(world)))
    os._exit(0)  # gloo's threads may still be waiting for a collective that will never come


def on_ranks(world: int, function: Callable[..., Any], *args: Any, folder: Path) -> list[tuple[Any, ...]]:
    """``("returned", value)`` or ``("raised", type, text)`` of ``function(*args)`` on each rank.

    A rank that raises :class:`VanishedError` is gone at once, and its connections with it.
    """
    start_processes(_rank, (world, function, args, folder), nprocs=world, start_method="forkserver")  # type: ignore[no-untyped-call]
    return [torch.load(folder / str(rank), weights_only=True) for rank in range(world)]
