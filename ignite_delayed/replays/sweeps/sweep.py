"""sweep: what many rules would have made of many runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple, Protocol, TypeVar, overload, runtime_checkable

from ..._utils.checks import refuse_type, refuse_value
from ...conditions import Condition, ConditionLike, Expression, as_condition
from ...conditions.expression import Mode
from ...errors import HistoryError, SweepInterrupted
from ...history.history import History
from .bar import bar_of
from .judging import Judge, judge_of
from .outcomes import Outcomes, joined, outcomes_of
from .swept import Sweep

__all__ = ["sweep"]

#: Runs that are read and swept at a time, and how many records they may have together, so that memory is bounded.
_RUNS, _RECORDS = 2048, 500_000
#: Seconds of reading after which what was read is swept, so that a slow reader's runs are soon among what was done.
_SECONDS = 1.0
#: The fewest and the most runs that are sent to an executor at a time, and how many blocks are sent ahead.
_FEW, _MANY, _AHEAD = 64, 512, 32


@runtime_checkable
class _Named(Protocol):
    """Runs in order, each read when it is asked for, with names and parameters: what ``Runs`` is."""

    @property
    def names(self) -> list[str]: ...

    @property
    def parameters(self) -> list[dict[str, Any]]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[History]: ...

    @overload
    def __getitem__(self, key: int) -> History: ...
    @overload
    def __getitem__(self, key: slice) -> _Named: ...


class _Block(NamedTuple):
    """Some runs, to be swept together."""

    names: list[str]
    runs: _Named | list[History]


class _Swept(NamedTuple):
    """What came out for a block."""

    names: list[str]
    parameters: list[dict[str, Any]]
    outcomes: Outcomes


#: By what a run is known: its name, or its number.
_Key = TypeVar("_Key", int, str)
_Work = Callable[[_Block], Iterator[_Swept]]


def sweep(
    runs: Iterable[History],
    rules: Iterable[ConditionLike],
    *,
    monitor: str | Expression | None = None,
    mode: Mode | None = None,
    progress: bool | None = None,
    executor: Executor | None = None,
) -> Sweep:
    """What each of ``rules`` would have made of each of ``runs``: where it stops, what is kept, what that costs.

    For a run with the records ``r[0] ... r[n - 1]`` and a rule, with ``x`` the monitor and *better* meaning ``<``
    (``mode="min"``) or ``>`` (``"max"``):

    * the rule **stops** the run at the first ``r[s]`` at which it holds: ``stopped_epoch == r[s].epoch``. Where there
      is none the run is **censored**, ``stopped_epoch`` is NaN, and ``s = n - 1`` below: a longer run might have been
      stopped. So it is for a run that is shorter than the delay of the rule.
    * ``best`` is the best ``x`` of the whole run, ``best_epoch`` where it was seen first; NaN is never better, and both
      are NaN where ``x`` was never a number.
    * ``kept`` is the best ``x`` at or before ``r[s]``, ``kept_epoch`` where. Of an :class:`EarlyStop` on this very
      monitor it is the best that the rule *knows* at ``r[s]``, as :func:`replay` says: with ``while_closed="ignore"``
      nothing from before the delay was over, with ``cumulative=True`` what improved. NaN where it knows none.
    * ``regret = kept - best >= 0`` (``"min"``) or ``best - kept >= 0`` (``"max"``): 0 where they are equal, infinities
      too, NaN where one of them is NaN.
    * ``epochs == r[s].epoch`` were spent and ``saved == r[n - 1].epoch - r[s].epoch`` were not; both are 0 for a run
      without records.

    All of it is what :func:`replay` answers for each run and rule, far faster. Runs are read in blocks, so that memory
    does not grow with them but for the answer: 24 bytes for each run and rule.

    Args:
        runs: what :func:`read_runs` found, or any iterable of histories, which are called ``"0"``, ``"1"``, ...
        rules: conditions, all different; :func:`grid` makes them.
        monitor: by what runs are judged: a metric's name, or an expression. By default what all rules watch.
        mode: which of its values are better; given with ``monitor``.
        progress: whether to show a bar. ``None`` shows one in a terminal, where it takes longer than two seconds and
            ``tqdm`` is installed (``pip install 'ignite-delayed[progress]'``).
        executor: any ``concurrent.futures.Executor``, to spread the blocks: threads, processes, or Dask's
            ``client.get_executor()``. What is sent to processes is pickled: rules with a ``lambda`` cannot be.

    Raises:
        TypeError, ValueError: for any other argument, and where rules watch different things and none was named by
            ``monitor``.
        UnknownMetricError: where a run lacks a metric that a rule or ``monitor`` reads, naming the run.
        HistoryError: where a run cannot be read.
        SweepInterrupted: a ``KeyboardInterrupt``, whose ``partial`` is the sweep of the runs that were done: of all
            that had been read when reading was interrupted; with an executor, of the blocks that had come back.

    Example:
        >>> from ignite_delayed import EarlyStop, Record, grid
        >>> losses = {"a": [0.9, 0.4, 0.5, 0.6, 0.2], "b": [0.9, 0.8, 0.9, 0.9, 0.9]}
        >>> runs = [
        ...     History(Record(epoch=e, iteration=e, values={"loss": x}) for e, x in enumerate(curve, 1))
        ...     for curve in losses.values()
        ... ]
        >>> swept = sweep(runs, grid(EarlyStop, "loss", mode="min", patience=[2, 3]))
        >>> swept.stopped_epoch.tolist(), swept.regret.round(2).tolist()
        ([[4.0, nan], [4.0, 5.0]], [[0.2, 0.0], [0.0, 0.0]])
        >>> swept
        <Sweep of 2 rules over 2 runs by loss (min)>
    """
    listed = _check_rules(rules)
    judge = judge_of(listed, monitor, mode)
    if progress not in (None, True, False):
        refuse_type("progress", "True, False or None", progress)
    if executor is not None and not hasattr(executor, "submit"):
        refuse_type("executor", "a concurrent.futures.Executor", executor)
    count = len(runs) if isinstance(runs, Sized) else None
    size = _RUNS if executor is None else min(max((count or 0) // _AHEAD, _FEW), _MANY)
    work = partial(_sweep_parts, rules=listed, judge=judge)
    done: dict[int, _Swept] = {}
    try:
        with bar_of(progress, count) as bar:
            for place, block in _results(_blocks(runs, size), work, executor):
                done[place] = block
                bar.update(len(block.names))
    except KeyboardInterrupt as interrupt:
        had = _gather(done, listed, judge, whole=False)
        of = "" if count is None else f" of {count:,}"
        raise SweepInterrupted(
            f"interrupted after {len(had):,}{of} runs; .partial is the sweep of those", had
        ) from interrupt
    if not done:
        refuse_value("runs", "at least one run", runs)
    return _gather(done, listed, judge, whole=True)


def _check_rules(rules: Iterable[ConditionLike]) -> list[Condition]:
    """``rules`` as conditions, at least one, and each prints differently."""
    if isinstance(rules, Condition) or not isinstance(rules, Iterable):
        refuse_type("rules", "several rules", rules, "Write [rule], or make them with grid(EarlyStop, ...).")
    listed = [as_condition("an entry of rules", rule) for rule in rules]
    if not listed:
        refuse_value("rules", "at least one rule", listed)
    texts: set[str] = set()
    for rule in listed:
        if repr(rule) in texts:
            refuse_value("rules", "all different", rule, "It is there twice, so that its rows could not be told apart.")
        texts.add(repr(rule))
    return listed


def _blocks(runs: Iterable[History], size: int) -> Iterator[_Block]:
    """The runs in blocks of ``size``; those that are in memory in smaller ones where they are long."""
    if isinstance(runs, (History, Mapping, str)) or not isinstance(runs, Iterable):
        refuse_type("runs", "several histories", runs, "Write [history], or read_runs(path).")
    if isinstance(runs, _Named):
        names = runs.names
        for start in range(0, len(names), size):
            part = slice(start, start + size)
            yield _Block(names[part], runs[part])
        return
    for listed in _parts(_numbered(runs), size):
        yield _Block([str(place) for place, _ in listed], [history for _, history in listed])


def _numbered(runs: Iterable[History]) -> Iterator[tuple[int, History]]:
    for place, history in enumerate(runs):
        if not isinstance(history, History):
            refuse_type("runs", "an iterable of History", history, "Load saved ones with read_runs(path).")
        yield place, history


def _parts(runs: Iterator[tuple[_Key, History]], size: int) -> Iterator[list[tuple[_Key, History]]]:
    """The runs in lists that are neither too many, nor too long, nor read for long; those before an interrupt too."""
    part: list[tuple[_Key, History]] = []
    records, begun = 0, monotonic()
    try:
        for key, history in runs:
            late = monotonic() - begun > _SECONDS
            if part and (late or len(part) == size or records + len(history) > _RECORDS):
                full, part, records = part, [], 0
                yield full
                begun = monotonic()
            part.append((key, history))
            records += len(history)
    except KeyboardInterrupt:
        if part:
            yield part
        raise
    if part:
        yield part


def _sweep_parts(block: _Block, *, rules: list[Condition], judge: Judge) -> Iterator[_Swept]:
    """What the rules make of the runs of a block, which are read here."""
    if isinstance(block.runs, list):  # in memory, and neither too many nor too long
        listed = list(zip(block.names, block.runs, strict=True))
        yield _Swept(block.names, [{} for _ in block.names], outcomes_of(listed, rules, judge))
        return
    read, start = block.runs, 0
    for part in _parts(((name, _read(read, place, name)) for place, name in enumerate(block.names)), len(block.names)):
        end = start + len(part)
        swept = _Swept(block.names[start:end], read[start:end].parameters, outcomes_of(part, rules, judge))
        start = end
        part.clear()  # before more are read
        yield swept


def _sweep_block(block: _Block, work: _Work) -> _Swept:
    """The same of the whole block at once, to be sent back from where it was worked on."""
    parts = list(work(block))
    given = [parameters for part in parts for parameters in part.parameters]
    return _Swept(block.names, given, joined(part.outcomes for part in parts))


def _read(runs: _Named, place: int, name: str) -> History:
    try:
        return runs[place]
    except HistoryError as error:
        raise HistoryError(f"run {name!r}: {error}") from error


def _results(blocks: Iterator[_Block], work: _Work, executor: Executor | None) -> Iterator[tuple[int, _Swept]]:
    """What comes out for the blocks, in whichever order it is done, with numbers in the order of the runs."""
    if executor is None:
        yield from enumerate(part for block in blocks for part in work(block))
        return
    numbered = enumerate(blocks)
    waiting: dict[Future[_Swept], int] = {}
    try:
        while True:
            for place, block in islice(numbered, _AHEAD - len(waiting)):
                waiting[executor.submit(_sweep_block, block, work)] = place
            if not waiting:
                return
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield waiting.pop(future), future.result()
    finally:
        for future in waiting:
            future.cancel()


def _gather(done: dict[int, _Swept], rules: list[Condition], judge: Judge, *, whole: bool) -> Sweep:
    """The sweep of the blocks that were done, in their order."""
    blocks = [done[place] for place in sorted(done)]
    outcomes = joined([block.outcomes for block in blocks]) if blocks else outcomes_of([], rules, judge)
    names = [name for block in blocks for name in block.names]
    parameters = [given for block in blocks for given in block.parameters]
    return Sweep(names, parameters, rules, judge, outcomes, whole=whole)
