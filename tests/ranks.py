"""Runs a function on several real gloo processes and gathers what each returns, or how it ended."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from torch.multiprocessing.spawn import start_processes

__all__ = ["on_ranks"]

# Ranks are forked off a process that has imported all this and done nothing else, which takes no seconds each.
multiprocessing.set_forkserver_preload(["ignite.distributed", "ignite.handlers", "ignite_delayed.lr", "pytest"])


def free_port() -> int:
    """A port that nobody listens on: ignite's own default is one fixed port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(folder: str, names: Iterable[str], seconds: float) -> None:
    paths = [Path(folder) / name for name in names]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(path.exists() for path in paths):
        time.sleep(0.01)


def _rank(rank: int, world: int, port: int, seconds: float, function: Callable[..., Any], args: Any, out: str) -> None:
    torch.set_num_threads(1)
    # A busy machine starts processes seconds apart; the time-out is for what they do together.
    (Path(out) / f"{rank}.ready").touch()
    _wait_for(out, [f"{other}.ready" for other in range(world)], 120)
    torch.distributed.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", timeout=timedelta(seconds=seconds), rank=rank, world_size=world
    )
    idist.sync()
    try:
        result: tuple[Any, ...] = ("returned", function(*args))
    except Exception as error:
        result = ("raised", type(error).__name__, str(error))
    unfinished = Path(out) / f"{rank}.unfinished"
    torch.save(result, unfinished)
    unfinished.rename(Path(out) / str(rank))
    # Leave together: rank 0 serves the store, which the others may still be asking who is missing.
    _wait_for(out, map(str, range(world)), 2 * seconds)
    os._exit(0)  # gloo's threads may still be waiting for a collective that will never come


def on_ranks(
    world: int, function: Callable[..., Any], *args: Any, folder: Path, seconds: float = 20.0
) -> list[tuple[Any, ...]]:
    """``("returned", value)`` or ``("raised", type, text)`` of ``function(*args)`` on each rank.

    ``seconds`` is the time-out of the process group.
    """
    arguments = (world, free_port(), seconds, function, args, str(folder))
    start_processes(_rank, arguments, nprocs=world, start_method="forkserver")  # type: ignore[no-untyped-call]
    return [torch.load(folder / str(rank), weights_only=True) for rank in range(world)]
