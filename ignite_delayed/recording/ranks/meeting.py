"""One collective: each rank brings plain values, all take away those of all; and who is missing where one is."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import ignite.distributed as idist
import torch

from ..._utils.checks import refuse_type, refuse_value
from ...errors import DesyncError
from ..host import group_ranks, group_store, is_no_member, is_process_group

__all__ = ["Errand", "Meeting", "rank_list"]

_LENGTH = 8  # bytes that tell the length of what follows
_ROOM = 4096  # bytes for what follows, until more is needed

_runs = itertools.count(1)


class Errand(NamedTuple):
    """What a rank comes for.

    Args:
        who: what the ranks run, the same on all that come for the same.
        does: what this rank does, without its subject.
        did: what the others should have done as often.
        order: what this rank did at this iteration so far.
        iteration: the trainer's.
        advice: what to do where the ranks do not come alike.
    """

    who: str
    does: str
    did: str
    order: str
    iteration: int
    advice: str = "Run it equally often on all ranks, or name an evaluation on rank 0 alone: evaluate_on='rank0'"


class Meeting:
    """Where the ranks of one recorder meet.

    Args:
        group: the process group of those ranks; ``None`` for all processes.

    Attributes:
        world: the number of processes.
        ranks: as the world counts them, in the order in which the group does.
    """

    def __init__(self, group: Any = None) -> None:
        self._group = _check_group(group)
        self.world, self.ranks = 1, [0]
        self._run = 0
        self._training = ""
        self._room = _ROOM
        self._counts: dict[str, int] = {}

    @property
    def is_first(self) -> bool:
        """Whether this process is the first of them."""
        return bool(idist.get_rank() == self.ranks[0])

    def begin(self, training: str = "") -> None:
        """A run begins: look once how many processes there are, and count from here.

        Args:
            training: which one it is, in words: the same on all ranks that train together.
        """
        self._training = training
        self.ranks = group_ranks(self._group) if self._group is not None else list(range(idist.get_world_size()))
        self.world = len(self.ranks)
        self._run, self._room = next(_runs), _ROOM
        self._counts.clear()

    def count(self, who: str) -> int:
        """How often this rank came for ``who`` in this run."""
        return self._counts.get(who, 0)

    def gather(self, errand: Errand, row: dict[str, Any]) -> list[dict[str, Any]]:
        """What each rank brought, in the order of ranks: one collective unless more is brought than ever before.

        Raises:
            DesyncError: where a rank does not come, or comes for something else.
        """
        if self.world == 1:
            return [row]
        self._counts[errand.who] = self.count(errand.who) + 1
        self._announce(errand)
        brought = json.dumps({"training": self._training, **errand._asdict(), **row}).encode()
        cells = self._exchange(errand, brought)
        longest = max(_length(cell) for cell in cells)
        if longest > self._room:
            self._room = 1 << (longest - 1).bit_length()
            cells = self._exchange(errand, brought)
        try:
            table: list[dict[str, Any]] = [json.loads(cell[_LENGTH : _LENGTH + _length(cell)]) for cell in cells]
        except ValueError as error:
            raise DesyncError(f"the ranks' collectives got mixed up: {error}. {errand.advice}") from error
        _check_errands(dict(zip(self.ranks, table, strict=True)), errand)
        return table

    def _exchange(self, errand: Errand, brought: bytes) -> list[bytes]:
        size = _LENGTH + self._room
        cell = (len(brought).to_bytes(_LENGTH, "big") + brought)[:size].ljust(size, b"\0")
        try:
            numbers = torch.frombuffer(bytearray(cell), dtype=torch.uint8).to(idist.device())
            gathered: Any = idist.all_gather(numbers, group=self._group)
        except RuntimeError as error:
            raise DesyncError(self._who_is_missing(errand, error)) from error
        flat = gathered.cpu().numpy().tobytes()
        return [flat[start : start + size] for start in range(0, len(flat), size)]

    def _key(self, errand: Errand, rank: int) -> str:
        return f"ignite-delayed/{'-'.join(map(str, self.ranks))}/{errand.who}/{rank}"

    def _announce(self, errand: Errand) -> None:
        def announce() -> None:
            store = group_store()
            if store is not None:
                store.set(
                    self._key(errand, idist.get_rank()), f"{self._run} {self.count(errand.who)} {errand.iteration}"
                )

        _answered(announce)

    def _who_is_missing(self, errand: Errand, error: RuntimeError) -> str:
        """Name the ranks that did not come, as far as can still be found out."""
        text = f"rank {idist.get_rank()} {errand.does}, at trainer iteration {errand.iteration}, and not every rank "
        text += "came to agree on it"
        count = self.count(errand.who)
        for rank in self.ranks:
            there: list[str] | None = _answered(functools.partial(_last_seen, self._key(errand, rank)))
            if there is None:
                text += "; the store, which rank 0 keeps, does not answer: rank 0 is gone"
                break
            if not there:
                text += f"; rank {rank} has not {errand.did} at all"
            elif int(there[0]) != self._run:
                text += f"; rank {rank} has not {errand.did} in this run"
            elif int(there[1]) != count:
                text += f"; rank {rank} {errand.did} {there[1]} times, last at iteration {there[2]}"
        return f"{text}. {errand.advice} ({error})"


def _length(cell: bytes) -> int:
    return int.from_bytes(cell[:_LENGTH], "big")


def _check_errands(table: dict[int, dict[str, Any]], errand: Errand) -> None:
    """Refuse rows, by rank, that were brought for different things."""
    _check_trainings(table)
    if len({row["who"] for row in table.values()}) > 1:
        listed = "; ".join(
            f"{row['order']} on rank {rank} at iteration {row['iteration']}" for rank, row in table.items()
        )
        raise DesyncError(f"the ranks do not evaluate in the same order: {listed}. {errand.advice}")
    iterations = {rank: row["iteration"] for rank, row in table.items()}
    if len(set(iterations.values())) > 1:
        listed = ", ".join(f"rank {rank} at iteration {at}" for rank, at in iterations.items())
        raise DesyncError(
            f"the ranks do not evaluate at the same trainer iterations: {listed}. Run {errand.who} equally often on "
            "all of them; an evaluation on rank 0 alone is named by Recorder(..., evaluate_on='rank0')"
        )


def _check_trainings(table: dict[int, dict[str, Any]]) -> None:
    """Refuse rows, by rank, of different trainings."""
    trainings: dict[str, list[int]] = {}
    for rank, row in table.items():
        trainings.setdefault(row["training"], []).append(rank)
    if len(trainings) > 1:
        listed = "; ".join(f"{training} on {rank_list(ranks)}" for training, ranks in trainings.items())
        raise DesyncError(
            f"the ranks do not train alike: {listed}. Trainings that go on side by side agree each in a process group "
            "of its own: Recorder(..., group=torch.distributed.new_group(ranks))"
        )


def rank_list(ranks: list[int]) -> str:
    """``ranks`` in words."""
    return f"rank{'s' * (len(ranks) > 1)} {', '.join(map(str, ranks))}"


def _check_group(group: Any) -> Any:
    """``group`` if it is a process group that this process is in, or ``None``.

    Raises:
        TypeError, ValueError: where it is not.
    """
    hint = "Each process of the group gives torch.distributed.new_group(ranks), which all processes call."
    if group is None:
        return None
    if is_no_member(group):
        refuse_value("group", "a group that this process is in", group, hint)
    if not is_process_group(group):
        refuse_type("group", "a torch.distributed process group", group, hint)
    return group


def _last_seen(key: str) -> list[str]:
    """The run, the count and the iteration at which a rank came for this last; nothing where it never did."""
    store = group_store()
    found: list[str] = store.get(key).decode().split() if store.check([key]) else []
    return found


def _answered(ask: Callable[[], Any]) -> Any:
    """What the store answers; ``None`` where it does not: it lives on rank 0, which may be gone."""
    try:
        return ask()
    except Exception:
        return None
